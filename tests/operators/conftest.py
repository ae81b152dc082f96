# SPDX-License-Identifier: GPL-3.0-or-later
"""The add-on registered in an empty scene, with a small face and a worker whose speech verb is a stand-in."""
import sys
import wave
from pathlib import Path

import pytest

bpy = pytest.importorskip("bpy")

from facewright import registration  # noqa: E402
from facewright.inference.client import WorkerClient  # noqa: E402
from facewright.inference.runtime import Runtime  # noqa: E402
from facewright.scene import jobs, runtime_status, tasks  # noqa: E402


@pytest.fixture
def addon():
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    registration.register()
    yield registration
    registration.unregister()


@pytest.fixture
def settings(addon):
    return bpy.context.scene.facewright


@pytest.fixture
def face(addon):
    """A selected mesh with three ARKit shape keys."""
    return make_face("Face", ("jawOpen", "mouthClose", "eyeBlinkLeft"))


def make_face(name, keys):
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata([(0, 0, 0), (1, 0, 0), (0, 1, 0)], [], [(0, 1, 2)])
    obj = bpy.data.objects.new(name, mesh)
    bpy.context.scene.collection.objects.link(obj)
    for key in ("Basis", *keys):
        obj.shape_key_add(name=key, from_mix=False).value = 0.0  # 1 since Blender 5.0
    bpy.context.view_layer.update()
    obj.select_set(True)
    bpy.context.view_layer.objects.active = obj
    return obj


@pytest.fixture
def worker(addon, monkeypatch, tmp_path):
    """A worker whose speech verb behaves as the sound's name says (see stand_in.py). It needs no torch, so any Python runs it."""
    client = WorkerClient(sys.executable, tmp_path / "logs", arguments=("--handlers", str(Path(__file__).with_name("stand_in.py"))))
    monkeypatch.setattr(tasks, "worker", lambda python, logs: client)
    monkeypatch.setattr(runtime_status, "find", lambda python, folder: Runtime(Path(sys.executable), "environment", "0"))
    yield client
    jobs.shut_down()
    client.close()


@pytest.fixture
def sound(tmp_path):
    """Makes a second of silence under a name that tells the stand-in what to do."""

    def make(name="speech"):
        path = tmp_path / f"{name}.wav"
        with wave.open(str(path), "wb") as file:
            file.setparams((1, 2, 16000, 0, "NONE", ""))
            file.writeframes(bytes(2 * 16000))
        return str(path)

    return make
