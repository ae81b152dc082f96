# SPDX-License-Identifier: GPL-3.0-or-later
"""``facewright image A.jpg B.png -o OUT.json``"""

from __future__ import annotations

from argparse import Namespace

from ..core.errors import UserError
from ..core.paths import check_outputs
from . import work
from .result import Result


def run(options: Namespace) -> Result:
    if options.out.suffix.lower() != ".json":
        raise UserError(f"'{options.out.name}' is no .json file.", "Poses of pictures are written as JSON: -o poses.json.")
    check_outputs(options.out)
    with work.worker(options.seat) as client:
        params = {"paths": [str(path.absolute()) for path in options.images], "out": str(options.out.absolute()), "device": options.device}
        params |= work.taste(options)
        report = work.wait(client, "image", params)
    found = report["files"]
    for entry in found:
        work.warn(entry["warnings"])
    faces = sum(len(entry["faces"]) for entry in found)
    lines = [f"{options.out}: {faces} face{'' if faces == 1 else 's'} in {len(found)} picture{'' if len(found) == 1 else 's'}."]
    for entry in found:
        for face in entry["faces"]:
            moving = "; ".join(face["analysis"]["muscle_movements"].values()) or "no clear movement"
            lines.append(f"  {entry['file']}: {face['analysis']['expression_category']}: {moving}")
    return Result("\n".join(lines), {"out": str(options.out), "faces": faces, "files": found})
