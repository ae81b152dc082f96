# SPDX-License-Identifier: GPL-3.0-or-later
"""Which takes are wished for, where a sound is cut, what tells films apart, and where the face camera stands."""
import time
import wave

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

bpy = pytest.importorskip("bpy")

from facewright.core.curves import Curves  # noqa: E402
from facewright.core.errors import UserError  # noqa: E402
from facewright.inference import curves_file  # noqa: E402
from facewright.rigs.arkit import ARKIT_52  # noqa: E402
from facewright.scene import bake, demo_head, face_view, films, render, takes  # noqa: E402

pytestmark = pytest.mark.blender
BASE = takes.Candidate(seed=0, variation=0.4, controls={"jaw": 1.2, "lips": 1.0, "articulation": 0.9})


@settings(deadline=None)
@given(st.integers(2, 12), st.sampled_from(["SEED", "MIX", "JAW", "LIPS", "ARTICULATION"]), st.floats(0.05, 0.9), st.integers(0, 99))
def test_candidates_are_as_many_as_asked_all_different_and_allowed(count, differ, spread, seed):
    found = takes.candidates(count, BASE, differ, spread, seed)
    assert len(found) == count == len({repr(one) for one in found})
    assert found == takes.candidates(count, BASE, differ, spread, seed)
    for one in found:
        assert all(0 <= amount <= takes.CONTROL_MOST for amount in one.controls.values())


def test_seeds_differ_in_nothing_else_and_controls_in_one():
    first, *others = takes.candidates(4, BASE, "SEED", 0.4, 1)
    assert first == BASE and all(one.controls == BASE.controls and one.seed > 0 for one in others)
    jaws = takes.candidates(3, BASE, "JAW", 0.5, 1)
    assert [one.controls["jaw"] for one in jaws] == [0.6, 1.2, 1.8]
    assert {one.seed for one in jaws} == {0} and {one.controls["lips"] for one in jaws} == {1.0}


def test_an_adapter_is_compared_with_the_same_take_without_it():
    tuned = takes.Candidate(adapter="a.safetensors", adapter_sha="ab" * 32)
    found = takes.candidates(4, tuned, "ADAPTER", 0.4, 1)
    assert [bool(one.adapter) for one in found] == [False, True, False, True]
    assert found[0].seed == found[1].seed != found[2].seed == found[3].seed
    with pytest.raises(UserError, match="No adapter is in use"):
        takes.candidates(4, BASE, "ADAPTER", 0.4, 1)


def test_cuts_lie_on_whole_frames():
    fps = 24 / 1.001
    for cut in takes.cuts([(0.0, 1.97), (1.97, 4.2)], fps, 11):
        assert cut.start * fps == pytest.approx(round(cut.start * fps), abs=1e-3)
        assert cut.frame == 11 + round(cut.start * fps)
        assert cut.frames == round((cut.end - cut.start) * fps)


def test_a_fast_scene_is_filmed_at_every_second_frame():
    assert [takes.films.step_for(fps) for fps in (24, 29.97, 30, 50, 60, 120)] == [1, 1, 1, 2, 2, 4]
    assert takes.cuts([(0.0, 2.0)], 60.0, 1)[0].frames == 60


def tone(path, pattern, width=2, channels=1):
    """A tone that is there or not in each of these seconds."""
    rate = 8000
    sound = np.concatenate([on * 0.5 * np.sin(np.arange(int(rate * seconds)) * 0.3) for on, seconds in pattern])
    with wave.open(str(path), "wb") as file:
        file.setparams((channels, width, rate, 0, "NONE", ""))
        file.writeframes(np.repeat(sound * 32767, channels).astype("<i2").tobytes())
    return path


def test_listening_finds_length_and_pauses(tmp_path):
    seconds, quiet = takes.listen(tone(tmp_path / "a.wav", [(1, 1.0), (0, 0.4), (1, 1.6)], channels=2))
    assert seconds == pytest.approx(3.0)
    assert len(quiet) == 1 and quiet[0] == pytest.approx((1.0, 1.4), abs=0.03)


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_every_width_of_sample_is_heard_alike(tmp_path, width):
    sound = (np.sin(np.arange(8000) * 0.1) * (np.arange(8000) < 4000) * 0.5 * 2**31).astype("<i4")
    raw = sound.view(np.uint8).reshape(-1, 4)[:, 4 - width :]
    data = (raw[:, 0] + np.uint8(128)).tobytes() if width == 1 else raw.tobytes()
    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setparams((1, width, 8000, 0, "NONE", ""))
        file.writeframes(data)
    seconds, quiet = takes.listen(tmp_path / "a.wav")
    assert seconds == 1.0 and quiet == [pytest.approx((0.5, 1.0), abs=0.03)]


