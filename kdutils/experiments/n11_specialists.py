"""The runs of notebook 11: a generalist for 1,212 letters, its specialists, and one net of all."""

from dataclasses import replace

from kdutils.experiments.recipe import Recipe
from kdutils.settings import Settings
from kdutils.specialists import Specialty

# Too small for so many letters; the size of a specialist is the same but for its outputs.
SIZE = {"hidden": 64, "bottleneck": 24}
# As many parameters as the generalist and the specialists that are asked about a picture.
WIDE = {"hidden": 108, "bottleneck": 48}
COUNT, OWN = 30, 60
GENERALIST = Settings(epochs=8, lr=1.6e-2, batch_size=500, schedule="one-cycle")
SPECIALIST = Settings(epochs=10, lr=1.6e-2, batch_size=250)
# How many times as long the control trains: as the generalist, all specialists and the net that
# is made of them take together.
LONG = 4
# The soft targets of the generalist as regulariser of its specialists.
REGULARISED = {"method": "kd", "temperature": 1.0, "alpha": 0.5}
# T and alpha with the fewest validation errors of seed 0 in the sweep below.
CHOSEN = {"temperature": 1.0, "alpha": 0.5}
GRID = [(t, alpha) for t in (1.0, 2.0) for alpha in (0.2, 0.5, 0.9)]
# Sets of specialists: how the classes are found, and what differs.
ARMS = {
    "specialist": ("k-means", {}),
    "soft-specialist": ("k-means", {**REGULARISED, "teacher": "letters/generalist"}),
    "random-specialist": ("random", {}),
}


def _specialists(arm: str) -> list[Recipe]:
    way, changes = ARMS[arm]
    return [
        Recipe(
            f"{arm}-{number:02}",
            **{"method": "hard", **changes},
            training=SPECIALIST,
            model="specialist",
            size={"of": "letters-mlp", "own": OWN, **SIZE},
            dataset="letters",
            start="letters/generalist",
            specialty=Specialty(number, COUNT, OWN, way),
            own_teacher="teacher" in changes,
            keep=True,
            validations=1,
            precision="fp32",
        )
        for number in range(COUNT)
    ]


def _together(run: str, arm: str, **choices: object) -> Recipe:
    """Return the generalist and all specialists of an arm as one net."""
    return Recipe(
        run,
        "specialists",
        model="with-specialists",
        size={"of": "letters-mlp", "count": COUNT, "own": OWN, **SIZE, **choices},
        dataset="letters",
        members=("letters/generalist", *[f"letters/{r.run}" for r in _specialists(arm)]),
        reports=("held_out_face", "specialists"),
        precision="fp32",
    )


def _taught(student: Recipe, run: str, teacher: str) -> Recipe:
    """Return a net of the generalist's size and schedule that learns from that seed's teacher."""
    teacher = f"letters/{teacher}"
    return replace(student, run=run, method="kd", teacher=teacher, own_teacher=True, **CHOSEN)


def recipes() -> tuple[Recipe, ...]:
    """Generalists, their specialists, all together, one net that learns from all; and rivals."""
    generalist = Recipe(
        "generalist",
        "hard",
        GENERALIST,
        "letters-mlp",
        SIZE,
        dataset="letters",
        ship=1,
        keep=True,
        reports=("train", "held_out_face"),
        precision="fp32",
    )
    again = replace(generalist, ship=0, keep=False, reports=("held_out_face",))
    taught = _taught(again, "from-specialists", "with-specialists")
    sweep = [
        replace(
            taught,
            run=f"sweep-t{t:g}-a{alpha:g}",
            temperature=t,
            alpha=alpha,
            seeds=1,
            measure_test=False,
        )
        for t, alpha in GRID
    ]
    return (
        generalist,
        *[run for arm in ARMS for run in _specialists(arm)],
        replace(_together("with-specialists", "specialist"), ship=1, keep=True),
        _together("with-specialists-uncorrected", "specialist", corrected=False),
        _together("with-specialists-multiplied", "specialist", rule="multiplied"),
        _together("with-soft-specialists", "soft-specialist"),
        _together("with-random-specialists", "random-specialist"),
        *sweep,
        replace(taught, ship=1),
        _taught(again, "from-generalist", "generalist"),
        replace(again, run="generalist-long", training=replace(GENERALIST, epochs=8 * LONG)),
        replace(again, run="generalist-wide", size=WIDE),
        replace(again, run="generalist-second", draws_from=1000, keep=True),
        replace(
            again,
            run="two-generalists",
            method="ensemble",
            training=None,
            model="ensemble",
            size={"of": "letters-mlp", "members": 2, **SIZE},
            members=("letters/generalist", "letters/generalist-second"),
        ),
    )
