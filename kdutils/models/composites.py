"""Nets made of nets: with exits, with outputs beside its classes, several as one, specialists."""

import copy
import math

import torch
from torch import Tensor, nn

from kdutils import checks, specialists
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
        checks.one_of("stage", stage, (1, 2, 3))
        if stage == 3:
            return self.net
        return nn.Sequential(*list(self.net)[: stage + 1], self.exits[stage - 1])


class WithAuxiliary(nn.Module):
    """A net with outputs beside those of its classes, of which no label speaks.

    In use it is the net for its classes: ``forward`` does not compute the auxiliary outputs.

    Args:
        trunk: from images to hidden units (N, H).
        class_head: from hidden units to logits (N, C).
        auxiliary_head: from hidden units to as many outputs as one likes.

    Source: Cloud et al. (2025), arXiv 2507.14805, section 6.2.
    """

    def __init__(self, trunk: nn.Module, class_head: nn.Module, auxiliary_head: nn.Module) -> None:
        super().__init__()
        self.trunk, self.class_head, self.auxiliary_head = trunk, class_head, auxiliary_head

    def forward(self, images: Tensor) -> Tensor:
        return self.class_head(self.trunk(images))

    def auxiliary(self, images: Tensor) -> Tensor:
        """Return the auxiliary outputs (N, M)."""
        return self.auxiliary_head(self.trunk(images))


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
        checks.one_of("mean", mean, ("probs", "logits"))
        self.members = nn.ModuleList(members)
        self.mean = mean

    def forward(self, images: Tensor) -> Tensor:
        logits = torch.stack([net(images) for net in self.members])
        if self.mean == "logits":
            return logits.mean(0)
        return logits.log_softmax(2).logsumexp(0) - math.log(len(self.members))


class Specialist(nn.Module):
    """A net for some classes that has one answer, the dustbin, for all others.

    Args:
        net: from images to logits (N, S + 1), the dustbin last.
        classes: (S,) int64, the classes of the generalist that are its own.

    Raises:
        ValueError: the net's last layer has another number of outputs.

    Source: Hinton, Vinyals and Dean (2015), section 5.3.
    """

    def __init__(self, net: nn.Sequential, classes: Tensor) -> None:
        super().__init__()
        if net[-1].out_features != len(classes) + 1:
            raise ValueError(
                f"net must have {len(classes) + 1} outputs, got {net[-1].out_features}"
            )
        self.net = net
        self.register_buffer("classes", classes.clone())

    @classmethod
    def of(cls, generalist: nn.Sequential, classes: Tensor) -> "Specialist":
        """Return one that starts from the generalist's weights.

        The dustbin starts as the mean of the outputs it stands for, with the weight of as many
        classes as are its own: in what it will learn from, both halves are equal.

        Args:
            generalist: ends in the linear layer of its C classes.
            classes: (S,) int64.
        """
        net = copy.deepcopy(generalist)
        old = net[-1]
        others = torch.ones(old.out_features, dtype=torch.bool)
        others[classes] = False
        net[-1] = nn.Linear(old.in_features, len(classes) + 1)
        with torch.no_grad():
            net[-1].weight[:-1], net[-1].bias[:-1] = old.weight[classes], old.bias[classes]
            net[-1].weight[-1] = old.weight[others].mean(0)
            net[-1].bias[-1] = old.bias[others].mean() + math.log(len(classes))
        return cls(net, classes)

    def forward(self, images: Tensor) -> Tensor:
        return self.net(images)


RULES = {"reconcile": specialists.reconcile, "multiplied": specialists.multiplied}
RULE = "reconcile"


class WithSpecialists(nn.Module):
    """A generalist and its specialists, asked as one net.

    The generalist is asked first. Specialists that have its first choice among their classes
    are asked, too, and one distribution is made of all answers.

    Args:
        generalist: from images to logits (N, C).
        nets: the specialists beside it.
        corrected: raise each dustbin by the logarithm of the oversampling, as the paper does.
        rule: ``reconcile`` or ``multiplied``, see :mod:`kdutils.specialists`.

    Raises:
        ValueError: no specialist, or another rule.

    Source: Hinton, Vinyals and Dean (2015), section 5.4.
    """

    def __init__(
        self,
        generalist: nn.Module,
        nets: list[Specialist],
        corrected: bool = True,
        rule: str = RULE,
    ) -> None:
        super().__init__()
        if not nets:
            raise ValueError("nets must hold at least one specialist, got none")
        checks.one_of("rule", rule, RULES)
        self.generalist = generalist
        self.specialists = nn.ModuleList(nets)
        self.corrected, self.rule = corrected, rule

    def asked(self, classes: Tensor) -> Tensor:
        """Return (N, M) bool: which specialists have each of these classes (N,) as their own."""
        return torch.stack([torch.isin(classes, net.classes) for net in self.specialists], 1)

    def forward(self, images: Tensor) -> Tensor:
        """Return log q, (N, C)."""
        logits = self.generalist(images)
        asked = self.asked(logits.argmax(1))
        general = logits.double().softmax(1)
        answers = [
            self._answer(net, images[rows], logits.shape[1])
            for net, rows in zip(self.specialists, asked.T, strict=True)
        ]
        place = asked.cumsum(0) - 1  # of a picture among those that a specialist is asked about
        q = torch.empty_like(general)
        sets, which = asked.unique(dim=0, return_inverse=True)
        for number, members in enumerate(sets):
            rows = (which == number).nonzero().flatten()
            chosen = members.nonzero().flatten().tolist()
            q[rows] = RULES[self.rule](
                general[rows],
                [answers[m][place[rows, m]] for m in chosen],
                [self.specialists[m].classes for m in chosen],
            )
        return q.clamp_min(torch.finfo(logits.dtype).tiny).log().to(logits.dtype)

    def _answer(self, net: Specialist, images: Tensor, classes: int) -> Tensor:
        """Return a specialist's probabilities (N, S + 1), the dustbin last."""
        logits = net(images).double()
        if self.corrected:
            logits[:, -1] += math.log(specialists.oversampling(classes, len(net.classes)))
        return logits.softmax(1)
