"""What the ``extra`` column keeps of a run, so that a notebook needs no test picture for it."""

from collections.abc import Callable
from itertools import combinations
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import cosine_similarity

from kdutils import metrics, specialists
from kdutils.data import Dataset, Split, embedded_digits
from kdutils.data.augment import jitter
from kdutils.data.letters import held_out_face
from kdutils.losses import soften
from kdutils.snapshots import History
from kdutils.training import predict_logits

SOFT_TARGETS_AT = (1, 2, 3, 4, 6, 8, 12, 20)


class Measured(NamedTuple):
    """A trained net on its test split; ``teacher`` is None without one.

    The training split of ``dataset`` is what the student was shown, ``start`` makes the net as it
    was before its training.
    """

    student: nn.Module
    split: Split
    logits: Tensor
    teacher: nn.Module | None
    dataset: Dataset
    history: History
    start: Callable[[], nn.Module]


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
    asked = predict_logits(run.teacher, run.split.images)
    return round(metrics.agreement(run.logits, asked), 4)


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
    logits, labels = predict_logits(run.student, run.dataset.train.images), run.dataset.train.labels
    return {
        "errors": metrics.errors(logits, labels),
        "samples": len(labels),
        "nll": round(metrics.negative_log_likelihood(logits, labels), 6),
        "confidence": round(float(soften(logits, 1).amax(1).double().mean()), 6),
    }


def _curve(run: Measured) -> dict[str, list]:
    """Return training loss, training and validation errors of each epoch that was validated."""
    rows = [(i, e) for i, e in enumerate(run.history.val_errors) if e is not None]
    return {
        "epoch": [i + 1 for i, _ in rows],
        "loss": [round(run.history.loss[i], 5) for i, _ in rows],
        "val_errors": [errors for _, errors in rows],
        "train_errors": [run.history.train_errors[i] for i, _ in rows],
        "train_n": len(run.dataset.train),
    }


def _first_members(run: Measured) -> dict[str, list]:
    """Return errors and cross-entropy of the first 1, 2 … members together, on both splits."""
    found = {}
    for name, split in {"val": run.dataset.val, "test": run.split}.items():
        logits = [predict_logits(net, split.images) for net in run.student.members]
        together = [mean_probabilities(logits[: k + 1]).log() for k in range(len(logits))]
        found[f"{name}_errors"] = [metrics.errors(z, split.labels) for z in together]
        found[f"{name}_nll"] = [
            round(metrics.negative_log_likelihood(z, split.labels), 5) for z in together
        ]
    return found


def mean_probabilities(logits: list[Tensor]) -> Tensor:
    """Return (N, C): the mean of several nets' probabilities, double precision."""
    return torch.stack([soften(z.double(), 1) for z in logits]).mean(0)


def divergence(logits: list[Tensor]) -> Tensor:
    """Return (N,) how far several nets' probabilities lie from their mean: mean KL, in nats.

    This is the (generalized) Jensen-Shannon divergence: 0 where all say the same.
    """
    probs = torch.stack([soften(z.double(), 1) for z in logits])
    mean = probs.mean(0)
    return (probs * (probs.clamp_min(1e-30).log() - mean.clamp_min(1e-30).log())).sum(2).mean(0)


def _diversity(run: Measured) -> dict[str, dict[str, float]]:
    """Return how much members differ on training pictures, on shifted ones and on test pictures."""
    train = run.dataset.train.images[: len(run.split)]
    shifted = jitter(train, 2, torch.Generator().manual_seed(0))
    found = {}
    for name, images in {"train": train, "shifted": shifted, "test": run.split.images}.items():
        logits = [predict_logits(net, images) for net in run.student.members]
        pairs = list(combinations(logits, 2))
        agree = sum(metrics.agreement(*pair) for pair in pairs) / len(pairs)
        found[name] = {
            "disagreement": round(1 - agree, 5),
            "divergence": round(float(divergence(logits).mean()), 6),
        }
    return found


def _hesitant(run: Measured) -> dict[str, list]:
    """Return each member's probabilities for the embedded digits on which members differ most."""
    digits = embedded_digits()
    logits = [predict_logits(net, digits.images) for net in run.student.members]
    rows = divergence(logits).argsort(descending=True)[:12]
    probs = torch.stack([soften(z[rows], 1) for z in logits])
    return {"digits": rows.tolist(), "probs": probs.double().round(decimals=3).tolist()}


def _held_out_face(run: Measured) -> dict[str, float]:
    """Return errors and cross-entropy on letters in the face that is in no split."""
    face = held_out_face()
    logits = predict_logits(run.student, face.images)
    return {
        "errors": metrics.errors(logits, face.labels),
        "n": len(face),
        "nll": round(metrics.negative_log_likelihood(logits, face.labels), 5),
    }


