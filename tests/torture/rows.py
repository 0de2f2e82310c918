"""Tables of recorded runs that are damaged, or were edited by hand."""

import random
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from torture import things
from torture.cases import Case, damage


def damaged(rng: random.Random, count: int) -> Iterator[Case]:
    """It is refused unless every row is as it was recorded; a cut may leave whole rows out."""
    with TemporaryDirectory() as folder:
        whole = things.table(Path(folder)).read_bytes()
        rows = things.read(Path(folder))

    def read(folder: Path, content: bytes, may_lack: bool) -> bool:
        path = folder / "mnist" / "runs.csv"
        path.parent.mkdir()
        path.write_bytes(content)
        found = things.read(folder)
        return found == [row for row in rows if row in found] if may_lack else found == rows

    for number in range(count):
        if number % 2:
            kind, content = damage(rng, whole)
        else:
            edit = rng.choice(BY_HAND)
            kind, content = edit(rng, whole.decode().splitlines(keepends=True))
            content = content.encode()
        act = partial(read, content=content, may_lack=kind == "cut")
        yield Case(f"{kind} no. {number}", act, r"runs\.csv")


def _digit(rng: random.Random, lines: list[str]) -> tuple[str, str]:
    text = "".join(lines[1:])
    place = rng.choice([i for i, letter in enumerate(text) if letter.isdigit()])
    digit = str((int(text[place]) + rng.randrange(1, 10)) % 10)
    return "another digit", lines[0] + text[:place] + digit + text[place + 1 :]


def _cell(rng: random.Random, lines: list[str]) -> tuple[str, str]:
    """Put something impossible into one cell."""
    header, number = lines[0].strip().split(","), rng.randrange(1, len(lines))
    # Those before ``extra``, whose cells have no comma, and that no row leaves empty.
    column = rng.choice([i for i, name in enumerate(header) if name in things.row()][:-1])
    cells = lines[number].split(",")
    values = ["", "-1", "1e9", "abc", "nan", "999999", "inf", "None"]
    cells[column] = rng.choice([value for value in values if value != cells[column]])
    lines[number] = ",".join(cells)
    return f"{header[column]} is {cells[column]!r}", "".join(lines)


def _conflict(rng: random.Random, lines: list[str]) -> tuple[str, str]:
    number = rng.randrange(1, len(lines))
    mine = lines[number]
    theirs = mine.replace("5000", "5001")
    lines[number] = f"<<<<<<< HEAD\n{mine}=======\n{theirs}>>>>>>> theirs\n"
    return "conflict markers", "".join(lines)


def _twice(rng: random.Random, lines: list[str]) -> tuple[str, str]:
    return "a row twice", "".join([*lines, rng.choice(lines[1:])])


def _column(rng: random.Random, lines: list[str]) -> tuple[str, str]:
    header = lines[0].strip().split(",")
    which = rng.randrange(len(header))
    name = rng.choice(["", "typo", header[which - 1]])
    header[which] = name
    return f"column {which} is {name!r}", "".join([",".join(header) + "\n", *lines[1:]])


def _joined(rng: random.Random, lines: list[str]) -> tuple[str, str]:
    number = rng.randrange(1, len(lines) - 1)
    lines[number] = lines[number].rstrip("\n")
    return "two rows on one line", "".join(lines)


BY_HAND = (_digit, _cell, _conflict, _twice, _column, _joined)
