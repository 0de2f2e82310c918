import copy

import pytest
import torch
from torch import nn

from kdutils import losses, models, objectives
from kdutils.data import Batch, Split
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
    with pytest.raises(ValueError, match="got 5 rows for 12 samples"):
        objective(net(0), batch(torch.arange(12)))


def test_a_cache_of_another_split_or_of_plain_images_is_refused():
    teacher, student = net(1), net(0)
    objective = objectives.distillation(
        predict_logits(teacher, images()), temperature=1.0, alpha=1.0
    )
    few = batch(torch.arange(4))
    assert objective(student, few._replace(samples=12)) > 0
    with pytest.raises(ValueError, match="got 12 rows for 30 samples"):
        objective(student, few._replace(samples=30))
    with pytest.raises(ValueError, match="got 12 rows for 11 samples"):
        objective(student, few._replace(samples=11))
    with pytest.raises(ValueError, match="must be a net where images are augmented"):
        objective(student, few._replace(samples=12, augmented=True))


def test_a_net_that_is_to_learn_from_itself_is_refused():
    student = net(0)
    auxiliary = models.create("auxiliary-mlp", hidden=2)
    for objective, learner, b in (
        (
            objectives.distillation(student, temperature=1.0, alpha=0.5),
            student,
            batch(torch.arange(2)),
        ),
        (objectives.auxiliary(auxiliary), auxiliary, DIGITS),
    ):
        with pytest.raises(ValueError, match="got the student itself"):
            objective(learner, b)


def test_a_cache_that_holds_nan_is_refused_before_training():
    with pytest.raises(ValueError, match="teacher must be finite"):
        objectives.distillation(torch.full((5, 3), torch.nan), temperature=1.0, alpha=1.0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"teacher": "resnet"}, "teacher must be a module or cached logits"),
        ({"teacher": torch.zeros(3)}, "teacher must be a module or cached logits"),
        ({"temperature": 0.0}, "temperature must be in"),
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


# ---- teacher-free and self-distillation


def color_batch(ids):
    images = torch.randint(0, 256, (12, 3, 32, 32), generator=torch.Generator().manual_seed(0))
    split = Split(images.to(torch.uint8), torch.arange(12) % 3)
    return split, Batch(split.images[ids], split.labels[ids], ids)


def same(images, generator):
    return images


def test_permuted_teacher_differs_from_the_true_one_but_not_in_its_first_choice():
    cached, student = 3 * torch.randn(12, 3), net(2).eval()
    b = batch(torch.arange(12))
    true, permuted = (
        objectives.distillation(cached, temperature=1.0, alpha=1.0, permuted=p)(student, b)
        for p in (False, True)
    )
    assert not torch.isclose(true, permuted, rtol=1e-3)


def test_virtual_teacher_is_distillation_from_its_logits():
    student, b = net(2).eval(), batch(torch.arange(12))
    z = losses.virtual_logits(b.labels, 3, 0.9)
    expected = losses.hard_and_soft_loss(student(b.images), z, b.labels, temperature=5.0, alpha=0.3)
    objective = objectives.virtual_teacher(temperature=5.0, alpha=0.3, correct=0.9)
    torch.testing.assert_close(objective(student, b), expected)


def test_two_equal_distortions_leave_the_cross_entropy_alone():
    split, b = color_batch(torch.tensor([3, 0, 7]))
    student = models.create("resnet", depth=8).eval()
    expected = nn.functional.cross_entropy(student(b.images), b.labels)
    objective = objectives.ddgsd(split, same, temperature=3.0, alpha=1.0)
    torch.testing.assert_close(objective(student, b), expected)


def test_distortions_that_differ_cost_their_divergence_and_distance():
    split, b = color_batch(torch.arange(12))
    student = models.create("resnet", depth=8).eval()
    flipped = objectives.ddgsd(
        split, lambda images, generator: images.flip(3), temperature=3.0, alpha=2.0, mmd=0.5
    )
    views = b.images, b.images.flip(3)
    z_1, z_2 = map(student, views)
    f_1, f_2 = map(student[:-1], views)
    hard = losses.label_smoothing_loss(torch.cat([z_1, z_2]), b.labels.repeat(2), 0.0)
    soft = losses.kd_loss(z_1, z_2, 3.0) + losses.kd_loss(z_2, z_1, 3.0)
    distance = (f_1.mean(0) - f_2.mean(0)).square().sum()
    torch.testing.assert_close(flipped(student, b), hard + soft + 0.25 * distance)


def test_class_wise_partners_are_of_the_same_class_and_get_no_gradient():
    split, b = color_batch(torch.arange(12))
    seen = []

    def spy(images, generator):
        seen.append(images)
        return images

    student = models.create("resnet", depth=8)
    objectives.cs_kd(split, spy, temperature=4.0, alpha=1.0)(student, b).backward()
    known = {i.numpy().tobytes(): int(y) for i, y in zip(split.images, split.labels, strict=True)}
    assert [known[image.numpy().tobytes()] for image in seen[0]] == b.labels.tolist()
    assert not torch.equal(seen[0], b.images)


def test_class_wise_without_weight_is_the_cross_entropy():
    split, b = color_batch(torch.arange(12))
    student = models.create("resnet", depth=8).eval()
    expected = nn.functional.cross_entropy(student(b.images), b.labels)
    objective = objectives.cs_kd(split, same, temperature=4.0, alpha=0.0)
    torch.testing.assert_close(objective(student, b), expected)


