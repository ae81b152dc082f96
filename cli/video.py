# SPDX-License-Identifier: GPL-3.0-or-later
"""``facewright video IN -o OUT.csv``"""

from __future__ import annotations

import json
import tempfile
from argparse import Namespace
from pathlib import Path

import numpy as np

from ..core.curves import Curves
from ..core.paths import check_outputs, replacing
from ..core.script_file import read_script
from ..inference import curves_file
from ..inference.client import WorkerClient
from ..inference.video.describe import describe_frame
from ..interchange import format_of, livelink, write_curves
from ..rigs.arkit import ARKIT_52
from . import work
from .result import Result


def run(options: Namespace) -> Result:
    form = format_of(options.out)  # a wrong name is said before the work, not after
    check_outputs(options.out, *([options.describe] if options.describe else []))
    with work.worker(options.seat) as client:
        curves, report = track(client, options)
    if options.describe:
        write_description(options.describe, options.video, curves, report)
    if options.fps is None and form is livelink:
        livelink.write(curves, options.out, report["fps"], own_times=True)
        rows = len(curves.times)
    else:
        fps = options.fps or report["fps"]
        write_curves(curves, options.out, fps)
        rows = int(curves.duration * fps + 1e-6) + 1
    lost = sum(end - start for start, end in report["gaps"])
    return Result(
        f"{options.out}: {rows} rows; {report['duration']:.1f} s of video, {report['frames']} frames"
        + (f", no face in {lost:.1f} s of it" if lost else "")
        + f", in {report['seconds']:.1f} s on {report['device']}.\n{report['description']}",
        {"out": str(options.out), "rows": rows, **{k: v for k, v in report.items() if k != "curves"}},
    )


def track(client: WorkerClient, options: Namespace) -> tuple[Curves, dict]:
    """All 61 channels for ``options.video``, and the worker's report."""
    with tempfile.TemporaryDirectory(prefix="facewright-") as folder:
        params = {
            "path": str(options.video.absolute()),
            "out": str(Path(folder) / "curves.npz"),
            "fps": options.fps,
            "face": options.face,
            "neutral_time": options.neutral,
            "mouth": options.mouth,
            "text": read_script(options.text) if options.text else None,
            "smoothing": options.smoothing,
            "careful": options.careful,
            **work.taste(options),
            "device": options.device,
        }
        report = work.wait(client, "video", params)
        return curves_file.load(report["curves"]), report


def write_description(path: Path, video: Path, curves: Curves, report: dict) -> None:
    """The words about the clip as JSON: what it is as a whole, then each stretch and each frame, analysis before coefficients."""
    arkit = curves.select(ARKIT_52).values
    lost = np.zeros(len(curves.times), bool)
    for start, end in report["gaps"]:
        lost |= (curves.times >= start - 1e-6) & (curves.times < end - 1e-6)

    def coefficients(row: int) -> dict[str, float]:
        return {name: round(float(value), 4) for name, value in zip(curves.names, curves.values[row], strict=True)}

    with replacing(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        shots = [
            {**shot, "arkit": coefficients(int(np.abs(curves.times - (shot["start"] + shot["end"]) / 2).argmin()))}
            for shot in report["shots"]
        ]
        head = {"file": video.name, "duration": report["duration"], "description": report["description"], "shots": shots}
        file.write(json.dumps(head, ensure_ascii=False)[:-1] + ', "frames": [')
        for row, time in enumerate(curves.times):
            analysis = None if lost[row] else describe_frame(arkit[row]).to_dict()
            entry = {"time": round(float(time), 4), "analysis": analysis, "arkit": coefficients(row)}
            file.write(("," if row else "") + "\n" + json.dumps(entry, ensure_ascii=False))
        file.write("\n]}\n")
