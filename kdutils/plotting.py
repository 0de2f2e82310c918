"""Figures of the notebooks. Each function draws on ``ax`` and returns it; none calls ``show``."""

import textwrap
from collections.abc import Callable, Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from torch import Tensor

from kdutils.evidence import VerdictTable, estimate
from kdutils.look import COLORS, MARKERS, OUTCOMES, use_style
from kdutils.training import History

__all__ = [
    "COLORS",
    "MARKERS",
    "live_curve",
    "plot_differences",
    "plot_digit",
    "plot_errors",
    "plot_history",
    "plot_level",
    "plot_means",
    "plot_probabilities",
    "plot_sweep",
    "temperature_axis",
    "use_style",
]


def _axes(ax: Axes | None) -> Axes:
    return plt.gca() if ax is None else ax


def plot_digit(image: Tensor, ax: Axes | None = None, title: str = "") -> Axes:
    """Draw one (1, H, W) or (H, W) image in grey, dark ink on white."""
    ax = _axes(ax)
    ax.imshow(image.squeeze().numpy(), cmap="gray_r")
    ax.set(title=title, xticks=[], yticks=[])
    ax.spines[:].set_visible(False)
    return ax


def plot_probabilities(
    probs: Tensor | Sequence[float],
    ax: Axes | None = None,
    *,
    color: str = COLORS["teacher"],
    label: int | None = None,
) -> Axes:
    """Draw class probabilities as bars on a fixed scale of 0 to 1.

    Args:
        probs: (C,) probabilities.
        color: of the bars.
        label: class whose name is set in bold, the true one.
    """
    ax = _axes(ax)
    probs = np.asarray(probs)
    ax.bar(range(len(probs)), probs, color=color)
    ax.set_xticks(range(len(probs)))
    ax.set(ylim=(0, 1), xlabel="class", ylabel="probability")
    if label is not None:
        ax.get_xticklabels()[label].set_fontweight("bold")
        ax.get_xticklabels()[label].set_color(COLORS["distilled"])
    return ax


def plot_history(history: History, ax: Axes | None = None, *, color: str) -> Axes:
    """Draw the training loss over epochs."""
    ax = _axes(ax)
    ax.plot(range(1, history.epochs + 1), history.loss, color=color, marker="o", markersize=3)
    ax.set(xlabel="epoch", ylabel="training loss")
    return ax


def plot_errors(
    runs: Mapping[str, Sequence[float]],
    ax: Axes | None = None,
    *,
    roles: Mapping[str, str],
    references: Mapping[str, float] | None = None,
    decimals: int = 0,
    from_zero: bool = True,
) -> Axes:
    """Draw each run's test errors: every seed a dot, mean and 95 % t-interval over them.

    Args:
        runs: name -> one value per seed; drawn from top to bottom.
        roles: name -> key of ``COLORS``.
        references: name -> published figure, drawn as a black tick in the run's row.
        decimals: of the means written above their marks.
        from_zero: False lets the axis begin near the data, for accuracies that lie close.
    """
    ax = _axes(ax)
    for row, (name, values) in enumerate(runs.items()):
        role, mean = roles[name], estimate(values)
        color = COLORS[role]
        spread = np.linspace(-0.12, 0.12, len(values)) if len(values) > 1 else [0]
        ax.plot(values, row + np.asarray(spread), ".", color=color, alpha=0.5, markersize=7)
        ax.errorbar(
            mean.mean,
            row,
            xerr=mean.high - mean.mean if mean.n > 1 else None,
            fmt=MARKERS[role],
            color=color,
            markersize=8,
            capsize=4,
        )
        ax.annotate(
            f"{mean.mean:.{decimals}f}",
            (mean.mean, row),
            (0, 10),
            textcoords="offset points",
            ha="center",
        )
        if references and name in references:
            ax.plot(references[name], row, "|", color=COLORS["label"], markersize=18)
            ax.annotate(
                f"Hinton {references[name]:.0f}",
                (references[name], row),
                (0, -18),
                textcoords="offset points",
                ha="center",
                fontsize=9,
            )
    ax.set_yticks(range(len(runs)), runs)
    ax.set(xlabel="errors on the 10,000 test digits", ylim=(len(runs) - 0.4, -0.7))
    if from_zero:
        ax.set_xlim(left=0)
    ax.grid(axis="x")
    ax.grid(visible=False, axis="y")
    return ax


