"""Small nets of the field. Each takes uint8 images and returns raw logits (N, classes)."""

import inspect
import math
from collections import OrderedDict
from collections.abc import Callable

import torch
from torch import nn

from kdutils import checks
from kdutils.models.composites import (
    MEAN,
    RULE,
    Ensemble,
    MultiExit,
    Specialist,
    WithAuxiliary,
    WithSpecialists,
)
from kdutils.models.convnets import plain_cnn, resnet, svhn_cnn, tfkd_cnn, vgg
from kdutils.models.layers import LETTERS_PIXELS, MNIST_PIXELS, Standardize
from kdutils.quantize import FULL, quantize

# Something must be left.
LARGEST_DROPOUT = 0.99


def mlp(*, hidden: int, dropout: float = 0.0, input_dropout: float = 0.0) -> nn.Sequential:
    """Build Hinton's net for MNIST: 784 - hidden - hidden - 10, ReLU.

    Args:
        hidden: units in each of the two hidden layers; 1200 is the teacher, 800 the student.
        dropout: share of the hidden units silenced in training, in [0, .99].
        input_dropout: share of the pixels silenced in training, in [0, .99].

    Returns:
        A net from uint8 (N, 1, 28, 28) to logits (N, 10).

    Raises:
        ValueError: an argument out of range.

    Source: Hinton, Vinyals and Dean (2015), section 3.

    >>> sum(p.numel() for p in mlp(hidden=800).parameters())
    1276810
    """
    checks.number("hidden", hidden, 1, whole=True)
    checks.number("dropout", dropout, 0, LARGEST_DROPOUT)
    checks.number("input_dropout", input_dropout, 0, LARGEST_DROPOUT)
    silence = [nn.Dropout(dropout)] if dropout else []
    return nn.Sequential(
        Standardize(*MNIST_PIXELS),
        nn.Flatten(),
        *([nn.Dropout(input_dropout)] if input_dropout else []),
        *[nn.Linear(784, hidden), nn.ReLU(), *silence],
        *[nn.Linear(hidden, hidden), nn.ReLU(), *silence],
        nn.Linear(hidden, 10),
    )


def letters_mlp(*, hidden: int, bottleneck: int, classes: int = 1212) -> nn.Sequential:
    """Build a net for many letters, too small for all: 576 - hidden - bottleneck - classes, ReLU.

    Args:
        hidden, bottleneck: units of the two hidden layers, >= 1.
        classes: number of outputs, >= 1.

    Returns:
        A net from uint8 (N, 1, 24, 24) to logits (N, classes).

    Raises:
        ValueError: an argument below 1.

    >>> sum(p.numel() for p in letters_mlp(hidden=64, bottleneck=24).parameters())
    68788
    """
    for name, units in (("hidden", hidden), ("bottleneck", bottleneck), ("classes", classes)):
        checks.number(name, units, 1, whole=True)
    return nn.Sequential(
        Standardize(*LETTERS_PIXELS),
        nn.Flatten(),
        *[nn.Linear(576, hidden), nn.ReLU()],
        *[nn.Linear(hidden, bottleneck), nn.ReLU()],
        nn.Linear(bottleneck, classes),
    )


STARTS = ("normal", "uniform")
# Mean and standard deviation that pixels are brought to 0 and 1 from, on a scale of 0 to 1.
PIXELS = {"signed": (0.5, 0.5), "standard": MNIST_PIXELS, "unit": (0.0, 1.0)}


def auxiliary_mlp(
    *, hidden: int = 256, auxiliary: int = 3, start: str = "normal", pixels: str = "signed"
) -> WithAuxiliary:
    """Build the net of subliminal learning: 784 - hidden - hidden - (10 + auxiliary), ReLU.

    Args:
        hidden: units in each of the two hidden layers, >= 1.
        auxiliary: outputs beside those of the ten digits, >= 1.
        start: how weights are drawn: ``normal``, as in the authors' code, with variance
            1 / inputs and biases of 0; ``uniform``, as PyTorch does, with a third of that
            variance, biases too.
        pixels: how grey levels enter the net: ``signed``, from -1 to 1, as in the authors'
            code; ``standard``, with the training digits' mean 0 and variance 1, as in all other
            nets here; ``unit``, from 0 to 1.

    Returns:
        A net from uint8 (N, 1, 28, 28) to logits (N, 10); its linear layers are ``trunk.first``,
        ``trunk.second``, ``class_head`` and ``auxiliary_head``.

    Raises:
        ValueError: an argument out of range.

    Source: Cloud et al. (2025), arXiv 2507.14805, section 6.2, and the code published with it.

    >>> sum(p.numel() for p in auxiliary_mlp().parameters())
    270093
    """
    for name, units in (("hidden", hidden), ("auxiliary", auxiliary)):
        checks.number(name, units, 1, whole=True)
    checks.one_of("start", start, STARTS)
    checks.one_of("pixels", pixels, PIXELS)
    trunk = OrderedDict(
        pixels=Standardize(*PIXELS[pixels]),
        flat=nn.Flatten(),
        first=nn.Linear(784, hidden),
        first_relu=nn.ReLU(),
        second=nn.Linear(hidden, hidden),
        second_relu=nn.ReLU(),
    )
    heads = nn.Linear(hidden, 10), nn.Linear(hidden, auxiliary)
    net = WithAuxiliary(nn.Sequential(trunk), *heads)
    if start == "normal":
        for layer in (trunk["first"], trunk["second"], *heads):
            nn.init.normal_(layer.weight, std=1 / math.sqrt(layer.in_features))
            nn.init.zeros_(layer.bias)
    return net


