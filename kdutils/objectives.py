"""One objective per method: ``objective(student, batch) -> scalar loss`` for ``training.fit``."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from kdutils import losses
from kdutils.data import Batch

Objective = Callable[[nn.Module, Batch], Tensor]


def hard_labels() -> Objective:
    """Return the baseline's objective: cross-entropy with the labels."""
    return label_smoothing(0.0)


def label_smoothing(smoothing: float) -> Objective:
    """Return the teacher-free control: cross-entropy with smoothed labels.

    Args:
        smoothing: share of the uniform distribution, in [0, 1].

    Raises:
        ValueError: smoothing outside [0, 1].
    """
    losses.check_fraction("smoothing", smoothing)

    def objective(student: nn.Module, batch: Batch) -> Tensor:
        return losses.label_smoothing_loss(student(batch.images), batch.labels, smoothing)

    return objective


def distillation(
    teacher: nn.Module | Tensor, *, temperature: float, alpha: float, t_squared: bool = True
) -> Objective:
    """Return Hinton's objective, from a live teacher or from its cached logits.

    Args:
        teacher: a net, put in eval mode and run without gradient on the very images that the
            student sees, so on the same augmented batch; or its logits (N, C) on the split's
            plain images, picked by **sample id** and never by position in the batch. Cached
            logits fit a run without augmentation only.
        temperature: T > 0.
        alpha: weight of the distillation term, in [0, 1]; 1 trains on soft targets only.
        t_squared: False leaves the factor T² out of the loss.

    Raises:
        ValueError: temperature or alpha out of range, or a teacher of another type.

    Source: Hinton, Vinyals and Dean (2015), section 2.
    """
    losses.check_temperature(temperature)
    losses.check_fraction("alpha", alpha)
    teacher_logits = _live(teacher) if isinstance(teacher, nn.Module) else _cached(teacher)

    def objective(student: nn.Module, batch: Batch) -> Tensor:
        return losses.hard_and_soft_loss(
            student(batch.images),
            teacher_logits(batch),
            batch.labels,
            temperature=temperature,
            alpha=alpha,
            t_squared=t_squared,
        )

    return objective


def _live(teacher: nn.Module) -> Callable[[Batch], Tensor]:
    def logits(batch: Batch) -> Tensor:
        # On every call, since a caller may have put the teacher back in train mode: batch
        # statistics would then drift with every student batch.
        teacher.to(batch.images.device).eval()
        with torch.no_grad():
            return teacher(batch.images)

    return logits


def _cached(teacher_logits: Tensor) -> Callable[[Batch], Tensor]:
    if not isinstance(teacher_logits, Tensor) or teacher_logits.ndim != 2:
        raise ValueError(
            f"teacher must be a module or cached logits (N, C), got {type(teacher_logits).__name__}"
            f"{list(getattr(teacher_logits, 'shape', []))}"
        )

    def logits(batch: Batch) -> Tensor:
        if batch.ids.max() >= len(teacher_logits):
            raise ValueError(
                f"teacher must hold logits for every sample: got {len(teacher_logits)} rows, "
                f"but the batch has sample id {int(batch.ids.max())}"
            )
        picked = teacher_logits[batch.ids.to(teacher_logits.device)]
        return picked.to(batch.ids.device)

    return logits
