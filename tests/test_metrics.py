import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats
from torch import nn

from kdutils import metrics, models

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


def test_costs_of_the_paper_s_nets():
    student = models.mlp(hidden=800)
    image = torch.zeros(1, 28, 28, dtype=torch.uint8)
    assert metrics.macs(student, image) == 784 * 800 + 800 * 800 + 800 * 10
    assert metrics.num_parameters(student) == 1_276_810
    assert metrics.num_bytes(student) == 4 * 1_276_810


def test_macs_of_a_convolution():
    assert metrics.macs(nn.Conv2d(3, 8, 3, padding=1), torch.zeros(3, 10, 10)) == 27 * 8 * 100


def test_latency_counts_milliseconds_and_leaves_the_mode_alone():
    class Slow(nn.Module):
        def forward(self, x):
            import time

            time.sleep(0.005)
            return x

    model = Slow().train()
    assert 5 <= metrics.latency(model, torch.zeros(1, 1), repeats=3, warm_up=1) < 50
    assert model.training


@pytest.mark.parametrize(
    ("baseline", "method", "outcome"),
    [
        ([150, 140, 145, 148, 142], [80, 75, 72, 79, 74], "BEATS"),
        ([80, 75, 72, 79, 74], [150, 140, 145, 148, 142], "WORSE"),
        ([150, 140, 145, 148, 142], [149, 142, 144, 149, 141], "INCONCLUSIVE"),
    ],
)
def test_verdict_and_its_interval_agree_with_scipy(baseline, method, outcome):
    result = metrics.verdict(baseline, method)
    interval = stats.ttest_rel(method, baseline).confidence_interval(0.95)
    assert result.outcome == outcome
    assert result.difference.low == pytest.approx(interval.low)
    assert result.difference.high == pytest.approx(interval.high)
    opposite = {"BEATS": "WORSE", "WORSE": "BEATS"}.get(outcome, outcome)
    assert metrics.verdict(baseline, method, lower_is_better=False).outcome == opposite


def test_verdict_pairs_series_by_seed():
    baseline = pd.Series([150, 100, 50], index=[0, 1, 2])
    method = pd.Series([49, 149, 99], index=[2, 0, 1])
    assert metrics.verdict(baseline, method).difference.mean == -1
    with pytest.raises(ValueError, match="must share their seeds"):
        metrics.verdict(baseline, method.rename({2: 7}))


@pytest.mark.parametrize(("baseline", "method"), [([1], [2]), ([1, 2], [1, 2, 3]), ([], [])])
def test_verdict_needs_pairs(baseline, method):
    with pytest.raises(ValueError, match="two or more seeds"):
        metrics.verdict(baseline, method)


@pytest.mark.parametrize(
    "call",
    [
        lambda: metrics.errors(LOGITS, LABELS[:3]),
        lambda: metrics.per_class(LOGITS[0], LABELS),
        lambda: metrics.negative_log_likelihood(torch.zeros(0, 3), LABELS[:0]),
        lambda: metrics.calibration_error(LOGITS, LABELS, bins=0),
        lambda: metrics.agreement(LOGITS, LOGITS[:2]),
        lambda: metrics.macs(nn.Flatten(), torch.zeros(2, 2)),
        lambda: metrics.latency(nn.Flatten(), torch.zeros(1, 2), repeats=0),
        lambda: metrics.estimate([1.0, float("nan")]),
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
