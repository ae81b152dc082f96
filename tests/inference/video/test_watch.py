# SPDX-License-Identifier: GPL-3.0-or-later
"""From files to curves: drawn faces in real videos, the real solver; the job gives what the plain function does."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

from facewright.core.errors import Cancelled, UserError
from facewright.inference import curves_file
from facewright.inference.video import coefficients, job, watch
from facewright.inference.video.gaps import filled
from facewright.inference.video.watch import CHANNELS, VideoEngine, VideoOptions, video_to_curves
from facewright.rigs.arkit import ARKIT_52


def _helper(name: str):
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


drawn, media = _helper("drawn"), _helper("media")
STILL = [(100, 40, 90)] * 20


@pytest.fixture
def engine():
    return VideoEngine(lambda device: drawn.DrawnNetworks(), coefficients.Refiner(coefficients.RefinerConfig()).eval())


@pytest.fixture
def film(tmp_path):
    """film(faces of each frame, name, **write_video's options) -> path"""

    def make(faces, name="clip.mp4", **options):
        images = [drawn.scene(*([f] if isinstance(f, tuple) else f or [])) for f in faces]
        return media.write_video(tmp_path / name, images, options={"crf": "10"}, **options)

    return make


def test_a_still_face_is_a_calm_one(film, engine):
    result = video_to_curves(film(STILL), engine=engine)
    assert result.curves.names == CHANNELS and len(CHANNELS) == 61
    np.testing.assert_allclose(result.curves.times, np.arange(20) / 25, atol=1e-9)
    assert result.duration == pytest.approx(0.8) and result.fps == pytest.approx(25) and result.frames == 20
    assert result.size == (320, 180) and result.gaps == () and result.faces == 1 and not result.has_sound
    assert result.curves.values[:, :52].min() >= 0 and result.curves.values[:, :52].max() < 0.35
    head = result.curves.select(("headYaw", "headPitch", "headRoll")).values
    assert np.abs(head[:, [0, 2]]).max() < 0.05 and np.abs(head[:, 1]).max() < 0.3
    assert result.description.endswith(".") and result.shots[0].start == 0


def test_rows_a_second_can_be_chosen(film, engine):
    result = video_to_curves(film(STILL), VideoOptions(fps=60), engine=engine)
    np.testing.assert_allclose(result.curves.times, np.arange(len(result.curves.times)) / 60)
    assert result.fps == 60 and len(result.curves.times) == 46


def test_uneven_frames_keep_their_times(film, engine):
    times = [0, 0.033, 0.1, 0.5, 0.533, 1.2]
    result = video_to_curves(film(STILL[:6], times=times), engine=engine)
    np.testing.assert_allclose(result.curves.times, times, atol=2e-3)


def test_gaps_are_told_and_the_face_rests_there(film, engine):
    result = video_to_curves(film([*STILL, *[None] * 20, *STILL]), engine=engine)
    assert len(result.gaps) == 1 and result.gaps[0] == pytest.approx((0.8, 1.6))
    assert any("No face is seen" in w and "0.8 to 1.6" in w for w in result.warnings)
    middle = result.curves.values[28:32, :52]
    assert middle.max() < 0.02
    assert np.isfinite(result.curves.values).all()


def test_larger_pictures_are_measured_in_their_own_pixels(film, engine, monkeypatch):
    from facewright.inference.video import frames

    path = film(STILL)
    whole = video_to_curves(path, engine=engine)
    monkeypatch.setattr(frames, "LONGEST_SIDE", 240)
    smaller = video_to_curves(path, engine=engine)
    assert smaller.size == whole.size
    np.testing.assert_allclose(smaller.track.box[5], whole.track.box[5], atol=6)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"fps": 0.1}, "frame rate"),
        ({"face": 0}, "face"),
        ({"mouth": "both"}, "'both'"),
        ({"smoothing": 3}, "smoothing"),
        ({"neutral_time": -1}, "rest frame"),
        ({"neutral_time": 9}, "lasts 0.80 s"),
        ({"mouth": "sound"}, "no sound"),
        ({"face": 3}, "only 1 face"),
    ],
)
def test_what_cannot_be_done_is_a_sentence(film, engine, options, sentence):
    with pytest.raises(UserError, match=sentence):
        video_to_curves(film(STILL), VideoOptions(**options), engine=engine)


