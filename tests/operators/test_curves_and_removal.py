# SPDX-License-Identifier: GPL-3.0-or-later
"""Import, export, removing a bake, the demo head and a dropped sound."""
import json

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from facewright.core.curves import Curves  # noqa: E402
from facewright.interchange import read_curves, write_curves  # noqa: E402
from facewright.operators.add_demo_head import FACEWRIGHT_OT_add_demo_head as AddHead  # noqa: E402
from facewright.operators.drop_sound import FACEWRIGHT_OT_drop_sound as DropSound  # noqa: E402
from facewright.operators.export_curves import FACEWRIGHT_OT_export_curves as Export  # noqa: E402
from facewright.operators.import_curves import FACEWRIGHT_OT_import_curves as Import  # noqa: E402
from facewright.operators.remove_bake import FACEWRIGHT_OT_remove_bake as Remove  # noqa: E402
from facewright.rigs.arkit import ARKIT_52  # noqa: E402
from facewright.scene import actions_compat, bake, jobs, read_back  # noqa: E402

pytestmark = pytest.mark.blender


@pytest.fixture
def csv(tmp_path):
    """Two seconds at 60 a second in which the jaw and an eyelid move."""
    times = np.arange(121) / 60
    values = np.zeros((121, 52), np.float32)
    values[:, ARKIT_52.index("jawOpen")] = 0.4 - 0.4 * np.cos(times * 9)
    values[:, ARKIT_52.index("eyeBlinkLeft")] = np.clip(1 - np.abs(times - 1) * 8, 0, 1)
    path = tmp_path / "take.csv"
    write_curves(Curves(ARKIT_52, times, values), path, 60.0)
    return path


def test_reasons(addon):
    assert Import.disabled_reason(bpy.context).startswith("Select a character")
    assert Export.disabled_reason(bpy.context) == "Select a character that carries a bake, or bake speech first."
    assert Remove.disabled_reason(bpy.context) == "Select an object that carries a Facewright bake."
    assert AddHead.disabled_reason(bpy.context) == ""
    assert DropSound.disabled_reason(bpy.context) == ""


def test_the_import_operators_result_is_the_plain_functions(face, settings, csv):
    settings.start_frame = 5
    assert bpy.ops.facewright.import_curves(filepath=str(csv)) == {"FINISHED"}
    by_operator = read_back.curves([face], bpy.context.scene, 60.0)
    assert jobs.outcome("speech").lines[0].startswith("Imported take.csv onto 3 of 52 shapes: ")
    bake.remove([face], bpy.context.scene)
    bake.apply(bake.plan([face], read_curves(csv), bake.BakeOptions(start_frame=5)), bpy.context.scene)
    np.testing.assert_array_equal(by_operator.values, read_back.curves([face], bpy.context.scene, 60.0).values)


@pytest.mark.parametrize("suffix", [".csv", ".json"])
def test_what_is_exported_comes_back(face, csv, tmp_path, suffix):
    bpy.context.scene.render.fps = 60
    bpy.ops.facewright.import_curves(filepath=str(csv))
    out = tmp_path / f"out{suffix}"
    assert Export.disabled_reason(bpy.context) == ""
    assert bpy.ops.facewright.export_curves(filepath=str(out), format=suffix, fps=60.0) == {"FINISHED"}
    before, after = read_curves(csv), read_curves(out)
    assert abs(after.duration - before.duration) < 1 / 60
    for name in ("jawOpen", "eyeBlinkLeft"):
        error = np.abs(after.resample(before.times).channel(name) - before.channel(name)).max()
        assert error < 0.006, f"{name} strays by {error}"
    if suffix == ".json":
        assert json.loads(out.read_text())["fps"] == 60.0


def test_an_edit_by_hand_is_exported(face, csv, tmp_path):
    bpy.ops.facewright.import_curves(filepath=str(csv))
    action = face.data.shape_keys.animation_data.action
    jaw = next(f for f in actions_compat.fcurves(action) if "jawOpen" in f.data_path)
    for point in jaw.keyframe_points:
        point.co[1] = point.handle_left[1] = point.handle_right[1] = 0.25
    out = tmp_path / "edited.csv"
    bpy.ops.facewright.export_curves(filepath=str(out), format=".csv", fps=60.0)
    np.testing.assert_allclose(read_curves(out).channel("jawOpen"), 0.25, atol=1e-5)


