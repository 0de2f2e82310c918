from pathlib import Path

import pytest
import torch
from test_training import fit, net, split
from torch import nn

from kdutils import objectives, training
from kdutils.data import Split


def of_another_rule(student, batch):
    return objectives.hard_labels()(student, batch._replace(labels=(batch.labels + 1) % 3))


def teach(alpha):
    return objectives.distillation(net(seed=7), temperature=4.0, alpha=alpha)


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        ({"seed": 9}, "seed 0, not 9"),
        ({"lr": 0.02}, r"lr 0\.01, not 0\.02"),
        ({"objective": of_another_rule}, r"objective '.*', not 'of_another_rule\(\)'"),
        ({"augment": lambda x, generator: x}, "augment 'NoneType"),
        ({"student": net(seed=5)}, "initial weights"),
        ({"student": nn.Sequential(nn.Flatten(), nn.Linear(16, 3))}, "initial weights"),
        ({"name": "other"}, "name '', not 'other'"),
    ],
)
def test_snapshot_of_another_run_is_refused_with_what_differs(tmp_path, change, difference):
    fit(net(), snapshot=tmp_path / "s.pt")
    change = dict(change)
    with pytest.raises(ValueError, match=rf"another run: it has .*{difference}.*Delete that file"):
        fit(change.pop("student", net()), snapshot=tmp_path / "s.pt", **change)


def test_snapshots_tell_data_and_an_objective_s_numbers_apart(tmp_path):
    fit(net(), teach(alpha=0.5), snapshot=tmp_path / "s.pt")
    with pytest.raises(ValueError, match=r"alpha=0\.5.*not .*alpha=0\.6"):
        fit(net(), teach(alpha=0.6), snapshot=tmp_path / "s.pt")
    data = split()
    options = {"epochs": 1, "batch_size": 20, "progress": False, "snapshot": tmp_path / "t.pt"}
    hard = objectives.hard_labels()
    training.fit(net(), data, hard, **options)
    for other, what in (
        (Split(data.images, data.labels.flip(0)), "labels"),
        (Split(data.images + 1e-6, data.labels), "images"),
    ):
        with pytest.raises(ValueError, match=f"it has {what} "):
            training.fit(net(), other, hard, **options)


def test_a_damaged_snapshot_is_deleted_and_the_run_starts_over(tmp_path):
    path = tmp_path / "s.pt"
    expected = fit(net(), snapshot=path)
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 1
    for damaged in (b"", b"nonsense", whole[:-1], bytes(flipped)):
        path.write_bytes(damaged)
        with pytest.warns(UserWarning, match=r"s\.pt was damaged .*starts over"):
            assert fit(net(), snapshot=path) == expected
        assert path.read_bytes() != damaged


def test_a_full_disk_is_named_and_leaves_the_snapshot_before(tmp_path, monkeypatch):
    path, calls = tmp_path / "s.pt", []

    def full(self, data):
        calls.append(1)
        if len(calls) == 2:
            raise OSError(28, "No space left on device")
        return original(self, data)

    original = Path.write_bytes
    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match=r"s\.pt cannot be written .*before it is still whole"):
        fit(net(), snapshot=path)
    monkeypatch.undo()
    undisturbed = net()
    fit(undisturbed)
    resumed = net()
    fit(resumed, snapshot=path)
    assert all(map(torch.equal, undisturbed.parameters(), resumed.parameters()))


def test_a_finished_run_is_not_trained_again(tmp_path):
    student = net()
    first = fit(student, snapshot=tmp_path / "s.pt")
    again = net()
    calls = []
    assert fit(again, snapshot=tmp_path / "s.pt", on_epoch=calls.append) == first and not calls
    assert all(map(torch.equal, student.parameters(), again.parameters()))
