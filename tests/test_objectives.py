import pytest
import torch
from torch import nn

from kdutils import losses, objectives
from kdutils.data import Batch
from kdutils.training import predict_logits


def images(count=12):
    return torch.randn(count, 1, 2, 2, generator=torch.Generator().manual_seed(0))


def net(seed):
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Flatten(), nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 3)
    )


def batch(ids):
    return Batch(images()[ids], ids % 3, ids)


def test_hard_labels_is_the_cross_entropy():
    student, b = net(0).eval(), batch(torch.arange(12))
    expected = nn.functional.cross_entropy(student(b.images), b.labels)
    torch.testing.assert_close(objectives.hard_labels()(student, b), expected)


def test_label_smoothing_uses_its_share():
    student, b = net(0).eval(), batch(torch.arange(12))
    expected = losses.label_smoothing_loss(student(b.images), b.labels, 0.2)
    torch.testing.assert_close(objectives.label_smoothing(0.2)(student, b), expected)


def test_live_teacher_keeps_its_buffers_and_gets_no_gradient():
    teacher, student = net(1).train(), net(2).train()
    before = {k: v.clone() for k, v in teacher.state_dict().items()}
    objective = objectives.distillation(teacher, temperature=4.0, alpha=0.5)
    teacher.train()  # somebody flips it back after the objective was made
    objective(student, batch(torch.arange(12))).backward()
    assert not teacher.training
    assert all(torch.equal(before[k], v) for k, v in teacher.state_dict().items())
    assert all(p.grad is None for p in teacher.parameters())
    assert all(p.grad is not None for p in student.parameters())


def test_cached_logits_are_picked_by_sample_id_whatever_the_order():
    teacher, student = net(1), net(2).eval()
    cached = predict_logits(teacher, images())
    live = objectives.distillation(teacher, temperature=4.0, alpha=0.9)
    from_cache = objectives.distillation(cached, temperature=4.0, alpha=0.9)
    for ids in (torch.arange(12), torch.randperm(12), torch.tensor([7, 2, 2])):
        torch.testing.assert_close(from_cache(student, batch(ids)), live(student, batch(ids)))


def test_permuted_cache_gives_another_loss():
    teacher, student = net(1), net(2).eval()
    cached = predict_logits(teacher, images())
    b = batch(torch.arange(12))
    right = objectives.distillation(cached, temperature=1.0, alpha=1.0)(student, b)
    wrong = objectives.distillation(cached.flip(0), temperature=1.0, alpha=1.0)(student, b)
    assert not torch.isclose(right, wrong, rtol=1e-3)


def test_too_short_a_cache_is_refused():
    objective = objectives.distillation(torch.zeros(5, 3), temperature=1.0, alpha=1.0)
    with pytest.raises(ValueError, match="got 5 rows, but the batch has sample id 11"):
        objective(net(0), batch(torch.arange(12)))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"teacher": "resnet"}, "teacher must be a module or cached logits"),
        ({"teacher": torch.zeros(3)}, "teacher must be a module or cached logits"),
        ({"temperature": 0.0}, "temperature must be > 0"),
        ({"alpha": 1.5}, r"alpha must be in \[0, 1\]"),
    ],
)
def test_bad_arguments_are_refused_before_training(arguments, message):
    good = {"teacher": torch.zeros(5, 3), "temperature": 2.0, "alpha": 0.5}
    with pytest.raises(ValueError, match=message):
        objectives.distillation(**{**good, **arguments})


def test_bad_smoothing_is_refused_before_training():
    with pytest.raises(ValueError, match="smoothing"):
        objectives.label_smoothing(-0.1)
