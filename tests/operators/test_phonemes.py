# SPDX-License-Identifier: GPL-3.0-or-later
"""The phone track's buttons: editing, another word, markers, files, the face that follows, and another take around what is kept."""
import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from facewright.operators.phoneme_edit import FACEWRIGHT_OT_phoneme_edit as Edit  # noqa: E402
from facewright.operators.redrive_face import adapter_of  # noqa: E402
from facewright.operators.retake import FACEWRIGHT_OT_retake as Retake  # noqa: E402
from facewright.scene import actions_compat, bake, edits, jobs, lines, phonemes, tags  # noqa: E402

pytestmark = pytest.mark.blender

_spec = importlib.util.spec_from_file_location("stand_in_for_phonemes", Path(__file__).with_name("stand_in.py"))
stand_in = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(stand_in)


@pytest.fixture
def baked(face, settings, worker, sound):
    """A face with a take of the stand-in's track, 24 frames a second, the sound from frame 1."""
    bpy.context.scene.render.fps = 24
    settings.sound = sound("kept")
    assert bpy.ops.facewright.bake_speech() == {"FINISHED"}
    return face


def shown():
    return phonemes.required(bpy.context)


def labels():
    return " ".join(p.label for p in shown().take.phones)


def edit(action, **more):
    return bpy.ops.facewright.phoneme_edit(action=action, **more)


def told():
    return jobs.outcome("speech").lines


def curve(obj, name):
    action = obj.data.shape_keys.animation_data.action
    return next(f for f in actions_compat.fcurves(action) if f.data_path == f'key_blocks["{name}"].value')


def test_a_bake_keeps_its_track(baked):
    assert labels() == "B AA B M EY" and [w.name for w in shown().take.words] == ["Bob", "may"]
    assert phonemes.read(shown().action).to_dict() == stand_in.TRACK
    assert not shown().take.edited and phonemes.recipe(shown().action)["params"]["seed"] == 0


def test_without_a_take_it_says_what_to_do(face, settings):
    assert Edit.disabled_reason(bpy.context) == "No take with a phone track is selected. Bake speech onto the character first."
    assert Retake.disabled_reason(bpy.context) == Edit.disabled_reason(bpy.context)


def test_choosing_moves_the_playhead_if_it_follows(baked, settings):
    shown().take.phone_index = 4
    assert bpy.context.scene.frame_current == round(1 + 0.8 * 24) and shown().take.word_index == 1
    settings.phonemes.follow = False
    shown().take.phone_index = 0
    assert bpy.context.scene.frame_current == round(1 + 0.8 * 24)
    bpy.context.scene.frame_set(round(1 + 0.3 * 24))
    assert edit("HERE") == {"FINISHED"}
    assert shown().take.phone_index == 1 and shown().take.word_index == 0


def test_times_by_the_playhead_and_by_hand(baked):
    bpy.context.scene.frame_set(9)  # a third of a second
    phonemes.choose(shown(), "phone", 1)
    edit("END")
    assert shown().take.phones[1].end == shown().take.phones[2].start == pytest.approx(8 / 24, abs=1e-3)
    assert shown().take.edited and shown().take.phones[1].confidence == 1
    shown().take.phones[3].frame_start = 1 + 0.55 * 24
    assert shown().take.phones[3].start == pytest.approx(0.55, abs=1e-3)
    assert shown().take.words[1].start == pytest.approx(0.55, abs=1e-3), "the word begins with its first phone"
    shown().take.phones[3].frame_start = 1e6  # a slider cannot complain
    assert phonemes.read(shown().action)


def test_another_phone_in_the_menu(baked):
    shown().take.phones[1].label = "S"
    phone = shown().take.phones[1]
    assert (phone.name, phone.stress, phone.confidence) == ("S", "0", 1.0) and shown().take.edited


