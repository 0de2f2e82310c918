"""Keep notebooks and README true: ``python -m kdutils.publish`` re-runs and refills them.

Notebooks run top to bottom and are stripped of all that changes from run to run. The tables
between ``<!-- name -->`` and ``<!-- /name -->`` in the README and in notebook 00 are made from the
notebooks' first cells and from the recorded runs; tests check that they are up to date.
"""

import argparse
import base64
import re
import sys
from collections.abc import Callable
from pathlib import Path

import nbformat
import pandas as pd
from nbclient import NotebookClient

from kdutils.data import ROOT
from kdutils.files import replacing
from kdutils.metrics import estimate
from kdutils.recipes_svhn import CHOSEN, FEW_BITS, LONG
from kdutils.records import at_shift, read_curves, read_runs

NOTEBOOKS = ROOT / "notebooks"
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
HEADLINE = NOTEBOOKS / "images" / "headline.png"

# What the README's table of results shows: run -> words, and Hinton's figure where there is one.
RESULTS = {
    "teacher": ("teacher 2×1200, trained on shifted digits", 67),
    "student-hard": ("student 2×800, labels only", 146),
    "student-smooth": ("student, label smoothing (no teacher)", None),
    "student-kd-t20": ("student distilled, T = 20", 74),
    "student-kd": ("student distilled, T and α chosen on validation", None),
    "student-hard-jitter": ("student on shifted digits, labels only", None),
    "student-kd-jitter": ("student on shifted digits, distilled", None),
}

OMITTED = {
    "omit-3": ("without threes, soft targets", "206 → 109"),
    "omit-3-hard": ("without threes, labels", "–"),
    "only-78": ("on sevens and eights, soft targets", "4730 → 1320"),
    "only-78-hard": ("on sevens and eights, labels", "–"),
}

# Lessons on CIFAR-10, and each student's runs with them.
LESSONS = (
    "labels only",
    "label smoothing",
    "a formula",
    "weaker teacher",
    "its own generation",
    "labels, 4 × as long",
    "stronger teacher",
    "stronger, 100 epochs",
)
CIFAR = {
    "large net": (
        *("large-hard", "large-smooth", "large-virtual", "large-from-plain"),
        *("large-ban1", None, None, None),
    ),
    "ResNet-8": (
        *("r8-hard", "r8-smooth", None, None),
        *("r8-ban1", "r8-hard-long", "r8-from-strong", "r8-from-strong-long"),
    ),
}

# Who taught the net of two convolutions: words, run, and the paper's figure where there is one.
PATHS = (
    ("labels only", "s2-hard", "70.16"),
    ("label smoothing", "s2-smooth", "–"),
    ("net of 4, itself on labels", "s2-from-4", "–"),
    ("net of 10", "s2-from-10", "72.57"),
    ("10 through 4", "s2-from-4-from-10", "73.51"),
    ("10 through 8, 6, 4", "s2-from-4-from-6-from-8-from-10", "–"),
)

# What the W2A1 student of notebook 08 learned from: words and run.
QUESTIONS = {
    "labels only": "q1-hard",
    "label smoothing": "q1-smooth",
    "soft targets": f"q2-t{CHOSEN['q2']}",
    "labels and soft targets": f"q3-t{CHOSEN['q3']}",
    "labels twice, tempered": f"q4-t{CHOSEN['q4']}",
    "full precision, labels": "w32a32-hard",
}


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
    rows = ["| notebook | question | runs in |", "|---|---|---|"]
    for path in notebook_paths():
        about = facts(nbformat.read(path, as_version=4))
        name = f"[{path.stem[:2]} {about['title']}]({folder}{path.name})"
        rows.append(f"| {name} | {about['question']} | {about['time']} |")
    return "\n".join(rows)


def results_table() -> str:
    """Return the Markdown table of results on MNIST from the recorded runs."""
    runs = read_runs("02_distillation_beats_baseline")
    rows = ["| MNIST, 10,000 test digits | errors, mean [95 % interval] | Hinton 2015 |"]
    rows.append("|---|---|---|")
    for run, (words, published) in RESULTS.items():
        values = runs.loc[runs["run"] == run, "test_errors"].astype(float)
        rows.append(f"| {words} (`{run}`) | {estimate(values)} | {published or '–'} |")
    return "\n".join(rows)


def temperature_table() -> str:
    """Return the Markdown table of temperature by width from the recorded runs."""
    errors = read_runs("03_temperature_sweep").groupby("run")["test_errors"].apply(list)
    runs = {"labels only": "hard", "label smoothing": "smooth"}
    runs |= {f"T = {t}": f"t{t}" for t in (1, 2, 4, 8, 20, 64)}
    rows = ["| student | " + " | ".join(runs) + " |", "|---" * (len(runs) + 1) + "|"]
    for width in (30, 300, 800):
        means = [f"{estimate(errors[f'w{width}-{run}']).mean:.0f}" for run in runs.values()]
        rows.append(f"| 2×{width} | {' | '.join(means)} |")
    return "\n".join(rows)


