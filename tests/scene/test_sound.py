# SPDX-License-Identifier: GPL-3.0-or-later
from pathlib import Path

import pytest

from facewright.core.errors import UserError
from facewright.scene import bake, sound
from facewright.scene.bake import BakeOptions

bpy = pytest.importorskip("bpy")
pytestmark = pytest.mark.blender
needs_sound = pytest.mark.skipif(not bpy.app.build_options.audaspace, reason="this bpy was built without sound")


def strips(scene):
    editor = scene.sequence_editor
    return [] if editor is None else list(sound._strips(editor))


def start(strip):
    return strip.left_handle if hasattr(strip, "left_handle") else strip.frame_final_start


@needs_sound
def test_it_lies_at_the_frame_with_its_length(scene, wav):
    placed = sound.place(scene, wav, 25, ["Key"])
    (strip,) = strips(scene)
    assert placed == sound.PlacedSound(strip.name)
    assert (start(strip), sound._end(strip)) == (25, 55)  # half a second at 60 fps
    assert Path(bpy.path.abspath(strip.sound.filepath)) == wav


@needs_sound
def test_other_strips_are_untouched(scene, wav):
    editor = scene.sequence_editor_create()
    own = sound._strips(editor).new_sound("Mine", str(wav), 1, 10)
    before = (own.channel, start(own), sound._end(own))
    sound.place(scene, wav, 10, ["Key"])
    assert (own.channel, start(own), sound._end(own)) == before
    assert len(strips(scene)) == 2
    assert len({s.channel for s in strips(scene)}) == 2
    assert sound.remove(scene, ["Key"]) == 1
    assert [s.name for s in strips(scene)] == ["Mine"]


@needs_sound
def test_a_second_bake_replaces_its_sound(scene, wav):
    for frame in (1, 50, 50):
        sound.place(scene, wav, frame, ["Key"])
    (strip,) = strips(scene)
    assert (start(strip), strip.name) == (50, "tone")
    assert len(bpy.data.sounds) == 1


@needs_sound
def test_two_characters_have_a_sound_each(scene, wav):
    sound.place(scene, wav, 1, ["Anna"])
    sound.place(scene, wav, 90, ["Bert"])
    assert len(strips(scene)) == 2
    sound.place(scene, wav, 7, ["Anna"])
    assert sorted(start(s) for s in strips(scene)) == [7, 90]


@needs_sound
def test_a_shared_sound_stays_for_the_other(scene, wav):
    sound.place(scene, wav, 1, ["Face", "Teeth"])
    assert sound.remove(scene, ["Teeth"]) == 0
    assert len(strips(scene)) == 1
    assert sound.remove(scene, ["Face"]) == 1
    assert len(bpy.data.sounds) == 0


@needs_sound
def test_the_path_is_relative_to_a_saved_file(scene, wav):
    bpy.ops.wm.save_as_mainfile(filepath=str(wav.parent / "a.blend"))
    sound.place(bpy.context.scene, wav, 1, ["Key"])
    (strip,) = strips(bpy.context.scene)
    assert strip.sound.filepath == "//tone.wav"


@needs_sound
def test_full_channels_are_said(scene, wav):
    editor = scene.sequence_editor_create()
    for channel in range(1, 129):
        sound._strips(editor).new_sound(str(channel), str(wav), channel, 1)
    placed = sound.place(scene, wav, 1, ["Key"])
    assert placed.strip == "" and "128" in placed.warnings[0]
    assert len(strips(scene)) == 128


def test_a_blender_without_sound_says_so(scene, make_head, speech, wav):
    head = make_head()
    report = bake.apply(bake.plan([head], speech, BakeOptions(sound=wav)), scene)
    if bpy.app.build_options.audaspace:
        assert report.sound and not report.warnings
    else:
        assert report.sound == "" and "without sound" in report.warnings[0]
    assert report.channels == 2


@pytest.mark.parametrize("what", ["missing", "folder", "empty"])
def test_what_is_no_sound_file(scene, make_head, speech, tmp_path, what):
    path = {"missing": tmp_path / "none.wav", "folder": tmp_path, "empty": tmp_path / "empty.wav"}[what]
    if what == "empty":
        path.touch()
    with pytest.raises(UserError):
        bake.plan([make_head()], speech, BakeOptions(sound=path))
    assert len(bpy.data.actions) == 0


@needs_sound
def test_a_text_file_named_wav_leaves_the_bake_standing(scene, make_head, speech, tmp_path):
    path = tmp_path / "letter.wav"
    path.write_text("Dear animator,")
    report = bake.apply(bake.plan([make_head()], speech, BakeOptions(sound=path)), scene)
    assert report.channels == 2


def test_remove_without_a_sequencer(scene):
    assert sound.remove(scene, ["Key"]) == 0
