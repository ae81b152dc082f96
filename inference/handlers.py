# SPDX-License-Identifier: GPL-3.0-or-later
"""Which function answers which verb. A handler is ``run(params, report) -> dict``; its module is imported when it is first asked for.

``report(fraction, stage)`` sends progress (0..1, a few words) and raises Cancelled once the user has cancelled: call it at least every
0.2 s. The returned dict must be JSON; arrays are written to a path given in ``params``.
"""
from __future__ import annotations

import importlib
import os
import platform
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from ..core.errors import UserError

Report = Callable[[float, str], None]
Handler = Callable[[dict[str, Any], Report], dict[str, Any]]

HANDLERS: Final[Mapping[str, str]] = {  # verb -> "module:function", relative to this folder's package
    "ping": ".handlers:ping",
    "devices": ".handlers:devices",
    "speech": ".speech.job:run",
    "video": ".video.job:video",
    "image": ".video.job:image",
    "pronounce": ".speech.pronounce:run",
    "takes": ".preference.takes:run",
    "video_takes": ".preference.video_takes:run",
    "next_pairs": ".preference.jobs:next_pairs",
    "suggest_controls": ".preference.jobs:suggest_controls",
    "finetune": ".preference.jobs:finetune",
    "gate": ".preference.jobs:gate",
    "compare": ".preference.jobs:compare",
    "blend": ".preference.jobs:blend",
}


def find(verb: str, table: Mapping[str, str] = HANDLERS) -> Handler:
    """The function for a verb. Raises UserError for a verb that is not in the table, ImportError where its module lacks something."""
    if verb not in table:
        raise UserError(f"The worker does not know the job '{verb}'.", f"It knows: {', '.join(sorted(table))}.")
    module, _, function = table[verb].partition(":")
    return getattr(importlib.import_module(module, __package__), function)


def ping(params: dict[str, Any], report: Report) -> dict[str, Any]:
    """Answers after ``delay`` seconds (default 0: at once) with progress on the way. Returns pid, python version and ``echo`` as given."""
    delay = float(params.get("delay", 0.0))
    start = time.monotonic()
    while (elapsed := time.monotonic() - start) < delay:
        report(elapsed / delay, "Waiting")
        time.sleep(min(0.02, delay - elapsed))
    return {"pid": os.getpid(), "python": platform.python_version(), "echo": params.get("echo")}


def devices(params: dict[str, Any], report: Report) -> dict[str, Any]:
    """What torch can compute on: {"devices": [{"id", "name"}, ...]}, the CPU first. Loads torch, so it takes seconds the first time."""
    report(0.0, "Loading torch")
    import torch

    found = [{"id": "cpu", "name": platform.processor() or platform.machine() or "CPU"}]
    if torch.cuda.is_available():
        found += [{"id": f"cuda:{i}", "name": torch.cuda.get_device_name(i)} for i in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        found.append({"id": "mps", "name": "Apple GPU"})
    return {"devices": found, "torch": torch.__version__}
