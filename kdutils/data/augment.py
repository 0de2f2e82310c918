"""Random changes of training images that leave their labels true."""

from collections.abc import Callable
from functools import lru_cache

import torch
from scipy.ndimage import gaussian_filter
from torch import Generator, Tensor
from torch.nn.functional import interpolate, pad

from kdutils import checks
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
    _check_images(images)
    checks.number("max_shift", max_shift, 0, whole=True)
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
    _check_images(images)
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


def _check_images(images: Tensor) -> None:
    checks.tensor("images", images)
    if images.ndim != 4:
        raise ValueError(f"images must be (B, C, H, W), got shape {tuple(images.shape)}")


# Grey levels of uniform noise: their mean and their standard deviation.
GREY, SPREAD = 127.5, 73.9


def normal_noise(images: Tensor, generator: Generator | None = None) -> Tensor:
    """Return as many pictures of normal noise, with the mean and deviation of uniform noise.

    What is below 0 or above 255, 8 % of the pixels, is set to 0 or 255.

    Args:
        images: (B, C, H, W), of which only the shape counts.
        generator: source of the draws; the default generator if None.

    Returns:
        uint8 (B, C, H, W).
    """
    return _grey(torch.randn(images.shape, generator=generator))


def blurred_noise(images: Tensor, generator: Generator | None = None) -> Tensor:
    """Return as many pictures of normal noise under a Gaussian blur of one and a half pixels.

    The blur goes on at the opposite edge. Pictures are then brought to the mean and deviation of
    uniform noise, and what is below 0 or above 255 is set to 0 or 255.

    Args:
        images: (B, C, H, W), of which only the shape counts.
        generator: source of the draws; the default generator if None.

    Returns:
        uint8 (B, C, H, W).
    """
    drawn = torch.randn(images.shape, generator=generator).numpy()
    smooth = torch.from_numpy(gaussian_filter(drawn, 1.5, axes=(2, 3), mode="wrap"))
    return _grey(smooth / smooth.std())


def _grey(standard: Tensor) -> Tensor:
    return (GREY + SPREAD * standard).clamp(0, 255).to(torch.uint8)


def shuffled(images: Tensor, generator: Generator | None = None) -> Tensor:
    """Return the images with their pixels in disorder, each in one of its own.

    Args:
        images: (B, C, H, W), any dtype; channels stay together.
        generator: source of the draws; the default generator if None.

    Returns:
        A new tensor like ``images``.
    """
    pixels = images.flatten(2)
    order = torch.rand(len(images), 1, pixels.shape[2], generator=generator).argsort(2)
    return pixels.gather(2, order.expand(pixels.shape)).view(images.shape)


def unchanged(images: Tensor, generator: Generator | None = None) -> Tensor:
    """Return the images as they are."""
    return images


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
PICTURES: dict[str, Augmentation] = {
    "noise": noise,
    "normal": normal_noise,
    "blurred": blurred_noise,
    "blobs": blobs,
    "letters": drawn_letters,
    "shuffled": shuffled,
    "unchanged": unchanged,
}
