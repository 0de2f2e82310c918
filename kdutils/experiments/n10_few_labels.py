"""The runs of notebook 10: labels against soft targets where there are few pictures."""

from dataclasses import replace

from kdutils.experiments.n09_ensemble_to_one import NUMBERS, PREFIX
from kdutils.experiments.recipe import Recipe
from kdutils.training import Settings
from kdutils.transfer import Transfer

# Share of the training split, and its schedule, the same for all arms: 1,600 to 3,300 steps on
# MNIST, 600 and 700 on house numbers.
SHARES = {
    "mnist": {
        0.003: {"epochs": 400, "batch_size": 40},
        0.01: {"epochs": 200, "batch_size": 50},
        0.03: {"epochs": 80, "batch_size": 50},
        0.1: {"epochs": 50, "batch_size": 100},
        0.3: {"epochs": 30, "batch_size": 250},
        1.0: {"epochs": 15, "batch_size": 250},  # with labels: the run "labels" of notebook 09
    },
    "svhn10k": {
        0.03: {"epochs": 200, "batch_size": 70},
        0.1: {"epochs": 100, "batch_size": 100},
    },
}
# T and alpha of the sweeps below with the fewest validation errors at 3 %, for all shares; no T
# at the edge of the grid, where a few errors less say nothing.
CHOSEN = {"mnist": (40.0, 0.9), "svhn10k": (8.0, 1.0)}
GRID = {
    "mnist": [(t, alpha) for t in (2.0, 4.0, 8.0, 20.0, 40.0, 80.0) for alpha in (0.9, 1.0)],
    "svhn10k": [(t, alpha) for t in (1.0, 2.0, 4.0, 8.0, 16.0) for alpha in (0.9, 1.0)],
}
# The share of the paper, where T and alpha are chosen.
PAPER = 0.03
# Those whose weights are in the repository, as share and arm.
SHIPPED = {"mnist": {(PAPER, "hard"), (PAPER, "soft")}, "svhn10k": set()}
# Up to this share errors are recorded over the epochs.
FEW = 0.1


def name(share: float) -> str:
    """Return how a share stands in a run's name.

    >>> name(0.003), name(1.0)
    ('f0.3', 'f100')
    """
    return f"f{100 * share:g}"


def _soft(run: Recipe, **changes: object) -> Recipe:
    """Return the run with a teacher's soft targets beside the labels."""
    temperature, alpha = CHOSEN[run.dataset]
    teacher = {"method": "kd", "teacher": f"{run.dataset}/teacher"}
    return replace(run, **teacher, **{"temperature": temperature, "alpha": alpha, **changes})


def _arms(hard: Recipe, share: float) -> dict[str, Recipe]:
    """Return what is compared at one share; the paper's has more seeds and teacher-free rivals."""
    if share != PAPER:
        hard = replace(hard, seeds=3)
        return {"hard": hard, "soft": _soft(hard)}
    early = replace(hard.training, early_stopping=True)
    return {"hard": hard, "soft": _soft(hard), "hard-early": replace(hard, training=early)}


def _at(hard: Recipe, share: float) -> Recipe:
    """Return the run on that share of the pictures, or on all of them."""
    return replace(
        hard,
        training=replace(hard.training, **SHARES[hard.dataset][share]),
        transfer=Transfer(fraction=share) if share < 1 else None,
        reports=("train", "curve") if share <= FEW else ("train",),
    )


def _named(run: Recipe, share: float, *words: str) -> Recipe:
    return replace(run, run="-".join([f"{PREFIX[run.dataset]}{name(share)}", *words]))


def _sweep(hard: Recipe) -> list[Recipe]:
    """Return the runs that choose T and alpha, on validation."""
    alone = replace(_at(hard, PAPER), seeds=1, measure_test=False, reports=())
    return [
        replace(
            _soft(alone, temperature=temperature, alpha=alpha),
            run=f"{PREFIX[hard.dataset]}sweep-t{temperature:g}-a{alpha:g}",
        )
        for temperature, alpha in GRID[hard.dataset]
    ]


def _shares(hard: Recipe) -> list[Recipe]:
    return [
        replace(_named(run, share, arm), ship=int((share, arm) in SHIPPED[hard.dataset]))
        for share in SHARES[hard.dataset]
        if share < 1
        for arm, run in _arms(_at(hard, share), share).items()
    ]


def recipes() -> tuple[Recipe, ...]:
    """Shares of MNIST and of house numbers: labels, soft targets and teacher-free rivals."""
    digits = Recipe(
        "",
        "hard",
        Settings(epochs=1, lr=1e-3),
        size={"hidden": 800},
        validations=20,
        precision="fp32",
    )
    numbers = replace(
        digits,
        training=NUMBERS,
        model="svhn-cnn",
        size={"width": 1 / 4},
        dataset="svhn10k",
        jitter=2,
    )
    few = _at(digits, PAPER)
    # As many steps as on all digits, but with pictures of noise alone.
    blind = replace(_at(digits, 1.0), pictures="noise", seeds=3, reports=())
    return (
        *_sweep(digits),
        *_shares(digits),
        _named(replace(few, method="smooth", smoothing=0.1), PAPER, "smooth"),
        _named(replace(few, jitter=2), PAPER, "hard", "shifted"),
        replace(_soft(blind, alpha=1.0), run="noise-soft"),
        *_sweep(numbers),
        *_shares(numbers),
    )
