"""Nets made of nets: one with exits on the way, several as one."""

import math

import torch
from torch import Tensor, nn

from kdutils.models.layers import conv_norm


class MultiExit(nn.Module):
    """A staged net with an exit after every stage; the last one is the net's own head.

    In use it is the plain net: ``forward`` runs no earlier exit. ``exit_after(k)`` is the fast
    net that stops after stage k.

    Args:
        net: from :func:`convnets.resnet` or :func:`convnets.vgg`.

    Source: Zhang et al. (2019), "Be Your Own Teacher", section 3: each exit has a bottleneck
    of strided convolutions that brings its features to the size of the last one's.
    """

    def __init__(self, net: nn.Sequential) -> None:
        super().__init__()
        self.net = net
        widths = [
            [m for m in stage.modules() if isinstance(m, nn.BatchNorm2d)][-1].num_features
            for stage in (net.stage1, net.stage2, net.stage3)
        ]
        self.exits = nn.ModuleList()
        for stage in range(2):
            steps = zip(widths[stage:], widths[stage + 1 :], strict=False)
            narrow = [layer for i, o in steps for layer in (*conv_norm(i, o, stride=2), nn.ReLU())]
            exit_ = nn.Sequential()
            exit_.bottleneck = nn.Sequential(*narrow)
            exit_.pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
            exit_.head = nn.Linear(widths[-1], 10)
            self.exits.append(exit_)

    def forward(self, images: Tensor) -> Tensor:
        return self.net(images)

    def all_exits(self, images: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Return (features (N, F), logits (N, 10)) of every exit, the deepest last."""
        first = self.net.stage1(self.net.stem(images))
        second = self.net.stage2(first)
        outputs = []
        for exit_, x in zip(self.exits, (first, second), strict=True):
            features = exit_[:-1](x)
            outputs.append((features, exit_.head(features)))
        features = self.net.pool(self.net.stage3(second))
        return [*outputs, (features, self.net.head(features))]

    def exit_after(self, stage: int) -> nn.Sequential:
        """Return the net that stops after ``stage``, 1 to 3; it shares its weights with this.

        Raises:
            ValueError: another stage.
        """
        if stage not in (1, 2, 3):
            raise ValueError(f"stage must be 1, 2 or 3, got {stage}")
        if stage == 3:
            return self.net
        return nn.Sequential(*list(self.net)[: stage + 1], self.exits[stage - 1])


MEAN = "probs"


class Ensemble(nn.Module):
    """Nets that answer together: the logarithm of their mean probabilities.

    Softened at T, that is softmax(log(mean of the probabilities) / T). The mean of the members'
    own softened answers is the same at T = 1 only.

    Args:
        members: nets with the same classes.
        mean: what is averaged: ``probs``, or ``logits``, which is the geometric mean of the
            probabilities up to a constant.

    Raises:
        ValueError: no member, or another mean.

    Source: Hinton, Vinyals and Dean (2015), section 1: soft targets from an ensemble are the
    arithmetic or geometric mean of the individual predictions.
    """

    def __init__(self, members: list[nn.Module], mean: str = MEAN) -> None:
        super().__init__()
        if not members:
            raise ValueError("members must hold at least one net, got none")
        if mean not in ("probs", "logits"):
            raise ValueError(f"mean must be 'probs' or 'logits', got {mean!r}")
        self.members = nn.ModuleList(members)
        self.mean = mean

    def forward(self, images: Tensor) -> Tensor:
        logits = torch.stack([net(images) for net in self.members])
        if self.mean == "logits":
            return logits.mean(0)
        return logits.log_softmax(2).logsumexp(0) - math.log(len(self.members))
