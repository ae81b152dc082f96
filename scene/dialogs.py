# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells a user about trouble from code that has no operator to report with (the timer): a sentence, or details to copy."""
from __future__ import annotations

import platform
import sys

import bpy


def visible_window() -> bpy.types.Window | None:
    """The first window on a screen; in the background there are windows in name only, and drawing into one crashes."""
    windows = bpy.context.window_manager.windows
    return windows[0] if windows and not bpy.app.background else None


def show_sentence(message: str, hint: str) -> None:
    """A small box at the mouse; the panel shows the same and stays. Does nothing without a window."""
    window = visible_window()
    if window is None:
        return

    def draw(popup: bpy.types.UIPopupMenu, _context: bpy.types.Context) -> None:
        popup.layout.label(text=message)
        if hint:
            popup.layout.label(text=hint)

    with bpy.context.temp_override(window=window):
        bpy.context.window_manager.popup_menu(draw, title="Facewright", icon="ERROR")


def show_details(details: str) -> None:
    """A dialog with everything a bug report needs and a button that copies it; without a window it goes to stderr."""
    window = visible_window()
    if window is None:
        print(details, file=sys.stderr)
        return
    with bpy.context.temp_override(window=window):
        bpy.ops.facewright.show_details("INVOKE_DEFAULT", details=details)


def details(traceback: str) -> str:
    """Versions and the traceback, as text."""
    return "\n".join(
        (
            f"Facewright {version()}, Blender {bpy.app.version_string}, Python {platform.python_version()}, {platform.platform()}",
            "",
            traceback.rstrip(),
        )
    )


def version() -> str:
    """This add-on's version, from its manifest."""
    import tomllib

    from ..core.paths import ROOT

    return tomllib.loads((ROOT / "blender_manifest.toml").read_text(encoding="utf-8"))["version"]
