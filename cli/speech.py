# SPDX-License-Identifier: GPL-3.0-or-later
"""``facewright speech IN -o OUT.csv``"""

from __future__ import annotations

from argparse import Namespace

from ..core.paths import check_outputs
from ..inference.speech import track_file
from ..inference.speech.phone_track import PhoneTrack
from ..interchange import format_of, write_curves
from . import work
from .result import Result


def run(options: Namespace) -> Result:
    format_of(options.out)  # a wrong name is said before the work, not after
    check_outputs(options.out)
    if options.phones:
        track_file.check_name(options.phones)
    with work.worker(options.seat) as client:
        curves, report = work.speech(client, work.asked(options, options.fps))
    write_curves(curves, options.out, options.fps)
    if options.phones:
        track_file.save(PhoneTrack.from_dict(report), options.phones, report["duration"])
    rows = len(curves.times)
    return Result(
        f"{options.out}: {rows} rows at {options.fps:g} a second; "
        f"{report['duration']:.1f} s of sound in {report['seconds']:.1f} s on {report['device']}.",
        {"out": str(options.out), "rows": rows, "fps": options.fps, **{k: v for k, v in report.items() if k != "curves"}},
    )
