# SPDX-License-Identifier: GPL-3.0-or-later
"""The built zip: what is in it, that Blender's own tool likes it, and that it works when installed from it."""
import importlib.util
import json
import os
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

bpy = pytest.importorskip("bpy")

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.blender


@pytest.fixture(scope="module")
def zip_path(tmp_path_factory) -> Path:
    spec = importlib.util.spec_from_file_location("facewright_build", ROOT / "tools" / "build.py")
    build = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(build)
    return build.build(tmp_path_factory.mktemp("dist"))


def test_only_what_a_user_needs_is_in(zip_path):
    names = zipfile.ZipFile(zip_path).namelist()
    rooms = {"cli", "core", "inference", "interchange", "operators", "panels", "preference", "requirements"}
    rooms |= {"rigs", "samples", "scene", "settings", "weights"}
    files = {"__init__.py", "blender_manifest.toml", "entry.py", "preferences.py", "registration.py", "LICENSE"}
    optional = {"README.md", "CHANGELOG.md"}
    tops = {name.partition("/")[0] for name in names}
    assert tops - optional == rooms | files
    assert not [name for name in names if "__pycache__" in name or "/." in name or name.startswith(".")]
    assert "requirements/worker.txt" in names, "the runtime is set up from it"
    assert [name for name in names if name.startswith("weights/") and name.endswith(".safetensors")]
    assert zip_path.stat().st_size < 60e6


def test_the_manifest_says_what_blender_needs():
    manifest = tomllib.loads((ROOT / "blender_manifest.toml").read_text(encoding="utf-8"))
    assert manifest["id"] == "facewright" and manifest["blender_version_min"] == "4.2.0"
    assert manifest["license"] == ["SPDX:GPL-3.0-or-later"]
    for text in (manifest["tagline"], *manifest["permissions"].values()):
        assert len(text) <= 64 and not text.endswith(".")


INSTALLED = """
import json, sys
import bpy
zip_path, python, sound, out = sys.argv[1:]
assert bpy.ops.extensions.package_install_files(filepath=zip_path, repo="user_default", enable_on_install=True) == {"FINISHED"}
package = "bl_ext.user_default.facewright"
assert package in bpy.context.preferences.addons
bpy.context.preferences.addons[package].preferences.python = python
assert bpy.ops.facewright.add_demo_head() == {"FINISHED"}
bpy.context.scene.facewright.sound = sound
assert bpy.ops.facewright.bake_speech() == {"FINISHED"}
face = bpy.context.view_layer.objects.active
action = face.data.shape_keys.animation_data.action
lines = sys.modules[package + ".scene.jobs"].outcome("speech").lines
assert bpy.ops.facewright.export_curves(filepath=out, format=".csv", fps=60.0) == {"FINISHED"}
folder = str(sys.modules[package + ".preferences"].settings(bpy.context).data_folder)
chosen = bpy.context.preferences.addons[package].preferences
chosen.data_folder, chosen.device = out + ".data", "cpu"
settings = sys.modules[package + ".preferences"].settings(bpy.context)
assert (str(settings.data_folder), settings.device, settings.python) == (out + ".data", "cpu", python), settings
bpy.ops.preferences.addon_disable(module=package)
print("\\n" + json.dumps({"action": action.name, "lines": lines, "data": folder}))
"""


@pytest.mark.slow
def test_installed_from_the_zip_it_bakes(zip_path, tmp_path):
    python = os.environ.get("FACEWRIGHT_PYTHON") or sys.executable
    out = tmp_path / "take.csv"
    # Nothing of the checkout may help: only the zip's own files are there.
    env = {k: v for k, v in os.environ.items() if not k.startswith(("FACEWRIGHT", "PYTHON"))}
    env |= {"BLENDER_USER_RESOURCES": str(tmp_path / "user"), "XDG_DATA_HOME": str(tmp_path / "data")}
    done = subprocess.run(
        [sys.executable, "-c", INSTALLED, str(zip_path), python, str(ROOT / "samples" / "hello.wav"), str(out)],
        env=env, cwd=tmp_path, capture_output=True, text=True, timeout=240,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    said = json.loads(done.stdout.strip().splitlines()[-1])
    assert said["action"].startswith("Facewright")
    assert said["lines"][0].startswith("Baked 52 of 52 shapes")
    assert Path(said["data"]) == tmp_path / "data" / "facewright", "votes outlive an uninstalled extension, whose folder Blender deletes"
    rows = out.read_text().splitlines()
    assert rows[0].startswith("Timecode,BlendshapeCount,") and len(rows) > 60
