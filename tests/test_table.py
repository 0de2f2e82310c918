import random

import pytest

from kdutils.checkpoints import FOLDER
from kdutils.experiments import records, table


def row(seed=0, **changes):
    return {
        "experiment": "tiny",
        "run": "student-kd",
        "dataset": "mnist-sample",
        "model": "mlp-16",
        "temperature": 4.0,
        "alpha": 0.25,
        "seed": seed,
        "train_seconds": 12.5,
        "test_errors": 50 + seed,
        "test_n": 1000,
        "test_ece": 0.0123,
        "extra": '{"teacher": "mnist-sample/teacher"}',
    } | changes


@pytest.fixture
def path(tiny, tmp_path):
    """A table of three rows, in lines 2 to 4."""
    path = tmp_path / "mnist-sample" / "runs.csv"
    for seed in range(3):
        records.record(row(seed), path)
    return path


def without_check(path):
    """Make it a table as it was before rows had a check."""
    lines = path.read_text().splitlines()
    path.write_text("".join(line.rpartition(",")[0] + "\n" for line in lines))


def test_a_row_says_in_its_last_field_what_the_others_were(path):
    header, *lines = path.read_text().splitlines()
    assert header.split(",") == [*table.COLUMNS, "check"]
    for line, found in zip(lines, table.read_lines(path), strict=True):
        assert line.endswith("," + table.digest(found.fields)) and len(found.check) == 8
    assert len({line.check for line in table.read_lines(path)}) == 3
    assert "check" not in records.read_runs("tiny", path.parent.parent)


def test_every_flipped_bit_and_every_cut_inside_a_row_is_found(path):
    good, rng = path.read_bytes(), random.Random(0)
    whole = table.read_lines(path)
    for _ in range(300):
        bad = bytearray(good)
        bad[rng.randrange(len(good))] ^= 1 << rng.randrange(8)
        path.write_bytes(bad)
        with pytest.raises(ValueError, match=r"runs\.csv, line \d: .*restore the file with git"):
            table.read_lines(path)
    for cut in range(len(good)):
        path.write_bytes(good[:cut])
        try:
            left = table.read_lines(path)
        except ValueError as error:
            assert "runs.csv, line " in str(error)
        else:  # as if the last rows had been deleted; nothing is missing in those that are left
            assert [line.fields for line in left] == [line.fields for line in whole[: len(left)]]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("51,1000", "1051,1000", r"test_errors must be in \[0, 1000\], got 1051"),
        ("51,1000", "x,1000", "test_errors must be a whole number >= 0, got 'x'"),
        ("51,1000", "51.0,1000", "test_errors must be a whole number >= 0"),
        (",1,,", ",-1,,", "seed must be a whole number >= 0, got '-1'"),
        (",1,,", ",,,", "seed must be given"),
        ("0.25", "1.25", r"alpha must be in \[0, 1\], got 1.25"),
        ("4.0", "0.0", "temperature must be in"),
        ("12.5", "inf", "train_seconds must be a number >= 0, got 'inf'"),
        ("0.0123", "nan", "test_ece must be a number >= 0, got 'nan'"),
        ("tiny,", "tony,", "experiment must be one of .* got 'tony'; close: tiny"),
        ("student-kd", "student-kdd", "run must be one of .*; close: student-kd"),
        (",mnist-sample,", ",mnist,", "dataset must be that of the folder, mnist-sample, got"),
        ('""}"', '"""', "extra must be a JSON object"),
        ('"{""teacher"": ""mnist-sample/teacher""}"', "[1]", r"extra must be .*, got '\[1\]'"),
        ('""mnist-sample/teacher""', "NaN", "extra must be a JSON object.*NaN is no JSON"),
        (",mlp-16,", ",", "a row must have 20 fields, got 19"),
    ],
)
def test_a_wrong_field_of_an_older_row_is_named_with_file_line_and_remedy(path, old, new, message):
    without_check(path)
    lines = path.read_text().splitlines(keepends=True)
    assert old in lines[2]
    lines[2] = lines[2].replace(old, new)
    path.write_text("".join(lines))
    remedy = "restore the file with git, or delete that line and run reproduce again"
    with pytest.raises(ValueError, match=rf"runs\.csv, line 3: {message}.*; {remedy}"):
        table.read_lines(path)