def test_insert_split_merge_delete_and_search(baked, settings):
    bpy.context.scene.frame_set(13)  # half a second: after the last B
    edit("INSERT", label="SH")
    assert labels() == "B AA B SH M EY" and shown().take.phone_index == 3
    phonemes.choose(shown(), "phone", 1)
    edit("SPLIT")
    assert labels() == "B AA AA B SH M EY"
    edit("MERGE")
    assert labels() == "B AA B SH M EY"
    settings.phonemes.search = "m ey"
    edit("SEARCH")
    assert shown().take.phone_index == 4
    edit("DELETE")
    assert labels() == "B AA B SH EY"
    settings.phonemes.search = "may"
    edit("SEARCH", kind="word")
    assert shown().take.word_index == 1
    settings.phonemes.search = "nothing"
    with pytest.raises(RuntimeError, match="No word 'nothing'"):
        edit("SEARCH", kind="word")
    edit("DELETE", kind="word")
    assert labels() == "B AA B SH" and len(shown().take.words) == 1


def test_an_edit_that_cannot_be_is_a_sentence_and_changes_nothing(baked):
    phonemes.choose(shown(), "phone", 4)
    with pytest.raises(RuntimeError, match="last one"):
        edit("MERGE")
    assert labels() == "B AA B M EY"


def test_another_word_is_pronounced(baked, settings):
    settings.phonemes.word = " pay "
    phonemes.choose(shown(), "word", 0)
    assert bpy.ops.facewright.phoneme_word() == {"FINISHED"}
    assert labels() == "P EY M EY" and shown().take.words[0].name == "pay" and shown().take.edited
    assert "P EY" in jobs.outcome("phonemes").lines[0]
    settings.phonemes.word = "trouble"
    with pytest.raises(RuntimeError, match="cannot be said"):
        bpy.ops.facewright.phoneme_word()
    bpy.context.scene.frame_set(24)
    settings.phonemes.word = "day"
    bpy.ops.facewright.phoneme_word(insert=True)
    assert labels() == "P EY M EY P EY" and len(shown().take.words) == 3
    bpy.context.scene.frame_set(5)
    with pytest.raises(RuntimeError, match="a word at the playhead already"):
        bpy.ops.facewright.phoneme_word(insert=True)


def test_markers_are_ours_alone(baked):
    mine = bpy.context.scene.timeline_markers.new("mine", frame=3)
    bpy.ops.facewright.phoneme_markers()
    assert {m.name: m.frame for m in bpy.context.scene.timeline_markers} == {"mine": 3, "Bob": 3, "may": 15}
    bpy.ops.facewright.phoneme_markers(kind="phone")
    assert len(bpy.context.scene.timeline_markers) == 6
    bpy.ops.facewright.phoneme_markers(clear=True)
    assert list(bpy.context.scene.timeline_markers) == [mine]


def test_files_go_out_and_come_in(baked, tmp_path):
    before = phonemes.read(shown().action)
    for name in ("a.TextGrid", "a.json"):
        assert bpy.ops.facewright.export_phonemes(filepath=str(tmp_path / name)) == {"FINISHED"}
        edit("DELETE")
        assert bpy.ops.facewright.import_phonemes(filepath=str(tmp_path / name)) == {"FINISHED"}
        assert [p.label for p in phonemes.read(shown().action).phones] == [p.label for p in before.phones] and shown().take.edited
    (tmp_path / "late.json").write_text('{"words": [], "phones": [{"label": "B", "start": 9, "end": 9.5}]}')
    with pytest.raises(RuntimeError, match="after the sound's end"):
        bpy.ops.facewright.import_phonemes(filepath=str(tmp_path / "late.json"))


def test_the_face_follows_without_listening(baked, settings):
    shown().take.phones[1].label = "OW"
    settings.seed, settings.jaw = 4, 0.3  # of the next bake: a re-drive stays with how this take was made
    before = np.array([k.co for k in curve(baked, "jawOpen").keyframe_points])
    assert bpy.ops.facewright.redrive_face() == {"FINISHED"}
    assert "follow the edited track: 5 phones" in told()[0] and not any("listened" in line for line in told())
    np.testing.assert_allclose([k.co for k in curve(baked, "jawOpen").keyframe_points], before)
    assert labels() == "B OW B M EY" and not shown().take.edited
    assert len(bpy.data.actions) == 1, "the earlier bake is replaced"


