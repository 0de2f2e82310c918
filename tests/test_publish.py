import base64
import io
import re

import nbformat
import numpy as np
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image

from kdutils import publish
from kdutils.files import ROOT

README = ROOT / "README.md"


def test_the_table_in_the_readme_is_up_to_date():
    text = README.read_text()
    assert publish.fill(text, publish.notebooks_table()) == text


def test_map_in_notebook_00_is_up_to_date():
    notebook = nbformat.read(publish.NOTEBOOKS / "00_start_here.ipynb", as_version=4)
    (cell,) = [c for c in notebook.cells if "map" in c.metadata.get("tags", [])]
    assert publish.fill(cell.source, publish.notebooks_table("")) == cell.source


def test_headline_figure_is_the_one_that_notebook_02_shows():
    assert publish.HEADLINE.read_bytes() == publish.headline_png()


def test_readme_is_short_and_links_to_what_is_there():
    text = README.read_text()
    assert len(text.splitlines()) <= 90
    for target in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (ROOT / target).exists(), target


def test_fill_replaces_what_is_between_the_markers():
    start, end = publish.MARKERS
    assert publish.fill(f"a\n{start}\nold\n{end}\nb", "new") == f"a\n{start}\nnew\n{end}\nb"
    with pytest.raises(ValueError, match="must hold <!-- notebooks -->"):
        publish.fill("a", "new")


def test_citations_stay_in_the_notebook_and_intervals_do_not():
    answer = "Yes, by 53.8 [46.3, 61.3] errors [V1, V3–V4], see [02](02.ipynb) [Figure 2.1]."
    left = re.sub(f" *{publish.CITATION}", "", answer)
    assert left == "Yes, by 53.8 [46.3, 61.3] errors, see [02](02.ipynb)."


def test_facts_must_be_stated():
    with pytest.raises(ValueError, match=r"must state \['question', 'answer', 'time'\]"):
        publish.facts(new_notebook(cells=[new_markdown_cell("# 01 · Title")]))


def png(mode="RGB"):
    noise = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).convert(mode).save(buffer, "png")
    return base64.b64encode(buffer.getvalue()).decode()


def test_pictures_shrink_once_and_keep_their_size():
    once = publish._in_256_colours(png("RGBA"))
    assert len(once) < len(png("RGBA")) / 2 and publish._in_256_colours(once) == once
    assert Image.open(io.BytesIO(base64.b64decode(once))).size == (40, 40)


def test_clean_keeps_pictures_and_text_and_drops_what_is_dead():
    view = "application/vnd.jupyter.widget-view+json"
    outputs = [
        new_output("display_data", data={view: {"model_id": "1"}, "text/plain": "  0%|   | 0/5"}),
        new_output(
            "display_data", data={view: {}, "image/png": png("P"), "text/plain": "Explorer"}
        ),
        new_output("stream", text="kept"),
    ]
    cell = new_code_cell("x", outputs=outputs, metadata={"execution": {}, "tags": ["a"]})
    notebook = new_notebook(cells=[cell], metadata={"widgets": {"state": {}}})
    publish.clean(notebook)
    (kept,) = [o["data"] for o in cell.outputs[:1]]
    assert kept["text/plain"] == "Explorer" and kept["image/png"].startswith("iVBO")
    assert set(kept) == {"text/plain", "image/png"}
    assert cell.outputs[1].text == "kept" and len(cell.outputs) == 2
    assert cell.metadata == {"tags": ["a"]} and "widgets" not in notebook.metadata


def test_execute_runs_cleans_and_replaces_only_on_success(tmp_path):
    path = tmp_path / "n.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell("print(6 * 7)")]), path)
    publish.execute(path)
    (cell,) = nbformat.read(path, as_version=4).cells
    assert cell.outputs[0].text == "42\n" and cell.execution_count == 1
    nbformat.write(new_notebook(cells=[new_code_cell("1 / 0")]), path)
    before = path.read_text()
    with pytest.raises(Exception, match="ZeroDivisionError"):
        publish.execute(path)
    assert path.read_text() == before
