from dataclasses import replace

import pytest

from kdutils.data import augment
from kdutils.experiments import EXPERIMENTS, find_recipes
from kdutils.experiments.jobs import Job
from kdutils.experiments.n08_quantized_svhn import LONG, PATIENT
from kdutils.experiments.n11_specialists import WIDE
from kdutils.experiments.recipe import Recipe
from kdutils.experiments.records import read_runs
from kdutils.models.starts import Unshared
from kdutils.settings import Settings
from kdutils.specialists import Specialty
from kdutils.transfer import Transfer


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_run_names_are_unique(experiment):
    names = [recipe.run for recipe in EXPERIMENTS[experiment]]
    assert len(set(names)) == len(names)


def test_baselines_train_as_long_and_in_the_same_way_as_the_distilled():
    recipes_ = EXPERIMENTS["02_distillation_beats_baseline"]
    students = [r for r in recipes_ if r.run.startswith("student-") and "fast" not in r.run]
    assert len(students) == 8 and len({repr(r.training) for r in students}) == 1
    assert {repr(r.size) for r in students} == {"{'hidden': 800}"}


def test_students_of_five_teachers_differ_in_teacher_and_draws_only():
    runs = {r.run: r for r in EXPERIMENTS["02_distillation_beats_baseline"]}
    nested = [run for name, run in runs.items() if name.startswith("decay-t20-own")]
    drawn = {Job("", run, seed).drawn_from for run in nested for seed in range(run.seeds)}
    assert drawn == set(range(10))
    for run in nested:
        same = replace(run, run="decay-t20", own_teacher=False, draws_from=0)
        assert run.own_teacher and same == runs["decay-t20"]


def test_names_of_models_leave_out_dropout():
    teacher = EXPERIMENTS["02_distillation_beats_baseline"][0]
    assert teacher.model_name == "mlp-1200"


def test_a_sweep_s_arms_differ_in_what_the_objective_asks_only():
    for width, count in ((30, 13), (300, 13), (800, 8)):
        arms = [
            r
            for r in EXPERIMENTS["03_temperature_sweep"]
            if r.run.startswith(f"w{width}-")
            and not r.run.endswith("no-square")
            and "-lr" not in r.run
        ]
        assert len(arms) == count and len({(repr(r.training), repr(r.size)) for r in arms}) == 1
        assert {r.seeds for r in arms} == {5}


def test_a_run_that_omits_digits_differs_from_the_others_in_its_transfer_set_only():
    runs = {r.run: r for r in EXPERIMENTS["04_omitted_digit"]}
    for name, run in runs.items():
        if name.startswith("omit-") and run.method == "kd":
            same = replace(run, run="", transfer=None, seeds=5, ship=0)
            assert same == replace(runs["omit-3"], run="", transfer=None, ship=0)


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_whoever_teaches_leaves_weights_for_each_seed_that_learns(experiment):
    left = {
        job.checkpoint
        for runs in EXPERIMENTS.values()
        for recipe in runs
        for job in (Job("", recipe, seed) for seed in range(recipe.seeds))
    }
    for recipe in EXPERIMENTS[experiment]:
        for seed in range(recipe.seeds):
            assert Job(experiment, recipe, seed).needs <= left, recipe.run


def test_the_large_nets_of_24_epochs_differ_from_those_of_12_in_epochs_only():
    runs = {r.run: r for r in EXPERIMENTS["05_reverse_kd"]}
    for name in ("large-hard", "large-from-plain", "large-virtual"):
        short, long = runs[name], runs[f"{name}-24"]
        assert long.training == replace(short.training, epochs=24)
        same = {"run": name, "training": short.training, "seeds": short.seeds, "ship": short.ship}
        assert replace(long, **same) == short


def test_self_taught_nets_and_controls_differ_in_method_and_epochs_only():
    runs = {r.run: r for r in EXPERIMENTS["06_self_kd"]}
    (hard,) = [r for r in EXPERIMENTS["05_reverse_kd"] if r.run == "r8-hard"]
    epochs = {"r8-hard-double": 16, "r8-hard-long": 32, "r8-hard-64": 64}
    epochs |= dict.fromkeys(("r8-smooth-32", "r8-pskd-32", "r8-ban1-32"), 32)
    for name, run in runs.items():
        if run.method != "ensemble" and name.startswith("r8"):
            assert run.training == replace(hard.training, epochs=epochs.get(name, 8)), name
            assert (run.size, run.jitter, run.flip) == (hard.size, hard.jitter, hard.flip)
            assert run.model == ("resnet-exits" if "exits" in run.reports else hard.model)
    again, other = runs["r8-ban1"], runs["r8-ban1-other"]
    assert replace(other, run="r8-ban1", draws_from=0, ship=again.ship, keep=again.keep) == again


