"""The table of recorded runs, ``checkpoints/<dataset>/runs.csv``: one row per run and seed."""

from pathlib import Path

import pandas as pd
from filelock import FileLock

from kdutils.checkpoints import FOLDER
from kdutils.files import replacing
from kdutils.recipes import find_recipes

KEY = ["experiment", "run", "seed"]
COLUMNS = (
    "experiment run dataset model method temperature alpha seed epochs train_seconds device "
    "precision params val_errors val_n test_errors test_n test_nll test_ece extra"
).split()


def read_runs(experiment: str, folder: Path = FOLDER) -> pd.DataFrame:
    """Return the recorded rows of an experiment, ordered by run and seed.

    Args:
        experiment: a key of ``recipes.EXPERIMENTS``, the stem of its notebook.
        folder: the checkpoints' folder.

    Raises:
        ValueError: unknown experiment.
    """
    recipes = find_recipes(experiment)
    path = Path(folder) / recipes[0].dataset / "runs.csv"
    table = _read_table(path)
    return table[table["experiment"] == experiment].sort_values(KEY).reset_index(drop=True)


def _read_table(path: Path) -> pd.DataFrame:
    if not path.is_file():
        return pd.DataFrame(columns=COLUMNS)
    return pd.read_csv(
        path,
        dtype={"val_errors": "Int64", "val_n": "Int64", "test_errors": "Int64", "test_n": "Int64"},
    )


def record(row: dict, path: Path) -> None:
    """Add a row, in place of an older one of the same run and seed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_name(f".{path.name}.lock")):
        table = _read_table(path)
        same = (table[KEY] == [row[key] for key in KEY]).all(axis=1)
        new = pd.DataFrame([row], columns=COLUMNS)
        table = new if table[~same].empty else pd.concat([table[~same], new])
        with replacing(path) as part:
            table.sort_values(KEY).to_csv(part, index=False)
