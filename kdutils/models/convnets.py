"""Convolutional nets for 32×32 colour images, from uint8 (N, 3, 32, 32) to raw logits (N, 10)."""

from torch import nn

from kdutils import checks
from kdutils.models.layers import CIFAR_PIXELS, PatchFilters, ResidualBlock, Standardize, conv_norm


def tfkd_cnn() -> nn.Sequential:
    """Build the plain CNN that Tf-KD lets teach larger nets: conv 32 - 64 - 128 - dense 128 - 10.

    Returns:
        A net from uint8 (N, 3, 32, 32) to logits (N, 10).

    Source: Yuan et al. (2020), arXiv 1909.11723, section 2.

    >>> sum(p.numel() for p in tfkd_cnn().parameters())
    357290
    """
    layers, inputs = [], 3
    for outputs in (32, 64, 128):
        layers += [*conv_norm(inputs, outputs), nn.MaxPool2d(2), nn.ReLU()]
        inputs = outputs
    return nn.Sequential(
        Standardize(*CIFAR_PIXELS),
        *layers,
        nn.Flatten(),
        *[nn.Linear(128 * 4 * 4, 128), nn.BatchNorm1d(128), nn.ReLU(), nn.Dropout(0.5)],
        nn.Linear(128, 10),
    )


def resnet(*, depth: int) -> nn.Sequential:
    """Build a ResNet for 32×32 images: three stages of 16, 32 and 64 channels.

    Args:
        depth: weighted layers, 6 n + 2 with n blocks per stage: 8, 14, 20, …

    Returns:
        A net from uint8 (N, 3, 32, 32) to logits (N, 10), with parts ``stem``, ``stage1`` to
        ``stage3``, ``pool`` and ``head``.

    Raises:
        ValueError: a depth that is not 6 n + 2.

    Source: He et al. (2016), section 4.2, with 1×1 shortcuts where the shape changes.

    >>> sum(p.numel() for p in resnet(depth=8).parameters())
    78042
    """
    checks.number("depth", depth, whole=True)
    blocks, rest = divmod(depth - 2, 6)
    if rest or blocks < 1:
        raise ValueError(f"depth must be 6 n + 2 with n >= 1, got {depth}")
    stages, inputs = [], 16
    for outputs in (16, 32, 64):
        first = ResidualBlock(inputs, outputs, stride=1 if outputs == 16 else 2)
        others = [ResidualBlock(outputs, outputs, stride=1) for _ in range(blocks - 1)]
        stages.append(nn.Sequential(first, *others))
        inputs = outputs
    stem = [Standardize(*CIFAR_PIXELS), *conv_norm(3, 16), nn.ReLU()]
    return _staged(stem, stages, inputs)


def vgg(*, width: int, last: int | None = None) -> nn.Sequential:
    """Build a small VGG-like net that trains fast: three stages of two 3×3 convolutions.

    They see fixed filters of 2×2 patches and pool after their first convolution; the head sees
    the strongest response of each channel.

    Args:
        width: channels of the first stage, >= 1; the second has four times as many.
        last: channels of the last stage, >= 1; as many as the second if None.

    Returns:
        A net from uint8 (N, 3, 32, 32) to logits (N, 10), with parts as :func:`resnet`.

    Raises:
        ValueError: ``width`` or ``last`` below 1.

    Source: the shape of airbench94 (Jordan, 2024, arXiv 2404.00498) with ReLU and the usual
    batch normalization; after Simonyan and Zisserman (2015).

    >>> sum(p.numel() for p in vgg(width=24, last=128).parameters())
    374378
    """
    last = 4 * width if last is None else last
    for name, channels in (("width", width), ("last", last)):
        checks.number(name, channels, 1, whole=True)
    stages, inputs = [], 24
    for outputs in (width, 4 * width, last):
        conv, norm = conv_norm(inputs, outputs)
        stages.append(
            nn.Sequential(
                *[conv, nn.MaxPool2d(2), norm, nn.ReLU()], *conv_norm(outputs, outputs), nn.ReLU()
            )
        )
        inputs = outputs
    net = _staged([Standardize(*CIFAR_PIXELS), PatchFilters()], stages, inputs)
    net.pool[0] = nn.AdaptiveMaxPool2d(1)
    return net


