import matplotlib.pyplot as plt
import pandas as pd
import pytest
import torch

from kdutils import plotting
from kdutils.evidence import estimate
from kdutils.training import History


@pytest.fixture
def ax():
    _, ax = plt.subplots()
    yield ax
    plt.close("all")


def test_probabilities_are_drawn_on_a_fixed_scale(ax):
    assert plotting.plot_probabilities(torch.tensor([0.1, 0.7, 0.2]), ax, label=1) is ax
    assert [bar.get_height() for bar in ax.patches] == pytest.approx([0.1, 0.7, 0.2])
    assert ax.get_ylim() == (0, 1)
    assert ax.get_xticklabels()[1].get_fontweight() == "bold"


def test_digit_shows_its_pixels(ax):
    image = torch.arange(16).view(1, 4, 4)
    plotting.plot_digit(image, ax, "four")
    assert ax.images[0].get_array().tolist() == image[0].tolist() and ax.get_title() == "four"


def test_history_shows_every_epoch(ax):
    plotting.plot_history(History([3.0, 1.0], [0, 0], [None, 1]), ax, color="k")
    assert ax.lines[0].get_xydata().tolist() == [[1, 3], [2, 1]]


def test_errors_show_every_seed_the_mean_and_the_reference(ax):
    runs = {"teacher": [60, 64], "student": [150]}
    roles = {"teacher": "teacher", "student": "baseline"}
    plotting.plot_errors(runs, ax, roles=roles, references={"teacher": 67})
    drawn = [tuple(line.get_xdata()) for line in ax.lines]
    assert (60, 64) in drawn and (62,) in drawn and (150,) in drawn and (67,) in drawn
    assert [t.get_text() for t in ax.get_yticklabels()] == list(runs)
    assert ax.get_xlim()[0] == 0


def test_close_accuracies_need_not_start_at_zero(ax):
    runs = {"a": [88.31, 88.35], "b": [88.9, 88.7]}
    roles = dict.fromkeys(runs, "distilled")
    plotting.plot_errors(runs, ax, roles=roles, decimals=2, from_zero=False)
    assert ax.get_xlim()[0] > 80 and [t.get_text() for t in ax.texts] == ["88.33", "88.80"]


def test_means_show_the_interval_and_levels_its_band(ax):
    plotting.plot_means({1: [10, 12, 14], 8: [5, 5, 5]}, ax, role="distilled", label="kd")
    plotting.plot_level([20, 22, 24], ax, role="baseline", label="hard")
    assert ax.lines[0].get_xydata().tolist() == [[1, 12], [8, 5]]
    low, high = ax.collections[0].get_segments()[0][:, 1]
    expected = estimate([10, 12, 14])
    assert (low, high) == pytest.approx((expected.low, expected.high))
    assert ax.lines[-1].get_ydata() == [22, 22]
    band = ax.patches[0]
    assert band.get_y() == pytest.approx(estimate([20, 22, 24]).low)
    assert set(ax.get_legend_handles_labels()[1]) == {"hard", "kd"}


def test_doubling_the_temperature_is_always_the_same_step(ax):
    plotting.temperature_axis(ax)
    assert ax.get_xscale() == "log" and ax.get_xticklabels()[0].get_text() == "½"
    assert len(ax.get_xticks()) == 8 and len(ax.get_xticks(minor=True)) == 0


def test_sweep_writes_each_number_into_its_cell(ax):
    table = pd.DataFrame([[50, 60], [70, 80]], index=[0.0, 1.0], columns=[1.0, 20.0])
    plotting.plot_sweep(table, ax)
    assert [t.get_text() for t in ax.texts] == ["50", "60", "70", "80"]
    assert [t.get_text() for t in ax.get_xticklabels()] == ["1", "20"]


def test_no_function_leaves_a_figure_of_its_own_when_given_axes(ax):
    plotting.plot_probabilities([1.0], ax)
    assert plt.get_fignums() == [ax.figure.number]


def test_live_curve_draws_and_closes(capsys):
    draw = plotting.live_curve()
    draw(History([1.0], [0.0], [None]))
    assert not plt.get_fignums()
