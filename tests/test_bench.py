from dataclasses import replace

import torch

from kdutils import bench, data, models
from kdutils.data import Split
from kdutils.experiments import find_recipes
from kdutils.training import predict_logits

SMALL = bench.Case("small", (1, 28, 28), ("mlp", {"hidden": 9}), ("mlp", {"hidden": 8}), 256)


def test_ratios_are_of_the_same_pictures_and_a_row_per_case():
    found = bench.table(repeats=1, cases=(SMALL,))
    assert list(found.index) == ["small"] and found.shape == (1, 4)
    assert (found > 0).all().all()
    # Even with so small a net, transforms per picture take most of the time.
    assert found.loc["small", "fit, cached / tutorial"] > 1


def test_the_bare_loop_makes_the_steps_of_fit():
    torch.manual_seed(0)
    images = torch.randint(0, 256, (300, 1, 28, 28), dtype=torch.uint8)
    split = Split(images, torch.arange(300) % 10)
    teacher = models.create("mlp", hidden=9).eval()
    for source in (teacher, predict_logits(teacher, images)):
        nets = []
        for loop in (bench.fitted, bench.bare):
            torch.manual_seed(1)
            nets.append(models.create("mlp", hidden=8))
            loop(nets[-1], source, split)
        pairs = zip(nets[0].parameters(), nets[1].parameters(), strict=True)
        assert all(torch.equal(a, b) for a, b in pairs)


def test_the_tutorial_s_loop_learns():
    torch.manual_seed(0)
    split = Split(
        torch.randint(0, 256, (256, 1, 28, 28), dtype=torch.uint8), torch.zeros(256, dtype=int)
    )
    student, teacher = (models.create("mlp", hidden=8) for _ in range(2))
    before = predict_logits(student, split.images).softmax(1)[:, 0].mean()
    for _ in range(5):
        bench.tutorial(student, teacher, split)
    assert predict_logits(student, split.images).softmax(1)[:, 0].mean() > before


def test_two_ways_to_few_errors_are_counted_alike(tmp_path, monkeypatch):
    digits = data.load("mnist-sample")
    few = replace(digits, train=digits.train.subset(torch.arange(0, 4000, 10)))
    monkeypatch.setattr(bench.data, "load", lambda name: few)
    monkeypatch.setattr(bench, "MOST", 2)
    (fast,) = [r for r in find_recipes(bench.NOTEBOOK) if r.run == bench.FAST]
    small = replace(fast, size={"hidden": 8}, training=replace(fast.training, batch_size=50))
    monkeypatch.setattr(bench, "find_recipes", lambda name: [small])
    ours, tutorial = bench.to_result(errors=1, seed=0)
    assert ours["loop"] == "kdutils" and tutorial["loop"] == "tutorial"
    assert ours["epochs"] == fast.training.epochs and tutorial["epochs"] == 2
    assert not ours["reached"] and not tutorial["reached"]
    assert ours["CPU seconds"] >= 0 and 1 < tutorial["test errors"] < 1000
    (_, tutorial) = bench.to_result(errors=999, seed=0)
    assert tutorial["epochs"] == 1 and tutorial["reached"]
