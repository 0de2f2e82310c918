"""Sliders that answer while they move; the only module that imports ipywidgets."""

import asyncio
import io
import math
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import lru_cache

import ipywidgets
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

# Set while the site is built: pages have no kernel, so all pictures are drawn beforehand.
FRAMES = "KDUTILS_FRAMES"
MOST_FRAMES = 120
IDLE = 0.1  # seconds without a move before a kernel draws ahead

Position = tuple[str, object]  # what a reader sees, what the drawing gets


class Explorer(ipywidgets.VBox):
    """Controls above a picture that is redrawn while one of them moves.

    Pictures once drawn are kept, positions passed while one is drawn are skipped, and after a
    move an idle kernel draws the neighbours. The saved notebook and GitHub show the picture of
    the first position. On the site (where the variable ``KDUTILS_FRAMES`` is set) all pictures
    are drawn at once, and the browser alone picks the one to show; where that would be more than
    120, the longest control keeps fewer, evenly spread positions, the first one among them.

    Args:
        draw: takes one keyword argument per control and returns a new figure. Keep axes limits
            fixed, so that what moves is the data.
        **controls: ipywidgets with a hashable ``value``.

    Raises:
        ValueError: no control was given, or one without countable positions for the site.
    """

    def __init__(self, draw: Callable[..., Figure], **controls: ipywidgets.Widget) -> None:
        if not controls:
            raise ValueError("controls must hold at least one widget, got none")

        @lru_cache(maxsize=1000)
        def drawn(*values: object) -> bytes:
            return _png_of(draw(**dict(zip(controls, values, strict=True))))

        first = [_value(control) for control in controls.values()]
        self._png = drawn(*first)
        self._text = ", ".join(f"{k} = {value}" for k, value in zip(controls, first, strict=True))
        make = _frames if os.environ.get(FRAMES) else _live
        super().__init__(make(drawn, [*controls.values()]))

    def _repr_mimebundle_(self, **options: object) -> dict:
        """Add the first position's picture to the widget for readers without a kernel."""
        live = super()._repr_mimebundle_(**options)
        return {**live, "image/png": self._png, "text/plain": f"Explorer({self._text})"}


def _live(drawn: Callable[..., bytes], controls: list[ipywidgets.Widget]) -> list:
    """Return the controls, the picture that a kernel redraws, and a place for errors."""
    picture = _image(drawn(*map(_value, controls)))
    errors = ipywidgets.Output()
    positions = {control: _positions(control) for control in controls}
    timer = None

    def show(change: dict) -> None:
        nonlocal timer
        errors.outputs = ()
        try:
            picture.value = drawn(*map(_value, controls))
        except Exception:
            with errors:  # shows it below the picture; where there is no kernel, raises it
                raise
        if timer:
            timer.cancel()
        moved = change["owner"]
        with suppress(RuntimeError):  # nobody waits where no kernel's loop is running
            loop = asyncio.get_running_loop()
            timer = loop.call_later(IDLE, draw_ahead, neighbours(moved))

    def neighbours(moved: ipywidgets.Widget) -> Iterator[list]:
        now = _index(moved, positions[moved])
        nearest = sorted(enumerate(positions[moved]), key=lambda place: abs(place[0] - now))
        for _, (_, value) in nearest[:MOST_FRAMES]:
            yield [value if control is moved else _value(control) for control in controls]

    def draw_ahead(waiting: Iterator[list]) -> None:
        nonlocal timer
        with suppress(Exception):  # at the end; and an error is shown when the reader gets there
            drawn(*next(waiting))
            timer = asyncio.get_running_loop().call_later(IDLE / 10, draw_ahead, waiting)

    for control in controls:
        control.style.description_width = "initial"
        if hasattr(control, "continuous_update"):
            control.continuous_update = True
        control.observe(show, "value")
    return [*controls, picture, errors]


