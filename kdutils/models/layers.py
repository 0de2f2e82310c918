"""Parts that several nets are built of."""

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, normalize

# Mean and standard deviation of the training pixels, on a scale of 0 to 1.
MNIST_PIXELS = (0.1307, 0.3081)
CIFAR_PIXELS = (0.4734, 0.2516)
LETTERS_PIXELS = (0.1388, 0.2007)


class Standardize(nn.Module):
    """Turn uint8 pixels into floats of about zero mean and unit variance.

    It is the first layer of every net here, so that weights and the scaling they were trained
    with cannot be separated.
    """

    def __init__(self, mean: float, std: float) -> None:
        super().__init__()
        self.mean, self.std = mean, std

    def forward(self, images: Tensor) -> Tensor:
        return (images.to(torch.float32) / 255 - self.mean) / self.std

    def extra_repr(self) -> str:
        return f"mean={self.mean}, std={self.std}"


def conv_norm(
    inputs: int, outputs: int, *, stride: int = 1, size: int = 3, padding: int | None = None
) -> list[nn.Module]:
    """Return a convolution and its normalization.

    Without a ``padding`` it is such that height and width stay at stride 1 and odd ``size``.
    """
    padding = size // 2 if padding is None else padding
    return [
        nn.Conv2d(inputs, outputs, size, stride, padding, bias=False),
        nn.BatchNorm2d(outputs),
    ]


class PatchFilters(nn.Module):
    """Describe each 2×2 patch of a colour image by 12 fixed filters and their negatives.

    The filters are all products of 4 spatial patterns (mean, columns, rows, checkers) and 3 of
    colour (brightness, red-blue, green-magenta). On natural images they are nearly uncorrelated
    (at most 0.1 on CIFAR-10's training images), so that scaling each to unit variance whitens
    the patches: what airbench (Jordan, 2024) computes from the data, without computing it.
    From (N, 3, H, W) to (N, 24, H-1, W-1), all >= 0.
    """

    def __init__(self) -> None:
        super().__init__()
        space = torch.tensor([[1.0, 1, 1, 1], [1, -1, 1, -1], [1, 1, -1, -1], [1, -1, -1, 1]])
        colour = torch.tensor([[1.0, 1, 1], [1, 0, -1], [1, -2, 1]])
        filters = torch.einsum("ic,js->ijcs", normalize(colour), normalize(space))
        self.register_buffer("filters", filters.reshape(12, 3, 2, 2), persistent=False)
        # Without the larger eps, noise in the faintest filters would be blown up.
        self.norm = nn.BatchNorm2d(12, eps=5e-4, affine=False)

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(conv2d(x, self.filters))
        return torch.relu(torch.cat([x, -x], dim=1))


class ResidualBlock(nn.Module):
    """Two 3×3 convolutions beside a shortcut (1×1 where the shape changes)."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.residual = nn.Sequential(
            *conv_norm(inputs, outputs, stride=stride), nn.ReLU(), *conv_norm(outputs, outputs)
        )
        same = stride == 1 and inputs == outputs
        shortcut = [] if same else conv_norm(inputs, outputs, stride=stride, size=1)
        self.shortcut = nn.Sequential(*shortcut)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.residual(x) + self.shortcut(x))
