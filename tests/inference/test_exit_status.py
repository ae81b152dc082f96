# SPDX-License-Identifier: GPL-3.0-or-later
"""Exit statuses of POSIX, shells and Windows in words."""
import pytest

from facewright.inference.exit_status import in_words


@pytest.mark.parametrize(
    ("status", "word"),
    [
        (-9, "memory"), (137, "memory"), (-11, "segmentation"), (139, "segmentation"), (0xC0000005, "segmentation"),
        (0xC0000005 - 2**32, "segmentation"), (-6, "abort"), (-4, "processor"), (0xC0000135, "DLL"), (-35, "signal 35"), (7, "status 7"),
        (0, "without a word"), (255, "status 255"),
    ],
)  # fmt: skip
def test_words(status: int, word: str) -> None:
    assert word in in_words(status)[0]
