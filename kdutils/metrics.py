"""What a model gets wrong, and how sure it is of it."""

from collections.abc import Sequence

import pandas as pd
import torch
from torch import Tensor
from torch.nn import functional as F

from kdutils import checks


def _checked(logits: Tensor, labels: Tensor) -> Tensor:
    logits = checks.logits("logits", logits)
    checks.labels(labels, *logits.shape)
    return logits


def errors(logits: Tensor, labels: Tensor) -> int:
    """Return the number of samples whose largest logit is not at the label.

    Args:
        logits: (N, C). labels: (N,) int64.

    Raises:
        ValueError: logits not finite or empty, or labels that do not fit them.

    >>> errors(torch.tensor([[2.0, 1.0], [2.0, 1.0]]), torch.tensor([0, 1]))
    1
    """
    logits = _checked(logits, labels)
    return int((logits.argmax(1) != labels).sum())


def negative_log_likelihood(logits: Tensor, labels: Tensor) -> float:
    """Return the mean of -log softmax(logits)[label], in nats.

    Raises:
        ValueError: logits not finite or empty, or labels that do not fit them.
    """
    logits = _checked(logits, labels)
    return float(F.cross_entropy(logits, labels))


def reliability(logits: Tensor, labels: Tensor, bins: int = 15) -> pd.DataFrame:
    """Return what a reliability diagram shows: one row per equal-width bin of confidence.

    Args:
        logits: (N, C). labels: (N,) int64. bins: number of bins, >= 1.

    Returns:
        ``samples`` and the sums over them of ``confidence`` and of ``correct`` answers.

    Raises:
        ValueError: as :func:`errors`, or ``bins`` below 1.

    Source: Guo et al. (2017), section 2.
    """
    logits = _checked(logits, labels)
    checks.number("bins", bins, 1, whole=True)
    confidence, predicted = logits.double().softmax(1).max(1)
    which = (confidence * bins).ceil().long().clamp(1, bins) - 1
    columns = {
        "samples": torch.ones_like(confidence),
        "confidence": confidence,
        "correct": (predicted == labels).double(),
    }
    empty = torch.zeros(bins, dtype=torch.float64)
    sums = {name: empty.index_add(0, which, values) for name, values in columns.items()}
    return pd.DataFrame({name: values.numpy().round(6) for name, values in sums.items()})


def calibration_error(logits: Tensor, labels: Tensor, bins: int = 15) -> float:
    """Return the expected calibration error (ECE), a fraction in [0, 1].

    The mean over the bins of :func:`reliability`, weighted by their samples, of
    |accuracy - mean confidence|.

    Raises:
        ValueError: as :func:`reliability`.

    Source: Guo et al. (2017), equation 3.
    """
    table = reliability(logits, labels, bins)
    return float((table["correct"] - table["confidence"]).abs().sum() / len(labels))


def agreement(logits: Tensor, teacher_logits: Tensor) -> float:
    """Return the share of samples on which both models predict the same class.

    Raises:
        ValueError: not (N, C) and finite, or shapes differ.
    """
    logits = checks.logits("logits", logits)
    teacher_logits = checks.logits("teacher_logits", teacher_logits)
    checks.same_shape("teacher_logits", teacher_logits, "logits", logits)
    return float((logits.argmax(1) == teacher_logits.argmax(1)).float().mean())


def per_class(logits: Tensor, labels: Tensor) -> pd.DataFrame:
    """Return one row per class: ``samples`` and ``errors`` among them.

    Raises:
        ValueError: logits not finite or empty, or labels that do not fit them.
    """
    logits = _checked(logits, labels)
    classes = logits.shape[1]
    wrong = labels[logits.argmax(1) != labels]
    return pd.DataFrame(
        {
            "samples": torch.bincount(labels, minlength=classes).numpy(),
            "errors": torch.bincount(wrong, minlength=classes).numpy(),
        },
        index=pd.RangeIndex(classes, name="class"),
    )


def bias_curve(
    logits: Tensor, labels: Tensor, classes: Sequence[int], shifts: Sequence[float]
) -> pd.DataFrame:
    """Return what becomes of errors and probabilities when the biases of some classes are raised.

    A shift of the output bias adds the same number to that class's logit of every sample. To
    raise some classes or to lower all others by as much is the same.

    Args:
        logits: (N, C). labels: (N,) int64.
        classes: those whose bias is raised.
        shifts: what is added, in logits; negative to lower it.

    Returns:
        One row per shift: ``errors`` in total, ``class_errors`` among samples of ``classes``,
        and ``mass``, the mean over all samples of the probability that falls on ``classes``.

    Raises:
        ValueError: as :func:`errors`, or a class outside 0..C-1.

    Source: Hinton, Vinyals and Dean (2015), section 3.

    >>> z = torch.tensor([[2.0, 0.0], [2.0, 1.5]])
    >>> bias_curve(z, torch.tensor([0, 1]), [1], [0, 1]).errors.tolist()
    [1, 0]
    """
    logits = _checked(logits, labels)
    classes = checks.numbers("classes", classes, whole=True)
    shifts = checks.numbers("shifts", shifts)
    if not classes or not set(classes) <= set(range(logits.shape[1])):
        raise ValueError(f"classes must be some of 0..{logits.shape[1] - 1}, got {classes}")
    among = torch.isin(labels, torch.tensor(classes))
    rows = []
    for shift in shifts:
        raised = logits.clone()
        raised[:, classes] += shift
        wrong = raised.argmax(1) != labels
        mass = float(raised.softmax(1)[:, classes].sum(1).mean())
        rows.append((int(wrong.sum()), int((wrong & among).sum()), round(mass, 5)))
    index = pd.Index(shifts, name="shift")
    return pd.DataFrame(rows, columns=["errors", "class_errors", "mass"], index=index)
