"""The text of ``runs.csv``: read and written line by line, and taken for right by nobody unread.

Each row is checked, field by field and against its own digest; one that nobody touches keeps its
bytes.
"""

import csv
import hashlib
import io
import json
import math
import re
from collections.abc import Iterable
from numbers import Real
from pathlib import Path
from typing import NamedTuple

from kdutils import checks
from kdutils.experiments import EXPERIMENTS
from kdutils.files import replacing

KEY = ["experiment", "run", "seed"]
COLUMNS = (
    "experiment run dataset model method temperature alpha seed epochs train_seconds device "
    "precision params val_errors val_n test_errors test_n test_nll test_ece extra"
).split()
# The file's last column: a digest of the row's other fields. Empty in rows changed on purpose;
# older files lack it.
CHECK = "check"
NEEDED = [*KEY, "dataset"]
COUNTS = "seed epochs params val_errors val_n test_errors test_n".split()
NUMBERS = {
    "temperature": checks.TEMPERATURES,
    "alpha": (0, 1),
    "train_seconds": (0, math.inf),
    "test_nll": (0, math.inf),
    "test_ece": (0, 1),
}
COUNT = re.compile(r"\d{1,15}", re.ASCII)
NUMBER = re.compile(r"\d+(\.\d+)?(e[+-]?\d{1,2})?", re.ASCII)
CONFLICT = ("<<<<<<<", "|||||||", "=======", ">>>>>>>")


class Line(NamedTuple):
    """A row as it stands in the file: its text, its fields and, of newer files, its check."""

    text: str
    fields: list[str]
    check: str | None

    @property
    def key(self) -> tuple[str, str, int]:
        """What no two rows may share, in the order of the rows."""
        experiment, run, seed = (self.fields[COLUMNS.index(name)] for name in KEY)
        return experiment, run, int(seed)

    def whole(self) -> str:
        """Return the text with its last column, which is empty where the file had none."""
        return self.text.rstrip("\r\n") + ("," if self.check is None else "") + "\n"


def read_lines(path: Path) -> list[Line]:
    """Return the rows of a table as they stand there, each of them checked.

    Raises:
        ValueError: the table is damaged; names file, line and remedy.
    """
    if not path.is_file():
        return []
    content, known = path.read_bytes(), _known()
    lines, first_at, start = [], {}, 0
    try:
        raw = io.StringIO(content.decode(), newline="").readlines()
        reader = csv.reader(raw, strict=True)
        header = next(reader, [])
        _check_header(header)
        start = reader.line_num
        for row in reader:
            if row:  # else the line is blank
                _check_width(row, len(header))
                fields, check = row[: len(COLUMNS)], row[-1] if CHECK in header else None
                line = Line("".join(raw[start : reader.line_num]), fields, check)
                _check_fields(fields, path.parent.name, known)
                _check_digest(line)
                if first_at.setdefault(line.key, start) != start:
                    raise ValueError(f"same run and seed as line {first_at[line.key] + 1}")
                lines.append(line)
            start = reader.line_num
    except UnicodeDecodeError as error:
        raise _damage(path, content.count(b"\n", 0, error.start), "not UTF-8") from error
    except (csv.Error, ValueError) as error:
        raise _damage(path, start, error) from error
    return lines


def new_line(row: dict, dataset: str) -> Line:
    """Return the line of a row of values.

    Args:
        row: values by column; those that were not measured may be left out.
        dataset: that of the table.

    Raises:
        ValueError: an unknown or missing column, or a value out of range.
    """
    for name in row:
        checks.one_of("column", name, COLUMNS)
    fields = [_text(name, row.get(name)) for name in COLUMNS]
    _check_fields(fields, dataset, _known())
    return Line(_csv([*fields, digest(fields)]), fields, digest(fields))


