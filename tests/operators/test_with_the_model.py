# SPDX-License-Identifier: GPL-3.0-or-later
"""Library first, with the shipped model: the operator bakes what the plain functions bake."""
import os
import sys
from pathlib import Path

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from facewright.inference import curves_file  # noqa: E402
from facewright.inference.client import WorkerClient  # noqa: E402
from facewright.scene import bake, demo_head, jobs, read_back  # noqa: E402

pytestmark = [pytest.mark.blender, pytest.mark.slow]
SAMPLE = Path(__file__).parents[2] / "samples" / "hello.wav"


def test_the_operators_take_is_the_librarys(addon, settings, tmp_path, monkeypatch):
    python = os.environ.get("FACEWRIGHT_PYTHON") or sys.executable
    monkeypatch.setenv("FACEWRIGHT_PYTHON", python)
    bpy.ops.facewright.add_demo_head()
    settings.sound, settings.seed = str(SAMPLE), 3
    assert bpy.ops.facewright.bake_speech() == {"FINISHED"}
    scene = bpy.context.scene
    by_operator = read_back.curves(bpy.context.selected_objects, scene, 60.0)
    assert jobs.outcome("speech").lines[0].startswith("Baked 52 of 52 shapes")

    client = WorkerClient(python, tmp_path)
    out = tmp_path / "curves.npz"
    client.wait(client.submit("speech", {"audio": str(SAMPLE), "out": str(out), "seed": 3}))
    client.close()
    head = demo_head.build(scene)
    bake.apply(bake.plan(head.objects, curves_file.load(out)), scene)
    plain = read_back.curves(head.objects, scene, 60.0)
    assert by_operator.channel("jawOpen").max() > 0.1, "the sample speaks"
    np.testing.assert_allclose(by_operator.values, plain.values, atol=1e-4)
