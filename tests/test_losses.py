import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes
from torch.nn import functional as F

from kdutils import checks, losses

STUDENT = torch.tensor([[0.0, 0.0]])
TEACHER = torch.tensor([[2.0, 0.0]])


def logits(rows=6, classes=5, seed=0):
    return torch.randn(rows, classes, generator=torch.Generator().manual_seed(seed))


def test_soften_gives_the_numbers_a_pencil_gives():
    z = torch.tensor([[0.0, math.log(3.0)]])
    torch.testing.assert_close(losses.soften(z, 1.0), torch.tensor([[0.25, 0.75]]))
    torch.testing.assert_close(
        losses.soften(torch.tensor([[1.0, 2.0, 3.0]]), 1.0),
        torch.tensor([[0.0900, 0.2447, 0.6652]]),
        atol=5e-5,
        rtol=0,
    )


def test_kd_loss_equals_a_value_worked_out_by_hand():
    # T = 2: teacher (1, 0) / softmax = (e, 1)/(e+1), student (1/2, 1/2).
    p = math.e / (math.e + 1)
    by_hand = 4 * (p * math.log(2 * p) + (1 - p) * math.log(2 * (1 - p)))
    assert float(losses.kd_loss(STUDENT, TEACHER, 2.0)) == pytest.approx(by_hand, rel=1e-6)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 4.0, 20.0])
def test_kd_loss_equals_torch_kldivloss(temperature):
    z_s, z_t = logits(seed=1).double(), logits(seed=2).double()
    oracle = torch.nn.KLDivLoss(reduction="batchmean")(
        F.log_softmax(z_s / temperature, 1), F.softmax(z_t / temperature, 1)
    )
    torch.testing.assert_close(losses.kd_loss(z_s, z_t, temperature), temperature**2 * oracle)


def test_kd_loss_does_not_depend_on_the_batch_size():
    z_s, z_t = logits(seed=1), logits(seed=2)
    twice = losses.kd_loss(z_s.repeat(2, 1), z_t.repeat(2, 1), 4.0)
    torch.testing.assert_close(twice, losses.kd_loss(z_s, z_t, 4.0))


def test_kd_loss_does_not_depend_on_classes_that_nobody_believes_in():
    z_s, z_t = logits(seed=1), logits(seed=2)
    padded = [F.pad(z, (0, 3), value=-1e4) for z in (z_s, z_t)]
    torch.testing.assert_close(losses.kd_loss(*padded, 4.0), losses.kd_loss(z_s, z_t, 4.0))


def gradient_norm(loss_of, z):
    z = z.clone().requires_grad_()
    loss_of(z).backward()
    return float(z.grad.norm())


def test_gradient_is_flat_in_temperature_with_the_square_and_falls_without():
    z_s, z_t = logits(seed=1).double(), logits(seed=2).double()
    with_square = [gradient_norm(lambda z, t=t: losses.kd_loss(z, z_t, t), z_s) for t in (8, 64)]
    without = [
        gradient_norm(lambda z, t=t: losses.kd_loss(z, z_t, t, t_squared=False), z_s)
        for t in (8, 64)
    ]
    assert with_square[1] / with_square[0] == pytest.approx(1, abs=0.1)
    assert without[1] / without[0] == pytest.approx(1 / 64, rel=0.1)


def test_high_temperature_is_logit_matching():
    z_s, z_t = logits(seed=1).double(), logits(seed=2).double()
    gap = (z_s - z_s.mean(1, keepdim=True)) - (z_t - z_t.mean(1, keepdim=True))
    matching = (gap**2).sum(1).mean() / (2 * z_s.shape[1])
    torch.testing.assert_close(losses.kd_loss(z_s, z_t, 1e4), matching, rtol=1e-3, atol=0)


def test_kd_loss_is_zero_for_a_perfect_copy_and_blind_to_a_common_shift():
    z = logits()
    assert float(losses.kd_loss(z, z + 5.0, 4.0)) == pytest.approx(0, abs=1e-5)


