import os

import pytest

from kdutils.files import replacing


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
