"""Losses of distillation: pure functions of tensors, averaged over the batch, in nats.

One convention throughout: ``alpha`` weighs the **distillation** term (torchdistill's ``alpha``
weighs the cross-entropy), and divergences are summed over classes and averaged over the batch.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from kdutils import checks


def soften(logits: Tensor, temperature: float) -> Tensor:
    """Return softmax(logits / T).

    Args:
        logits: (N, C) floating.
        temperature: T > 0; 1 is the plain softmax, higher is softer.

    Returns:
        (N, C) probabilities, each row summing to 1.

    Raises:
        ValueError: logits not a finite (N, C) tensor, or T outside ``checks.TEMPERATURES``.

    Source: Hinton, Vinyals and Dean (2015), equation 1.

    >>> soften(torch.tensor([[1.0, 2.0, 3.0]]), temperature=5)
    tensor([[0.2693, 0.3289, 0.4018]])
    """
    checks.temperature(temperature)
    return F.softmax(checks.logits("logits", logits) / temperature, dim=1)


def soft_cross_entropy(logits: Tensor, soft_targets: Tensor, temperature: float = 1.0) -> Tensor:
    """Return the cross-entropy of softmax(logits / T) against soft targets, without T².

    -mean over n of sum over c of soft_targets[n, c] * log softmax(logits[n] / T)[c]

    Args:
        logits: (N, C) floating.
        soft_targets: (N, C) probabilities, each row summing to 1; not detached here.
        temperature: T > 0.

    Returns:
        Scalar, nats.

    Raises:
        ValueError: shapes differ, targets are no distributions, non-finite values, or T <= 0.

    Source: Hinton, Vinyals and Dean (2015), section 2.

    >>> soft_cross_entropy(torch.zeros(1, 2), torch.tensor([[0.5, 0.5]]))
    tensor(0.6931)
    """
    checks.temperature(temperature)
    logits, soft_targets = (
        checks.logits("logits", logits),
        checks.logits("soft_targets", soft_targets),
    )
    checks.same_shape("soft_targets", soft_targets, "logits", logits)
    sums = soft_targets.sum(1)
    if (soft_targets < 0).any() or not torch.allclose(sums, torch.ones_like(sums), atol=1e-3):
        raise ValueError("soft_targets must be >= 0 and sum to 1 per row, got other values")
    return -(soft_targets * F.log_softmax(logits / temperature, dim=1)).sum(1).mean()


def kd_loss(
    student_logits: Tensor, teacher_logits: Tensor, temperature: float, *, t_squared: bool = True
) -> Tensor:
    """Return the distillation loss, T² * KL(softmax(z_t / T) || softmax(z_s / T)).

    Args:
        student_logits: (N, C) floating.
        teacher_logits: (N, C) floating; detached, the teacher gets no gradient.
        temperature: T > 0.
        t_squared: False leaves the factor T² out, to see what it is for.

    Returns:
        Scalar, nats times T²: summed over classes, averaged over the batch (``batchmean``).

    Raises:
        ValueError: shapes differ, non-finite logits, or T <= 0.

    Note: without the factor T² the soft gradient shrinks as 1/T²; with it the gradient tends to
        a limit at high T, but alpha still does not mean the same at every T. With the soft term
        alone the factor only rescales the learning rate. As T grows the loss tends to a squared
        error between zero-mean logits, sum over c of (z_s - z_t)² / (2 C).

    Source: Hinton, Vinyals and Dean (2015), section 2 and equations 2-4.

    >>> kd_loss(torch.tensor([[0.0, 0.0]]), torch.tensor([[2.0, 0.0]]), temperature=2.0)
    tensor(0.4438)
    """
    checks.temperature(temperature)
    student_logits = checks.logits("student_logits", student_logits)
    teacher_logits = (
        checks.logits("teacher_logits", teacher_logits).detach().to(student_logits.dtype)
    )
    checks.same_shape("teacher_logits", teacher_logits, "student_logits", student_logits)
    log_student = F.log_softmax(student_logits / temperature, dim=1)
    log_teacher = F.log_softmax(teacher_logits / temperature, dim=1)
    divergence = F.kl_div(log_student, log_teacher, reduction="batchmean", log_target=True)
    return temperature**2 * divergence if t_squared else divergence


def hard_and_soft_loss(
    student_logits: Tensor,
    teacher_logits: Tensor,
    labels: Tensor,
    *,
    temperature: float,
    alpha: float,
    t_squared: bool = True,
) -> Tensor:
    """Return (1 - alpha) * CE(z_s, y) + alpha * T² * KL(softmax(z_t/T) || softmax(z_s/T)).

    Args:
        student_logits: (N, C) floating.
        teacher_logits: (N, C) floating; detached.
        labels: (N,) int64, in 0..C-1.
        temperature: T > 0; the cross-entropy always uses T = 1.
        alpha: weight of the distillation term, in [0, 1]; torchdistill's alpha is 1 - ours.
        t_squared: as in :func:`kd_loss`.

    Returns:
        Scalar, nats.

    Raises:
        ValueError: as :func:`kd_loss`, or alpha or labels out of range.

    Source: Hinton, Vinyals and Dean (2015), section 2.

    >>> z, y = torch.tensor([[0.0, 0.0]]), torch.tensor([0])
    >>> hard_and_soft_loss(z, z, y, temperature=4.0, alpha=0.5)
    tensor(0.3466)
    """
    checks.fraction("alpha", alpha)
    soft = kd_loss(student_logits, teacher_logits, temperature, t_squared=t_squared)
    hard = label_smoothing_loss(student_logits, labels, smoothing=0.0)
    return (1 - alpha) * hard + alpha * soft


def label_smoothing_loss(logits: Tensor, labels: Tensor, smoothing: float) -> Tensor:
    """Return the cross-entropy against labels mixed with the uniform distribution.

    The target is (1 - smoothing) * one_hot(y) + smoothing / C: distillation at T = 1 from a
    teacher that knows the label and nothing about the other classes. ``smoothing=0`` is the plain
    cross-entropy.

    Args:
        logits: (N, C) floating.
        labels: (N,) int64, in 0..C-1.
        smoothing: share of the uniform distribution, in [0, 1].

    Returns:
        Scalar, nats.

    Raises:
        ValueError: non-finite logits, labels of another shape, type or range, or smoothing
            outside [0, 1].

    Source: Szegedy et al. (2016), section 7.

    >>> label_smoothing_loss(torch.zeros(1, 4), torch.tensor([2]), smoothing=0.1)
    tensor(1.3863)
    """
    checks.fraction("smoothing", smoothing)
    logits = checks.logits("logits", logits)
    checks.labels(labels, *logits.shape)
    return F.cross_entropy(logits, labels, label_smoothing=smoothing)


def permute_others(logits: Tensor) -> Tensor:
    """Return logits whose largest stays where it is while the others are shuffled in each row.

    Confidence and entropy stay; which wrong class is likely is lost.

    Args:
        logits: (N, C) floating. The shuffle is drawn from torch's default generator.

    Returns:
        (N, C), each row a permutation of the given one.

    Raises:
        ValueError: not (N, C) floating, or not finite.

    Source: Furlanello et al. (2018), "Born-Again Neural Networks", section 3.2.
    """
    logits = checks.logits("logits", logits)
    others = torch.ones_like(logits, dtype=torch.bool)
    others.scatter_(1, logits.argmax(1, keepdim=True), False)
    rest = logits[others].view(len(logits), -1)
    lot = torch.rand(rest.shape).argsort(1).to(logits.device)
    return logits.masked_scatter(others, rest.gather(1, lot))


def virtual_logits(labels: Tensor, classes: int, correct: float) -> Tensor:
    """Return the logits of a teacher that gives each label the probability ``correct``.

    The rest is shared evenly among the other classes.

    Args:
        labels: (N,) int64. classes: C >= 2. correct: above 1 / C, at most
            1 - 1e-6.

    Returns:
        (N, C) log-probabilities.

    Raises:
        ValueError: ``correct`` out of range.

    Source: Yuan et al. (2020), arXiv 1909.11723, the designed teacher p^d of Tf-KD_reg.

    >>> virtual_logits(torch.tensor([0]), 3, 0.8).exp()
    tensor([[0.8000, 0.1000, 0.1000]])
    """
    checks.number("classes", classes, 2, whole=True)
    checks.number("correct", correct, above=1 / classes, high=1 - 1e-6)
    checks.labels(labels, len(labels), classes)
    wrong = (1 - correct) / (classes - 1)
    probs = torch.full((len(labels), classes), wrong, device=labels.device)
    return probs.scatter(1, labels[:, None], correct).log()
