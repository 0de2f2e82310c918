import json
from concurrent.futures import BrokenExecutor, Future
from contextlib import nullcontext
from dataclasses import replace

import pandas as pd
import pytest
import torch
from filelock import FileLock

from kdutils import checkpoints, reproduce
from kdutils.experiments import EXPERIMENTS, jobs, records
from kdutils.experiments.jobs import Job
from kdutils.experiments.records import read_runs
from kdutils.reproduce import main
from kdutils.workers import Here


@pytest.fixture
def inline(monkeypatch):
    """Run jobs in this process, where monkeypatching reaches them."""
    monkeypatch.setattr(reproduce, "open_pool", lambda *_: nullcontext(Here()))


def test_teachers_come_first_rows_are_whole_and_weights_are_shipped(
    tiny, tmp_path, snapshots, inline
):
    results = reproduce.reproduce(tiny, folder=tmp_path)
    assert [r.error for r in results] == [None] * 6
    order = [(r.job.recipe.run, r.job.seed) for r in results]
    assert order.index(("teacher", 0)) < order.index(("student-kd", 0))
    table = read_runs(tiny, tmp_path)
    assert list(table.columns) == records.COLUMNS and len(table) == 6
    row = table[(table["run"] == "student-kd") & (table["seed"] == 1)].iloc[0]
    assert (row["model"], row["temperature"], row["alpha"]) == ("mlp-16", 4.0, 0.9)
    assert (row["test_n"], row["epochs"], row["params"]) == (1000, 2, 784 * 16 + 16 + 272 + 170)
    assert pd.isna(row["val_errors"]) and 0 < row["test_errors"] < 1000
    assert json.loads(row["extra"]) == {
        "teacher": "mnist-sample/teacher",
        "torch": torch.__version__,
    }
    assert set(checkpoints.read_manifest(tmp_path)) == {
        "mnist-sample/student-kd",
        "mnist-sample/teacher",
    }
    assert not list(snapshots.rglob("*.pt"))


def test_recorded_runs_are_skipped_and_a_deleted_row_comes_back_equal(
    tiny, tmp_path, snapshots, inline
):
    reproduce.reproduce(tiny, folder=tmp_path)
    assert reproduce.reproduce(tiny, folder=tmp_path) == []
    path = tmp_path / "mnist-sample" / "runs.csv"
    table = pd.read_csv(path)
    before = read_runs(tiny, tmp_path).drop(columns="train_seconds")
    table.drop(index=2).to_csv(path, index=False)
    assert len(reproduce.reproduce(tiny, folder=tmp_path)) == 1
    pd.testing.assert_frame_equal(read_runs(tiny, tmp_path).drop(columns="train_seconds"), before)


def test_one_failing_run_is_reported_and_the_others_finish(
    tiny, tmp_path, snapshots, inline, monkeypatch, capsys
):
    good = EXPERIMENTS[tiny]
    bad = replace(good[1], run="bad", size={"hidden": 0})
    monkeypatch.setitem(EXPERIMENTS, tiny, (bad, *good))
    assert main([tiny, "--seeds", "1", "--folder", str(tmp_path)]) == 1
    message = capsys.readouterr().err
    assert "bad seed 0: FAILED" in message and "hidden must be >= 1, got 0" in message
    assert set(read_runs(tiny, tmp_path)["run"]) == {good[0].run, good[1].run, good[2].run}


@pytest.mark.parametrize("backend", ["loky", "dask"])
def test_workers_in_other_processes_give_the_same_row(tmp_path, monkeypatch, backend):
    # Other processes see the real recipes only: replace the work, keep the machinery.
    monkeypatch.setattr(reproduce, "_attempt", fake_attempt)
    experiment = "02_distillation_beats_baseline"
    results = reproduce.reproduce(
        experiment, runs=["student-hard"], seeds=2, backend=backend, folder=tmp_path
    )
    assert sorted(r.row["seed"] for r in results) == [0, 1]
    assert read_runs(experiment, tmp_path)["test_errors"].tolist() == [100, 101]


def fake_attempt(job, folder):
    row = {"experiment": job.experiment, "run": job.recipe.run, "dataset": "mnist"}
    row |= {"seed": job.seed, "test_errors": 100 + job.seed, "train_seconds": 1.0}
    records.record(row, folder / "mnist" / "runs.csv")
    return reproduce.Result(job, row, None)


class Deadly(Here):
    """A pool in which the worker of every seed 1 is killed."""

    deaths = (BrokenExecutor,)

    def submit(self, function, job, folder):
        if job.seed == 0:
            return super().submit(function, job, folder)
        future = Future()
        future.set_exception(BrokenExecutor("a process was terminated abruptly"))
        return future


