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
    from .work import Seat


def main(argv: Sequence[str], seat: Seat | None = None) -> int:
    """Run one verb. ``argv`` excludes the program's name. Returns the exit status; argparse's own exits are turned into it."""
    from .arguments import make_parser
    from .work import Seat

    seat = seat or Seat()
    try:
        options = make_parser(seat.device).parse_args(list(argv))
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
        print(json.dumps(result.data, ensure_ascii=False, default=str))
    else:
        print(result.text)
    return 0
