# SPDX-License-Identifier: GPL-3.0-or-later
"""A sound becomes 52 curves at any frame rate, the same every time, still where it is silent, and cancelled when asked."""
import numpy as np
import pytest

from facewright.core.errors import Cancelled, UserError
from facewright.inference.speech.controls import Controls
from facewright.inference.speech.generate import SpeechEngine, SpeechOptions, speech_to_curves
from facewright.inference.speech.lip_gap import TOUCHING, lip_gap
from facewright.inference.speech.phone_track import Phone, PhoneTrack
from facewright.rigs.arkit import ARKIT_52


@pytest.fixture
def engine(tiny_weights):
    return SpeechEngine(tiny_weights)


@pytest.fixture
def speech(wav, babble):
    return wav(babble(4.0, 22050), 22050)


def _run(path, engine, **options):
    return speech_to_curves(path, SpeechOptions(device="cpu", **options), engine=engine)


@pytest.mark.parametrize("fps", [24, 29.97, 60, 120])
def test_curves_have_all_channels_at_the_asked_times(engine, speech, fps):
    result = _run(speech, engine, fps=fps)
    assert result.curves.names == ARKIT_52
    assert result.duration == pytest.approx(4.0, abs=1e-3)
    np.testing.assert_allclose(result.curves.times, np.arange(len(result.curves.times)) / fps)
    assert 0 <= result.duration - result.curves.times[-1] < 1 / fps
    assert result.curves.values.min() >= 0 and result.curves.values.max() <= 1
    assert (result.curves.channel("mouthClose") <= result.curves.channel("jawOpen") + 1e-6).all()
    assert result.warnings == () and result.device == "cpu" and result.seconds > 0


def test_the_same_job_gives_the_same_curves_and_seeds_differ(engine, speech):
    a, b, c = (_run(speech, engine, seed=s).curves.values for s in (0, 0, 1))
    np.testing.assert_array_equal(a, b)
    assert np.abs(a - c).max() > 0.1


def test_variation_says_how_far_takes_differ(engine, speech):
    asked = ((0, 1), (3, 0), (3, 0.4), (3, 1))
    mean, alike, near, far = (_run(speech, engine, seed=seed, variation=v, life=False).curves.values for seed, v in asked)
    np.testing.assert_array_equal(mean, alike)
    assert 0 < np.abs(near - mean).mean() < np.abs(far - mean).mean()


def test_a_silent_sound_is_still_in_every_take(engine, wav):
    mouth = [i for i, n in enumerate(ARKIT_52) if n.startswith(("jaw", "mouth", "tongue", "cheek", "nose"))]
    assert _run(wav(np.zeros(32000)), engine, seed=3, variation=2).curves.values[:, mouth].max() == 0


def test_controls_move_the_mouth_before_the_tracks_events(engine, speech):
    plain, wide, mumbled = (_run(speech, engine, controls=c).mouth for c in (Controls(), Controls(jaw=1.5), Controls(articulation=0.3)))
    np.testing.assert_allclose(wide.channel("jawOpen"), np.clip(1.5 * plain.channel("jawOpen"), 0, 1), atol=1e-6)
    assert mumbled.channel("jawOpen").std() < plain.channel("jawOpen").std()


def test_life_stays_apart_from_the_mouth(engine, speech):
    alive, dead = (_run(speech, engine, life=on).curves for on in (True, False))
    differing = {n for i, n in enumerate(ARKIT_52) if np.abs(alive.values[:, i] - dead.values[:, i]).max() > 0}
    assert "eyeBlinkLeft" in differing and all(n.startswith(("eye", "brow")) for n in differing)
    assert dead.values[:, [i for i, n in enumerate(ARKIT_52) if n.startswith(("eye", "brow"))]].max() == 0


def test_silence_is_a_still_closed_mouth(engine, wav):
    result = _run(wav(np.zeros(32000)), engine)
    mouth = [i for i, n in enumerate(ARKIT_52) if n.startswith(("jaw", "mouth", "tongue", "cheek", "nose"))]
    assert result.curves.values[:, mouth].max() == 0
    assert result.track.phones == () and "silent throughout" in result.warnings[0]