def test_gradient_matches_finite_differences():
    z_s, z_t = logits(3, 4, 1).double().requires_grad_(), logits(3, 4, 2).double()
    labels = torch.tensor([0, 3, 1])
    assert torch.autograd.gradcheck(
        lambda z: losses.hard_and_soft_loss(z, z_t, labels, temperature=3.0, alpha=0.7), z_s
    )


def test_teacher_gets_no_gradient():
    z_s, z_t = logits(seed=1).requires_grad_(), logits(seed=2).requires_grad_()
    losses.kd_loss(z_s, z_t, 4.0).backward()
    assert z_t.grad is None and z_s.grad is not None


def test_alpha_0_is_the_cross_entropy_and_alpha_1_the_distillation_term():
    z_s, z_t, y = logits(seed=1), logits(seed=2), torch.arange(6) % 5
    hard = losses.hard_and_soft_loss(z_s, z_t, y, temperature=4.0, alpha=0.0)
    soft = losses.hard_and_soft_loss(z_s, z_t, y, temperature=4.0, alpha=1.0)
    torch.testing.assert_close(hard, F.cross_entropy(z_s, y))
    torch.testing.assert_close(soft, losses.kd_loss(z_s, z_t, 4.0))


def test_label_smoothing_is_distillation_from_a_teacher_that_only_knows_the_label():
    z, y, smoothing = logits(), torch.arange(6) % 5, 0.1
    targets = (1 - smoothing) * F.one_hot(y, 5) + smoothing / 5
    torch.testing.assert_close(
        losses.label_smoothing_loss(z, y, smoothing), losses.soft_cross_entropy(z, targets)
    )


def test_without_the_square_only_the_soft_term_shrinks():
    z_s, z_t, y = logits(seed=1), logits(seed=2), torch.arange(len(logits())) % 3
    loss = losses.hard_and_soft_loss(z_s, z_t, y, temperature=4.0, alpha=0.9, t_squared=False)
    hard = losses.label_smoothing_loss(z_s, y, 0.0)
    torch.testing.assert_close(loss, 0.1 * hard + 0.9 * losses.kd_loss(z_s, z_t, 4.0) / 16)


def test_soft_cross_entropy_and_kd_loss_differ_by_the_teachers_entropy():
    z_s, z_t = logits(seed=1), logits(seed=2)
    p = losses.soften(z_t, 3.0)
    entropy = -(p * p.log()).sum(1).mean()
    torch.testing.assert_close(
        losses.soft_cross_entropy(z_s, p, 3.0) - entropy, losses.kd_loss(z_s, z_t, 3.0) / 9
    )


def test_half_precision_logits_are_computed_in_single_precision():
    z_s, z_t = logits(seed=1).bfloat16(), logits(seed=2).bfloat16()
    assert losses.kd_loss(z_s, z_t, 4.0).dtype == torch.float32


@given(array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4))
def test_any_shape_but_a_matrix_of_logits_is_refused(shape):
    z = torch.zeros(shape)
    if z.ndim == 2 and z.numel() > 0:
        assert float(losses.kd_loss(z, z, 2.0)) == pytest.approx(0, abs=1e-6)
    else:
        with pytest.raises(ValueError, match=r"logits must be a non-empty floating \(N, C\)"):
            losses.kd_loss(z, z, 2.0)


@given(st.floats(max_value=0) | st.sampled_from([math.nan, math.inf, 1e-40, 1e30]))
def test_temperature_must_be_positive_and_finite(temperature):
    with pytest.raises(ValueError, match=r"temperature must be in \[0.001, 1e\+06\]"):
        losses.kd_loss(STUDENT, TEACHER, temperature)
    with pytest.raises(ValueError, match=r"temperature must be in \[0.001, 1e\+06\]"):
        losses.soften(TEACHER, temperature)


