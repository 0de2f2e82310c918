"""Starts of the command that makes the rows: killed, doubled, with workers that are killed."""

import importlib
import os
import random
import signal
from collections.abc import Iterator
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from functools import lru_cache, partial
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock

import torch

from kdutils import checkpoints, data, reproduce
from kdutils.experiments import EXPERIMENTS, records
from kdutils.experiments.recipe import Recipe
from kdutils.files import ROOT
from kdutils.settings import Settings
from torture import processes, things
from torture.cases import Case

TINY = "00_tiny"
DATASET = "mnist-sample"  # in name only: made-up pictures take its place
WEIGHTS = (f"{DATASET}/teacher", f"{DATASET}/student")


def _recipes() -> tuple[Recipe, ...]:
    common = {"dataset": DATASET, "seeds": 2, "training": Settings(epochs=3, batch_size=20)}
    soft = {"teacher": WEIGHTS[0], "temperature": 4.0, "alpha": 0.5}
    return (
        Recipe("student", "kd", size={"hidden": 8}, ship=1, **soft, **common),
        Recipe("teacher", "hard", size={"hidden": 16, "dropout": 0.2}, ship=1, **common),
    )


def _dots() -> data.Dataset:
    part = things.DIGITS
    return data.Dataset(DATASET, "made up", data.DIGITS, part, part.subset(torch.arange(30)), part)


def _known() -> ExitStack:
    """Make experiment and data set known for a while."""
    stack = ExitStack()
    embedded = importlib.import_module("kdutils.data.load").EMBEDDED
    stack.enter_context(mock.patch.dict(embedded, {DATASET: _dots}))
    stack.enter_context(mock.patch.dict(EXPERIMENTS, {TINY: _recipes()}))
    return stack


def _reproduce(folder: Path) -> None:
    with _known(), redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        reproduce.reproduce(TINY, workers=1, folder=folder)


def _made(folder: Path) -> tuple:
    """Return all rows, but for the time they took, and all weights."""
    with _known():
        rows = records.read_runs(TINY, folder).drop(columns="train_seconds")
    nets = [checkpoints.load(name, folder).state_dict() for name in WEIGHTS]
    weights = [{name: tensor.tolist() for name, tensor in net.items()} for net in nets]
    return rows.astype(str).to_numpy().tolist(), weights


@lru_cache(maxsize=1)
def _undisturbed() -> tuple[tuple, processes.Steps]:
    with TemporaryDirectory() as folder:
        steps = processes.steps(_reproduce, Path(folder))
        return _made(Path(folder)), steps


def cases(rng: random.Random, count: int) -> Iterator[Case]:
    """Whatever befell its starts, the last one ends with the rows and weights of a quiet one."""
    right, steps = _undisturbed()

    def act(folder: Path, places: list[int], apart: float | None) -> bool:
        if apart is None:
            codes = [processes.run(_reproduce, folder, dies_at=place) for place in places]
            assert codes[0] == -signal.SIGKILL, "it was not killed"
        else:
            processes.together(_reproduce, (folder,), (folder,), apart=apart)
        processes.age(folder)
        return (
            processes.run(_reproduce, folder) == 0
            and _made(folder) == right
            and processes.tidy(folder)
            and not any((ROOT / "data").rglob(f"*{TINY}*"))  # nothing is kept elsewhere
        )

    for number in range(count):
        places = [steps.draw(rng) for _ in range(rng.choice([1, 2, 3]))]
        apart = rng.random() / 2 if number % 4 == 1 else None
        what = f"killed at {places}" if apart is None else f"twice, {apart:.2f} s apart"
        yield Case(what, partial(act, places=places, apart=apart))


# ---- workers


def workers(rng: random.Random, count: int) -> Iterator[Case]:
    """When a worker is killed its run is reported as failed, and all the others are made."""

    def act(folder: Path, doomed: tuple[str, int]) -> bool:
        attempt = partial(_doomed, doomed=doomed)
        options = ["--runs", *{run for run, _ in things.ROWS}, "--folder", str(folder)]
        said = StringIO()
        with mock.patch.object(reproduce, "_attempt", attempt), redirect_stderr(said):
            code = reproduce.main([things.EXPERIMENT, "--workers", "2", *options])
        made = {(row[1], int(row[7])) for row in things.read(folder)}
        named = "{} seed {}: FAILED".format(*doomed) in said.getvalue()
        return code == 1 and named and made == set(things.ROWS) - {doomed}

    for doomed in rng.sample(things.ROWS, min(count, len(things.ROWS))):
        yield Case("killed in {} seed {}".format(*doomed), partial(act, doomed=doomed))


def _doomed(job: reproduce.Job, folder: Path, doomed: tuple[str, int]) -> reproduce.Result:
    """Stand in for a run: end in a kill if it is the doomed one."""
    if (job.recipe.run, job.seed) == doomed:
        os.kill(os.getpid(), signal.SIGKILL)
    row = things.row(job.recipe.run, job.seed)
    records.record(row, folder / "mnist" / "runs.csv")
    return reproduce.Result(job, row, None)
