# SPDX-License-Identifier: GPL-3.0-or-later
"""The shell as its users call it: a process, its exit status, and what it says."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

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


def short_speech(path: Path, seconds: float = 1.5) -> Path:
    sound, rate = soundfile.read(SAMPLE)
    soundfile.write(path, sound[: int(seconds * rate)], rate)
    return path


def test_help_names_the_verbs(shell) -> None:
    assert all(verb in shell("--help").stdout for verb in ("demo", "speech", "bake", "bench", "test"))


@pytest.mark.parametrize("words", [(), ("dance",), ("speech", "a.wav"), ("speech", "a.wav", "-o", "b.csv", "--fps", "0")])
def test_a_wrong_command_line_is_status_2(shell, words) -> None:
    assert "usage:" in shell(*words, expect=2).stderr


def test_speech_writes_a_live_link_csv(shell, tmp_path: Path) -> None:
    sound = short_speech(tmp_path / "speech.wav")
    told = json.loads(shell("speech", sound, "-o", "take.csv", "--fps", "30", "--json").stdout)
    lines = (tmp_path / "take.csv").read_text().splitlines()
    assert lines[0].startswith("Timecode,BlendshapeCount,EyeBlinkLeft,")
    assert len(lines[0].split(",")) == 63
    assert told["rows"] == len(lines) - 1
    assert 44 <= told["rows"] <= 47
    assert told["duration"] == pytest.approx(1.5, abs=0.01)


def test_the_same_seed_gives_the_same_file_and_another_seed_another(shell, tmp_path: Path) -> None:
    sound = short_speech(tmp_path / "speech.wav", 6.0)
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        shell("speech", sound, "-o", f"{name}.json", "--seed", str(seed))
    a, b, c = ((tmp_path / f"{name}.json").read_text() for name in "abc")
    assert a == b
    assert a != c


def test_controls_change_the_mouth_and_an_impossible_one_is_status_2(shell, tmp_path: Path) -> None:
    for name, words in (("as_it_is", []), ("wide", ["--jaw", "1.5"]), ("mumbled", ["--articulation", "0.5"])):
        shell("speech", SAMPLE, "-o", f"{name}.json", "--no-life", *words)
    jaw = {}
    for name in ("as_it_is", "wide", "mumbled"):
        take = json.loads((tmp_path / f"{name}.json").read_text())
        jaw[name] = np.array(take["values"])[:, take["names"].index("jawOpen")]
    assert jaw["wide"].max() > 1.2 * jaw["as_it_is"].max()
    assert jaw["mumbled"].std() < 0.9 * jaw["as_it_is"].std()
    shell("speech", SAMPLE, "-o", "x.json", "--jaw", "3", expect=2)


def test_a_script_is_found_in_the_sound(shell) -> None:
    script = SAMPLE.with_suffix(".txt")
    told = json.loads(shell("speech", SAMPLE, "-o", "take.json", "--text", script, "--no-life", "--json").stdout)
    assert [word["label"] for word in told["words"]] == re.findall(r"\w+", script.read_text())
    assert [phone["label"] for phone in told["phones"]][:4] == ["HH", "AH", "L", "OW"]
    assert told["warnings"] == []


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda path: None, "does not exist"),
        (lambda path: path.write_bytes(b""), "empty"),
        (lambda path: path.write_text("these are words, not samples" * 99), "not sound"),
        (lambda path: path.mkdir(), "folder"),
    ],
    ids=["missing", "empty", "text", "folder"],
)
def test_bad_sound_is_a_sentence_and_leaves_nothing(shell, tmp_path: Path, make, sentence: str) -> None:
    make(tmp_path / "in.wav")
    said = shell("speech", "in.wav", "-o", "out.csv", expect=1).stderr
    assert sentence.lower() in said.lower()
    assert len(said.strip().splitlines()) == 1
    assert not (tmp_path / "out.csv").exists()


def test_json_is_ascii_and_words_survive_a_terminal_that_cannot_say_them(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "entry.py"), "cli", "speech", str(SAMPLE), "-o", "语音.csv"]
    for words in ([], ["--json"]):
        environment = {**os.environ, "PYTHONIOENCODING": "cp1252"}
        done = subprocess.run([*command, *words], cwd=tmp_path, env=environment, capture_output=True, timeout=240, check=True)
        assert done.stdout.isascii()
    assert json.loads(done.stdout)["out"] == "语音.csv"


def test_a_novel_is_no_transcript(shell, tmp_path: Path) -> None:
    (tmp_path / "novel.txt").write_text("word " * 300_000)
    assert "larger than 1 MB" in shell("speech", SAMPLE, "-o", "o.csv", "--text", "novel.txt", expect=1).stderr


def test_what_follows_test_is_pytests(shell) -> None:
    assert "1 passed" in shell("test", "tests/core/test_timing.py", "-q", "-k", "ntsc").stdout


def test_the_demo_may_be_made_where_its_sample_lies(tmp_path: Path) -> None:
    from facewright.cli.demo import copy_beside

    sample = short_speech(tmp_path / "hello.wav", 0.1)
    before = sample.read_bytes()
    assert copy_beside(sample, tmp_path).read_bytes() == before
    (tmp_path / "out").mkdir()
    assert copy_beside(sample, tmp_path / "out").read_bytes() == before


def test_an_unknown_format_is_said_before_the_work(shell, tmp_path: Path) -> None:
    assert ".csv" in shell("speech", short_speech(tmp_path / "a.wav"), "-o", "out.xlsx", expect=1).stderr


def test_a_missing_script_and_an_empty_one(shell, tmp_path: Path) -> None:
    sound = short_speech(tmp_path / "a.wav")
    assert "Cannot read the transcript" in shell("speech", sound, "-o", "o.csv", "--text", "no.txt", expect=1).stderr
    (tmp_path / "blank.txt").write_text(" \n")
    assert "is empty" in shell("speech", sound, "-o", "o.csv", "--text", "blank.txt", expect=1).stderr


def test_a_device_that_is_not_here_is_a_sentence(shell, tmp_path: Path) -> None:
    import torch

    absent = "mps" if not torch.backends.mps.is_available() else "cuda"
    assert absent.upper() in shell("speech", short_speech(tmp_path / "a.wav"), "-o", "o.csv", "--device", absent, expect=1).stderr.upper()


@pytest.mark.slow
def test_silence_is_a_still_closed_mouth(shell, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "silent.wav", np.zeros(32000), 16000)
    assert "silent" in shell("speech", "silent.wav", "-o", "o.json", "--no-life").stderr
    values = np.array(json.loads((tmp_path / "o.json").read_text())["values"])
    assert values.max() <= 0.02


@pytest.mark.blender
def test_bake_writes_a_blend_with_sparse_keys_and_sound(shell, tmp_path: Path, head_blend: Path) -> None:
    sound = short_speech(tmp_path / "speech.wav")
    told = json.loads(shell("bake", sound, "--blend", head_blend, "-o", "baked.blend", "--start", "10", "--json").stdout)
    assert told["bake"]["frame_start"] == 10
    assert told["bake"]["keys"] > 20
    looked = inspect(tmp_path / "baked.blend")
    assert looked["curves"] == told["bake"]["channels"]
    assert looked["first"] == 10
    assert sorted(p.name for p in tmp_path.glob("baked*")) == ["baked.blend"]


@pytest.mark.blender
@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--blend", "no.blend"), "There is no file"),
        (("--blend", "speech.wav"), "could not be opened"),
        (("--object", "Nobody"), "no object 'Nobody'"),
        (("--strength", "-1"), "strength"),
    ],
)
def test_bake_says_what_stands_in_the_way(shell, tmp_path: Path, head_blend: Path, words, sentence: str) -> None:
    sound = short_speech(tmp_path / "speech.wav")
    arguments = ["--blend", str(head_blend), *words] if "--blend" not in words else list(words)
    assert sentence in shell("bake", sound, *arguments, "-o", "baked.blend", expect=1).stderr
    assert not (tmp_path / "baked.blend").exists()


@pytest.mark.slow
@pytest.mark.blender
def test_demo_leaves_a_blend_curves_and_pictures(shell, tmp_path: Path) -> None:
    told = json.loads(shell("demo", "-o", "shown", "--size", "64", "--json").stdout)
    names = {Path(name).name for name in told["files"]}
    assert {"demo.blend", "demo.csv", "demo.png"} <= names
    assert all(Path(name).stat().st_size > 1000 for name in told["files"])
    assert inspect(tmp_path / "shown" / "demo.blend")["curves"] > 40


@pytest.fixture(scope="module")
def head_blend(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A .blend with the demo head, made by a process of its own."""
    path = tmp_path_factory.mktemp("head") / "head.blend"
    code = "from facewright.scene import demo_head; demo_head.build(bpy.context.scene); bpy.ops.wm.save_as_mainfile(filepath=sys.argv[2])"
    in_blender(code, path)
    return path


def inspect(blend: Path) -> dict:
    """Curves and first key of the file's Facewright Actions."""
    code = """
from facewright.scene import actions_compat
bpy.ops.wm.open_mainfile(filepath=sys.argv[2])
curves = [c for a in bpy.data.actions for c in actions_compat.fcurves(a)]
print('LOOK ' + json.dumps({'curves': len(curves), 'first': min(c.keyframe_points[0].co[0] for c in curves)}))
"""
    out = in_blender(code, blend)
    return json.loads(next(line for line in out.splitlines() if line.startswith("LOOK "))[5:])


def in_blender(code: str, argument: Path) -> str:
    """Run code in a fresh process with bpy and the package; its stdout."""
    start = "import importlib.util, json, os, runpy, sys\nrunpy.run_path(sys.argv[1])['load_package']()\nimport bpy\n"
    start += "bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)\n"
    command = [sys.executable, "-c", start + code + "\nsys.stdout.flush()\nos._exit(0)", str(ROOT / "entry.py"), str(argument)]
    return subprocess.run(command, capture_output=True, text=True, timeout=240, check=True).stdout