def write_lines(lines: Iterable[Line], path: Path) -> None:
    """Write a table, its rows in the order of their keys."""
    ordered = (line.whole() for line in sorted(lines, key=lambda line: line.key))
    with replacing(path) as part:
        part.write_bytes("".join([_csv([*COLUMNS, CHECK]), *ordered]).encode())


def digest(fields: list[str]) -> str:
    """Return what stands in a row's last column: a digest of all others."""
    return hashlib.sha256(json.dumps(fields).encode()).hexdigest()[:8]


def _text(name: str, value: object) -> str:
    if value is None:
        return ""
    return repr(float(value)) if name in NUMBERS and isinstance(value, Real) else str(value)


def _csv(fields: list[str]) -> str:
    buffer = io.StringIO(newline="")
    csv.writer(buffer, lineterminator="\n").writerow(fields)
    return buffer.getvalue()


def _damage(path: Path, before: int, problem: object) -> ValueError:
    remedy = "restore the file with git"
    if before:
        remedy += ", or delete that line and run reproduce again"
    return ValueError(f"{path}, line {before + 1}: {problem}; {remedy}")


def _check_header(header: list[str]) -> None:
    if header not in (COLUMNS, [*COLUMNS, CHECK]):
        _check_width(header, len(COLUMNS) + 1)
        raise ValueError(f"columns must be {[*COLUMNS, CHECK]}, got {header}")


def _check_width(row: list[str], width: int) -> None:
    if row and row[0].startswith(CONFLICT):
        raise ValueError(f"a merge was left unfinished: {row[0]!r}")
    if len(row) != width:
        raise ValueError(f"a row must have {width} fields, got {len(row)}")


def _check_digest(line: Line) -> None:
    if line.check and line.check != digest(line.fields):
        raise ValueError(
            f"{CHECK} must be {digest(line.fields)}, got {line.check!r}: the row was changed after "
            f"it was recorded (if on purpose, leave its {CHECK} empty)"
        )


def _known() -> set[tuple[str, str]]:
    return {(name, recipe.run) for name, recipes in EXPERIMENTS.items() for recipe in recipes}


# Whole tables are checked at every reading: `checks` is asked only for its words.
def _check_fields(fields: list[str], dataset: str, known: set[tuple[str, str]]) -> None:
    row = dict(zip(COLUMNS, fields, strict=True))
    for name in NEEDED:
        if not row[name]:
            raise ValueError(f"{name} must be given, got none")
    if (row["experiment"], row["run"]) not in known:
        checks.one_of("experiment", row["experiment"], EXPERIMENTS)
        checks.one_of("run", row["run"], [r.run for r in EXPERIMENTS[row["experiment"]]])
    if row["dataset"] != dataset:
        raise ValueError(f"dataset must be that of the folder, {dataset}, got {row['dataset']!r}")
    for name in COUNTS:
        if row[name] and not COUNT.fullmatch(row[name]):
            raise ValueError(f"{name} must be a whole number >= 0, got {row[name]!r}")
    for name, limits in NUMBERS.items():
        if row[name] and not NUMBER.fullmatch(row[name]):
            raise ValueError(f"{name} must be a number >= 0, got {row[name]!r}")
        if row[name] and not limits[0] <= float(row[name]) <= limits[1]:
            checks.number(name, float(row[name]), *limits)
    for errors, n in (("val_errors", "val_n"), ("test_errors", "test_n")):
        if row[errors] and row[n] and int(row[errors]) > int(row[n]):
            checks.number(errors, int(row[errors]), 0, int(row[n]), whole=True)
    _check_extra(row["extra"])


def _check_extra(text: str) -> None:
    try:
        found = STRICT.decode(text or "{}")
    except ValueError as error:
        raise ValueError(f"extra must be a JSON object, got {text[:60]!r} ({error})") from error
    if not isinstance(found, dict):
        raise ValueError(f"extra must be a JSON object, got {text[:60]!r}")


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


STRICT = json.JSONDecoder(parse_constant=_refuse)