def test_what_is_no_longer_kept_is_listened_to_again_and_said(face, settings, worker, sound):
    settings.sound = sound("speech")
    bpy.ops.facewright.bake_speech()
    bpy.ops.facewright.redrive_face()
    assert any("listened to again" in line for line in told())


def test_an_edited_bake_is_kept_as_the_artists(baked):
    curve(baked, "jawOpen").keyframe_points[2].co_ui[1] = 0.77
    bpy.ops.facewright.redrive_face()
    assert "Facewright Face (edited)" in bpy.data.actions and "Re-Take Around My Keys keeps such keys" in told()[-1]
    assert not tags.was_edited(baked.data.shape_keys.animation_data.action)


def test_a_pushed_down_take_shows_its_track_and_stays_when_re_driven(baked):
    adt = baked.data.shape_keys.animation_data
    action = adt.action
    track = adt.nla_tracks.new()
    strip = track.strips.new("line", 101, action)
    actions_compat.assign_to_strip(strip, action)
    strip.action_frame_start, strip.action_frame_end = 1, 25
    strip.frame_start, strip.frame_end = 101, 125
    actions_compat.assign(adt, None)
    found = shown()
    assert found.pushed and found.action == action and found.start == 101
    assert phonemes.frame_at(found, bpy.context.scene, 0.5) == pytest.approx(113)
    shown().take.phones[0].label = "P"
    bpy.ops.facewright.redrive_face()
    assert any("pushed down stays below" in line for line in told())
    assert strip.action == action and adt.action != action and phonemes.start_frame(adt.action) == 101


def test_the_track_survives_saving_appending_and_undo(baked, tmp_path):
    shown().take.phones[0].label = "P"
    path = str(tmp_path / "saved.blend")
    bpy.ops.wm.save_as_mainfile(filepath=path)
    bpy.ops.wm.open_mainfile(filepath=path)
    assert labels() == "P AA B M EY" and shown().take.edited
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    with bpy.data.libraries.load(path) as (there, here):
        here.objects = there.objects
    obj = here.objects[0]
    bpy.context.scene.collection.objects.link(obj)
    bpy.context.view_layer.update()
    obj.select_set(True)
    assert labels() == "P AA B M EY"
    assert edits.changed(shown().used) == {}, "the snapshot comes along too"


def again_held(obj):
    return edits.held([obj], bpy.context.scene, True).where[:, 17]


