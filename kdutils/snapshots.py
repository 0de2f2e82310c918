"""The state of a run between two epochs, on disk, so that a killed run ends with the same bits."""

import hashlib
import io
import warnings
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from kdutils.files import replacing

DIGEST = hashlib.sha256().digest_size


def digest(tensors: Mapping[str, Tensor]) -> str:
    """Return a short digest of named tensors: their names, types, shapes and all their bits."""
    total = hashlib.sha256()
    for name, tensor in tensors.items():
        plain = tensor.detach().cpu().contiguous()
        total.update(f"{name} {plain.dtype} {tuple(plain.shape)} ".encode())
        total.update(plain.flatten().view(torch.uint8).numpy())
    return total.hexdigest()[:16]


def describe(function: Callable | None) -> str:
    """Return a function's name and the numbers and words that it was made with.

    >>> from kdutils import objectives
    >>> describe(objectives.label_smoothing(0.1))
    'label_smoothing.<locals>.objective(smoothing=0.1)'
    """
    name = getattr(function, "__qualname__", type(function).__qualname__)
    if isinstance(function, nn.Module):
        return f"{name}({function.extra_repr()})"
    names = getattr(getattr(function, "__code__", None), "co_freevars", ())
    cells = zip(names, getattr(function, "__closure__", None) or (), strict=False)
    made_with = {key: cell.cell_contents for key, cell in cells}
    plain = {k: v for k, v in made_with.items() if isinstance(v, bool | int | float | str)}
    return f"{name}({', '.join(f'{k}={v!r}' for k, v in plain.items())})"


@dataclass
class History:
    """What a run went through, one entry per finished epoch.

    Attributes:
        loss: mean training loss, in the objective's unit.
        lr: learning rate at the end of the epoch.
        val_errors: wrong predictions on the validation split, None where not measured.
        train_errors: those on the training split at the same times, where they were asked for.
        seconds: time spent training, all sittings together; not part of equality.
    """

    loss: list[float] = field(default_factory=list)
    lr: list[float] = field(default_factory=list)
    val_errors: list[int | None] = field(default_factory=list)
    train_errors: list[int | None] = field(default_factory=list)
    seconds: float = field(default=0.0, compare=False)

    @property
    def epochs(self) -> int:
        return len(self.loss)


@dataclass
class State:
    """All that decides how a run goes on.

    Attributes:
        objective: what the run minimizes; a part of the state where it is a module.
        best: the weights that early stopping keeps.
    """

    student: nn.Module
    optimizer: torch.optim.Optimizer
    order: torch.Generator
    noise: torch.Generator
    history: History
    objective: Callable | None = None
    best: dict | None = None

    def save(self, path: Path, identity: dict) -> None:
        """Write the state, so that a kill leaves the old file or the new one."""
        cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
        content = {
            "identity": identity,
            "student": self.student.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "order": self.order.get_state(),
            "noise": self.noise.get_state(),
            "torch": torch.get_rng_state(),
            "cuda": cuda,
            "history": asdict(self.history),
            "best": self.best,
            "objective": self._remembered(),
        }
        buffer = io.BytesIO()
        torch.save(content, buffer)
        data = buffer.getvalue()
        try:
            with replacing(path) as part:
                part.write_bytes(hashlib.sha256(data).digest() + data)
        except OSError as error:
            raise OSError(
                f"snapshot {path} cannot be written ({error}); the one before it is still whole"
            ) from error

    def load(self, path: Path, identity: dict) -> None:
        """Take over the state that a run of the same identity left behind.

        A file that is not bit for bit what was written is deleted, with a warning; nothing is
        taken over then.

        Raises:
            ValueError: the file belongs to another run.
        """
        digest, data = (whole := path.read_bytes())[:DIGEST], whole[DIGEST:]
        if hashlib.sha256(data).digest() != digest:
            path.unlink()
            warnings.warn(
                f"snapshot {path} was damaged and is deleted: the run starts over", stacklevel=3
            )
            return
        content = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
        found = content["identity"]
        differing = [
            f"{key} {found.get(key)!r}, not {identity.get(key)!r}"
            for key in {**identity, **found}
            if found.get(key) != identity.get(key)
        ]
        if differing:
            raise ValueError(
                f"snapshot {path} belongs to another run: it has {'; '.join(differing)}. "
                f"Delete that file to start the run again, or give this one another file"
            )
        self.student.load_state_dict(content["student"])
        self.optimizer.load_state_dict(content["optimizer"])
        self.order.set_state(content["order"])
        self.noise.set_state(content["noise"])
        torch.set_rng_state(content["torch"])
        if content["cuda"] and torch.cuda.is_available():
            torch.cuda.set_rng_state_all(content["cuda"])
        self.history = History(**content["history"])
        self.best = content["best"]
        if isinstance(self.objective, nn.Module):
            self.objective.load_state_dict(content["objective"])

    def _remembered(self) -> dict | None:
        return self.objective.state_dict() if isinstance(self.objective, nn.Module) else None
