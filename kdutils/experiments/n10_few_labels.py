"""The runs of notebook 10: labels against soft targets where there are few pictures."""

from dataclasses import replace

from kdutils.experiments.n09_ensemble_to_one import NUMBERS, PREFIX
from kdutils.experiments.recipe import Recipe
from kdutils.settings import Settings
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
        0.3: {"epochs": 40, "batch_size": 100},
        1.0: {"epochs": 16, "batch_size": 100},  # with labels: "svhn-labels" there
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
# Up to this share labels are few: there are rivals without a teacher, and errors over the epochs.
FEW = 0.1
# Of :data:`augment.PICTURES`, what stands in for digits.
BLIND = ("noise", "blobs", "letters")
# How many times as long the patient runs at 3 % are.
PATIENCE = 4


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
    """Return what is compared at one share."""
    if share == 1:
        return {"soft": _soft(hard)}
    arms = {"hard": hard, "soft": _soft(hard)}
    if share <= FEW:
        arms["hard-early"] = replace(hard, training=replace(hard.training, early_stopping=True))
    if share == PAPER:
        arms["smooth"] = replace(hard, method="smooth", smoothing=0.1)
    return arms


def _at(hard: Recipe, share: float, patience: int = 1) -> Recipe:
    """Return the run on that share of the pictures, its schedule so many times as long."""
    schedule = SHARES[hard.dataset][share]
    schedule = {**schedule, "epochs": patience * schedule["epochs"]}
    return replace(
        hard,
        training=replace(hard.training, **schedule),
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
        for arm, run in _arms(_at(hard, share), share).items()
    ]


def _shifted(hard: Recipe) -> list[Recipe]:
    """Return the runs with shifts, where the others have none."""
    hard = replace(hard, jitter=2)
    few = [_at(hard, share) for share in SHARES["mnist"] if share <= FEW]
    return [
        *[_named(run, run.transfer.fraction, "hard", "shifted") for run in few],
        _named(_soft(_at(hard, PAPER)), PAPER, "soft", "shifted"),
    ]


def _patient(hard: Recipe) -> list[Recipe]:
    """Return both arms at 3 % with several times the epochs."""
    longer = _at(hard, PAPER, PATIENCE)
    return [
        _named(longer, PAPER, "hard", "patient"),
        _named(_soft(longer), PAPER, "soft", "patient"),
    ]


def _blind(hard: Recipe) -> list[Recipe]:
    """Return students that see no digit at all: as many steps as on all digits.

    With soft targets for what they see; as the floor, noise with labels of other pictures.
    """
    blind = replace(_at(hard, 1.0), reports=())
    soft = _soft(blind, alpha=1.0)
    return [
        *[replace(soft, run=f"{pictures}-soft", pictures=pictures) for pictures in BLIND],
        replace(blind, run="noise-hard", pictures="noise"),
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
    return (
        *_sweep(digits),
        *_shares(digits),
        *_shifted(digits),
        *_patient(digits),
        *_blind(digits),
        *_sweep(numbers),
        *_shares(numbers),
        *_patient(numbers),
    )
