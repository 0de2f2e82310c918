"""What is unusual but right must go on working."""

import json
import os
import random
import shutil
from collections.abc import Callable, Iterator
from contextlib import chdir
from copy import deepcopy
from pathlib import Path
from unittest import mock

import numpy as np
import pandas as pd
import torch

from kdutils import (
    checkpoints,
    data,
    evidence,
    losses,
    metrics,
    models,
    objectives,
    teachers,
    training,
)
from kdutils.data import Split, augment
from kdutils.experiments import records
from torture import things
from torture.cases import Case
from torture.snapshots import FILE

HARMLESS: dict[str, Callable[[Path], bool]] = {}


def harmless(act: Callable[[Path], bool]) -> Callable[[Path], bool]:
    HARMLESS[act.__name__.replace("_", " ")] = act
    return act


def cases(rng: random.Random, count: int) -> Iterator[Case]:
    found = [Case(what, act) for what, act in HARMLESS.items()]
    yield from rng.sample(found, min(count, len(found)))


# ---- snapshots


def _goes_on(path: Path | str, **options) -> bool:
    """Whether a run goes on from a snapshot after two epochs, and ends as without one."""
    seen = []
    right = things.trained()
    found = things.trained(snapshot=path, on_epoch=lambda h: seen.append(h.epochs), **options)
    return found == right and seen == [3, 4]


@harmless
def a_snapshot_at_another_path(folder):
    things.snapshot_after(folder / FILE, 2)
    (folder / "else where").mkdir()
    return _goes_on((folder / FILE).rename(folder / "else where" / "o.pt"))


@harmless
def a_snapshot_by_a_relative_path_as_text(folder):
    with chdir(folder):
        things.snapshot_after(Path(FILE), 2)
        return _goes_on(FILE)


@harmless
def a_snapshot_and_the_half_written_one_of_a_kill(folder):
    things.snapshot_after(folder / FILE, 2)
    for name in (f"{FILE}.part", f".{FILE}.part", f"{FILE}.lock", f".{FILE}.lock"):
        (folder / name).write_bytes(b"half")
    return _goes_on(folder / FILE)


@harmless
def a_snapshot_and_pictures_that_lie_elsewhere_in_memory(folder):
    things.snapshot_after(folder / FILE, 2)
    images = things.SPLIT.images.clone(memory_format=torch.channels_last)
    labels = torch.stack([things.SPLIT.labels, things.SPLIT.labels], 1)[:, 0]
    return _goes_on(folder / FILE, split=Split(images, labels))


@harmless
def a_snapshot_and_a_net_that_was_asked_before(folder):
    things.snapshot_after(folder / FILE, 2)
    student = things.net()
    training.evaluate(student, things.SPLIT)
    return _goes_on(folder / FILE, student=student)


@harmless
def a_snapshot_of_a_finished_run(folder):
    first = things.trained(snapshot=folder / FILE)
    return things.trained(snapshot=folder / FILE) == first == things.trained()


@harmless
def two_runs_with_snapshots_in_one_folder(folder):
    things.snapshot_after(folder / "other.pt", 1, seed=1)
    things.snapshot_after(folder / FILE, 2)
    return _goes_on(folder / FILE)


# ---- rows


def _table(folder: Path, change: Callable[[list[str]], list[str]], end: str = "\n") -> list[tuple]:
    """Write a table, change its lines, and return what is read."""
    path = things.table(folder)
    lines = change(path.read_text().splitlines())
    path.write_bytes((end.join(lines) + end).encode())
    return things.read(folder)


def _all_rows(folder: Path) -> list[tuple]:
    things.table(folder / "all")
    return things.read(folder / "all")


def _without_check(lines: list[str]) -> list[str]:
    """Take the checksums off, as the rows of an older version have none."""
    if not lines[0].endswith(",check"):
        return lines
    return [line.rpartition(",")[0] for line in lines]


def _values(rows: list[tuple]) -> list[tuple]:
    """Return the rows' cells in the columns that every version has."""
    return [row[: len(things.row())] for row in rows]


@harmless
def a_row_deleted_by_hand(folder):
    rows = _all_rows(folder)
    return _table(folder, lambda lines: lines[:3] + lines[4:]) == rows[:2] + rows[3:]


@harmless
def all_rows_deleted_by_hand(folder):
    return _table(folder, lambda lines: lines[:1]) == []


@harmless
def rows_in_another_order(folder):
    rows = _all_rows(folder)
    return _table(folder, lambda lines: [lines[0], *lines[:0:-1]]) == rows


