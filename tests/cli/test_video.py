# SPDX-License-Identifier: GPL-3.0-or-later
"""The shell's verbs for video and photos, with the shipped sample, the real worker and the shipped networks."""
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from facewright.core.paths import ROOT
from facewright.interchange import read_curves
from facewright.rigs.arkit import ARKIT_52, HEAD_AND_EYES

SAMPLE = ROOT / "samples" / "face.mp4"

_spec = importlib.util.spec_from_file_location("media", Path(__file__).parents[1] / "inference" / "video" / "media.py")
media = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(media)


@pytest.fixture
def shell(tmp_path: Path):
    """shell(*arguments, expect=0) runs a verb in tmp_path and gives the finished process."""

    def run(*arguments, expect: int = 0) -> subprocess.CompletedProcess:
        environment = {**os.environ, "FACEWRIGHT_DATA": str(tmp_path / "data"), "FACEWRIGHT_THREADS": "1"}
        command = [sys.executable, str(ROOT / "entry.py"), "cli", *map(str, arguments)]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=600, check=False)
        assert done.returncode == expect, done.stderr
        assert "Traceback" not in done.stderr
        return done

    return run


@pytest.fixture(scope="module")
def frames() -> list[np.ndarray]:
    """The sample's pictures."""
    from facewright.inference.video.frames import Pictures

    return [frame.rgb for frame in Pictures(SAMPLE).frames()]


@pytest.mark.slow
def test_a_video_becomes_one_row_a_frame_and_its_description(shell, tmp_path: Path) -> None:
    told = json.loads(shell("video", SAMPLE, "-o", "face.csv", "--describe", "face.json", "--json").stdout)
    curves = read_curves(tmp_path / "face.csv")
    assert curves.names == ARKIT_52 + HEAD_AND_EYES
    assert told["rows"] == told["frames"] == len(curves.times) == 268
    np.testing.assert_allclose(curves.times, np.arange(268) / 25, atol=1e-4)
    assert np.ptp(curves.channel("jawOpen")) > 0.1  # it speaks
    assert np.ptp(curves.channel("headYaw")) > 0.15  # it sways by some 18 degrees
    smile = curves.channel("mouthSmileLeft")
    assert smile[-25:].mean() > smile[100:200].mean() + 0.15  # it smiles at the end
    words = json.loads((tmp_path / "face.json").read_text())
    assert list(words) == ["file", "duration", "description", "shots", "frames"] and len(words["frames"]) == 268
    assert list(words["shots"][0]) == ["start", "end", "analysis", "arkit"]
    assert list(words["frames"][0]) == ["time", "analysis", "arkit"] and len(words["frames"][0]["arkit"]) == 61
    assert any(shot["analysis"]["expression_category"] == "happiness" for shot in words["shots"])


@pytest.mark.slow
def test_rows_a_second_and_the_sounds_mouth(shell, tmp_path: Path) -> None:
    shell("video", SAMPLE, "-o", "face.json", "--fps", "30", "--mouth", "sound", "--text", ROOT / "samples" / "hello.txt")
    curves = read_curves(tmp_path / "face.json")
    assert len(curves.times) == 321 and np.ptp(curves.channel("jawOpen")) > 0.1


@pytest.mark.slow
def test_photos_become_poses(shell, tmp_path: Path, frames) -> None:
    media.write_picture(tmp_path / "smile.png", frames[-5])
    media.write_picture(tmp_path / "calm.jpg", frames[0])
    media.write_picture(tmp_path / "wall.png", np.full((240, 320, 3), 128, np.uint8))
    done = shell("image", "smile.png", "calm.jpg", "wall.png", "-o", "poses.json", "--json")
    files = json.loads((tmp_path / "poses.json").read_text())
    assert [len(entry["faces"]) for entry in files] == [1, 1, 0] and json.loads(done.stdout)["faces"] == 2
    face = files[0]["faces"][0]
    assert list(face) == ["box", "analysis", "arkit"] and list(face["arkit"]) == list(ARKIT_52 + HEAD_AND_EYES)
    assert list(face["analysis"]) == ["expression_category", "muscle_movements", "emotional_implication", "symmetry"]
    assert "No face was found in wall.png" in done.stderr


@pytest.mark.slow
def test_an_adapter_changes_the_pose_and_fits_one_model_only(shell, tmp_path: Path, frames) -> None:
    torch = pytest.importorskip("torch")
    from dataclasses import replace

    from facewright.core.content import sha256_of
    from facewright.inference.preference import adapter_file
    from facewright.inference.preference.image_adapter import UNITS, ImageAdapter
    from facewright.inference.video import coefficients
    from facewright.preference.adapters import Card

    raised = torch.tensor([2.0 if unit == "browInnerUp" else 0.0 for unit in UNITS])
    for name, sha in (("brows", sha256_of(coefficients.SHIPPED)), ("old", "0" * 64)):
        adapter_file.save(
            replace(ImageAdapter.none(coefficients.load().config.width), offset=raised), Card(name, "image", sha, UNITS),
            tmp_path / f"{name}.safetensors",
        )
    media.write_picture(tmp_path / "face.png", frames[0])
    found = []
    for more in ((), ("--adapter", "brows.safetensors"), ("--adapter", "brows.safetensors", "--adapter-strength", "0.5")):
        shell("image", "face.png", "-o", "pose.json", *more)
        found.append(json.loads((tmp_path / "pose.json").read_text())[0]["faces"][0]["arkit"])
    plain, whole, half = (pose["browInnerUp"] for pose in found)
    assert plain + 0.3 < whole and plain < half < whole and found[0]["jawOpen"] == pytest.approx(found[1]["jawOpen"], abs=1e-3)
    assert "other weights" in shell("video", SAMPLE, "-o", "a.csv", "--adapter", "old.safetensors", expect=1).stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("video", "gone.mp4", "-o", "a.csv"), "does not exist"),
        (("video", SAMPLE, "-o", "a.txt"), "neither a .csv nor a .json"),
        (("video", SAMPLE, "-o", "a.csv", "--face", "4"), "Face 4 was asked for"),
        (("video", SAMPLE, "-o", "a.csv", "--neutral", "99"), "lasts 10.7"),
        (("video", ROOT / "samples" / "hello.wav", "-o", "a.csv"), "holds sound but no picture"),
        (("image", "gone.png", "-o", "a.json"), "does not exist"),
        (("image", "gone.png", "-o", "a.csv"), "no .json file"),
    ],
)
def test_what_stands_in_the_way_is_a_sentence(shell, tmp_path: Path, arguments, sentence: str) -> None:
    assert sentence in shell(*arguments, expect=1).stderr
    assert not (tmp_path / "a.csv").exists() and not (tmp_path / "a.json").exists()


@pytest.mark.slow
def test_a_video_without_a_face_is_a_sentence(shell, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 255, (6, 8, 3), dtype=np.uint8)
    media.write_video(tmp_path / "wall.mp4", [np.kron(coarse, np.ones((30, 30, 1), np.uint8))] * 10)
    assert "No face was found in any of the 10 frames" in shell("video", "wall.mp4", "-o", "a.csv", expect=1).stderr


@pytest.mark.parametrize("words", [("--face", "second"), ("--neutral", "-1"), ("--mouth", "both"), ("--smoothing", "9"), ("--fps", "0")])
def test_wrong_options_are_refused_by_the_grammar(shell, words) -> None:
    assert words[0] in shell("video", SAMPLE, "-o", "a.csv", *words, expect=2).stderr
