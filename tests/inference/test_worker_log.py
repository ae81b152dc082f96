# SPDX-License-Identifier: GPL-3.0-or-later
"""The log stays bounded, keeps the newest lines, and never stops the worker."""
from pathlib import Path

from facewright.inference.worker_log import WorkerLog


def test_rotates_and_stays_bounded(tmp_path: Path) -> None:
    log = WorkerLog(tmp_path, size=1000, kept=2)
    for i in range(500):
        log.write(b"line %04d\n" % i)
    files = sorted(p.name for p in tmp_path.iterdir())
    assert files == ["worker.1.log", "worker.2.log", "worker.log"]
    assert all(p.stat().st_size <= 1000 for p in tmp_path.iterdir())
    newest = b"".join((tmp_path / name).read_bytes() for name in ("worker.2.log", "worker.1.log", "worker.log"))
    assert newest.endswith(b"line 0499\n") and b"line 0300\n" in newest


def test_one_huge_write_is_split(tmp_path: Path) -> None:
    log = WorkerLog(tmp_path, size=1000, kept=2)
    log.write(b"x" * 10_500)
    assert [(tmp_path / name).stat().st_size for name in ("worker.log", "worker.1.log", "worker.2.log")] == [500, 1000, 1000]


def test_tail_holds_the_last_lines_across_writes(tmp_path: Path) -> None:
    log = WorkerLog(tmp_path)
    for i in range(200):
        log.write(b"first half %d, " % i)
        log.write(b"second half\n")
    log.write(b"not ended")
    lines = log.tail().splitlines()
    assert lines[-1] == "not ended" and lines[-2] == "first half 199, second half" and len(lines) <= 61


def test_a_log_that_cannot_be_written_is_told_not_raised(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    log = WorkerLog(tmp_path / "file" / "log")
    log.note("hello")
    assert "could not be written" in log.where() and "hello" in log.tail()


def test_two_writers_share_a_folder(tmp_path: Path) -> None:
    one, two = WorkerLog(tmp_path, size=500, kept=1), WorkerLog(tmp_path, size=500, kept=1)
    for i in range(100):
        one.write(b"one %d\n" % i)
        two.write(b"two %d\n" % i)
    assert all(p.stat().st_size <= 500 for p in tmp_path.iterdir())
    assert not one.trouble and not two.trouble
