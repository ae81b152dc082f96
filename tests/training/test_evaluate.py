# SPDX-License-Identifier: GPL-3.0-or-later
"""The table's figures for subjects whose answer is known."""
import numpy as np
import pytest

from facewright.core.curves import Curves
from facewright.inference.speech.lip_gap import from_measured
from facewright.inference.speech.model import SpeechModel, SpeechModelConfig
from facewright.training import evaluate, ict_head
from facewright.training.corpora import Example
from facewright.training.pack import Clip, Phone

NEUTRAL = np.array([[0, 0.04, 1], [0, -0.04, 1], [-2.5, 0, 0], [2.5, 0, 0], [0, 3, 1], [0, -5, 0], [-4.5, 3, 0], [4.5, 3, 0]], float)
JAW = np.zeros((8, 3))
JAW[[1, 5], 1] = -4
HEAD = ict_head.Head(NEUTRAL, {"jawOpen": JAW})
TIMES = (np.arange(75) + 0.5) / 25


def example(seed: int) -> Example:
    """Three seconds whose loudness and measured lip gap rise and fall together, closed every half second."""
    rng = np.random.default_rng(seed)
    gap = 0.1 * np.abs(np.sin(2 * np.pi * TIMES)) * (TIMES < 2.4)
    track = np.stack([gap, 0.5 + 0.1 * gap, 1 + gap, gap / 0.43], 1).astype(np.float32)
    loud = np.interp((np.arange(48000) + 0.5) / 16000, TIMES, gap)
    audio = (rng.normal(size=48000) * loud * 60000).clip(-32000, 32000).astype(np.int16)
    phones = (Phone(0.0, 0.45, "AA"), Phone(0.45, 0.55, "M"), Phone(0.55, 0.95, "AE"), Phone(2.4, 3.0, "SIL"))
    return Example("grid_s1", Clip(f"c{seed}", "s1", audio, phones), video=(TIMES, track), silences=((2.4, 3.0),))


EXAMPLES = [example(i) for i in range(4)]


def oracle(e: Example) -> Curves:
    jaw = np.clip((from_measured(e.video[1][:, 0]) - 0.0089) / (4 / 9), 0, 1)
    return Curves(("jawOpen",), TIMES, jaw[:, None])


def test_the_measured_mouth_itself_is_perfect() -> None:
    figures = evaluate.video_figures(EXAMPLES, [oracle(e) for e in EXAMPLES], HEAD)
    assert figures["gap r"].value == pytest.approx(1, abs=0.01) and figures["best lag (frames)"].value == 0
    assert figures["closure recall"].value == figures["closure precision"].value == 1
    assert figures["amplitude"].value == pytest.approx(1, abs=0.15)
    assert figures["jawOpen in silence"].value == pytest.approx(0, abs=0.02)
    assert figures["gap r"].clips == 4


def test_phone_figures_of_a_mouth_that_closes_and_of_one_that_does_not() -> None:
    good = evaluate.phone_figures(EXAMPLES, [oracle(e) for e in EXAMPLES], HEAD)
    assert good["P/B/M closure"].value == 1 and good["false closure"].value == 0
    gaping = [Curves(("jawOpen",), TIMES, np.full((75, 1), 0.5)) for _ in EXAMPLES]
    bad = evaluate.phone_figures(EXAMPLES, gaping, HEAD)
    assert bad["P/B/M closure"].value == 0 and bad["jawOpen in silence"].value == pytest.approx(0.5)


def test_the_envelope_follows_loudness_and_the_mean_follows_nothing() -> None:
    follows = evaluate.video_figures(EXAMPLES, [evaluate.envelope_baseline(EXAMPLES, HEAD)(e) for e in EXAMPLES], HEAD)
    assert follows["gap r"].value > 0.8
    still = evaluate.video_figures(EXAMPLES, [evaluate.mean_baseline(EXAMPLES, HEAD)(e) for e in EXAMPLES], HEAD)
    assert still["gap r"].value == pytest.approx(0, abs=1e-6) and still["amplitude"].value == pytest.approx(0, abs=1e-3)


def test_the_network_is_a_subject() -> None:
    curves = evaluate.network(SpeechModel(SpeechModelConfig(width=16, dilations=(1,))).eval())(EXAMPLES[0])
    assert curves.values.shape == (150, 29) and curves.times[0] == pytest.approx(0.01)


def test_phone_error_rate_of_an_untrained_network_is_high() -> None:
    model = SpeechModel(SpeechModelConfig(width=16, dilations=(1,))).eval()
    assert evaluate.phone_error_rate(model, EXAMPLES).value > 0.5
