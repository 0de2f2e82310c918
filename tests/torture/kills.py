"""Runs and writers that are killed, or that stand in each other's way."""

import itertools
import random
import signal
from collections.abc import Iterator
from functools import lru_cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory

import resume_child

from kdutils import checkpoints, models
from kdutils.experiments import records
from torture import processes, things
from torture.cases import Case, is_ours

SNAPSHOT, RESULT = "s.pt", "result"


@lru_cache(maxsize=1)
def _undisturbed() -> tuple[bytes, processes.Steps]:
    """Return the bytes that the run ends with when nobody kills it, and its steps."""
    with TemporaryDirectory() as folder:
        result = Path(folder) / RESULT
        steps = processes.steps(resume_child.run, Path(folder) / SNAPSHOT, result)
        return result.read_bytes(), steps


def runs(rng: random.Random, count: int) -> Iterator[Case]:
    """A run that is killed, wherever and however often, ends with the bits of one that was not."""
    expected, steps = _undisturbed()

    def kill(folder: Path, places: list[int]) -> bool:
        arguments = resume_child.run, folder / SNAPSHOT, folder / RESULT
        codes = [processes.run(*arguments, dies_at=place) for place in places]
        assert codes[:1] in ([], [-signal.SIGKILL]), "it was not killed"
        processes.age(folder)
        processes.run(*arguments)
        right = (folder / RESULT).read_bytes() == expected
        return right and processes.tidy(folder, SNAPSHOT, RESULT)

    def kill_inside(folder: Path, place: str) -> bool:
        code = processes.run(resume_child.run, folder / SNAPSHOT, folder / RESULT, place)
        return code == -signal.SIGKILL and kill(folder, [])

    for place in ("write", "rename"):
        yield Case(f"inside the {place}", partial(kill_inside, place=place))
    for number in range(count - 2):
        places = [steps.draw(rng) for _ in range(rng.choice([1, 1, 2, 3]))]
        yield Case(f"no. {number} at {places}", partial(kill, places=places))


def twice(rng: random.Random, count: int) -> Iterator[Case]:
    """Of two starts of one run both end right, or one says that the other is at work."""
    expected, _ = _undisturbed()

    def start(folder: Path, apart: float) -> bool:
        results = [folder / "first", folder / "second"]
        pairs = [(folder / SNAPSHOT, result) for result in results]
        processes.together(_or_its_error, *pairs, apart=apart)
        found = [path.read_bytes() for path in results]
        wrong = [text for text in found if text != expected and not text.startswith(OURS)]
        assert not wrong, wrong[0][:300]
        return expected in found

    for number in range(count):
        apart = rng.choice([0, rng.random()])
        yield Case(f"no. {number}, {apart:.2f} s apart", partial(start, apart=apart))


OURS = b"said clearly: "


def _or_its_error(snapshot: Path, result: Path) -> None:
    try:
        resume_child.run(snapshot, result)
    except Exception as error:
        clear = is_ours(error) and snapshot.name in str(error)
        result.write_bytes((OURS if clear else b"") + repr(error).encode())


# ---- writers of rows and weights


def writers(rng: random.Random, count: int) -> Iterator[Case]:
    """A writer that is killed leaves the old file or the new one, two do not spoil each other's."""
    with TemporaryDirectory() as folder:
        recorder = processes.steps(_record, Path(folder), 0, 1, 1)
        saver = processes.steps(_save, Path(folder), 0, 2, 1)
    yield Case("two recorders", _two_recorders)
    yield Case("two savers", _two_savers)
    for _ in range(count // 2 - 1):
        place = recorder.draw(rng)
        yield Case(f"a recorder killed at {place}", partial(_kill_a_recorder, place=place))
        place = saver.draw(rng)
        yield Case(f"a saver killed at {place}", partial(_kill_a_saver, place=place))


def _record(folder: Path, first: int, step: int, times: int) -> None:
    for number, (run, seed) in itertools.product(range(times), things.ROWS[first::step]):
        records.record(things.row(run, seed, val_errors=number), folder / "mnist" / "runs.csv")


def _save(folder: Path, first: int, step: int, times: int) -> None:
    for number, name in itertools.product(range(times), things.NAMES[first::step]):
        changes = {"metadata": {"seed": number, "dataset": "mnist"}}
        things.save(folder, name, models.mlp(hidden=2), **changes)


def _kill_a_recorder(folder: Path, place: int) -> bool:
    code = processes.run(_record, folder, 0, 1, 1, dies_at=place)
    assert code == -signal.SIGKILL, "it was not killed"
    found = things.read(folder) if (folder / "mnist").exists() else []
    processes.age(folder)
    _record(folder, 0, 1, 1)
    rows = things.read(folder)
    return len(rows) == len(things.ROWS) and set(found) <= set(rows) and processes.tidy(folder)


def _kill_a_saver(folder: Path, place: int) -> bool:
    things.save(folder, things.NAMES[1])
    code = processes.run(_save, folder, 0, 2, 1, dies_at=place)
    assert code == -signal.SIGKILL, "it was not killed"
    checkpoints.load(things.NAMES[1], folder)
    processes.age(folder)
    things.save(folder)  # what it was about to write can be written again …
    return len(things.loaded(folder)) == 2 and processes.tidy(folder)  # … and nothing lies about


def _two_recorders(folder: Path) -> bool:
    clean = processes.together(_record, (folder, 0, 2, 3), (folder, 1, 2, 3))
    return clean and len(things.read(folder)) == len(things.ROWS) and processes.tidy(folder)


def _two_savers(folder: Path) -> bool:
    """Two processes save both checkpoints at the same time."""
    clean = processes.together(_save, (folder, 0, 1, 5), (folder, 0, 1, 5))
    return clean and len(things.loaded(folder)) == 2 and processes.tidy(folder)
