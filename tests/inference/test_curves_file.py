# SPDX-License-Identifier: GPL-3.0-or-later
"""The npz between worker and Blender: exact round trip, and a sentence for anything else."""

import numpy as np
import pytest

from facewright.core.curves import Curves
from facewright.core.errors import UserError
from facewright.inference import curves_file


def _curves(frames=5):
    return Curves(("jawOpen", "mouthClose"), np.arange(frames) / 60, np.random.default_rng(0).random((frames, 2), np.float32))


@pytest.mark.parametrize("frames", [0, 1, 500])
def test_round_trip(tmp_path, frames):
    before = _curves(frames)
    path = tmp_path / "curves.tmp"  # any suffix: the name is the caller's
    curves_file.save(before, path)
    after = curves_file.load(path)
    assert after.names == before.names
    np.testing.assert_array_equal(after.times, before.times)
    np.testing.assert_array_equal(after.values, before.values)
    assert [p.name for p in tmp_path.iterdir()] == ["curves.tmp"]


def test_missing_folder_and_file(tmp_path):
    with pytest.raises(UserError, match="Cannot write"):
        curves_file.save(_curves(), tmp_path / "none" / "c.npz")
    with pytest.raises(UserError, match="Cannot read"):
        curves_file.load(tmp_path / "none.npz")


def test_damaged_files(tmp_path):
    path = tmp_path / "c.npz"
    curves_file.save(_curves(), path)
    whole = path.read_bytes()
    for data in (b"", b"text", whole[: len(whole) // 2], whole[:50]):
        path.write_bytes(data)
        with pytest.raises(UserError):
            curves_file.load(path)


@pytest.mark.parametrize(
    "arrays",
    [
        {"names": np.array(["a"])},
        {"names": np.array([1.0]), "times": np.zeros(1), "values": np.zeros((1, 1))},
        {"names": np.array(["a"]), "times": np.zeros(2), "values": np.zeros((1, 1))},
        {"names": np.array([object()]), "times": np.zeros(1), "values": np.zeros((1, 1))},
    ],
)
def test_other_contents(tmp_path, arrays):
    np.savez(tmp_path / "c.npz", **arrays)
    with pytest.raises(UserError):
        curves_file.load(tmp_path / "c.npz")


def test_a_single_array_is_no_curves_file(tmp_path):
    np.save(tmp_path / "c.npy", np.zeros(3))
    with pytest.raises(UserError, match="curves file"):
        curves_file.load(tmp_path / "c.npy")