def test_a_bake_on_an_nla_track_is_exported_too(face, csv):
    artist = bpy.data.actions.new("Artist")
    face.data.shape_keys.animation_data_create().action = artist
    bpy.ops.facewright.import_curves(filepath=str(csv))
    assert face.data.shape_keys.animation_data.action == artist
    assert read_back.curves([face], bpy.context.scene, 60.0).channel("jawOpen").max() > 0.7


def test_trouble_with_files_is_a_sentence(face, csv, tmp_path):
    with pytest.raises(RuntimeError, match=r"neither a \.csv nor a \.json"):
        bpy.ops.facewright.import_curves(filepath=str(tmp_path / "take.bvh"))
    (tmp_path / "words.csv").write_text("just words\n")
    with pytest.raises(RuntimeError, match=r"words\.csv"):
        bpy.ops.facewright.import_curves(filepath=str(tmp_path / "words.csv"))
    assert len(bpy.data.actions) == 0
    bpy.ops.facewright.import_curves(filepath=str(csv))
    with pytest.raises(RuntimeError, match="Cannot write"):
        bpy.ops.facewright.export_curves(filepath=str(tmp_path / "no" / "where.csv"), format=".csv")


def test_remove_takes_only_ours(face, csv):
    bpy.ops.facewright.import_curves(filepath=str(csv))
    assert Remove.disabled_reason(bpy.context) == ""
    artist = bpy.data.actions.new("Artist")
    assert bpy.ops.facewright.remove_bake() == {"FINISHED"}
    assert list(bpy.data.actions) == [artist]
    assert jobs.outcome("speech").lines == ("The bake was removed.",)
    assert Remove.disabled_reason(bpy.context) != ""


def test_the_demo_head_is_added_selected_and_ready(addon):
    assert bpy.ops.facewright.add_demo_head() == {"FINISHED"}
    chosen = bpy.context.selected_objects
    assert chosen and all(obj.data.shape_keys for obj in chosen)
    assert bpy.context.view_layer.objects.active in chosen
    found = {block.name for obj in chosen for block in obj.data.shape_keys.key_blocks}
    assert set(ARKIT_52) <= found


def test_the_demo_head_needs_object_mode(face):
    bpy.ops.object.mode_set(mode="EDIT")
    assert "Object Mode" in AddHead.disabled_reason(bpy.context)
    bpy.ops.object.mode_set(mode="OBJECT")


def test_a_dropped_sound_is_kept_where_it_cannot_be_baked_yet(settings, sound):
    path = sound()
    assert bpy.ops.facewright.drop_sound(filepath=path) == {"FINISHED"}
    assert settings.sound == path
    assert len(bpy.data.actions) == 0


def test_a_dropped_sound_is_baked(face, settings, worker, sound):
    assert bpy.ops.facewright.drop_sound(filepath=sound()) == {"FINISHED"}
    assert jobs.outcome("speech").kind == "done"
    assert face.data.shape_keys.animation_data.action is not None


def test_a_dropped_sound_that_cannot_be_baked_is_a_sentence(face, settings, worker, sound):
    for block in face.data.shape_keys.key_blocks[1:]:
        face.shape_key_remove(block)
    face.shape_key_add(name="foo", from_mix=False)
    path = sound()
    with pytest.raises(RuntimeError) as caught:
        bpy.ops.facewright.drop_sound(filepath=path)
    said = str(caught.value)
    assert said.count("is an ARKit name") == 1 and said.count("Error: ") == 1
    assert "Traceback" not in said and "RuntimeError" not in said
    assert settings.sound == path, "the sound is kept for later"


def test_file_handlers_offer_the_right_operators(addon):
    for cls, operator, suffixes in (
        (bpy.types.FACEWRIGHT_FH_sound, "facewright.drop_sound", {".wav", ".flac", ".ogg", ".mp3"}),
        (bpy.types.FACEWRIGHT_FH_curves, "facewright.import_curves", {".csv", ".json"}),
    ):
        assert cls.bl_import_operator == operator
        assert set(cls.bl_file_extensions.split(";")) == suffixes
