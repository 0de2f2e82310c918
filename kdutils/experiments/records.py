"""The table of recorded runs, ``checkpoints/<dataset>/runs.csv``: one row per run and seed."""

import io
import json
from pathlib import Path

import pandas as pd
from filelock import FileLock

from kdutils.checkpoints import FOLDER
from kdutils.experiments import find_recipes
from kdutils.experiments.recipe import SHIFTS
from kdutils.experiments.table import CHECK, COLUMNS, KEY, new_line, read_lines, write_lines
from kdutils.files import sweep


def read_runs(
    experiment: str, folder: Path = FOLDER, *, dataset: str | None = None
) -> pd.DataFrame:
    """Return the recorded rows of an experiment, ordered by run and seed.

    Args:
        experiment: a key of ``experiments.EXPERIMENTS``, the stem of its notebook.
        folder: the checkpoints' folder.
        dataset: the one it was moved to, as for :func:`experiments.find_recipes`.

    Raises:
        ValueError: unknown experiment or data set, or a damaged table; names file and line.
    """
    datasets = sorted({recipe.dataset for recipe in find_recipes(experiment, dataset)})
    tables = [_read_table(Path(folder) / name / "runs.csv") for name in datasets]
    table = pd.concat(tables) if len(tables) > 1 else tables[0]
    return table[table["experiment"] == experiment].sort_values(KEY).reset_index(drop=True)


def read_curves(experiment: str, folder: Path = FOLDER) -> pd.DataFrame:
    """Return what raising the biases of unseen classes did to each recorded run.

    Returns:
        Columns ``run, seed, shift`` and, for both splits, ``<split>_errors`` in total,
        ``<split>_class_errors`` among the unseen classes and ``<split>_mass``, the mean
        probability of those (not recorded for every run); one row per shift. Runs that saw every
        class are left out.

    Raises:
        ValueError: as :func:`read_runs`.
    """
    curves = []
    for row in read_runs(experiment, folder).itertuples():
        extra = json.loads(row.extra) if isinstance(row.extra, str) else {}
        if "unseen" not in extra:
            continue
        columns = {
            f"{split}_{name}": values
            for split in ("val", "test")
            for name, values in extra.get(f"{split}_curve", {}).items()
        }
        shifts = SHIFTS[: len(next(iter(columns.values())))]
        curves.append(pd.DataFrame({"run": row.run, "seed": row.seed, "shift": shifts, **columns}))
    return pd.concat(curves, ignore_index=True) if curves else pd.DataFrame()


def at_shift(curves: pd.DataFrame, run: str, choose: str | float | None) -> pd.DataFrame:
    """Return a run's rows of :func:`read_curves`, one per seed, at one shift each.

    Args:
        curves: from :func:`read_curves`.
        run: the run's name.
        choose: split whose errors choose each seed's shift, the lowest of equals: ``val``, or
            ``test`` for the shift that nobody could know; None for no shift. A number is the
            known frequency of the unseen classes: the shift at which their mean probability on
            the validation pictures comes closest to it, which needs no label.

    Raises:
        ValueError: unknown run or split, or a number where no probabilities were recorded.
    """
    mine = curves[curves["run"] == run]
    if mine.empty:
        raise ValueError(f"run must be one of {sorted(set(curves['run']))}, got {run!r}")
    if choose is None:
        return mine[mine["shift"] == 0].set_index("seed")
    if choose in ("val", "test"):
        distance = mine[f"{choose}_errors"]
    elif isinstance(choose, float) and "val_mass" in mine and mine["val_mass"].notna().all():
        distance = (mine["val_mass"] - choose).abs()
    else:
        raise ValueError(
            f"choose must be 'val', 'test', None or, with recorded probabilities, a frequency, "
            f"got {choose!r} for run {run!r}"
        )
    return mine.loc[distance.groupby(mine["seed"]).idxmin()].set_index("seed")


def _read_table(path: Path) -> pd.DataFrame:
    lines = read_lines(path)
    if not lines:
        return pd.DataFrame(columns=COLUMNS)
    counts = dict.fromkeys(["val_errors", "val_n", "test_errors", "test_n"], "Int64")
    text = "".join(line.whole() for line in lines)
    return pd.read_csv(io.StringIO(text), names=[*COLUMNS, CHECK], usecols=COLUMNS, dtype=counts)


def record(row: dict, path: Path) -> None:
    """Add a row, in place of an older one of the same run and seed; the others keep their bytes.

    Args:
        row: values by column; those that were not measured may be left out.
        path: ``<folder>/<dataset>/runs.csv``.

    Raises:
        ValueError: an unknown or missing column, a value out of range, or a damaged table.
    """
    new = new_line(row, path.parent.name)
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_name(f".{path.name}.lock")):
        sweep(path, idle=0)
        write_lines({line.key: line for line in [*read_lines(path), new]}.values(), path)
