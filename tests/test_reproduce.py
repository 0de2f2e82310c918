import json
from dataclasses import replace

import pandas as pd
import pytest
import torch

from kdutils import checkpoints, reproduce
from kdutils.experiments import EXPERIMENTS, records
from kdutils.experiments.records import read_runs
from kdutils.reproduce import main


@pytest.fixture
def inline(monkeypatch):
    """Run jobs in this process, where monkeypatching reaches them."""
    import joblib

    original = joblib.Parallel

    def sequential(n_jobs=None, **options):
        return original(n_jobs=1, backend="sequential", return_as="generator")

    monkeypatch.setattr(reproduce.joblib, "Parallel", sequential)


def test_teachers_come_first_rows_are_whole_and_weights_are_shipped(
    tiny, tmp_path, snapshots, inline
):
    results = reproduce.reproduce(tiny, folder=tmp_path)
    assert [r.error for r in results] == [None] * 6
    order = [(r.job.recipe.run, r.job.seed) for r in results]
    assert order.index(("teacher", 0)) < order.index(("student-kd", 0))
    table = read_runs(tiny, tmp_path)
    assert list(table.columns) == records.COLUMNS and len(table) == 6
    row = table[(table["run"] == "student-kd") & (table["seed"] == 1)].iloc[0]
    assert (row["model"], row["temperature"], row["alpha"]) == ("mlp-16", 4.0, 0.9)
    assert (row["test_n"], row["epochs"], row["params"]) == (1000, 2, 784 * 16 + 16 + 272 + 170)
    assert pd.isna(row["val_errors"]) and 0 < row["test_errors"] < 1000
    assert json.loads(row["extra"]) == {
        "teacher": "mnist-sample/teacher",
        "torch": torch.__version__,
    }
    assert set(checkpoints.read_manifest(tmp_path)) == {
        "mnist-sample/student-kd",
        "mnist-sample/teacher",
    }
    assert not list(snapshots.rglob("*.pt"))


def test_recorded_runs_are_skipped_and_a_deleted_row_comes_back_equal(
    tiny, tmp_path, snapshots, inline
):
    reproduce.reproduce(tiny, folder=tmp_path)
    assert reproduce.reproduce(tiny, folder=tmp_path) == []
    path = tmp_path / "mnist-sample" / "runs.csv"
    table = pd.read_csv(path)
    before = read_runs(tiny, tmp_path).drop(columns="train_seconds")
    table.drop(index=2).to_csv(path, index=False)
    assert len(reproduce.reproduce(tiny, folder=tmp_path)) == 1
    pd.testing.assert_frame_equal(read_runs(tiny, tmp_path).drop(columns="train_seconds"), before)


def test_one_failing_run_is_reported_and_the_others_finish(
    tiny, tmp_path, snapshots, inline, monkeypatch, capsys
):
    good = EXPERIMENTS[tiny]
    bad = replace(good[1], run="bad", size={"hidden": 0})
    monkeypatch.setitem(EXPERIMENTS, tiny, (bad, *good))
    assert main([tiny, "--seeds", "1", "--folder", str(tmp_path)]) == 1
    message = capsys.readouterr().err
    assert "bad seed 0: FAILED" in message and "hidden must be >= 1, got 0" in message
    assert set(read_runs(tiny, tmp_path)["run"]) == {good[0].run, good[1].run, good[2].run}


@pytest.mark.parametrize("backend", ["loky", "dask"])
def test_workers_in_other_processes_give_the_same_row(tmp_path, monkeypatch, backend):
    # Other processes see the real recipes only: replace the work, keep the machinery.
    monkeypatch.setattr(reproduce, "_attempt", fake_attempt)
    experiment = "02_distillation_beats_baseline"
    results = reproduce.reproduce(
        experiment, runs=["student-hard"], seeds=2, backend=backend, folder=tmp_path
    )
    assert sorted(r.row["seed"] for r in results) == [0, 1]
    assert read_runs(experiment, tmp_path)["test_errors"].tolist() == [100, 101]


def fake_attempt(job, folder):
    row = {"experiment": job.experiment, "run": job.recipe.run, "dataset": "mnist"}
    row |= {"seed": job.seed, "test_errors": 100 + job.seed, "train_seconds": 1.0}
    return reproduce.Result(job, row, None)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"runs": ["student-kdd"]}, "runs must be among"),
        ({"seeds": 0}, "seeds must be >= 1"),
        ({"workers": 0}, "workers must be >= 1"),
        ({"backend": "spark"}, "backend must be"),
    ],
)
def test_bad_options_are_refused(tiny, tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        reproduce.reproduce(tiny, folder=tmp_path, **options)
