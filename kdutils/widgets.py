"""Sliders that answer from cached numbers; the only module that imports ipywidgets."""

import io
from collections.abc import Callable

import ipywidgets
import matplotlib.pyplot as plt
from matplotlib.figure import Figure


class Explorer(ipywidgets.VBox):
    """Controls above a figure that is redrawn when one of them moves.

    The saved notebook and GitHub show the figure of the controls' first position; JupyterLab
    shows the live widget.

    Args:
        draw: takes one keyword argument per control and returns a new figure. Keep axes limits
            fixed, so that what moves is the data.
        **controls: ipywidgets with a ``value``. Sliders are told to answer on release.

    Raises:
        ValueError: no control was given.
    """

    def __init__(self, draw: Callable[..., Figure], **controls: ipywidgets.Widget) -> None:
        if not controls:
            raise ValueError("controls must hold at least one widget, got none")
        for control in controls.values():
            if hasattr(control, "continuous_update"):
                control.continuous_update = False
            control.style.description_width = "initial"
        self._png, height = _png_of(draw(**{k: c.value for k, c in controls.items()}))
        self._text = ", ".join(f"{name} = {c.value}" for name, c in controls.items())

        def show(**values: object) -> None:
            draw(**values)
            plt.show()

        picture = ipywidgets.interactive_output(show, controls)
        picture.layout.height = f"{height + 20}px"  # fixed, so that the page does not jump
        super().__init__([*controls.values(), picture])

    def _repr_mimebundle_(self, **options: object) -> dict:
        """Add the first position's picture to the widget for readers without a kernel."""
        live = super()._repr_mimebundle_(**options)
        return {**live, "image/png": self._png, "text/plain": f"Explorer({self._text})"}


def _png_of(figure: Figure) -> tuple[bytes, int]:
    """Return a figure's picture and its height in pixels, and close it."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    plt.close(figure)
    return buffer.getvalue(), round(figure.get_figheight() * figure.dpi)
