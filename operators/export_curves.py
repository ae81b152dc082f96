# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the bake on the selected character as a curves file."""
from __future__ import annotations

from pathlib import Path

import bpy
from bpy_extras.io_utils import ExportHelper

from .verb import Verb

FORMATS = (
    (".csv", "Live Link Face (.csv)", "61 channels a row, which most face animation tools read"),
    (".json", "Facewright (.json)", "Frame rate, names and values"),
)


class FACEWRIGHT_OT_export_curves(Verb, bpy.types.Operator, ExportHelper):
    bl_idname = "facewright.export_curves"
    bl_label = "Export Curves"
    bl_description = "Write the baked facial animation, with your edits, as a Live Link Face .csv or a .json file"

    filename_ext = ".csv"
    filter_glob: bpy.props.StringProperty(default="*.csv;*.json", options={"HIDDEN"})
    format: bpy.props.EnumProperty(
        name="Format",
        description="What kind of file to write",
        items=FORMATS,
        default=".csv",  # the one most tools read
    )
    fps: bpy.props.FloatProperty(
        name="Rows per Second",
        description="How often the curves are sampled",
        default=60.0,  # Live Link Face's own rate
        min=1.0,
        max=240.0,
    )

    @classmethod
    def disabled_reason(cls, context: bpy.types.Context) -> str:
        from ..scene import bake

        if any(bake.has_bake(obj) for obj in context.selected_objects):
            return ""
        if bake.only_pushed_down(context.selected_objects):
            return "The bake was pushed down in the NLA. Make its Action the active one to export it."
        return "Select a character that carries a bake, or bake speech first."

    def draw(self, context: bpy.types.Context) -> None:
        self.layout.use_property_split = True
        self.layout.prop(self, "format")
        self.layout.prop(self, "fps")

    def check(self, context: bpy.types.Context) -> bool:
        self.filename_ext = self.format
        path = Path(self.filepath)
        if path.name and path.suffix.lower() in {suffix for suffix, _, _ in FORMATS} and path.suffix.lower() != self.format:
            self.filepath = str(path.with_suffix(self.format))
            return True
        return super().check(context)

    def execute(self, context: bpy.types.Context) -> set[str]:
        return self.guarded(lambda: self._export(context))

    def _export(self, context: bpy.types.Context) -> set[str]:
        from ..interchange import write_curves
        from ..scene import read_back

        path = Path(bpy.path.abspath(self.filepath))
        curves = read_back.curves(context.selected_objects, context.scene, self.fps)
        warnings: list[str] = []
        write_curves(curves, path, self.fps, warnings.append)
        for warning in warnings:
            self.report({"WARNING"}, warning)
        self.report({"INFO"}, f"{path.name}: {len(curves.times)} rows, {curves.duration:.1f} s")
        return {"FINISHED"}
