"""Starting weights that a student shares with its teacher in part only."""

import math
from dataclasses import dataclass

import torch
from torch import nn

from kdutils import checks


@dataclass(frozen=True)
class Unshared:
    """How a student's starting weights differ from those that its teacher started from.

    Attributes:
        redrawn: names of the net's modules whose weights are drawn anew.
        share: how far, in [0, 1]: sqrt(1 - share²) times the teacher's start plus share times
            the new draw, so that independent draws of mean 0 keep their variance.
        reordered: names of linear layers whose outputs change places: each takes the weights
            of the next one, the last those of the first.

    Raises:
        ValueError: a share out of range, or nothing that differs.
    """

    redrawn: tuple[str, ...] = ()
    share: float = 1.0
    reordered: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        checks.fraction("share", self.share)
        if not (self.redrawn or self.reordered):
            raise ValueError("redrawn or reordered must name at least one module, got none")

    @torch.no_grad()
    def apply(self, net: nn.Module, other: nn.Module) -> None:
        """Change ``net`` in place.

        Args:
            net: as its teacher started.
            other: of the same architecture, drawn independently.

        Raises:
            AttributeError: a name that is no module of the net.
        """
        for name in self.redrawn:
            pairs = zip(
                net.get_submodule(name).parameters(),
                other.get_submodule(name).parameters(),
                strict=True,
            )
            for weights, drawn in pairs:
                weights.mul_(math.sqrt(1 - self.share**2)).add_(drawn, alpha=self.share)
        for name in self.reordered:
            for weights in net.get_submodule(name).parameters():
                weights.copy_(weights.roll(-1, 0))
