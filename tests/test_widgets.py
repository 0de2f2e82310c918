import asyncio
import io
import math

import ipywidgets
import matplotlib.pyplot as plt
import pytest
from PIL import Image

from kdutils.widgets import FRAMES, MOST_FRAMES, Explorer, _thinned


@pytest.fixture
def seen():
    """The values that were drawn."""
    return []


@pytest.fixture
def draw(seen):
    def picture(**values):
        seen.append(tuple(values.values()))
        if 12.5 in values.values():
            raise RuntimeError("no picture")
        figure = plt.figure(figsize=(3, 2), dpi=100)
        figure.suptitle(str(values))
        return figure

    return picture


@pytest.fixture
def site(monkeypatch):
    """Explorers as the site has them."""
    monkeypatch.setenv(FRAMES, "1")


def slider():
    return ipywidgets.FloatSlider(value=1, min=1, max=20)


def png_at(widget, values):
    """Choose values, then return the picture that a browser would show."""
    *controls, shown = widget.children
    for control, value in zip(controls, values, strict=True):
        control.value = value
    for control in controls:  # what jsdlink does in the browser
        shown.selected_index = control.index
        shown = shown.children[control.index]
    return shown.value


def test_positions_are_drawn_once_and_replace_the_picture(draw, seen):
    widget = Explorer(draw, temperature=slider())
    control, picture, _ = widget.children
    pictures = [picture.value]
    for value in (20.0, 1.0, 20.0):
        control.value = value
        pictures.append(picture.value)
    assert seen == [(1.0,), (20.0,)]
    assert pictures[0] == pictures[2] != pictures[1] == pictures[3]
    assert not plt.get_fignums()


def test_sliders_answer_while_they_move_and_the_page_does_not_jump(draw):
    control, picture, _ = Explorer(draw, temperature=slider()).children
    assert control.continuous_update is True
    assert (picture.width, picture.height) == ("300", "200")


def test_an_idle_kernel_draws_the_neighbours(draw, seen):
    async def reader():
        control, picture, _ = Explorer(draw, n=ipywidgets.IntSlider(min=0, max=9)).children
        control.value = 6
        shown = picture.value
        while len(seen) < 10:
            await asyncio.sleep(0.01)
        assert picture.value == shown
        control.value = 2  # known, so that nothing is drawn

    asyncio.run(reader())
    assert seen[:2] == [(0,), (6,)]
    assert set(seen[2:4]) == {(5,), (7,)}
    assert sorted(seen) == [(n,) for n in range(10)]


def test_a_control_without_positions_works_where_there_is_a_kernel(draw, seen):
    async def reader():
        control = Explorer(draw, word=ipywidgets.Text("a")).children[0]
        control.value = "b"
        await asyncio.sleep(0.3)

    asyncio.run(reader())
    assert seen == [("a",), ("b",)]


def test_readers_without_a_kernel_get_the_picture(draw):
    bundle = Explorer(draw, temperature=slider())._repr_mimebundle_()
    assert bundle["image/png"].startswith(b"\x89PNG")
    assert bundle["text/plain"] == "Explorer(temperature = 1.0)"
    assert "application/vnd.jupyter.widget-view+json" in bundle


def test_an_error_while_drawing_is_not_swallowed(draw):
    control, picture, _ = Explorer(draw, temperature=slider()).children
    before = picture.value
    with pytest.raises(RuntimeError, match="no picture"):
        control.value = 12.5
    control.value = 6.0  # and the slider goes on
    assert picture.value != before


def test_an_error_at_the_first_position_is_raised(draw):
    with pytest.raises(RuntimeError, match="no picture"):
        Explorer(draw, temperature=ipywidgets.FloatSlider(value=12.5, max=20))


def test_an_explorer_needs_a_control():
    with pytest.raises(ValueError, match="at least one widget"):
        Explorer(lambda: None)


@pytest.mark.parametrize(
    ("control", "values"),
    [
        (ipywidgets.IntSlider(value=7, min=6, max=10, step=2), [6, 8, 10]),
        (ipywidgets.FloatSlider(value=0, min=-0.5, max=0.6, step=0.5), [-0.5, 0.0, 0.5]),
        (ipywidgets.FloatLogSlider(value=1, min=-1, max=1, step=1), [0.1, 1.0, 10.0]),
        (ipywidgets.SelectionSlider(options=[1, 4, 16], value=4), [1, 4, 16]),
        (ipywidgets.Dropdown(options={"cat": (3, "c"), "dog": (5, "d")}), [(3, "c"), (5, "d")]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_site_shows_every_position_of_a_control(site, draw, seen, control, values):
    now = control.value
    widget = Explorer(draw, here=control)
    selection, stack = widget.children
    assert [value for _, value in selection.options] == values
    assert now == control.value
    assert selection.value == (now if now in values else 6)
    assert stack.selected_index == selection.index
    assert len({png_at(widget, [value]) for value in values}) == len(values)
    assert {value for (value,) in seen} == {now, *values}


def test_the_browser_alone_moves_the_pictures_of_two_controls(site, draw, monkeypatch):
    links = []
    monkeypatch.setattr(ipywidgets, "jsdlink", lambda *ends: links.append(ends))
    first = ipywidgets.SelectionSlider(options="abc", value="b")
    widget = Explorer(draw, first=first, second=ipywidgets.IntSlider(value=1, min=0, max=4))
    letters, numbers, stack = widget.children
    assert len({png_at(widget, (a, i)) for a in "abc" for i in range(5)}) == 15
    assert ((letters, "index"), (stack, "selected_index")) in links
    for page in stack.children:
        assert ((numbers, "index"), (page, "selected_index")) in links
    assert len(links) == 4


@pytest.mark.parametrize(
    ("sizes", "kept"), [((500,), [120]), ((60, 60), [12, 10]), ((13, 12, 3), [6, 6, 3])]
)
def test_no_explorer_has_more_than_120_pictures(sizes, kept):
    lists = tuple([(str(i), i) for i in range(size)] for size in sizes)
    positions, starts = _thinned(lists, [0] * len(sizes))
    assert math.prod(len(options) for options in positions) <= MOST_FRAMES
    assert sorted(map(len, positions)) == sorted(kept)
    assert starts == [0] * len(sizes)


def test_too_many_positions_are_thinned_and_the_first_one_stays(site, draw):
    digit = ipywidgets.IntSlider(value=2717, min=0, max=4999)
    widget = Explorer(draw, digit=digit, T=ipywidgets.SelectionSlider(options=range(12), value=4))
    digits, temperatures, _ = widget.children
    assert (digits.value, temperatures.value) == (2717, 4)
    assert len(temperatures.options) == 12
    assert len(digits.options) * 12 == MOST_FRAMES
    values = [value for _, value in digits.options]
    assert (values[0], values[-1]) == (0, 4999)
    frame = Image.open(io.BytesIO(png_at(widget, (2717, 4))))
    assert frame.size == (300, 200)
    assert frame.mode == "P"  # 256 colours keep pages small


def test_a_control_without_positions_has_no_place_on_the_site(site, draw):
    with pytest.raises(ValueError, match=r"options or steps, got \['Text'\]"):
        Explorer(draw, name=ipywidgets.Text("x"))
