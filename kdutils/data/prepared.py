"""The full data sets as prepared files, ``<name>.npz``: where they are looked for, and checked."""

import hashlib
import math
import os
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from kdutils.data.splits import DIGITS, UNVERIFIED, Split
from kdutils.files import ROOT

OBJECTS = tuple("airplane automobile bird cat deer dog frog horse ship truck".split())
ARRAYS = ("train_images", "train_labels", "test_images", "test_labels")
ANEW = "Delete it and get it anew with: python -m kdutils.data {}"


class Source(NamedTuple):
    """Facts on one downloadable data set.

    Attributes:
        shape: of one picture.
        counts: pictures in its train and its test file, and the most that are read.
        size: of the download in MB.
    """

    shape: tuple[int, ...]
    classes: tuple[str, ...]
    counts: tuple[int, int]
    val: int
    size: int


SOURCES = {
    "mnist": Source((28, 28), DIGITS, (60_000, 10_000), 5000, 11),
    "cifar10": Source((32, 32, 3), OBJECTS, (50_000, 10_000), 5000, 170),
    "svhn": Source((32, 32, 3), DIGITS, (73_257, 26_032), 5000, 246),
    # Neighbouring crops often show one photo: both cuts (see also download.py) are between photos.
    "svhn10k": Source((32, 32, 3), DIGITS, (8001, 1999), 1001, 64),
}

