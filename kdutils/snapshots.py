"""The state of a run between two epochs, on disk, so that a killed run ends with the same bits."""

from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from torch import nn

from kdutils.files import replacing


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
    """All that decides how a run goes on; ``best`` are the weights that early stopping keeps."""

    student: nn.Module
    optimizer: torch.optim.Optimizer
    order: torch.Generator
    noise: torch.Generator
    history: History
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
        }
        with replacing(path) as part:
            torch.save(content, part)

    def load(self, path: Path, identity: dict) -> None:
        """Take over the state that a run of the same identity left behind.

        Raises:
            ValueError: the file cannot be read or belongs to another run.
        """
        try:
            content = torch.load(path, map_location="cpu", weights_only=True)
        except Exception as error:
            raise ValueError(
                f"snapshot {path} cannot be read ({type(error).__name__}); "
                f"delete it to start the run again"
            ) from error
        if content.get("identity") != identity:
            raise ValueError(
                f"snapshot {path} belongs to another run: {content.get('identity')}, "
                f"expected {identity}; delete it to start the run again"
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
