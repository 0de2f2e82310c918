"""One row per method: what makes its objective, and what a recipe must say for it.

A method is an objective (a function) and this row; a notebook explains it, tests hold its values.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from torch import nn

from kdutils import homework, objectives
from kdutils.models.composites import MEAN, RULE, Ensemble, WithSpecialists


class Method(NamedTuple):
    """How the objective of a method is made.

    Attributes:
        objective: called with ``takes`` as keyword arguments; None where nothing is trained.
        takes: fields of the recipe, and of ``teacher``, ``split`` and ``augment`` what the
            objective wants: the teacher (a net, or its logits where the images stay as they
            are), the training split, the augmentation.
        together: where nothing is trained, what the members are put together to, called with
            them and the recipe's size.
    """

    objective: Callable[..., objectives.Objective] | None
    takes: tuple[str, ...] = ()
    together: Callable[[list[nn.Module], dict], nn.Module] | None = None


SOFT = ("temperature", "alpha")
METHODS = {
    "hard": Method(objectives.hard_labels),
    "smooth": Method(objectives.label_smoothing, ("smoothing",)),
    "kd": Method(objectives.distillation, ("teacher", *SOFT, "t_squared")),
    "permuted": Method(partial(objectives.distillation, permuted=True), ("teacher", *SOFT)),
    "virtual": Method(objectives.virtual_teacher, SOFT),
    "ddgsd": Method(objectives.ddgsd, ("split", "augment", *SOFT)),
    "cs-kd": Method(objectives.cs_kd, ("split", "augment", *SOFT)),
    "ps-kd": Method(objectives.PsKd, ("split", "alpha")),
    "confident": Method(objectives.confident, ("teacher", "alpha")),
    "byot": Method(objectives.byot, SOFT),
    "exits": Method(partial(objectives.byot, temperature=1.0, alpha=0.0, hint=0.0)),
    "auxiliary": Method(objectives.auxiliary, ("teacher",)),
    "auxiliary-squared": Method(partial(objectives.auxiliary, squared=True), ("teacher",)),
    "q1": Method(partial(homework.objective, homework.q1)),
    "q2": Method(partial(homework.objective, homework.q2), ("teacher", "temperature")),
    "q3": Method(partial(homework.objective, homework.q3), ("teacher", "temperature", "weight")),
    "q4": Method(partial(homework.objective, homework.q4), ("temperature", "weight")),
    # Nothing is trained: the start itself, members' checkpoints as one net, or one member's
    # weights as bits.
    "untrained": Method(None),
    "ensemble": Method(
        None, ("members",), lambda nets, size: Ensemble(nets, size.get("mean", MEAN))
    ),
    "specialists": Method(
        None,
        ("members",),
        lambda nets, size: WithSpecialists(
            nets[0], nets[1:], size.get("corrected", True), size.get("rule", RULE)
        ),
    ),
    "packed": Method(None, ("members",), lambda nets, size: nets[0]),
}