def test_a_path_s_student_differs_from_the_baseline_in_its_teacher_only():
    runs = {r.run: r for r in EXPERIMENTS["07_teacher_assistant"]}
    assert runs["s2-from-4-from-10"].teacher == "cifar10/s4-from-10"
    assert runs["s2-from-4"].teacher == "cifar10/s4-hard"
    assert runs["mnist-30-from-1200"].teacher == "mnist/teacher"
    for name, run in runs.items():
        if run.method == "kd" and not name.startswith("sweep"):
            ending = "-hard-long" if "-long" in name else "-hard"
            hard = runs.get(name.split("-from-")[0] + ending, run)  # aug-s4 has none
            assert (run.training, run.size, run.jitter) == (hard.training, hard.size, hard.jitter)
            single = ("s10-hard", "aug-s4-from-10", "mnist/teacher")
            assert run.own_teacher == (not run.teacher.endswith(single))


def test_the_homework_s_answers_differ_in_their_loss_only():
    runs = {r.run: r for r in EXPERIMENTS["08_quantized_svhn"]}
    answers = [run for name, run in runs.items() if name[:2] in ("q1", "q2", "q3", "q4")]
    trained = [run for run in answers if run.method != "packed" and "-long" not in run.run]
    assert len(trained) == 18 and len(answers) == 24
    for run in trained:
        assert (run.training, run.size, run.start, run.jitter, run.seeds) == (
            *(runs["q1-hard"].training, runs["q1-hard"].size),
            *("svhn10k/full", 2, 5),
        )
    for name in PATIENT:
        short, long = runs[name], runs[f"{name}-long"]
        assert long.training == LONG
        assert replace(long, run=name, training=short.training, ship=short.ship) == short


@pytest.mark.parametrize(("prefix", "epochs"), [("", 15), ("svhn-", 16)])
def test_one_net_of_many_differs_from_its_rivals_in_what_teaches_it_only(prefix, epochs):
    runs = {r.run: r for r in EXPERIMENTS["09_ensemble_to_one"]}
    labels, member = runs[f"{prefix}labels"], runs[f"{prefix}member"]
    assert replace(labels, run="", seeds=1) == replace(
        member, run="", seeds=1, draws_from=0, keep=False, ship=0
    )
    for name, run in runs.items():
        if name.startswith(f"{prefix}from-"):
            assert (run.training, run.size) == (labels.training, labels.size)
            assert run.own_teacher and run.draws_from == 0 and run.training.epochs == epochs
            jitter = 2 - labels.jitter if name.endswith("shifted") else labels.jitter
            assert run.jitter == jitter, name


def test_ensembles_have_no_member_in_common_and_no_student_starts_as_a_member():
    for recipe in EXPERIMENTS["09_ensemble_to_one"]:
        if recipe.method == "ensemble":
            names = [n for seed in range(recipe.seeds) for n in Job("", recipe, seed).members]
            assert len(set(names)) == len(names) == recipe.seeds * recipe.size["members"]
    members = [r for r in EXPERIMENTS["09_ensemble_to_one"] if r.run.endswith("member")]
    assert len(members) == 2 and all(r.draws_from >= 1000 > r.seeds for r in members)


def test_at_every_share_labels_and_soft_targets_have_the_same_pictures_and_steps():
    runs = {r.run: r for r in EXPERIMENTS["10_few_labels"]}
    pairs = [(run, runs.get(name.replace("soft", "hard"))) for name, run in runs.items()]
    pairs = [(s, h) for s, h in pairs if s.method == "kd" and h and h is not s and h.transfer]
    assert len(pairs) == 11
    taught = {"method": "kd", "teacher": "", "temperature": 1.0, "alpha": 1.0}
    for soft, hard in pairs:
        same = replace(soft, run="", ship=0, **taught)
        assert same == replace(hard, run="", ship=0, **taught)
    full = {r.run: r for r in EXPERIMENTS["09_ensemble_to_one"]}
    # All digits with labels are another notebook's run.
    assert runs["noise-soft"].training == full["labels"].training
    few, labels = runs["svhn-f10-hard"], full["svhn-labels"]
    assert few.training == replace(labels.training, epochs=few.training.epochs)
    assert (few.size, few.jitter, few.precision) == (labels.size, labels.jitter, labels.precision)


