"""Make the recorded numbers: ``python -m kdutils.reproduce 02_distillation_beats_baseline``.

Runs stand side by side, one thread each, so that a run's bits depend neither on the number of
workers nor on what runs beside it. A recorded run is skipped, an interrupted one goes on from its
last epoch; one that fails or whose worker is killed is reported at the end. A second start beside
the first makes what the first is not at, and says so of the rest.
"""

import argparse
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from pathlib import Path
from typing import NamedTuple

from filelock import FileLock, Timeout
from tqdm.auto import tqdm

from kdutils import checks, data
from kdutils.checkpoints import FOLDER
from kdutils.experiments import EXPERIMENTS, find_recipes
from kdutils.experiments.jobs import Job
from kdutils.experiments.records import KEY, read_runs, record
from kdutils.experiments.runs import run_job
from kdutils.files import sweep
from kdutils.workers import Here, Pool, open_pool

BUSY = "another start is making it; start again when that one has ended"
LACKING = "it needs weights that another start is making; start again when that one has ended"
SKIPPED = (BUSY, LACKING)
KILLED = (
    "its worker was killed, perhaps for lack of memory; start again to go on from its last epoch"
)
POLL = 1.0  # seconds between two looks at who is there to work


class Result(NamedTuple):
    """A finished job's row, or why there is none: the traceback of one that failed, or a line."""

    job: Job
    row: dict | None
    error: str | None


def reproduce(
    experiment: str,
    *,
    seeds: int | None = None,
    runs: list[str] | None = None,
    workers: int = 2,
    backend: str = "loky",
    scheduler: str | None = None,
    dataset: str | None = None,
    folder: Path = FOLDER,
    warn_after: float = 30,
    give_up_after: float = 600,
) -> list[Result]:
    """Make all rows of an experiment that are not recorded yet.

    Args:
        experiment: a key of ``experiments.EXPERIMENTS``.
        seeds: seeds per run, 0..seeds-1; at most what the recipe says if None.
        runs: only these runs.
        workers: processes of one thread each; a single one is this process itself.
        backend: ``loky`` (this machine) or ``dask`` (a cluster that shares this folder).
        scheduler: address of the Dask scheduler; a local cluster if None.
        dataset: run all of it on this data set; each run on its own if None.
        folder: the checkpoints' folder. Another one than the project's also holds the snapshots
            and the kept weights of its runs; nothing is then written anywhere else.
        warn_after: seconds without any worker of the cluster after which it says so.
        give_up_after: seconds without any after which all that is left is reported as failed.

    Returns:
        One result per job that was started now.

    Raises:
        ValueError: unknown experiment, run, backend or data set, a count below 1, or a damaged
            table of rows.
        FileNotFoundError: the data set was not prepared.
    """
    recipes = find_recipes(experiment, dataset)
    if dataset:
        data.load(dataset)  # rather than fail in each run
    known = [recipe.run for recipe in recipes]
    if unknown := set(runs or []) - set(known):
        raise ValueError(f"runs must be among {known}, got {sorted(unknown)}")
    checks.number("workers", workers, 1, whole=True)
    if seeds is not None:
        checks.number("seeds", seeds, 1, whole=True)
    folder = Path(folder).resolve()
    recorded = read_runs(experiment, folder, dataset=dataset)
    done = {tuple(row) for row in recorded[KEY].itertuples(index=False)}
    pending = [
        Job(experiment, recipe, seed)
        for recipe in recipes
        if not runs or recipe.run in runs
        for seed in range(min(seeds or recipe.seeds, recipe.seeds))
        if (experiment, recipe.run, seed) not in done
    ]
    print(f"{experiment}: {len(done)} rows recorded, {len(pending)} runs to do")
    results = []
    with (
        open_pool(backend, workers, scheduler) as pool,
        tqdm(total=len(pending), desc="runs", unit="run", leave=False) as bar,
    ):
        for result in _make(pending, folder, pool, warn_after, give_up_after, bar.write):
            results.append(result)
            bar.update()
            bar.write(_line(result))
    return results


