# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds and validates the extension's zip with Blender's own tool, taken from the bpy module: no Blender needed.

    python tools/build.py [FOLDER]      writes FOLDER/facewright-VERSION.zip (default: dist)
"""
from __future__ import annotations

import importlib.util
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def blender_ext() -> Path:
    """Blender's extension tool inside the bpy module, found without importing bpy."""
    spec = importlib.util.find_spec("bpy")
    if spec is None or not spec.submodule_search_locations:
        sys.exit("build: this Python has no bpy module. Run it with the launcher's environment (.venv).")
    found = sorted(Path(spec.submodule_search_locations[0]).glob("*/scripts/addons_core/bl_pkg/cli/blender_ext.py"))
    if not found:
        sys.exit("build: this bpy module has no extension tool; it needs Blender 4.2 or newer.")
    return found[-1]


def build(folder: Path) -> Path:
    """Write and validate the zip. Returns its path; exits with the tool's own words where the manifest or a file is wrong."""
    manifest = tomllib.loads((ROOT / "blender_manifest.toml").read_text(encoding="utf-8"))
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{manifest['id']}-{manifest['version']}.zip"
    tool = [sys.executable, str(blender_ext())]
    _run([*tool, "build", "--source-dir", str(ROOT), "--output-filepath", str(path)])
    _run([*tool, "validate", str(path)])
    return path


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"build: {done.stdout}{done.stderr}".rstrip())


if __name__ == "__main__":
    print(build(Path(sys.argv[1] if len(sys.argv) > 1 else "dist")))
