"""What a model gets wrong, how sure it is, what it costs, and whether a method wins."""

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from scipy import stats
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode


def _check(logits: Tensor, labels: Tensor) -> None:
    if logits.ndim != 2 or labels.shape != logits.shape[:1] or len(labels) == 0:
        raise ValueError(
            f"logits must be (N, C) and labels (N,) with N > 0, "
            f"got {tuple(logits.shape)} and {tuple(labels.shape)}"
        )


def errors(logits: Tensor, labels: Tensor) -> int:
    """Return the number of samples whose largest logit is not at the label.

    Args:
        logits: (N, C). labels: (N,) int64.

    Raises:
        ValueError: shapes do not fit.

    >>> errors(torch.tensor([[2.0, 1.0], [2.0, 1.0]]), torch.tensor([0, 1]))
    1
    """
    _check(logits, labels)
    return int((logits.argmax(1) != labels).sum())


def negative_log_likelihood(logits: Tensor, labels: Tensor) -> float:
    """Return the mean of -log softmax(logits)[label], in nats.

    Raises:
        ValueError: shapes do not fit.
    """
    _check(logits, labels)
    return float(F.cross_entropy(logits, labels))


def reliability(logits: Tensor, labels: Tensor, bins: int = 15) -> pd.DataFrame:
    """Return what a reliability diagram shows: one row per equal-width bin of confidence.

    Args:
        logits: (N, C). labels: (N,) int64. bins: number of bins, >= 1.

    Returns:
        ``samples`` and the sums over them of ``confidence`` and of ``correct`` answers.

    Raises:
        ValueError: shapes do not fit or ``bins`` below 1.

    Source: Guo et al. (2017), section 2.
    """
    _check(logits, labels)
    if bins < 1:
        raise ValueError(f"bins must be >= 1, got {bins}")
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
        ValueError: shapes differ.
    """
    if logits.shape != teacher_logits.shape or logits.ndim != 2:
        raise ValueError(
            f"logits and teacher_logits must both be (N, C), "
            f"got {tuple(logits.shape)} and {tuple(teacher_logits.shape)}"
        )
    return float((logits.argmax(1) == teacher_logits.argmax(1)).float().mean())


def per_class(logits: Tensor, labels: Tensor) -> pd.DataFrame:
    """Return one row per class: ``samples`` and ``errors`` among them.

    Raises:
        ValueError: shapes do not fit.
    """
    _check(logits, labels)
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
    """Return what the errors become when the biases of some classes are raised.

    A shift of the output bias adds the same number to that class's logit of every sample. To
    raise some classes or to lower all others by as much is the same.

    Args:
        logits: (N, C). labels: (N,) int64.
        classes: those whose bias is raised.
        shifts: what is added, in logits; negative to lower it.

    Returns:
        One row per shift: ``errors`` in total, ``class_errors`` among samples of ``classes``.

    Raises:
        ValueError: shapes do not fit, or a class outside 0..C-1.

    Source: Hinton, Vinyals and Dean (2015), section 3.

    >>> z = torch.tensor([[2.0, 0.0], [2.0, 1.5]])
    >>> bias_curve(z, torch.tensor([0, 1]), [1], [0, 1]).errors.tolist()
    [1, 0]
    """
    _check(logits, labels)
    classes = list(classes)
    if not classes or not set(classes) <= set(range(logits.shape[1])):
        raise ValueError(f"classes must be some of 0..{logits.shape[1] - 1}, got {classes}")
    among = torch.isin(labels, torch.tensor(classes))
    rows = []
    for shift in shifts:
        raised = logits.clone()
        raised[:, classes] += shift
        wrong = raised.argmax(1) != labels
        rows.append((int(wrong.sum()), int((wrong & among).sum())))
    index = pd.Index(list(shifts), name="shift")
    return pd.DataFrame(rows, columns=["errors", "class_errors"], index=index)


def num_parameters(model: nn.Module) -> int:
    """Return the number of trainable numbers in ``model``."""
    return sum(p.numel() for p in model.parameters())


def num_bytes(model: nn.Module) -> int:
    """Return the bytes that parameters and buffers take at their present precision."""
    tensors = [*model.parameters(), *model.buffers()]
    return sum(t.numel() * t.element_size() for t in tensors)


def macs(model: nn.Module, image: Tensor) -> int:
    """Return the multiply-accumulate operations of one forward pass over one image.

    Half of what torch's FLOP counter gives, which counts a multiply-accumulate as two.

    Args:
        model: any net. image: (C, H, W).

    Raises:
        ValueError: ``image`` is not 3-D.
    """
    if image.ndim != 3:
        raise ValueError(f"image must be (C, H, W), got shape {tuple(image.shape)}")
    mode = model.training
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), counter:
        model.eval()(image[None])
    model.train(mode)
    return counter.get_total_flops() // 2


def latency(model: nn.Module, images: Tensor, *, repeats: int = 50, warm_up: int = 10) -> float:
    """Return the median time of one forward pass over ``images``, in milliseconds.

    Args:
        model: any net. images: (N, C, H, W), the whole of it one batch.
        repeats: timed passes, >= 1. warm_up: untimed passes before.

    Raises:
        ValueError: ``repeats`` below 1.
    """
    if repeats < 1:
        raise ValueError(f"repeats must be >= 1, got {repeats}")
    mode = model.training
    model.eval()
    times = []
    with torch.inference_mode():
        for _ in range(warm_up + repeats):
            start = time.perf_counter()
            model(images)
            times.append(1000 * (time.perf_counter() - start))
    model.train(mode)
    return statistics.median(times[warm_up:])


@dataclass(frozen=True)
class Estimate:
    """A mean over seeds with its two-sided 95 % t-interval."""

    mean: float
    low: float
    high: float
    n: int

    def __format__(self, spec: str) -> str:
        """Return mean and interval in the format of a float; with one decimal by default."""
        mean, low, high = (format(x, spec or ".1f") for x in (self.mean, self.low, self.high))
        interval = f" [{low}, {high}]" if self.n > 1 else ""
        return f"{mean}{interval} (n = {self.n})"

    def __str__(self) -> str:
        return format(self)


def estimate(values: Sequence[float]) -> Estimate:
    """Return mean and 95 % t-interval of values from independent seeds.

    A single value has an interval without bounds.

    Raises:
        ValueError: no value, or one that is not finite.

    >>> print(estimate([140, 144, 142, 146, 148]))
    144.0 [140.1, 147.9] (n = 5)
    >>> f"{estimate([0.25, 0.35]):.2f}"
    '0.30 [-0.34, 0.94] (n = 2)'
    >>> print(estimate([144]))
    144.0 (n = 1)
    """
    values = np.asarray(values, dtype=float)
    if values.ndim != 1 or len(values) == 0 or not np.isfinite(values).all():
        raise ValueError(f"values must be one or more finite numbers, got {values.tolist()}")
    mean, n = float(values.mean()), len(values)
    if n == 1:
        return Estimate(mean, -np.inf, np.inf, n)
    half = float(stats.t.ppf(0.975, n - 1) * stats.sem(values))
    return Estimate(mean, mean - half, mean + half, n)


@dataclass(frozen=True)
class Verdict:
    """The outcome of a paired comparison; its text is what a notebook prints."""

    outcome: str
    difference: Estimate
    unit: str

    def __str__(self) -> str:
        d = self.difference
        return (
            f"{self.outcome}: {d.mean:+.1f} {self.unit}, "
            f"95 % interval [{d.low:+.1f}, {d.high:+.1f}], n = {d.n} paired seeds"
        )


def verdict(
    baseline: pd.Series | Sequence[float],
    method: pd.Series | Sequence[float],
    *,
    unit: str = "errors",
    lower_is_better: bool = True,
) -> Verdict:
    """Compare a method with its baseline on the same seeds.

    ``BEATS`` or ``WORSE`` when the 95 % t-interval of the mean paired difference
    (method - baseline) leaves out zero, ``INCONCLUSIVE`` otherwise.

    Args:
        baseline: one value per seed; a Series indexed by seed, or a plain sequence.
        method: the same for the method, in the same order of seeds.
        unit: what the values count, for the text.
        lower_is_better: True for errors, False for accuracies.

    Raises:
        ValueError: fewer than two pairs, or seeds that do not match.

    >>> print(verdict([150, 140, 145], [80, 75, 72]))
    BEATS: -69.3 errors, 95 % interval [-79.4, -59.3], n = 3 paired seeds
    """
    if isinstance(baseline, pd.Series) and isinstance(method, pd.Series):
        baseline, method = baseline.sort_index(), method.sort_index()
        if list(baseline.index) != list(method.index):
            raise ValueError(
                f"baseline and method must share their seeds, "
                f"got {list(baseline.index)} and {list(method.index)}"
            )
    first, second = np.asarray(baseline, dtype=float), np.asarray(method, dtype=float)
    if first.shape != second.shape or len(first) < 2:
        raise ValueError(
            f"baseline and method must hold the same two or more seeds, "
            f"got {first.shape} and {second.shape}"
        )
    difference = estimate(second - first)
    better = (difference.high < 0) if lower_is_better else (difference.low > 0)
    worse = (difference.low > 0) if lower_is_better else (difference.high < 0)
    outcome = "BEATS" if better else "WORSE" if worse else "INCONCLUSIVE"
    return Verdict(outcome, difference, unit)
