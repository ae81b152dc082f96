# SPDX-License-Identifier: GPL-3.0-or-later
from pathlib import Path

import pytest

from facewright.core.errors import UserError
from facewright.scene import bake, sound, tags
from facewright.scene.bake import BakeOptions

bpy = pytest.importorskip("bpy")
pytestmark = pytest.mark.blender
needs_sound = pytest.mark.skipif(not bpy.app.build_options.audaspace, reason="this bpy was built without sound")


def strips(scene):
    editor = scene.sequence_editor
    return [] if editor is None else list(sound._strips(editor))


@needs_sound
def test_it_lies_at_the_frame_with_its_length(scene, wav):
    placed = sound.place(scene, wav, 25, ["Key"])
    (strip,) = strips(scene)
    assert placed == sound.PlacedSound(strip.name)
    assert (sound._start(strip), sound._end(strip)) == (25, 55)  # half a second at 60 fps
    assert Path(bpy.path.abspath(strip.sound.filepath)) == wav


@needs_sound
def test_other_strips_are_untouched(scene, wav):
    editor = scene.sequence_editor_create()
    own = sound._strips(editor).new_sound("Mine", str(wav), 1, 10)
    before = (own.channel, sound._start(own), sound._end(own))
    sound.place(scene, wav, 10, ["Key"])
    assert (own.channel, sound._start(own), sound._end(own)) == before
    assert len(strips(scene)) == 2
    assert len({s.channel for s in strips(scene)}) == 2
    assert sound.remove(scene, ["Key"]) == ()
    assert [s.name for s in strips(scene)] == ["Mine"]


@needs_sound
def test_a_second_bake_replaces_its_sound(scene, wav):
    for frame in (1, 50, 50):
        sound.place(scene, wav, frame, ["Key"])
    (strip,) = strips(scene)
    assert (sound._start(strip), strip.name) == (50, "tone")
    assert len(bpy.data.sounds) == 1


@needs_sound
def test_two_characters_have_a_sound_each(scene, wav):
    sound.place(scene, wav, 1, ["Anna"])
    sound.place(scene, wav, 90, ["Bert"])
    assert len(strips(scene)) == 2
    sound.place(scene, wav, 7, ["Anna"])
    assert sorted(sound._start(s) for s in strips(scene)) == [7, 90]


@needs_sound
def test_a_shared_sound_stays_for_the_other(scene, wav):
    sound.place(scene, wav, 1, ["Face", "Teeth"])
    sound.remove(scene, ["Teeth"])
    assert len(strips(scene)) == 1
    sound.remove(scene, ["Face"])
    assert strips(scene) == []
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
    assert sound.remove(scene, ["Key"]) == ()


@needs_sound
def test_a_part_that_is_baked_again_shares_the_sound_of_the_others(scene, make_head, speech, wav):
    face, teeth = make_head("Face"), make_head("Teeth")
    bake.apply(bake.plan([face, teeth], speech, BakeOptions(sound=wav)), scene)
    report = bake.apply(bake.plan([face], speech, BakeOptions(sound=wav)), scene)
    (strip,) = strips(scene)
    assert report.sound == strip.name
    bake.remove([teeth], scene)
    assert len(strips(scene)) == 1
    bake.remove([face], scene)
    assert strips(scene) == []


@needs_sound
def test_without_a_sound_the_earlier_takes_goes(scene, make_head, speech, wav):
    face, teeth = make_head("Face"), make_head("Teeth")
    bake.apply(bake.plan([face, teeth], speech, BakeOptions(sound=wav)), scene)
    bake.apply(bake.plan([face], speech, BakeOptions(start_frame=300)), scene)
    assert len(strips(scene)) == 1  # the teeth still play to it
    bake.apply(bake.plan([teeth], speech, BakeOptions(start_frame=300)), scene)
    assert strips(scene) == []


@needs_sound
def test_a_failed_bake_without_a_sound_leaves_the_earlier_takes(scene, make_head, speech, wav, monkeypatch):
    head = make_head()
    bake.apply(bake.plan([head], speech, BakeOptions(sound=wav)), scene)
    plan = bake.plan([head], speech, BakeOptions(start_frame=300))
    monkeypatch.setattr(tags, "write", lambda *_args, **_data: (_ for _ in ()).throw(MemoryError()))
    with pytest.raises(MemoryError):
        bake.apply(plan, scene)
    monkeypatch.undo()
    assert len(strips(scene)) == 1
    bake.remove([head], scene)
    assert strips(scene) == []


@needs_sound
def test_a_line_that_was_pushed_down_keeps_its_sound(scene, make_head, speech, wav):
    head = make_head()
    bake.apply(bake.plan([head], speech, BakeOptions(sound=wav)), scene)
    adt = head.data.shape_keys.animation_data
    action, adt.action = adt.action, None
    adt.nla_tracks.new().strips.new("Line 1", 1, action)
    for frame in (700, 800):
        bake.apply(bake.plan([head], speech, BakeOptions(start_frame=frame, sound=wav)), scene)
        assert sorted(sound._start(s) for s in strips(scene)) == [1, frame]


@needs_sound
def test_a_strip_that_was_moved_is_kept_muted(scene, wav):
    sound.place(scene, wav, 1, ["Key"])
    (moved,) = strips(scene)
    moved.frame_start += 5
    placed = sound.place(scene, wav, 1, ["Key"])
    assert len(placed.warnings) == 1 and "muted" in placed.warnings[0]
    assert sorted((sound._start(s), s.mute) for s in strips(scene)) == [(1, False), (6, True)]
    sound.remove(scene, ["Key"])
    assert [(sound._start(s), s.mute) for s in strips(scene)] == [(6, True)]  # the artist's from then on


@needs_sound
def test_a_strip_with_another_volume_stays_where_the_same_sound_is_baked_again(scene, wav):
    sound.place(scene, wav, 1, ["Key"])
    strips(scene)[0].volume = 0.5
    for _ in range(2):
        assert sound.place(scene, wav, 1, ["Key"]).warnings == ()
        assert [s.volume for s in strips(scene)] == [0.5]
    assert sound.place(scene, wav, 50, ["Key"]).warnings
    assert sorted((sound._start(s), s.volume, s.mute) for s in strips(scene)) == [(1, 0.5, True), (50, 1.0, False)]


@needs_sound
def test_a_saved_and_reopened_strip_is_not_taken_for_changed(scene, wav):
    sound.place(scene, wav, 1, ["Key"])
    bpy.ops.wm.save_as_mainfile(filepath=str(wav.parent / "a.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(wav.parent / "a.blend"))
    assert sound.place(bpy.context.scene, wav, 50, ["Key"]).warnings == ()
    assert [sound._start(s) for s in strips(bpy.context.scene)] == [50]


@needs_sound
def test_a_linked_folder_keeps_its_name(scene, wav, tmp_path):
    link = tmp_path / "assets"
    try:
        link.symlink_to(tmp_path, target_is_directory=True)
    except OSError:
        pytest.skip("this system makes no symbolic links")
    sound.place(scene, link / wav.name, 1, ["Key"])
    assert Path(bpy.path.abspath(strips(scene)[0].sound.filepath)) == link / wav.name
