# SPDX-License-Identifier: GPL-3.0-or-later
"""A walk through the real Blender window: every state of the panels as a screenshot, and what only a window can show as a check.

    python tools/gui_tour.py RUNNER OUT [SIZE]

RUNNER installs a zip in a Blender with a window and runs a driver in it: ``RUNNER ZIP DRIVER OUT [SIZE]``. The driver has a generator
``steps(api)`` that yields seconds to wait; ``api`` has open_tab, shot, click, panel_xy, override and view3d. RUNNER shows the folders
named in EXTRA_BIND to Blender at the same path; here they are this Python's environment, which runs the worker. This file is run
as the program and, with its parameters written in front, as the driver.
"""
from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import wave
from itertools import pairwise
from pathlib import Path

PARAMETERS: dict[str, str] = {}  # the program writes them into the driver's copy
FAILED: list[str] = []
# Pixels below the sidebar's top, in the default theme at scale 1, of what the tour clicks.
ROWS = {"add_head": 181, "bake": 148, "cancel": 167, "bake_settings": 212, "interchange": 443, "learn": 499, "video_settings": 223}
CLOSED = {"speech": 16, "phonemes": 44, "video": 72, "compare": 156}  # headers, where every panel above is closed


# ---- the driver, inside Blender ----------------------------------------------------------------------------------------------


def check(name: str, good: bool, said: object = "") -> None:
    print(f"CHECK {'ok  ' if good else 'FAIL'} {name} {said}", flush=True)
    if not good:
        FAILED.append(name)


