import matplotlib.pyplot as plt
import pandas as pd
import pytest
from scipy import stats

from kdutils import evidence, plotting


@pytest.mark.parametrize(
    ("baseline", "method", "outcome"),
    [
        ([150, 140, 145, 148, 142], [80, 75, 72, 79, 74], "BEATS"),
        ([80, 75, 72, 79, 74], [150, 140, 145, 148, 142], "WORSE"),
        ([150, 140, 145, 148, 142], [149, 142, 144, 149, 141], "INCONCLUSIVE"),
    ],
)
def test_verdict_and_its_interval_agree_with_scipy(baseline, method, outcome):
    result = evidence.verdict(baseline, method)
    interval = stats.ttest_rel(method, baseline).confidence_interval(0.95)
    assert result.outcome == outcome
    assert result.p == pytest.approx(stats.ttest_rel(method, baseline).pvalue)
    assert result.difference.low == pytest.approx(interval.low)
    assert result.difference.high == pytest.approx(interval.high)
    opposite = {"BEATS": "WORSE", "WORSE": "BEATS"}.get(outcome, outcome)
    assert evidence.verdict(baseline, method, lower_is_better=False).outcome == opposite


def test_verdict_pairs_series_by_seed():
    baseline = pd.Series([150, 100, 50], index=[0, 1, 2])
    method = pd.Series([49, 149, 99], index=[2, 0, 1])
    assert evidence.verdict(baseline, method).difference.mean == -1
    with pytest.raises(ValueError, match="must share their seeds"):
        evidence.verdict(baseline, method.rename({2: 7}))


def test_a_seed_that_comes_twice_is_refused():
    one, twice = pd.Series([150, 100], index=[0, 1]), pd.Series([150, 100], index=[1, 1])
    with pytest.raises(ValueError, match=r"method must hold each seed once, got .* of \[1\]"):
        evidence.verdict(one, twice)
    with pytest.raises(ValueError, match="baseline must hold each seed once"):
        evidence.verdict(twice, twice)
    with pytest.raises(ValueError, match="whole must hold each seed once"):
        evidence.share(one, twice)


def test_the_order_of_a_plain_sequence_s_seeds_is_not_guessed():
    series = pd.Series([150, 100], index=[1, 0])
    with pytest.raises(
        ValueError, match=r"both be Series .* or both plain .*, got Series and list"
    ):
        evidence.verdict(series, [99, 149])
    assert evidence.share(series, 2 * series.sort_index()).mean == 0.5


@pytest.mark.parametrize("split", ["test", "validation"])
def test_a_table_with_a_run_and_seed_twice_is_refused(split):
    values = {name: evidence.by_seed(RUNS) for name in ("test", "validation")}
    values[split] = evidence.by_seed(pd.concat([RUNS, RUNS.iloc[1:2]]))
    with pytest.raises(ValueError, match=rf"{split} must hold .* of \[\('labels', 1\)\]"):
        evidence.verdict_table(PAIRS, **values)


@pytest.mark.parametrize(("baseline", "method"), [([1], [2]), ([1, 2], [1, 2, 3]), ([], [])])
def test_verdict_needs_pairs(baseline, method):
    with pytest.raises(ValueError, match="two or more seeds"):
        evidence.verdict(baseline, method)


def test_seeds_that_all_agree_leave_no_doubt():
    assert evidence.verdict([3, 4], [1, 2]).p == 0
    assert evidence.verdict([3, 4], [3, 4]).p == 1


def test_an_estimate_refuses_what_is_no_number():
    with pytest.raises(ValueError, match="values must be finite, got nan"):
        evidence.estimate([1.0, float("nan")])


