# SPDX-License-Identifier: GPL-3.0-or-later
"""What was heard is kept by content in a folder of bounded size, and damage is as if it had never been kept."""
import os

import numpy as np
import pytest

from facewright.inference.speech.listening import Listening, ListeningCache
from facewright.inference.speech.windows import FrameOutputs


def heard(frames=50):
    rng = np.random.default_rng(frames)
    parts = (rng.random((frames, 40)), rng.random((frames, 5)), rng.random((frames, 20)), rng.random(frames))
    outputs = FrameOutputs(*(p.astype(np.float32) for p in parts))
    return Listening(outputs, np.zeros(frames, np.float32), frames / 50, 0.5, ("a warning",), "cpu")


def test_what_is_kept_comes_back(tmp_path):
    cache = ListeningCache(tmp_path / "takes")
    assert cache.load("a" * 64, "b" * 64) is None
    cache.save("a" * 64, "b" * 64, heard())
    found = cache.load("a" * 64, "b" * 64)
    np.testing.assert_array_equal(found.frames.face, heard().frames.face)
    assert (found.seconds, found.peak, found.warnings, found.device) == (1.0, 0.5, ("a warning",), "cpu")
    assert cache.load("a" * 64, "c" * 64) is None, "another model hears otherwise"


def test_the_least_recently_used_go_first(tmp_path):
    size = 20_000
    cache = ListeningCache(tmp_path, largest=2 * size)
    for i, name in enumerate("abc"):
        cache.save(name * 64, "m" * 64, heard())
        os.utime(cache.path(name * 64, "m" * 64), (i, i))
        if name == "b":
            cache.load("a" * 64, "m" * 64)
    left = {p.name[0] for p in tmp_path.iterdir()}
    assert "a" in left and "b" not in left
    ListeningCache(tmp_path, largest=1).save("d" * 64, "m" * 64, heard(200))
    assert [p.name[0] for p in tmp_path.iterdir()] == ["d"], "the newest stays, however large"


@pytest.mark.parametrize("damage", [b"", b"PK", b"no zip at all"])
def test_damage_is_as_if_never_kept(tmp_path, damage):
    cache = ListeningCache(tmp_path)
    cache.save("a" * 64, "b" * 64, heard())
    cache.path("a" * 64, "b" * 64).write_bytes(damage)
    assert cache.load("a" * 64, "b" * 64) is None


def test_a_folder_that_cannot_be_made_is_no_error(tmp_path):
    (tmp_path / "file").write_text("x")
    ListeningCache(tmp_path / "file" / "takes").save("a" * 64, "b" * 64, heard())
