"""What an injury is, how one sees that it was found, and ways to damage bytes."""

import linecache
import random
import re
import tempfile
import traceback
import warnings
from collections.abc import Callable, Iterable
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import NamedTuple

import torch

import kdutils

PACKAGE = str(Path(kdutils.__file__).parent)


class Case(NamedTuple):
    """One injury, or one harmless thing.

    Attributes:
        what: is done, for the list of what was missed.
        act: does it in an empty folder of its own; True if nothing wrong was taken for right.
        says: what the message of an error must name, a regular expression; None where there
            must be no error.
    """

    what: str
    act: Callable[[Path], bool]
    says: str | None = None


def judge(case: Case, folder: Path) -> str | None:
    """Return what went wrong; None where the injury was found, or did not matter."""
    try:
        right = case.act(folder)
    except Exception as error:
        shown = f"{type(error).__name__}: {str(error)[:150]!r}"
        if case.says is None:
            return f"must work, got {shown}"
        if not is_ours(error):
            return f"raw {shown}"
        return None if re.search(case.says, str(error)) else f"does not name {case.says!r}: {shown}"
    return None if right is True else "taken in silence"


def is_ours(error: Exception) -> bool:
    """Whether a ``raise`` of the package made it, and not whatever came upon the damage."""
    where = traceback.extract_tb(error.__traceback__)[-1]
    line = linecache.getline(where.filename, where.lineno)
    kinds = (ValueError, OSError, RuntimeError)
    return (
        isinstance(error, kinds)
        and where.filename.startswith(PACKAGE)
        and line.strip().startswith("raise ")
    )


def run(cases: Iterable[Case]) -> tuple[int, list[str]]:
    """Try all cases; return how many, and what was missed."""
    tried, missed, threads = 0, [], torch.get_num_threads()
    torch.set_num_threads(1)  # such small nets gain nothing from more, and wait for them
    for case in cases:
        with (
            tempfile.TemporaryDirectory() as folder,
            warnings.catch_warnings(action="ignore"),
            redirect_stdout(StringIO()),
            redirect_stderr(StringIO()),
        ):
            wrong = judge(case, Path(folder))
        tried += 1
        if wrong:
            missed.append(f"{case.what}: {wrong}")
    torch.set_num_threads(threads)
    return tried, missed


# ---- damaged bytes


def flipped(rng: random.Random, content: bytes) -> bytes:
    damaged = bytearray(content)
    damaged[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    return bytes(damaged)


def cut(rng: random.Random, content: bytes) -> bytes:
    return content[: rng.randrange(len(content))]


def emptied(rng: random.Random, content: bytes) -> bytes:
    """Lose a block, as a disk does: zeros in place of up to 512 bytes."""
    start, size = rng.randrange(len(content)), rng.randrange(1, 513)
    return content[:start] + bytes(len(content[start : start + size])) + content[start + size :]


def prolonged(rng: random.Random, content: bytes) -> bytes:
    return content + rng.randbytes(rng.randrange(1, 100))


DAMAGES = (flipped, flipped, flipped, cut, emptied, prolonged)  # as often as they stand here


def damage(rng: random.Random, content: bytes) -> tuple[str, bytes]:
    """Return the name of a kind of damage, by lot, and what it makes of the content."""
    kind = rng.choice(DAMAGES)
    return kind.__name__, kind(rng, content)
