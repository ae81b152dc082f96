# SPDX-License-Identifier: GPL-3.0-or-later
"""Emotion, phonemes, re-drive and re-take in the real Blender window: a screenshot of every state, and what only a window can show.

    python tools/gui_tour_phonemes.py RUNNER OUT [SIZE]

RUNNER and the driver's ``api`` are those of ``gui_tour.py``. A tall window (the default) shows all of the panels at once; the driver opens
those that start closed by registering them open.
"""
from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

PARAMETERS: dict[str, str] = {}  # the program writes them into the driver's copy
FAILED: list[str] = []


# ---- the driver, inside Blender ----------------------------------------------------------------------------------------------


def check(name: str, good: bool, said: object = "") -> None:
    print(f"CHECK {'ok  ' if good else 'FAIL'} {name} {said}", flush=True)
    if not good:
        FAILED.append(name)


def steps(api):
    import bpy

    package = next(m for m in list(bpy.context.preferences.addons.keys()) if m.endswith(".facewright"))
    check("enabling imports neither torch nor numpy", not {"torch", "numpy"} & set(sys.modules))
    jobs = sys.modules[f"{package}.scene.jobs"]
    bpy.context.preferences.addons[package].preferences.python = PARAMETERS["python"]
    bpy.context.preferences.system.viewport_aa = "OFF"  # software GL needs most of a second for each of its eight passes
    settings = bpy.context.scene.facewright

    def wait(until, seconds):
        end = time.monotonic() + seconds
        while not until() and time.monotonic() < end:
            yield 0.05

    opened = []

    def redraw():
        api.view3d()[1].tag_redraw()

    def only(*names):
        """Show these panels, open, and none of the others. Under other names: Blender remembers which ones are closed."""
        panels = [c for c in sys.modules[f"{package}.registration"].CLASSES if issubclass(c, bpy.types.Panel)]
        for cls in reversed(opened):
            bpy.utils.unregister_class(cls)
        opened.clear()
        for cls in reversed(panels):
            if cls.is_registered:
                bpy.utils.unregister_class(cls)
        for cls in panels:
            if cls.__name__.removeprefix("FACEWRIGHT_PT_") in names:
                more = {"bl_idname": f"{cls.__name__}_open", "bl_options": set()}
                if hasattr(cls, "bl_parent_id"):
                    more["bl_parent_id"] = f"{cls.bl_parent_id}_open"
                opened.append(type(f"{cls.__name__}_open", (cls,), more))
                bpy.utils.register_class(opened[-1])
        redraw()

    def shot(name):
        yield 0.6
        subprocess.run(["xdotool", "mousemove", "300", "500"], check=True)
        yield 0.4
        api.shot(name)

    def run(operator, **more):
        with api.override():
            operator("INVOKE_DEFAULT", **more)
        yield from wait(lambda: jobs.running() is None, 90)
        redraw()

    api.open_tab("Facewright")
    yield 1.0
    with api.override():
        bpy.ops.object.select_all(action="DESELECT")
        bpy.ops.facewright.add_demo_head()
    settings.sound = PARAMETERS["sound"]
    settings.transcript_from, settings.transcript_file = "FILE", PARAMETERS["text"]
    bpy.ops.ed.undo_push(message="Add Head")
    only("speech", "emotion", "bake_settings")
    settings.emotion.happy = 0.6
    settings.emotion.surprised = 0.3
    yield from shot("p01_emotion_and_settings")
    only("speech", "phonemes")
    yield from shot("p02_no_track_yet")
    yield from run(bpy.ops.facewright.bake_speech)
    check("the bake is done", jobs.outcome("speech") and jobs.outcome("speech").kind == "done", jobs.outcome("speech"))
    only("phonemes", "phoneme_tools", "retake")
    bpy.context.scene.frame_set(60)
    with api.override():
        bpy.ops.facewright.phoneme_edit(action="HERE")
    redraw()
    yield from shot("p03_track")
    take = bpy.data.objects["Face"].data.shape_keys.animation_data.action.facewright_take
    check("the track is there", len(take.phones) > 60 and len(take.words) > 20, (len(take.words), len(take.phones)))

    frame = bpy.context.scene.frame_current
    take.phone_index = 12
    redraw()
    yield 0.5
    check("choosing moves the playhead", bpy.context.scene.frame_current != frame, bpy.context.scene.frame_current)
    with api.override():
        bpy.ops.facewright.phoneme_edit("INVOKE_DEFAULT", True, action="SPLIT")  # True: with an undo step, as a click has
    take = bpy.data.objects["Face"].data.shape_keys.animation_data.action.facewright_take
    count = len(take.phones)
    redraw()
    yield from shot("p04_edited")
    with api.override():
        bpy.ops.ed.undo()
    yield 0.5
    take = bpy.data.objects["Face"].data.shape_keys.animation_data.action.facewright_take
    check("undo takes an edit back", len(take.phones) == count - 1, (count, len(take.phones)))

    settings = bpy.context.scene.facewright
    settings.phonemes.word = "Goodbye"
    take.word_index = 0
    yield from run(bpy.ops.facewright.phoneme_word, insert=False)
    yield from shot("p05_another_word")
    take = bpy.data.objects["Face"].data.shape_keys.animation_data.action.facewright_take
    check("another word is pronounced", take.words[0].name == "Goodbye" and take.edited, jobs.outcome("phonemes"))
    settings.phonemes.word = "..."
    yield from run(bpy.ops.facewright.phoneme_word, insert=False)
    yield from shot("p06_no_word")
    settings.phonemes.word = ""
    only("speech", "phonemes")
    yield from run(bpy.ops.facewright.redrive_face)
    yield from shot("p07_re_driven")
    outcome = jobs.outcome("speech")
    check("the face follows the track", outcome.kind == "done" and "follow the edited track" in outcome.lines[0], outcome)
    with api.override():
        bpy.ops.facewright.phoneme_markers(kind="word")
    yield from shot("p08_markers")

    action = bpy.data.objects["Face"].data.shape_keys.animation_data.action
    bags = action.layers[0].strips[0].channelbags[0].fcurves if hasattr(action, "layers") else action.fcurves
    brow = next(f for f in bags if "browInnerUp" in f.data_path)
    point = brow.keyframe_points[len(brow.keyframe_points) // 2]
    at, point.co_ui[1] = point.co[0], 0.95
    brow.update()
    bpy.ops.ed.undo_push(message="Edit Key")
    bpy.context.scene.facewright.seed = 7
    only("speech", "phonemes", "retake")
    yield from run(bpy.ops.facewright.retake)
    bpy.context.scene.frame_set(round(at))
    yield from shot("p09_re_take")
    outcome = jobs.outcome("speech")
    check("a take around an edited key", outcome.kind == "done" and "key of yours" in outcome.lines[0], outcome)
    value = bpy.data.objects["Face"].data.shape_keys.key_blocks["browInnerUp"].value
    check("the key is where it was", abs(value - 0.95) < 1e-3, value)
    with api.override():
        bpy.ops.ed.undo()
    yield 0.5
    check("one undo takes the re-take away", "Facewright Face (edited)" not in bpy.data.actions, list(bpy.data.actions.keys()))

    adt = bpy.data.objects["Face"].data.shape_keys.animation_data
    action = adt.action
    track = adt.nla_tracks.new()
    strip = track.strips.new("Line", 1, action)
    if hasattr(strip, "action_slot") and strip.action_slot is None:
        strip.action_slot = action.slots[0]
    adt.action = None
    only("phonemes")
    yield from shot("p10_pushed_down")
    if FAILED:
        raise SystemExit("failed: " + ", ".join(FAILED))


# ---- the program -------------------------------------------------------------------------------------------------------------


def main(runner: str, out: str, size: str = "1280x1100") -> None:
    import tempfile

    root = Path(__file__).resolve().parents[1]
    sys.path.insert(0, str(root / "tools"))
    from build import build

    with tempfile.TemporaryDirectory() as folder:
        zip_path = Path(os.environ["FACEWRIGHT_ZIP"]) if "FACEWRIGHT_ZIP" in os.environ else build(Path(folder))
        binds = dict.fromkeys((sys.prefix, sys.base_prefix, str(root / "samples")))
        sample = root / "samples" / "hello.wav"
        parameters = {"python": sys.executable, "sound": str(sample), "text": str(sample.with_suffix(".txt"))}
        source = Path(__file__).read_text(encoding="utf-8")
        driver = Path(folder) / "driver.py"
        driver.write_text(source.replace("PARAMETERS: dict[str, str] = {}", f"PARAMETERS: dict[str, str] = {json.dumps(parameters)}", 1))
        environment = {**os.environ, "EXTRA_BIND": " ".join(binds), "TIMEOUT": "560"}
        sys.exit(subprocess.call([runner, str(zip_path), str(driver), out, size], env=environment))


if __name__ == "__main__":
    main(*sys.argv[1:])
