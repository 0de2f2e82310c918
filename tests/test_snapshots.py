import multiprocessing
import os
import random
import time
from pathlib import Path

import pytest
import resume_child
import torch
from test_training import fit, net


def test_snapshot_of_another_run_is_refused(tmp_path):
    fit(net(), snapshot=tmp_path / "s.pt")
    with pytest.raises(ValueError, match=r"belongs to another run.*delete it"):
        fit(net(), snapshot=tmp_path / "s.pt", seed=9)


def test_damaged_snapshot_is_named(tmp_path):
    (tmp_path / "s.pt").write_bytes(b"nonsense")
    with pytest.raises(ValueError, match=r"s\.pt cannot be read .*delete it"):
        fit(net(), snapshot=tmp_path / "s.pt")


def test_a_finished_run_is_not_trained_again(tmp_path):
    student = net()
    first = fit(student, snapshot=tmp_path / "s.pt")
    again = net(seed=5)
    assert fit(again, snapshot=tmp_path / "s.pt") == first
    assert all(map(torch.equal, student.parameters(), again.parameters()))


@pytest.fixture(scope="module")
def spawn():
    """Start the child run in processes that are cheap to make and safe to kill."""
    # The fork server finds what it preloads through this variable alone.
    os.environ["PYTHONPATH"] = str(Path(__file__).parent)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["resume_child"])

    def start(*arguments):
        process = context.Process(target=resume_child.run, args=arguments)
        process.start()
        return process

    return start


@pytest.fixture(scope="module")
def undisturbed(spawn, tmp_path_factory):
    """Bytes that the run ends with when nobody kills it, and its seconds."""
    folder = tmp_path_factory.mktemp("undisturbed")
    spawn(folder / "warm-up.pt", folder / "warm-up").join()
    start = time.perf_counter()
    spawn(folder / "s.pt", folder / "result").join()
    return (folder / "result").read_bytes(), time.perf_counter() - start


@pytest.mark.parametrize("point", range(10))
def test_a_run_killed_anywhere_ends_with_the_same_bits(spawn, undisturbed, tmp_path, point):
    expected, seconds = undisturbed
    process = spawn(tmp_path / "s.pt", tmp_path / "result")
    time.sleep(seconds * (point + random.Random(point).random()) / 10)
    process.kill()
    process.join()
    spawn(tmp_path / "s.pt", tmp_path / "result").join()
    assert (tmp_path / "result").read_bytes() == expected


@pytest.mark.parametrize("place", ["write", "rename"])
def test_a_run_killed_inside_a_snapshot_ends_with_the_same_bits(
    spawn, undisturbed, tmp_path, place
):
    process = spawn(tmp_path / "s.pt", tmp_path / "result", place)
    process.join()
    assert process.exitcode == -9 and not (tmp_path / "result").exists()
    assert (tmp_path / "s.pt.part").exists()
    spawn(tmp_path / "s.pt", tmp_path / "result").join()
    assert (tmp_path / "result").read_bytes() == undisturbed[0]
