import re

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from kdutils import publish
from kdutils.data import ROOT

README = ROOT / "README.md"


@pytest.mark.parametrize("name", publish.TABLES)
def test_tables_in_the_readme_are_up_to_date(name):
    text = README.read_text()
    assert publish.fill(text, name, publish.TABLES[name]()) == text


def test_map_in_notebook_00_is_up_to_date():
    notebook = nbformat.read(publish.NOTEBOOKS / "00_start_here.ipynb", as_version=4)
    (cell,) = [c for c in notebook.cells if "map" in c.metadata.get("tags", [])]
    assert publish.fill(cell.source, "notebooks", publish.notebooks_table("")) == cell.source


def test_headline_figure_is_the_one_that_notebook_02_shows():
    assert publish.HEADLINE.read_bytes() == publish.headline_png()


def test_readme_is_short_and_links_to_what_is_there():
    text = README.read_text()
    assert len(text.splitlines()) <= 120
    for target in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (ROOT / target).exists(), target


def test_fill_replaces_what_is_between_the_markers():
    text = "a\n<!-- t -->\nold\n<!-- /t -->\nb"
    assert publish.fill(text, "t", "new") == "a\n<!-- t -->\nnew\n<!-- /t -->\nb"
    with pytest.raises(ValueError, match="must hold <!-- u -->"):
        publish.fill(text, "u", "new")


def test_facts_must_be_stated():
    with pytest.raises(ValueError, match=r"must state \['question', 'answer', 'time'\]"):
        publish.facts(new_notebook(cells=[new_markdown_cell("# 01 · Title")]))


def test_clean_keeps_pictures_and_text_and_drops_what_is_dead():
    view = "application/vnd.jupyter.widget-view+json"
    outputs = [
        new_output("display_data", data={view: {"model_id": "1"}, "text/plain": "  0%|   | 0/5"}),
        new_output("display_data", data={view: {}, "image/png": "iVBO", "text/plain": "Explorer"}),
        new_output("stream", text="kept"),
    ]
    cell = new_code_cell("x", outputs=outputs, metadata={"execution": {}, "tags": ["a"]})
    notebook = new_notebook(cells=[cell], metadata={"widgets": {"state": {}}})
    publish.clean(notebook)
    assert [o.get("data") for o in cell.outputs[:1]] == [
        {"image/png": "iVBO", "text/plain": "Explorer"}
    ]
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
