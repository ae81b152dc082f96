# SPDX-License-Identifier: GPL-3.0-or-later
"""Shows what a bug report needs, and copies it."""
import bpy

from .verb import Verb

SHOWN_LINES = 14  # the end of a traceback says most; all of it is copied


class FACEWRIGHT_OT_show_details(Verb, bpy.types.Operator):
    bl_idname = "facewright.show_details"
    bl_label = "Facewright: Something Unexpected Went Wrong"
    bl_description = "Show the details, to copy them into a bug report"
    bl_options = {"INTERNAL"}

    details: bpy.props.StringProperty(options={"HIDDEN", "SKIP_SAVE"})
    expected: bpy.props.BoolProperty(options={"HIDDEN", "SKIP_SAVE"})  # what a failed job said, and no bug of ours

    @classmethod
    def disabled_reason(cls, context: bpy.types.Context) -> str:
        return ""

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        title = "Facewright: What the Job Said" if self.expected else self.bl_label
        return context.window_manager.invoke_props_dialog(self, width=720, title=title, confirm_text="Copy Details")

    def draw(self, context: bpy.types.Context) -> None:
        lines = self.details.splitlines()
        if self.expected:
            self.layout.label(text="The end of it says what went wrong.", icon="INFO")
        else:
            self.layout.label(text="Please report this with the details below.", icon="ERROR")
        box = self.layout.box().column(align=True)
        if len(lines) > SHOWN_LINES:
            box.label(text=lines[0])
            box.label(text="...")
            lines = lines[-SHOWN_LINES:]
        for line in lines:
            box.label(text=line)

    def execute(self, context: bpy.types.Context) -> set[str]:
        context.window_manager.clipboard = self.details
        self.report({"INFO"}, "The details are on the clipboard")
        return {"FINISHED"}
