"""Random changes of training images that leave their labels true."""

from collections.abc import Callable
from functools import lru_cache

import torch
from torch import Generator, Tensor
from torch.nn.functional import interpolate, pad

from kdutils.data import letters

# ``augment(images, generator)``; torch's default generator if that is None.
Augmentation = Callable[[Tensor, Generator | None], Tensor]


def jitter(images: Tensor, max_shift: int, generator: Generator | None = None) -> Tensor:
    """Shift every image by its own whole number of pixels, filling with zeros.

    Args:
        images: (B, C, H, W), any dtype.
        max_shift: largest shift in pixels, >= 0, drawn uniformly and separately along both axes.
        generator: source of the shifts; the default generator if None.

    Returns:
        A new tensor like ``images``.

    Raises:
        ValueError: ``images`` is not 4-D or ``max_shift`` is negative.

    Source: Hinton, Vinyals and Dean (2015), section 3: "jittered by up to two pixels".
    """
    if images.ndim != 4:
        raise ValueError(f"images must be (B, C, H, W), got shape {tuple(images.shape)}")
    if max_shift < 0:
        raise ValueError(f"max_shift must be >= 0, got {max_shift}")
    height, width = images.shape[2:]
    padded = pad(images, (max_shift,) * 4)
    shifts = torch.randint(0, 2 * max_shift + 1, (2, len(images)), generator=generator)
    rows = shifts[0].to(images.device)[:, None] + torch.arange(height, device=images.device)
    columns = shifts[1].to(images.device)[:, None] + torch.arange(width, device=images.device)
    picked = padded.permute(0, 2, 3, 1)[
        torch.arange(len(images), device=images.device)[:, None, None],
        rows[:, :, None],
        columns[:, None, :],
    ]  # (B, H, W, C)
    return picked.permute(0, 3, 1, 2).contiguous()


def flip(images: Tensor, generator: Generator | None = None) -> Tensor:
    """Mirror each image left to right with probability one half.

    Args:
        images: (B, C, H, W), any dtype.
        generator: source of the draws; the default generator if None.

    Returns:
        A new tensor like ``images``.

    Raises:
        ValueError: ``images`` is not 4-D.
    """
    if images.ndim != 4:
        raise ValueError(f"images must be (B, C, H, W), got shape {tuple(images.shape)}")
    mirrored = torch.randint(0, 2, (len(images), 1, 1, 1), generator=generator).bool()
    return torch.where(mirrored.to(images.device), images.flip(3), images)


def noise(images: Tensor, generator: Generator | None = None) -> Tensor:
    """Return as many pictures of noise, every pixel uniform in 0 to 255.

    Args:
        images: (B, C, H, W), of which only the shape counts.
        generator: source of the draws; the default generator if None.

    Returns:
        uint8 (B, C, H, W).
    """
    return torch.randint(0, 256, images.shape, generator=generator, dtype=torch.uint8)


def blobs(images: Tensor, generator: Generator | None = None) -> Tensor:
    """Return as many pictures of soft white blobs on black, as broad as the strokes of a digit.

    Normal noise on a grid of a quarter of the height and width, made smooth by bicubic
    interpolation; what is below 0 becomes black, what is above 1 white.

    Args:
        images: (B, C, H, W), of which only the shape counts.
        generator: source of the draws; the default generator if None.

    Returns:
        uint8 (B, C, H, W).
    """
    *front, height, width = images.shape
    coarse = torch.randn(*front, height // 4, width // 4, generator=generator)
    smooth = interpolate(coarse, size=(height, width), mode="bicubic", align_corners=False)
    return (255 * smooth.clamp(0, 1)).to(torch.uint8)


def drawn_letters(images: Tensor, generator: Generator | None = None) -> Tensor:
    """Return as many pictures of letters, at their own size in the middle.

    Every picture is drawn by lot from the same 60,600, 50 of each letter.

    Args:
        images: (B, C, H, W), of which only the shape counts; H = W, even and >= 24.
        generator: source of the draws; the default generator if None.

    Returns:
        uint8 (B, C, H, W).

    Raises:
        ValueError: another height or width.
    """
    height, width = images.shape[2:]
    edge, odd = divmod(height - letters.SIDE, 2)
    if height != width or edge < 0 or odd:
        raise ValueError(
            f"images must be squares of even size, at least {letters.SIDE} pixels, "
            f"got {height} x {width}"
        )
    pool = _letters()
    rows = torch.randint(0, len(pool), (len(images),), generator=generator)
    return pad(pool[rows], (edge,) * 4).expand(images.shape).clone()


@lru_cache(maxsize=1)
def _letters() -> Tensor:
    return letters.letters(per_class=50).train.images


# What can stand in for the training images where only the teacher's answers count.
PICTURES: dict[str, Augmentation] = {"noise": noise, "blobs": blobs, "letters": drawn_letters}
