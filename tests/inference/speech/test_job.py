# SPDX-License-Identifier: GPL-3.0-or-later
"""The worker's verb: plain data in and out, a curves file written or left alone, models kept warm."""
import json

import numpy as np
import pytest

from facewright.core.errors import Cancelled, UserError
from facewright.inference import curves_file
from facewright.inference.speech import job
from facewright.inference.speech.phone_track import PhoneTrack
from facewright.rigs.arkit import ARKIT_52


@pytest.fixture
def params(tiny_weights, wav, babble, tmp_path):
    return {"audio": str(wav(babble(3.0))), "out": str(tmp_path / "out.npz"), "device": "cpu", "weights": str(tiny_weights)}


def _quiet(fraction, stage):
    return None


def test_writes_curves_and_returns_json(params):
    values = job.run({**params, "fps": 30, "seed": 2, "life": False, "text": None, "pronunciations": {}}, _quiet)
    assert json.loads(json.dumps(values)) == values
    assert set(values) == {"curves", "duration", "device", "seconds", "cpu_seconds", "words", "phones", "warnings", "sound", "listened"}
    curves = curves_file.load(values["curves"])
    assert curves.names == ARKIT_52 and len(curves.times) == 91
    PhoneTrack.from_dict(values)


def test_controls_and_variation_arrive(params):
    plain, made = (
        curves_file.load(job.run({**params, **more}, _quiet)["curves"]).values
        for more in ({"seed": 1, "variation": 0}, {"seed": 1, "variation": 1, "controls": {"jaw": 0.5, "lips": 1.2}})
    )
    assert np.abs(plain - made).max() > 0.05


def test_what_was_heard_is_kept_and_the_sound_is_not_needed_again(params, tmp_path):
    cached = {**params, "cache": str(tmp_path / "takes"), "text": None}
    first = job.run(cached, _quiet)
    before = curves_file.load(first["curves"]).values
    assert first["listened"] and len(first["sound"]) == 64
    track = {"words": first["words"], "phones": first["phones"]}
    again = job.run({**cached, "audio": str(tmp_path / "gone.wav"), "sound": first["sound"], "track": track}, _quiet)
    assert not again["listened"] and again["phones"] == first["phones"]
    np.testing.assert_allclose(curves_file.load(again["curves"]).values, before, atol=1e-3)
    edited = {"words": [], "phones": [{"label": "M", "start": 1.0, "end": 1.2}]}
    other = job.run({**cached, "sound": first["sound"], "track": edited}, _quiet)
    curves = curves_file.load(other["curves"])
    assert not other["listened"] and curves.channel("jawOpen")[66] <= 0.2, "an edited M closes"
    assert np.abs(curves.channel("eyeBlinkLeft") - before[:, ARKIT_52.index("eyeBlinkLeft")]).max() == 0, "life does not move"


def test_without_the_cache_it_listens_again_to_the_same_sound_only(params, wav, babble, tmp_path):
    first = job.run({**params, "cache": str(tmp_path / "takes")}, _quiet)
    again = job.run({**params, "cache": str(tmp_path / "empty"), "sound": first["sound"]}, _quiet)
    assert again["listened"] and again["sound"] == first["sound"]
    wav(babble(3.0, seed=5))  # another recording under the same name
    with pytest.raises(UserError, match="no longer the sound"):
        job.run({**params, "cache": str(tmp_path / "other"), "sound": first["sound"]}, _quiet)


def test_emotion_and_response_arrive(params):
    plain, made = (
        curves_file.load(job.run({**params, **more}, _quiet)["curves"])
        for more in ({}, {"emotion": {"angry": 0.7}, "response": {"energy": 1.0}})
    )
    assert made.channel("browDownLeft").max() > 0.3 > plain.channel("browDownLeft").max()


def test_the_model_stays_loaded(params, monkeypatch):
    from facewright.inference.speech import weights_file

    job.run(params, _quiet)
    monkeypatch.setattr(weights_file, "load", None)
    job.run(params, _quiet)


def test_a_stopped_job_leaves_the_old_file(params, tmp_path):
    job.run(params, _quiet)
    before = (tmp_path / "out.npz").read_bytes()

    def stop(fraction, stage):
        if fraction > 0.5:
            raise Cancelled

    with pytest.raises(Cancelled):
        job.run({**params, "seed": 1}, stop)
    assert (tmp_path / "out.npz").read_bytes() == before
    assert not list(tmp_path.glob(".out*"))


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"audio": None}, "'audio'"),
        ({"out": ""}, "'out'"),
        ({"fps": "60"}, "'fps'"),
        ({"fps": True}, "'fps'"),
        ({"seed": 1.5}, "'seed'"),
        ({"life": 1}, "'life'"),
        ({"variation": "much"}, "'variation'"),
        ({"variation": 3}, "variation 3"),
        ({"controls": 2}, "'controls'"),
        ({"controls": {"chin": 1}}, "'chin'"),
        ({"controls": {"jaw": 5}}, "'jaw'"),
        ({"emotion": {"hungry": 1}}, "'hungry'"),
        ({"emotion": {"happy": 2}}, "'happy'"),
        ({"emotion": {"happy": float("nan")}}, "'happy'"),
        ({"response": {"rate": -1}}, "'rate'"),
        ({"response": 1}, "'response'"),
        ({"asymmetry": 3}, "asymmetry 3"),
        ({"style": {"nobody": 1}}, "no style 'nobody'"),
        ({"style": {"nobody": 2}}, "'nobody' is 2"),
        ({"style": 2}, "'style'"),
        ({"asymmetry": "no"}, "'asymmetry'"),
        ({"person": -1}, "person -1"),
        ({"track": []}, "'track'"),
        ({"track": {"phones": [{"label": "QQ", "start": 0, "end": 1}]}}, "'QQ'"),
        ({"cache": 3}, "'cache'"),
        ({"sound": ["x"]}, "'sound'"),
        ({"pronunciations": []}, "'pronunciations'"),
        ({"text": 5}, "'text'"),
        ({"out": "/nowhere/at/all/out.npz"}, "Cannot write"),
    ],
)
def test_wrong_parameters_are_named(params, change, part):
    with pytest.raises(UserError, match=part):
        job.run({**params, **change}, _quiet)


def test_curves_are_the_librarys(params):
    """The job's result equals the plain function's."""
    from facewright.inference.speech.generate import SpeechEngine, SpeechOptions, speech_to_curves

    job.run(params, _quiet)
    plain = speech_to_curves(params["audio"], SpeechOptions(device="cpu"), engine=SpeechEngine(params["weights"]))
    np.testing.assert_array_equal(curves_file.load(params["out"]).values, plain.curves.values)
