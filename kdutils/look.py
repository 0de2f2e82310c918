"""The one place to change how figures and tables look.

Colours are those of Okabe and Ito, safe for colour-blind readers, and mean the same everywhere;
marker and line style, or a word, repeat what colour says.
"""

import matplotlib.pyplot as plt
import pandas as pd

COLORS = {
    "teacher": "#0072B2",
    "baseline": "#E69F00",
    "distilled": "#009E73",
    "control": "#CC79A7",
    "label": "#000000",
}
MARKERS = {"teacher": "o", "baseline": "^", "distilled": "s", "control": "D", "label": "|"}
# Of verdicts: the text's colour, dark enough on white, and the mark in a forest plot.
OUTCOMES = {
    "BEATS": ("#00785A", "s"),
    "WORSE": ("#B34700", "D"),
    "INCONCLUSIVE": ("#6B6B6B", "o"),
}


def use_style() -> None:
    """Set the notebooks' look: figures small and white with few lines, tables never cut off."""
    plt.rcParams.update(
        {
            "figure.figsize": (6.4, 3.6),
            "figure.dpi": 100,
            "figure.constrained_layout.use": True,
            "font.size": 11,
            "axes.titlesize": 11,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": True,
            "axes.grid.axis": "y",
            "axes.axisbelow": True,
            "axes.prop_cycle": plt.cycler(color=[*COLORS.values()][:-1]),
            "grid.color": "#DDDDDD",
            "lines.linewidth": 2,
            "legend.frameon": False,
            "image.cmap": "cividis",
        }
    )
    pd.set_option(
        *("display.width", 1000, "display.max_colwidth", None),
        *("display.max_columns", None, "display.max_rows", None),
    )
