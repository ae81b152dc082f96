# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes a sound dropped on the 3D View, and bakes it after a question."""
import bpy

from ..core.errors import UserError
from ..scene import jobs
from .verb import Verb


class FACEWRIGHT_OT_drop_sound(Verb, bpy.types.Operator):
    bl_idname = "facewright.drop_sound"
    bl_label = "Bake Speech to Shape Keys"
    bl_description = "Use this sound, and bake its speech on the selected character"
    bl_options = {"INTERNAL"}

    filepath: bpy.props.StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})

    @classmethod
    def disabled_reason(cls, context: bpy.types.Context) -> str:
        return f"'{jobs.running().title}' is still running: wait for it or cancel it first." if jobs.running() else ""

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        return context.window_manager.invoke_props_dialog(self, title="Bake Speech to Shape Keys", confirm_text="Bake")

    def draw(self, context: bpy.types.Context) -> None:
        from .bake_speech import FACEWRIGHT_OT_bake_speech

        self.layout.label(text=bpy.path.basename(self.filepath), icon="SOUND")
        if reason := FACEWRIGHT_OT_bake_speech.disabled_reason(context):
            self.layout.label(text=reason, icon="INFO")
            self.layout.label(text="The sound is kept for later.", icon="BLANK1")

    def execute(self, context: bpy.types.Context) -> set[str]:
        return self.guarded(lambda: self._bake(context))

    def _bake(self, context: bpy.types.Context) -> set[str]:
        from .bake_speech import FACEWRIGHT_OT_bake_speech

        context.scene.facewright.sound = self.filepath
        if reason := FACEWRIGHT_OT_bake_speech.disabled_reason(context):
            self.report({"WARNING"}, reason)
            return {"FINISHED"}
        try:
            bpy.ops.facewright.bake_speech("INVOKE_DEFAULT")
        except RuntimeError as error:  # its report: Blender shows a called operator's to the caller alone
            raise UserError(str(error).strip().removeprefix("Error: ")) from error
        return {"FINISHED"}