def omitted_table() -> str:
    """Return the Markdown table of students that miss digits from the recorded runs."""
    curves = read_curves("04_omitted_digit")
    rows = ["| student trained | as it is | bias chosen on validation | Hinton 2015 |"]
    rows.append("|---|---|---|---|")
    for run, (words, published) in OMITTED.items():
        found = [estimate(at_shift(curves, run, by)["test_errors"]) for by in (None, "val")]
        rows.append(f"| {words} (`{run}`) | {found[0]} | {found[1]} | {published} |")
    return "\n".join(rows)


def cifar_table() -> str:
    """Return the Markdown table of lessons on CIFAR-10 from the recorded runs."""
    runs = pd.concat([read_runs("05_reverse_kd"), read_runs("06_self_kd")])
    errors = runs.groupby("run")["test_errors"].apply(list)
    rows = ["| student | " + " | ".join(LESSONS) + " |", "|---" * (len(LESSONS) + 1) + "|"]
    for student, taught in CIFAR.items():
        means = [f"{100 - estimate(errors[run]).mean / 100:.2f}" if run else "–" for run in taught]
        rows.append(f"| {student} | {' | '.join(means)} |")
    return "\n".join(rows)


def paths_table() -> str:
    """Return the Markdown table of paths to the net of two convolutions from the recorded runs."""
    errors = read_runs("07_teacher_assistant").groupby("run")["test_errors"].apply(list)
    words, names, published = zip(*PATHS, strict=True)
    rows = ["| taught by | " + " | ".join(words) + " |", "|---" * (len(PATHS) + 1) + "|"]
    for epochs, ending in ((12, ""), (48, "-long")):
        found = [errors.get(name + ending) for name in names]
        means = [f"{100 - estimate(e).mean / 100:.2f}" if e else "–" for e in found]
        rows.append(f"| {epochs} epochs | {' | '.join(means)} |")
    rows.append(f"| TAKD paper, 160 epochs | {' | '.join(published)} |")
    return "\n".join(rows)


def questions_table() -> str:
    """Return the Markdown table of what the W2A1 student learns from, from the recorded runs."""
    runs = read_runs("08_quantized_svhn")
    errors = runs.groupby("run")["test_errors"].apply(list)
    pictures = int(runs["test_n"].iloc[0])
    rows = ["| epochs | " + " | ".join(QUESTIONS) + " |", "|---" * (len(QUESTIONS) + 1) + "|"]
    for settings, ending in ((FEW_BITS, ""), (LONG, "-long")):
        found = [estimate(errors[name + ending]).mean for name in QUESTIONS.values()]
        means = [f"{100 * (1 - mean / pictures):.1f}" for mean in found]
        rows.append(f"| {settings.epochs} | {' | '.join(means)} |")
    return "\n".join(rows)


# The README's tables by the name of their markers.
TABLES: dict[str, Callable[[], str]] = {
    "notebooks": notebooks_table,
    "results": results_table,
    "temperature": temperature_table,
    "omitted": omitted_table,
    "cifar": cifar_table,
    "paths": paths_table,
    "questions": questions_table,
}


def fill(text: str, name: str, table: str) -> str:
    """Return ``text`` with ``table`` between the two markers called ``name``.

    Raises:
        ValueError: the markers are missing.
    """
    start, end = f"<!-- {name} -->", f"<!-- /{name} -->"
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
        timeout=300,
        kernel_name="python3",
        coalesce_streams=True,  # one output per stream, however the kernel cut it up
        resources={"metadata": {"path": path.parent}},
    ).execute()
    clean(notebook)
    with replacing(path) as part:
        nbformat.write(notebook, part)


def clean(notebook: nbformat.NotebookNode) -> None:
    """Strip what changes from run to run and what is dead without a kernel.

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
        if "outputs" in cell:
            cell.outputs = [o for o in cell.outputs if o.get("data", True)]


def main(arguments: list[str] | None = None) -> int:
    """Re-run notebooks (all, or those named) and refill the tables made from them."""
    parser = argparse.ArgumentParser(prog="python -m kdutils.publish", description=main.__doc__)
    parser.add_argument("notebooks", nargs="*", type=Path, help="all if none is named")
    parser.add_argument("--tables", action="store_true", help="only refill, run nothing")
    options = parser.parse_args(arguments)
    start = NOTEBOOKS / "00_start_here.ipynb"
    notebook = nbformat.read(start, as_version=4)
    (cell,) = [c for c in notebook.cells if "map" in c.metadata.get("tags", [])]
    cell.source = fill(cell.source, "notebooks", notebooks_table(folder=""))
    with replacing(start) as part:
        nbformat.write(notebook, part)
    for path in [] if options.tables else options.notebooks or notebook_paths():
        print(path.name)
        execute(path)
    with replacing(HEADLINE) as part:
        part.write_bytes(headline_png())
    readme = ROOT / "README.md"
    text = readme.read_text()
    for name, table in TABLES.items():
        text = fill(text, name, table())
    with replacing(readme) as part:
        part.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
