"""Snapshots that are damaged, or of another run."""

import inspect
import random
import resource
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from kdutils import objectives, training
from kdutils.data import Split
from torture import processes, things
from torture.cases import Case, damage

FILE = "s.pt"
SAYS = r"\bs\.pt\b"


def damaged(rng: random.Random, count: int) -> Iterator[Case]:
    """It is refused, or the run starts over: no other weights and no other history come of it."""
    right = things.trained(val=things.SPLIT)
    with TemporaryDirectory() as folder:
        whole = things.snapshot_after(Path(folder) / FILE, 2, val=things.SPLIT)

    def resume(folder: Path, content: bytes) -> bool:
        (folder / FILE).write_bytes(content)
        return things.trained(val=things.SPLIT, snapshot=folder / FILE) == right

    for number in range(count):
        kind, content = damage(rng, whole)
        yield Case(f"{kind} no. {number}", partial(resume, content=content), SAYS)


def _one_pixel() -> Split:
    images = things.SPLIT.images.clone()
    images[7, 0, 3, 3] += 0.1
    return Split(images, things.SPLIT.labels)


def _smooth() -> dict:
    # Two closures look alike: their names tell them apart, where a caller gives them.
    can_name = "name" in inspect.signature(training.fit).parameters
    smooth = {"objective": objectives.label_smoothing(0.2)}
    return {**smooth, "name": "smooth"} if can_name else smooth


# What differs -> the arguments of the second run, made anew for each use.
OTHERS = {
    "objective": _smooth,
    "one pixel": lambda: {"split": _one_pixel()},
    "two labels exchanged": lambda: {
        "split": Split(things.SPLIT.images, things.SPLIT.labels[[1, 0, *range(2, 60)]])
    },
    "order of the samples": lambda: {"split": things.SPLIT.subset(torch.arange(60).flip(0))},
    "initial weights": lambda: {"student": things.net(seed=1)},
    "architecture": lambda: {"student": things.net(hidden=9)},
    "augmentation": lambda: {"augment": lambda images, generator: images.flip(3)},
    "early stopping": lambda: {"val": things.SPLIT, "early_stopping": True},
    "validation split": lambda: {"val": things.SPLIT.subset(torch.arange(30))},
    "seed": lambda: {"seed": 1},
    "learning rate": lambda: {"lr": 0.02},
    "epochs": lambda: {"epochs": 5},
}


def foreign(rng: random.Random, count: int) -> Iterator[Case]:
    """A run that differs in one thing does not take over the other's state."""

    def resume(folder: Path, options, after: int) -> bool:
        things.snapshot_after(folder / FILE, after)
        return things.trained(**options(), snapshot=folder / FILE) == things.trained(**options())

    cases = [
        Case(f"another {what}, {after} epochs", partial(resume, options=o, after=after), SAYS)
        for what, o in OTHERS.items()
        for after in (1, 2, 4)
    ]
    yield from rng.sample(cases, min(count, len(cases)))


# ---- what can happen besides


def mishaps(rng: random.Random, count: int) -> Iterator[Case]:
    """What else befalls a run leaves files and net as they were, and says what happened."""
    yield Case("disk full", _disk_full, SAYS)
    yield Case("a snapshot that would run code", _pickle_bomb, SAYS)
    yield Case("an objective that fails", _failing)


def _disk_full(folder: Path) -> bool:
    """Leave no room for a second snapshot: the first must stay whole."""
    things.snapshot_after(folder / FILE, 1)
    before = (folder / FILE).read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) // 2, limits[1]))
    try:
        things.fit(snapshot=folder / FILE)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert (folder / FILE).read_bytes() == before and processes.tidy(folder, FILE)
    return False


class _Bomb:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return Path.touch, (self.path,)


def _pickle_bomb(folder: Path) -> bool:
    torch.save({"student": _Bomb(folder / "exploded")}, folder / FILE)
    try:
        return things.trained(snapshot=folder / FILE) == things.trained()
    finally:
        assert not (folder / "exploded").exists(), "it ran"


def _failing(folder: Path) -> bool:
    """An error in an objective reaches the caller as it is, and the net keeps its mode."""

    def objective(student, batch):
        raise KeyError("mine")

    student = things.net().eval()
    try:
        things.fit(student, objective=objective)
    except KeyError as error:
        return error.args == ("mine",) and not student.training
    return False
