"""Keep notebooks and README true: ``python -m kdutils.publish`` re-runs and refills them.

Notebooks run top to bottom and are stripped of all that changes from run to run. The table of
notebooks, in the README and in notebook 00, is made from their first two cells, the headline
figure is the one of notebook 02; tests check that both are up to date.
"""

import argparse
import base64
import io
import re
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from PIL import Image

from kdutils.files import ROOT, replacing

NOTEBOOKS = ROOT / "notebooks"
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
HEADLINE = NOTEBOOKS / "images" / "headline.png"
MARKERS = "<!-- notebooks -->", "<!-- /notebooks -->"
# What carries a sentence: "[V3]", "[V1–V3, V7]", "[Figure 2.1]".
CITED = r"(?:V\d+(?:–V\d+)?|Figure \d+\.\d)"
CITATION = rf"\[{CITED}(?:, {CITED})*\]"


def notebook_paths() -> list[Path]:
    """Return the numbered notebooks in order."""
    return sorted(NOTEBOOKS.glob("[0-9][0-9]_*.ipynb"))


def facts(notebook: nbformat.NotebookNode) -> dict[str, str]:
    """Return title, question, answer and time as the notebook's first two cells state them.

    Raises:
        ValueError: one of them is missing.
    """
    text = "\n".join(cell.source for cell in notebook.cells[:2])
    patterns = {
        "title": r"^# \d\d · (.+)$",
        "question": r"^\*\*Question:\*\* (.+)$",
        "answer": r"^\*\*Answer:\*\* (.+)$",
        "time": r"^\*\*Time:\*\* (\d+ (?:s|min))\b",
    }
    found = {name: re.search(pattern, text, re.M) for name, pattern in patterns.items()}
    if missing := [name for name, match in found.items() if match is None]:
        raise ValueError(f"the first two cells must state {missing}, got:\n{text}")
    return {name: match[1] for name, match in found.items()}


def notebooks_table(folder: str = "notebooks/") -> str:
    """Return the Markdown table of notebooks; ``folder`` leads from the reader to them."""
    rows = ["| notebook | question | measured answer | time |", "|---|---|---|---|"]
    for path in notebook_paths():
        about = facts(nbformat.read(path, as_version=4))
        name = f"[{path.stem[:2]} {about['title']}]({folder}{path.name})"
        answer = re.sub(f" *{CITATION}", "", about["answer"])  # its rows are in there, not here
        rows.append(f"| {name} | {about['question']} | {answer} | {about['time']} |")
    return "\n".join(rows)


def fill(text: str, table: str) -> str:
    """Return ``text`` with ``table`` between its markers.

    Raises:
        ValueError: the markers are missing.
    """
    start, end = MARKERS
    if start not in text or end not in text:
        raise ValueError(f"the text must hold {start} and {end}")
    head, rest = text.split(start, 1)
    return f"{head}{start}\n{table}\n{end}{rest.split(end, 1)[1]}"


def headline_png() -> bytes:
    """Return the picture that notebook 02's cell tagged ``headline`` shows."""
    notebook = nbformat.read(NOTEBOOKS / "02_distillation_beats_baseline.ipynb", as_version=4)
    (cell,) = [c for c in notebook.cells if "headline" in c.metadata.get("tags", [])]
    (picture,) = [o for o in cell.outputs if "image/png" in o.get("data", {})]
    return base64.b64decode(picture["data"]["image/png"])


def execute(path: Path) -> None:
    """Run a notebook top to bottom and store it with clean outputs.

    Raises:
        nbclient.exceptions.CellExecutionError: a cell failed; the file stays as it was.
    """
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(
        notebook,
        timeout=1200,
        kernel_name="python3",
        coalesce_streams=True,  # one output per stream, however the kernel cut it up
        resources={"metadata": {"path": path.parent}},
    ).execute()
    clean(notebook)
    with replacing(path) as part:
        nbformat.write(notebook, part)


def clean(notebook: nbformat.NotebookNode) -> None:
    """Strip what changes from run to run and what is dead without a kernel; shrink pictures.

    Dead are the views of widgets: an Explorer keeps its picture, a progress bar nothing at all.
    """
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if data.pop(WIDGET_VIEW, None) is not None and "image/png" not in data:
                data.clear()
            if "image/png" in data:
                data["image/png"] = _in_256_colours(data["image/png"])
        if "outputs" in cell:
            cell.outputs = [o for o in cell.outputs if o.get("data", True)]


def _in_256_colours(picture: str) -> str:
    """Return a picture (PNG in base64) at a half to a fifth of its size."""
    image, smaller = Image.open(io.BytesIO(base64.b64decode(picture))), io.BytesIO()
    if image.mode != "P":  # else it was shrunk before
        image = image.convert("RGB").quantize(256)
    image.save(smaller, "png", optimize=True)
    return base64.b64encode(smaller.getvalue()).decode()


def main(arguments: list[str] | None = None) -> int:
    """Re-run notebooks (all, or those named) and refill the tables made from them."""
    parser = argparse.ArgumentParser(prog="python -m kdutils.publish", description=main.__doc__)
    parser.add_argument("notebooks", nargs="*", type=Path, help="all if none is named")
    parser.add_argument("--tables", action="store_true", help="only refill, run nothing")
    options = parser.parse_args(arguments)
    start = NOTEBOOKS / "00_start_here.ipynb"
    notebook = nbformat.read(start, as_version=4)
    (cell,) = [c for c in notebook.cells if "map" in c.metadata.get("tags", [])]
    cell.source = fill(cell.source, notebooks_table(folder=""))
    with replacing(start) as part:
        nbformat.write(notebook, part)
    for path in [] if options.tables else options.notebooks or notebook_paths():
        print(path.name)
        execute(path)
    with replacing(HEADLINE) as part:
        part.write_bytes(headline_png())
    readme = ROOT / "README.md"
    with replacing(readme) as part:
        part.write_text(fill(readme.read_text(), notebooks_table()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