def _staged(stem: list[nn.Module], stages: list[nn.Module], channels: int) -> nn.Sequential:
    net = nn.Sequential()
    net.stem = nn.Sequential(*stem)
    for number, stage in enumerate(stages, start=1):
        net.add_module(f"stage{number}", stage)
    net.pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
    net.head = nn.Linear(channels, 10)
    return net


# Channels of the convolutions between two poolings, by number of convolutions.
PLAIN_STAGES = {
    2: ((16,), (16,)),
    4: ((16, 16), (32, 32)),
    6: ((16, 16), (32, 32), (64, 64)),
    8: ((16, 16), (32, 32), (64, 64), (128, 128)),
    10: ((32, 32), (64, 64), (128, 128), (256, 256, 256, 256)),
}


def plain_cnn(*, convs: int) -> nn.Sequential:
    """Build one of the plain CNNs of the teacher-assistant paper for 32×32 images.

    Args:
        convs: 3×3 convolutions: 2, 4, 6, 8 or 10. The net with 10 has one more dense layer of 128.

    Returns:
        A net from uint8 (N, 3, 32, 32) to logits (N, 10).

    Raises:
        ValueError: another number of convolutions.

    Source: Mirzadeh et al. (2020), AAAI, in the widths of the authors' code.

    >>> sum(p.numel() for p in plain_cnn(convs=2).parameters())
    13050
    """
    checks.one_of("convs", convs, PLAIN_STAGES)
    layers, inputs, size = [], 3, 32
    for stage in PLAIN_STAGES[convs]:
        for outputs in stage:
            layers += [*conv_norm(inputs, outputs), nn.ReLU()]
            inputs = outputs
        layers.append(nn.MaxPool2d(2))
        size //= 2
    features = inputs * size**2
    dense = [nn.Linear(features, 128), nn.ReLU()] if convs == 10 else []
    head = nn.Linear(128 if dense else features, 10)
    return nn.Sequential(Standardize(*CIFAR_PIXELS), *layers, nn.Flatten(), *dense, head)


def svhn_cnn(*, width: float = 1) -> nn.Sequential:
    """Build DoReFa-Net's net for house numbers: conv 48 - 64 - 64 - 128 - 128 - 128 - 512 - 10.

    Args:
        width: multiplies all channels: 1, 1/2, 1/4 and 1/8 are the paper's models A to D.

    Returns:
        A net from uint8 (N, 3, 32, 32) to logits (N, 10).

    Raises:
        ValueError: ``width`` outside (0, 1].

    Source: Zhou et al. (2016), section 3.1, in the shapes of the authors' code; the first
    convolution is padded and the last one 4×4, since ours are 32 pixels wide and not 40.

    >>> sum(p.numel() for p in svhn_cnn(width=1 / 4).parameters())
    95334
    """
    checks.number("width", width, above=0, high=1)
    c = [round(channels * width) for channels in (48, 64, 64, 128, 128, 128, 512)]
    return nn.Sequential(
        Standardize(*CIFAR_PIXELS),
        *[*conv_norm(3, c[0], size=5), nn.MaxPool2d(2), nn.ReLU()],
        *[*conv_norm(c[0], c[1]), nn.ReLU()],
        *[*conv_norm(c[1], c[2]), nn.MaxPool2d(2), nn.ReLU()],
        *[*conv_norm(c[2], c[3], padding=0), nn.ReLU()],
        *[*conv_norm(c[3], c[4]), nn.ReLU()],
        *[*conv_norm(c[4], c[5], padding=0), nn.ReLU()],
        *[*conv_norm(c[5], c[6], size=4, padding=0), nn.ReLU()],
        nn.Flatten(),
        nn.Linear(c[6], 10),
    )
