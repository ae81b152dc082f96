# SPDX-License-Identifier: GPL-3.0-or-later
"""Sittings about a video, one of its frames, and a photo; their votes teach the image model, whose adapters are in use by themselves."""
import json
from pathlib import Path

import pytest

bpy = pytest.importorskip("bpy")

from facewright.operators.rank_start import FACEWRIGHT_OT_rank_start as Start  # noqa: E402
from facewright.preference.adapters import Card, Shelf  # noqa: E402
from facewright.preference.store import Store  # noqa: E402
from facewright.scene import jobs, learning, sitting  # noqa: E402

from .test_ranking import data, face, needs_workbench, small, start, until, worker  # noqa: E402, F401

pytestmark = pytest.mark.blender


@pytest.fixture
def seen(settings, tmp_path):
    """A video and a picture are chosen; the stand-in looks at neither."""
    for name in ("path", "picture"):
        file = tmp_path / f"{name}.mp4"
        file.write_bytes(b"the stand-in sees no picture")
        setattr(settings.video, name, str(file))
    return settings.video


def test_what_is_missing_is_said(face, settings, small, worker):  # noqa: F811
    for what, words in (("VIDEO", "Choose the video"), ("PICTURE", "Choose a picture"), ("SOUND", "Choose the sound")):
        small.what = what
        assert words in Start.disabled_reason(bpy.context)
    settings.video.path = "/nowhere/at/all.mp4"
    small.what = "VIDEO"
    with pytest.raises(RuntimeError, match="no file 'all"):
        bpy.ops.facewright.rank_start()


def test_a_video_is_compared_stretch_by_stretch_with_its_sound(face, settings, small, worker, seen, data):  # noqa: F811
    small.what, small.where, small.length, small.count, small.differ_seen = "VIDEO", "LINE", 2.0, 2, "MOUTH"
    seen.smoothing = 0.5
    session = start()
    assert session.sound.name == "sound.wav" and session.sound.parent == session.source.folder
    until(lambda: session.sitting.left == 3)
    assert sorted({t.take.start for t in session.takes.values()}) == [0.0, 2.0, 4.0]
    take = session.takes[session.question.takes[0]].take
    assert (take.kind, take.clip, take.clip_name) == ("video", "12" * 32, "path.mp4")
    assert set(take.controls) == {"mouth", "brows", "eyes", "smoothing"} and take.controls["smoothing"] == 0.5
    assert session.source.brief.params["heard"] == str(data / "votes" / "heard")
    bpy.ops.facewright.rank_act(action="TIE")
    bpy.ops.facewright.rank_end()
    with Store.open(data / "votes", read_only=True) as store:
        assert store.votes_by_kind() == {"speech": 0, "image": 1}
    known = learning.read(data)
    assert (known.votes_of("speech"), known.votes_of("image")) == (0, 1)


@pytest.mark.slow
@needs_workbench
def test_a_photo_is_shown_as_stills(face, small, worker, seen, data):  # noqa: F811
    small.what, small.count = "PICTURE", 3
    session = start()
    # The seed is chance, and of takes that nobody could tell apart none is asked about.
    assert 0 < session.sitting.left <= 3 and session.sound is None and session.stretch() == (0.0, 0.0)
    until(lambda: session.films() is not None)
    assert [len(film.frames) for film in session.films()] == [1, 1]
    bpy.ops.facewright.rank_act(action="TAKE_0")
    assert {t.take.kind for t in session.takes.values()} == {"image"}
    bpy.ops.facewright.rank_end()


def test_one_frame_of_a_video(face, settings, small, worker, seen):  # noqa: F811
    small.what, small.where = "VIDEO", "FRAME"
    bpy.context.scene.frame_set(settings.start_frame + 12)
    session = start()
    start_, end = session.stretch()
    assert start_ == end == pytest.approx(12 / 24) and session.maker is not None
    assert session.takes[session.question.takes[0]].wanted.frames == 1
    bpy.ops.facewright.rank_end()
    small.what = "SOUND"
    settings.sound = settings.video.path
    with pytest.raises(RuntimeError, match="no single frames"):
        bpy.ops.facewright.rank_start()


def test_a_picture_has_no_steadiness(face, small, worker, seen):  # noqa: F811
    small.what, small.differ_seen = "PICTURE", "SMOOTHING"
    with pytest.raises(RuntimeError, match="steadiness"):
        bpy.ops.facewright.rank_start()


def put(folder: Path, name: str, base: str) -> Path:
    header = json.dumps({"__metadata__": Card(name, base, "ab" * 32, ("jawOpen",), votes=30).to_metadata()}).encode()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header)
    return path


def test_each_model_has_its_own_adapter_in_use(face, settings, small, worker, seen, data):  # noqa: F811
    from facewright.operators.adapters import in_use

    voice, look = put(data / "adapters", "voice", "speech"), put(data / "adapters", "look", "image")
    bpy.ops.facewright.adapter_use(name=voice.name)
    bpy.ops.facewright.adapter_use(name=look.name)
    assert in_use(bpy.context)["adapter"] == str(voice) and in_use(bpy.context, "image")["adapter"] == str(look)
    assert learning.read(data).active == {"speech": voice.name, "image": look.name}
    small.what, small.where, small.differ_seen = "VIDEO", "HERE", "ADAPTER"
    session = start()
    assert {t.take.adapter != "" for t in session.takes.values()} == {True, False}
    assert {t.wanted.take for t in session.takes.values()}
    bpy.ops.facewright.rank_end()
    small.what = "SOUND"
    assert bpy.ops.facewright.rank_start(adapter=look.name) == {"FINISHED"}, "an image adapter is tested on the video"
    assert sitting.current().source.brief.kind == "video"
    bpy.ops.facewright.rank_end()
    bpy.ops.facewright.adapter_roll_back(base="image")
    assert in_use(bpy.context, "image") == {} and in_use(bpy.context) != {}
    bpy.ops.facewright.adapter_use(name="", base="speech")
    assert Shelf.of(data).active() is None


def test_learning_follows_the_kind_of_votes(addon, settings, worker, monkeypatch):  # noqa: F811
    asked = []
    monkeypatch.setattr(learning, "current", lambda folder: learning.Known(folder, votes=150, seen=120))
    submit = worker.submit
    monkeypatch.setattr(worker, "submit", lambda verb, params: asked.append((verb, params)) or submit(verb, params))
    assert bpy.ops.facewright.finetune() == {"FINISHED"}
    assert asked[-1][0] == "finetune" and asked[-1][1]["base"] == "image"
    with pytest.raises(RuntimeError, match="30 of the 100"):
        bpy.ops.facewright.finetune(base="speech")
    assert jobs.running() is None
