# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes of a stretch are what the whole bake would show there, and features say how they differ."""
from pathlib import Path

import numpy as np
import pytest

from facewright.core.curves import Curves
from facewright.core.errors import UserError
from facewright.inference import curves_file
from facewright.inference.preference import features, stretches, takes
from facewright.inference.speech import job as speech_job
from facewright.inference.speech import weights_file

from .conftest import SAMPLE, STRETCHES, Sitting, quiet


def test_a_take_of_a_stretch_is_part_of_the_whole(sitting: Sitting, tmp_path: Path) -> None:
    made = sitting.made[9]
    start, end = STRETCHES[made.stretch]
    whole = {"audio": str(SAMPLE), "out": str(tmp_path / "whole.npz"), "seed": made.take.seed, "variation": made.take.variation}
    speech_job.run({**whole, "controls": dict(made.take.controls)}, quiet)
    curves = curves_file.load(tmp_path / "whole.npz")
    rows = slice(*np.searchsorted(curves.times, (start - 1e-6, end + 1e-6)))
    np.testing.assert_allclose(made.curves.values, curves.values[rows], atol=2e-3)
    np.testing.assert_allclose(made.curves.times, curves.times[rows] - start, atol=1e-9)


def test_what_was_heard_is_kept_and_comes_back(sitting: Sitting) -> None:
    found = stretches.load_all(sitting.heard, weights_file.sha256(weights_file.SHIPPED))
    assert sorted((s.start, s.end) for s in found.values()) == list(STRETCHES)
    for stretch in found.values():
        assert stretch.hidden.shape[1] == len(stretch.level) and stretch.track.phones
        assert stretch.track.phones[-1].end <= stretch.seconds + 1e-6
    assert stretches.load_all(sitting.heard, "0" * 64) == {}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"start": 3.0, "end": 2.0}, "cannot be cut"),
        ({"start": 90.0, "end": 92.0}, "has only"),
        ({"candidates": []}, "candidates"),
        ({"candidates": [{"pitch": 1}]}, "pitch"),
        ({"candidates": [{"controls": {"nose": 1.0}}]}, "no control"),
        ({"candidates": [{"adapter": "/nowhere.safetensors"}]}, "no adapter"),
        ({"start": "soon"}, "not a number"),
    ],
)
def test_what_cannot_be_made_is_a_sentence(change: dict, words: str, tmp_path: Path) -> None:
    params = {"audio": str(SAMPLE), "start": 0.5, "end": 1.5, "out": str(tmp_path), "candidates": [{"seed": 1}], **change}
    with pytest.raises(UserError, match=words):
        takes.run(params, quiet)


def wave(lag: float = 0.0, size: float = 0.3, rate: float = 60.0) -> Curves:
    times = np.arange(0, 3, 1 / rate)
    jaw = size * (0.5 + 0.5 * np.sin(2 * np.pi * 2 * (times - lag)))
    blink = np.exp(-(((times - 1.0) / 0.08) ** 2))
    return Curves(("jawOpen", "eyeBlinkLeft", "eyeBlinkRight"), times, np.stack([jaw, blink, blink], 1))


def told(curves: Curves, usual: Curves | None = None) -> dict[str, float]:
    return dict(zip((f.name for f in features.listed()), features.describe(curves, usual), strict=True))


def test_features_mean_what_they_say() -> None:
    small, large, late = told(wave(size=0.2)), told(wave(size=0.4)), told(wave(lag=0.02), wave())
    assert large["jawOpen: peak"] > 1.8 * small["jawOpen: peak"] and large["jaw: unrest"] > 1.8 * small["jaw: unrest"]
    assert late["jaw: how much later"] == pytest.approx(0.02, abs=0.004) and told(wave(), wave())["jaw: how much later"] == 0
    assert small["blinks a second"] == pytest.approx(1 / 3, abs=0.02)
    coarse = told(wave(rate=24.0))
    assert coarse["jawOpen: spread"] == pytest.approx(told(wave())["jawOpen: spread"], rel=0.05), "at any frame rate"


def test_regions_and_axes_divide_the_features() -> None:
    upper, lower = features.mask("upper"), features.mask("lower")
    assert (upper ^ lower).all() and features.mask().all()
    assert features.mask("lower", "timing").sum() == 3
    assert (features.mask("upper", "timing") == upper).all(), "an axis that a region lacks counts as overall"
    assert np.isfinite(features.describe(Curves((), np.zeros(0), np.zeros((0, 0))))).all()
