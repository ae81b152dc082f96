# SPDX-License-Identifier: GPL-3.0-or-later
"""What the measurements on real video count: blinks that match in time, stretches that are still, pictures brought to a size."""
from pathlib import Path

import numpy as np

from facewright.training.faces import evaluate_video
from facewright.training.faces.evaluate_video import RealClip, events, letterboxed, still, write_video


def track(*runs: tuple[int, int], length: int = 75) -> np.ndarray:
    out = np.full(length, 0.1)
    for first, last in runs:
        out[first:last] = 0.8
    return out


def test_blinks_match_within_two_frames():
    assert events(track((10, 14), (40, 44)), track((10, 14), (40, 44))) == (2, 2, 2, 2)
    assert events(track((15, 18)), track((10, 14))) == (1, 1, 1, 1)
    assert events(track((20, 24)), track((10, 14))) == (1, 0, 1, 0)
    assert events(track(), track((10, 14))) == (1, 0, 0, 0)


def test_still_is_neither_speaking_nor_blinking():
    gap, blink = np.zeros(75), np.full(75, 0.05)
    gap[30:60] = 0.05 + 0.05 * np.sin(np.arange(30))
    blink[65:68] = 0.7
    clip = RealClip("a", "grid_s1", "s1", Path("a.mpg"), gap, np.full(75, 0.6), blink, False)
    (first,) = still(clip)
    assert first.start == 0 and 28 <= first.stop <= 31


def test_pictures_are_brought_to_the_size_in_the_middle(tmp_path):
    out = letterboxed(np.full((288, 360, 3), 200, np.uint8), 640, 360)
    assert out.shape == (360, 640, 3) and (out[:, 200:440] == 200).all() and (out[:, :90] == 0).all()
    from facewright.inference.video.frames import Pictures

    write_video(tmp_path / "a.mp4", [out] * 3)
    assert [f.rgb.shape for f in Pictures(tmp_path / "a.mp4").frames()] == [(360, 640, 3)] * 3


def test_the_truth_is_measured_as_the_truth():
    """A tracker's own curves, brought to the measuring head's distance, close where the measurement does."""
    from facewright.training import metrics

    gap = 0.06 + 0.06 * np.sin(np.arange(75) / 4)
    assert metrics.closures(gap + 0.009, gap, evaluate_video.SAME_GAP)[1::2] == metrics.closures(gap, gap, metrics.VIDEO_CLOSED)[1::2]
