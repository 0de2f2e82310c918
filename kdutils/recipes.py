"""The runs behind each notebook: one table of recipes per experiment."""

from kdutils import recipes_assistant, recipes_cifar10, recipes_mnist, recipes_svhn
from kdutils.recipe import Recipe

EXPERIMENTS: dict[str, tuple[Recipe, ...]] = {
    "02_distillation_beats_baseline": recipes_mnist.distillation_beats_baseline(),
    "03_temperature_sweep": recipes_mnist.temperature_sweep(),
    "04_omitted_digit": recipes_mnist.omitted_digit(),
    "05_reverse_kd": recipes_cifar10.reverse_kd(),
    "06_self_kd": recipes_cifar10.self_kd(),
    "07_teacher_assistant": recipes_assistant.teacher_assistant(),
    "08_quantized_svhn": recipes_svhn.quantized_svhn(),
}


def find_recipes(experiment: str, dataset: str | None = None) -> tuple[Recipe, ...]:
    """Return the recipes of an experiment.

    Args:
        experiment: a key of ``EXPERIMENTS``.
        dataset: run all of it on this data set; each on its own if None.

    Raises:
        ValueError: unknown experiment.
    """
    if experiment not in EXPERIMENTS:
        raise ValueError(f"experiment must be one of {sorted(EXPERIMENTS)}, got {experiment!r}")
    recipes = EXPERIMENTS[experiment]
    return tuple(recipe.on(dataset) for recipe in recipes) if dataset else recipes
