import json

import pandas as pd
import pytest

from kdutils import records
from kdutils.checkpoints import FOLDER
from kdutils.recipes import EXPERIMENTS


def row(seed=0, **changes):
    return {
        "experiment": "tiny",
        "run": "teacher",
        "dataset": "mnist-sample",
        "seed": seed,
    } | changes


def test_rows_come_back_in_order_with_counts_as_whole_numbers(tiny, tmp_path):
    path = tmp_path / "mnist-sample" / "runs.csv"
    for seed in (1, 0):
        records.record(row(seed, test_errors=50 + seed, alpha=0.5), path)
    table = records.read_runs(tiny, tmp_path)
    assert list(table.columns) == records.COLUMNS
    assert table["test_errors"].tolist() == [50, 51] and table["test_errors"].dtype == "Int64"
    assert table["val_errors"].isna().all()


def test_a_second_row_of_the_same_run_and_seed_takes_the_first_ones_place(tiny, tmp_path):
    path = tmp_path / "mnist-sample" / "runs.csv"
    records.record(row(0, test_errors=50), path)
    records.record(row(1, test_errors=60), path)
    records.record(row(0, test_errors=70), path)
    assert records.read_runs(tiny, tmp_path)["test_errors"].tolist() == [70, 60]


def test_nothing_recorded_is_an_empty_table(tiny, tmp_path):
    assert records.read_runs(tiny, tmp_path).empty


def test_unknown_experiment_is_refused():
    with pytest.raises(ValueError, match="experiment must be one of"):
        records.read_runs("99_nothing")


# ---- the rows that the project ships


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_every_recipe_has_its_rows_and_every_row_its_recipe(experiment):
    table = records.read_runs(experiment)
    wanted = {(r.run, seed) for r in EXPERIMENTS[experiment] for seed in range(r.seeds)}
    assert set(zip(table["run"], table["seed"], strict=True)) == wanted
    for recipe in EXPERIMENTS[experiment]:
        mine = table[table["run"] == recipe.run]
        assert set(mine["epochs"]) == {recipe.training.epochs}
        assert set(mine["model"]) == {recipe.model_name}
        assert mine["test_errors"].notna().all() == recipe.measure_test
        assert all(json.loads(extra) == recipe.extra() for extra in mine["extra"])
        for name in ("temperature", "alpha"):
            expected = getattr(recipe, name)
            values = mine[name]
            assert values.isna().all() if expected is None else set(values) == {expected}


def test_recorded_rows_of_one_comparison_come_from_one_kind_of_device():
    for path in FOLDER.glob("*/runs.csv"):
        table = pd.read_csv(path)
        assert (table.groupby("experiment")[["device", "precision"]].nunique() == 1).all().all()


def test_at_alpha_0_the_temperature_cannot_matter():
    table = records.read_runs("02_distillation_beats_baseline")
    zero = table[table["run"].str.startswith("alpha-sweep-a0-")]
    assert len(zero) == 3 and zero["val_errors"].nunique() == 1


def test_the_distilled_student_uses_the_best_cell_of_the_sweep_on_validation():
    experiment = "02_distillation_beats_baseline"
    table = records.read_runs(experiment)
    sweep = table[table["run"].str.startswith("alpha-sweep")]
    best = sweep.loc[sweep["val_errors"].astype(int).idxmin()]
    (kd,) = [r for r in EXPERIMENTS[experiment] if r.run == "student-kd"]
    assert (kd.temperature, kd.alpha) == (best["temperature"], best["alpha"])
