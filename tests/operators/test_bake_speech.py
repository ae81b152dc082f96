# SPDX-License-Identifier: GPL-3.0-or-later
"""The main verb: its reasons, its result against the plain functions, and every way a job can end."""
import importlib.util
import time
from pathlib import Path

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from facewright.core.errors import Cancelled  # noqa: E402
from facewright.operators.bake_speech import FACEWRIGHT_OT_bake_speech as Operator  # noqa: E402
from facewright.scene import actions_compat, bake, jobs  # noqa: E402

pytestmark = pytest.mark.blender

_spec = importlib.util.spec_from_file_location("stand_in", Path(__file__).with_name("stand_in.py"))
stand_in = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(stand_in)


def keys_of(obj):
    """Data path -> [N, 2] of every key of the object's active Action."""
    action = obj.data.shape_keys.animation_data.action
    found = {}
    for fcurve in actions_compat.fcurves(action):
        flat = np.empty(2 * len(fcurve.keyframe_points), np.float32)
        fcurve.keyframe_points.foreach_get("co", flat)
        found[fcurve.data_path] = flat.reshape(-1, 2)
    return found


def run_to_end(seconds=20.0):
    """The timer's part, which Blender as a module has no loop for."""
    end = time.monotonic() + seconds
    while jobs.running() is not None:
        assert time.monotonic() < end, "the job did not end"
        jobs.tick()
        time.sleep(0.01)
    return jobs.outcome("speech")


def start(context=None):
    """What a click does after ``invoke`` has seen that there is a window."""
    work = Operator.begin(None, bpy.context)
    return jobs.start("speech", "Bake Speech", work.task, work.finish, work.clean_up)


def test_each_reason_says_what_to_do(addon, settings):
    assert Operator.disabled_reason(bpy.context) == "Select a character with shape keys, or add the demo head."
    mesh = bpy.data.objects.new("Plain", bpy.data.meshes.new("Plain"))
    bpy.context.scene.collection.objects.link(mesh)
    mesh.select_set(True)
    assert Operator.disabled_reason(bpy.context).startswith("'Plain' has no shape keys.")


def test_without_a_sound_it_asks_for_one(face, settings):
    assert Operator.disabled_reason(bpy.context) == "Choose the sound of the speech, or drop a sound file on the 3D View."
    settings.sound = "//speech.wav"
    assert Operator.disabled_reason(bpy.context) == ""


def test_the_operators_result_is_the_plain_functions(face, settings, worker, sound):
    settings.sound = sound()
    settings.start_frame = 11
    assert bpy.ops.facewright.bake_speech() == {"FINISHED"}
    by_operator = keys_of(face)
    bake.remove([face], bpy.context.scene)
    report = bake.apply(bake.plan([face], stand_in.known_curves(), bake.BakeOptions(start_frame=11)), bpy.context.scene)
    plain = keys_of(face)
    assert report.channels == len(by_operator) == len(plain) == 2
    for path, keys in plain.items():
        np.testing.assert_array_equal(by_operator[path], keys)


def test_the_timers_result_is_the_same_and_told(face, settings, worker, sound):
    settings.sound = sound()
    start()
    assert jobs.running().topic == "speech"
    assert "is running" in Operator.disabled_reason(bpy.context)
    outcome = run_to_end()
    assert outcome.kind == "done"
    assert outcome.lines[0].startswith("Baked 3 of 52 shapes on 'Face': ")
    assert "took" in outcome.lines[1] and "CPU" in outcome.lines[1]
    timed = keys_of(face)
    bpy.ops.facewright.bake_speech()
    np.testing.assert_array_equal(timed['key_blocks["jawOpen"].value'], keys_of(face)['key_blocks["jawOpen"].value'])


def test_the_panels_settings_reach_the_bake(face, settings, worker, sound):
    settings.sound = sound()
    settings.keys, settings.strength, settings.place_sound = "DENSE", 0.5, False
    bpy.ops.facewright.bake_speech()
    keys = keys_of(face)['key_blocks["jawOpen"].value']
    fps = bpy.context.scene.render.fps
    assert len(keys) == fps + 1
    assert keys[:, 1].max() == pytest.approx(0.5, abs=0.01)
    assert strips() == []


