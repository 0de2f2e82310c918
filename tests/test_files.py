import os
from fnmatch import fnmatch

import pytest

from kdutils.files import ROOT, replacing, sweep


def test_an_interrupted_write_keeps_the_old_file(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(RuntimeError), replacing(path) as part:
        part.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old" and os.listdir(tmp_path) == ["file"]


def test_a_finished_write_takes_the_place_and_makes_the_folder(tmp_path):
    path = tmp_path / "new" / "file"
    with replacing(path) as part:
        part.write_text("whole")
        assert not path.exists()
    assert path.read_text() == "whole" and os.listdir(path.parent) == ["file"]


def test_two_writers_of_one_file_do_not_meet_and_the_last_one_wins(tmp_path):
    path = tmp_path / "file"
    with replacing(path) as first:
        first.write_text("first")
        with replacing(path) as second:
            second.write_text("second")
        assert path.read_text() == "second"
    assert path.read_text() == "first" and os.listdir(tmp_path) == ["file"]


def test_the_file_is_as_readable_as_any_other(tmp_path):
    (tmp_path / "other").touch()
    with replacing(tmp_path / "file") as part:
        part.write_text("whole")
    assert (tmp_path / "file").stat().st_mode == (tmp_path / "other").stat().st_mode


def test_what_killed_writers_left_is_removed_by_the_next_one_and_nothing_else(tmp_path):
    path = tmp_path / "file[1]"
    old, fresh = (tmp_path / f"file[1].{digit * 16}.part" for digit in "0f")
    others = [tmp_path / name for name in ("file[1].mine.part", f"file1.{'0' * 16}.part")]
    for left in (old, fresh, *others):
        left.write_text("half")
        os.utime(left, (0, 0))
    fresh.touch()  # somebody may be at it
    with replacing(path) as part:
        part.write_text("whole")
    assert not old.exists() and all(left.exists() for left in (fresh, *others))
    sweep(path, idle=0)  # a lock says that nobody is
    assert sorted(tmp_path.iterdir()) == sorted([path, *others])


def test_version_control_ignores_what_a_killed_writer_leaves(tmp_path):
    with replacing(tmp_path / "runs.csv") as part:
        part.touch()
    assert any(fnmatch(part.name, line) for line in (ROOT / ".gitignore").read_text().split())