def test_other_sounds_are_left_to_the_worker(tmp_path):
    (tmp_path / "a.wav").write_text("words")
    assert takes.listen(tmp_path / "a.wav") == (None, [])
    assert takes.windows(None, [], "HERE", 5.0, 2.0) == [(4.0, 6.0)]
    assert takes.windows(None, [], "LINE", 5.0, 2.0) == [(0.0, 2.0)]
    assert takes.rest(2.0, 7.0, 2.0) == [(2.0, 4.0), (4.0, 7.0)]
    assert takes.rest(2.0, 2.5, 2.0) == []


def test_the_stretch_here_and_all_of_the_line():
    assert takes.windows(10.0, [], "HERE", 5.0, 2.0) == [(4.0, 6.0)]
    assert takes.windows(10.0, [], "HERE", -3.0, 2.0) == [(0.0, 2.0)]
    assert takes.windows(0.0, [], "LINE", 0.0, 2.0) == []
    line = takes.windows(10.0, [(4.1, 4.3)], "LINE", 0.0, 2.0)
    assert line[0][0] == 0.0 and line[-1][1] == 10.0 and 4.2 in [pytest.approx(end) for _, end in line]


def test_the_sounds_place_is_its_strips(scene, make_head, speech, wav):
    head = make_head()
    assert takes.sound_start(scene, wav, 7) == 7
    if not bpy.app.build_options.audaspace:
        pytest.skip("this Blender was built without sound")
    bake.apply(bake.plan([head], speech, bake.BakeOptions(start_frame=31, sound=wav)), scene)
    assert takes.sound_start(scene, wav, 7) == 31


def test_a_films_key_changes_with_what_it_shows(scene):
    head = demo_head.build(scene)
    objects = list(head.objects)
    first = films.rig_hash(scene, objects)
    assert first == films.rig_hash(scene, objects)
    bake.apply(bake.plan(objects, jaw_curves(), bake.BakeOptions()), scene)
    assert films.rig_hash(scene, objects) == first, "our own bake is replaced in every film"
    objects[0].data.shape_keys.key_blocks["jawOpen"].data[0].co.x += 0.01
    assert films.rig_hash(scene, objects) != first
    look = films.Look("rig", "face", "WORKBENCH", 384, 24.0, False)
    other = films.Look("rig", "face", "CYCLES", 384, 24.0, False)
    assert len({look.key("a", 1), look.key("b", 1), look.key("a", 2), other.key("a", 1)}) == 4
    assert films.camera_name(scene, "FACE") == "face"
    before = films.camera_name(scene, "SCENE")
    scene.camera.data.lens += 5
    assert films.camera_name(scene, "SCENE") != before


def jaw_curves():
    times = np.arange(61) / 60
    values = np.zeros((61, 52), np.float32)
    values[:, ARKIT_52.index("jawOpen")] = np.linspace(0, 1, 61)
    return Curves(ARKIT_52, times, values)


@pytest.mark.parametrize("turn", [0.0, 0.8, -2.0])
def test_the_face_camera_looks_the_head_in_the_face_wherever_it_turns(scene, turn):
    from mathutils import Vector

    head = demo_head.build(scene)
    head.root.rotation_euler.z = turn
    head.root.location = (3.0, -2.0, 1.0)
    camera = face_view.aim(scene, head.objects, (1,))
    assert scene.camera == camera
    towards = (camera.matrix_world.to_translation() - head.root.matrix_world.to_translation()) * Vector((1, 1, 0))
    front = Vector((np.sin(turn), -np.cos(turn), 0.0))  # the head looks along -Y
    assert towards.normalized().dot(front) > 0.98
    assert 0.4 < face_view.split(scene, head.objects) < 0.65
    assert face_view.aim(scene, head.objects, (1,)) == camera, "one camera, however often"


