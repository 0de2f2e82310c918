import ipywidgets
import matplotlib.pyplot as plt
import pytest

from kdutils.widgets import Explorer


def explorer(seen, fails_at=None):
    def draw(temperature):
        seen.append(temperature)
        if temperature == fails_at:
            raise RuntimeError("no picture")
        figure, ax = plt.subplots()
        ax.plot([0, temperature])
        return figure

    return Explorer(draw, temperature=ipywidgets.FloatSlider(value=1, min=1, max=20))


def test_default_minimum_and_maximum_are_drawn():
    seen = []
    widget = explorer(seen)
    for value in (20.0, 1.0):
        widget.children[0].value = value
    assert seen == [1.0, 1.0, 20.0, 1.0]  # the stored picture, then one per position
    plt.close("all")


def test_readers_without_a_kernel_get_the_picture():
    bundle = explorer([])._repr_mimebundle_()
    assert bundle["image/png"].startswith(b"\x89PNG")
    assert bundle["text/plain"] == "Explorer(temperature = 1.0)"
    assert "application/vnd.jupyter.widget-view+json" in bundle
    plt.close("all")


def test_an_error_while_drawing_is_not_swallowed():
    widget = explorer([], fails_at=5.0)
    with pytest.raises(RuntimeError, match="no picture"):
        widget.children[0].value = 5.0


def test_sliders_answer_on_release_and_the_page_does_not_jump():
    widget = explorer([])
    assert widget.children[0].continuous_update is False
    assert widget.children[-1].layout.height.endswith("px")


def test_an_explorer_needs_a_control():
    with pytest.raises(ValueError, match="at least one widget"):
        Explorer(lambda: None)