def _make(
    pending: list[Job],
    folder: Path,
    pool: Pool,
    warn_after: float,
    give_up_after: float,
    say: Callable[[str], None],
) -> Iterator[Result]:
    running: dict[Future, Job] = {}
    elsewhere: set[str] = set()  # weights that another start is making
    last_seen, warned = time.monotonic(), False
    while pending or running:
        slots = pool.slots()
        # A student starts when the checkpoint it learns from is no longer in the making.
        awaited = {job.checkpoint for job in (*pending, *running.values())} - {None}
        ready = [job for job in pending if not job.needs & awaited]
        if not (ready or running):  # they wait for each other: let each say what it lacks
            ready = pending
        for job in ready[: max(0, max(1, slots) - len(running))]:
            pending.remove(job)
            if job.needs & elsewhere:
                future = Here().submit(Result, job, None, LACKING)
            else:
                future = pool.submit(_attempt, job, folder)
            running[future] = job
        finished = wait(running, min(POLL, warn_after), return_when=FIRST_COMPLETED).done
        for future in finished:
            result = _result(running.pop(future), future, pool.deaths)
            if result.error in SKIPPED and result.job.checkpoint:
                elsewhere.add(result.job.checkpoint)
            yield result
        if slots:
            last_seen, warned = time.monotonic(), False
        alone = time.monotonic() - last_seen
        if alone >= give_up_after:
            reason = f"no worker was there for {give_up_after:g} s"
            yield from (Result(job, None, reason) for job in (*running.values(), *pending))
            return
        if alone >= warn_after and not warned:
            say(f"no worker is there; start one, or this ends in {give_up_after - alone:.0f} s")
            warned = True


def _attempt(job: Job, folder: Path) -> Result:
    """Make and record one run, unless another start is making it or has made it meanwhile."""
    snapshot = job.snapshot(folder)
    try:
        snapshot.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(snapshot.with_suffix(".lock"), timeout=0):
            row = _recorded(job, folder)
            if row is None:
                for path in job.files(folder):
                    sweep(path, idle=0)
                row = run_job(job, folder)
                record(row, folder / job.recipe.dataset / "runs.csv")
                snapshot.unlink(missing_ok=True)
            return Result(job, row, None)
    except Timeout:
        return Result(job, None, BUSY)
    except Exception:  # one failing run must not end the others; it is reported at the end
        return Result(job, None, traceback.format_exc())


def _recorded(job: Job, folder: Path) -> dict | None:
    rows = read_runs(job.experiment, folder, dataset=job.recipe.dataset)
    mine = rows[(rows["run"] == job.recipe.run) & (rows["seed"] == job.seed)]
    return None if mine.empty else mine.iloc[0].dropna().to_dict()


def _result(job: Job, future: Future, deaths: tuple[type[Exception], ...]) -> Result:
    try:
        return future.result()
    except deaths:
        return Result(job, None, KILLED)
    except Exception:  # e.g. a cluster whose scheduler ended
        return Result(job, None, traceback.format_exc())


def _line(result: Result) -> str:
    name = f"{result.job.recipe.run} seed {result.job.seed}"
    if result.row is None:
        outcome = "skipped" if result.error in SKIPPED else "FAILED"
        return f"{name}: {outcome}: {result.error.strip().splitlines()[-1]}"
    counts = [
        f"{s} {result.row[f'{s}_errors']}" for s in ("val", "test") if f"{s}_errors" in result.row
    ]
    return f"{name}: errors {', '.join(counts)}; {result.row['train_seconds']:.0f} s"


def main(arguments: list[str] | None = None) -> int:
    """Make the recorded rows of one experiment; return 1 if one is still missing."""
    parser = argparse.ArgumentParser(prog="python -m kdutils.reproduce", description=main.__doc__)
    parser.add_argument("experiment", choices=sorted(EXPERIMENTS))
    parser.add_argument("--seeds", type=int, help="seeds per run, at most the recipe's number")
    parser.add_argument("--runs", nargs="+", help="only these runs")
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="one thread each")
    parser.add_argument("--backend", choices=["loky", "dask"], default="loky")
    parser.add_argument("--scheduler", help="address of a Dask scheduler")
    parser.add_argument("--dataset", help="run all of it on this data set, e.g. svhn")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where rows and weights go")
    options = vars(parser.parse_args(arguments))
    missing = [r for r in reproduce(options.pop("experiment"), **options) if r.row is None]
    for result in missing:
        print(
            f"\n{result.error}\n{_line(result)}" if "\n" in result.error else _line(result),
            file=sys.stderr,
        )
    return int(bool(missing))


if __name__ == "__main__":
    sys.exit(main())
