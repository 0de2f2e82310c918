import matplotlib
import pytest

from kdutils.experiments import EXPERIMENTS, jobs
from kdutils.experiments.recipe import Recipe
from kdutils.settings import Settings

matplotlib.use("Agg")


@pytest.fixture
def tiny(monkeypatch):
    """An experiment of seconds on the embedded digits: a teacher, a baseline and a student."""
    settings = Settings(epochs=2, batch_size=100)
    common = {"dataset": "mnist-sample", "seeds": 2, "training": settings}
    runs = (
        Recipe(
            "student-kd",
            "kd",
            size={"hidden": 16},
            teacher="mnist-sample/teacher",
            temperature=4.0,
            alpha=0.9,
            ship=1,
            **common,
        ),
        Recipe("student-hard", "hard", size={"hidden": 16}, jitter=1, **common),
        Recipe("teacher", "hard", size={"hidden": 32, "dropout": 0.2}, ship=1, **common),
    )
    monkeypatch.setitem(EXPERIMENTS, "tiny", runs)
    return "tiny"


@pytest.fixture
def snapshots(tmp_path, monkeypatch):
    monkeypatch.setattr(jobs, "SNAPSHOTS", tmp_path / "snapshots")
    monkeypatch.setattr(jobs, "KEPT", tmp_path / "kept")
    return tmp_path / "snapshots"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The only folder where prepared files are looked for, empty."""
    monkeypatch.setenv("KDUTILS_DATA", str(tmp_path))
    monkeypatch.delenv("KDUTILS_UNVERIFIED", raising=False)
    monkeypatch.setattr("kdutils.data.prepared.ROOT", tmp_path / "elsewhere")
    return tmp_path


@pytest.fixture
def unverified(folder, monkeypatch):
    """Load prepared files of any arrays from ``folder``."""
    monkeypatch.setenv("KDUTILS_UNVERIFIED", "1")
