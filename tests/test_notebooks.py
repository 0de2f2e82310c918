"""Lint of the notebooks without a kernel; nbval executes them."""

import re
import statistics

import nbformat
import pytest

from kdutils.publish import CITATION, CITED, NOTEBOOKS, facts, notebook_paths

PATHS = [*notebook_paths(), NOTEBOOKS / "_template.ipynb"]
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


def markdown(notebook):
    return "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def shown(notebook):
    """All text that the notebook's cells printed, tables included."""
    outputs = [output for cell in code_cells(notebook) for output in cell.outputs]
    return "\n".join(o.get("text", o.get("data", {}).get("text/plain", "")) for o in outputs)


def cited(text):
    """The rows and figures that a text cites, ranges of rows written out."""
    found = set()
    for citation in re.findall(CITATION, text):
        for part in re.findall(CITED, citation):
            first, _, last = part.partition("–")
            if last:
                found |= {f"V{n}" for n in range(int(first[1:]), int(last[1:]) + 1)}
            else:
                found.add(first)
    return found


def test_notebooks_are_numbered_without_a_gap():
    numbered = notebook_paths()
    assert [path.stem[:2] for path in numbered] == [f"{i:02d}" for i in range(len(numbered))]


def test_title_matches_the_file_and_the_facts_are_there(path, notebook):
    number = r"\d\d" if path.stem == "_template" else path.stem[:2]
    assert re.match(f"# {number} · ", notebook.cells[0].source)
    about = facts(notebook)
    assert about["question"].endswith("?") and about["answer"].endswith(".")


def test_sections_come_in_the_template_s_order(notebook):
    text = markdown(notebook)
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


def test_sources_hold_no_magics_no_loading_by_hand_and_no_table_as_text(notebook):
    wrong = r"^\s*[%!]|pip install|torch\.load|\.value = |\.to_string\("
    for cell in code_cells(notebook):
        assert not re.search(wrong, cell.source, re.M), cell.source


def test_cells_that_only_draw_are_folded_and_what_teaches_stays_open(notebook):
    for cell in code_cells(notebook):
        folded = cell.metadata.get("jupyter", {}).get("source_hidden", False)
        assert folded == ("plt.subplots" in cell.source), cell.source


def test_the_answer_and_every_bullet_of_the_summary_cite_what_carries_them(path, notebook):
    answer = facts(notebook)["answer"]
    summary = markdown(notebook).split("Summary and references")[1]
    bullets = re.findall(r"^- .+(?:\n  .+)*", summary, re.M)
    assert bullets
    for sentence in (answer, *bullets):
        assert cited(sentence), sentence
    if path.stem[:2] >= "02":
        assert re.search(r"\bV\d", " ".join(cited(answer)))


def test_what_is_cited_is_there(notebook):
    text = markdown(notebook)
    rows = set(re.findall(r"^(V\d+)\b", shown(notebook), re.M))
    figures = set(re.findall(r"^\*\*(Figure \d+\.\d)\*\*", text, re.M))
    assert cited(text) <= rows | figures, cited(text) - rows - figures
    numbers = sorted(int(row[1:]) for row in rows)
    assert numbers == list(range(1, len(numbers) + 1))  # each row has a number of its own


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
    CITATION,
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
FACTS = {"60000", "55000", "10000", "5000", "4000", "1000", "2015", "95", "1024"}


def numbers(text):
    """Numbers of two digits or more, thousands separators taken out."""
    found = re.findall(r"\d+(?:,\d{3})*(?:\.\d+)?", text)
    return {n.replace(",", "") for n in found if len(re.sub(r"\D", "", n)) > 1}


def test_numbers_in_prose_are_printed_or_set_by_a_cell(notebook):
    sources = "\n".join(cell.source for cell in code_cells(notebook))
    known = numbers(sources + shown(notebook)) | FACTS
    for cell in notebook.cells:
        if cell.cell_type != "markdown" or re.search(
            "summary and references|the map", cell.source, re.I
        ):
            continue
        text = re.sub("|".join(NOT_PROSE), "", cell.source)
        assert numbers(text) <= known, f"{numbers(text) - known} in: {cell.source}"
