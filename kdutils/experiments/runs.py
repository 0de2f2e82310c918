"""One run: a recipe and a seed become a trained net, a row of ``runs.csv`` and a checkpoint."""

import json
from dataclasses import asdict, replace
from functools import lru_cache, partial
from pathlib import Path

import torch
from torch import nn

from kdutils import checkpoints, cost, data, metrics, models, specialists
from kdutils.checkpoints import FOLDER
from kdutils.experiments import EXPERIMENTS
from kdutils.experiments.jobs import Job, home_of, of_seed
from kdutils.experiments.methods import METHODS
from kdutils.experiments.recipe import SHIFTS
from kdutils.experiments.reports import REPORTS, Measured
from kdutils.models.composites import Specialist
from kdutils.objectives import Objective
from kdutils.quantize import FULL, quantize
from kdutils.teachers import Remembering
from kdutils.training import History, fit, pick_device, pick_precision, predict_logits, set_seed

# Far from all seeds: where what a student does not share with its teacher is drawn.
ELSEWHERE = 10**6


def _load_checkpoint(name: str, folder: Path) -> nn.Module:
    return checkpoints.load(name, home_of(name, folder))


def train(
    job: Job, *, keep: bool = True, progress: bool = False, folder: Path = FOLDER
) -> tuple[nn.Module, History, data.Dataset]:
    """Train one run of one seed; write nothing but the snapshot.

    Args:
        job: what to train; a run without training is put together from its members' checkpoints.
        keep: go on from the job's snapshot and keep it up to date.
        progress: show a bar.
        folder: the checkpoints' folder.

    Returns:
        The trained net, its history and the data set, its training split as it was shown; a
        specialist's other splits have its own classes only.
    """
    recipe = job.recipe
    dataset = _load(recipe.dataset)
    if recipe.members:
        members = [_load_checkpoint(name, folder) for name in job.members]
        return METHODS[recipe.method].together(members, recipe.size), History(), dataset
    dataset = _as_seen_by_specialist(job, dataset, folder)
    student = untaught(job, folder)
    if not recipe.training:
        return student, History(), dataset
    drawn_from = job.drawn_from
    split, objective = _shown_and_asked(job, dataset.train, folder)
    history = fit(
        student,
        split,
        objective,
        seed=drawn_from,
        augment=recipe.augmentation(),
        val=dataset.val,
        val_every=max(1, recipe.training.epochs // recipe.validations),
        count_train="curve" in recipe.reports,
        precision=recipe.precision,
        snapshot=job.snapshot(folder) if keep else None,
        name=job.snapshot(folder).stem,
        progress=progress,
        **asdict(recipe.training),
    )
    return student, history, replace(dataset, train=split)


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
    jobs = [
        Job(experiment, recipe, seed)
        for experiment, recipes in EXPERIMENTS.items()
        for recipe in recipes
        for seed in range(recipe.ship)
    ]
    shipped = {job.checkpoint: job for job in jobs}
    if name not in shipped:
        raise ValueError(f"name must be one of {sorted(shipped)}, got {name!r}")
    settings = shipped[name].recipe.training
    doing = f"training {settings.epochs} epochs" if settings else "putting its members together"
    print(f"{name}: {doing}")
    return train(shipped[name], keep=False, progress=True, folder=folder)[0].eval()


def run_job(job: Job, folder: Path = FOLDER) -> dict:
    """Train, measure and (where the recipe ships) save one job; return its row."""
    torch.set_num_threads(1)
    recipe = job.recipe
    student, history, dataset = train(job, folder=folder)
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
        "epochs": recipe.training.epochs if recipe.training else 0,
        "train_seconds": round(history.seconds, 1),
        "device": device.type,
        "precision": pick_precision(device) if recipe.precision == "auto" else recipe.precision,
        "params": cost.num_parameters(student),
    }
    extra = recipe.extra() | ({} if dataset.verified else {"unverified": True})
    for name, split in splits.items():
        logits = predict_logits(student, split.images)
        row |= {f"{name}_errors": metrics.errors(logits, split.labels), f"{name}_n": len(split)}
        if name == "test":
            row["test_nll"] = round(metrics.negative_log_likelihood(logits, split.labels), 5)
            row["test_ece"] = round(metrics.calibration_error(logits, split.labels), 5)
            extra |= _reports(job, student, history, dataset, logits, folder)
        if recipe.transfer and recipe.transfer.unseen:
            curve = metrics.bias_curve(logits, split.labels, recipe.transfer.unseen, SHIFTS)
            extra[f"{name}_curve"] = curve.to_dict("list")
    extra["torch"] = torch.__version__
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
                "torch": torch.__version__,
            },
            check=splits,
            packed=recipe.method == "packed",
            folder=job.home(folder),
        )
    return row


