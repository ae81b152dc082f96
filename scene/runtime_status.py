# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known about the Python that runs the worker, remembered for drawing: panels must never start a process. No bpy here."""
from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..core.errors import UserError

if TYPE_CHECKING:
    from ..inference.runtime import Runtime

SOURCES = {
    "preference": "set above",
    "environment": "set by FACEWRIGHT_PYTHON",
    "runtime": "set up by Facewright",
    "blender": "Blender's own",
    "launcher": "set up by the shell",
}


@dataclass(frozen=True)
class Status:
    """Sentences for the preferences. ``ok`` is None while nothing has been looked at."""

    ok: bool | None
    lines: tuple[str, ...]


_UNKNOWN = Status(None, ("Press Check to see which Python runs the models.",))
_status = _UNKNOWN
_asked: tuple[str, str] | None = None  # the preferences that the status speaks of


def find(python: str, data_folder: Path) -> Runtime:
    """``runtime.find_python`` for these preferences, remembered for ``current``. Raises UserError. May run a Python, so never from draw."""
    global _status, _asked
    from ..inference.runtime import find_python  # not at start: it brings subprocess

    _asked = (python, str(data_folder))
    try:
        found = find_python(python, data_folder, sys.executable)
    except UserError as error:
        _status = Status(False, (error.message, error.hint))
        raise
    if _status.ok is not True or str(found.python) not in _status.lines[-1]:
        _status = Status(True, (f"PyTorch {found.torch_version}", _where(found)))
    return found


def _where(found: Runtime) -> str:
    return f"{found.python} ({SOURCES[found.source]})"


def set_devices(found: Runtime, devices: list[dict[str, str]], torch_version: str) -> None:
    """After a worker has answered: what it can compute on."""
    global _status
    names = ", ".join("CPU" if device["id"] == "cpu" else device["name"] for device in devices)  # a processor's name is its architecture's
    _status = Status(True, (f"Ready: PyTorch {torch_version} on {names}", _where(found)))


def forget() -> None:
    """Start anew."""
    global _status, _asked
    _status, _asked = _UNKNOWN, None


def current(python: str, data_folder: Path) -> Status:
    """What is known for these preferences; costs nothing."""
    return _status if _asked == (python, str(data_folder)) else _UNKNOWN
