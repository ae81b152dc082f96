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


def test_whatever_a_film_shows_is_in_its_key(scene):
    head = demo_head.build(scene)
    material = bpy.data.materials.new("Skin")
    if material.node_tree is None:
        material.use_nodes = True
    head.objects[0].data.materials.append(material)
    mesh = bpy.data.meshes.new("Hair")
    mesh.from_pydata([(0, 0, 0), (1, 0, 0), (0, 1, 0)], [], [(0, 1, 2)])
    hair = bpy.data.objects.new("Hair", mesh)
    lamp = bpy.data.objects.new("Lamp", bpy.data.lights.new("Lamp", "POINT"))
    for obj in (hair, lamp):
        scene.collection.objects.link(obj)
    scene.world = bpy.data.worlds.new("World")
    seen = []

    def is_new():
        bpy.context.view_layer.update()
        seen.append(films.rig_hash(scene, head.objects))
        assert films.rig_hash(scene, head.objects) == seen[-1]
        return seen.count(seen[-1]) == 1

    assert is_new()
    hair.location.z = 1
    assert is_new()
    mesh.vertices[0].co.x = -1
    assert is_new()
    lamp.data.energy = 5
    assert is_new()
    material.node_tree.nodes["Principled BSDF"].inputs["Base Color"].default_value = (1, 0, 0, 1)
    assert is_new()
    scene.world.color = (1, 0, 0)
    assert is_new()
    material.node_tree.nodes["Principled BSDF"].location.x += 100
    assert not is_new(), "where a node lies in its editor is not seen"


@pytest.mark.parametrize("use_nla", [True, False])
def test_an_artists_keys_do_not_hide_the_takes(scene, make_head, use_nla):
    from facewright.scene import film_studio

    head = make_head()
    key = head.data.shape_keys
    for name in ("jawOpen", "browInnerUp"):
        key.key_blocks[name].value = 0.25
        key.key_blocks[name].keyframe_insert("value", frame=1)
    key.animation_data.use_nla = use_nla
    curves = jaw_curves()
    for _take in range(2):
        bake.apply(bake.plan([head], curves, bake.BakeOptions(keys="DENSE")), scene)
        film_studio._give_way(key)
        for frame in (1, 10):
            scene.frame_set(frame)
            expected = np.interp((frame - 1) / scene.render.fps, curves.times, curves.values[:, curves.names.index("jawOpen")])
            assert key.key_blocks["jawOpen"].value == pytest.approx(expected, abs=0.02)
    assert key.key_blocks["browInnerUp"].value == pytest.approx(0.25), "what the take leaves alone stays the artist's"


def test_a_full_disk_fails_one_film_with_a_sentence(scene, tmp_path):
    maker = films.FilmMaker(tmp_path)
    maker.look = films.Look("r", "face", "WORKBENCH", 128, 24.0, True)
    maker.ready, maker._work = True, tmp_path / "gone"
    maker.want(films.Wanted("a" * 64, tmp_path / "jaw.npz", 1, 24, 1, 24.0))
    maker.poll()
    assert "could not be kept" in str(maker.failure("a" * 64))
    maker._current = films.Wanted("b" * 64, tmp_path / "jaw.npz", 1, 24, 1, 24.0), "key", tmp_path / "gone" / "b"
    maker._finish({"frames": 24, "split": 0.5, "seconds": 1.0})
    assert "could not be kept" in str(maker.failure("b" * 64)) and not maker.busy


def test_pictures_that_were_read_and_never_drawn_are_let_go(scene, tmp_path):
    from facewright.scene import player

    image = bpy.data.images.new("Grey", 4, 4)
    paths = [tmp_path / f"{i}.png" for i in range(player.WAITING_PICTURES + 5)]
    for path in paths:
        image.filepath_raw, image.file_format = str(path), "PNG"
        image.save()
    pictures = player.Pictures()
    for path in paths:
        pictures.decode(path)
    assert sum(map(pictures.has, paths)) == player.WAITING_PICTURES
    pictures.keep(paths[:3])
    assert [p for p in paths if pictures.has(p)] == paths[:3]
    pictures.decode(paths[-1])
    assert pictures.has(paths[-1])


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
