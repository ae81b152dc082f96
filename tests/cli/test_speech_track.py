# SPDX-License-Identifier: GPL-3.0-or-later
"""The shell's phone tracks and emotions, as its users call them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from facewright.cli import arguments
from facewright.inference.speech import emotion

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "samples" / "hello.wav"


@pytest.fixture
def shell(tmp_path: Path):
    def call(*words: str | Path, expect: int = 0) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(ROOT / "entry.py"), "cli", *map(str, words)]
        environment = {**os.environ, "FACEWRIGHT_DATA": str(tmp_path / "data")}
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=240, check=False)
        assert done.returncode == expect, done.stderr
        assert "Traceback" not in done.stderr
        return done

    return call


def curve(path: Path, name: str) -> np.ndarray:
    take = json.loads(path.read_text())
    return np.array(take["values"])[:, take["names"].index(name)]


@pytest.mark.slow
def test_a_written_track_gives_the_same_take_and_an_edited_one_another(shell, tmp_path: Path) -> None:
    script = SAMPLE.with_suffix(".txt")
    shell("speech", SAMPLE, "-o", "a.json", "--text", script, "--phones", "a.TextGrid")
    told = json.loads(shell("speech", SAMPLE, "-o", "b.json", "--text", script, "--phones", "b.json.json", "--json").stdout)
    assert not told["listened"], "what was heard is kept"
    shell("speech", SAMPLE, "-o", "c.json", "--text", script, "--track", "b.json.json")
    np.testing.assert_allclose(curve(tmp_path / "c.json", "jawOpen"), curve(tmp_path / "a.json", "jawOpen"), atol=2e-3)
    shell("speech", SAMPLE, "-o", "d.json", "--text", script, "--track", "a.TextGrid")
    np.testing.assert_allclose(curve(tmp_path / "d.json", "jawOpen"), curve(tmp_path / "a.json", "jawOpen"), atol=0.02)

    track = json.loads((tmp_path / "b.json.json").read_text())
    first = next(p for p in track["phones"] if p["label"] not in "PBM")
    first["label"] = "M"
    (tmp_path / "edited.json").write_text(json.dumps(track))
    shell("speech", SAMPLE, "-o", "e.json", "--track", "edited.json")
    middle = round(60 * (first["start"] + first["end"]) / 2)
    assert curve(tmp_path / "e.json", "jawOpen")[middle] <= 0.2
    shell("speech", SAMPLE, "-o", "x.json", "--track", "nothing.json", expect=1)
    shell("speech", SAMPLE, "-o", "x.json", "--phones", "track.txt", expect=1)


@pytest.mark.slow
def test_emotions_arrive_and_wrong_ones_are_status_2(shell, tmp_path: Path) -> None:
    shell("speech", SAMPLE, "-o", "a.json", "--no-life", "--emotion", "angry=0.8", "--emotion", "surprised=0.2", "--asymmetry", "0")
    assert curve(tmp_path / "a.json", "browDownLeft").max() > 0.4 < 0.4 + curve(tmp_path / "a.json", "browOuterUpLeft").max()
    for wrong in ("hungry=1", "happy=9", "happy=much"):
        assert "usage" in shell("speech", SAMPLE, "-o", "x.json", "--emotion", wrong, expect=2).stderr


def test_shell_and_panel_know_every_emotion() -> None:
    assert arguments.EMOTIONS == emotion.NAMES
    pytest.importorskip("bpy")
    from facewright.settings.emotion import EMOTIONS

    assert EMOTIONS == emotion.NAMES


@pytest.mark.slow
def test_a_baked_blend_carries_the_track(shell, tmp_path: Path) -> None:
    bpy = pytest.importorskip("bpy")
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    mesh = bpy.data.meshes.new("Face")
    mesh.from_pydata([(0, 0, 0), (1, 0, 0), (0, 1, 0)], [], [(0, 1, 2)])
    obj = bpy.data.objects.new("Face", mesh)
    bpy.context.scene.collection.objects.link(obj)
    for key in ("Basis", "jawOpen", "mouthClose"):
        obj.shape_key_add(name=key).value = 0.0
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "a.blend"))
    shell("bake", SAMPLE, "--blend", "a.blend", "-o", "b.blend", "--text", SAMPLE.with_suffix(".txt"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "b.blend"))
    from facewright.scene import phonemes
    from facewright.settings import take

    with take.present():
        shown = phonemes.find(list(bpy.context.scene.objects), bpy.context.scene)
        assert shown.take.words[0].name == "Hello" and len(shown.take.phones) > 60
        assert phonemes.recipe(shown.action)["params"]["text"].startswith("Hello there")