def test_specialists_differ_in_their_classes_only_and_rivals_of_the_pupil_in_one_thing():
    runs = {r.run: r for r in EXPERIMENTS["11_specialists"]}
    real, drawn = runs["specialist-07"], runs["random-specialist-07"]
    assert replace(real, run="", specialty=None) == replace(drawn, run="", specialty=None)
    assert real.specialty == replace(drawn.specialty, way="k-means")
    generalist = replace(runs["generalist"], ship=0, keep=False, reports=("held_out_face",))
    pupil, twin = runs["from-specialists"], runs["from-generalist"]
    assert replace(pupil, ship=0, teacher=twin.teacher, run=twin.run) == twin
    for name, change in {
        "generalist-long": {"training": replace(generalist.training, epochs=32)},
        "generalist-wide": {"size": WIDE},
        "generalist-second": {"draws_from": 1000, "keep": True},
    }.items():
        assert runs[name] == replace(generalist, run=name, **change)


def test_students_of_noise_differ_from_the_paper_s_in_one_thing():
    runs = {r.run: r for r in EXPERIMENTS["12_subliminal_learning"]}
    same = replace(runs["sub-same"], ship=0, seeds=1)
    taught_alike = [
        r for r in runs.values() if r.method == same.method and r.teacher == same.teacher
    ]
    assert len(taught_alike) == 26
    for run in taught_alike:
        changed = {
            name
            for name in ("training", "pictures", "unshared", "size", "draws_from", "precision")
            if getattr(run, name) != getattr(same, name)
        }
        assert len(changed) <= 1, (run.run, changed)
        assert run.own_teacher and run.reports == same.reports
    generous = [r for name, r in runs.items() if name.startswith("sub-generous-")]
    assert len({repr((r.training, r.size, r.teacher)) for r in generous}) == 1
    uniform = {r.run for r in generous if r.pictures == "noise"}
    assert uniform == {"sub-generous-noise-same", "sub-generous-noise-other-trunk"}


def test_a_recipe_moves_to_another_data_set_with_its_teachers():
    for recipe in find_recipes("08_quantized_svhn", "svhn"):
        names = [recipe.teacher, recipe.start, *recipe.members]
        assert recipe.dataset == "svhn"
        assert all(name.startswith("svhn/") for name in names if name)
    assert find_recipes("08_quantized_svhn")[0].dataset == "svhn10k"
    moved = EXPERIMENTS["07_teacher_assistant"][0].on("svhn")
    assert replace(moved, dataset="cifar10") == EXPERIMENTS["07_teacher_assistant"][0]


@pytest.mark.parametrize("ask", [find_recipes, read_runs])
def test_a_data_set_that_is_none_is_refused(ask):
    with pytest.raises(ValueError, match=r"dataset must be one of .* got 'shvn'; close: svhn"):
        ask("08_quantized_svhn", dataset="shvn")


@pytest.mark.parametrize(
    "choices",
    [
        {"method": "magic"},
        {"method": "hard", "temperature": 4.0},
        {"method": "kd", "temperature": 4.0, "alpha": 1.0},
        {"method": "smooth"},
        {"method": "hard", "jitter": 2, "transfer": Transfer(unseen=(3,))},
        {"method": "hard", "pictures": "noise", "transfer": Transfer(unseen=(3,))},
        {"method": "hard", "unshared": Unshared(("trunk",)), "start": "a/b"},
        {"method": "hard", "specialty": Specialty(0, 2, 4)},
        {"method": "hard", "specialty": Specialty(0, 2, 4), "start": "a/b", "jitter": 2},
    ],
)
def test_a_recipe_that_does_not_fit_its_method_is_refused(choices):
    with pytest.raises(ValueError, match="got"):
        Recipe("run", training=Settings(epochs=1), **choices)


def test_augmentation_is_there_only_with_jitter_or_other_pictures():
    settings = Settings(epochs=1)
    assert Recipe("a", "hard", settings, pictures="noise").augmentation() is augment.noise
    assert Recipe("a", "hard", settings).augmentation() is None
    assert Recipe("a", "hard", settings, jitter=2).augmentation() is not None
