# SPDX-License-Identifier: GPL-3.0-or-later
import errno
import os
from pathlib import Path

import pytest

from facewright.core.errors import UserError
from facewright.core.paths import check_outputs, replacing


def test_a_finished_file_takes_its_place(tmp_path: Path) -> None:
    target = tmp_path / "take.csv"
    target.write_text("old")
    with replacing(target) as temporary:
        temporary.write_text("new")
        assert target.read_text() == "old"
    assert target.read_text() == "new"
    assert list(tmp_path.iterdir()) == [target]


def test_after_trouble_the_old_file_is_there_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "take.csv"
    target.write_text("old")
    with pytest.raises(ZeroDivisionError), replacing(target) as temporary:
        temporary.write_text("half")
        raise ZeroDivisionError
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_full_disk_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="No space left"), replacing(tmp_path / "a.csv"):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="Cannot write in"), replacing(tmp_path / "nowhere" / "a.csv"):
        pass


def test_what_cannot_be_written_is_said_before_the_work(tmp_path: Path) -> None:
    check_outputs(tmp_path / "a.csv", tmp_path / "b.json")
    for paths, sentence in (
        ([tmp_path], "is a folder"),
        ([tmp_path / "nowhere" / "a.csv"], "no folder"),
        ([tmp_path / "a.csv", tmp_path / "a.csv"], "two different files"),
    ):
        with pytest.raises(UserError, match=sentence):
            check_outputs(*paths)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no umask")
def test_others_may_read_what_the_umask_lets_them(tmp_path: Path) -> None:
    with replacing(tmp_path / "a.csv") as temporary:
        temporary.write_text("x")
    umask = os.umask(0)
    os.umask(umask)
    assert (tmp_path / "a.csv").stat().st_mode & 0o777 == 0o666 & ~umask