# What `checksum` returns for the arrays that the recorded runs used.
CHECKSUMS = {
    "mnist": "ae7fcea645935dad6dcbc954893500173594b722cc3d1603554fdc98f3980757",
    "cifar10": "e6d6e93e22f14498497f5b301f8a217304072d40b979eab07324340df579639b",
    "svhn10k": "464b42bb30a67630509feebde7162ee36076ecdca6050d37240dc92e60000b63",
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


def checksum(name: str, arrays: Mapping[str, np.ndarray]) -> str:
    """Return one sha256 over a data set's name and all of its arrays.

    Each array counts with name, dtype, shape and values; the zip around them does not. The test
    pictures count in any order, each with its label: no count of errors depends on their order,
    and copies of CIFAR-10 differ in it.

    Args:
        name: a key of ``SOURCES``.
        arrays: those named in ``ARRAYS``.
    """
    total = hashlib.sha256(name.encode())
    for key in ARRAYS:
        total.update(f"|{key} {arrays[key].dtype.str} {arrays[key].shape}|".encode())
        if key.startswith("train"):
            total.update(np.ascontiguousarray(arrays[key]))
    test = zip(arrays["test_images"], arrays["test_labels"], strict=True)
    pairs = (hashlib.sha256(image.tobytes() + label.tobytes()).digest() for image, label in test)
    total.update(b"".join(sorted(pairs)))
    return total.hexdigest()


def write_prepared(path: Path, name: str, arrays: Mapping[str, np.ndarray]) -> None:
    """Write a prepared file, its checksum in the zip's comment: so it moves with the file.

    What :func:`read_prepared` goes by where ``CHECKSUMS`` knows none.
    """
    with open(path, "wb") as file:
        np.savez_compressed(file, **arrays)
    with zipfile.ZipFile(path, "a") as archive:
        archive.comment = checksum(name, arrays).encode()


def read_prepared(path: Path, name: str) -> tuple[Split, Split, str]:
    """Read and check a prepared file.

    The sizes that it declares are checked before anything is unpacked; then its checksum, unless
    the environment says ``KDUTILS_UNVERIFIED=1``.

    Args:
        name: a key of ``SOURCES``.

    Returns:
        Its train and test splits, and their origin: the path, followed by ``UNVERIFIED`` where no
        known checksum vouches for it.

    Raises:
        ValueError: the file is damaged, not what ``SOURCES`` says, or cannot be verified.
    """
    source = SOURCES[name]
    highest = len(source.classes) - 1
    with _damage_told(path, name), zipfile.ZipFile(path) as archive:
        members = set(archive.namelist())
        declared = {key: _declared(archive, key) for key in ARRAYS if f"{key}.npy" in members}
        recorded = archive.comment.decode("ascii", "replace")
    for part, most in zip(("train", "test"), source.counts, strict=True):
        _check_declared(path, name, declared, part, most)
    with _damage_told(path, name), np.load(path, allow_pickle=False) as archive:
        arrays = {key: archive[f"{key}.npy"] for key in ARRAYS}
    for key in ("train_labels", "test_labels"):
        found = arrays[key].max()
        _require(found <= highest, path, name, key, f"in 0..{highest}", f"up to {found}")
    origin = _origin(path, name, CHECKSUMS.get(name, recorded), checksum(name, arrays))
    return _split(arrays, "train"), _split(arrays, "test"), origin


@contextmanager
def _damage_told(path: Path, name: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # torn and forged files make zipfile and numpy raise anything
        raise ValueError(
            f"{path} is damaged or not an .npz file ({error}). {ANEW.format(name)}"
        ) from error


class _Declared(NamedTuple):
    """What a file says of one of its arrays; ``size`` in bytes, unpacked and without header."""

    dtype: np.dtype
    shape: tuple[int, ...]
    size: int


def _declared(archive: zipfile.ZipFile, key: str) -> _Declared:
    info = archive.getinfo(f"{key}.npy")
    # What numpy writes; other ways of packing, and later headers, can unpack to any size.
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(f"{key} is not packed as numpy does it")
    with archive.open(info) as member:
        if np.lib.format.read_magic(member) != (1, 0):
            raise ValueError(f"{key} is not in .npy format 1.0")
        shape, _, dtype = np.lib.format.read_array_header_1_0(member)
        return _Declared(dtype, shape, info.file_size - member.tell())


def _require(ok: bool, path: Path, name: str, key: str, expected: str, got: object) -> None:
    if not ok:
        raise ValueError(f"{path}: {key} must be {expected}, got {got}. {ANEW.format(name)}")


def _check_declared(
    path: Path, name: str, declared: dict[str, _Declared], part: str, most: int
) -> None:
    images, labels = keys = f"{part}_images", f"{part}_labels"
    for key in keys:
        _require(key in declared, path, name, key, "in the file", f"only {sorted(declared)}")
        dtype = declared[key].dtype
        _require(dtype == np.uint8, path, name, key, "uint8", dtype)
    picture, shape = SOURCES[name].shape, declared[images].shape
    wish = f"(N, {', '.join(map(str, picture))}) with 0 < N <= {most}"
    is_right = shape[1:] == picture and 0 < shape[0] <= most
    _require(is_right, path, name, images, wish, shape)
    found = declared[labels].shape
    _require(found == shape[:1], path, name, labels, f"({shape[0]},)", found)
    for key in keys:
        size, found = math.prod(declared[key].shape), declared[key].size
        _require(found == size, path, name, key, f"{size} bytes unpacked", f"{found} declared")


def _origin(path: Path, name: str, known: str, found: str) -> str:
    if found == known:
        return str(path)
    if os.environ.get("KDUTILS_UNVERIFIED") == "1":
        return f"{path}{UNVERIFIED}"
    why = (
        f"holds other arrays than the {name} of the recorded runs"
        if name in CHECKSUMS
        else f"is not as `python -m kdutils.data {name}` wrote it"
    )
    raise ValueError(
        f"{path} {why}: its checksum differs. {ANEW.format(name)}. Or set KDUTILS_UNVERIFIED=1 "
        f"to load it as it is; its origin will then end with '{UNVERIFIED.strip()}'"
    )


def _split(arrays: dict[str, np.ndarray], part: str) -> Split:
    images, labels = arrays[f"{part}_images"], arrays[f"{part}_labels"]
    if images.ndim == 3:
        images = images[..., None]
    return Split(
        torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2))),
        torch.from_numpy(labels.astype(np.int64)),
    )
