import json
from dataclasses import replace

import pandas as pd
import pytest

from kdutils.checkpoints import FOLDER
from kdutils.experiments import EXPERIMENTS, records
from kdutils.experiments.n08_quantized_svhn import CHOSEN, TAUGHT, TEMPERATURE_GRID
from kdutils.experiments.recipe import SHIFTS
from kdutils.files import ROOT


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


def test_curves_come_back_one_row_per_shift(tiny, tmp_path):
    path = tmp_path / "mnist-sample" / "runs.csv"
    errors = list(range(len(SHIFTS)))
    extra = {"unseen": [3], "test_curve": {"errors": errors, "class_errors": errors[::-1]}}
    records.record(row(0, extra=json.dumps(extra)), path)
    records.record(row(1, extra="{}"), path)
    curves = records.read_curves(tiny, tmp_path)
    assert curves["shift"].tolist() == list(SHIFTS) and set(curves["seed"]) == {0}
    assert curves["test_errors"].tolist() == errors and "val_errors" not in curves
    assert curves["test_class_errors"].tolist() == errors[::-1]


def test_a_shift_is_chosen_per_seed_on_the_named_split():
    curves = pd.DataFrame(
        {
            "run": "omit",
            "seed": [0, 0, 0, 1, 1, 1],
            "shift": [0, 1, 2] * 2,
            "val_errors": [9, 4, 4, 9, 8, 7],
            "test_errors": [90, 80, 70, 95, 85, 89],
        }
    )
    assert records.at_shift(curves, "omit", None)["test_errors"].tolist() == [90, 95]
    assert records.at_shift(curves, "omit", "val")["test_errors"].tolist() == [80, 89]
    assert records.at_shift(curves, "omit", "test")["shift"].tolist() == [2, 1]
    with pytest.raises(ValueError, match="run must be one of"):
        records.at_shift(curves, "omitted", "val")
    with pytest.raises(ValueError, match="choose must be"):
        records.at_shift(curves, "omit", "train")
    with pytest.raises(ValueError, match=r"with recorded probabilities, a frequency, got 0\.1"):
        records.at_shift(curves, "omit", 0.1)
    curves["val_mass"] = [0.02, 0.09, 0.3, 0.0, 0.02, 0.11]
    assert records.at_shift(curves, "omit", 0.1)["shift"].tolist() == [1, 2]


def test_rows_of_an_older_shorter_grid_of_shifts_stay_readable(tiny, tmp_path):
    path = tmp_path / "mnist-sample" / "runs.csv"
    extra = {"unseen": [3], "val_curve": {"errors": [3, 2], "class_errors": [2, 1]}}
    records.record(row(0, extra=json.dumps(extra)), path)
    assert records.read_curves(tiny, tmp_path)["shift"].tolist() == list(SHIFTS[:2])


def test_an_experiment_may_use_two_data_sets(tiny, tmp_path, monkeypatch):
    recipes = EXPERIMENTS[tiny]
    other = replace(recipes[1], run="elsewhere", dataset="street-digits")
    monkeypatch.setitem(EXPERIMENTS, tiny, (*recipes, other))
    records.record(row(run="student-hard"), tmp_path / "mnist-sample" / "runs.csv")
    records.record(
        row(run="elsewhere", dataset="street-digits"), tmp_path / "street-digits" / "runs.csv"
    )
    table = records.read_runs(tiny, tmp_path)
    assert table["run"].tolist() == ["elsewhere", "student-hard"]


def test_without_unseen_classes_there_are_no_curves(tiny, tmp_path):
    assert records.read_curves(tiny, tmp_path).empty


@pytest.mark.parametrize("read", [records.read_runs, records.read_curves])
def test_unknown_experiment_is_refused(read):
    with pytest.raises(ValueError, match="experiment must be one of"):
        read("99_nothing")


# ---- the rows that the project ships


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_every_recipe_has_its_rows_and_every_row_its_recipe(experiment):
    table = records.read_runs(experiment)
    wanted = {(r.run, seed) for r in EXPERIMENTS[experiment] for seed in range(r.seeds)}
    recorded = set(zip(table["run"], table["seed"], strict=True))
    assert recorded <= wanted
    if (ROOT / "notebooks" / f"{experiment}.ipynb").exists():  # else it is still in the making
        assert recorded == wanted
    for recipe in EXPERIMENTS[experiment]:
        mine = table[table["run"] == recipe.run]
        if mine.empty:
            continue
        assert set(mine["epochs"]) == {recipe.training.epochs if recipe.training else 0}
        assert set(mine["model"]) == {recipe.model_name}
        assert mine["test_errors"].notna().all() == recipe.measure_test
        measured = {"torch", *recipe.reports}
        measured |= {"val_curve", "test_curve"} if recipe.transfer else set()
        for extra in map(json.loads, mine["extra"]):
            assert {k: v for k, v in extra.items() if k not in measured} == json.loads(
                json.dumps(recipe.extra())
            )
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
    assert zero.groupby("seed").size().tolist() == 6 * [3]
    assert (zero.groupby("seed")["val_errors"].nunique() == 1).all()


def test_the_distilled_student_uses_the_best_cell_of_the_sweep_on_validation():
    experiment = "02_distillation_beats_baseline"
    table = records.read_runs(experiment)
    sweep = table[table["run"].str.startswith("alpha-sweep") & (table["seed"] == 0)]
    best = sweep.loc[sweep["val_errors"].astype(int).idxmin()]
    (kd,) = [r for r in EXPERIMENTS[experiment] if r.run == "student-kd"]
    assert (kd.temperature, kd.alpha) == (best["temperature"], best["alpha"])


def test_at_temperature_1_the_factor_cannot_matter():
    table = records.read_runs("03_temperature_sweep").set_index(["run", "seed"])["test_errors"]
    assert table["w30-t1"].tolist() == table["w30-t1-no-square"].tolist()


def test_curves_pass_through_the_recorded_errors_and_see_more_as_the_bias_rises():
    experiment = "04_omitted_digit"
    table = records.read_runs(experiment).set_index(["run", "seed"])
    for (run, seed), curve in records.read_curves(experiment).groupby(["run", "seed"]):
        at_zero = curve[curve["shift"] == 0].iloc[0]
        assert at_zero["val_errors"] == table.loc[(run, seed), "val_errors"]
        assert curve["val_class_errors"].is_monotonic_decreasing


def test_digits_are_omitted_at_the_temperature_with_the_fewest_errors_on_those_seen():
    experiment = "04_omitted_digit"
    curves = records.read_curves(experiment)
    start = curves[curves["run"].str.startswith("sweep-omit") & (curves["shift"] == 0)]
    seen = (start["val_errors"] - start["val_class_errors"]).groupby(start["run"]).mean()
    (omit,) = [r for r in EXPERIMENTS[experiment] if r.run == "omit-3"]
    assert seen.idxmin() == f"sweep-omit-3-t{omit.temperature:g}"


def test_the_homework_s_temperatures_and_teacher_are_those_best_on_validation():
    table = records.read_runs("08_quantized_svhn")
    val = table["val_errors"].astype(float).groupby(table["run"]).mean()
    fewest = {}
    for question, chosen in CHOSEN.items():
        found = {t: val[f"{question}-t{t}"] for t in TEMPERATURE_GRID}
        assert min(found, key=found.get) == chosen
        fewest[question] = found[chosen]
    assert fewest[TAUGHT] == min(fewest["q2"], fewest["q3"])