def _frames(drawn: Callable[..., bytes], controls: list[ipywidgets.Widget]) -> list:
    """Return selections of the controls' positions and a stack of all their pictures."""
    positions = [_positions(control) for control in controls]
    if unknown := [type(c).__name__ for c, p in zip(controls, positions, strict=True) if not p]:
        raise ValueError(f"controls must have options or steps, got {unknown}")
    positions, starts = _thinned(positions, list(map(_index, controls, positions)))
    selections = []
    for control, options, index in zip(controls, positions, starts, strict=True):
        kind = type(control) if hasattr(control, "options") else ipywidgets.SelectionSlider
        selection = kind(options=options, index=index, description=control.description)
        selection.style.description_width = "initial"
        selections.append(selection)

    def stacked(depth: int, values: tuple) -> ipywidgets.Widget:
        if depth == len(selections):
            return _image(_smaller(drawn(*values)))
        pages = [stacked(depth + 1, (*values, value)) for _, value in positions[depth]]
        stack = ipywidgets.Stack(pages, selected_index=starts[depth])
        ipywidgets.jsdlink((selections[depth], "index"), (stack, "selected_index"))
        return stack

    return [*selections, stacked(0, ())]


def _positions(control: ipywidgets.Widget) -> list[Position]:
    """Return all positions of a control; none where they cannot be counted."""
    positions = []
    if hasattr(control, "options"):
        now = control.index
        with control.hold_sync():  # moves unseen
            for index in range(len(control.options)):
                control.index = index
                positions.append((control.label, control.value))
            control.index = now
    elif getattr(control, "step", None):
        count = int((control.max - control.min) / control.step + 1e-6) + 1
        for i in range(count):
            value = control.min + i * control.step
            value = _rounded(control.base**value if hasattr(control, "base") else value)
            positions.append((format(value, getattr(control, "readout_format", "")), value))
    return positions


def _value(control: ipywidgets.Widget) -> object:
    """Return a control's value; options are left as they are."""
    return control.value if hasattr(control, "options") else _rounded(control.value)


def _rounded(value: object) -> object:
    """Return a float without its last digits, in which browser and kernel differ."""
    return float(f"{value:.9g}") if isinstance(value, float) else value


def _index(control: ipywidgets.Widget, positions: list[Position]) -> int:
    """Return where a control stands among its positions."""
    if hasattr(control, "index"):
        return control.index or 0
    return min(range(len(positions)), key=lambda i: abs(positions[i][1] - control.value))


def _thinned(positions: list, starts: list) -> tuple[list[list[Position]], list[int]]:
    """Return positions that need at most MOST_FRAMES pictures; the longest list gives way first."""
    counts = [len(options) for options in positions]
    while math.prod(counts) > MOST_FRAMES:
        longest = max(counts)
        room = MOST_FRAMES * longest // math.prod(counts)  # what the other controls leave
        counts[counts.index(longest)] = min(longest - 1, max(room, 10))
    kept, indices = [], []
    for options, start, count in zip(positions, starts, counts, strict=True):
        chosen = np.linspace(0, len(options) - 1, count).round().astype(int)
        index = int(abs(chosen - start).argmin())
        chosen[index] = start
        kept.append([options[i] for i in chosen])
        indices.append(index)
    return kept, indices


def _image(png: bytes) -> ipywidgets.Image:
    """Return a picture that keeps its place, so that the page does not jump."""
    width, height = Image.open(io.BytesIO(png)).size
    return ipywidgets.Image(value=png, format="png", width=width, height=height)


def _png_of(figure: Figure) -> bytes:
    """Return a figure's picture and close it; a third faster than ``savefig``."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    plt.close(figure)
    return _encoded(Image.fromarray(np.asarray(canvas.buffer_rgba())))


def _smaller(png: bytes) -> bytes:
    """Return the picture in 256 colours, at half the size."""
    return _encoded(Image.open(io.BytesIO(png)).convert("RGB").quantize(256))


def _encoded(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "png")
    return buffer.getvalue()
