"""The four losses of a homework on quantized nets, each a small step from the one before.

All have the same arguments, so that the difference between two of them is what the question asks
for and nothing else: ``logits`` (N, C) of the student, ``labels`` (N,), ``teacher_logits`` (N, C),
a temperature T >= 1 and the weight c of the second term. All are averaged over the batch, in nats.

Source: homework 4, "knowledge distillation", of a deep-learning course on SVHN with DoReFa-Net.
"""

from collections.abc import Callable

from torch import Tensor, nn
from torch.nn import functional as F

from kdutils import checks, losses
from kdutils.data import Batch
from kdutils.objectives import Objective
from kdutils.teachers import Teacher, ask, check_other

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


QUESTIONS = (q1, q2, q3, q4)
TAUGHT = (q2, q3)  # the others know no teacher


def objective(
    question: Loss,
    teacher: Teacher | None = None,
    *,
    temperature: float = 1.0,
    weight: float = 1.0,
) -> Objective:
    """Return what :func:`training.fit` asks of a student under one of the four questions.

    Args:
        question: ``q1``, ``q2``, ``q3`` or ``q4``.
        teacher: as for :func:`teachers.ask`; for q2 and q3 only.
        temperature: T >= 1.
        weight: c >= 0, often T².

    Raises:
        ValueError: a teacher where none is asked for or none where one is, or a number out of
            range.
    """
    checks.one_of("question", question, QUESTIONS)
    if (teacher is not None) != (question in TAUGHT):
        raise ValueError(f"teacher must be given with q2 and q3 only, got {teacher!r:.40}")
    checks.number("temperature", temperature, 1, checks.TEMPERATURES[1])
    checks.number("weight", weight, 0)
    logits_of = ask(teacher) if teacher is not None else lambda batch: None

    def ask_student(student: nn.Module, batch: Batch) -> Tensor:
        check_other(teacher, student)
        logits = student(batch.images).float()
        return question(logits, batch.labels, logits_of(batch), temperature, weight)

    return ask_student
