# SPDX-License-Identifier: GPL-3.0-or-later
"""A sitting in the real Blender window: takes are made, rendered, played and judged with real keys, and every state is a screenshot.

    python tools/gui_tour_ranking.py RUNNER OUT [SIZE]

RUNNER and the driver's ``api`` are those of ``gui_tour.py``. Prints how long the takes took and how long a vote is from key to next pair.
"""
from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

PARAMETERS: dict[str, str] = {}  # the program writes them into the driver's copy
FAILED: list[str] = []
HEADER = 28  # pixels from one closed panel to the next, in the default theme at scale 1


# ---- the driver, inside Blender ----------------------------------------------------------------------------------------------


def check(name: str, good: bool, said: object = "") -> None:
    print(f"CHECK {'ok  ' if good else 'FAIL'} {name} {said}", flush=True)
    if not good:
        FAILED.append(name)


def steps(api):
    import bpy

    package = next(m for m in list(bpy.context.preferences.addons.keys()) if m.endswith(".facewright"))
    check("enabling imports neither torch nor numpy", not {"torch", "numpy"} & set(sys.modules))
    jobs, sitting, player = (importlib.import_module(f"{package}.scene.{name}") for name in ("jobs", "sitting", "player"))
    preferences = bpy.context.preferences.addons[package].preferences
    preferences.python = PARAMETERS["python"]
    preferences.rater = "tour"
    bpy.context.preferences.system.viewport_aa = "OFF"  # software GL needs most of a second for each of its eight passes
    settings = bpy.context.scene.facewright

    def wait(until, seconds):
        end = time.monotonic() + seconds
        while not until() and time.monotonic() < end:
            yield 0.05

    def key(*names):
        subprocess.run(["xdotool", "key", *names], check=True)

    def mouse(x, y, click=False):
        subprocess.run(["xdotool", "mousemove", str(x), str(y), *(["click", "1"] if click else [])], check=True)

    def over_player(fx=0.5, fy=0.5, click=False):
        """A place of the player's region, as shares from its lower left corner."""
        region = player.current().region()
        window = bpy.context.window_manager.windows[0]
        mouse(int(region.x + fx * region.width), int(window.height - region.y - fy * region.height), click)

    def press_button(action):
        layout, region = player.current()._layout, player.current().region()
        box = next(b.box for b in layout.buttons if b.action == action)
        over_player((box.x + box.width / 2) / region.width, (box.y + box.height / 2) / region.height, click=True)

    def slow_click(x, y, held=""):
        """As a hand clicks: Blender wants to see the mouse arrive."""
        hold, release = (f"xdotool keydown {held}; sleep .2;", f"sleep .2; xdotool keyup {held}") if held else ("", "")
        click = f"xdotool mousemove {x - 9} {y}; sleep .3; xdotool mousemove {x} {y}; sleep .3; {hold} xdotool mousedown 1; sleep .15; "
        subprocess.Popen(["sh", "-c", f"{click} xdotool mouseup 1; {release}"])

    def only(name, open_first=False):
        """Open one panel of the tab and close all others, by clicks on their headers."""
        panels = [p for p in bpy.types.Panel.__subclasses__() if getattr(p, "bl_category", "") == "Facewright"]
        tab = [p for p in panels if not hasattr(p, "bl_parent_id")]
        order = [p.__name__ for p in sorted(tab, key=lambda p: getattr(p, "bl_order", 0))]
        x, y = api.panel_xy(HEADER / 2)
        # A click closes the first panel, one with Ctrl opens it and closes the others, the last closes it again.
        for held in ("", "ctrl", "") if open_first else ("ctrl", ""):
            slow_click(x - 40, int(y), held)
            yield 2.5
        api.shot("r00_closed")
        slow_click(x - 40, int(y + HEADER * order.index(name)))
        yield 2.5
        subprocess.run(["xdotool", "mousemove", "300", "500"], check=True)
        yield 0.7

    def votes():
        opened = sitting.current()
        return opened.sitting.counter.votes if opened else -1

    def ready():
        current = player.current()
        return current is not None and current._films is not None and current._frame >= 0

    api.open_tab("Facewright")
    yield 1.0
    with api.override():
        bpy.ops.object.select_all(action="DESELECT")
        bpy.ops.facewright.add_demo_head()
    settings.sound = PARAMETERS["sound"]
    yield 2.0
    api.shot("r00_sidebar")
    yield from only("FACEWRIGHT_PT_ranking", open_first=True)
    api.shot("r01_start")
    before = {name: len(getattr(bpy.data, name)) for name in ("objects", "actions", "images", "cameras", "scenes", "meshes")}
    with api.override():
        bpy.ops.facewright.rank_start("INVOKE_DEFAULT")
    began = time.monotonic()
    yield 0.8
    api.shot("r02_making")
    yield from wait(lambda: jobs.running() is None, 120)
    made = time.monotonic()
    print(f"TAKES made after {made - began:.1f} s, {jobs.outcome('ranking')}", flush=True)
    yield from wait(lambda: player.current() is not None, 5)
    yield 0.6
    api.shot("r03_rendering")
    yield from wait(ready, 120)
    maker = sitting.current().maker
    print(f"RENDERED first pair {time.monotonic() - began:.1f} s after the click; each film {[round(s, 2) for s in maker.made_seconds]} s, "
          f"smooth edges {maker.look.smooth}", flush=True)
    check("the player opens by itself", ready(), sitting.current().message if sitting.current() else "")
    check("the 3D View was borrowed", all(a.type != "VIEW_3D" for a in bpy.context.window_manager.windows[0].screen.areas))
    over_player(0.5, 0.6)
    yield 1.0
    api.shot("r04_pair")

    seen = []

    def watch():
        current = player.current()
        seen.append(current._frame if current else -1)
        return 0.02

    bpy.app.timers.register(watch)
    yield 4.0
    bpy.app.timers.unregister(watch)
    check("the films run", len(set(seen)) > 10, f"{len(set(seen))} different frames in 4 s")

    yield from wait(lambda: len(maker._done) >= 6 or not maker.busy, 60)  # films ahead, so that the next pairs are cached
    key("1")
    yield from wait(lambda: votes() == 1, 5)
    check("the key 1 votes", votes() == 1, sitting.current().message)
    yield from wait(ready, 60)
    yield 0.5
    api.shot("r05_after_vote")
    stored = list(sitting.current().store.votes())
    check("the vote is in the store", len(stored) == 1 and stored[0].ranks == (0, 1), stored[-1:])
    key("equal")
    yield from wait(lambda: votes() == 2, 5)
    check("the key = is a tie", votes() == 2 and sitting.current().sitting.votes[-1].ranks == (0, 0))
    yield from wait(ready, 60)
    key("0")
    yield from wait(lambda: votes() == 3, 5)
    check("the key 0 finds both bad", votes() == 3 and sitting.current().sitting.votes[-1].both_bad)
    yield from wait(ready, 60)
    key("BackSpace")
    yield from wait(lambda: votes() == 2, 5)
    check("Backspace takes a vote back", votes() == 2 and len(list(sitting.current().store.votes())) == 2)
    yield from wait(ready, 60)
    key("ctrl+z")
    yield from wait(lambda: votes() == 1, 5)
    check("so does Ctrl-Z, and Blender's own undo does not run", votes() == 1 and "Face" in bpy.data.objects)
    yield from wait(ready, 60)
    replays = sitting.current().sitting._replays[0]
    key("space")
    yield from wait(lambda: sitting.current().sitting._replays[0] > replays, 3)
    check("Space plays again", sitting.current().sitting._replays[0] > replays)
    before_skip = sitting.current().question
    key("s")
    yield from wait(lambda: sitting.current().question is not before_skip, 5)
    check("S skips", sitting.current().question is not before_skip and votes() == 1)
    yield from wait(ready, 60)
    key("n")
    yield 1.5
    subprocess.run(["xdotool", "type", "lips late"], check=True)
    yield 0.5
    api.shot("r06_note")
    key("Return")
    yield 1.0
    key("Return")
    yield from wait(lambda: sitting.current().sitting.note, 5)
    check("N writes a note", sitting.current().sitting.note == "lips late", repr(sitting.current().sitting.note))
    over_player(0.5, 0.6)
    yield 0.5
    press_button("take 1")
    yield from wait(lambda: votes() == 2, 5)
    check("a click on a button votes, with the note", votes() == 2 and sitting.current().sitting.votes[-1].note == "lips late")
    yield from wait(ready, 60)

    waits = player.current().waits
    waits.clear()

    def cached():
        return ready() and all(maker.film(take) for question in sitting.current().sitting.ahead(2) for take in question.takes)

    for turn in range(8):
        if sitting.current().question is None:
            break
        yield from wait(cached, 90)
        yield 1.0  # as long as the quickest rater looks
        key("12"[turn % 2])
        count = votes()
        yield from wait(lambda count=count: votes() > count, 5)
        yield 0.8
    print(f"WAITS from answer to next pair on screen (cached): {[round(w, 3) for w in waits]} s", flush=True)
    check("from key to the next pair 0.3 s at most, cached", bool(waits) and max(waits) <= 0.3, f"worst {max(waits, default=9):.3f} s")
    sitting.current().sitting.region = "lower"
    player.current().redraw()
    yield 0.7
    api.shot("r07_lower_face")
    sitting.current().sitting.region = "whole"
    key("Escape")
    yield 1.0
    kinds = [a.type for a in bpy.context.window_manager.windows[0].screen.areas]
    check("Esc gives the 3D View back", "VIEW_3D" in kinds and "IMAGE_EDITOR" not in kinds, kinds)
    check("the sitting stays open", sitting.current() is not None)
    api.open_tab("Facewright")
    yield 1.5
    api.shot("r08_panel_with_strips")
    count = votes()
    if sitting.current().question is not None:
        with api.override():
            bpy.ops.facewright.rank_act(action="TIE")
        check("the panel's buttons vote too", votes() == count + 1)
    yield 1.5
    api.shot("r09_panel_next")
    with api.override():
        bpy.ops.facewright.rank_end()
    yield 1.5
    after = {name: len(getattr(bpy.data, name)) for name in before}
    check("nothing is left in the file", after == before, {n: (before[n], after[n]) for n in before if before[n] != after[n]})
    api.shot("r10_ended")
    yield from only("FACEWRIGHT_PT_learn")
    api.shot("r10b_learn")

    yield from only("FACEWRIGHT_PT_ranking")
    settings.video.path, settings.ranking.what, settings.ranking.count = PARAMETERS["video"], "VIDEO", 2
    yield 1.0
    api.shot("r10c_video")
    for where, name in (("HERE", "r10d_video_pair"), ("FRAME", "r10e_stills")):
        settings.ranking.where = where
        bpy.context.scene.frame_set(30)
        with api.override():
            bpy.ops.facewright.rank_start("INVOKE_DEFAULT")
        yield from wait(ready, 180)
        yield 1.0
        api.shot(name)
        films = player.current()._films or [] if player.current() else []
        lengths = sorted({len(film.frames) for film in films})
        check(f"a video is compared ({where})", bool(lengths) and (lengths == [1]) == (where == "FRAME"), lengths)
        key("1")
        yield from wait(lambda: votes() == 1, 5)
        check("and voted on", votes() == 1, jobs.outcome("ranking"))
        key("Escape")
        yield 0.7
        with api.override():
            bpy.ops.facewright.rank_end()
        yield 0.7
    settings.ranking.what, settings.ranking.where, settings.ranking.count = "SOUND", "LINE", 4

    settings.ranking.shown = "4"
    with api.override():
        bpy.ops.facewright.rank_start("INVOKE_DEFAULT")
    yield from wait(ready, 180)
    over_player(0.3, 0.7)
    yield 1.0
    api.shot("r11_four")
    over_player(0.3, 0.75, click=True)
    yield 0.6
    over_player(0.6, 0.4, click=True)
    yield 0.6
    api.shot("r12_four_placed")
    check("clicks place takes", len(sitting.current().order) == 2, sitting.current().order)
    key("3", "1", "2")
    yield from wait(lambda: votes() == 1, 5)
    check("a four-up is ranked", votes() == 1, sitting.current().sitting.votes)
    began = time.perf_counter()
    bpy.ops.preferences.addon_disable(module=package)
    kinds = [a.type for a in bpy.context.window_manager.windows[0].screen.areas]
    check("disabling closes the player and gives the view back", "VIEW_3D" in kinds, f"{time.perf_counter() - began:.2f} s")
    yield 0.5
    bpy.ops.preferences.addon_enable(module=package)
    api.shot("r13_disabled_and_enabled")
    if FAILED:
        raise SystemExit("failed: " + ", ".join(FAILED))


# ---- the program -------------------------------------------------------------------------------------------------------------


def main(runner: str, out: str, size: str = "1280x800") -> None:
    import tempfile

    root = Path(__file__).resolve().parents[1]
    sys.path.insert(0, str(root / "tools"))
    from build import build

    with tempfile.TemporaryDirectory() as folder:
        zip_path = Path(os.environ["FACEWRIGHT_ZIP"]) if "FACEWRIGHT_ZIP" in os.environ else build(Path(folder))
        binds = dict.fromkeys((sys.prefix, sys.base_prefix, str(root / "samples")))
        parameters = {"python": sys.executable, "sound": str(root / "samples" / "hello.wav"), "video": str(root / "samples" / "face.mp4")}
        source = Path(__file__).read_text(encoding="utf-8")
        driver = Path(folder) / "driver.py"
        driver.write_text(source.replace("PARAMETERS: dict[str, str] = {}", f"PARAMETERS: dict[str, str] = {json.dumps(parameters)}", 1))
        environment = {**os.environ, "EXTRA_BIND": " ".join(binds), "TIMEOUT": "560"}
        sys.exit(subprocess.call([runner, str(zip_path), str(driver), out, size], env=environment))


if __name__ == "__main__":
    main(*sys.argv[1:])
