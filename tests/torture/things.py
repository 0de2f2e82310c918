"""Small things to injure: nets, pictures, a training run of a blink, rows and checkpoints."""

from contextlib import suppress
from pathlib import Path

import torch
from torch import nn

from kdutils import checkpoints, data, models, objectives, training
from kdutils.data import Split
from kdutils.experiments import find_recipes, records

PICTURES = torch.randint(
    0, 256, (60, 1, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
)
SPLIT = Split(PICTURES.float() / 255, torch.arange(60) % 3)
HARD = objectives.hard_labels()


def net(seed: int = 0, hidden: int = 8, classes: int = 3) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(64, hidden),
        nn.BatchNorm1d(hidden),
        nn.ReLU(),
        nn.Linear(hidden, classes),
    )


def fit(student=None, split=SPLIT, objective=HARD, **options):
    """Train with few steps; every argument can be another one."""
    options = {"epochs": 4, "batch_size": 20, "lr": 0.01, "device": "cpu", **options}
    student = net() if student is None else student
    return training.fit(student, split, objective, progress=False, **options)


def trained(student=None, *arguments, **options) -> list:
    """Return all that decides whether two runs are the same: weights, buffers and history."""
    student = net() if student is None else student
    history = fit(student, *arguments, **options)
    state = {name: tensor.tolist() for name, tensor in student.state_dict().items()}
    return [state, history.loss, history.val_errors, history.lr]


class Stop(BaseException):
    """Ends a run between two epochs, as Ctrl-C does."""


def snapshot_after(path: Path, epochs: int, *arguments, **options) -> bytes:
    """Return the snapshot that a run leaves which is stopped after so many epochs."""

    def stop(history):
        if history.epochs == epochs:
            raise Stop

    with suppress(Stop):
        fit(*arguments, snapshot=path, on_epoch=stop, **options)
    return path.read_bytes()


# ---- rows

EXPERIMENT = "02_distillation_beats_baseline"


def row(run: str = "student-hard", seed: int = 0, **changes) -> dict:
    """Return a row as a run of that experiment leaves it."""
    (recipe,) = [recipe for recipe in find_recipes(EXPERIMENT) if recipe.run == run]
    return {
        "experiment": EXPERIMENT,
        "run": run,
        "dataset": recipe.dataset,
        "model": recipe.model_name,
        "method": recipe.method,
        "temperature": recipe.temperature,
        "alpha": recipe.alpha,
        "seed": seed,
        "epochs": recipe.training.epochs,
        "train_seconds": 70.5 + seed,
        "device": "cpu",
        "precision": "fp32",
        "params": 1276810,
        "val_errors": 70 + seed,
        "val_n": 5000,
        "test_errors": 140 + seed,
        "test_n": 10000,
        "test_nll": 0.05123,
        "test_ece": 0.00412,
        "extra": '{"teacher": "mnist/teacher", "torch": "2.6.0"}',
        **changes,
    }


ROWS = [(run, seed) for run in ("student-hard", "student-kd") for seed in range(5)]


def table(folder: Path) -> Path:
    """Write a table of recorded runs; return its path."""
    path = folder / "mnist" / "runs.csv"
    for run, seed in ROWS:
        records.record(row(run, seed), path)
    return path


def read(folder: Path) -> list[tuple]:
    """Return the recorded rows, each as a tuple of texts."""
    found = records.read_runs(EXPERIMENT, folder)
    return [tuple(map(str, cells)) for cells in found.itertuples(index=False)]


# ---- checkpoints

NAMES = ("mnist/student", "mnist/teacher")
DIGITS = Split(PICTURES[:, :, :1, :1].expand(-1, -1, 28, 28), torch.arange(60) % 10)


def save(folder: Path, name: str = NAMES[0], model: nn.Module | None = None, **changes) -> dict:
    torch.manual_seed(len(name))
    options = {
        "architecture": ("mlp", {"hidden": 2}),
        "history": training.History(loss=[0.5], lr=[0.0], val_errors=[None], seconds=1.5),
        "metadata": {"seed": 0, "dataset": "mnist"},
        "check": {"val": DIGITS},
        **changes,
    }
    return checkpoints.save(model or models.mlp(hidden=2), name, folder=folder, **options)


def loaded(folder: Path) -> list:
    """Return all that is read from both checkpoints."""
    return [
        (
            checkpoints.verify(name, folder),
            {k: v.tolist() for k, v in checkpoints.load(name, folder).state_dict().items()},
            checkpoints.load_history(name, folder),
        )
        for name in NAMES
    ]


def prepared(folder: Path, name: str = "svhn", **changes) -> Path:
    """Write a small prepared file as the package writes it, with its checksum; return its path."""
    pictures = torch.randint(0, 256, (40, 32, 32, 3), generator=torch.Generator().manual_seed(1))
    pictures = pictures.to(torch.uint8).numpy()
    labels = (torch.arange(40) % 10).to(torch.uint8).numpy()
    arrays = {
        "train_images": pictures[:30],
        "train_labels": labels[:30],
        "test_images": pictures[30:],
        "test_labels": labels[30:],
    }
    path = folder / f"{name}.npz"
    data.prepared.write_prepared(path, name, {**arrays, **changes})
    return path