@given(st.floats().filter(lambda a: not 0 <= a <= 1))
def test_alpha_and_smoothing_must_be_fractions(value):
    y = torch.tensor([0])
    with pytest.raises(ValueError, match=r"alpha must be in \[0, 1\]"):
        losses.hard_and_soft_loss(STUDENT, TEACHER, y, temperature=1.0, alpha=value)
    with pytest.raises(ValueError, match=r"smoothing must be in \[0, 1\]"):
        losses.label_smoothing_loss(STUDENT, y, value)


@given(st.sampled_from([math.nan, math.inf, -math.inf]), st.integers(0, 5), st.integers(0, 4))
def test_one_non_finite_logit_anywhere_is_refused(value, row, column):
    z = logits()
    z[row, column] = value
    with pytest.raises(checks.NonFiniteError, match="teacher_logits must be finite"):
        losses.kd_loss(logits(), z, 2.0)
    with pytest.raises(checks.NonFiniteError, match="student_logits must be finite"):
        losses.kd_loss(z, logits(), 2.0)


@given(st.integers(1, 6), st.integers(1, 6))
def test_class_mismatch_is_refused(student_classes, teacher_classes):
    z_s, z_t = torch.zeros(2, student_classes), torch.zeros(2, teacher_classes)
    if student_classes == teacher_classes:
        losses.kd_loss(z_s, z_t, 2.0)
    else:
        with pytest.raises(ValueError, match="must have the shape of student_logits"):
            losses.kd_loss(z_s, z_t, 2.0)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (torch.tensor([0, 1]), "shape"),
        (torch.tensor([0.0]), "int64"),
        (torch.tensor([2]), r"in 0\.\.1"),
        (torch.tensor([-1]), r"in 0\.\.1"),
    ],
)
def test_labels_that_do_not_fit_are_refused(labels, message):
    with pytest.raises(ValueError, match=message):
        losses.label_smoothing_loss(STUDENT, labels, 0.1)


@pytest.mark.parametrize("targets", [[[0.5, 0.6]], [[1.5, -0.5]]])
def test_soft_targets_must_be_distributions(targets):
    with pytest.raises(ValueError, match="soft_targets must be >= 0 and sum to 1"):
        losses.soft_cross_entropy(STUDENT, torch.tensor(targets))


# ---- controls


def test_permuting_the_others_keeps_the_first_choice_and_the_values():
    z = torch.randn(50, 6, generator=torch.Generator().manual_seed(0))
    torch.manual_seed(0)
    shuffled = losses.permute_others(z)
    torch.testing.assert_close(shuffled.sort(1).values, z.sort(1).values)
    assert torch.equal(shuffled.argmax(1), z.argmax(1))
    moved = (shuffled != z).any(1).float().mean()
    assert moved > 0.9 and not torch.equal(losses.permute_others(z), shuffled)


def test_the_virtual_teacher_is_sure_of_the_label_and_of_nothing_else():
    probs = losses.virtual_logits(torch.tensor([2, 0]), 4, 0.97).softmax(1)
    torch.testing.assert_close(
        probs, torch.tensor([[0.01, 0.01, 0.97, 0.01], [0.97, 0.01, 0.01, 0.01]])
    )
    for correct in (0.25, 1.0):
        with pytest.raises(ValueError, match=r"correct must be > 0\.25 and"):
            losses.virtual_logits(torch.tensor([0]), 4, correct)


def test_a_virtual_teacher_at_temperature_one_is_label_smoothing():
    labels = torch.tensor([1, 0, 2])
    z = torch.randn(3, 4, generator=torch.Generator().manual_seed(1))
    virtual = losses.virtual_logits(labels, 4, 0.925)  # 0.9 + 0.1 / 4
    entropy = torch.distributions.Categorical(logits=virtual).entropy().mean()
    torch.testing.assert_close(
        losses.kd_loss(z, virtual, 1.0) + entropy, losses.label_smoothing_loss(z, labels, 0.1)
    )
