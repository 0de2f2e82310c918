"""The runs on MNIST: notebooks 02 to 04."""

from dataclasses import replace

from kdutils.recipe import Recipe
from kdutils.training import Settings
from kdutils.transfer import Transfer


def distillation_beats_baseline() -> tuple[Recipe, ...]:
    """Hinton's MNIST experiment, its controls, and the sweep that chose T and alpha."""
    teacher = Recipe(
        "teacher",
        "hard",
        Settings(epochs=150, lr=1e-3, batch_size=256, optimizer="adam", schedule="linear"),
        size={"hidden": 1200, "dropout": 0.4, "input_dropout": 0.1},
        jitter=2,
        ship=True,
    )
    # The same for every student, so that no arm is favoured.
    hard = Recipe(
        "student-hard",
        "hard",
        Settings(epochs=100, lr=1e-3, batch_size=256, optimizer="adam", schedule="linear"),
        size={"hidden": 800},
        ship=True,
    )
    # T and alpha: the cell of the sweep below with the fewest validation errors.
    kd = replace(
        hard, run="student-kd", method="kd", teacher="mnist/teacher", temperature=4.0, alpha=0.25
    )
    sweep = [
        replace(
            kd,
            training=replace(kd.training, epochs=50),
            run=f"alpha-sweep-a{alpha:g}-t{temperature:g}",
            alpha=alpha,
            temperature=float(temperature),
            seeds=1,
            ship=False,
            measure_test=False,
        )
        for alpha in (0.0, 0.25, 0.5, 0.75, 0.9, 1.0)
        for temperature in (1, 4, 20)
    ]
    return (
        teacher,
        hard,
        replace(hard, run="student-hard-jitter", jitter=2, ship=False),
        replace(hard, run="student-smooth", method="smooth", smoothing=0.1, ship=False),
        kd,
        replace(kd, run="student-kd-t20", temperature=20.0, ship=False),
        replace(kd, run="student-kd-jitter", jitter=2),
        *sweep,
    )


SHIPPED_TEMPERATURES = {("w30", 3), ("project-a", 16)}
TEMPERATURES = (0.5, 1, 2, 2.5, 3, 4, 8, 16, 20, 32, 64)


def temperature_sweep() -> tuple[Recipe, ...]:
    """Temperature by width, the controls for T² and learning rate, and a course assignment."""
    runs = []
    # Learning rates: a quick look at validation errors; the smallest net takes larger steps.
    for width, lr, temperatures in (
        (30, 3e-3, TEMPERATURES),
        (300, 1e-3, TEMPERATURES),
        (800, 1e-3, (1, 2, 4, 8, 20, 64)),
    ):
        training = Settings(epochs=30, lr=lr, batch_size=256, optimizer="adam", schedule="linear")
        hard = Recipe(f"w{width}-hard", "hard", training, size={"hidden": width}, ship=width == 30)
        smooth = replace(hard, run=f"w{width}-smooth", method="smooth", smoothing=0.1, ship=False)
        runs += [hard, smooth, *_by_temperature(hard, "mnist/teacher", 0.9, temperatures)]
    named = {recipe.run: recipe for recipe in runs}
    small = [named[f"w30-t{temperature:g}"] for temperature in TEMPERATURES]
    runs += [replace(r, run=f"{r.run}-no-square", t_squared=False, ship=False) for r in small]
    # Is a high temperature bad, or only a large step?
    steps = {"w30-t3": (1e-3, 1e-2), "w30-t64": (1e-3, 1e-2), "w300-t64": (3e-4, 3e-3)}
    runs += [
        replace(
            named[run],
            run=f"{run}-lr{lr:g}",
            training=replace(named[run].training, lr=lr),
            ship=False,
        )
        for run, rates in steps.items()
        for lr in rates
    ]
    return (*runs, *_project_a())


def _project_a() -> tuple[Recipe, ...]:
    """The assignment's own setting: all numbers but dropout and T are its own."""
    training = Settings(epochs=12, lr=1e-3, batch_size=256, optimizer="adam", schedule="constant")
    teacher = Recipe(
        "project-a-teacher",
        "hard",
        training,
        model="cnn",
        size={"dropout": 0.25},
        seeds=1,  # a quarter of an hour each
        ship=True,
    )
    hard = Recipe("project-a-hard", "hard", training, size={"hidden": 784})
    students = _by_temperature(hard, "mnist/project-a-teacher", 0.5, (1, 2, 4, 16, 32, 64))
    return (teacher, hard, *students)


def _by_temperature(
    hard: Recipe, teacher: str, alpha: float, temperatures: tuple[float, ...]
) -> list[Recipe]:
    """Return the baseline ``<name>-hard`` distilled at each temperature, as ``<name>-t<T>``."""
    name = hard.run.removesuffix("-hard")
    return [
        replace(
            hard,
            run=f"{name}-t{temperature:g}",
            method="kd",
            teacher=teacher,
            temperature=float(temperature),
            alpha=alpha,
            ship=(name, temperature) in SHIPPED_TEMPERATURES,
        )
        for temperature in temperatures
    ]


def omitted_digit() -> tuple[Recipe, ...]:
    """Students that never see one digit, or only two; what carries the missing knowledge."""
    training = Settings(epochs=30, lr=1e-3, batch_size=256, optimizer="adam", schedule="linear")
    omit = Recipe(
        "omit-3",
        "kd",
        training,
        size={"hidden": 800},
        teacher="mnist/teacher",
        temperature=8.0,  # fewest errors on the validation digits seen, in the sweep below
        alpha=1.0,
        transfer=Transfer(unseen=(3,)),
        ship=True,
    )
    no_teacher = {"method": "hard", "teacher": None, "temperature": None, "alpha": None}
    plain = replace(omit, ship=False)
    sweep = [
        replace(plain, run=f"sweep-omit-3-t{t}", temperature=float(t), seeds=s, measure_test=False)
        for t, s in ((1, 2), (4, 5), (8, 5), (20, 2))  # two seeds left 4 and 8 half an error apart
    ]
    others = [
        replace(plain, run=f"omit-{digit}", transfer=Transfer(unseen=(digit,)), seeds=3)
        for digit in range(10)
        if digit != 3
    ]
    why = {
        "flat": Transfer((3,), hidden="flat"),
        "shuffled": Transfer((3,), hidden="shuffled"),
        "no-top": Transfer((3,), leave_out="top", share=0.3),
        "no-random": Transfer((3,), leave_out="random", share=0.3),
    }
    # Two digits cover little of the picture: without weight decay the rest stays at random.
    only = replace(
        omit,
        run="only-78",
        training=replace(training, epochs=300, weight_decay=1.0),
        temperature=20.0,
        transfer=Transfer(unseen=(0, 1, 2, 3, 4, 5, 6, 9)),
    )
    # Hardly any error is left on the two digits seen: chosen on all validation digits.
    trial = replace(only, seeds=2, ship=False, measure_test=False)
    sweep += [
        replace(trial, run="sweep-only-78-t8", temperature=8.0),
        replace(trial, run="sweep-only-78-t20"),
        replace(
            trial,
            run="sweep-only-78-no-decay",
            training=replace(trial.training, weight_decay=0.0),
        ),
    ]
    return (
        *sweep,
        omit,
        replace(omit, run="omit-3-hard", **no_teacher),
        only,
        replace(only, run="only-78-hard", ship=False, **no_teacher),
        *[replace(plain, run=f"omit-3-{name}", transfer=t) for name, t in why.items()],
        *others,
    )