def test_a_blend_without_sound_is_the_picture_and_says_so(film, engine):
    path = film(STILL)
    blend = video_to_curves(path, VideoOptions(mouth="blend"), engine=engine)
    assert "has no sound" in " ".join(blend.warnings)
    np.testing.assert_array_equal(blend.curves.values, video_to_curves(path, engine=engine).curves.values)


@pytest.mark.slow
def test_a_voice_moves_the_mouth_while_the_picture_keeps_still(film, engine):
    voice, rate = speech(2.0)
    assert rate == 16000
    result = video_to_curves(film([(100, 40, 90)] * 50, sound=voice), VideoOptions(mouth="sound"), engine=engine)
    picture = video_to_curves(film([(100, 40, 90)] * 50, "mute.mp4"), engine=engine)
    jaw = ARKIT_52.index("jawOpen")
    assert np.ptp(result.curves.values[:, jaw]) > 0.15 > 2 * np.ptp(picture.curves.values[:, jaw])
    brow = ARKIT_52.index("browInnerUp")
    np.testing.assert_allclose(result.curves.values[:, brow], picture.curves.values[:, brow], atol=0.03)


def speech(seconds):
    """The start of the shipped sample, 16 kHz mono."""
    import soundfile

    from facewright.core.paths import ROOT
    from facewright.inference.speech.audio import read_audio

    sample = ROOT / "samples" / "hello.wav"
    assert soundfile.info(sample).duration > 2
    return read_audio(sample)[: int(seconds * 16000)], 16000


def test_stopping_is_asked_for_every_frame(film, engine):
    asked = []

    def report(part, stage):
        asked.append(part)
        if len(asked) > 10:
            raise Cancelled

    with pytest.raises(Cancelled):
        video_to_curves(film(STILL), engine=engine, report=report)
    told = []
    video_to_curves(film(STILL), engine=engine, report=lambda part, stage: told.append((part, stage)))
    parts = [part for part, _ in told]
    assert parts == sorted(parts) and parts[-1] == 1 and len(told) > 20
    assert {"Watching the face", "Reading the expression", "Describing"} <= {stage for _, stage in told}


def test_a_photo_gives_everybody_with_words_before_numbers(tmp_path, engine):
    path = media.write_picture(tmp_path / "two.png", drawn.scene((190, 30, 80), (40, 60, 50)))
    left, right = engine.photo(path)
    assert left.box == pytest.approx((40, 60, 50, 50), abs=8) and right.box[0] > 150
    told = right.to_dict()
    assert list(told) == ["box", "analysis", "arkit"] and list(told["arkit"]) == list(CHANNELS)
    assert list(told["analysis"]) == ["expression_category", "muscle_movements", "emotional_implication", "symmetry"]
    assert engine.photo(media.write_picture(tmp_path / "none.png", drawn.scene())) == []


def test_a_face_of_a_few_pixels_is_none(tmp_path, engine, monkeypatch):
    path = media.write_picture(tmp_path / "far.png", drawn.scene((40, 60, 50)))
    assert len(engine.photo(path)) == 1
    monkeypatch.setattr(watch, "LEAST_FACE", 70)
    assert engine.photo(path) == []


@pytest.fixture
def verbs(engine, monkeypatch):
    monkeypatch.setattr(job, "_engine", engine)
    return job


def test_the_job_is_the_plain_function(film, engine, verbs, tmp_path):
    path, out = film(STILL), tmp_path / "out.npz"
    values = verbs.video({"path": str(path), "out": str(out), "face": "largest", "device": "cpu"}, lambda part, stage: None)
    assert json.loads(json.dumps(values)) == values
    assert set(values) == {
        "curves", "duration", "fps", "frames", "device", "seconds", "cpu_seconds", "size", "gaps", "faces", "shots", "description",
        "has_sound", "warnings",
    }  # fmt: skip
    assert set(values["shots"][0]) == {"start", "end", "analysis"}
    plain = video_to_curves(path, VideoOptions(device="cpu"), engine=engine)
    np.testing.assert_array_equal(curves_file.load(out).values, plain.curves.values)


