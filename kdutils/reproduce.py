"""Make the recorded numbers: ``python -m kdutils.reproduce 02_distillation_beats_baseline``.

Runs stand side by side, one thread each, so that a run's bits depend neither on the number of
workers nor on what runs beside it. A recorded run is skipped, an interrupted one goes on from its
last epoch, a failing one is reported at the end.
"""

import argparse
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import joblib
from tqdm.auto import tqdm

from kdutils import data
from kdutils.checkpoints import FOLDER
from kdutils.experiments import EXPERIMENTS, find_recipes
from kdutils.experiments.records import KEY, read_runs, record
from kdutils.experiments.runs import Job, run_job


class Result(NamedTuple):
    """A finished job's row, or the traceback of one that failed."""

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
) -> list[Result]:
    """Make all rows of an experiment that are not recorded yet.

    Args:
        experiment: a key of ``experiments.EXPERIMENTS``.
        seeds: seeds per run, 0..seeds-1; at most what the recipe says if None.
        runs: only these runs.
        workers: processes of one thread each.
        backend: ``loky`` (this machine) or ``dask`` (a cluster that shares this folder).
        scheduler: address of the Dask scheduler; a local cluster if None.
        dataset: run all of it on this data set; each run on its own if None.
        folder: the checkpoints' folder.

    Returns:
        One result per job that was started now.

    Raises:
        ValueError: unknown experiment, run, backend or data set, or a count below 1.
        FileNotFoundError: the data set was not prepared.
    """
    if dataset:
        data.load(dataset)  # rather than fail in each run
    recipes = find_recipes(experiment, dataset)
    known = [recipe.run for recipe in recipes]
    if unknown := set(runs or []) - set(known):
        raise ValueError(f"runs must be among {known}, got {sorted(unknown)}")
    for name, value in (("seeds", seeds), ("workers", workers)):
        if value is not None and value < 1:
            raise ValueError(f"{name} must be >= 1, got {value}")
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
        _parallel(backend, workers, scheduler) as parallel,
        tqdm(total=len(pending), desc="runs", unit="run", leave=False) as bar,
    ):
        while pending:
            # A student starts when the checkpoint it learns from is no longer in the making.
            awaited = {job.checkpoint for job in pending} - {None}
            ready = [job for job in pending if not job.needs & awaited]
            pending = [job for job in pending if job.needs & awaited]
            for result in parallel(joblib.delayed(_attempt)(job, folder) for job in ready):
                if result.row is not None:
                    record(result.row, Path(folder) / result.job.recipe.dataset / "runs.csv")
                    result.job.snapshot.unlink(missing_ok=True)
                results.append(result)
                bar.update()
                bar.write(_line(result))
    return results


def _attempt(job: Job, folder: Path) -> Result:
    try:
        return Result(job, run_job(job, folder), None)
    except Exception:  # one failing run must not end the others; it is reported at the end
        return Result(job, None, traceback.format_exc())


def _line(result: Result) -> str:
    name = f"{result.job.recipe.run} seed {result.job.seed}"
    if result.row is None:
        return f"{name}: FAILED"
    counts = [
        f"{s} {result.row[f'{s}_errors']}" for s in ("val", "test") if f"{s}_errors" in result.row
    ]
    return f"{name}: errors {', '.join(counts)}; {result.row['train_seconds']:.0f} s"


@contextmanager
def _parallel(backend: str, workers: int, scheduler: str | None) -> Iterator[joblib.Parallel]:
    if backend == "loky":
        with joblib.parallel_config("loky", inner_max_num_threads=1):
            yield joblib.Parallel(n_jobs=workers, return_as="generator_unordered")
    elif backend == "dask":
        from distributed import Client

        options = {} if scheduler else {"n_workers": workers, "threads_per_worker": 1}
        with Client(scheduler, **options), joblib.parallel_config("dask"):
            yield joblib.Parallel(return_as="generator_unordered")
    else:
        raise ValueError(f"backend must be 'loky' or 'dask', got {backend!r}")


def main(arguments: list[str] | None = None) -> int:
    """Make the recorded rows of one experiment; return 1 if a run failed."""
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
    failed = [r for r in reproduce(options.pop("experiment"), **options) if r.row is None]
    for result in failed:
        print(f"\n{_line(result)}\n{result.error}", file=sys.stderr)
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
