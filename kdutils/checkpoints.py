"""Trained weights on disk: safetensors with metadata, listed in a manifest with checksums."""

import difflib
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from filelock import FileLock
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from kdutils import models
from kdutils.data import Split
from kdutils.files import ROOT, replacing
from kdutils.quantize import FULL, pack, unpack
from kdutils.training import History, evaluate

FOLDER = ROOT / "checkpoints"
PACKED = "packed"  # where a checkpoint's dtype stands


def read_manifest(folder: Path = FOLDER) -> dict[str, dict]:
    """Return the manifest: name -> file facts and metadata; empty where there is none yet."""
    path = Path(folder) / "manifest.json"
    return json.loads(path.read_text()) if path.is_file() else {}


def save(
    model: nn.Module,
    name: str,
    *,
    architecture: tuple[str, Mapping],
    history: History,
    metadata: Mapping[str, object],
    check: Mapping[str, Split],
    packed: bool = False,
    folder: Path = FOLDER,
) -> dict:
    """Write a model's weights and enter them in the manifest.

    Weights go to disk in half precision if that changes no error count on the splits of
    ``check`` by more than 2, in full precision otherwise.

    Args:
        model: a trained net.
        name: ``<dataset>/<run>``.
        architecture: name and size for :func:`models.create`.
        history: of the run; kept in the file, see :func:`load_history`.
        metadata: what else the reader should know (recipe, seed, dataset), JSON values.
        check: splits whose errors decide on the precision and are recorded in the metadata.
        packed: write quantized weights as bits, bit for bit (and the others in full precision);
            what is loaded then computes with them but cannot be trained any further.
        folder: folder of the manifest.

    Returns:
        The manifest's new entry.

    Raises:
        ValueError: a name that is not ``<dataset>/<run>``, or nothing to pack.
    """
    if len(Path(name).parts) != 2 or name.startswith("/") or ".." in name:
        raise ValueError(f"name must be '<dataset>/<run>', got {name!r}")
    family, size = architecture
    full = {k: v.detach().cpu().float().contiguous() for k, v in model.state_dict().items()}
    if packed:
        dtype, tensors = PACKED, pack(model)
        counted = _count(_build(family, size, dtype, tensors), check)
    else:
        dtype, tensors = "float16", {k: v.half() for k, v in full.items()}
        counted = _count(_build(family, size, dtype, tensors), check)
        exact = _count(_build(family, size, "float32", full), check)
        if any(abs(exact[split] - counted[split]) > 2 for split in check):
            dtype, tensors, counted = "float32", full, exact
    entry = {
        "model": family,
        "size": dict(size),
        "dtype": dtype,
        "metrics": {
            split: {"errors": counted[split], "samples": len(check[split])} for split in check
        },
        **metadata,
        "history": asdict(history),
    }
    path = Path(folder) / f"{name}.safetensors"
    with replacing(path) as part:
        save_file(tensors, part, metadata={k: json.dumps(v) for k, v in entry.items()})
        part.chmod(0o644)  # safetensors writes files that only their owner can read
    del entry["history"]  # long; stays in the file itself
    entry["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    entry["bytes"] = path.stat().st_size
    with FileLock(Path(folder) / ".manifest.lock"):
        manifest = {**read_manifest(folder), name: entry}
        with replacing(Path(folder) / "manifest.json") as part:
            part.write_text(json.dumps(dict(sorted(manifest.items())), indent=1) + "\n")
    return entry


def load(name: str, folder: Path = FOLDER) -> nn.Module:
    """Load a checkpoint as a net in eval mode with float32 weights.

    Args:
        name: ``<dataset>/<run>``, e.g. ``mnist/student-kd``.
        folder: folder of the manifest.

    Raises:
        ValueError: unknown name (lists the close ones), or a file that is not the recorded one,
            down to the last bit.
        FileNotFoundError: the manifest lists it but the file is gone.
    """
    entry = verify(name, folder)
    tensors = load_file(Path(folder) / f"{name}.safetensors")
    return _build(entry["model"], entry["size"], entry["dtype"], tensors)


def load_history(name: str, folder: Path = FOLDER) -> History:
    """Return the history of the run that made a checkpoint.

    Raises:
        ValueError, FileNotFoundError: as :func:`load`.
    """
    verify(name, folder)
    with safe_open(Path(folder) / f"{name}.safetensors", framework="pt") as file:
        return History(**json.loads(file.metadata()["history"]))


def verify(name: str, folder: Path = FOLDER) -> dict:
    """Check a checkpoint's file against the manifest and return its entry.

    Raises:
        ValueError: unknown name or a file whose checksum differs.
        FileNotFoundError: the file is gone.
    """
    manifest = read_manifest(folder)
    if name not in manifest:
        close = difflib.get_close_matches(str(name), manifest, cutoff=0.4) or list(manifest)
        raise ValueError(
            f"name must be a checkpoint of {Path(folder).name}/manifest.json, got {name!r}; "
            f"close: {', '.join(close) or 'none recorded'}"
        )
    path = Path(folder) / f"{name}.safetensors"
    if not path.is_file():
        raise FileNotFoundError(f"{path} is in the manifest but not on disk; restore it with git")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if digest != manifest[name]["sha256"]:
        raise ValueError(
            f"{path} is damaged: sha256 must be {manifest[name]['sha256']}, got {digest}; "
            f"restore it with git"
        )
    return manifest[name]


def _build(family: str, size: Mapping, dtype: str, tensors: Mapping[str, Tensor]) -> nn.Module:
    if dtype == PACKED:
        return unpack(models.create(family, **{**size, "weight_bits": FULL}), tensors).eval()
    model = models.create(family, **size)
    model.load_state_dict({key: tensor.float() for key, tensor in tensors.items()})
    return model.eval()


def _count(model: nn.Module, check: Mapping[str, Split]) -> dict[str, int]:
    return {name: evaluate(model, split) for name, split in check.items()}
