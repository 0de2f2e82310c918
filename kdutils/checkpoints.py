"""Trained weights on disk: safetensors with metadata, listed in a manifest with checksums."""

import difflib
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from filelock import FileLock
from safetensors import safe_open
from safetensors.torch import load_file
from safetensors.torch import save as to_bytes
from torch import Tensor, nn

from kdutils import checks, models
from kdutils.data import Split, check_split
from kdutils.files import ROOT, replacing
from kdutils.quantize import FULL, pack, unpack
from kdutils.training import History, evaluate

FOLDER = ROOT / "checkpoints"
PACKED = "packed"  # where a checkpoint's dtype stands


def read_manifest(folder: Path = FOLDER) -> dict[str, dict]:
    """Return the manifest: name -> file facts and metadata; empty where there is none yet."""
    path = Path(folder) / "manifest.json"
    if not path.is_file():
        return {}
    try:
        manifest = json.loads(path.read_bytes())
        known = all(entry.keys() >= {"model", "size", "sha256"} for entry in manifest.values())
    except (ValueError, AttributeError) as error:
        raise ValueError(f"{path} is damaged ({error}); restore it with git") from error
    if not known:
        raise ValueError(f"{path} is damaged: an entry lacks its facts; restore it with git")
    return manifest


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
        ValueError: a name that is not ``<dataset>/<run>``, an architecture that is not the
            model's, weights that are not finite, metadata that JSON does not know, or nothing to
            pack.
    """
    _check_name(name)
    checks.net("model", model)
    for role, split in check.items():
        check_split(f"check[{role!r}]", split)
    family, size = architecture
    full = {k: v.detach().cpu().float().contiguous() for k, v in model.state_dict().items()}
    for key, tensor in full.items():
        checks.finite(f"model's {key}", tensor)
    if packed:
        dtype, tensors = PACKED, pack(model)
        counted = _count(_build(family, size, dtype, tensors), check)
    else:
        try:
            _build(family, size, "float32", full)
        except (ValueError, RuntimeError) as error:
            raise ValueError(
                f"architecture must be the model's, got {architecture}: {error}"
            ) from error
        dtype, tensors = "float32", full
        counted = _count(_build(family, size, dtype, full), check)
        halved = {k: v.half() for k, v in full.items()}
        if all(tensor.isfinite().all() for tensor in halved.values()):  # none beyond its range
            half = _count(_build(family, size, "float16", halved), check)
            if all(abs(half[split] - counted[split]) <= 2 for split in check):
                dtype, tensors, counted = "float16", halved, half
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
    try:
        header = {key: json.dumps(value) for key, value in entry.items()}
    except TypeError as error:
        raise ValueError(f"metadata must be what JSON knows: {error}") from error
    path = Path(folder) / f"{name}.safetensors"
    with replacing(path) as part:
        # Not by safetensors itself, which leaves a file of another name behind where it is killed.
        part.write_bytes(to_bytes(tensors, header))
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
    return History(**_header(Path(folder) / f"{name}.safetensors", history=True))


def verify(name: str, folder: Path = FOLDER) -> dict:
    """Check a checkpoint's file against the manifest and return its entry.

    Raises:
        ValueError: unknown name, a file whose checksum differs, or an entry that is not what the
            file says of itself.
        FileNotFoundError: the file is gone.
    """
    _check_name(name)
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
    # What the manifest says stands in the file's header, too, which the checksum covers.
    listed, entry = (
        manifest[name],
        {"sha256": digest, "bytes": path.stat().st_size, **_header(path)},
    )
    differing = sorted(k for k in {**listed, **entry} if listed.get(k) != entry.get(k))
    if differing:
        raise ValueError(
            f"{Path(folder) / 'manifest.json'} is damaged: {', '.join(differing)} of {name} "
            f"must be what the file says of itself; restore it with git"
        )
    return entry


def _check_name(name: str) -> None:
    parts = Path(name).parts if isinstance(name, str) else ()
    if len(parts) != 2 or name.startswith("/") or ".." in name:
        raise ValueError(f"name must be '<dataset>/<run>', got {name!r}")


def _header(path: Path, *, history: bool = False) -> dict:
    """Return what a file says of itself: its history, or all the rest."""
    with safe_open(path, framework="pt") as file:
        facts = file.metadata()
    told = facts.pop("history")
    return json.loads(told) if history else {key: json.loads(v) for key, v in facts.items()}


def _build(family: str, size: Mapping, dtype: str, tensors: Mapping[str, Tensor]) -> nn.Module:
    if dtype == PACKED:
        return unpack(models.create(family, **{**size, "weight_bits": FULL}), tensors).eval()
    model = models.create(family, **size)
    model.load_state_dict({key: tensor.float() for key, tensor in tensors.items()})
    return model.eval()


def _count(model: nn.Module, check: Mapping[str, Split]) -> dict[str, int]:
    return {name: evaluate(model, split) for name, split in check.items()}
