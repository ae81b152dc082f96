# SPDX-License-Identifier: GPL-3.0-or-later
"""Tracks and snapshots on Actions: written and read alike, found where they play, and what an artist changed is seen."""
import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

from facewright import registration  # noqa: E402
from facewright.core.errors import UserError  # noqa: E402
from facewright.inference.speech.phone_track import Phone, PhoneTrack, Word  # noqa: E402
from facewright.rigs.arkit import ARKIT_52  # noqa: E402
from facewright.scene import actions_compat, bake, edits, lines, phonemes  # noqa: E402

pytestmark = pytest.mark.blender
TRACK = PhoneTrack((Phone("M", 0.1, 0.3), Phone("AY", 0.3, 0.6, 1, 0.5)), (Word("my", 0.1, 0.6, 0.9),))
RESULT = {**TRACK.to_dict(), "duration": 4.0, "sound": "5" * 64}


@pytest.fixture
def addon(scene):
    registration.register()
    yield
    registration.unregister()


@pytest.fixture
def baked(addon, scene, make_head, speech):
    """bake(objects) -> report, with track, recipe and snapshot."""

    def run(objects, **options):
        settings_ = bake.BakeOptions(**options)
        plan = bake.plan(objects, speech, settings_)
        report = bake.apply(plan, scene)
        lines.record(plan, report, RESULT, lines.recipe({"audio": "/nowhere/a.wav", "seed": 3}, RESULT, settings_), scene)
        for obj in objects:
            obj.select_set(True)
        return report

    return run


def test_the_face_has_the_track_and_every_part_the_line(baked, make_head, scene):
    face, teeth = make_head("Face"), make_head("Teeth", ("jawOpen",))
    baked([teeth, face], start_frame=11)
    a, b = (o.data.shape_keys.animation_data.action.facewright_take for o in (face, teeth))
    assert len(a.phones) == 2 and len(b.phones) == 0 and a.line == b.line != ""
    assert phonemes.recipe(b.id_data)["params"] == {"seed": 3} and phonemes.recipe(b.id_data)["bake"]["keys"] == "SPARSE"
    for chosen in ([face], [teeth]):
        shown = phonemes.find(chosen, scene)
        assert shown.action == a.id_data and shown.start == 11 and not shown.pushed
        assert phonemes.read(shown.action) == TRACK
        assert set(phonemes.parts(shown, scene, chosen)) == {face, teeth}


def copied(obj, scene):
    """As Shift+D does: the copy has shape keys and an Action of its own."""
    copy = obj.copy()
    copy.data = obj.data.copy()
    scene.collection.objects.link(copy)
    animation = copy.data.shape_keys.animation_data
    actions_compat.assign(animation, animation.action.copy())
    return copy


def test_a_copied_character_is_left_alone(baked, make_head, scene):
    face, teeth = make_head("Face"), make_head("Teeth", ("jawOpen",))
    baked([face, teeth])
    other_face, other_teeth = copied(face, scene), copied(teeth, scene)
    shown = phonemes.find([face], scene)
    assert phonemes.parts(shown, scene, [face]) == [face]
    assert set(phonemes.parts(shown, scene, [other_face, other_teeth])) == {other_face, other_teeth}
    root = bpy.data.objects.new("Root", None)
    face.parent = teeth.parent = root
    assert set(phonemes.parts(shown, scene, [teeth])) == {face, teeth}


def test_nothing_is_shown_where_there_is_nothing(addon, make_head, scene):
    assert phonemes.find([make_head()], scene) is None and phonemes.find([], scene) is None


def test_frames_and_seconds(baked, make_head, scene):
    face = make_head()
    baked([face], start_frame=11)
    shown = phonemes.find([face], scene)
    scene.frame_set(41)
    assert phonemes.seconds_at(shown, scene) == pytest.approx(0.5) and phonemes.frame_at(shown, scene, 0.5) == pytest.approx(41)


