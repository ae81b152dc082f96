# SPDX-License-Identifier: GPL-3.0-or-later
"""The finder's training draws scenes whose faces lie where it says, and goes on from an earlier run."""
from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from facewright.core.paths import ROOT
from facewright.training.faces import backgrounds, checkpoint, packs, train_finder
from facewright.training.faces.train_finder import FinderOptions

PICTURES = ROOT / "tests" / "inference" / "video" / "held_out_faces.npz"
OPTIONS = FinderOptions(batch=4, seed=1)


def pack(masked: bool) -> packs.Pack:
    """The tests' four pictures."""
    with np.load(PICTURES, allow_pickle=False) as z:
        pictures, points, visible = z["pictures"], z["points"].astype(np.float32), z["visible"]
    made = packs.filmed(pictures, points, visible)
    masks = np.full(pictures.shape[:3], 255, np.uint8) if masked else None
    return packs.Pack(**{**made.__dict__, "seed": 1, "masks": masks})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    packs.save(pack(False), tmp_path / "packs" / "close-1")
    packs.save(pack(True), tmp_path / "packs" / "wide-1")
    return tmp_path / "packs"


def test_tiles_are_of_one_size_and_any_colour() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        picture = train_finder._tiles(rng, 96)
        assert picture.shape == (96, 96, 3) and picture.dtype == np.uint8 and picture.flags.c_contiguous
        edges = np.flatnonzero((np.diff(picture.astype(int), axis=0) != 0).any((1, 2))) + 1
        tile = int(edges[0])
        np.testing.assert_array_equal(edges, np.arange(tile, 96, tile))


def test_scenes_on_tiles_hold_people_too() -> None:
    rng, people = np.random.default_rng(0), [pack(True)]
    options = FinderOptions(tiles=1.0)
    scenes = [train_finder.scene(people, people, backgrounds.bank(0, 4), rng, options, 128) for _ in range(30)]
    counts = [len(scene.faces) for scene in scenes]
    assert min(counts) == 0 and max(counts) >= 2
    assert all(scene.picture.shape == (128, 128, 3) for scene in scenes)


@pytest.mark.slow
def test_a_run_begins_with_the_weights_of_another(folder: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    train_finder.train(folder, first, 1e-6, OPTIONS)
    train_finder.train(folder, second, 1e-6, FinderOptions(batch=4, seed=2), first)
    assert json.loads((second / "options.json").read_text("utf-8"))["begin"].startswith("first, step ")
    weights, other = checkpoint.load(first)[1], checkpoint.load(second)[1]
    moved = max(float((weights[n] - other[n]).abs().max()) for n in weights if n.endswith("weight"))
    assert 0 < moved < 0.01, "it went on from there"
