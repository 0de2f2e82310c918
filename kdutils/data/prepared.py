"""The full data sets as prepared files, ``<name>.npz``: where they are looked for, and checked."""

import os
import zipfile
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from kdutils.data.splits import DIGITS, Split
from kdutils.files import ROOT

OBJECTS = tuple("airplane automobile bird cat deer dog frog horse ship truck".split())


class Source(NamedTuple):
    """Facts on one downloadable data set (``size`` of the download in MB)."""

    shape: tuple[int, ...]
    classes: tuple[str, ...]
    val: int
    size: int


SOURCES = {
    "mnist": Source((28, 28), DIGITS, 5000, 11),
    "cifar10": Source((32, 32, 3), OBJECTS, 5000, 170),
    "svhn": Source((32, 32, 3), DIGITS, 5000, 246),
    # Neighbouring crops often show one photo: both cuts (see also download.py) are between photos.
    "svhn10k": Source((32, 32, 3), DIGITS, 1001, 64),
}


def find(name: str) -> Path:
    """Return the path of a prepared file: in ``$KDUTILS_DATA``, else in the project's ``data/``.

    Raises:
        FileNotFoundError: it is absent; names the command that makes it.
    """
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
