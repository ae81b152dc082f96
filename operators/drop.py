# SPDX-License-Identifier: GPL-3.0-or-later
"""What a recording dropped on the 3D View does: it is put into its panel, and baked after a question."""
from __future__ import annotations

import bpy

from ..core.errors import UserError
from ..scene import jobs
from .verb import Verb


class DropVerb(Verb):
    """Mixed into the file handlers' operators, which also have ``filepath``. Without a character the file is kept for later."""

    icon: str
    bake: type  # the operator that bakes it

    @classmethod
    def disabled_reason(cls, context: bpy.types.Context) -> str:
        return f"'{jobs.running().title}' is still running: wait for it or cancel it first." if jobs.running() else ""

    def keep(self, context: bpy.types.Context) -> None:
        """Put the file where its panel has it."""
        raise NotImplementedError

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        return context.window_manager.invoke_props_dialog(self, title=self.bl_label, confirm_text="Bake")

    def draw(self, context: bpy.types.Context) -> None:
        self.layout.label(text=bpy.path.basename(self.filepath), icon=self.icon)
        if reason := self.bake.disabled_reason(context):
            self.layout.label(text=reason, icon="INFO")
            self.layout.label(text="The file is kept for later.", icon="BLANK1")

    def execute(self, context: bpy.types.Context) -> set[str]:
        return self.guarded(lambda: self._bake(context))

    def _bake(self, context: bpy.types.Context) -> set[str]:
        self.keep(context)
        if reason := self.bake.disabled_reason(context):
            self.report({"WARNING"}, reason)
            return {"FINISHED"}
        try:
            getattr(bpy.ops.facewright, self.bake.bl_idname.partition(".")[2])("INVOKE_DEFAULT")
        except RuntimeError as error:  # its report: Blender shows a called operator's to the caller alone
            raise UserError(str(error).strip().removeprefix("Error: ")) from error
        return {"FINISHED"}
