# SPDX-License-Identifier: GPL-3.0-or-later
"""A fresh, empty scene for each test, and small characters to bake on."""

import numpy as np
import pytest

from facewright.core.curves import Curves
from facewright.rigs.arkit import ARKIT_52

bpy = pytest.importorskip("bpy")


@pytest.fixture
def scene():
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    scene = bpy.context.scene
    scene.render.fps, scene.render.fps_base = 60, 1.0
    return scene


@pytest.fixture
def make_head(scene):
    """make_head(name, shape key names) -> an object in the scene."""

    def make(name: str = "Head", shape_keys=ARKIT_52):
        mesh = bpy.data.meshes.new(name)
        mesh.from_pydata([(0, 0, 0), (1, 0, 0), (0, 1, 0)], [], [(0, 1, 2)])
        obj = bpy.data.objects.new(name, mesh)
        scene.collection.objects.link(obj)
        if shape_keys:
            obj.shape_key_add(name="Basis")
            for key in shape_keys:
                obj.shape_key_add(name=key).value = 0.0  # 1 since Blender 5.0
        return obj

    return make


@pytest.fixture
def speech():
    """Four seconds at 60 Hz, speech-like: a jaw in syllables with 40 ms closures, a smile, the rest of the 52 at zero."""
    times = np.arange(240) / 60
    values = np.zeros((240, 52), np.float32)
    jaw = 0.25 + 0.2 * np.sin(times * 2 * np.pi * 3.1) + 0.1 * np.sin(times * 2 * np.pi * 1.3)
    for closure in (0.7, 1.9, 3.05):
        jaw *= 1 - np.exp(-0.5 * ((times - closure) / 0.02) ** 2)
    values[:, ARKIT_52.index("jawOpen")] = jaw
    values[:, ARKIT_52.index("mouthSmileLeft")] = 0.3 * np.clip(np.sin(times), 0, 1)
    return Curves(ARKIT_52, times, values)


@pytest.fixture
def wav(tmp_path):
    """Half a second of a tone."""
    import wave

    path = tmp_path / "tone.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16000)
        tone = 8000 * np.sin(np.arange(8000) / 16000 * 2 * np.pi * 220)
        file.writeframes(tone.astype("<i2").tobytes())
    return path