@harmless
def rows_of_an_older_version(folder):
    return _values(_table(folder, _without_check)) == _values(_all_rows(folder))


@harmless
def a_row_added_to_rows_of_an_older_version(folder):
    _table(folder, lambda lines: _without_check(lines)[:-1])
    records.record(things.row(*things.ROWS[-1]), folder / "mnist" / "runs.csv")
    return _values(things.read(folder)) == _values(_all_rows(folder))


@harmless
def line_ends_of_another_system(folder):
    return _table(folder, list, "\r\n") == _all_rows(folder)


@harmless
def no_line_end_after_the_last_row(folder):
    path = things.table(folder)
    path.write_text(path.read_text().rstrip("\n"))
    return things.read(folder) == _all_rows(folder)


@harmless
def a_row_made_anew(folder):
    path = things.table(folder)
    records.record(things.row(test_errors=77), path)
    return [row[15] for row in things.read(folder)][:2] == ["77", "141"]


@harmless
def a_row_with_few_cells(folder):
    names = ("experiment", "run", "dataset", "seed", "test_errors")
    row = {name: value for name, value in things.row().items() if name in names}
    records.record(row, folder / "mnist" / "runs.csv")
    return len(things.read(folder)) == 1


@harmless
def rows_that_pandas_wrote_again(folder):
    path = things.table(folder)
    pd.read_csv(path).drop(index=2).to_csv(path, index=False)
    rows = _all_rows(folder)
    return things.read(folder) == rows[:2] + rows[3:]


@harmless
def extra_files_beside_the_table(folder):
    path = things.table(folder)
    for name in ("notes.txt", "runs.csv.bak", ".runs.csv.lock", "runs.csv.part"):
        path.with_name(name).write_text("not a table")
    return things.read(folder) == _all_rows(folder)


@harmless
def seeds_in_another_order(folder):
    baseline = pd.Series([150.0, 140, 145], index=[0, 1, 2])
    method = pd.Series([80.0, 75, 72], index=[0, 1, 2])
    return evidence.verdict(baseline, method[::-1]) == evidence.verdict(baseline, method)


# ---- checkpoints


def _checkpoints(folder: Path) -> list:
    for name in things.NAMES:
        things.save(folder, name)
    return things.loaded(folder)


@harmless
def checkpoints_at_another_path(folder):
    before = _checkpoints(folder / "here")
    return things.loaded((folder / "here").rename(folder / "over there")) == before


@harmless
def checkpoints_by_a_relative_path_as_text(folder):
    before = _checkpoints(folder / "here")
    with chdir(folder):
        return things.loaded("here") == before


@harmless
def checkpoints_behind_a_link(folder):
    before = _checkpoints(folder / "here")
    (folder / "link").symlink_to(folder / "here", target_is_directory=True)
    return things.loaded(folder / "link") == before


@harmless
def checkpoints_that_nobody_may_write(folder):
    before = _checkpoints(folder)
    paths = [*folder.rglob("*"), folder]
    for path in paths:
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        return things.loaded(folder) == before
    finally:
        for path in paths:
            path.chmod(0o755)


@harmless
def extra_files_beside_the_checkpoints(folder):
    before = _checkpoints(folder)
    for name in ("notes.txt", "student.safetensors.part", ".tmpabc", "extra.safetensors"):
        (folder / "mnist" / name).write_text("nothing of ours")
    return things.loaded(folder) == before


@harmless
def a_manifest_in_another_layout(folder):
    before = _checkpoints(folder)
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps(dict(reversed(manifest.items())), indent=4))
    return things.loaded(folder) == before


@harmless
def an_entry_deleted_from_the_manifest(folder):
    _checkpoints(folder)
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps({things.NAMES[1]: manifest[things.NAMES[1]]}))
    checkpoints.load(things.NAMES[1], folder)
    things.save(folder)
    return len(things.loaded(folder)) == 2


@harmless
def a_checkpoint_saved_again(folder):
    _checkpoints(folder)
    things.save(folder, things.NAMES[0], models.mlp(hidden=2))
    return len(things.loaded(folder)) == 2


# ---- prepared data


def _loads(folder: Path | str, path: Path, **environment: str) -> data.Dataset:
    with mock.patch.dict(os.environ, KDUTILS_DATA=str(folder), **environment):
        return data.load(path.stem)


@harmless
def prepared_data_in_a_relative_folder(folder):
    path = things.prepared(folder)
    with chdir(folder.parent):
        return (
            len(_loads(folder.name, path).test) == 10
            and len(_loads(f"./{folder.name}/", path).test) == 10
        )


