# SPDX-License-Identifier: GPL-3.0-or-later
"""Our markers are replaced as a whole; an artist's are never taken."""
import pytest
from hypothesis import given
from hypothesis import strategies as st

bpy = pytest.importorskip("bpy")

from facewright.scene import markers  # noqa: E402

pytestmark = pytest.mark.blender


@pytest.fixture
def scene():
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    return bpy.context.scene


def found(scene):
    return sorted((m.frame, m.name) for m in scene.timeline_markers)


def test_a_kind_is_replaced_and_others_stay(scene):
    scene.timeline_markers.new("mine", frame=5)
    markers.replace(scene, "a", [(1, "one"), (9, "two")])
    markers.replace(scene, "b", [(3, "three")])
    markers.replace(scene, "a", [(2, "new")])
    assert found(scene) == [(2, "new"), (3, "three"), (5, "mine")]
    assert markers.remove(scene, "a") == 1 and markers.remove(scene, "b") == 1
    assert found(scene) == [(5, "mine")] and markers.PROPERTY not in scene


def test_one_that_was_moved_or_renamed_is_the_artists(scene):
    markers.replace(scene, "a", [(1, "one"), (9, "two"), (12, "three")])
    scene.timeline_markers[0].frame = 4
    scene.timeline_markers[1].name = "my own"
    assert markers.remove(scene, "a") == 1
    assert found(scene) == [(4, "one"), (9, "my own")]


def test_a_spoilt_record_takes_nothing(scene):
    markers.replace(scene, "a", [(1, "one")])
    scene[markers.PROPERTY] = "{"
    assert markers.remove(scene, "a") == 0 and found(scene) == [(1, "one")]


@given(st.text(max_size=90))
def test_a_name_fits(name):
    assert len(markers.shortened(name).encode()) <= markers.LONGEST
