"""How a teacher is asked for its logits: live, out of a table, or live and once per picture."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from kdutils import checks
from kdutils.data import Batch


class Remembering:
    """A teacher that is asked about each picture once.

    Shifts by whole pixels and mirroring make few views of a picture (50 for shifts of up to two),
    and over many epochs they come again. From the second time on a picture's logits are looked
    up, as float32. They are those of ``net`` up to rounding, which may depend on how many
    pictures it is asked about at once.

    Args:
        net: the teacher.
    """

    def __init__(self, net: nn.Module) -> None:
        self.net = net
        self.answers: dict[int, bytes] = {}

    def __call__(self, images: Tensor) -> Tensor:
        """Return the logits (B, C) of images (B, C, H, W)."""
        keys = [hash(image.tobytes()) for image in images.cpu().numpy()]
        new = {key: row for row, key in enumerate(keys) if key not in self.answers}
        if new:
            logits = _live(self.net, images[list(new.values())]).float().cpu().numpy()
            self.answers.update(zip(new, (row.tobytes() for row in logits), strict=True))
        known = bytearray().join(self.answers[key] for key in keys)
        return torch.frombuffer(known, dtype=torch.float32).view(len(keys), -1).to(images.device)


Teacher = nn.Module | Tensor | Remembering


def ask(teacher: Teacher) -> Callable[[Batch], Tensor]:
    """Return what gives a teacher's logits (B, C) for a batch.

    Args:
        teacher: a net, put in eval mode and run without gradient on the very images that the
            student sees, so on the same augmented batch; the same behind a
            :class:`Remembering`; or its logits (N, C) on the split's plain images, picked by
            **sample id** and never by position in the batch. Such a table fits a run without
            augmentation only, and the very split that it was made for: of that only its length
            can be compared, since a tensor does not say what it was computed from.

    Raises:
        ValueError: a teacher of another type or with logits that are not finite; when asked, a
            table of other samples than the split's, or of plain images for augmented ones.
    """
    if isinstance(teacher, nn.Module):
        return lambda batch: _live(teacher, batch.images)
    if isinstance(teacher, Remembering):
        return lambda batch: teacher(batch.images)
    if isinstance(teacher, Tensor) and teacher.ndim == 2:
        checks.logits("teacher", teacher)
        return lambda batch: _looked_up(teacher, batch)
    raise ValueError(
        f"teacher must be a module or cached logits (N, C), got {type(teacher).__name__}"
        f"{list(getattr(teacher, 'shape', []))}"
    )


def _live(teacher: nn.Module, images: Tensor) -> Tensor:
    # On every call, since a caller may have put the teacher back in train mode: batch
    # statistics would then drift with every student batch.
    teacher.to(images.device, memory_format=torch.channels_last).eval()
    with torch.no_grad():
        return teacher(images)


def _looked_up(teacher_logits: Tensor, batch: Batch) -> Tensor:
    if batch.augmented:
        raise ValueError(
            "teacher must be a net where images are augmented, "
            "got cached logits, which are those of the plain images"
        )
    samples = batch.samples or int(batch.ids.max()) + 1
    if len(teacher_logits) < samples or (batch.samples and len(teacher_logits) != samples):
        raise ValueError(
            f"teacher must hold logits for every sample of the split: "
            f"got {len(teacher_logits)} rows for {samples} samples"
        )
    return teacher_logits[batch.ids.to(teacher_logits.device)].to(batch.ids.device)


def check_other(teacher: Teacher, student: nn.Module) -> None:
    """Raise ValueError where a net is to learn from itself, its own weights of this moment."""
    if teacher is student or getattr(teacher, "net", None) is student:
        raise ValueError("teacher must be another net than the student, got the student itself")
