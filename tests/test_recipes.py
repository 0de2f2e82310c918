import pytest

from kdutils import recipes
from kdutils.recipes import EXPERIMENTS, Recipe
from kdutils.training import Settings


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_run_names_are_unique(experiment):
    names = [recipe.run for recipe in EXPERIMENTS[experiment]]
    assert len(set(names)) == len(names)


def test_baselines_train_as_long_and_in_the_same_way_as_the_distilled():
    recipes_ = EXPERIMENTS["02_distillation_beats_baseline"]
    students = [r for r in recipes_ if r.run.startswith("student-")]
    assert len(students) == 6 and len({repr(r.training) for r in students}) == 1
    assert {repr(r.size) for r in students} == {"{'hidden': 800}"}


def test_names_of_models_leave_out_dropout():
    teacher = EXPERIMENTS["02_distillation_beats_baseline"][0]
    assert teacher.model_name == "mlp-1200"


@pytest.mark.parametrize(
    "choices",
    [
        {"method": "magic"},
        {"method": "hard", "temperature": 4.0},
        {"method": "kd", "temperature": 4.0, "alpha": 1.0},
        {"method": "smooth"},
    ],
)
def test_a_recipe_that_does_not_fit_its_method_is_refused(choices):
    with pytest.raises(ValueError, match="got"):
        Recipe("run", training=Settings(epochs=1), **choices)


def test_augmentation_is_there_only_with_jitter():
    settings = Settings(epochs=1)
    assert recipes.Recipe("a", "hard", settings).augmentation() is None
    assert recipes.Recipe("a", "hard", settings, jitter=2).augmentation() is not None