def steps(api):
    import bpy

    package = next(m for m in list(bpy.context.preferences.addons.keys()) if m.endswith(".facewright"))
    jobs = sys.modules[f"{package}.scene.jobs"]
    preferences = bpy.context.preferences.addons[package].preferences
    preferences.python = PARAMETERS["python"]
    bpy.context.preferences.system.viewport_aa = "OFF"  # software GL needs most of a second for each of its eight passes
    folder = Path(__file__).parent
    check("enabling imports neither torch nor numpy", not {"torch", "numpy"} & set(sys.modules))

    def row(name):
        return api.panel_xy(ROWS[name])

    def only(x, y):
        """Open the panel of this header and close the others."""
        subprocess.run(["xdotool", "keydown", "ctrl"], check=True)
        api.click(x, y)
        yield 1.5
        subprocess.run(["xdotool", "keyup", "ctrl", "mousemove", "300", "500"], check=True)
        yield 1.0

    def settings():
        return bpy.context.scene.facewright

    def wait(until, seconds):
        end = time.monotonic() + seconds
        while not until() and time.monotonic() < end:
            yield 0.1

    api.open_tab("Facewright")
    yield 1.0
    print("PANEL", api.panel_xy(0), flush=True)
    api.shot("01_cube_selected")
    with api.override():
        bpy.ops.object.select_all(action="DESELECT")
    yield 0.5
    api.shot("02_nothing_selected")

    api.click(*row("add_head"))
    yield from wait(lambda: "Face" in bpy.data.objects, 15)
    yield 2.0
    check("a click on Add Demo Head adds it", "Face" in bpy.data.objects)
    if "Face" not in bpy.data.objects:
        with api.override():
            bpy.ops.facewright.add_demo_head()
    api.shot("03_head_added")

    sound = long_sound(Path(PARAMETERS["sound"]), folder / "speech.wav", 1)
    settings().sound = str(sound)
    settings().transcript_from = "TYPED"
    _, area, _, _ = api.view3d()
    area.tag_redraw()
    yield 1.0
    api.shot("04_ready")
    settings().transcript_from = "NONE"
    area.tag_redraw()  # a script's change does not redraw the panel, and its buttons would be those of before
    bpy.ops.ed.undo_push(message="Choose Sound")  # what typing into the field does
    yield 0.5
    api.click(*row("bake"))
    yield from wait(lambda: jobs.running() or jobs.outcome("speech"), 15)
    started = jobs.running() is not None or jobs.outcome("speech") is not None
    check("a click on Bake Speech starts a job", started)
    if not started:
        with api.override():
            bpy.ops.facewright.bake_speech("INVOKE_DEFAULT")
    yield 0.3
    api.shot("05_starting")
    yield from wait(lambda: jobs.running() is None, 90)
    yield 1.0
    api.shot("06_done")
    check("the bake is done", jobs.outcome("speech") is not None and jobs.outcome("speech").kind == "done", jobs.outcome("speech"))
    key = bpy.data.objects["Face"].data.shape_keys
    action = key.animation_data.action if key.animation_data else None
    check("the face has an Action", action is not None, action)
    bpy.context.scene.frame_set(60)
    yield 0.7
    api.shot("07_frame_60")

    with api.override():
        bpy.ops.ed.undo()
    yield 0.5
    key = bpy.data.objects["Face"].data.shape_keys
    check("one undo takes the bake away", not key.animation_data or key.animation_data.action is None)
    check("one undo leaves the head and the sound", bool(settings().sound) and "Face" in bpy.data.objects, settings().sound)
    with api.override():
        bpy.ops.ed.redo()
    yield 0.5
    key = bpy.data.objects["Face"].data.shape_keys
    check("redo brings it back", bool(key.animation_data and key.animation_data.action))

    # A long sound: progress, cancel by the button and by Esc, and what happens to the file meanwhile.
    settings().sound = str(long_sound(Path(PARAMETERS["sound"]), folder / "long.wav", int(PARAMETERS["repeats"])))
    actions = len(bpy.data.actions)

    def select_character():
        with api.override():
            bpy.ops.object.select_all(action="DESELECT")
        for obj in bpy.data.objects:
            if getattr(obj.data, "shape_keys", None):
                obj.select_set(True)

    def start():
        select_character()
        with api.override():
            bpy.ops.facewright.bake_speech("INVOKE_DEFAULT")

    start()
    yield from wait(lambda: jobs.running() is None or jobs.running().progress > 0.1, 30)
    yield 1.5
    api.shot("08_running")
    ticks = []

    def beat():
        ticks.append(time.monotonic())
        return 0.02

    bpy.app.timers.register(beat)
    yield 2.0
    gap = max((b - a for a, b in pairwise(ticks)), default=9)
    check("the window is not held up while a job runs", gap < 0.5, f"longest pause {gap:.3f} s")
    check("the job is still running", jobs.running() is not None)
    began = time.monotonic()
    ticks.clear()
    bpy.ops.facewright.cancel_job()
    while not ticks:
        yield 0.02
    check("cancel frees the window within 0.5 s", ticks[0] - began < 0.5 and jobs.running() is None, f"{ticks[0] - began:.3f} s")
    yield 0.7
    api.shot("09_cancelled")
    check("a cancelled job leaves no Action", len(bpy.data.actions) == actions, len(bpy.data.actions))

    start()
    yield from wait(lambda: jobs.running() is None or jobs.running().progress > 0.05, 30)
    api.click(*row("cancel"))
    yield from wait(lambda: jobs.running() is None, 15)
    check("a click on Cancel stops the job", jobs.outcome("speech") and jobs.outcome("speech").kind == "cancelled", jobs.outcome("speech"))

    start()
    yield 1.0
    w, area, region, _ = api.view3d()
    x, y = region.x + region.width // 3, w.height - region.y - region.height // 2
    subprocess.run(["xdotool", "mousemove", str(x), str(y)], check=True)
    yield 0.3
    subprocess.run(["xdotool", "key", "Escape"], check=True)
    yield from wait(lambda: jobs.running() is None, 15)
    check("Esc stops the job", jobs.outcome("speech") and jobs.outcome("speech").kind == "cancelled", jobs.outcome("speech"))

    settings().sound = str(sound)
    bpy.ops.ed.undo_push(message="Choose Sound")
    bpy.data.objects["Face"].location.x += 0.001
    bpy.ops.ed.undo_push(message="Move")
    start()
    with api.override():
        bpy.ops.ed.undo()
    yield from wait(lambda: jobs.running() is None, 60)
    outcome = jobs.outcome("speech")
    animation = bpy.data.objects["Face"].data.shape_keys.animation_data
    check("an undo meanwhile does not harm", outcome.kind == "done" and animation and animation.action, outcome)

    start()
    bpy.data.objects.remove(bpy.data.objects["Tongue"])
    yield from wait(lambda: jobs.running() is None, 60)
    yield 1.0
    api.shot("10_object_gone")
    outcome = jobs.outcome("speech")
    check("an object deleted meanwhile is a sentence", outcome and outcome.kind == "failed" and "Tongue" in outcome.lines[0], outcome)

    subprocess.run(["xdotool", "mousemove", "300", "700"], check=True)
    (folder / "words.wav").write_text("These are words and no sound.")
    settings().sound = str(folder / "words.wav")
    start()
    yield from wait(lambda: jobs.running() is None, 60)
    yield 1.0
    api.shot("11_text_named_wav")
    check("a text file is a sentence", jobs.outcome("speech").kind == "failed", jobs.outcome("speech").lines)
    subprocess.run(["xdotool", "mousemove", "600", "200"], check=True)
    yield 1.0

    settings().sound = str(sound)
    jobs._outcomes.clear()
    with api.override():
        bpy.ops.object.select_all(action="DESELECT")
    bpy.context.view_layer.objects.active.select_set(True)
    area.tag_redraw()
    yield 3.0
    for name in ("interchange", "bake_settings"):  # closed by default; the lower one first, so that the other does not move it
        api.click(*row(name))
        yield 1.5
    subprocess.run(["xdotool", "mousemove", "300", "500"], check=True)
    yield 0.7
    api.shot("12_all_panels")
    for name in ("interchange", "bake_settings")[::-1]:
        api.click(*row(name))
        yield 1.5
    yield from only(*row("learn"))
    api.shot("12a_learn_from_votes")
    yield from only(*api.panel_xy(CLOSED["compare"]))
    api.shot("12b_compare")

    # A filmed face: its panel, the bake, its settings.
    select_character()
    settings().video.path = PARAMETERS["video"]
    yield from only(*api.panel_xy(CLOSED["video"]))
    api.shot("12c_video")
    with api.override():
        bpy.ops.facewright.bake_video("INVOKE_DEFAULT")
    yield from wait(lambda: jobs.running() is None or jobs.running().progress > 0.2, 60)
    yield 0.5
    api.shot("12d_video_running")
    yield from wait(lambda: jobs.running() is None, 150)
    yield 1.5
    api.shot("12e_video_done")
    outcome = jobs.outcome("video")
    check("the video is baked", outcome and outcome.kind == "done" and outcome.lines[0].startswith("Baked"), outcome)
    curves = sys.modules[f"{package}.scene.actions_compat"].fcurves(bpy.data.objects["Face"].data.shape_keys.animation_data.action)
    check("the face has the video's keys", sum(len(f.keyframe_points) for f in curves) > 100)
    jobs._outcomes.clear()
    area.tag_redraw()
    yield 0.7
    api.click(*row("video_settings"))
    yield 2.0
    subprocess.run(["xdotool", "mousemove", "300", "500"], check=True)
    yield 0.7
    api.shot("12f_video_settings")
    for name in ("phonemes", "speech"):  # from below, so that the panels above are closed
        yield from only(*api.panel_xy(CLOSED[name]))
        api.shot(f"12g_{name}")

    with api.override():
        bpy.ops.facewright.drop_sound("INVOKE_DEFAULT", filepath=str(sound))
    yield 1.0
    api.shot("13_dropped_sound")
    subprocess.run(["xdotool", "key", "Escape"], check=True)
    yield 0.5
    curves = folder / "curves.csv"
    with api.override():
        bpy.ops.facewright.export_curves(filepath=str(curves), format=".csv")
        bpy.ops.facewright.import_curves("INVOKE_DEFAULT", filepath=str(curves))
    check("the bake was exported", curves.is_file())
    yield 1.0
    api.shot("13b_dropped_curves")
    subprocess.run(["xdotool", "key", "Return"], check=True)
    yield from wait(lambda: jobs.outcome("speech"), 10)
    yield 1.0
    api.shot("13c_curves_imported")
    outcome = jobs.outcome("speech")
    check("dropped curves are baked", outcome and outcome.lines[0].startswith("Imported"), outcome)
    with api.override():
        bpy.ops.facewright.show_details("INVOKE_DEFAULT", details="Facewright, Blender\n\nTraceback\n  File x\nValueError: an example")
    yield 1.0
    api.shot("14_details")
    subprocess.run(["xdotool", "key", "Escape"], check=True)
    yield 0.5

    bpy.context.preferences.active_section = "ADDONS"
    bpy.context.window_manager.addon_search = "Facewright"
    bpy.ops.preferences.addon_expand(module=package)
    area.type = "PREFERENCES"  # in the place of the 3D View: a window of its own would lie outside the screen
    yield 1.5
    api.shot("15_preferences")
    with bpy.context.temp_override(window=w, area=area):
        bpy.ops.facewright.check_runtime("INVOKE_DEFAULT")
    yield 0.2
    api.shot("16_preferences_checking")
    yield from wait(lambda: jobs.running() is None, 60)
    yield 1.0
    api.shot("17_preferences_checked")
    check("the check answers", jobs.outcome("runtime") and jobs.outcome("runtime").kind == "done", jobs.outcome("runtime"))
    area.type = "VIEW_3D"
    yield 0.5

    preferences.python = str(folder / "nothing")
    select_character()
    with api.override():
        try:
            bpy.ops.facewright.bake_speech("INVOKE_DEFAULT")
        except RuntimeError as error:
            check("without a runtime it is a sentence", "Python" in str(error), error)
    yield 1.0
    api.shot("18_no_runtime")
    began = time.perf_counter()
    bpy.ops.preferences.addon_disable(module=package)
    check("disabling ends everything quickly", time.perf_counter() - began < 4, f"{time.perf_counter() - began:.2f} s")
    began = time.perf_counter()
    bpy.ops.preferences.addon_enable(module=package)
    check("enabling again works", hasattr(bpy.types.Scene, "facewright"), f"{(time.perf_counter() - began) * 1000:.0f} ms")
    if FAILED:
        raise SystemExit("failed: " + ", ".join(FAILED))


