"""Processes that are cheap to make and safe to kill, and what they leave behind."""

import itertools
import json
import multiprocessing
import os
import random
import signal
import sys
import threading
import time
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from tqdm.auto import tqdm

from kdutils import files


@lru_cache(maxsize=1)
def _context() -> multiprocessing.context.BaseContext:
    # The fork server finds what it preloads through this variable alone.
    tests = str(Path(__file__).parents[1])
    os.environ["PYTHONPATH"] = os.pathsep.join([tests, os.environ.get("PYTHONPATH", "")])
    context = multiprocessing.get_context("forkserver")
    # The first optimizer of a process asks for torch._dynamo, a second of imports.
    context.set_forkserver_preload(["torture", "torch._dynamo"])
    return context


def start(target, *arguments, dies_at: int = 0) -> multiprocessing.Process:
    """Start something in a process that is killed at one of its steps, see :func:`steps`.

    So that no busy machine moves the blow, and each can be struck again.
    """
    process = _context().Process(target=_call, args=(dies_at, target, *arguments))
    process.start()
    return process


def _call(dies_at: int, target, *arguments) -> None:
    # tqdm's own lock is one between processes, which a killed one leaves to the system.
    tqdm.set_lock(threading.RLock())
    if dies_at:
        number = itertools.count(1)

        def step(frame, event, argument) -> None:
            if next(number) == dies_at:
                os.kill(os.getpid(), signal.SIGKILL)

        sys.setprofile(step)
    target(*arguments)


def run(target, *arguments, dies_at: int = 0) -> int:
    """Run something in a process; return how that ended."""
    process = start(target, *arguments, dies_at=dies_at)
    process.join()
    return process.exitcode


class Steps(NamedTuple):
    """How many steps something has, and which of them are in the writing of files."""

    count: int
    writing: list[int]

    def draw(self, rng: random.Random) -> int:
        """Return a step by lot: any one, or as likely one of those."""
        return rng.choice([rng.randint(1, self.count), rng.choice(self.writing)])


def steps(target, *arguments) -> Steps:
    """Run something in a process; return its steps: begin and end of each call, of C's too."""
    with TemporaryDirectory() as folder:
        run(_counted, Path(folder) / "steps", target, *arguments)
        return Steps(*json.loads((Path(folder) / "steps").read_text()))


def _counted(path: Path, target, *arguments) -> None:
    number, writing = 0, []

    def step(frame, event, argument) -> None:
        nonlocal number
        number += 1
        if frame.f_code.co_filename == files.__file__:
            writing.append(number)

    sys.setprofile(step)
    target(*arguments)
    sys.setprofile(None)
    path.write_text(json.dumps([number, writing]))


def together(target, *arguments: tuple, apart: float = 0) -> bool:
    """Run something in a process for each of the arguments; whether all ended well."""
    processes = []
    for each in arguments:
        processes.append(start(target, *each))
        time.sleep(apart)
    for process in processes:
        process.join()
    return all(process.exitcode == 0 for process in processes)


def age(folder: Path) -> None:
    """Let temporary files be old: a fresh one may belong to a writer that is at work."""
    for path in folder.rglob("*.part"):
        os.utime(path, (0, 0))


def tidy(folder: Path, *wanted: str) -> bool:
    """Whether nothing is left but what was made, and locks."""
    ours = (".csv", ".json", ".safetensors", ".lock", *wanted)
    found = [path.name for path in folder.rglob("*") if path.is_file()]
    left = [name for name in found if name.startswith(".tmp") or not name.endswith(ours)]
    assert not left, f"left {left}"
    return True