def test_the_strip_under_the_playhead_is_shown(baked, make_head, scene):
    face = make_head()
    adt = None
    for first in (1, 1001):
        baked([face], start_frame=first)
        adt = face.data.shape_keys.animation_data
        strip = adt.nla_tracks.new().strips.new("line", first, adt.action)
        actions_compat.assign_to_strip(strip, adt.action)
        adt.action.name = f"line {first}"
        actions_compat.assign(adt, None)
    for at, name in ((50, "line 1"), (1100, "line 1001"), (5000, "line 1001")):
        scene.frame_set(at)
        shown = phonemes.find([face], scene)
        assert shown.action.name == name and shown.pushed
    strip.scale = 2.0
    shown = phonemes.find([face], scene)
    assert phonemes.frame_at(shown, scene, 1.0) == pytest.approx(strip.frame_start + 120, abs=0.5)


def test_a_snapshot_sees_what_was_changed_and_nothing_else(baked, make_head, scene):
    face = make_head()
    baked([face])
    action = face.data.shape_keys.animation_data.action
    assert edits.changed(action) == {}
    fcurve = next(f for f in actions_compat.fcurves(action) if "jawOpen" in f.data_path)
    point = fcurve.keyframe_points[5]
    point.co_ui[1] += 0.2
    fcurve.update()
    found = edits.changed(action)
    assert list(found) == [fcurve.data_path]
    assert found[fcurve.data_path][round(point.co[0]) - 1] and not found[fcurve.data_path][100:].any()
    held = edits.held([face], scene, edits=True)
    assert held.edited and [k.frame for k in held.keys] == [point.co[0]]
    assert held.curves.values[round(point.co[0]) - 1, ARKIT_52.index("jawOpen")] == pytest.approx(point.co[1], abs=1e-5)


def test_a_channel_that_the_artist_added_or_took_away_is_changed(baked, make_head, scene):
    face = make_head()
    baked([face])
    face.data.shape_keys.key_blocks["browInnerUp"].value = 0.5
    face.data.shape_keys.key_blocks["browInnerUp"].keyframe_insert("value", frame=20)
    action = face.data.shape_keys.animation_data.action
    fcurve = next(f for f in actions_compat.fcurves(action) if "mouthSmileLeft" in f.data_path)
    fcurve.mute = True
    assert {p.split('"')[1] for p in edits.changed(action)} == {"browInnerUp", "mouthSmileLeft"}


def test_a_region_in_a_range(baked, make_head, scene):
    face = make_head()
    baked([face], start_frame=11)
    held = edits.held([face], scene, False, "BROWS", (21, 30))
    rows, columns = np.nonzero(held.where)
    assert set(rows) == set(range(10, 20)) and {ARKIT_52[c][:4] for c in columns} == {"brow"} and not held.edited
    assert edits.held([face], scene, False, "ALL", (21, 10_000)).where.sum() == 52 * (len(held.where) - 10)
    assert edits.held([], scene, True).samples == 0


@pytest.mark.parametrize("damage", ["", "no base64!", "QUJD", 3])
def test_a_damaged_snapshot_tells_nothing(baked, make_head, damage):
    face = make_head()
    baked([face])
    action = face.data.shape_keys.animation_data.action
    action[edits.PROPERTY] = damage
    assert edits.changed(action) is None


def test_recipes_that_are_none_are_empty(addon):
    action = bpy.data.actions.new("x")
    for text in ("", "{", "[]"):
        action.facewright_take.recipe = text
        assert phonemes.recipe(action) == {}


def test_a_track_in_disorder_is_a_sentence(addon):
    action = bpy.data.actions.new("x")
    phonemes.write(action, TRACK)
    action.facewright_take.phones[0].end = 5.0
    with pytest.raises(UserError, match="before the phone ahead"):
        phonemes.read(action)


_TRACKS = st.lists(st.tuples(st.sampled_from(["M", "AA", "S"]), st.integers(10, 300), st.integers(0, 200)), max_size=12)


@given(st.lists(_TRACKS, min_size=2, max_size=4))
@settings(max_examples=25, deadline=None)
def test_any_track_after_any_other_is_read_back(rows):
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    registration.register()
    try:
        action = bpy.data.actions.new("x")
        for row in rows:
            at, phones = 0.0, []
            for label, length, gap in row:
                start = round(at + gap / 1000, 3)
                at = round(start + length / 1000, 3)
                phones.append(Phone(label, start, at, 0, 0.5))
            track = PhoneTrack(tuple(phones), tuple(Word(f"w{i}", p.start, p.end, 0.5) for i, p in enumerate(phones[::2])))
            phonemes.write(action, track)
            assert phonemes.read(action) == track
    finally:
        registration.unregister()