def test_a_take_around_an_edited_key(baked, settings):
    fcurve = curve(baked, "jawOpen")
    point = fcurve.keyframe_points[len(fcurve.keyframe_points) // 2]
    frame = point.co[0]
    point.co_ui[1] = 0.123
    fcurve.update()
    held = edits.held([baked], bpy.context.scene, True)
    assert held.edited and len(held.keys) == 1 and held.samples >= 1
    settings.seed = 5
    assert bpy.ops.facewright.retake() == {"FINISHED"}
    assert "around 1 key of yours" in told()[0]
    now = curve(baked, "jawOpen")
    assert now.evaluate(frame) == pytest.approx(0.123, abs=1e-5)
    other = [f for f in range(1, 26) if not again_held(baked)[f - 1]]
    take = 0.5 * stand_in.known_curves().resample(np.arange(25) / 24).channel("jawOpen")
    np.testing.assert_allclose([now.evaluate(f) for f in other], take[[f - 1 for f in other]], atol=settings.max_error + 1e-3)
    again = edits.held([baked], bpy.context.scene, True)
    assert again.edited and again.where[round(frame) - 1, 17], "it stays the artist's in the next take"
    bpy.ops.facewright.bake_speech()
    assert sum("(edited)" in a.name for a in bpy.data.actions) == 2, "a plain bake throws none of it away"


def test_a_kept_key_keeps_its_height_and_its_shape(baked, settings):
    baked.data.shape_keys.key_blocks["jawOpen"].slider_max = 2.0
    fcurve = curve(baked, "jawOpen")
    at = len(fcurve.keyframe_points) // 2
    for point, kind in zip(fcurve.keyframe_points[at : at + 2], ("CONSTANT", "BEZIER"), strict=True):
        point.co_ui[1] = 1.5
        point.interpolation = kind
        point.handle_left_type = point.handle_right_type = "FREE"
        point.handle_right = point.co[0] + 0.4, 1.6
    fcurve.update()
    frames = [p.co[0] for p in fcurve.keyframe_points[at : at + 2]]
    settings.seed = 5
    assert bpy.ops.facewright.retake() == {"FINISHED"}
    kept = {p.co[0]: p for p in curve(baked, "jawOpen").keyframe_points}
    for frame, kind in zip(frames, ("CONSTANT", "BEZIER"), strict=True):
        point = kept[frame]
        assert point.co[1] == pytest.approx(1.5) and (point.interpolation, point.handle_right_type) == (kind, "FREE")
        assert tuple(point.handle_right) == pytest.approx((frame + 0.4, 1.6), abs=1e-4)
    assert curve(baked, "jawOpen").evaluate(frames[0] + 0.5) == pytest.approx(1.5)


def test_the_take_s_adapter_is_found_again_by_its_content(baked, settings, tmp_path):
    folder = tmp_path / "adapters"
    (folder / "removed").mkdir(parents=True)
    path = folder / "calm.safetensors"
    path.write_bytes(b"an adapter")
    action = shown().action
    options = bake.BakeOptions()
    made = lines.recipe({"audio": "a.wav", "adapter": str(path), "adapter_strength": 0.5}, {"duration": 1.0}, options)
    action.facewright_take.recipe = json.dumps(made)
    made = phonemes.recipe(action)
    assert str(tmp_path) not in action.facewright_take.recipe and adapter_of(made, folder) == (str(path), ())
    moved = path.rename(folder / "removed" / "calm-2.safetensors")
    assert adapter_of(made, folder) == (str(moved), ())
    moved.unlink()
    gone, (sentence,) = adapter_of(made, folder)
    assert gone is None and "'calm'" in sentence
    bpy.ops.facewright.bake_speech()
    action = shown().action
    action.facewright_take.recipe = json.dumps({**phonemes.recipe(action), "adapter": made["adapter"]})
    assert bpy.ops.facewright.redrive_face() == {"FINISHED"}
    assert sentence in told() and not any(line.startswith("adapter=") for line in told())


def test_a_take_around_a_chosen_part(baked, settings):
    settings.phonemes.keep_edits, settings.phonemes.keep_part = False, True
    settings.phonemes.region, settings.phonemes.first, settings.phonemes.last = "MOUTH", 5, 12
    before = [curve(baked, "jawOpen").evaluate(f) for f in range(1, 26)]
    settings.seed = 5
    assert bpy.ops.facewright.retake() == {"FINISHED"}
    after = [curve(baked, "jawOpen").evaluate(f) for f in range(1, 26)]
    np.testing.assert_allclose(after[4:12], before[4:12], atol=settings.max_error + 1e-4)
    assert abs(after[20] - before[20]) > 0.02
    assert not tags.was_edited(baked.data.shape_keys.animation_data.action), "nothing of it is an artist's"


def test_a_part_that_was_kept_once_is_no_edit(baked, settings):
    curve(baked, "jawOpen").keyframe_points[2].co_ui[1] = 0.9
    mine = edits.held([baked], bpy.context.scene, True).where.sum()
    settings.phonemes.keep_part = True
    settings.phonemes.region, settings.phonemes.first, settings.phonemes.last = "MOUTH", 12, 20
    assert bpy.ops.facewright.retake() == {"FINISHED"}
    assert edits.held([baked], bpy.context.scene, True).where.sum() == mine


def test_keys_beyond_the_sound_and_on_other_shapes_stay(baked, settings):
    baked.shape_key_add(name="Smirk", from_mix=False)
    action = baked.data.shape_keys.animation_data.action
    curve(baked, "jawOpen").keyframe_points.insert(-5, 0.9)
    curve(baked, "jawOpen").keyframe_points.insert(40, 0.8)
    smirk = actions_compat.collection(action).new('key_blocks["Smirk"].value')
    smirk.keyframe_points.insert(10, 0.7)
    for seed in (5, 6):
        settings.seed = seed
        assert bpy.ops.facewright.retake() == {"FINISHED"}
        assert "around 3 keys of yours" in told()[0]
        for name, frame, value in (("jawOpen", -5, 0.9), ("jawOpen", 40, 0.8), ("Smirk", 10, 0.7)):
            assert curve(baked, name).evaluate(frame) == pytest.approx(value)


def test_another_mood_on_a_track_that_was_changed(baked, settings):
    shown().take.phones[0].label = "P"
    settings.seed = 5
    assert bpy.ops.facewright.retake() == {"FINISHED"}
    assert "of your track" in told()[0] and phonemes.recipe(shown().action)["params"]["seed"] == 5
    assert bpy.ops.facewright.redrive_face() == {"FINISHED"}
    assert not any("(edited)" in a.name for a in bpy.data.actions)
    bpy.ops.facewright.bake_speech()
    assert [a.name for a in bpy.data.actions if "(edited)" in a.name], "a plain bake does not throw the track away"


def test_another_frame_rate_is_told(baked, settings):
    curve(baked, "jawOpen").keyframe_points[2].co_ui[1] = 0.9
    bpy.context.scene.render.fps = 30
    with pytest.raises(RuntimeError, match="baked at 24 frames a second"):
        bpy.ops.facewright.retake()


@pytest.mark.skipif(not bpy.app.build_options.audaspace, reason="a Blender without sound places none")
def test_the_sound_is_found_where_the_scene_has_it(baked, tmp_path):
    (tmp_path / "v").mkdir()
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    bpy.ops.facewright.bake_speech()
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "v" / "shot_2.blend"))
    assert bpy.ops.facewright.redrive_face() == {"FINISHED"}
    editor = bpy.context.scene.sequence_editor
    (strip,) = editor.strips if hasattr(editor, "strips") else editor.sequences
    assert Path(bpy.path.abspath(strip.sound.filepath)).exists()