def test_the_transcript_reaches_the_worker(face, settings, worker, sound, tmp_path):
    settings.sound = sound()
    settings.transcript_from, settings.transcript = "TYPED", "Hello there"
    bpy.ops.facewright.bake_speech()
    assert "text=Hello there" in jobs.outcome("speech").lines
    (tmp_path / "script.txt").write_text("Good morning", encoding="utf-8")
    settings.transcript_from, settings.transcript_file = "FILE", str(tmp_path / "script.txt")
    bpy.ops.facewright.bake_speech()
    assert "text=Good morning" in jobs.outcome("speech").lines


def script(tmp_path, content):
    (tmp_path / "script.txt").write_bytes(content)
    return {"transcript_from": "FILE", "transcript_file": str(tmp_path / "script.txt")}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda p: {"sound": str(p / "none.wav")}, "There is no sound file"),
        (lambda p: {"transcript_from": "TYPED", "transcript": "  "}, "The transcript is empty"),
        (lambda p: {"transcript_from": "FILE"}, "No transcript file is chosen"),
        (lambda p: {"transcript_from": "FILE", "transcript_file": str(p / "none.txt")}, "Cannot read the transcript"),
        (lambda p: script(p, b"\xff\xfe\x00"), "is not UTF-8 text"),
        (lambda p: script(p, b" \n"), "is empty"),
    ],
)
def test_bad_input_is_a_sentence_and_leaves_nothing(face, settings, worker, sound, tmp_path, change, said):
    settings.sound = sound()
    for name, value in change(tmp_path).items():
        setattr(settings, name, value)
    with pytest.raises(RuntimeError, match=said):
        bpy.ops.facewright.bake_speech()
    assert said in jobs.outcome("speech").lines[0], "the panel keeps the sentence"
    assert untouched(face)


def strips():
    editor = bpy.context.scene.sequence_editor
    return [] if editor is None else list(editor.strips if hasattr(editor, "strips") else editor.sequences)


def untouched(obj):
    return len(bpy.data.actions) == 0 and strips() == [] and obj.data.shape_keys.animation_data is None


@pytest.mark.parametrize(
    ("name", "said", "details"), [("trouble", "The sound is silent.", False), ("bug", "a bug", True), ("crash", "The worker", True)]
)
def test_trouble_in_the_worker_is_told_and_the_next_job_works(face, settings, worker, sound, name, said, details):
    settings.sound = sound(name)
    start()
    outcome = run_to_end()
    assert outcome.kind == "failed" and said in outcome.lines[0]
    assert bool(outcome.details) is details
    if details:
        assert "Facewright 0." in outcome.details and bpy.app.version_string in outcome.details
    assert untouched(face)
    settings.sound = sound()
    start()
    assert run_to_end().kind == "done"


def test_trouble_while_a_script_waits_is_raised(face, settings, worker, sound):
    settings.sound = sound("trouble")
    with pytest.raises(RuntimeError, match=r"The sound is silent\. Record it again\."):
        bpy.ops.facewright.bake_speech()
    assert jobs.outcome("speech").kind == "failed"
    assert untouched(face)


def test_cancel_frees_at_once_and_writes_nothing(face, settings, worker, sound):
    settings.sound = sound("slow")
    start()
    end = time.monotonic() + 20
    while jobs.running().progress < 0.4 and time.monotonic() < end:
        jobs.tick()
        time.sleep(0.01)
    assert "Listening" in jobs.running().text
    began = time.monotonic()
    assert bpy.ops.facewright.cancel_job() == {"FINISHED"}
    assert jobs.running() is None
    assert time.monotonic() - began < 0.5
    assert jobs.outcome("speech").kind == "cancelled"
    assert untouched(face)
    settings.sound = sound()
    start()  # the worker still cleans up: the next job waits its turn
    assert run_to_end().kind == "done"
    while jobs.tick() is not None:
        time.sleep(0.01)
    assert not worker.busy


def test_an_object_deleted_meanwhile_is_a_sentence(face, settings, worker, sound):
    settings.sound = sound()
    start()
    bpy.data.objects.remove(face)
    outcome = run_to_end()
    assert outcome.kind == "failed"
    assert outcome.lines[0] == "The object 'Face' is gone, so nothing was written."
    assert len(bpy.data.actions) == 0


