# SPDX-License-Identifier: GPL-3.0-or-later
"""The shell's verbs: ``./facewright VERB ...`` and, inside Blender, ``blender -c facewright VERB ...``.

Exit status: 0 done, 1 the job could not be done (one sentence on stderr), 2 the command line is wrong.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..core.errors import Cancelled, UserError

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from .work import Seat


def main(argv: Sequence[str], seat: Seat | None = None) -> int:
    """Run one verb. ``argv`` excludes the program's name. Returns the exit status; argparse's own exits are turned into it."""
    from .arguments import make_parser
    from .work import Seat

    seat = seat or Seat()
    sys.stderr.reconfigure(errors="backslashreplace")
    try:
        options = parse(make_parser(seat.device), list(argv))
    except SystemExit as end:  # argparse has printed its sentence, or the help
        return int(end.code or 0)
    try:
        options.seat = seat
        result = options.run(options)
    except UserError as error:
        print(f"facewright: {error}", file=sys.stderr)
        return 1
    except (Cancelled, KeyboardInterrupt):
        print("facewright: cancelled; nothing was written.", file=sys.stderr)
        return 1
    if isinstance(result, int):
        return result
    if options.json:
        print(json.dumps(result.data, default=str))  # ASCII, which every program's input understands
    else:
        sys.stdout.reconfigure(errors="backslashreplace")  # a file name may hold what the terminal's encoding cannot say
        print(result.text)
    return 0


def parse(parser: ArgumentParser, argv: list[str]) -> Namespace:
    """The options of a command line. What follows ``test`` is pytest's, options too, which argparse would take for its own."""
    if argv[:1] == ["test"] and argv[1:2] not in (["-h"], ["--help"]):
        options = parser.parse_args(["test"])
        options.pytest_arguments = argv[1:]
        return options
    return parser.parse_args(argv)
