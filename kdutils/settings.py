"""The numbers of one training run: how long, how fast, with which optimizer and schedule."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields

import torch

from kdutils import checks

# Multiplier of the learning rate after a share q of all steps.
SCHEDULES: dict[str, Callable[[float], float]] = {
    "constant": lambda q: 1.0,
    "linear": lambda q: 1 - q,
    "cosine": lambda q: (1 + math.cos(math.pi * q)) / 2,
    "one-cycle": lambda q: min(q / 0.25 + 0.01, (1 - q) / 0.75, 1.0),
}

OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "adam": lambda parameters, **options: torch.optim.AdamW(parameters, fused=True, **options),
    "sgd": lambda parameters, **options: torch.optim.SGD(
        parameters, momentum=0.9, nesterov=True, fused=True, **options
    ),
}


@dataclass(frozen=True)
class Settings:
    """The numbers of one training run.

    Attributes:
        epochs, batch_size: at least 1.
        lr: the peak rate.
        optimizer: ``adam`` (with decoupled weight decay) or ``sgd`` (Nesterov momentum of 0.9).
        schedule: course of the rate: ``linear``, ``cosine`` and ``one-cycle`` end at 0,
            ``constant`` stays.
        weight_decay: of all weights, at least 0.
        max_norm: bounds the L2 norm of each unit's incoming weights (Hinton et al., 2012).
        clip_gradient: bounds the L2 norm of the whole gradient.
        early_stopping: end with the weights of the validation that had the fewest errors, the
            first of equals.
    """

    epochs: int
    lr: float = 1e-3
    batch_size: int = 256
    optimizer: str = "adam"
    schedule: str = "linear"
    weight_decay: float = 0.0
    max_norm: float | None = None
    clip_gradient: float | None = None
    early_stopping: bool = False

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size"):
            checks.number(name, getattr(self, name), 1, whole=True)
        checks.number("lr", self.lr, above=0)
        for name in ("max_norm", "clip_gradient"):
            if getattr(self, name) is not None:
                checks.number(name, getattr(self, name), above=0)
        checks.number("weight_decay", self.weight_decay, 0)
        for name, known in (("optimizer", OPTIMIZERS), ("schedule", SCHEDULES)):
            checks.one_of(name, getattr(self, name), known)
        checks.one_of("early_stopping", self.early_stopping, (True, False))

    @classmethod
    def of(cls, given: Mapping[str, object]) -> "Settings":
        """Return the settings given by name; raise ValueError for an unknown or a missing one."""
        for name in given:
            checks.one_of("settings", name, [field.name for field in fields(cls)])
        if "epochs" not in given:
            raise ValueError(f"epochs must be among the settings, got {sorted(given)}")
        return cls(**given)
