"""Colour pictures of digits, drawn on demand: a stand-in for live runs of the colour notebooks.

No colour data set ships with a package, so these are drawn from the real digits of
``mnist-sample``, in the manner of house numbers: any colours, an uneven background, neighbours cut
off at the sides, little contrast, blur. They are easier than SVHN and are never named as if they
were it.
"""

from functools import lru_cache

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from kdutils.data.splits import DIGITS, Dataset, Split, check_split, mnist_sample

SIZE = 32


@lru_cache(maxsize=1)
def street_digits(seed: int = 0) -> Dataset:
    """Draw the data set: 4,000 / none / 1,000 images, uint8 (N, 3, 32, 32).

    The train pictures are drawn from the digits of ``mnist-sample``'s train split and the test
    pictures from those of its test split, neighbours included.

    Args:
        seed: of everything drawn by lot; the same seed gives the same pictures.
    """
    source = mnist_sample()
    generator = Generator().manual_seed(seed)
    train, test = (draw(split, generator) for split in (source.train, source.test))
    return Dataset("street-digits", f"drawn from {source.origin}", DIGITS, train, None, test)


def draw(digits: Split, generator: Generator) -> Split:
    """Draw one picture of each digit.

    Args:
        digits: (N, 1, 28, 28) uint8, white on black.
        generator: source of all that is drawn by lot.

    Returns:
        uint8 (N, 3, 32, 32) pictures with the same labels.

    Raises:
        ValueError: ``digits`` is not a Split of such pictures.
    """
    check_split("digits", digits)
    if digits.images.shape[1:] != (1, 28, 28) or digits.images.dtype != torch.uint8:
        raise ValueError(
            f"digits.images must be uint8 (N, 1, 28, 28), "
            f"got {digits.images.dtype} of shape {tuple(digits.images.shape)}"
        )
    count = len(digits)

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * torch.rand(count, *shape, generator=generator)

    masks = digits.images.float() / 255
    ink = _place(masks, uniform(0.9, 1.25), uniform(-0.2, 0.2), uniform(-0.1, 0.1, 2))
    for side in (-1, 1):
        neighbours = masks[torch.randperm(count, generator=generator)]
        shift = torch.stack([side * uniform(1.1, 1.5), uniform(-0.15, 0.15)], dim=1)
        placed = _place(neighbours, uniform(0.9, 1.25), uniform(-0.2, 0.2), shift)
        ink = torch.maximum(ink, placed * (uniform(0, 1, 1, 1, 1) < 0.6))
    color = uniform(0.15, 0.85, 1, 1, 1) + uniform(-0.2, 0.2, 3, 1, 1)
    paper = _smooth(color, uniform(-0.18, 0.18, 3, 4, 4))
    brightness = paper.mean((1, 2, 3), keepdim=True)
    contrast = uniform(0.2, 0.6, 1, 1, 1) * torch.where(brightness < 0.5, 1.0, -1.0)
    color = brightness + contrast + uniform(-0.12, 0.12, 3, 1, 1)
    pictures = paper * (1 - ink) + color * ink
    pictures = _blur(pictures, uniform(0, 1, 1, 1, 1))
    pictures = pictures + 0.02 * torch.randn(pictures.shape, generator=generator)
    return Split((pictures.clamp(0, 1) * 255).round().to(torch.uint8), digits.labels)


def _place(masks: Tensor, scale: Tensor, angle: Tensor, shift: Tensor) -> Tensor:
    """Return the masks (N, 1, 28, 28) on a 32×32 field; shifts are shares of half its width."""
    zoom = SIZE / (28 * scale)
    cos, sin = zoom * angle.cos(), zoom * angle.sin()
    moved = -torch.stack(
        [cos * shift[:, 0] - sin * shift[:, 1], sin * shift[:, 0] + cos * shift[:, 1]]
    )
    theta = torch.stack(
        [torch.stack([cos, -sin, moved[0]], 1), torch.stack([sin, cos, moved[1]], 1)], 1
    )
    grid = F.affine_grid(theta, (len(masks), 1, SIZE, SIZE), align_corners=False)
    return F.grid_sample(masks, grid, align_corners=False).clamp(0, 1)


def _smooth(base: Tensor, bumps: Tensor) -> Tensor:
    """Return a base colour with slow changes over the picture."""
    return (base + F.interpolate(bumps, SIZE, mode="bicubic", align_corners=True)).clamp(0, 1)


def _blur(pictures: Tensor, strength: Tensor) -> Tensor:
    """Mix each picture with its blurred self."""
    line = torch.tensor([1.0, 4.0, 6.0, 4.0, 1.0]) / 16
    kernel = (line[:, None] * line).expand(3, 1, 5, 5)
    padded = F.pad(pictures, (2, 2, 2, 2), mode="replicate")
    return pictures + strength * (F.conv2d(padded, kernel, groups=3) - pictures)