@harmless
def prepared_data_that_was_moved(folder):
    path = things.prepared(folder)
    (folder / "b").mkdir()
    return len(_loads(folder / "b", Path(shutil.move(path, folder / "b"))).test) == 10


@harmless
def prepared_data_beside_other_files(folder):
    path = things.prepared(folder)
    (folder / "cifar10.npz").write_bytes(b"not of interest now")
    (folder / "svhn.npz.part").write_bytes(b"half")
    return len(_loads(folder, path).test) == 10


@harmless
def prepared_data_that_nobody_vouches_for_when_asked_for(folder):
    path = things.prepared(folder, "svhn10k")
    return "unverified" in _loads(folder, path, KDUTILS_UNVERIFIED="1").origin


# ---- calls


@harmless
def numbers_of_numpy(folder):
    z = torch.ones(2, 3)
    same = torch.equal(losses.soften(z, np.float32(2)), losses.soften(z, 2))
    models.create("mlp", hidden=np.int64(4), dropout=np.float64(0.5))
    things.fit(epochs=np.int64(1), seed=np.int64(3), lr=np.float64(0.1))
    return same and metrics.errors(z, torch.zeros(2, dtype=torch.int64)) == 0


@harmless
def whole_numbers_for_fractions(folder):
    z = torch.zeros(2, 3)
    loss = losses.hard_and_soft_loss(z, z, torch.tensor([0, 1]), temperature=4, alpha=1)
    return float(loss) == 0 and things.fit(lr=1, weight_decay=0, epochs=1).epochs == 1


@harmless
def logits_of_half_precision(folder):
    z, labels = torch.randn(6, 3).half(), torch.arange(6) % 3
    metrics.negative_log_likelihood(z.float(), labels)
    return float(losses.kd_loss(z, z, 2.0)) == 0 and metrics.errors(z.bfloat16(), labels) <= 6


@harmless
def a_single_picture_and_a_single_class(folder):
    one = things.SPLIT.subset(torch.tensor([3]))
    wrong = training.evaluate(things.net(), one)
    return wrong in (0, 1) and len(metrics.per_class(torch.eye(3)[:1], torch.tensor([0]))) == 3


@harmless
def pictures_of_bytes_and_a_boolean_mask(folder):
    half = Split(things.PICTURES, things.SPLIT.labels).subset(torch.arange(60) < 40)
    model = models.create("mlp", hidden=4)
    images = half.images.repeat(1, 1, 4, 4)[:, :, :28, :28]
    return training.predict_logits(model, images).shape == (40, 10) and len(half) == 40


@harmless
def labels_of_few_of_the_classes(folder):
    some = things.SPLIT.subset(things.SPLIT.labels != 1)
    return things.fit(split=some, val=some).epochs == 4


@harmless
def batches_of_one_without_batch_norm(folder):
    student = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 3))
    return things.fit(student, batch_size=1, epochs=1).epochs == 1


@harmless
def a_device_by_name_or_as_one(folder):
    return things.trained(device="cpu") == things.trained(device=torch.device("cpu"))


@harmless
def an_objective_without_a_net(folder):
    """Some objectives look at the weights alone."""

    def norm(student, batch):
        return sum(p.square().sum() for p in student.parameters())

    return things.fit(objective=norm, epochs=1).epochs == 1


# ---- teachers


def _learns_from(teacher: teachers.Teacher, **options) -> bool:
    objective = objectives.distillation(teacher, temperature=2.0, alpha=0.5)
    return things.fit(objective=objective, **options).epochs == 4


@harmless
def a_teacher_that_is_a_copy_of_the_student(folder):
    student = things.net()
    objective = objectives.distillation(deepcopy(student), temperature=2.0, alpha=0.5)
    return things.fit(student, objective=objective).epochs == 4


@harmless
def a_teacher_that_remembers_or_is_asked_live_with_augmentation(folder):
    return all(
        _learns_from(teacher, augment=augment.flip)
        for teacher in (things.net(5), teachers.Remembering(things.net(5)))
    )


@harmless
def a_teacher_s_logits_of_half_precision(folder):
    logits = training.predict_logits(things.net(5), things.SPLIT.images)
    return _learns_from(logits.half()) and _learns_from(logits.double())


@harmless
def a_teacher_that_is_used_for_two_students(folder):
    logits = training.predict_logits(things.net(5), things.SPLIT.images)
    objective = objectives.distillation(logits, temperature=2.0, alpha=0.5)
    return things.trained(objective=objective) == things.trained(objective=objective)
