# SPDX-License-Identifier: GPL-3.0-or-later
"""``facewright bake IN.wav --blend A.blend --object NAME -o B.blend``"""

from __future__ import annotations

import time
from argparse import Namespace
from dataclasses import asdict

from ..core.errors import UserError
from . import blender, work
from .result import Result


def run(options: Namespace) -> Result:
    blender.require()
    import bpy

    from ..scene import bake, lines
    from ..settings import take

    if options.out.suffix != ".blend":
        raise UserError(f"'{options.out.name}' does not end in .blend.", "Give the result a name that does.")
    started = time.perf_counter()
    with blender.quiet(), take.present():
        if options.blend:
            blender.open_file(options.blend)
        scene = bpy.context.scene
        objects = blender.find_objects(scene, options.object)
        settings = bake.BakeOptions(
            start_frame=options.start,
            strength=options.strength,
            smoothing=options.smoothing,
            keys="DENSE" if options.dense else "SPARSE",
            max_error=options.max_error,
            sound=options.audio.absolute(),
            source=options.audio.name,
        )
        asked = work.asked(options, work.MODEL_FPS)
        with work.worker(options.seat) as client:
            curves, report = work.speech(client, asked)
        plan = bake.plan(objects, curves, settings)
        done = bake.apply(plan, scene)
        lines.record(plan, done, report, lines.recipe(asked, report, settings), scene)
        blender.save_copy(options.out)
    seconds = time.perf_counter() - started
    work.warn(done.warnings)
    return Result(
        f"{options.out}: {done.channels} channels, {done.keys} keys, frames {done.frame_start} to {done.frame_end}; "
        f"{report['duration']:.1f} s of sound in {seconds:.1f} s on {report['device']}.",
        {
            "out": options.out,
            "seconds": round(seconds, 3),
            "duration": report["duration"],
            "device": report["device"],
            "bake": asdict(done),
        },
    )
