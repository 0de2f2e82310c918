"""Checkpoints whose weights or manifest are damaged or forged."""

import json
import random
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from safetensors.torch import save_file

from torture import things
from torture.cases import Case, damage

NAME = things.NAMES[0]
SAYS = r"manifest\.json|\.safetensors"


def _with(folder: Path, home: Path, change, before: list) -> bool:
    """Change a copy of the checkpoints; whether all is read from it that was there before."""
    shutil.copytree(home, folder, dirs_exist_ok=True)
    change(folder)
    return things.loaded(folder) == before


def _injured(changes: Iterator[tuple]) -> Iterator[Case]:
    with TemporaryDirectory() as home:
        for name in things.NAMES:
            things.save(Path(home), name)
        before = things.loaded(Path(home))
        for what, change in changes:
            act = partial(_with, home=Path(home), change=change, before=before)
            yield Case(what, act, SAYS)


def _anywhere(rng: random.Random, count: int, file: str) -> Iterator[tuple]:
    """Damage a file, wherever."""

    def change(folder: Path, lot: random.Random) -> None:
        path = folder / file
        path.write_bytes(damage(lot, path.read_bytes())[1])

    for number in range(count):
        yield f"damage no. {number}", partial(change, lot=random.Random(rng.random()))


# ---- weights


def _forged(path: Path) -> None:
    save_file({"1.weight": torch.zeros(3)}, path)


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _numpy(path: Path) -> None:
    with open(path, "wb") as file:
        np.save(file, np.zeros(3))


def _pickled(path: Path) -> None:
    torch.save({"1.weight": torch.zeros(3)}, path)


def _another(path: Path) -> None:
    shutil.copy(path.with_name("teacher.safetensors"), path)


def damaged(rng: random.Random, count: int) -> Iterator[Case]:
    """Weights that are not the recorded ones, down to the last bit, are refused."""
    file = f"{NAME}.safetensors"
    edits = (_forged, _empty, _numpy, _pickled, _another, Path.unlink)
    edited = [(edit.__name__, lambda f, edit=edit: edit(f / file)) for edit in edits][:count]
    yield from _injured([*edited, *_anywhere(rng, count - len(edited), file)])


# ---- the manifest


def manifests(rng: random.Random, count: int) -> Iterator[Case]:
    """What the manifest says of a checkpoint is what was recorded, or it is refused."""
    edits = [(what, partial(_edit, edit=edit)) for what, edit in EDITS.items()][:count]
    yield from _injured([*edits, *_anywhere(rng, count - len(edits), "manifest.json")])


def _edit(folder: Path, edit) -> None:
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    changed = edit(manifest, manifest[NAME])
    if isinstance(changed, bytes):
        path.write_bytes(changed)
    else:
        path.write_text(json.dumps(manifest if changed is None else changed))


KEYS = ("model", "size", "dtype", "metrics", "sha256", "bytes", "seed", "dataset")

# What is done -> how, to the manifest and an entry in it; returns what is written instead.
EDITS = {
    **{f"no {key}": lambda m, e, key=key: e.pop(key) and None for key in KEYS},
    **{f"{key} is None": lambda m, e, key=key: e.update({key: None}) for key in KEYS},
    "another seed": lambda m, e: e.update(seed=3),
    "another size": lambda m, e: e.update(size={"hidden": 3}),
    "another model": lambda m, e: e.update(model="cnn"),
    "another precision": lambda m, e: e.update(dtype="packed"),
    "better metrics": lambda m, e: e["metrics"]["val"].update(errors=1),
    "an entry that is a list": lambda m, e: m.update({NAME: [e]}),
    "two entries exchanged": lambda m, e: dict(zip(m, [*m.values()][::-1], strict=True)),
    "a list": lambda m, e: [m],
    "not UTF-8": lambda m, e: b"\xff\xfe" + json.dumps(m).encode(),
    "nothing": lambda m, e: b"",
    "conflict markers": lambda m, e: (
        json.dumps(m, indent=1).replace(' "dataset"', '<<<<<<< HEAD\n "dataset"').encode()
    ),
}
