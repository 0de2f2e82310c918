"""One run: a recipe and a seed become a trained net, a row of ``runs.csv`` and a checkpoint."""

import hashlib
import json
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import torch
from torch import nn

from kdutils import checkpoints, data, metrics, models, objectives
from kdutils.checkpoints import FOLDER
from kdutils.recipes import EXPERIMENTS, SHIFTS, Recipe
from kdutils.training import History, fit, pick_device, pick_precision, predict_logits, set_seed

SNAPSHOTS = data.ROOT / "data" / "snapshots"


class Job(NamedTuple):
    """One run of one seed."""

    experiment: str
    recipe: Recipe
    seed: int

    @property
    def checkpoint(self) -> str | None:
        """Name of the checkpoint that this run ships, if it does."""
        ships = self.recipe.ship and self.seed == 0
        return f"{self.recipe.dataset}/{self.recipe.run}" if ships else None

    @property
    def snapshot(self) -> Path:
        """File that keeps the run's state while it trains."""
        # The recipe's digest keeps a run from going on where another recipe of that name stopped.
        digest = hashlib.sha256(repr(self.recipe).encode()).hexdigest()[:8]
        return SNAPSHOTS / self.experiment / f"{self.recipe.run}-s{self.seed}-{digest}.pt"


def train(
    recipe: Recipe,
    seed: int,
    *,
    snapshot: Path | None = None,
    progress: bool = False,
    folder: Path = FOLDER,
) -> tuple[nn.Module, History, data.Dataset]:
    """Train one recipe with one seed; write nothing but the snapshot.

    Returns:
        The trained net, its history and the data set it was trained on.
    """
    dataset = _load(recipe.dataset)
    set_seed(seed)
    student = models.create(recipe.model, **recipe.size)
    split, objective = _lesson(recipe, seed, dataset.train, folder)
    history = fit(
        student,
        split,
        objective,
        seed=seed,
        augment=recipe.augmentation(),
        val=dataset.val,
        val_every=max(1, recipe.training.epochs // 20),
        snapshot=snapshot,
        progress=progress,
        **asdict(recipe.training),
    )
    return student, history, dataset


def load_or_train(name: str, *, retrain: bool = False, folder: Path = FOLDER) -> nn.Module:
    """Load a checkpoint and say in one line what it is; train it anew only if told to.

    Args:
        name: ``<dataset>/<run>``.
        retrain: run the checkpoint's recipe instead (minutes; needs the full data set). The
            shipped file stays as it is.
        folder: the checkpoints' folder.

    Returns:
        The net in eval mode.

    Raises:
        ValueError, FileNotFoundError: as :func:`checkpoints.load`; it never trains silently.
    """
    if not retrain:
        entry = checkpoints.verify(name, folder)
        split, counts = list(entry["metrics"].items())[-1]
        result = f"{counts['errors']} errors of {counts['samples']:,} {split} images"
        print(f"{name}: {result}, seed {entry['seed']}")
        return checkpoints.load(name, folder)
    shipped = {f"{r.dataset}/{r.run}": r for e in EXPERIMENTS.values() for r in e if r.ship}
    if name not in shipped:
        raise ValueError(f"name must be one of {sorted(shipped)}, got {name!r}")
    print(f"{name}: training {shipped[name].training.epochs} epochs")
    return train(shipped[name], seed=0, progress=True, folder=folder)[0].eval()


def run_job(job: Job, folder: Path = FOLDER) -> dict:
    """Train, measure and (where the recipe ships) save one job; return its row."""
    torch.set_num_threads(1)
    recipe = job.recipe
    student, history, dataset = train(recipe, job.seed, snapshot=job.snapshot, folder=folder)
    splits = {"val": dataset.val} if dataset.val else {}
    if recipe.measure_test:
        splits["test"] = dataset.test
    device = pick_device()
    row = {
        "experiment": job.experiment,
        "run": recipe.run,
        "dataset": recipe.dataset,
        "model": recipe.model_name,
        "method": recipe.method,
        "temperature": recipe.temperature,
        "alpha": recipe.alpha,
        "seed": job.seed,
        "epochs": recipe.training.epochs,
        "train_seconds": round(history.seconds, 1),
        "device": device.type,
        "precision": pick_precision(device),
        "params": metrics.num_parameters(student),
    }
    extra = recipe.extra()
    for name, split in splits.items():
        logits = predict_logits(student, split.images)
        row |= {f"{name}_errors": metrics.errors(logits, split.labels), f"{name}_n": len(split)}
        if name == "test":
            row["test_nll"] = round(metrics.negative_log_likelihood(logits, split.labels), 5)
            row["test_ece"] = round(metrics.calibration_error(logits, split.labels), 5)
        if recipe.transfer:
            curve = metrics.bias_curve(logits, split.labels, recipe.transfer.unseen, SHIFTS)
            extra[f"{name}_curve"] = curve.to_dict("list")
    row["extra"] = json.dumps(extra)
    if job.checkpoint:
        checkpoints.save(
            student,
            job.checkpoint,
            architecture=(recipe.model, recipe.size),
            history=history,
            metadata={
                "experiment": job.experiment,
                "dataset": recipe.dataset,
                "recipe": asdict(recipe),
                "seed": job.seed,
            },
            check=splits,
            folder=folder,
        )
    return row


# A worker makes many runs on the same data and from the same teacher.
_load = lru_cache(maxsize=1)(data.load)


@lru_cache(maxsize=4)
def _teacher_logits(name: str, folder: Path, sha256: str, dataset: str) -> torch.Tensor:
    teacher = checkpoints.load(name, folder)
    return predict_logits(teacher, _load(dataset).train.images)


def _lesson(
    recipe: Recipe, seed: int, split: data.Split, folder: Path
) -> tuple[data.Split, objectives.Objective]:
    """Return what the student is shown and what is asked of it."""
    if recipe.jitter and recipe.teacher:  # it must see what the student sees
        teacher = checkpoints.load(recipe.teacher, folder)
    elif recipe.teacher:  # fixed images: ask it about each once
        digest = checkpoints.verify(recipe.teacher, folder)["sha256"]
        teacher = _teacher_logits(recipe.teacher, folder, digest, recipe.dataset)
    else:
        teacher = None
    if recipe.transfer:
        split, teacher = recipe.transfer.apply(
            split, teacher, temperature=recipe.temperature, seed=seed
        )
    if teacher is None:
        return split, objectives.label_smoothing(recipe.smoothing or 0.0)
    return split, objectives.distillation(
        teacher,
        temperature=recipe.temperature,
        alpha=recipe.alpha,
        t_squared=recipe.t_squared,
    )