def test_two_takes_of_a_stretch_get_one_view(scene):
    head = demo_head.build(scene)
    still = face_view.aim(scene, head.objects, (1,)).matrix_world.copy()
    bake.apply(bake.plan(head.objects, jaw_curves(), bake.BakeOptions(start_frame=-30)), scene)
    scene.frame_set(20)
    assert face_view.aim(scene, head.objects, (20,)).matrix_world == still


def test_a_character_without_a_face_is_said(scene, make_head):
    with pytest.raises(UserError, match="none has a face"):
        face_view.aim(scene, [make_head("Box", ())], (1,))
    with pytest.raises(UserError, match="move nothing"):
        face_view.aim(scene, [make_head("Still", ("jawOpen",))], (1,))


def test_pruning_keeps_the_newest_and_what_is_in_use(tmp_path):
    import os

    for age, name in enumerate("abcd"):
        where = films.folder(tmp_path) / name
        where.mkdir(parents=True)
        (where / "0001.jpg").write_bytes(bytes(1000))
        os.utime(where, (1000 - age, 1000 - age))
    assert films.prune(tmp_path, 2000, keep=["d"]) == 2000
    assert sorted(p.name for p in films.folder(tmp_path).iterdir()) == ["a", "d"]
    assert films.prune(tmp_path / "nowhere") == 0
    for name, age in ((".work-crashed", 90_000), (".work-running", 10)):
        where = films.folder(tmp_path) / name
        where.mkdir()
        os.utime(where, (time.time() - age,) * 2)
    films.prune(tmp_path, 0)
    assert sorted(p.name for p in films.folder(tmp_path).iterdir()) == [".work-running"]


def test_a_film_without_its_card_or_a_picture_is_none(tmp_path):
    assert films.load(tmp_path, "a") is None
    where = films.folder(tmp_path) / "a"
    where.mkdir(parents=True)
    (where / films.CARD).write_text('{"take": "t", "frames": 2, "fps": 24, "split": 0.5}')
    (where / "0001.jpg").write_bytes(b"")
    assert films.load(tmp_path, "a") is None
    (where / "0002.jpg").write_bytes(b"")
    assert len(films.load(tmp_path, "a").frames) == 2
    (where / films.CARD).write_text("nonsense")
    assert films.load(tmp_path, "a") is None


@pytest.mark.slow
@pytest.mark.skipif(not render.workbench_available(), reason="Workbench needs EGL, which this machine lacks")
def test_a_film_shows_the_take_and_a_dead_renderer_is_a_sentence(scene, tmp_path):
    scene.render.fps = 24
    head = demo_head.build(scene)
    curves_file.save(jaw_curves(), tmp_path / "jaw.npz")
    maker = films.FilmMaker(tmp_path / "data")
    maker.open(scene, head.objects, "FACE", "WORKBENCH", 128)
    maker.want(films.Wanted("a" * 64, tmp_path / "jaw.npz", 1, 24, 1, 24.0))
    until(maker, lambda: maker.film("a" * 64))
    film = maker.film("a" * 64)
    assert len(film.frames) == 24 and 0.4 < film.split < 0.65
    first, last = (pixels(path) for path in (film.frames[0], film.frames[-1]))
    assert first.shape == (128, 128, 4)
    moved = np.abs(first - last).mean(-1)
    split = int(128 * film.split)
    assert moved[:split].mean() > 5 * moved[split:].mean(), "the jaw opens, the eyes stay"
    maker._process.kill()
    maker.want(films.Wanted("b" * 64, tmp_path / "jaw.npz", 1, 24, 1, 24.0))
    until(maker, lambda: maker.error)
    assert "ended" in maker.error.message and "Cycles" in maker.error.hint
    maker.close()
    assert not [p for p in films.folder(tmp_path / "data").iterdir() if p.name.startswith(".")]


def until(maker, done, seconds=180.0):
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, maker.error or "it did not come about"
        maker.poll()
        time.sleep(0.01)


def pixels(path):
    image = bpy.data.images.load(str(path))
    width, height = image.size
    found = np.empty(width * height * 4, np.float32)
    image.pixels.foreach_get(found)
    bpy.data.images.remove(image)
    return found.reshape(height, width, 4)