def _specialists(run: Measured) -> dict[str, object]:
    """Return who is a specialist for what, and what that brings to which test pictures.

    By the number of specialists that cover a picture's class: pictures, errors of the generalist,
    errors of all together. And errors on each specialist's own pictures where only its own
    classes may be answered, summed over the specialists.
    """
    system, labels = run.student, run.split.labels
    general = predict_logits(system.generalist, run.split.images)
    cover, first = system.asked(labels).sum(1), general.argmax(1)
    wrong = {"generalist": first != labels, "together": run.logits.argmax(1) != labels}
    own = {"n": 0, "generalist": 0, "specialists": 0}
    for net in system.specialists:
        mine = specialists.only_own(run.split, net.classes)
        rows = torch.isin(labels, net.classes)
        said = predict_logits(net, mine.images)[:, :-1]
        own["n"] += len(mine)
        own["generalist"] += metrics.errors(general[rows][:, net.classes], mine.labels)
        own["specialists"] += metrics.errors(said, mine.labels)
    both = (system.asked(labels) & system.asked(first)).any(1)
    return {
        "classes": [net.classes.tolist() for net in system.specialists],
        "cover": {
            "n": cover.bincount().tolist(),
            **{
                name: cover[rows].bincount(minlength=int(cover.max()) + 1).tolist()
                for name, rows in wrong.items()
            },
        },
        "own": own,
        "asked": round(float(system.asked(first).sum(1).float().mean()), 4),
        "errors_held": int((wrong["generalist"] & both).sum()),
    }


def _linear_reader(run: Measured) -> dict[str, int]:
    """Return errors of the best linear reader of the hidden layer that the heads see.

    It is fitted by least squares to the labels of the training split.
    """
    from sklearn.linear_model import RidgeClassifier  # 1 s: only where it is asked for

    trunk, shown = run.student.trunk, run.dataset.train
    reader = RidgeClassifier().fit(predict_logits(trunk, shown.images).numpy(), shown.labels)
    return {
        name: int(
            (reader.predict(predict_logits(trunk, split.images)) != split.labels.numpy()).sum()
        )
        for name, split in {"val": run.dataset.val, "test": run.split}.items()
    }


def _swapped_heads(run: Measured) -> dict[str, int]:
    """Return test errors of trunk and class head, one of the student and one of its teacher."""
    pairs = {
        "student_trunk": (run.student.trunk, run.teacher.class_head),
        "student_head": (run.teacher.trunk, run.student.class_head),
    }
    return {
        name: metrics.errors(
            predict_logits(nn.Sequential(*pair), run.split.images), run.split.labels
        )
        for name, pair in pairs.items()
    }


def _displacement(run: Measured) -> dict[str, dict[str, float]]:
    """Return how far student and teacher went from the student's start, and how much alike.

    By layer, and in all: the length of each displacement relative to that of the start's
    weights, and the cosine of the angle between both displacements.
    """
    start, taught, learned = (
        {name: weights.detach().flatten() for name, weights in net.named_parameters()}
        for net in (run.start(), run.teacher, run.student)
    )
    layers = dict.fromkeys(name.rpartition(".")[0] for name in start)
    groups = {layer: [n for n in start if n.rpartition(".")[0] == layer] for layer in layers}
    found = {}
    for layer, names in {**groups, "all": list(start)}.items():
        origin, teacher, student = (
            torch.cat([w[n] for n in names]) for w in (start, taught, learned)
        )
        t, s = teacher - origin, student - origin
        found[layer] = {
            "teacher": round(float(t.norm() / origin.norm()), 5),
            "student": round(float(s.norm() / origin.norm()), 5),
            "cosine": round(float(cosine_similarity(t, s, dim=0)), 5),
        }
    return found


REPORTS: dict[str, Callable[[Measured], object]] = {
    "confusion": lambda run: confusion(run.logits, run.split.labels),
    "reliability": lambda run: metrics.reliability(run.logits, run.split.labels).to_dict("list"),
    "agreement": _agreement,
    "soft_targets": _soft_targets,
    "exits": _exits,
    "members_agree": _members_agree,
    "train": _train,
    "curve": _curve,
    "first_members": _first_members,
    "diversity": _diversity,
    "hesitant": _hesitant,
    "held_out_face": _held_out_face,
    "specialists": _specialists,
    "linear_reader": _linear_reader,
    "swapped_heads": _swapped_heads,
    "displacement": _displacement,
}
