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
from ..core.paths import ROOT, replacing
from ..core.timing import to_frames
from ..interchange import write_curves
from . import blender, work
from .arguments import make_parser
from .result import Result

SAMPLE = ROOT / "samples" / "hello.wav"
SCRIPT = ROOT / "samples" / "hello.txt"
FPS = 30  # Live Link Face's video rate; lip closures of 40 ms still get a frame of their own
# Mouth shapes that tell most, vowels and consonants; each is shown once, at its longest.
TELLING_PHONES = ("AA", "M", "IY", "UW", "F", "OY", "W", "AY", "P", "OW", "EY", "V", "B", "S", "EH", "ER")
TILES = 12  # three rows of four
STRENGTH = 1.5  # the model moves as much as people do; a stylised face in a small picture wants more
CLOSER = 1.35  # the studio's camera shows the whole head, the demo is about the face


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
        head.camera.data.lens *= CLOSER
        sample = copy_beside(SAMPLE, folder)
        with work.worker(options.seat) as client:
            curves, report = work.speech(client, work.asked(speech_options(sample, options.seat.device), work.MODEL_FPS))
        settings = bake.BakeOptions(strength=STRENGTH, sound=sample, source=sample.name)
        done = bake.apply(bake.plan(head.objects, curves, settings), scene)
        baked = time.perf_counter() - started
        scene.frame_end = done.frame_end  # a fresh scene's 250 frames would end before or after the sample does
        write_curves(curves, csv, work.MODEL_FPS)

        size = scene.render.resolution_x, scene.render.resolution_y = options.size, options.size
        with blender.quiet(1, 2), tempfile.TemporaryDirectory(prefix="facewright-") as tiles:
            stills = []
            for number, phone in enumerate(telling_phones(report["phones"])):
                middle = (phone["start"] + phone["end"]) / 2
                scene.frame_set(round(to_frames(middle, FPS, done.frame_start)))
                with playblast.caption(scene, said(phone, report["words"])):
                    stills.append(render.render_still(scene, Path(tiles) / f"{number}.png", size))
            playblast.contact_sheet(stills, sheet)
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


def copy_beside(sample: Path, folder: Path) -> Path:
    """The sample in the folder of the .blend, so that the folder can be moved."""
    target = folder / sample.name
    if not (target.exists() and target.samefile(sample)):
        with replacing(target) as temporary:
            shutil.copyfile(sample, temporary)
    return target


def speech_options(sample: Path, device: str) -> Namespace:
    """What ``facewright speech`` would be given for the sample."""
    spoken = ["speech", str(sample), "-o", "unused.csv", "--text", str(SCRIPT), "--device", device]
    return make_parser().parse_args(spoken)


def telling_phones(phones: list[dict]) -> list[dict]:
    """``TILES`` unlike mouth shapes: the longest phone of each telling kind, then other phones, in the order of time."""
    longest = sorted(phones, key=lambda p: p["start"] - p["end"])
    chosen = [next((p for p in longest if p["label"] == label), None) for label in TELLING_PHONES]
    chosen = [p for p in chosen if p is not None][:TILES]
    chosen += [p for p in longest if p not in chosen][: TILES - len(chosen)]
    return sorted(chosen, key=lambda p: p["start"])


def said(phone: dict, words: list[dict]) -> str:
    """A caption: the phone, and the word it is in where a transcript tells."""
    word = next((w["label"] for w in words if w["start"] <= phone["start"] < w["end"]), "")
    return f"{phone['label']}  {word}".rstrip()