def _specialist(*, of: str, own: int, **size: float) -> Specialist:
    # Weights and the classes themselves come from a checkpoint.
    return Specialist(create(of, classes=own + 1, **size), torch.arange(own))


def _with_specialists(
    *,
    of: str,
    count: int,
    own: int,
    total: int = 1212,
    corrected: bool = True,
    rule: str = RULE,
    **size: float,
) -> WithSpecialists:
    nets = [_specialist(of=of, own=own, **size) for _ in range(count)]
    return WithSpecialists(create(of, classes=total, **size), nets, corrected, rule)


def cnn(*, dropout: float = 0.0) -> nn.Sequential:
    """Build the convolutional teacher of an often repeated course assignment on MNIST.

    conv 3×3 (32) - max-pool 2×2 with **stride 1** - conv 3×3 (64) - max-pool 2×2 - 128 - 10, ReLU.
    Its student is ``mlp(hidden=784)``, which has more parameters and about a ninth of the MACs.

    Args:
        dropout: share of the inputs of both dense layers silenced in training, in [0, .99].

    Returns:
        A net from uint8 (N, 1, 28, 28) to logits (N, 10).

    Raises:
        ValueError: dropout out of range.

    Source: University of Toronto, ECE1512 (2022), project A.

    >>> sum(p.numel() for p in cnn().parameters())
    1011466
    """
    checks.number("dropout", dropout, 0, LARGEST_DROPOUT)
    silence = [nn.Dropout(dropout)] if dropout else []
    return nn.Sequential(
        Standardize(*MNIST_PIXELS),
        *[nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2, stride=1)],
        *[nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2)],
        nn.Flatten(),
        *silence,
        *[nn.Linear(64 * 11 * 11, 128), nn.ReLU(), *silence],
        nn.Linear(128, 10),
    )


MODELS: dict[str, Callable[..., nn.Module]] = {
    "mlp": mlp,
    "cnn": cnn,
    "letters-mlp": letters_mlp,
    "auxiliary-mlp": auxiliary_mlp,
    "tfkd-cnn": tfkd_cnn,
    "plain-cnn": plain_cnn,
    "resnet": resnet,
    "vgg": vgg,
    "svhn-cnn": svhn_cnn,
    "resnet-exits": lambda **size: MultiExit(resnet(**size)),
    "vgg-exits": lambda **size: MultiExit(vgg(**size)),
    "ensemble": lambda *, of, members, mean=MEAN, **size: Ensemble(
        [create(of, **size) for _ in range(members)], mean
    ),
    "specialist": _specialist,
    "with-specialists": _with_specialists,
}


def create(
    name: str, *, weight_bits: int = FULL, activation_bits: int = FULL, **size: float
) -> nn.Module:
    """Create an untrained net by its family's name.

    Args:
        name: a key of ``MODELS``.
        weight_bits, activation_bits: of the inner layers, see :func:`quantize.quantize`; 32
            leaves the net as it is.
        **size: that family's own arguments, such as ``hidden=800``.

    Raises:
        ValueError: unknown name (lists the close ones), a size out of range, or another
            family's.

    >>> import torch
    >>> create("mlp", hidden=30)(torch.zeros(2, 1, 28, 28, dtype=torch.uint8)).shape
    torch.Size([2, 10])
    """
    checks.one_of("name", name, MODELS)
    known = inspect.signature(MODELS[name]).parameters
    if not any(each.kind == each.VAR_KEYWORD for each in known.values()):
        for given in size:
            checks.one_of(f"size of {name!r}", given, known)
    try:
        net = MODELS[name](**size)
    except TypeError as error:  # an argument that this family does not have, or lacks
        raise ValueError(f"size must fit the model {name!r}, got {size}: {error}") from error
    return quantize(net, weight_bits=weight_bits, activation_bits=activation_bits)