@pytest.mark.parametrize("samples", [1, 100, 321])
def test_the_shortest_sounds(engine, wav, babble, samples):
    assert len(_run(wav(babble(1.0)[:samples]), engine).curves.times) >= 1


def test_length_and_windows_do_not_matter(engine, wav, babble, monkeypatch):
    from facewright.inference.speech import windows

    path = wav(babble(9.0))
    whole = _run(path, engine).curves.values
    monkeypatch.setattr(windows.WindowRunner.__init__, "__defaults__", (70, *windows.WindowRunner.__init__.__defaults__[1:]))
    np.testing.assert_allclose(_run(path, engine).curves.values, whole, atol=2e-3)


def test_an_edited_track_drives_the_face_again(engine, speech):
    result = _run(speech, engine)
    np.testing.assert_array_equal(result.reapply(result.track).values, result.curves.values)
    edited = PhoneTrack((Phone("AA", 1.0, 1.4), Phone("M", 1.4, 1.5), Phone("AA", 1.5, 2.0)))
    out = result.reapply(edited)
    gap = lip_gap(out.names, out.values)
    assert gap[np.abs(out.times - 1.45).argmin()] < TOUCHING
    assert gap[np.abs(out.times - 1.2).argmin()] > TOUCHING
    np.testing.assert_array_equal(out.channel("eyeBlinkLeft"), result.curves.channel("eyeBlinkLeft"))


def test_progress_rises_and_cancel_stops(engine, speech):
    seen = []
    speech_to_curves(speech, SpeechOptions(device="cpu"), lambda f, s: seen.append((f, s)), engine)
    fractions = [f for f, _ in seen]
    assert fractions == sorted(fractions) and fractions[-1] == 1.0
    assert all(stage for _, stage in seen)
    for stop_at in ("Listening", "Finding the phones", "Shaping the face"):

        def report(fraction, stage, stop_at=stop_at):
            if stage == stop_at:
                raise Cancelled

        with pytest.raises(Cancelled):
            speech_to_curves(speech, SpeechOptions(device="cpu"), report, engine)


def test_a_script_gives_words_or_a_warning(engine, speech):
    result = _run(speech, engine, text="Bob may pay.")
    if result.warnings:
        assert "does not match" in result.warnings[0]
    else:
        assert [w.label for w in result.track.words] == ["Bob", "may", "pay"]
    long = _run(speech, engine, text="many words " * 200)
    assert "more words than fit" in long.warnings[0] and long.track.words == ()


def test_a_blank_script_is_no_script(engine, speech):
    assert _run(speech, engine, text="  \n").track == _run(speech, engine).track


@pytest.mark.parametrize(
    ("options", "part"),
    [
        ({"fps": 0}, "frame rate"),
        ({"fps": 1e6}, "frame rate"),
        ({"fps": float("nan")}, "frame rate"),
        ({"seed": -1}, "seed"),
        ({"variation": -0.1}, "variation"),
        ({"variation": float("nan")}, "variation"),
        ({"device": "quantum"}, "no device"),
        ({"device": "mps:1"}, "no device"),
        ({"text": "привет"}, "Latin"),
        ({"text": "x", "pronunciations": {"x": "??"}}, "pronunciation"),
    ],
)
def test_options_that_cannot_be_are_told(engine, speech, options, part):
    with pytest.raises(UserError, match=part):
        speech_to_curves(speech, SpeechOptions(**{"device": "cpu", **options}), engine=engine)


def test_an_absent_device_is_told(engine, speech, monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UserError, match="CUDA"):
        speech_to_curves(speech, SpeechOptions(device="cuda"), engine=engine)


def test_missing_weights_are_told(speech, tmp_path):
    with pytest.raises(UserError, match="weights are missing"):
        _run(speech, SpeechEngine(tmp_path / "none.safetensors"))