def test_a_retake_of_nothing_is_a_sentence(baked, settings):
    with pytest.raises(RuntimeError, match="No key of this take was changed"):
        bpy.ops.facewright.retake()
    settings.phonemes.keep_part, settings.phonemes.first, settings.phonemes.last = True, 500, 600
    settings.phonemes.keep_edits = False
    with pytest.raises(RuntimeError, match="outside the take"):
        bpy.ops.facewright.retake()
    settings.phonemes.keep_part = False
    assert "Choose what to keep" in Retake.disabled_reason(bpy.context)


def test_removing_or_exporting_a_pushed_down_bake_says_whose_it_is(baked):
    from facewright.operators.export_curves import FACEWRIGHT_OT_export_curves as Export
    from facewright.operators.remove_bake import FACEWRIGHT_OT_remove_bake as Remove

    assert Remove.disabled_reason(bpy.context) == Export.disabled_reason(bpy.context) == ""
    adt = baked.data.shape_keys.animation_data
    strip = adt.nla_tracks.new().strips.new("line", 1, adt.action)
    actions_compat.assign_to_strip(strip, adt.action)
    actions_compat.assign(adt, None)
    assert "pushed down in the NLA" in Remove.disabled_reason(bpy.context)
    assert "pushed down in the NLA" in Export.disabled_reason(bpy.context)
    adt.nla_tracks.remove(adt.nla_tracks[0])
    assert "Select an object that carries" in Remove.disabled_reason(bpy.context)
