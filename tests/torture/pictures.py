"""Prepared data that is not what it says."""

import os
import random
import tracemalloc
import zipfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from unittest import mock

import numpy as np

from kdutils import data
from torture import things
from torture.cases import Case, damage

PARTS = ("train_images", "train_labels", "test_images", "test_labels")


def damaged(rng: random.Random, count: int) -> Iterator[Case]:
    """A file with other arrays than were written is refused, before it fills the memory."""

    def load(folder: Path, change) -> bool:
        path = things.prepared(folder)
        with mock.patch.dict(os.environ, KDUTILS_DATA=str(folder)):
            before = data.load("svhn")
            change(path)
            after = data.load("svhn")
        return all(
            bool((getattr(old, what) == getattr(new, what)).all())
            for old, new in ((before.train, after.train), (before.test, after.test))
            for what in ("images", "labels")
        )

    def anywhere(path: Path) -> None:
        path.write_bytes(damage(rng, path.read_bytes())[1])

    once = {edit.__name__: partial(_rewritten, rng=rng, edit=edit) for edit in (*AGAIN, *EDITS)}
    once |= {change.__name__: change for change in (_renamed, _plain)}
    changes = list(once.items())[:count]
    for _ in range(count - len(changes)):
        edit = rng.choice(AGAIN)
        again = edit.__name__, partial(_rewritten, rng=rng, edit=edit)
        changes.append(rng.choice([again, ("anywhere", anywhere)]))
    yield Case("a bomb", _bomb, r"svhn10k\.npz")
    yield Case("made-up pictures under a known name", _made_up, r"svhn10k\.npz")
    for number, (what, change) in enumerate(changes[: count - 2]):
        yield Case(f"{what.strip('_')} no. {number}", partial(load, change=change), r"svhn\.npz")


def _rewritten(path: Path, rng: random.Random, edit) -> None:
    """Change the arrays and leave all else, the zip's comment too, as it was."""
    with np.load(path) as archive:
        arrays = {key: archive[key].copy() for key in PARTS}
    with zipfile.ZipFile(path) as archive:
        comment = archive.comment
    np.savez_compressed(path, **edit(rng, arrays))
    with zipfile.ZipFile(path, "a") as archive:
        archive.comment = comment


def _one_pixel(rng: random.Random, arrays: dict) -> dict:
    pixels = arrays[rng.choice(PARTS[::2])].reshape(-1)
    pixels[rng.randrange(len(pixels))] ^= 1 << rng.randrange(8)
    return arrays


def _one_label(rng: random.Random, arrays: dict) -> dict:
    labels = arrays[rng.choice(PARTS[1::2])]
    which = rng.randrange(len(labels))
    labels[which] = (labels[which] + rng.randrange(1, 10)) % 10
    return arrays


def _shuffled_labels(rng: random.Random, arrays: dict) -> dict:
    return {**arrays, "train_labels": np.roll(arrays["train_labels"], rng.randrange(1, 10))}


def _shorter(rng: random.Random, arrays: dict) -> dict:
    left = rng.randrange(1, 10)
    return {key: value[:left] if "test" in key else value for key, value in arrays.items()}


AGAIN = (_one_pixel, _one_label, _shuffled_labels, _shorter)


def _test_is_train(rng: random.Random, arrays: dict) -> dict:
    return {key: arrays[key.replace("test", "train")] for key in PARTS}


def _floats(rng: random.Random, arrays: dict) -> dict:
    return {**arrays, "test_images": arrays["test_images"] / 255}


def _incomplete(rng: random.Random, arrays: dict) -> dict:
    return {key: arrays[key] for key in PARTS[:-1]}


def _nothing(rng: random.Random, arrays: dict) -> dict:
    return {key: value[:0] for key, value in arrays.items()}


def _pickles(rng: random.Random, arrays: dict) -> dict:
    return {**arrays, "test_labels": np.array([{}] * 10, dtype=object)}


def _high_labels(rng: random.Random, arrays: dict) -> dict:
    return {**arrays, "train_labels": arrays["train_labels"] + 200}


EDITS = (_test_is_train, _floats, _incomplete, _nothing, _pickles, _high_labels)


def _renamed(path: Path) -> None:
    things.prepared(path.parent, "cifar10").replace(path)


def _plain(path: Path) -> None:
    with open(path, "wb") as file:
        np.save(file, np.zeros((30, 32, 32, 3), np.uint8))


def _bomb(folder: Path) -> bool:
    """Load a small file that says it has 20,000 pictures, and unpacks to 61 MB of them."""
    pictures, labels = np.zeros((20_000, 32, 32, 3), np.uint8), np.zeros(20_000, np.uint8)
    things.prepared(folder, "svhn10k", train_images=pictures, train_labels=labels)
    tracemalloc.start()
    try:
        with mock.patch.dict(os.environ, KDUTILS_DATA=str(folder)):
            data.load("svhn10k")
    finally:
        taken = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert taken < 2**25, f"{taken / 2**20:.0f} MiB were taken to find that out"
    return False


def _made_up(folder: Path) -> bool:
    things.prepared(folder, "svhn10k")
    with mock.patch.dict(os.environ, KDUTILS_DATA=str(folder)):
        data.load("svhn10k")
    return False
