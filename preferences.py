# SPDX-License-Identifier: GPL-3.0-or-later
"""What a user sets once for all files: which device and Python run the models, and where data is kept."""
from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import bpy

from .core.paths import default_data_folder

DEVICES = (
    ("auto", "Automatic", "The GPU if the runtime can use it, else the processor"),
    ("cuda", "CUDA", "An NVIDIA GPU"),
    ("mps", "Metal", "The GPU of a Mac"),
    ("cpu", "CPU", "The processor: fast enough for speech"),
)


@dataclass(frozen=True)
class Settings:
    """The preferences as data. ``python`` is "" where the add-on chooses."""

    device: str
    python: str
    data_folder: Path


class FacewrightPreferences(bpy.types.AddonPreferences):
    bl_idname = __package__

    device: bpy.props.EnumProperty(
        name="Device",
        description="What runs the models",
        items=DEVICES,
        default="auto",  # right for nearly everybody
    )
    python: bpy.props.StringProperty(
        name="Runtime Python",
        description="The Python program that runs the models; it needs PyTorch. Empty: Facewright looks for one",
        subtype="FILE_PATH",
    )
    data_folder: bpy.props.StringProperty(
        name="Data Folder",
        description="Where the runtime, logs, votes, adapters and films of takes are kept (up to some GB). Choosing another moves nothing. "
        "Empty: a folder of your user account, which stays when the extension is uninstalled",
        subtype="DIR_PATH",
    )

    rater: bpy.props.StringProperty(
        name="Rater",
        description="Who votes on takes at this computer; a studio tells its people apart by it. Empty: the name you are logged in with",
        maxlen=100,
    )
    server: bpy.props.StringProperty(
        name="Studio Server",
        description="PostgreSQL database that collects the votes of a studio's seats, as postgresql://user@host/name. Empty: none",
    )

    def draw(self, context: bpy.types.Context) -> None:
        from .scene import jobs, runtime_status

        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        layout.prop(self, "device")
        layout.prop(self, "python", placeholder="Found automatically")
        layout.prop(self, "data_folder", placeholder=str(default_data_folder()))
        layout.prop(self, "rater", placeholder=own_name())
        layout.prop(self, "server", placeholder="None: votes stay on this computer")

        chosen = settings(context)
        status = runtime_status.current(chosen.python, chosen.data_folder)
        box = layout.box()
        icon = {None: "INFO", True: "CHECKMARK", False: "ERROR"}[status.ok]
        for i, line in enumerate(status.lines):
            box.label(text=line, icon=icon if i == 0 else "BLANK1")
        running, outcome = jobs.running(), jobs.outcome("runtime")
        if running is not None and running.topic == "runtime":
            row = box.split(factor=0.8, align=True)
            row.progress(factor=running.progress, text=running.text)
            row.operator("facewright.cancel_job", icon="CANCEL")
        elif outcome is not None and outcome.kind != "done":
            for line in outcome.lines:
                if line not in status.lines:
                    box.label(text=line, icon="ERROR" if outcome.kind == "failed" else "CANCEL")
            if outcome.details:
                button = box.operator("facewright.show_details", text="Show Details", icon="TEXT")
                button.details, button.expected = outcome.details, outcome.expected
        row = layout.row()
        row.operator("facewright.check_runtime", icon="FILE_REFRESH")
        row.operator("facewright.setup_runtime", icon="IMPORT")
        if not bpy.app.online_access:
            layout.label(text="To set up the runtime, allow online access in Preferences > System > Network.", icon="INFO")


def settings(context: bpy.types.Context) -> Settings:
    """The preferences of this add-on; its defaults where it runs without being enabled (scripts, tests)."""
    addon = context.preferences.addons.get(__package__)
    if addon is None or addon.preferences is None:
        return Settings("auto", "", default_data_folder())
    chosen = addon.preferences
    folder = Path(bpy.path.abspath(chosen.data_folder)) if chosen.data_folder else default_data_folder()
    return Settings(chosen.device, bpy.path.abspath(chosen.python) if chosen.python else "", folder)


def rater(context: bpy.types.Context) -> str:
    """Who votes here: 1 to 100 characters."""
    addon = context.preferences.addons.get(__package__)
    name = " ".join(addon.preferences.rater.split())[:100] if addon is not None and addon.preferences is not None else ""
    return name or own_name()


def server(context: bpy.types.Context) -> str:
    """The studio's database URL, "" where there is none."""
    addon = context.preferences.addons.get(__package__)
    return addon.preferences.server.strip() if addon is not None and addon.preferences is not None else ""


def own_name() -> str:
    """The name the user is logged in with."""
    import getpass

    try:
        return " ".join(getpass.getuser().split())[:100] or "animator"
    except (OSError, KeyError, ImportError):  # a system without users
        return "animator"


def use_own_runtime(context: bpy.types.Context) -> None:
    """Forget the Python that the user set: the runtime in the data folder is to be used."""
    addon = context.preferences.addons.get(__package__)
    if addon is not None and addon.preferences is not None:
        addon.preferences.python = ""
