"""How a teacher is asked for its logits: live, out of a table, or live and once per picture."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

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
            augmentation only.

    Raises:
        ValueError: a teacher of another type; when asked, a sample id beyond the table.
    """
    if isinstance(teacher, nn.Module):
        return lambda batch: _live(teacher, batch.images)
    if isinstance(teacher, Remembering):
        return lambda batch: teacher(batch.images)
    if isinstance(teacher, Tensor) and teacher.ndim == 2:
        return lambda batch: _looked_up(teacher, batch.ids)
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


def _looked_up(teacher_logits: Tensor, ids: Tensor) -> Tensor:
    if ids.max() >= len(teacher_logits):
        raise ValueError(
            f"teacher must hold logits for every sample: got {len(teacher_logits)} rows, "
            f"but the batch has sample id {int(ids.max())}"
        )
    return teacher_logits[ids.to(teacher_logits.device)].to(ids.device)