def test_a_stopped_job_leaves_the_old_file(film, verbs, tmp_path):
    out = tmp_path / "out.npz"
    out.write_bytes(b"older")

    def stop(part, stage):
        if part > 0.3:
            raise Cancelled

    with pytest.raises(Cancelled):
        verbs.video({"path": str(film(STILL)), "out": str(out)}, stop)
    assert out.read_bytes() == b"older"


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"path": None}, "'path'"),
        ({"out": ""}, "'out'"),
        ({"fps": "25"}, "'fps'"),
        ({"fps": True}, "'fps'"),
        ({"face": 1.5}, "'face'"),
        ({"face": "second"}, "second"),
        ({"neutral_time": "1"}, "'neutral_time'"),
        ({"mouth": 1}, "'mouth'"),
        ({"smoothing": None}, "'smoothing'"),
        ({"path": "/no/where.mp4"}, "does not exist"),
    ],
)
def test_wrong_parameters_are_named(verbs, tmp_path, change, part):
    with pytest.raises(UserError, match=part):
        verbs.video({"path": "x.mp4", "out": str(tmp_path / "o.npz"), **change}, lambda part, stage: None)


def test_pictures_as_a_job(verbs, tmp_path):
    one = media.write_picture(tmp_path / "one.png", drawn.scene((100, 40, 90)))
    none = media.write_picture(tmp_path / "none.png", drawn.scene())
    bad = tmp_path / "bad.png"
    bad.write_text("no picture at all")
    out = tmp_path / "poses.json"
    values = verbs.image({"paths": [str(one), str(none), str(bad)], "out": str(out), "device": "cpu"}, lambda part, stage: None)
    assert json.loads(out.read_text()) == values["files"]
    assert [len(entry["faces"]) for entry in values["files"]] == [1, 0, 0]
    assert "No face was found" in values["files"][1]["warnings"][0] and "text file" in values["files"][2]["warnings"][0]
    for wrong in ({"paths": []}, {"paths": "a.png"}, {}, {"paths": [str(bad)]}, {"paths": [str(bad), str(tmp_path / "gone.png")]}):
        with pytest.raises(UserError):
            verbs.image(wrong, lambda part, stage: None)


def test_angles_turn_the_head_as_the_bones_expect():
    """Yaw to the subject's left, pitch down, roll towards the right shoulder."""
    count = len(ARKIT_52)
    one = np.ones((1, 3), np.float32)
    track = watch.FaceTrack(
        np.zeros(1), np.ones(1, bool), np.zeros((1, count), np.float32), np.zeros((1, count)), one * [0.1, 0.2, 0.3], one,
        np.array([[0.4, 0.5, 0.6, 0.7]], np.float32), np.zeros((1, 1, 2)), np.zeros((1, 4)),
    )  # fmt: skip
    np.testing.assert_allclose(watch.angles_of(track), [[0.1, -0.2, 0.3, 0.4, -0.5, 0, 0.6, -0.7, 0]], atol=1e-6)


def test_gaps_short_and_long():
    times = np.arange(50) / 25
    valid = np.ones(50, bool)
    valid[5:9] = valid[20:40] = False
    values = np.where(valid, 0.8, 0.0)[:, None]
    values[:5] = 0.4
    out = filled(times, values, valid)[:, 0]
    np.testing.assert_allclose(out[5:9], np.linspace(0.4, 0.8, 6)[1:-1], atol=1e-6)
    assert out[30] == 0 and 0.3 < out[23] < 0.7 and np.abs(np.diff(out[9:])).max() < 0.18
    angle = filled(times, np.where(valid, times, 0)[:, None], valid, rest=False)[:, 0]
    assert (np.diff(angle) >= -1e-6).all() and angle[20] > 0.7
    for count in range(7, 10):  # little longer than a short one: both sides reach its middle, and no face is fuller than theirs
        thin = np.ones(50, bool)
        thin[20 : 20 + count] = False
        assert filled(np.arange(50) / 30, np.where(thin, 0.9, 0.0)[:, None], thin).max() <= 0.9 + 1e-6
    nothing = filled(times, values, np.zeros(50, bool))
    assert (nothing == 0).all()
    late = np.arange(50) >= 25
    held = filled(times, np.full((50, 1), 0.3), late, rest=False)
    np.testing.assert_allclose(held, 0.3)


def test_the_worker_knows_the_verbs():
    from facewright.inference import handlers

    assert handlers.find("video") is job.video and handlers.find("image") is job.image
