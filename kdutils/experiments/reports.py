"""What the ``extra`` column keeps of a run, so that a notebook needs no test picture for it."""

from collections.abc import Callable
from itertools import combinations
from typing import NamedTuple

import torch
from torch import Tensor, nn

from kdutils import metrics
from kdutils.data import Split
from kdutils.losses import soften
from kdutils.training import predict_logits

SOFT_TARGETS_AT = (1, 2, 3, 4, 6, 8, 12, 20)


class Measured(NamedTuple):
    """A trained net on its test split; ``teacher_logits`` is None without a teacher.

    ``train`` is the whole training split, as it is on disk.
    """

    student: nn.Module
    split: Split
    logits: Tensor
    teacher_logits: Tensor | None
    train: Split


def confusion(logits: Tensor, labels: Tensor) -> list[list[int]]:
    """Return how often each label (row) was taken for each class (column).

    >>> confusion(torch.tensor([[2.0, 1.0], [2.0, 1.0]]), torch.tensor([0, 1]))
    [[1, 0], [1, 0]]
    """
    classes = logits.shape[1]
    pairs = labels * classes + logits.argmax(1)
    return torch.bincount(pairs, minlength=classes**2).view(classes, classes).tolist()


def class_soft_targets(logits: Tensor, labels: Tensor, temperature: float) -> Tensor:
    """Return (C, C): the mean soft target of the samples of each label, a row per label."""
    soft = soften(logits, temperature)
    return torch.stack([soft[labels == label].mean(0) for label in range(logits.shape[1])])


def _agreement(run: Measured) -> float:
    return round(metrics.agreement(run.logits, run.teacher_logits), 4)


def _soft_targets(run: Measured) -> dict[str, list]:
    return {
        str(t): [
            [round(share, 4) for share in row]
            for row in class_soft_targets(run.logits, run.split.labels, t).tolist()
        ]
        for t in SOFT_TARGETS_AT
    }


def _exits(run: Measured) -> list[int]:
    """Return the errors of the net that stops after each stage."""
    stops = [run.student.exit_after(stage) for stage in (1, 2, 3)]
    logits = [predict_logits(net, run.split.images) for net in stops]
    return [metrics.errors(z, run.split.labels) for z in logits]


def _members_agree(run: Measured) -> float:
    """Return the share of answers that two of an ensemble's members have in common, on average."""
    logits = [predict_logits(net, run.split.images) for net in run.student.members]
    pairs = list(combinations(logits, 2))
    return round(sum(metrics.agreement(*pair) for pair in pairs) / len(pairs), 4)


def _train(run: Measured) -> dict[str, float]:
    """Return errors, cross-entropy and mean confidence on the pictures it learned from."""
    logits, labels = predict_logits(run.student, run.train.images), run.train.labels
    return {
        "errors": metrics.errors(logits, labels),
        "samples": len(labels),
        "nll": round(metrics.negative_log_likelihood(logits, labels), 6),
        "confidence": round(float(soften(logits, 1).amax(1).double().mean()), 6),
    }


REPORTS: dict[str, Callable[[Measured], object]] = {
    "confusion": lambda run: confusion(run.logits, run.split.labels),
    "reliability": lambda run: metrics.reliability(run.logits, run.split.labels).to_dict("list"),
    "agreement": _agreement,
    "soft_targets": _soft_targets,
    "exits": _exits,
    "members_agree": _members_agree,
    "train": _train,
}