def test_a_killed_worker_fails_its_own_run_and_the_others_go_on(
    tiny, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(reproduce, "open_pool", lambda *_: nullcontext(Deadly()))
    monkeypatch.setattr(reproduce, "run_job", quick_job)
    assert main([tiny, "--folder", str(tmp_path)]) == 1
    printed = capsys.readouterr()
    for run in ("teacher", "student-hard", "student-kd"):
        line = f"{run} seed 1: FAILED: its worker was killed, perhaps for lack of memory"
        assert line in printed.out and line in printed.err
    assert "terminated abruptly" not in printed.err
    assert read_runs(tiny, tmp_path)["seed"].tolist() == [0, 0, 0]


class NoWorkers:
    """A cluster whose workers are all gone."""

    deaths = ()

    def slots(self):
        return 0

    def submit(self, function, *arguments):
        return Future()


def test_a_cluster_without_workers_says_so_and_comes_to_an_end(tiny, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(reproduce, "open_pool", lambda *_: nullcontext(NoWorkers()))
    results = reproduce.reproduce(tiny, folder=tmp_path, warn_after=0.05, give_up_after=0.2)
    assert len(results) == 6 and {r.error for r in results} == {"no worker was there for 0.2 s"}
    assert capsys.readouterr().out.count("no worker is there; start one, or this ends in") == 1


def test_workers_that_come_back_in_time_go_on(tiny, tmp_path, monkeypatch):
    away = iter([0, 0, 0])
    pool = Here()
    pool.slots = lambda: next(away, 1)
    monkeypatch.setattr(reproduce, "open_pool", lambda *_: nullcontext(pool))
    monkeypatch.setattr(reproduce, "_attempt", lambda job, _: reproduce.Result(job, ROW, None))
    results = reproduce.reproduce(tiny, folder=tmp_path, warn_after=0.01, give_up_after=60)
    assert [r.row for r in results] == 6 * [ROW]


ROW = {"test_errors": 1, "train_seconds": 1.0}


def test_a_run_that_another_start_is_making_is_skipped_and_said_so(
    tiny, tmp_path, inline, monkeypatch, capsys
):
    monkeypatch.setattr(reproduce, "run_job", quick_job)
    recipe = EXPERIMENTS[tiny][1]
    snapshot = Job(tiny, recipe, 1).snapshot(tmp_path)
    snapshot.parent.mkdir(parents=True)
    with FileLock(snapshot.with_suffix(".lock")):
        assert main([tiny, "--folder", str(tmp_path)]) == 1
    line = "student-hard seed 1: skipped: another start is making it"
    printed = capsys.readouterr()
    assert line in printed.out and line in printed.err
    assert len(read_runs(tiny, tmp_path)) == 5
    assert main([tiny, "--folder", str(tmp_path)]) == 0
    assert len(read_runs(tiny, tmp_path)) == 6


def test_students_of_a_teacher_that_another_start_is_making_are_skipped_too(
    tiny, tmp_path, inline, monkeypatch, capsys
):
    monkeypatch.setattr(reproduce, "run_job", quick_job)
    (teacher,) = [r for r in EXPERIMENTS[tiny] if r.run == "teacher"]
    snapshot = Job(tiny, teacher, 0).snapshot(tmp_path)
    snapshot.parent.mkdir(parents=True)
    with FileLock(snapshot.with_suffix(".lock")):
        assert main([tiny, "--folder", str(tmp_path)]) == 1
    said = capsys.readouterr().err
    assert "teacher seed 0: skipped: another start" in said and "FAILED" not in said
    for seed in (0, 1):
        assert f"student-kd seed {seed}: skipped: it needs weights that another" in said
    assert len(read_runs(tiny, tmp_path)) == 3


def quick_job(job, folder):
    row = {"experiment": job.experiment, "run": job.recipe.run, "dataset": job.recipe.dataset}
    return row | {"seed": job.seed, "train_seconds": 1.0}


def test_a_run_that_another_start_has_made_meanwhile_is_not_made_again(
    tiny, tmp_path, inline, monkeypatch
):
    made = []

    def with_another_start_beside(job, folder):
        for recipe in EXPERIMENTS[tiny]:
            for seed in (0, 1):
                other = Job(tiny, recipe, seed)
                if other != job and reproduce._recorded(other, folder) is None:
                    records.record(quick_job(other, folder), folder / "mnist-sample" / "runs.csv")
        made.append(job)
        return quick_job(job, folder)

    monkeypatch.setattr(reproduce, "run_job", with_another_start_beside)
    results = reproduce.reproduce(tiny, folder=tmp_path)
    assert len(made) == 1 and len(results) == 6 and all(r.row for r in results)


def test_what_a_killed_start_left_half_written_is_removed_by_the_next(
    tiny, tmp_path, inline, monkeypatch
):
    monkeypatch.setattr(reproduce, "run_job", quick_job)
    (teacher,) = [r for r in EXPERIMENTS[tiny] if r.run == "teacher"]
    state, weights = Job(tiny, teacher, 0).files(tmp_path)
    assert weights == tmp_path / "mnist-sample" / "teacher.safetensors"
    halves = [p.with_name(f"{p.name}.{'0' * 16}.part") for p in (state, weights)]
    for half in halves:
        half.parent.mkdir(parents=True, exist_ok=True)
        half.touch()
    reproduce.reproduce(tiny, folder=tmp_path)
    assert not any(half.exists() for half in halves)


def test_another_folder_holds_all_that_is_written(tiny, tmp_path, inline, monkeypatch):
    (tmp_path / "read-only").touch()  # no folder can be made in there
    for name in ("SNAPSHOTS", "KEPT"):
        monkeypatch.setattr(jobs, name, tmp_path / "read-only" / name.lower())
    kept = replace(EXPERIMENTS[tiny][1], ship=0, keep=True)
    monkeypatch.setitem(EXPERIMENTS, tiny, (kept,))
    (result,) = reproduce.reproduce(tiny, folder=tmp_path / "elsewhere", seeds=1)
    assert result.error is None
    manifest = checkpoints.read_manifest(tmp_path / "elsewhere" / "kept")
    assert set(manifest) == {"mnist-sample/student-hard"}
    assert (tmp_path / "elsewhere" / "snapshots" / tiny).is_dir()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"runs": ["student-kdd"]}, "runs must be among"),
        ({"seeds": 0}, "seeds must be >= 1"),
        ({"workers": 0}, "workers must be >= 1"),
        ({"backend": "spark"}, "backend must be"),
        ({"dataset": "svnh"}, "dataset must be one of .* got 'svnh'; close: svhn"),
        ({"dataset": ""}, "dataset must be one of"),
    ],
)
def test_bad_options_are_refused(tiny, tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        reproduce.reproduce(tiny, folder=tmp_path, **options)
