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
    assert set(values) == {"curves", "duration", "device", "seconds", "cpu_seconds", "words", "phones", "warnings"}
    curves = curves_file.load(values["curves"])
    assert curves.names == ARKIT_52 and len(curves.times) == 91
    PhoneTrack.from_dict(values)


def test_controls_and_variation_arrive(params):
    plain, made = (
        curves_file.load(job.run({**params, **more}, _quiet)["curves"]).values
        for more in ({"seed": 1, "variation": 0}, {"seed": 1, "variation": 1, "controls": {"jaw": 0.5, "lips": 1.2}})
    )
    assert np.abs(plain - made).max() > 0.05


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