def plot_differences(
    table: VerdictTable, ax: Axes | None = None, *, words: Sequence[str] | None = None
) -> Axes:
    """Draw a table of verdicts as a forest plot: each paired difference with its interval.

    Rows stand in the table's order, under its numbers; colour and mark repeat the verdict.

    Args:
        table: from :func:`evidence.verdict_table`.
        words: shorter ones than the table's, one per row.
    """
    ax = _axes(ax)
    ax.axvline(0, color=COLORS["label"], linewidth=1)
    for row, verdict in enumerate(table.verdicts):
        (color, marker), difference = OUTCOMES[verdict.outcome], verdict.difference
        ax.errorbar(
            difference.mean,
            row,
            xerr=difference.high - difference.mean,
            fmt=marker,
            color=color,
            markerfacecolor="white" if verdict.outcome == "INCONCLUSIVE" else color,
            markersize=7,
            capsize=4,
        )
    rows = zip(table.numbers, words or table.words, strict=True)
    labels = [textwrap.fill(f"{number}  {text}", 42) for number, text in rows]
    ax.set_yticks(range(len(labels)), labels)
    better = "left" if table.lower_is_better else "right"
    ax.set(
        xlabel=f"difference in {table.unit} with its 95 % interval ({better} of 0 is better)",
        ylim=(len(labels) - 0.4, -0.6),
    )
    ax.grid(axis="x")
    ax.grid(visible=False, axis="y")
    return ax


def plot_means(
    values: Mapping[float, Sequence[float]],
    ax: Axes | None = None,
    *,
    role: str,
    label: str | None = None,
    **style: object,
) -> Axes:
    """Draw means over seeds with their 95 % t-intervals against a number such as T.

    Args:
        values: x -> one value per seed.
        role: key of ``COLORS``.
        label: for the legend.
        **style: further options of ``Axes.errorbar``.
    """
    ax = _axes(ax)
    means = [estimate(v) for v in values.values()]
    style = {"color": COLORS[role], "marker": MARKERS[role], "capsize": 3, **style}
    heights, spreads = [m.mean for m in means], [m.high - m.mean for m in means]
    ax.errorbar(list(values), heights, yerr=spreads, label=label, **style)
    return ax


def plot_level(
    values: Sequence[float], ax: Axes | None = None, *, role: str, label: str | None = None
) -> Axes:
    """Draw what does not depend on x, such as a baseline: a line and the band of its interval."""
    ax = _axes(ax)
    level = estimate(values)
    ax.axhline(level.mean, color=COLORS[role], linestyle="--", label=label)
    ax.axhspan(level.low, level.high, color=COLORS[role], alpha=0.2, linewidth=0)
    return ax


def temperature_axis(ax: Axes | None = None) -> Axes:
    """Make the x axis one of temperatures from ½ to 64, every doubling the same step."""
    ax = _axes(ax)
    ax.set(xscale="log", xlabel="temperature T", xlim=(0.42, 76))
    ax.set_xticks([0.5, 1, 2, 4, 8, 16, 32, 64], ["½", "1", "2", "4", "8", "16", "32", "64"])
    ax.minorticks_off()
    return ax


def plot_sweep(table: pd.DataFrame, ax: Axes | None = None, *, decimals: int = 0) -> Axes:
    """Draw a grid of numbers as a heat map with the numbers in its cells.

    Args:
        table: rows and columns named by their values, e.g. alpha by temperature.
        decimals: of the numbers.
    """
    ax = _axes(ax)
    values = table.to_numpy(dtype=float)
    ax.imshow(values, aspect="auto")
    middle = (values.min() + values.max()) / 2
    for row, column in np.ndindex(values.shape):
        color = "white" if values[row, column] < middle else "black"
        number = f"{values[row, column]:.{decimals}f}"
        ax.text(column, row, number, ha="center", va="center", color=color)
    ax.set_xticks(range(table.shape[1]), [f"{v:g}" for v in table.columns])
    ax.set_yticks(range(table.shape[0]), [f"{v:g}" for v in table.index])
    ax.set(xlabel=table.columns.name, ylabel=table.index.name)
    ax.grid(visible=False)
    return ax


def live_curve() -> Callable[[History], None]:
    """Return an ``on_epoch`` callback for ``training.fit`` that redraws the loss in place."""
    from IPython.display import DisplayHandle

    handle = DisplayHandle()

    def draw(history: History) -> None:
        figure, ax = plt.subplots(figsize=(4.8, 2.6))
        plot_history(history, ax, color=COLORS["distilled"])
        (handle.display if history.epochs == 1 else handle.update)(figure)
        plt.close(figure)

    return draw
