import numpy as np
import pytest
import torch

from kdutils import metrics

LOGITS = torch.tensor([[2.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, 2.0]])
LABELS = torch.tensor([0, 1, 2, 2])


def test_errors_and_errors_per_class():
    assert metrics.errors(LOGITS, LABELS) == 1
    table = metrics.per_class(LOGITS, LABELS)
    assert table["errors"].tolist() == [0, 0, 1] and table["samples"].tolist() == [1, 1, 2]


def test_bias_curve_by_hand():
    # The third sample is taken for a 1 by a margin of 2, as is the second, rightly.
    curve = metrics.bias_curve(LOGITS, LABELS, [2], [0, 1.9, 2.1, 100])
    assert curve.index.tolist() == [0, 1.9, 2.1, 100]
    assert curve["errors"].tolist() == [1, 1, 2, 2]
    assert curve["class_errors"].tolist() == [1, 1, 0, 0]
    e = np.exp(2)  # each of the three wrong about class 2 gives it 1 / (e + 2), the fourth e of it
    assert curve["mass"].iloc[0] == pytest.approx((3 + e) / (e + 2) / 4, abs=1e-5)
    assert curve["mass"].is_monotonic_increasing and curve["mass"].iloc[-1] == 1


def test_bias_curve_raising_some_classes_is_lowering_the_others():
    raised = metrics.bias_curve(LOGITS, LABELS, [1, 2], [2.5])
    lowered = metrics.bias_curve(LOGITS, LABELS, [0], [-2.5])
    assert raised["errors"].tolist() == lowered["errors"].tolist() == [2]


@pytest.mark.parametrize("classes", [[], [3], [-1]])
def test_bias_curve_refuses_classes_that_are_not_there(classes):
    with pytest.raises(ValueError, match=r"classes must be some of 0..2, got"):
        metrics.bias_curve(LOGITS, LABELS, classes, [0])


def test_negative_log_likelihood_of_an_even_guess_is_log_of_the_classes():
    nll = metrics.negative_log_likelihood(torch.zeros(4, 3), LABELS)
    assert nll == pytest.approx(np.log(3))


def test_calibration_error_by_hand():
    # Two bins: confidence .6 right once in two, confidence .9 right in both cases.
    probs = torch.tensor([[0.6, 0.4], [0.6, 0.4], [0.9, 0.1], [0.9, 0.1]])
    labels = torch.tensor([0, 1, 0, 0])
    expected = 0.5 * abs(0.5 - 0.6) + 0.5 * abs(1 - 0.9)
    assert metrics.calibration_error(probs.log(), labels) == pytest.approx(expected, abs=1e-6)


def test_calibration_error_takes_the_gap_per_bin_before_the_absolute_value():
    probs = torch.tensor([[0.6, 0.4]]).repeat(10, 1)
    labels = torch.tensor([0] * 6 + [1] * 4)
    assert metrics.calibration_error(probs.log(), labels) == pytest.approx(0, abs=1e-6)


def test_agreement():
    assert metrics.agreement(LOGITS, LOGITS.roll(1, 0)) == 0.25


@pytest.mark.parametrize(
    "call",
    [
        lambda: metrics.errors(LOGITS, LABELS[:3]),
        lambda: metrics.per_class(LOGITS[0], LABELS),
        lambda: metrics.negative_log_likelihood(torch.zeros(0, 3), LABELS[:0]),
        lambda: metrics.calibration_error(LOGITS, LABELS, bins=0),
        lambda: metrics.agreement(LOGITS, LOGITS[:2]),
    ],
)
def test_bad_input_is_refused_with_what_came(call):
    with pytest.raises(ValueError, match="got"):
        call()


def test_a_reliability_table_holds_what_the_calibration_error_weighs():
    z = torch.randn(200, 4, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(200) % 4
    table = metrics.reliability(z, labels, bins=10)
    assert table["samples"].sum() == 200
    assert table["correct"].sum() == 200 - metrics.errors(z, labels)
    filled = table[table["samples"] > 0]
    mean = filled["confidence"] / filled["samples"]
    assert ((filled.index / 10 < mean) & (mean <= (filled.index + 1) / 10)).all()
    gap = (filled["correct"] - filled["confidence"]).abs().sum() / 200
    assert metrics.calibration_error(z, labels, bins=10) == pytest.approx(gap)


@pytest.mark.parametrize(
    "metric",
    [
        metrics.errors,
        metrics.negative_log_likelihood,
        metrics.reliability,
        metrics.calibration_error,
        metrics.per_class,
        lambda z, y: metrics.agreement(z, z),
        lambda z, y: metrics.bias_curve(z, y, [1], [0.0]),
    ],
)
def test_nothing_that_is_not_a_number_looks_good(metric):
    z, y = torch.zeros(4, 3), torch.tensor([0, 1, 2, 0])
    metric(z, y)
    for bad, message in (
        (torch.full((4, 3), torch.nan), "must be finite"),
        (torch.full((4, 3), torch.inf), "must be finite"),
        (torch.zeros(0, 3), "non-empty"),
        (z.numpy(), "must be a torch tensor, got ndarray"),
    ):
        with pytest.raises(ValueError, match=f"logits {message}|logits must be a {message}"):
            metric(bad, y[: len(bad)])


def test_labels_must_be_classes():
    for labels in (torch.tensor([0, 3]), torch.tensor([-1, 0])):
        with pytest.raises(ValueError, match=r"labels must be in 0\.\.2"):
            metrics.errors(torch.zeros(2, 3), labels)