def test_a_renamed_object_still_gets_its_bake(face, settings, worker, sound):
    settings.sound = sound()
    start()
    face.name = "Renamed"
    assert run_to_end().kind == "done"
    assert face.data.shape_keys.animation_data.action is not None


def test_a_change_of_selection_does_not_matter(face, settings, worker, sound):
    settings.sound = sound()
    start()
    face.select_set(False)
    assert run_to_end().kind == "done"
    assert face.data.shape_keys.animation_data.action is not None


def test_opening_another_file_stops_the_job(face, settings, worker, sound):
    settings.sound = sound("slow")
    start()
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    assert jobs.running() is None
    assert jobs.outcome("speech").lines == ("Another file was opened, so the job was stopped. Nothing was changed.",)
    assert len(bpy.data.actions) == 0


def test_what_a_job_needed_is_removed(face, settings, worker, sound, monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    for name in ("speech", "trouble"):
        settings.sound = sound(name)
        start()
        run_to_end()
        jobs.tick()
        assert list((tmp_path / "temporary").iterdir()) == []


def test_what_a_refused_job_needed_is_removed_and_told(face, settings, worker, sound, monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("facewright.inference.protocol.LINE_LIMIT", 2000)
    settings.sound, settings.transcript_from, settings.transcript = sound(), "TYPED", "Hello " * 400
    with pytest.raises(RuntimeError, match="too large for the worker"):
        bpy.ops.facewright.bake_speech()
    assert list((tmp_path / "temporary").iterdir()) == []
    assert jobs.outcome("speech").kind == "failed" and jobs.outcome("speech").details == ""


@pytest.mark.parametrize("where", ["before", "after"])
def test_a_bug_replaces_the_last_success_in_the_panel(face, settings, worker, sound, monkeypatch, where):
    def fail(*_):
        raise ZeroDivisionError("a slip")

    settings.sound = sound()
    bpy.ops.facewright.bake_speech()
    assert jobs.outcome("speech").kind == "done"
    monkeypatch.setattr(bake, "plan" if where == "before" else "apply", fail)
    with pytest.raises(RuntimeError, match="a slip"):
        bpy.ops.facewright.bake_speech()
    outcome = jobs.outcome("speech")
    assert outcome.kind == "failed" and outcome.lines == ("Something unexpected went wrong: a slip",)
    assert "ZeroDivisionError" in outcome.details


def test_a_cancel_while_a_script_waits_replaces_it_too(face, settings, worker, sound, monkeypatch):
    def cancelled(*_):
        raise Cancelled

    settings.sound = sound()
    bpy.ops.facewright.bake_speech()
    monkeypatch.setattr(worker, "wait", cancelled)
    assert bpy.ops.facewright.bake_speech() == {"CANCELLED"}
    assert jobs.outcome("speech") == jobs.Outcome("cancelled", (jobs.CANCELLED,))


def no_match(face):
    for block in face.data.shape_keys.key_blocks[1:]:
        block.name = f"Smile {block.name[:2]}"


def driven(face):
    for block in face.data.shape_keys.key_blocks[1:]:
        block.driver_add("value")


def absolute(face):
    face.data.shape_keys.use_relative = False


def test_a_locked_earlier_bake_is_said_before_the_wait(face, settings, worker, sound):
    settings.sound = sound()
    bpy.ops.facewright.bake_speech()
    action = face.data.shape_keys.animation_data.action
    next(iter(actions_compat.fcurves(action))).lock = True
    with pytest.raises(RuntimeError, match="locked channels"):
        bpy.ops.facewright.bake_speech()
    assert face.data.shape_keys.animation_data.action == action and len(bpy.data.actions) == 1


@pytest.mark.parametrize(("spoil", "said"), [(no_match, "is an ARKit name"), (driven, "driver"), (absolute, "absolute")])
def test_a_character_that_cannot_take_it_is_said_before_the_wait(face, settings, worker, sound, spoil, said):
    spoil(face)
    settings.sound = sound()
    with pytest.raises(RuntimeError, match=said):
        bpy.ops.facewright.bake_speech()
    assert worker.hello is None, "the worker was not even started"
    assert len(bpy.data.actions) == 0