def long_sound(source: Path, path: Path, repeats: int) -> Path:
    """The sound ``repeats`` times over, as a WAV at ``path``."""
    with wave.open(str(source)) as file:
        parameters, frames = file.getparams(), file.readframes(file.getnframes())
    with wave.open(str(path), "wb") as file:
        file.setparams(parameters)
        for _ in range(repeats):
            file.writeframes(frames)
    return path


# ---- the program -------------------------------------------------------------------------------------------------------------


def main(runner: str, out: str, size: str = "1280x800") -> None:
    import tempfile

    root = Path(__file__).resolve().parents[1]
    sys.path.insert(0, str(root / "tools"))
    from build import build

    with tempfile.TemporaryDirectory() as folder:
        zip_path = Path(os.environ["FACEWRIGHT_ZIP"]) if "FACEWRIGHT_ZIP" in os.environ else build(Path(folder))
        binds = dict.fromkeys((sys.prefix, sys.base_prefix, str(root / "samples")))
        parameters = {
            "python": sys.executable,
            "sound": str(root / "samples" / "hello.wav"),
            "video": str(root / "samples" / "face.mp4"),
            "repeats": "200",
        }
        source = Path(__file__).read_text(encoding="utf-8")
        driver = Path(folder) / "driver.py"
        driver.write_text(source.replace("PARAMETERS: dict[str, str] = {}", f"PARAMETERS: dict[str, str] = {json.dumps(parameters)}", 1))
        environment = {**os.environ, "EXTRA_BIND": " ".join(binds), "TIMEOUT": "600"}
        sys.exit(subprocess.call([runner, str(zip_path), str(driver), out, size], env=environment))


if __name__ == "__main__":
    main(*sys.argv[1:])
