# SPDX-License-Identifier: GPL-3.0-or-later
"""A bake read back as curves."""
import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from facewright.core.errors import UserError  # noqa: E402
from facewright.scene import bake, read_back  # noqa: E402

pytestmark = pytest.mark.blender


# The sliders clip what lies below 0.


def test_a_dense_bake_comes_back_as_it_was(scene, make_head, speech):
    head = make_head()
    bake.apply(bake.plan([head], speech, bake.BakeOptions(start_frame=17, keys="DENSE")), scene)
    back = read_back.curves([head], scene, 60.0)
    assert back.names == speech.names and len(back.times) == len(speech.times)
    np.testing.assert_allclose(back.values, np.clip(speech.values, 0, 1), atol=2e-4)


def test_sparse_keys_come_back_within_their_error(scene, make_head, speech):
    head = make_head()
    bake.apply(bake.plan([head], speech), scene)
    assert np.abs(read_back.curves([head], scene, 60.0).values - np.clip(speech.values, 0, 1)).max() < 0.0051


def test_the_scenes_frame_rate_does_not_change_the_times(scene, make_head, speech):
    scene.render.fps, scene.render.fps_base = 30, 1.001
    head = make_head()
    bake.apply(bake.plan([head], speech), scene)
    back = read_back.curves([head], scene, 60.0)
    assert back.duration == pytest.approx(speech.duration, abs=1 / 29)
    jaw = back.channel("jawOpen")
    assert np.corrcoef(jaw, speech.resample(back.times).channel("jawOpen"))[0, 1] > 0.98


def test_split_and_renamed_channels_come_back_under_their_arkit_names(scene, make_head, speech):
    head = make_head("Head", ("JawOpen", "browInnerUp_L", "browInnerUp_R"))
    bake.apply(bake.plan([head], speech), scene)
    back = read_back.curves([head], scene, 60.0)
    assert np.abs(back.channel("jawOpen") - np.clip(speech.channel("jawOpen"), 0, 1)).max() < 0.0051


def test_without_a_bake_it_says_so(scene, make_head):
    with pytest.raises(UserError, match="carries a Facewright bake"):
        read_back.curves([make_head()], scene, 60.0)
