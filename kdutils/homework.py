"""The four losses of a homework on quantized nets, each a small step from the one before.

All have the same arguments, so that the difference between two of them is what the question asks
for and nothing else: ``logits`` (N, C) of the student, ``labels`` (N,), ``teacher_logits`` (N, C),
a temperature T >= 1 and the weight c of the second term. All are averaged over the batch, in nats.

Source: homework 4, "knowledge distillation", of a deep-learning course on SVHN with DoReFa-Net.
"""

from collections.abc import Callable

from torch import Tensor, nn
from torch.nn import functional as F

from kdutils import losses, objectives
from kdutils.data import Batch

Loss = Callable[[Tensor, Tensor, Tensor, float, float], Tensor]


def q1(
    logits: Tensor, labels: Tensor, teacher_logits: Tensor, temperature: float, weight: float
) -> Tensor:
    """Return the cross-entropy with the labels."""
    return F.cross_entropy(logits, labels)


def q2(
    logits: Tensor, labels: Tensor, teacher_logits: Tensor, temperature: float, weight: float
) -> Tensor:
    """Return the cross-entropy with the teacher's soft targets, T on both sides."""
    soft_targets = losses.soften(teacher_logits, temperature)
    return losses.soft_cross_entropy(logits, soft_targets, temperature)


def q3(
    logits: Tensor, labels: Tensor, teacher_logits: Tensor, temperature: float, weight: float
) -> Tensor:
    """Return the cross-entropy with the labels at T = 1 plus c times that of :func:`q2`."""
    soft_targets = losses.soften(teacher_logits, temperature)
    soft = losses.soft_cross_entropy(logits, soft_targets, temperature)
    return F.cross_entropy(logits, labels) + weight * soft


def q4(
    logits: Tensor, labels: Tensor, teacher_logits: Tensor, temperature: float, weight: float
) -> Tensor:
    """Return the cross-entropy with the labels plus c times the same of the logits over T."""
    soft = F.cross_entropy(logits / temperature, labels)
    return F.cross_entropy(logits, labels) + weight * soft


QUESTIONS: dict[str, Loss] = {"q1": q1, "q2": q2, "q3": q3, "q4": q4}


def objective(
    question: str,
    teacher: nn.Module | Tensor | None = None,
    *,
    temperature: float = 1.0,
    weight: float = 1.0,
) -> objectives.Objective:
    """Return what :func:`training.fit` asks of a student under one of the four questions.

    Args:
        question: a key of ``QUESTIONS``.
        teacher: a net or its logits, as for :func:`objectives.distillation`; for q2 and q3 only.
        temperature: T >= 1.
        weight: c >= 0, often T².

    Raises:
        ValueError: an unknown question, a teacher where none is asked for or none where one is,
            or a number out of range.
    """
    if question not in QUESTIONS:
        raise ValueError(f"question must be one of {list(QUESTIONS)}, got {question!r}")
    if (teacher is not None) != (question in ("q2", "q3")):
        raise ValueError(f"teacher must be given with q2 and q3 only, got {teacher!r:.40}")
    if not temperature >= 1:
        raise ValueError(f"temperature must be >= 1, got {temperature}")
    losses.check_weight("weight", weight)
    ask = objectives.teacher_logits(teacher) if teacher is not None else lambda batch: None
    loss = QUESTIONS[question]

    def ask_student(student: nn.Module, batch: Batch) -> Tensor:
        logits = student(batch.images).float()
        return loss(logits, batch.labels, ask(batch), temperature, weight)

    return ask_student
