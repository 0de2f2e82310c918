"""The campaign: kinds of injury, each with how often a test and how often all of it tries them."""

import random
from collections.abc import Callable, Iterator
from typing import NamedTuple

from torture import calls, harmless, kills, pictures, rows, snapshots, starts, weights
from torture.cases import Case, run


class Kind(NamedTuple):
    """A kind of injury: what makes its cases, and how many are a sample, and a campaign."""

    cases: Callable[[random.Random, int], Iterator[Case]]
    sample: int
    campaign: int


ALL = 1000  # more than any list has

KINDS = {
    "killed runs": Kind(kills.runs, 8, 40),
    "one run started twice": Kind(kills.twice, 2, 12),
    "killed and rival writers": Kind(kills.writers, 4, 40),
    "killed and rival starts": Kind(starts.cases, 3, 30),
    "killed workers": Kind(starts.workers, 0, 3),  # each imports torch; see also test_workers
    "mishaps while training": Kind(snapshots.mishaps, ALL, ALL),
    "damaged snapshots": Kind(snapshots.damaged, 60, 400),
    "snapshots of another run": Kind(snapshots.foreign, ALL, ALL),
    "damaged tables of runs": Kind(rows.damaged, 60, 600),
    "damaged weights": Kind(weights.damaged, 60, 900),
    "damaged manifests": Kind(weights.manifests, 60, 400),
    "damaged pictures": Kind(pictures.damaged, 40, 300),
    "wrong teachers": Kind(calls.wrong_teachers, ALL, ALL),
    "NaN, infinity, nothing": Kind(calls.not_numbers, ALL, ALL),
    "wrong calls": Kind(calls.wrong, ALL, ALL),
    "harmless": Kind(harmless.cases, ALL, ALL),
}


def try_kind(name: str, *, sample: bool, seed: int = 0) -> tuple[int, list[str]]:
    """Try the cases of one kind; return how many, and what was missed."""
    kind = KINDS[name]
    rng = random.Random(f"{name} {seed}")
    return run(kind.cases(rng, kind.sample if sample else kind.campaign))
