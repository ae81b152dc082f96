# SPDX-License-Identifier: GPL-3.0-or-later
import pytest

from facewright.core.errors import UserError
from facewright.rigs.arkit import ARKIT_52
from facewright.rigs.mapping import Mapping
from facewright.scene import targets

bpy = pytest.importorskip("bpy")
pytestmark = pytest.mark.blender


def drive(obj, *names):
    for name in names:
        obj.data.shape_keys.key_blocks[name].driver_add("value")


def test_nothing_selected(scene):
    with pytest.raises(UserError, match="No object is selected"):
        targets.find([], ARKIT_52)


def test_no_shape_keys(scene, make_head):
    camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    empty = bpy.data.objects.new("Empty", None)
    with pytest.raises(UserError, match="'Rock' has no shape keys"):
        targets.find([make_head("Rock", [])], ARKIT_52)
    with pytest.raises(UserError, match="None of the 3 selected objects has shape keys"):
        targets.find([make_head("Rock", []), camera, empty], ARKIT_52)


def test_only_a_basis(scene, make_head):
    rock = make_head("Rock", [])
    rock.shape_key_add(name="jawOpen")  # the first one is the basis, whatever its name
    with pytest.raises(UserError, match="only its basis"):
        targets.find([rock], ARKIT_52)


def test_none_that_match(scene, make_head):
    with pytest.raises(UserError, match=r"None of the 2 shape keys of 'Rock' \(Smooth, Rough\) is an ARKit name"):
        targets.find([make_head("Rock", ["Smooth", "Rough"])], ARKIT_52)
    with pytest.raises(UserError, match="is in the mapping mine"):
        targets.find([make_head("Rock", ["Smooth"])], ARKIT_52, Mapping({"Jaw": {"jawOpen": 1.0}}, name="mine"))
    with pytest.raises(UserError, match="The curves have none"):
        targets.find([make_head("Rock", ["tongueOut"])], ["jawOpen"])


def test_the_others_are_baked_and_the_rest_is_said(scene, make_head):
    found, warnings = targets.find([make_head("Rock", ["Smooth"]), make_head("Face"), make_head("Plain", [])], ARKIT_52)
    assert [t.label for t in found] == ["Face"]
    assert len(warnings) == 1 and "Rock" in warnings[0] and warnings[0].endswith("It was left out.")


def test_linked_duplicates_once(scene, make_head):
    face = make_head()
    copy = bpy.data.objects.new("Copy", face.data)
    found, _ = targets.find([face, copy], ARKIT_52)
    assert [t.objects for t in found] == [("Head", "Copy")]


def test_a_driver_is_left_alone(scene, make_head):
    face = make_head()
    drive(face, "jawOpen")
    found, warnings = targets.find([face], ARKIT_52)
    assert "jawOpen" not in found[0].mapping.channels and len(found[0].mapping.channels) == 51
    assert any("jawOpen has a driver" in w for w in warnings)


def test_nothing_but_drivers(scene, make_head):
    face = make_head("Face", ["jawOpen", "mouthClose"])
    drive(face, "jawOpen", "mouthClose")
    with pytest.raises(UserError, match="Every matching shape key of 'Face' has a driver"):
        targets.find([face], ARKIT_52)


def test_muted_and_pinned_are_said(scene, make_head):
    face = make_head()
    face.data.shape_keys.key_blocks["jawOpen"].mute = True
    face.show_only_shape_key = True
    _, warnings = targets.find([face], ARKIT_52)
    assert any("jawOpen is muted" in w for w in warnings)
    assert any("pinned" in w for w in warnings)


def test_absolute_keys(scene, make_head):
    face = make_head()
    face.data.shape_keys.use_relative = False
    with pytest.raises(UserError, match="absolute"):
        targets.find([face], ARKIT_52)


def test_linked_library_data(scene, make_head, tmp_path):
    make_head("Actor")
    library = tmp_path / "actor.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(library))
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    with bpy.data.libraries.load(str(library), link=True) as (_, into):
        into.objects = ["Actor"]
    actor = bpy.data.objects["Actor"]
    bpy.context.scene.collection.objects.link(actor)
    with pytest.raises(UserError, match=r"'Actor' are linked from actor\.blend") as caught:
        targets.find([actor], ARKIT_52)
    assert "library override" in caught.value.hint


def test_names_that_are_not_arkits_match_exactly(scene, make_head):
    face = make_head("Face", ["jawOpen", "EarWiggle"])
    found, _ = targets.find([face], ["jawOpen", "EarWiggle", "headYaw"])
    assert found[0].mapping.channels == {"jawOpen": {"jawOpen": 1.0}, "EarWiggle": {"EarWiggle": 1.0}}


def test_names_with_quotes_can_be_animated(scene, make_head, speech):
    from facewright.scene import bake

    name = 'say "ah" \\ jaw'
    face = make_head("Face", [name])
    bake.apply(bake.plan([face], speech, mapping=Mapping({name: {"jawOpen": 1.0}})), scene)
    scene.frame_set(30)
    assert face.data.shape_keys.key_blocks[name].value == pytest.approx(float(speech.channel("jawOpen")[29]), abs=0.006)


def test_sliders_limit(scene, make_head):
    face = make_head()
    face.data.shape_keys.key_blocks["jawOpen"].slider_max = 0.4
    found, _ = targets.find([face], ARKIT_52)
    assert found[0].mapping.limits["jawOpen"] == pytest.approx((0.0, 0.4))


def test_curves_and_lattices_have_shape_keys_too(scene):
    lattice = bpy.data.objects.new("Lattice", bpy.data.lattices.new("Lattice"))
    scene.collection.objects.link(lattice)
    lattice.shape_key_add(name="Basis")
    lattice.shape_key_add(name="jawOpen")
    found, _ = targets.find([lattice], ARKIT_52)
    assert list(found[0].mapping.channels) == ["jawOpen"]


@pytest.mark.parametrize("name", ["jawOpen", 'say "ah"', "back\\slash", "]"])
def test_a_channel_is_called_by_its_shape_key(name):
    assert targets.channel_name(targets.value_path(name)) == name


def test_a_channel_that_is_no_shape_key_is_called_by_its_path():
    assert targets.channel_name("eval_time") == "eval_time"
    assert targets.channel_name('key_blocks["jawOpen"].slider_max') == 'key_blocks["jawOpen"].slider_max'
