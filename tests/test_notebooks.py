"""Lint of the notebooks without a kernel; nbval executes them."""

import re
import statistics

import nbformat
import pytest

from kdutils.publish import facts, notebook_paths

PATHS = notebook_paths()
HEADINGS = ["by hand", "full runs", "Reading the result", "Exercises", "Summary and references"]


@pytest.fixture(params=PATHS, ids=[path.stem for path in PATHS])
def path(request):
    return request.param


@pytest.fixture
def notebook(path):
    return nbformat.read(path, as_version=4)


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def tags(cell):
    return cell.metadata.get("tags", [])


def test_notebooks_are_numbered_without_a_gap():
    assert [path.stem[:2] for path in PATHS] == [f"{i:02d}" for i in range(len(PATHS))]


def test_title_matches_the_file_and_the_facts_are_there(path, notebook):
    assert notebook.cells[0].source.startswith(f"# {path.stem[:2]} · ")
    about = facts(notebook)
    assert about["question"].endswith("?") and about["answer"].endswith(".")


def test_sections_come_in_the_template_s_order(notebook):
    text = "\n".join(c.source for c in notebook.cells if c.cell_type == "markdown")
    places = [re.search(rf"^## .*{heading}", text, re.M) for heading in HEADINGS]
    assert all(places) and [p.start() for p in places] == sorted(p.start() for p in places)
    assert "**What it does not show.**" in text
    assert text.count("<details>") == text.count("</details>") == 3


def test_it_was_run_top_to_bottom_without_errors_and_warnings(notebook):
    cells = code_cells(notebook)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    for output in (o for cell in cells for o in cell.outputs):
        assert output.output_type != "error"
        assert output.get("name") != "stderr", output.text


def test_outputs_hold_no_widget_state_and_no_paths(path, notebook):
    assert "widgets" not in notebook.metadata
    text = path.read_text()
    assert "widget-view" not in text
    assert not any("execution" in cell.metadata for cell in notebook.cells)
    for pattern in (r"/(home|root|work|tmp|Users)/", r"0x[0-9a-f]{6,}"):
        assert not re.search(pattern, text)


def test_sources_hold_no_magics_and_no_loading_by_hand(notebook):
    for cell in code_cells(notebook):
        assert not re.search(r"^\s*[%!]|pip install|torch\.load|\.value = ", cell.source, re.M)


def test_cells_are_short(path, notebook):
    lengths = [len(cell.source.splitlines()) for cell in code_cells(notebook)]
    assert statistics.median(lengths) <= 8 and max(lengths) <= 25
    assert max(len(line) for c in code_cells(notebook) for line in c.source.splitlines()) <= 100
    assert path.stat().st_size <= 400_000


def test_every_code_cell_is_introduced_or_shows_the_one_before(notebook):
    kinds = "".join("c" if cell.cell_type == "code" else "m" for cell in notebook.cells)
    assert "ccc" not in kinds


def test_figures_end_with_show_and_are_captioned(notebook):
    pairs = zip(notebook.cells, notebook.cells[1:], strict=False)
    for cell, following in pairs:
        if cell.cell_type == "code" and "plt.subplots" in cell.source and "def " not in cell.source:
            assert cell.source.splitlines()[-1] == "plt.show()"
            assert re.match(r"\*\*Figure \d+\.\d\*\* \*.+\*", following.source), cell.source


def test_cells_that_prose_cites_are_checked(notebook):
    assert sum("nbval-check-output" in tags(cell) for cell in code_cells(notebook)) >= 3
    for cell in code_cells(notebook):
        if "fit(" in cell.source or "latency(" in cell.source or "Explorer(" in cell.source:
            assert "nbval-ignore-output" in tags(cell), cell.source


# Links, code, formulas, citations, figure numbers, the stated run time, titles of notebooks.
NOT_PROSE = (
    r"\]\(.*?\)",
    r"`[^`]*`",
    r"<code>.*?</code>",
    r"\$[^$]*\$",
    r".*arXiv.*",
    r"et al\. \(\d+\)",
    r"Figure \d+\.\d",
    r"\*\*Time:.*",
    r"\[\d\d ·",
    r"^# \d\d",
    r"[Nn]otebooks? \d\d",
)


# Sizes of the data sets, the paper's year, the intervals' percent, the batch of an exercise.
FACTS = {"55000", "10000", "5000", "4000", "1000", "2015", "95", "1024"}


def numbers(text):
    """Numbers of two digits or more, thousands separators taken out."""
    found = re.findall(r"\d+(?:,\d{3})*(?:\.\d+)?", text)
    return {n.replace(",", "") for n in found if len(re.sub(r"\D", "", n)) > 1}


def test_numbers_in_prose_are_printed_or_set_by_a_cell(notebook):
    cells = code_cells(notebook)
    shown = "\n".join(cell.source for cell in cells)
    shown += "\n".join(o.text for c in cells for o in c.outputs if o.output_type == "stream")
    known = numbers(shown) | FACTS
    for cell in notebook.cells:
        if cell.cell_type != "markdown" or re.search(
            "summary and references|the map", cell.source, re.I
        ):
            continue
        text = re.sub("|".join(NOT_PROSE), "", cell.source)
        assert numbers(text) <= known, f"{numbers(text) - known} in: {cell.source}"
