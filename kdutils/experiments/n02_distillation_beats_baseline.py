"""The runs of notebook 02: Hinton's MNIST experiment, its controls, and a sweep."""

from dataclasses import replace

from kdutils.experiments.recipe import Recipe
from kdutils.settings import Settings


def recipes() -> tuple[Recipe, ...]:
    """Hinton's MNIST experiment, its controls, and the sweep whose seed 0 chose T and alpha."""
    teacher = Recipe(
        "teacher",
        "hard",
        Settings(epochs=150, lr=1e-3, batch_size=256, optimizer="adam", schedule="linear"),
        size={"hidden": 1200, "dropout": 0.4, "input_dropout": 0.1},
        jitter=2,
        ship=1,
        keep=True,
    )
    # The same for every student, so that no arm is favoured.
    hard = Recipe(
        "student-hard",
        "hard",
        Settings(epochs=100, lr=1e-3, batch_size=256, optimizer="adam", schedule="linear"),
        size={"hidden": 800},
        ship=1,
    )
    # T and alpha: the cell of the sweep below with the fewest validation errors of seed 0.
    kd = replace(
        hard, run="student-kd", method="kd", teacher="mnist/teacher", temperature=4.0, alpha=0.25
    )
    # Few CPU seconds to a hundred errors. Of nine schedules (6 to 15 epochs, one seed each) the one
    # with the fewest validation errors, after that of 10 epochs had made 101 test errors with seed
    # 0. Alpha was not searched.
    fast = replace(
        kd,
        run="student-kd-fast",
        training=Settings(epochs=15, lr=4e-3, batch_size=256, schedule="one-cycle"),
        alpha=0.9,
        ship=0,
    )
    # Hinton's students saw all 60,000 digits. Nothing is chosen here: the recipes are those above,
    # and the teacher is the same one, so that only the student's digits change.
    whole = [
        replace(hard, run="student-hard-60k", dataset="mnist-60k", ship=0),
        replace(kd, run="student-kd-t20-60k", dataset="mnist-60k", temperature=20.0, ship=0),
    ]
    # Nearer to Hinton's 74? One cycle, with and without weight decay: of two weights (.1 and .4, 50
    # epochs, one seed) the one with fewer validation errors.
    cycle = replace(
        kd,
        run="cycle-t20",
        training=replace(fast.training, epochs=50),
        temperature=20.0,
        alpha=0.9,
        ship=0,
    )
    decaying = replace(cycle.training, weight_decay=0.1)
    decay = [
        cycle,
        replace(cycle, run="decay-t20", training=decaying),
        replace(hard, run="decay-hard", training=decaying, ship=0),
    ]
    # Does the teacher's seed matter? Five teachers have two students each, all of other draws; the
    # first one repeats seed 0 of decay-t20.
    own = replace(cycle, training=decaying, own_teacher=True)
    nested = [replace(own, run=f"decay-t20-own{draws}", draws_from=draws) for draws in (0, 5)]
    # Seed 0 chose; five others, made later, show how far that cell is from its neighbours.
    sweep = [
        replace(
            kd,
            training=replace(kd.training, epochs=50),
            run=f"alpha-sweep-a{alpha:g}-t{temperature:g}",
            alpha=alpha,
            temperature=float(temperature),
            seeds=6,
            ship=0,
            measure_test=False,
        )
        for alpha in (0.0, 0.25, 0.5, 0.75, 0.9, 1.0)
        for temperature in (1, 4, 20)
    ]
    # How alpha acts, and what becomes of the digits learned from: few of them, so that it shows.
    few = replace(
        hard,
        dataset="mnist-sample",
        training=replace(hard.training, epochs=20, batch_size=100),
        reports=("train",),
        ship=0,
    )
    soft = {"method": "kd", "teacher": kd.teacher, "temperature": kd.temperature}
    few_digits = [
        replace(few, run="few-hard"),
        replace(few, run="few-smooth", method="smooth", smoothing=0.1),
        *[
            replace(few, run=f"few-a{alpha:g}", alpha=alpha, **soft)
            for alpha in (0.25, 0.5, 0.75, 0.9, 1.0)
        ],
    ]
    return (
        teacher,
        hard,
        replace(hard, run="student-hard-jitter", jitter=2, ship=0),
        replace(hard, run="student-smooth", method="smooth", smoothing=0.1, ship=0),
        kd,
        replace(kd, run="student-kd-t20", temperature=20.0, ship=0),
        replace(kd, run="student-kd-jitter", jitter=2),
        fast,
        *whole,
        *decay,
        *nested,
        *sweep,
        *few_digits,
    )
