"""Load a data set by name, as whole tensors."""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from kdutils import checks
from kdutils.data.letters import letters
from kdutils.data.prepared import SOURCES, find, read_prepared
from kdutils.data.splits import Dataset, Split, embedded_digits, mnist_sample
from kdutils.data.street_digits import street_digits

# Always there, without a file.
EMBEDDED: dict[str, Callable[[], Dataset]] = {
    "letters": letters,
    "mnist-sample": mnist_sample,
    "street-digits": street_digits,
}

# MNIST's whole training file, nothing held out: for runs all of whose choices are made already.
WHOLE = {"mnist-60k": "mnist"}

NAMES = (*EMBEDDED, *SOURCES, *WHOLE)


def load(name: str) -> Dataset:
    """Load a data set by name, without ever downloading.

    ``mnist-sample``, ``street-digits`` (drawn from it) and ``letters`` (drawn from matplotlib's
    fonts) are always there; the others need their prepared file, looked for in ``$KDUTILS_DATA``,
    then in the project's ``data/``.

    Args:
        name: ``mnist`` (55,000 / 5,000 / 10,000), ``mnist-60k`` (the same file, 60,000 / none /
            10,000), ``mnist-sample`` or ``street-digits`` (4,000 / none / 1,000), ``letters``
            (363,600 / 24,240 / 24,240, 0.24 GB; smaller ones from :mod:`kdutils.data.letters`),
            ``cifar10`` (45,000 / 5,000 / 10,000), ``svhn`` (68,257 / 5,000 / 26,032) or
            ``svhn10k`` (7,000 / 1,001 / 1,999, all from SVHN's test file: a CPU-sized subset,
            never to be quoted as SVHN).

    Returns:
        The data set; images uint8 (N, C, H, W), labels int64 (N,).

    Raises:
        ValueError: unknown name, or a prepared file that is damaged or not what it says: one
            whose checksum is not the known one is loaded only with ``KDUTILS_UNVERIFIED=1`` in the
            environment, and is then not ``verified``.
        FileNotFoundError: the prepared file is absent; names the command that makes it.

    >>> load("mnist-sample").train.images.shape
    torch.Size([4000, 1, 28, 28])
    """
    checks.one_of("name", name, NAMES)
    if name in EMBEDDED:
        return EMBEDDED[name]()
    file = WHOLE.get(name, name)
    source, path = SOURCES[file], find(file)
    train, test, origin = read_prepared(path, file)
    if name in WHOLE:
        return Dataset(name, origin, source.classes, train, None, test)
    if name == "mnist":
        held_out = _embedded_in(train, path)
    else:
        held_out = torch.arange(len(train)) >= len(train) - min(source.val, len(train) // 7)
    return Dataset(
        name, origin, source.classes, train.subset(~held_out), train.subset(held_out), test
    )


def _embedded_in(train: Split, path: Path) -> Tensor:
    """Return the mask of the training images that the embedded digits repeat exactly."""
    known = {image.numpy().tobytes() for image in embedded_digits().images}
    mask = torch.tensor([image.numpy().tobytes() in known for image in train.images])
    if mask.sum() != len(known):
        raise ValueError(
            f"{path} must hold the real MNIST training file, with all {len(known)} digits of the "
            f"validation split in it; found {int(mask.sum())} of them"
        )
    return mask
