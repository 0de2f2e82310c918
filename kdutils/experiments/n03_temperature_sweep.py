"""The runs of notebook 03: temperature by width, and a course assignment."""

from dataclasses import replace

from kdutils.experiments.recipe import Recipe
from kdutils.settings import Settings

SHIPPED = {("w30", 3), ("project-a", 16)}
TEMPERATURE_GRID = (0.5, 1, 2, 2.5, 3, 4, 8, 16, 20, 32, 64)


def recipes() -> tuple[Recipe, ...]:
    """Temperature by width, the controls for T² and learning rate, and a course assignment."""
    runs = []
    # Learning rates: a quick look at validation errors; the smallest net takes larger steps.
    for width, lr, temperatures in (
        (30, 3e-3, TEMPERATURE_GRID),
        (300, 1e-3, TEMPERATURE_GRID),
        (800, 1e-3, (1, 2, 4, 8, 20, 64)),
    ):
        training = Settings(epochs=30, lr=lr, batch_size=256, optimizer="adam", schedule="linear")
        hard = Recipe(
            f"w{width}-hard", "hard", training, size={"hidden": width}, ship=int(width == 30)
        )
        smooth = replace(hard, run=f"w{width}-smooth", method="smooth", smoothing=0.1, ship=0)
        runs += [hard, smooth, *_by_temperature(hard, "mnist/teacher", 0.9, temperatures)]
    named = {recipe.run: recipe for recipe in runs}
    small = [named[f"w30-t{temperature:g}"] for temperature in TEMPERATURE_GRID]
    runs += [replace(r, run=f"{r.run}-no-square", t_squared=False, ship=0) for r in small]
    # Is a high temperature bad, or only a large step?
    steps = {"w30-t3": (1e-3, 1e-2), "w30-t64": (1e-3, 1e-2), "w300-t64": (3e-4, 3e-3)}
    runs += [
        replace(
            named[run],
            run=f"{run}-lr{lr:g}",
            training=replace(named[run].training, lr=lr),
            ship=0,
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
        ship=1,
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
            ship=int((name, temperature) in SHIPPED),
        )
        for temperature in temperatures
    ]
