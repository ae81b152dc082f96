# SPDX-License-Identifier: GPL-3.0-or-later
"""``facewright demo``: the shipped sample on the demo head, from sound to clip."""

from __future__ import annotations

import shutil
import tempfile
import time
from argparse import Namespace
from dataclasses import asdict
from pathlib import Path

from ..core.errors import UserError
from ..core.paths import ROOT
from ..core.timing import scene_fps
from ..interchange import write_curves
from . import blender, work
from .result import Result

SAMPLE = ROOT / "samples" / "hello.wav"
SCRIPT = ROOT / "samples" / "hello.txt"
FPS = 30  # Live Link Face's video rate; lip closures of 40 ms still get a frame of their own
# One picture for each kind of mouth shape, in the order in which the sample comes to them.
TELLING_PHONES = ("HH", "M", "OW", "IY", "B", "UW", "P", "F", "V", "AA", "AE", "W", "TH", "AY")
TILES = 12  # three rows of four


def run(options: Namespace) -> Result:
    blender.require()
    import bpy

    from ..scene import bake, demo_head, playblast, render

    if not SAMPLE.is_file():
        raise UserError("The sample is not part of the installed add-on.", "Run the demo in a checkout of the project.")
    folder = make_folder(options.out)
    blend, csv, sheet, clip = (folder / f"demo{suffix}" for suffix in (".blend", ".csv", ".png", ".mp4"))
    started = time.perf_counter()
    with blender.quiet():
        bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
        scene = bpy.context.scene
        scene.render.fps, scene.render.fps_base = FPS, 1.0
        head = demo_head.build(scene)
        sample = Path(shutil.copy(SAMPLE, folder))  # beside the .blend, so that the folder can be moved
        with work.worker(options.seat) as client:
            curves, report = work.speech(client, speech_options(sample, options.seat.device), work.MODEL_FPS)
        done = bake.apply(bake.plan(head.objects, curves, bake.BakeOptions(sound=sample, source=sample.name)), scene)
        baked = time.perf_counter() - started
        scene.frame_end = done.frame_end  # a fresh scene's 250 frames would end before or after the sample does
        write_curves(curves, csv, work.MODEL_FPS)

        size = (options.size, options.size)
        with tempfile.TemporaryDirectory(prefix="facewright-") as tiles:
            frames = telling_frames(report["phones"], scene_fps(scene.render.fps, scene.render.fps_base), done.frame_start)
            playblast.contact_sheet(render.render_frames(scene, frames, tiles, size), sheet)
        if render.workbench_available():
            playblast.render_clip(scene, clip, subdivision=0)  # the head's own mesh is fine enough for a small clip
        for sound in bpy.data.sounds:
            sound.filepath = "//" + sample.name
        blender.save_copy(blend)
    work.warn(done.warnings)
    seconds = time.perf_counter() - started
    made = [path for path in (blend, csv, sheet, clip) if path.exists()]
    return Result(
        f"{report['duration']:.1f} s of speech on the demo head in {baked:.1f} s on {report['device']}: "
        f"{done.channels} curves, {done.keys} keys. With pictures {seconds:.1f} s.\n" + "\n".join(f"  {path}" for path in made),
        {"files": made, "seconds_to_keys": round(baked, 3), "seconds": round(seconds, 3), "device": report["device"], "bake": asdict(done)},
    )


def make_folder(path: Path) -> Path:
    """The folder, made where it is missing; absolute."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"Cannot make the folder {path}: {error.strerror}.", "Choose another one with -o.") from error
    return path.absolute()


def speech_options(sample: Path, device: str) -> Namespace:
    """What ``facewright speech`` would be given for the sample."""
    return Namespace(audio=sample, text=SCRIPT, seed=0, life=True, device=device)


def telling_frames(phones: list[dict], fps: float, start: int) -> list[int]:
    """Frames of ``TILES`` unlike mouth shapes: the middle of the longest phone of each telling kind, then other phones, in time's order."""
    longest = sorted(phones, key=lambda p: p["start"] - p["end"])
    chosen = [next((p for p in longest if p["label"] == label), None) for label in TELLING_PHONES]
    chosen = [p for p in chosen if p is not None][:TILES]
    chosen += [p for p in longest if p not in chosen][: TILES - len(chosen)]
    return sorted(start + round((p["start"] + p["end"]) / 2 * fps) for p in chosen)
