"""The runs of notebook 09: ensembles on MNIST and on house numbers, and one net of each."""

from dataclasses import replace

from kdutils.experiments.recipe import Recipe
from kdutils.settings import Settings

SIZES = (2, 5, 10)
MEMBERS = 30
# Added to the seeds of members, so that no student starts as its teacher did.
MEMBERS_FROM = 1000
# T with the fewest validation errors in the sweeps below, ensembles of five; alpha as is usual.
CHOSEN = {"mnist": (2.0, 0.9), "svhn10k": (8.0, 0.9)}
GRID = {
    "mnist": [(t, 0.9) for t in (1.0, 2.0, 4.0, 8.0, 20.0)],
    "svhn10k": [(t, 0.9) for t in (1.0, 2.0, 4.0, 8.0, 16.0)],
}
PREFIX = {"mnist": "", "svhn10k": "svhn-"}
# How many times as long the control trains on labels.
PATIENCE = 3
# The rate of notebook 08's short trainings.
NUMBERS = Settings(epochs=16, lr=8e-3, batch_size=100, schedule="one-cycle")


def _together(member: Recipe, count: int, mean: str = "probs") -> Recipe:
    """Return ensembles of ``count`` members that have none in common."""
    prefix = PREFIX[member.dataset]
    largest = count == max(SIZES) and mean == "probs"
    digits = ("hesitant",) if member.dataset == "mnist" else ()
    return replace(
        member,
        run=f"{prefix}ensemble-k{count}" + (f"-{mean}" if mean != "probs" else ""),
        method="ensemble",
        training=None,
        model="ensemble",
        size={"of": member.model, "members": count, "mean": mean, **member.size},
        seeds=MEMBERS // count,
        members=count * (f"{member.dataset}/{member.run}",),
        spread=count,
        draws_from=0,
        jitter=0,
        ship=0,
        reports=("first_members", "diversity", *digits) if largest else (),
    )


def _taught(student: Recipe, run: str, teacher: str, **changes: object) -> Recipe:
    temperature, alpha = CHOSEN[student.dataset]
    prefix = PREFIX[student.dataset]
    return replace(
        student,
        run=f"{prefix}{run}",
        method="kd",
        teacher=f"{student.dataset}/{prefix}{teacher}",
        own_teacher=True,
        **{"temperature": temperature, "alpha": alpha, **changes},
    )


def _member(labels: Recipe) -> Recipe:
    return replace(
        labels,
        run=f"{PREFIX[labels.dataset]}member",
        seeds=MEMBERS,
        draws_from=MEMBERS_FROM,
        keep=True,
    )


def _on(labels: Recipe, other_jitter: int) -> tuple[Recipe, ...]:
    """Return the runs that both data sets have.

    Args:
        labels: the baseline; members are as it is.
        other_jitter: of the runs that show what shifts do: 0 where ``labels`` has them.
    """
    dataset, prefix = labels.dataset, PREFIX[labels.dataset]
    member = _member(labels)
    sweep = [
        _taught(
            labels,
            f"sweep-t{temperature:g}-a{alpha:g}",
            "ensemble-k5",
            temperature=temperature,
            alpha=alpha,
            seeds=1,
            measure_test=False,
        )
        for temperature, alpha in GRID[dataset]
    ]
    from_ten = _taught(labels, "from-ensemble-k10", "ensemble-k10", seeds=MEMBERS // 10)
    longer = replace(labels.training, epochs=PATIENCE * labels.training.epochs)
    other = replace(labels, jitter=other_jitter, seeds=3)
    other_name = "shifted" if other_jitter else "unshifted"
    return (
        replace(member, ship=10 if dataset == "svhn10k" else 0),
        *[replace(_together(member, count), keep=count > 2) for count in SIZES],
        *sweep,
        labels,
        replace(labels, run=f"{prefix}labels-long", training=longer),
        replace(labels, run=f"{prefix}smooth", method="smooth", smoothing=0.1),
        _taught(labels, "from-one", "member"),
        _taught(labels, "from-ensemble-k5", "ensemble-k5"),
        replace(from_ten, ship=1),
        # Five seeds: notebook 10 compares with them, too.
        replace(other, run=f"{prefix}labels-{other_name}", seeds=5),
        _taught(other, f"from-one-{other_name}", "member"),
        _taught(other, f"from-ensemble-k5-{other_name}", "ensemble-k5"),
    )


def recipes() -> tuple[Recipe, ...]:
    """Members, ensembles, one net of each and its rivals; on MNIST and on house numbers."""
    digits = Recipe(
        "labels",
        "hard",
        Settings(epochs=15, lr=1e-3, batch_size=250),
        size={"hidden": 800},
        precision="fp32",
    )
    numbers = Recipe(
        "svhn-labels",
        "hard",
        NUMBERS,
        "svhn-cnn",
        {"width": 1 / 4},
        dataset="svhn10k",
        jitter=2,
        precision="fp32",
    )
    return (
        *_on(digits, other_jitter=2),
        replace(_together(_member(digits), 5, "logits"), seeds=3, keep=True),
        _taught(digits, "from-ensemble-k5-logits", "ensemble-k5-logits", seeds=3),
        *_on(numbers, other_jitter=0),
        # As many parameters as five members.
        replace(numbers, run="svhn-labels-wide", size={"width": 0.56}, seeds=3),
    )
