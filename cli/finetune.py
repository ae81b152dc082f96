# SPDX-License-Identifier: GPL-3.0-or-later
"""``facewright finetune --votes FILE -o ADAPTER``"""

from __future__ import annotations

from argparse import Namespace

from . import work
from .result import Result


def run(options: Namespace) -> Result:
    place = str(options.votes) if options.votes else str(options.seat.data_folder / "votes")
    params = {
        "votes": place,
        "curves": str(options.curves.absolute()) if options.curves else None,
        "heard": str(options.heard.absolute()) if options.heard else None,
        "base": options.base,
        "out": str(options.out.absolute()),
        "rounds": options.rounds,
        "seed": options.seed,
        "device": options.device,
    }
    with work.worker(options.seat) as client:
        report = work.wait(client, "finetune", params)
    gate, figures = report["gate"], report["card"]["figures"]
    lines = [f"{options.out}: tuned on {report['votes']} votes of {len(report['card']['raters'])} raters."]
    for name, value in figures["before"].items():
        lines.append(f"  {name:12s} {value:.4f} before, {figures['after'][name]:.4f} after")
    lines.append("The gate lets it through." if gate["passed"] else "The gate does not let it through yet:")
    lines += [f"  {reason}" for reason in gate["reasons"]]
    return Result("\n".join(lines), {**report, "out": str(options.out)})
