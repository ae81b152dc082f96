# SPDX-License-Identifier: GPL-3.0-or-later
"""Bakes a curves file onto the selected character."""
from __future__ import annotations

from pathlib import Path

import bpy
from bpy_extras.io_utils import ImportHelper

from ..scene import jobs
from ..settings.scene import bake_options
from .bake_speech import character_reason
from .verb import Verb


class FACEWRIGHT_OT_import_curves(Verb, bpy.types.Operator, ImportHelper):
    bl_idname = "facewright.import_curves"
    bl_label = "Import Curves"
    bl_description = "Bake facial curves of a Live Link Face .csv or a .json file onto the selected character"
    bl_options = {"REGISTER", "UNDO"}

    # Not remembered: with a path the operator asks about that file, without one it opens the file browser.
    filepath: bpy.props.StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE", "SKIP_PRESET"})
    filter_glob: bpy.props.StringProperty(default="*.csv;*.json", options={"HIDDEN"})

    fps: bpy.props.FloatProperty(
        name="Rows per Second (0: as the File Says)",
        description="How fast the rows follow one another, where the file is wrong or does not tell",
        default=0.0,  # files know, as a rule
        min=0.0,
        max=1000.0,
        options={"SKIP_SAVE"},
    )

    @classmethod
    def disabled_reason(cls, context: bpy.types.Context) -> str:
        return jobs.busy_reason() or character_reason(context)

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if self.properties.is_property_set("filepath"):
            return context.window_manager.invoke_props_dialog(self, title="Import Curves", confirm_text="Import")
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def draw(self, context: bpy.types.Context) -> None:
        self.layout.label(text=bpy.path.basename(self.filepath), icon="FCURVE")
        self.layout.prop(self, "fps")
        self.layout.label(text="Bake Settings in the sidebar say how it is baked.", icon="BLANK1")

    def execute(self, context: bpy.types.Context) -> set[str]:
        return self.guarded(lambda: self._import(context))

    def _import(self, context: bpy.types.Context) -> set[str]:
        from ..interchange import read_curves
        from ..rigs.arkit import ARKIT_52
        from ..scene import bake
        from ..scene.lines import keep_tracks

        path = Path(bpy.path.abspath(self.filepath))
        warnings: list[str] = []
        curves = read_curves(path, self.fps or None, warnings.append)
        plan = bake.plan(context.selected_objects, curves, bake_options(context.scene.facewright, path))
        keep_tracks(plan)
        report = bake.apply(plan, context.scene)
        reached = {channel for target in plan.targets for channel in target.mapping.sources} & set(ARKIT_52)
        lines = (
            f"Imported {path.name} onto {len(reached)} of {len(ARKIT_52)} shapes: {report.keys:,} keys, "
            f"frames {report.frame_start} to {report.frame_end}.",
            *warnings,
            *report.warnings,
        )
        jobs.set_outcome("speech", jobs.Outcome("done", lines))
        self.report({"INFO"}, lines[0].rstrip("."))
        return {"FINISHED"}