@pytest.mark.parametrize("marker", ["<<<<<<< HEAD", "=======", ">>>>>>> theirs", "||||||| base"])
def test_an_unfinished_merge_is_found(path, marker):
    path.write_text(path.read_text() + marker + "\n")
    with pytest.raises(ValueError, match="line 5: a merge was left unfinished"):
        records.read_runs("tiny", path.parent.parent)


def test_the_same_run_and_seed_twice_is_found(path):
    path.write_text(path.read_text() + path.read_text().splitlines()[2] + "\n")
    with pytest.raises(ValueError, match="line 5: same run and seed as line 3"):
        records.read_runs("tiny", path.parent.parent)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("val_errors", "val_error", "columns must be"),
        (",test_n", "", "a row must have 21 fields, got 20"),
        ("experiment", "<<<<<<< HEAD\nexperiment", "a merge was left unfinished"),
    ],
)
def test_a_wrong_header_is_found(path, old, new, message):
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(ValueError, match=f"line 1: {message}.*; restore the file with git$"):
        table.read_lines(path)


def test_what_is_no_text_is_found_in_its_line(path):
    path.write_bytes(path.read_bytes() + b"\xff\n")
    with pytest.raises(ValueError, match="line 5: not UTF-8"):
        table.read_lines(path)


def test_harmless_changes_stay_readable(path):
    whole, text = table.read_lines(path), path.read_text()
    lines = text.splitlines(keepends=True)
    for harmless in (
        "".join([*lines[:2], *lines[3:]]),  # a row deleted by hand, to have it made again
        "".join([*lines[:2], "\n", *lines[3:]]),  # leaving its line
        text.rstrip("\n"),
        text.replace("\n", "\r\n"),
        "".join([lines[0], *lines[:0:-1]]),  # in another order
        text.replace(whole[1].check, ""),  # changed on purpose
    ):
        path.write_bytes(harmless.encode())
        read = sorted(table.read_lines(path), key=lambda line: line.key)
        assert [line.fields for line in read] in (
            [line.fields for line in whole],
            [whole[0].fields, whole[2].fields],
        )
    path.write_text(text)
    without_check(path)
    assert [line.fields for line in table.read_lines(path)] == [line.fields for line in whole]


def test_rows_that_nobody_touches_keep_their_bytes(path):
    lines = path.read_text().splitlines(keepends=True)
    odd = lines[2].replace("mlp-16", '"mlp-16"')  # the same fields, written in another way
    path.write_text("".join([lines[0], odd, lines[1]]))
    records.record(row(2, test_errors=70), path)
    after = path.read_text().splitlines(keepends=True)
    assert after[:3] == [lines[0], lines[1], odd] and ",70,1000," in after[3]


def test_a_new_row_gives_an_older_table_the_column_and_its_rows_an_empty_one(path):
    without_check(path)
    before = path.read_text().splitlines()
    records.record(row(2, test_errors=70), path)
    after = path.read_text().splitlines()
    assert after[:3] == [before[0] + ",check", before[1] + ",", before[2] + ","]
    assert table.read_lines(path)[2].check


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"val_error": 3}, "column must be one of .* got 'val_error'; close: val_errors"),
        ({"run": None}, "run must be given"),
        ({"test_errors": 1001}, r"test_errors must be in \[0, 1000\], got 1001"),
        ({"test_ece": float("nan")}, "test_ece must be a number >= 0, got 'nan'"),
        ({"epochs": 2.5}, "epochs must be a whole number >= 0, got '2.5'"),
        ({"dataset": "mnist"}, "dataset must be that of the folder"),
    ],
)
def test_a_row_that_could_not_be_read_is_not_written(path, changes, message):
    before = path.read_bytes()
    with pytest.raises(ValueError, match=message):
        records.record(row(**changes), path)
    assert path.read_bytes() == before


def test_the_tables_that_the_project_ships_are_whole():
    paths = sorted(FOLDER.glob("*/runs.csv"))
    assert sum(len(table.read_lines(path)) for path in paths) > 1900