def test_past_answers_count_ever_more_and_are_the_net_s_own():
    student, split = net(0).eval(), Split(images(), torch.arange(12) % 3)
    objective, rows = objectives.PsKd(split, alpha=0.8), torch.tensor([4, 7, 1])
    z, labels = student(images()[rows]), nn.functional.one_hot(rows % 3, 3)
    first = objective(student, batch(rows)._replace(progress=0.5))
    torch.testing.assert_close(first, nn.functional.cross_entropy(z, rows % 3))
    other = net(1).eval()
    target = 0.4 * labels + 0.6 * z.softmax(1)
    expected = nn.functional.cross_entropy(other(images()[rows]), target.detach())
    back = torch.tensor([2, 0, 1])
    again = objective(other, batch(rows[back])._replace(progress=0.75))
    torch.testing.assert_close(again, expected)
    again.backward()
    assert all(p.grad is None for p in student.parameters())
    torch.testing.assert_close(objective.past[rows], other(images()[rows]).softmax(1).detach())


def test_a_student_sure_of_its_own_answer_may_keep_to_it():
    teacher, student, b = net(1).eval(), net(2).eval(), batch(torch.arange(12))
    z, weak = student(b.images), teacher(b.images).softmax(1).detach()
    follow = nn.functional.cross_entropy(z, weak)
    own = nn.functional.cross_entropy(z, z.argmax(1))
    objective = objectives.confident(teacher, alpha=0.5)
    for progress, share in ((0.0, 0.0), (0.1, 0.25), (0.2, 0.5), (0.9, 0.5)):
        loss = objective(student, b._replace(progress=progress))
        torch.testing.assert_close(loss, (1 - share) * follow + share * own)
    true_labels_or_others = b._replace(labels=b.labels.flip(0))
    torch.testing.assert_close(
        objective(student, true_labels_or_others), objective(student, b), rtol=0, atol=0
    )


def test_the_last_exit_learns_from_labels_only_and_teaches_the_others():
    _, b = color_batch(torch.arange(12))
    student = models.create("resnet-exits", depth=8).eval()
    exits = student.all_exits(b.images)
    last_features, last = exits[-1]
    expected = nn.functional.cross_entropy(last, b.labels)
    for features, logits in exits[:-1]:
        expected = expected + losses.hard_and_soft_loss(
            logits, last, b.labels, temperature=3.0, alpha=0.4
        )
        expected = expected + 0.1 * (features - last_features).square().sum(1).mean()
    objective = objectives.byot(temperature=3.0, alpha=0.4, hint=0.1)
    torch.testing.assert_close(objective(student, b), expected)
    only_soft = objectives.byot(temperature=3.0, alpha=1.0, hint=0.1)
    loss = only_soft(student, b) - nn.functional.cross_entropy(last, b.labels)
    loss.backward()
    head = student.net.head.weight.grad
    assert head is None or head.abs().max() < 1e-6


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: objectives.virtual_teacher(temperature=0.0, alpha=0.1), "temperature"),
        (lambda: objectives.ddgsd(None, same, temperature=3.0, alpha=-1.0), "alpha must be >= 0"),
        (lambda: objectives.byot(temperature=3.0, alpha=2.0), "alpha must be in"),
        (lambda: objectives.PsKd(Split(images(), torch.arange(12)), alpha=1.5), "alpha must be in"),
        (lambda: objectives.PsKd(images(), alpha=0.5), "split must be a Split"),
        (lambda: objectives.confident(net(0), alpha=1.5), "alpha must be in"),
        (lambda: objectives.byot(temperature=3.0, alpha=0.1, hint=-1.0), "hint"),
    ],
)
def test_bad_weights_are_refused_before_training(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def auxiliary_nets():
    torch.manual_seed(0)
    return [models.create("auxiliary-mlp", hidden=8).eval() for _ in range(2)]


DIGITS = Batch(
    torch.randint(0, 256, (12, 1, 28, 28), dtype=torch.uint8),
    torch.arange(12) % 3,
    torch.arange(12),
)


def test_auxiliary_asks_for_the_auxiliary_outputs_and_nothing_else():
    teacher, student = auxiliary_nets()
    said, wanted = student.auxiliary(DIGITS.images), teacher.auxiliary(DIGITS.images)
    loss = objectives.auxiliary(teacher)(student, DIGITS)
    torch.testing.assert_close(loss, losses.kd_loss(said, wanted, 1.0))
    torch.testing.assert_close(
        objectives.auxiliary(teacher, squared=True)(student, DIGITS),
        ((said - wanted) ** 2).sum() / 12,
    )
    loss.backward()
    assert student.class_head.weight.grad is None and teacher.trunk.first.weight.grad is None
    assert student.auxiliary_head.weight.grad.abs().sum() > 0
    assert student.trunk.first.weight.grad.abs().sum() > 0


def test_a_teacher_that_learned_nothing_has_nothing_to_say():
    student, _ = auxiliary_nets()
    loss = objectives.auxiliary(copy.deepcopy(student))(student, DIGITS)
    loss.backward()
    assert loss == 0 and student.trunk.first.weight.grad.abs().max() < 1e-7


def test_one_auxiliary_output_alone_has_no_divergence():
    teacher, student = (models.create("auxiliary-mlp", hidden=8, auxiliary=1) for _ in range(2))
    assert objectives.auxiliary(teacher)(student, DIGITS) == 0
    assert objectives.auxiliary(teacher, squared=True)(student, DIGITS) > 0
