import json
from dataclasses import replace

import pytest
import torch
from torch.nn.functional import cross_entropy

from kdutils import checkpoints, data, models
from kdutils.data.letters import letters
from kdutils.experiments import EXPERIMENTS, jobs, runs
from kdutils.experiments.jobs import Job
from kdutils.experiments.recipe import SHIFTS, Recipe
from kdutils.experiments.runs import load_or_train, run_job
from kdutils.settings import Settings
from kdutils.specialists import Specialty
from kdutils.training import predict_logits
from kdutils.transfer import Transfer


def test_an_interrupted_run_goes_on_from_its_last_epoch(tiny, tmp_path, snapshots, monkeypatch):
    recipe = replace(EXPERIMENTS[tiny][1], seeds=1)
    whole = run_job(Job(tiny, recipe, 0), tmp_path)
    (snapshot,) = (snapshots / tiny).glob("student-hard-s0-*.pt")
    snapshot.unlink()
    original, calls = torch.optim.AdamW.step, []

    def interrupted(self, *arguments, **options):
        calls.append(1)
        if len(calls) == 60:  # in the second epoch of 40 steps
            raise KeyboardInterrupt
        return original(self, *arguments, **options)

    monkeypatch.setattr(torch.optim.AdamW, "step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_job(Job(tiny, recipe, 0), tmp_path)
    run_job(Job(tiny, replace(recipe, jitter=2), 0), tmp_path)
    assert len(calls) == 60 + 80  # another recipe of that name starts from the beginning
    resumed = run_job(Job(tiny, recipe, 0), tmp_path)
    assert len(calls) == 60 + 80 + 40
    assert {**resumed, "train_seconds": 0} == {**whole, "train_seconds": 0}


def test_load_or_train_loads_says_what_and_never_trains_silently(tiny, tmp_path, snapshots, capsys):
    with pytest.raises(ValueError, match="got 'mnist-sample/teacher'"):
        load_or_train("mnist-sample/teacher", folder=tmp_path)
    (recipe,) = [r for r in EXPERIMENTS[tiny] if r.run == "teacher"]
    run_job(Job(tiny, recipe, 0), tmp_path)
    shipped = load_or_train("mnist-sample/teacher", folder=tmp_path)
    line = capsys.readouterr().out
    assert line.startswith("mnist-sample/teacher: ") and "of 1,000 test" in line
    file = tmp_path / "mnist-sample" / "teacher.safetensors"
    before = file.read_bytes()
    trained = load_or_train("mnist-sample/teacher", retrain=True, folder=tmp_path)
    assert "training 2 epochs" in capsys.readouterr().out
    torch.testing.assert_close(trained[2].weight, shipped[2].weight, atol=1e-3, rtol=1e-3)
    assert file.read_bytes() == before


def test_a_student_without_a_digit_records_what_raising_its_bias_does(tiny, tmp_path, snapshots):
    (teacher,) = [r for r in EXPERIMENTS[tiny] if r.run == "teacher"]
    (kd,) = [r for r in EXPERIMENTS[tiny] if r.run == "student-kd"]
    run_job(Job(tiny, teacher, 0), tmp_path)
    omit = replace(kd, run="omit", alpha=1.0, transfer=Transfer(unseen=(3,)), ship=0)
    row = run_job(Job(tiny, omit, 0), tmp_path)
    extra = json.loads(row["extra"])
    curve = extra["test_curve"]
    assert extra["unseen"] == [3] and "val_curve" not in extra  # no validation in the sample
    assert curve["errors"][SHIFTS.index(0.0)] == row["test_errors"]
    assert curve["class_errors"] == sorted(curve["class_errors"], reverse=True)
    assert curve["class_errors"][0] == 100 > curve["class_errors"][-1]
    assert max(curve["errors"]) > row["test_errors"]


def test_each_seed_of_a_generation_learns_from_its_own_seed_and_an_ensemble_asks_them(
    tiny, tmp_path, snapshots
):
    (teacher,) = [r for r in EXPERIMENTS[tiny] if r.run == "teacher"]
    (kd,) = [r for r in EXPERIMENTS[tiny] if r.run == "student-kd"]
    teacher = replace(teacher, ship=2)
    kd = replace(kd, own_teacher=True, ship=1, keep=True, reports=("agreement",))
    both = replace(
        kd,
        run="both",
        method="ensemble",
        members=("mnist-sample/teacher", "mnist-sample/student-kd"),
        own_teacher=False,
        reports=(),
        **dict.fromkeys(("training", "teacher", "temperature", "alpha")),
    )
    assert Job(tiny, kd, 1).needs == {"mnist-sample/teacher-s1"}
    assert Job(tiny, replace(kd, own_teacher=False), 1).needs == {"mnist-sample/teacher"}
    assert Job(tiny, both, 1).needs == {"mnist-sample/teacher-s1", "mnist-sample/student-kd-s1"}
    strangers = replace(both, members=2 * ("mnist-sample/teacher",), spread=1)
    assert Job(tiny, strangers, 0).members == ["mnist-sample/teacher", "mnist-sample/teacher-s1"]
    assert Job(tiny, strangers, 1).needs == {"mnist-sample/teacher-s1", "mnist-sample/teacher-s2"}
    apart = replace(strangers, spread=2)
    assert Job(tiny, apart, 1).members == ["mnist-sample/teacher-s2", "mnist-sample/teacher-s3"]
    for recipe in (teacher, kd):
        for seed in (0, 1):
            row = run_job(Job(tiny, recipe, seed), tmp_path / "shipped")
    assert 0.5 < json.loads(row["extra"])["agreement"] <= 1
    assert set(checkpoints.read_manifest(tmp_path / "shipped" / "kept")) == {
        "mnist-sample/student-kd-s1"
    }
    row = run_job(Job(tiny, replace(both, ship=0, keep=False), 1), tmp_path / "shipped")
    assert row["epochs"] == 0 and 0 < row["test_errors"] < 500
    assert row["params"] == 26_506 + 13_002
    (tmp_path / "shipped" / "kept" / "manifest.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"student-kd-s1 is neither in .* nor in .*kept"):
        run_job(Job(tiny, replace(both, ship=0, keep=False), 1), tmp_path / "shipped")


def test_a_quantized_run_starts_from_a_full_net_and_is_packed_bit_for_bit(
    tmp_path, snapshots, monkeypatch
):

    settings = Settings(epochs=1, batch_size=100)
    full = Recipe("full", "q1", settings, "svhn-cnn", {"width": 1 / 8}, "street-digits", keep=True)
    bits = {"weight_bits": 2, "activation_bits": 1}
    small = replace(
        full,
        run="small",
        method="q3",
        size={**full.size, **bits},
        start="street-digits/full",
        teacher="street-digits/full",
        temperature=2.0,
        weight=4.0,
        ship=1,
    )
    packed = Recipe(
        "packed",
        "packed",
        model=small.model,
        size=small.size,
        dataset="street-digits",
        members=("street-digits/small",),
        ship=1,
    )
    untaught = runs.untaught
    run_job(Job("tiny", full, 0), tmp_path)
    start = untaught(Job("tiny", small, 0), tmp_path)
    loaded = checkpoints.load("street-digits/full", jobs.KEPT)
    assert torch.equal(start[1].weight, loaded[1].weight)
    row = run_job(Job("tiny", small, 0), tmp_path)
    assert json.loads(row["extra"]) == {
        "teacher": "street-digits/full",
        "start": "street-digits/full",
        "weight": 4.0,
        "torch": torch.__version__,
    }
    assert row["model"] == "svhn-cnn-0.125-2-1"
    again = run_job(Job("tiny", packed, 0), tmp_path)
    entries = checkpoints.read_manifest(tmp_path)
    saved = entries["street-digits/small"]["metrics"]["test"]["errors"]  # in half precision, maybe
    assert again["test_errors"] == saved and abs(saved - row["test_errors"]) <= 2
    assert entries["street-digits/packed"]["dtype"] == "packed"
    images = data.load("street-digits").test.images[:100]
    logits = [
        predict_logits(checkpoints.load(f"street-digits/{name}", tmp_path), images)
        for name in ("small", "packed")
    ]
    assert torch.equal(*logits)


def test_labels_are_all_that_the_exits_without_a_teacher_learn_from(tmp_path):
    images = torch.randint(0, 256, (12, 3, 32, 32), dtype=torch.uint8)
    split = data.Split(images, torch.arange(12) % 10)
    recipe = Recipe("r", "exits", Settings(epochs=1), "resnet-exits", {"depth": 8})
    shown, objective = runs._shown_and_asked(Job("", recipe, 0), split, tmp_path)
    net = models.create("resnet-exits", depth=8).eval()
    expected = sum(cross_entropy(z, split.labels) for _, z in net.all_exits(images))
    loss = objective(net, data.Batch(images, split.labels, torch.arange(12)))
    assert shown is split
    torch.testing.assert_close(loss, expected)


def test_a_kept_ensemble_teaches_as_any_other_checkpoint(tiny, tmp_path, snapshots):
    (teacher,) = [r for r in EXPERIMENTS[tiny] if r.run == "teacher"]
    (kd,) = [r for r in EXPERIMENTS[tiny] if r.run == "student-kd"]
    member = replace(teacher, run="member", ship=0, keep=True, draws_from=7)
    together = replace(
        member,
        run="together",
        method="ensemble",
        training=None,
        model="ensemble",
        size={"of": member.model, "members": 2, **member.size},
        members=2 * ("mnist-sample/member",),
        spread=2,
    )
    student = replace(kd, teacher="mnist-sample/together", reports=("agreement",), precision="fp32")
    for seed in (0, 1):
        run_job(Job(tiny, member, seed), tmp_path)
    row = run_job(Job(tiny, together, 0), tmp_path)
    assert row["model"].startswith("ensemble-mlp-2-") and row["epochs"] == 0
    loaded = runs._load_checkpoint("mnist-sample/together", tmp_path)
    assert [type(net) for net in loaded.members] == 2 * [torch.nn.Sequential]
    taught = run_job(Job(tiny, student, 0), tmp_path)
    assert taught["precision"] == "fp32"
    assert 0.5 < json.loads(taught["extra"])["agreement"] <= 1


def test_what_is_drawn_begins_at_another_seed_where_the_recipe_says_so(tiny, tmp_path, snapshots):
    (hard,) = [r for r in EXPERIMENTS[tiny] if r.run == "student-hard"]
    plain, other = (
        runs.train(Job(tiny, recipe, seed), keep=False, folder=tmp_path)[0].state_dict()
        for recipe, seed in ((hard, 3), (replace(hard, draws_from=2), 1))
    )
    assert all(torch.equal(plain[name], other[name]) for name in plain)


def test_a_share_is_what_is_shown_and_shifted_pictures_ask_a_live_teacher(
    tiny, tmp_path, snapshots
):
    (teacher,) = [r for r in EXPERIMENTS[tiny] if r.run == "teacher"]
    (kd,) = [r for r in EXPERIMENTS[tiny] if r.run == "student-kd"]
    run_job(Job(tiny, teacher, 0), tmp_path)
    few = replace(kd, transfer=Transfer(fraction=0.05), reports=("train",))
    few = replace(few, training=replace(few.training, batch_size=20))
    plain = run_job(Job(tiny, few, 0), tmp_path)
    shifted = run_job(Job(tiny, replace(few, jitter=1), 0), tmp_path)
    for row in (plain, shifted):
        extra = json.loads(row["extra"])
        assert extra["fraction"] == 0.05 and extra["train"]["samples"] == 200
        assert "unseen" not in extra and "test_curve" not in extra
    assert plain["test_nll"] != shifted["test_nll"]
    blind = replace(few, pictures="noise", transfer=None, reports=())
    assert json.loads(run_job(Job(tiny, blind, 0), tmp_path)["extra"])["pictures"] == "noise"


def test_specialists_of_a_generalist_become_one_net_that_teaches(tmp_path, snapshots, monkeypatch):
    greek = letters("greek", per_class=12)
    monkeypatch.setattr(runs, "_load", lambda name: greek)
    size = {"hidden": 16, "bottleneck": 12}
    settings = Settings(epochs=2, batch_size=50, lr=1e-2)
    generalist = Recipe(
        "generalist",
        "hard",
        settings,
        "letters-mlp",
        {**size, "classes": 242},
        dataset="letters",
        keep=True,
        precision="fp32",
    )
    specialist = replace(
        generalist,
        model="specialist",
        size={"of": "letters-mlp", "own": 20, **size},
        start="letters/generalist",
    )
    taught = {"method": "kd", "temperature": 1.0, "alpha": 0.5, "own_teacher": True}
    first = replace(specialist, run="first", specialty=Specialty(0, 4, 20))
    second = replace(
        specialist,
        run="second",
        specialty=Specialty(1, 4, 20),
        **taught,
        teacher="letters/generalist",
    )
    together = replace(
        generalist,
        run="together",
        method="specialists",
        training=None,
        model="with-specialists",
        size={"of": "letters-mlp", "count": 2, "own": 20, "total": 242, **size},
        members=("letters/generalist", "letters/first", "letters/second"),
        reports=("specialists",),
    )
    student = replace(generalist, run="student", **taught, teacher="letters/together")
    rows = [run_job(Job("tiny", r, 1), tmp_path) for r in (generalist, first, second, together)]
    assert [row["test_n"] for row in rows] == [4840, 400, 400, 4840]
    assert json.loads(rows[1]["extra"])["specialty"] == {
        "number": 0,
        "count": 4,
        "size": 20,
        "way": "k-means",
    }
    report = json.loads(rows[3]["extra"])["specialists"]
    loaded = [runs._load_checkpoint(f"letters/{name}-s1", tmp_path) for name in ("first", "second")]
    assert [net.classes.tolist() for net in loaded] == report["classes"]
    assert report["classes"][0] != report["classes"][1]
    assert run_job(Job("tiny", student, 1), tmp_path)["test_n"] == 4840


def test_a_student_of_noise_starts_as_its_teacher_or_in_part(tmp_path, snapshots, monkeypatch):
    monkeypatch.setattr(jobs, "KEPT", tmp_path / "kept")
    by_name = {r.run: r for r in EXPERIMENTS["12_subliminal_learning"]}
    small = {"size": {"hidden": 32, "auxiliary": 3}, "dataset": "mnist-sample", "ship": 0}

    def job(name, seed=1, **changes):
        recipe = replace(by_name[name], **small)
        taught = recipe.teacher and recipe.teacher.replace("mnist/", "mnist-sample/")
        training = recipe.training and replace(recipe.training, epochs=2, batch_size=200)
        return Job("x", replace(recipe, teacher=taught, training=training, **changes), seed)

    start = runs.untaught(job("sub-teacher")).state_dict()
    assert all(torch.equal(w, start[n]) for n, w in train_nothing(job("sub-untrained")).items())
    for name, alike in {
        "sub-same": set(start),
        "sub-other-class-head": set(start) - {"class_head.weight"},
        "sub-other": {n for n in start if n.endswith("bias")},  # which start at 0
    }.items():
        drawn = runs.untaught(job(name)).state_dict()
        assert {n for n, w in drawn.items() if torch.equal(w, start[n])} == alike, name
    assert not torch.equal(
        runs.untaught(job("sub-other", 2)).trunk.first.weight,
        runs.untaught(job("sub-other", 1)).trunk.first.weight,
    )
    run_job(job("sub-teacher", reports=()), tmp_path)
    row = run_job(job("sub-same", reports=("agreement", "displacement")), tmp_path)
    extra = json.loads(row["extra"])
    assert extra["pictures"] == "noise" and extra["own_teacher"] and 0 < extra["agreement"] < 1
    assert extra["displacement"]["class_head"]["student"] == 0  # nothing is asked of it
    assert extra["displacement"]["trunk.first"]["student"] > 0


def train_nothing(job):
    net, history, _ = runs.train(job, keep=False)
    assert history.epochs == 0
    return net.state_dict()
