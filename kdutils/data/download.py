"""Download the full data sets with torchvision and prepare them for ``data.load``."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
from torchvision.datasets import CIFAR10, MNIST, SVHN

from kdutils import checks
from kdutils.data.prepared import SOURCES, read_prepared, write_prepared
from kdutils.files import ROOT, replacing


def download(name: str, folder: Path | None = None) -> Path:
    """Download a data set with torchvision and prepare its ``.npz``.

    Archives are kept below ``folder/downloads`` with their checksums verified by torchvision, so
    a second call after an interruption repeats only what is missing or damaged.

    Args:
        name: a key of ``prepared.SOURCES``.
        folder: where the prepared file goes; the project's ``data/`` if None.

    Returns:
        Path of the prepared file.

    Raises:
        ValueError: unknown name, or a file that is there or was made is not as it must be.
        RuntimeError: the server cannot be reached or what it sends fails its checksum.
    """
    checks.one_of("name", name, SOURCES)
    folder = Path(folder or ROOT / "data")
    path, raw = folder / f"{name}.npz", folder / "downloads" / name
    if path.is_file():
        read_prepared(path, name)
        return path
    raw.mkdir(parents=True, exist_ok=True)
    try:
        arrays = _PREPARE[name](raw)
    except (OSError, RuntimeError, EOFError, ValueError) as error:
        raise RuntimeError(
            f"could not download {name} ({SOURCES[name].size} MB): {error}\n"
            f"Check the connection and run again: python -m kdutils.data {name}"
        ) from error
    with replacing(path) as part:
        write_prepared(part, name, arrays)
        read_prepared(part, name)  # torchvision verified the archive, not how it was unpacked
    shutil.rmtree(raw)
    return path


def _prepare_mnist(raw: Path) -> dict[str, np.ndarray]:
    # torchvision checks the archives, not what it unpacked: unpack anew, never trust a torn file.
    for unpacked in (raw / "MNIST" / "raw").glob("*-ubyte"):
        unpacked.unlink()
    parts = {"train": MNIST(raw, train=True, download=True), "test": MNIST(raw, train=False)}
    return {
        f"{part}_{what}": tensor.numpy().astype(np.uint8)
        for part, dataset in parts.items()
        for what, tensor in (("images", dataset.data), ("labels", dataset.targets))
    }


def _prepare_cifar10(raw: Path) -> dict[str, np.ndarray]:
    parts = {"train": CIFAR10(raw, train=True, download=True), "test": CIFAR10(raw, train=False)}
    return {
        f"{part}_{what}": np.asarray(values, dtype=np.uint8)
        for part, dataset in parts.items()
        for what, values in (("images", dataset.data), ("labels", dataset.targets))
    }


def _prepare_svhn(raw: Path) -> dict[str, np.ndarray]:
    # torchvision maps the file's label 10 to digit 0.
    parts = {part: SVHN(raw, split=part, download=True) for part in ("train", "test")}
    return {
        f"{part}_{what}": values.astype(np.uint8)
        for part, dataset in parts.items()
        for what, values in (
            ("images", dataset.data.transpose(0, 2, 3, 1)),
            ("labels", dataset.labels),
        )
    }


# The first crops of the test file, and where they are cut in two: between two photos.
SVHN10K = (10_000, 8_001)


def _prepare_svhn10k(raw: Path) -> dict[str, np.ndarray]:
    crops = SVHN(raw, split="test", download=True)
    count, cut = SVHN10K
    images = crops.data.transpose(0, 2, 3, 1).astype(np.uint8)
    labels = crops.labels.astype(np.uint8)
    return {
        "train_images": images[:cut],
        "train_labels": labels[:cut],
        "test_images": images[cut:count],
        "test_labels": labels[cut:count],
    }


_PREPARE: dict[str, Callable[[Path], dict[str, np.ndarray]]] = {
    "mnist": _prepare_mnist,
    "cifar10": _prepare_cifar10,
    "svhn": _prepare_svhn,
    "svhn10k": _prepare_svhn10k,
}