def untaught(job: Job, folder: Path = FOLDER) -> nn.Module:
    """Return the net that a job starts from."""
    recipe = job.recipe
    set_seed(job.drawn_from)
    if not recipe.start:
        net = models.create(recipe.model, **recipe.size)
        if recipe.unshared:
            set_seed(job.drawn_from + ELSEWHERE)
            recipe.unshared.apply(net, models.create(recipe.model, **recipe.size))
        return net
    if recipe.specialty:
        generalist = _load_checkpoint(of_seed(recipe.start, job.seed), folder)
        return Specialist.of(generalist, _own_classes(job, folder))
    bits = {name: recipe.size.get(name, FULL) for name in ("weight_bits", "activation_bits")}
    return quantize(_load_checkpoint(of_seed(recipe.start, job.seed), folder), **bits)


def _own_classes(job: Job, folder: Path) -> torch.Tensor:
    specialty, name = job.recipe.specialty, of_seed(job.recipe.start, job.seed)
    home = home_of(name, folder)
    found = _covers(
        name,
        home,
        checkpoints.verify(name, home)["sha256"],
        job.recipe.dataset,
        (specialty.count, specialty.size, specialty.way, job.seed),
    )
    return found[specialty.number]


@lru_cache(maxsize=16)
def _covers(name: str, folder: Path, sha256: str, dataset: str, choices: tuple) -> torch.Tensor:
    # A sixth of the pictures is as many of each class, and enough for a covariance.
    images = _load(dataset).train.images[::6]
    return specialists.covers(
        predict_logits(checkpoints.load(name, folder), images).softmax(1), *choices
    )


def _as_seen_by_specialist(job: Job, dataset: data.Dataset, folder: Path) -> data.Dataset:
    """Return what a specialist sees of the data set; all of it for others."""
    if not job.recipe.specialty:
        return dataset
    classes, specialty = _own_classes(job, folder), job.recipe.specialty
    return replace(
        dataset,
        train=specialists.enriched(
            dataset.train, classes, job.seed * specialty.count + specialty.number
        ),
        val=dataset.val and specialists.only_own(dataset.val, classes),
        test=specialists.only_own(dataset.test, classes),
    )


def _reports(
    job: Job,
    student: nn.Module,
    history: History,
    dataset: data.Dataset,
    logits: torch.Tensor,
    folder: Path,
) -> dict:
    teacher = _load_checkpoint(job.teacher, folder) if job.teacher and job.recipe.reports else None
    start = partial(untaught, job, folder)
    measured = Measured(student, dataset.test, logits, teacher, dataset, history, start)
    return {name: REPORTS[name](measured) for name in job.recipe.reports}


# A worker makes many runs on the same data and from the same teacher.
_load = lru_cache(maxsize=1)(data.load)


# One table of all training pictures; that of 1,212 letters takes 1.8 GB.
@lru_cache(maxsize=1)
def _teacher_logits(name: str, folder: Path, sha256: str, dataset: str) -> torch.Tensor:
    return predict_logits(checkpoints.load(name, folder), _load(dataset).train.images)


@lru_cache(maxsize=1)
def _remembering(name: str, folder: Path, sha256: str) -> Remembering:
    return Remembering(checkpoints.load(name, folder))


def _shown_and_asked(job: Job, split: data.Split, folder: Path) -> tuple[data.Split, Objective]:
    """Return what the student is shown and what is asked of it."""
    recipe, augment = job.recipe, job.recipe.augmentation()
    teacher = None
    if job.teacher:
        home = home_of(job.teacher, folder)
        digest = checkpoints.verify(job.teacher, home)["sha256"]
        if recipe.specialty:
            teacher = specialists.narrowed(
                predict_logits(_load_checkpoint(job.teacher, folder), split.images),
                _own_classes(job, folder),
            )
        elif recipe.pictures:  # none of them comes again
            teacher = _load_checkpoint(job.teacher, folder)
        elif augment:  # it must see what the student sees
            teacher = _remembering(job.teacher, home, digest)
        else:  # fixed images: ask it about all at once
            teacher = _teacher_logits(job.teacher, home, digest, recipe.dataset)
    if recipe.transfer:
        stored = None if augment else teacher
        split, stored = recipe.transfer.apply(
            split, stored, temperature=recipe.temperature, seed=job.seed
        )
        teacher = teacher if augment else stored
    method = METHODS[recipe.method]
    choices = {**vars(recipe), "teacher": teacher, "split": split, "augment": augment}
    return split, method.objective(**{name: choices[name] for name in method.takes})
