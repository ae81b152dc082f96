# SPDX-License-Identifier: GPL-3.0-or-later
"""``facewright compare A B``"""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from . import work
from .result import Result

SHOWN = 8  # channels whose difference is told


def run(options: Namespace) -> Result:
    params = {
        "a": _named(options.a),
        "b": _named(options.b),
        "clips": [str(c.absolute()) for c in options.clips],
        "votes": str(options.votes) if options.votes else None,
    }
    with work.worker(options.seat) as client:
        report = work.wait(client, "compare", params)
    a, b = report["a"], report["b"]
    lines = [f"{'on the check clips':22s}{a['name'][:18]:>20s}{b['name'][:18]:>20s}"]
    for name, value in a["figures"].items():
        lines.append(f"{name:22s}{value:20.4f}{b['figures'][name]:20.4f}")
    most = sorted(report["differ"].items(), key=lambda item: -item[1])[:SHOWN]
    named = ", ".join(f"{n} {v:.3f}" for n, v in most if v > 0)
    lines.append(f"Mean takes differ most in {named}." if named else "Mean takes do not differ.")
    if told := report["comparison"]:
        count = told["wins"] + told["ties"] + told["losses"]
        if count:
            low, high = told["interval"]
            lines.append(f"Blind: {a['name']} wins {told['win_rate']:.0%} of {count} comparisons ({low:.0%} to {high:.0%}).")
        else:
            lines.append("Nobody has compared the two blind in these votes.")
    return Result("\n".join(lines), report)


def _named(given: str) -> str:
    return given if given == "base" else str(Path(given).absolute())