def test_holm_by_hand():
    # .01 × 4, then .02 × 3 = .06, .03 × 2 = .06 and .04 × 1, which is raised to the one before.
    assert evidence.holm([0.04, 0.01, 0.03, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert evidence.holm([0.9, 0.8]) == [1, 1]
    with pytest.raises(ValueError, match=r"p_values must be in \[0, 1\], got"):
        evidence.holm([1.1])


RUNS = pd.DataFrame(
    [
        ("labels", 0, 150, 70),
        ("labels", 1, 140, 60),
        ("labels", 2, 145, 65),
        ("taught", 0, 80, 60),
        ("taught", 1, 75, None),
        ("taught", 2, 72, 52),
        ("smooth", 1, 141, None),
        ("smooth", 2, 143, None),
    ],
    columns=["run", "seed", "test_errors", "val_errors"],
)
PAIRS = {"taught instead of labels": ("labels", "taught"), "smooth <labels>": ("labels", "smooth")}


def table(**options):
    validation = evidence.by_seed(RUNS, "val_errors")
    return evidence.verdict_table(PAIRS, evidence.by_seed(RUNS), validation, **options)


def test_a_table_pairs_the_seeds_that_both_have_and_numbers_its_rows():
    found = table(first=7)
    assert found.numbers == ("V7", "V8")
    assert [v.outcome for v in found.verdicts] == ["BEATS", "INCONCLUSIVE"]
    assert [v.difference.n for v in found.verdicts] == [3, 2]
    assert found.verdicts[0].difference.mean == pytest.approx(-208 / 3)
    assert found.validation[0].difference.n == 2 and found.validation[1] is None
    first = found.frame.loc["V7"]
    assert first.iloc[0] == "taught instead of labels"
    assert first.iloc[1] == "-69.3 [-79.4, -59.3]"
    assert first["verdict"] == "BEATS" and found.frame.loc["V8", "on validation"] == "–"


def test_a_table_s_p_values_are_adjusted_for_its_rows():
    raw = [v.p for v in table().verdicts]
    assert table().frame["p (Holm)"].tolist() == [f"{p:.3f}" for p in evidence.holm(raw)]
    assert raw[0] < evidence.holm(raw)[0]


def test_text_and_html_show_the_same_cells_and_the_same_bytes_each_time():
    shown = table()
    text, html = repr(shown), shown._repr_html_()
    assert repr(table()) == text and table()._repr_html_() == html
    for cell in shown.frame.drop(columns="compared").to_numpy().ravel():
        assert cell in text and cell.replace("<", "&lt;") in html
    assert "smooth &lt;labels&gt;" in html and "color: #00785A" in html


def test_differences_are_drawn_one_row_each_with_the_better_side_named():
    figure, ax = plt.subplots()
    plotting.plot_differences(table(), ax)
    assert [t.get_text()[:2] for t in ax.get_yticklabels()] == ["V1", "V2"]
    assert "left of 0 is better" in ax.get_xlabel()
    assert len(ax.containers) == 2
    plotting.plot_differences(table(), ax, words=["a", "b"])
    assert [t.get_text() for t in ax.get_yticklabels()] == ["V1  a", "V2  b"]
    plt.close(figure)


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ({}, "at least one comparison"),
        ({"a": ("labels", "nobody")}, r"runs of \['labels', .*got \['nobody'\]"),
    ],
)
def test_a_table_of_what_is_not_there_is_refused(pairs, message):
    with pytest.raises(ValueError, match=message):
        evidence.verdict_table(pairs, evidence.by_seed(RUNS))


def test_a_share_s_bounds_are_where_the_rest_is_just_told_apart_from_zero():
    part, whole = pd.Series([4, 5, 6, 5.5]), pd.Series([8, 10, 12.5, 9])
    share = evidence.share(part, whole)
    assert share.mean == pytest.approx(part.mean() / whole.mean())
    assert share.low < share.mean < share.high
    assert evidence.estimate(part - share.low * whole).low == pytest.approx(0, abs=1e-9)
    assert evidence.estimate(part - share.high * whole).high == pytest.approx(0, abs=1e-9)


def test_a_share_of_what_may_be_nothing_has_no_bounds():
    share = evidence.share([1, 2, 1], [1, -1, 0.3])
    assert (share.low, share.high) == (-float("inf"), float("inf"))


@pytest.mark.parametrize(("part", "whole"), [([1], [2]), ([1, 2], [1, 2, 3])])
def test_a_share_needs_pairs(part, whole):
    with pytest.raises(ValueError, match="part and whole must hold the same two or more seeds"):
        evidence.share(part, whole)
