"""The runs behind each notebook, found by name: ``n<NN>_<stem>.py`` holds those of one notebook.

Each such module has a function ``recipes()``; its name without the ``n`` is the notebook's stem
and the name of the experiment.
"""

from importlib import import_module
from pkgutil import iter_modules

from kdutils import checks
from kdutils.data.load import NAMES
from kdutils.experiments.recipe import Recipe

EXPERIMENTS: dict[str, tuple[Recipe, ...]] = {
    name[1:]: import_module(f"{__name__}.{name}").recipes()
    for name in sorted(module.name for module in iter_modules(__path__))
    if name[0] == "n" and name[1:3].isdigit()
}


def find_recipes(experiment: str, dataset: str | None = None) -> tuple[Recipe, ...]:
    """Return the recipes of an experiment.

    Args:
        experiment: a key of ``EXPERIMENTS``.
        dataset: run all of it on this data set; each on its own if None.

    Raises:
        ValueError: unknown experiment or data set.
    """
    checks.one_of("experiment", experiment, sorted(EXPERIMENTS))
    recipes = EXPERIMENTS[experiment]
    if dataset is None:
        return recipes
    checks.one_of("dataset", dataset, NAMES)
    return tuple(recipe.on(dataset) for recipe in recipes)
