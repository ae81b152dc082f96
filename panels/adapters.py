# SPDX-License-Identifier: GPL-3.0-or-later
"""What votes are good for: suggested controls, a tuned adapter and its verdict, the list of adapters."""
import bpy

from ..preferences import server, settings
from ..scene import jobs, learning
from .speech import FacewrightPanel, draw_outcome, draw_running
from .text import wrapped

BASES = {"speech": "Sounds", "image": "Videos"}  # the models that adapters are for, as the panel calls what they read

class FACEWRIGHT_PT_learn(FacewrightPanel, bpy.types.Panel):
    bl_label = "Learn from Votes"
    bl_order = 4
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        known = learning.current(settings(context).data_folder)
        if known is None:
            layout.label(text="Reading the votes", icon="TIME")
            return
        if known.error:
            wrapped(layout, context, known.error, icon="ERROR")
        box = layout.box()
        box.label(text=f"{known.votes} vote{'' if known.votes == 1 else 's'} on this computer")
        if known.seen and known.votes > known.seen:
            wrapped(box, context, f"{known.votes - known.seen} of them on sounds, {known.seen} on videos and pictures.", icon="BLANK1")
        for line, ready in learning.worth(max(known.votes_of(base) for base in BASES)):
            wrapped(box, context, line, icon="CHECKMARK" if ready else "RADIOBUT_OFF")
        for line in known.by_rater:
            wrapped(box, context, line, icon="USER")
        running = jobs.running()
        if running is not None:
            if running.topic == "learning":
                draw_running(layout, context, running)
            return
        column = layout.column(align=True)
        column.operator("facewright.suggest_controls", icon="OPTIONS")
        if known.seen and known.votes > known.seen:
            column.operator("facewright.finetune", text="Tune an Adapter on Sounds", icon="MODIFIER").base = "speech"
            column.operator("facewright.finetune", text="Tune an Adapter on Videos", icon="MODIFIER").base = "image"
        else:
            column.operator("facewright.finetune", icon="MODIFIER")
        row = column.row()
        row.use_property_split = True
        row.use_property_decorate = False
        row.prop(context.scene.facewright.ranking, "rounds")
        draw_outcome(layout, context, "learning")
        row = layout.row(align=True)
        row.operator("facewright.votes_export", icon="EXPORT")
        row.operator("facewright.votes_import", icon="IMPORT")
        if server(context):
            layout.operator("facewright.votes_sync", icon="FILE_REFRESH")


class FACEWRIGHT_PT_adapters(FacewrightPanel, bpy.types.Panel):
    bl_label = "Adapters"
    bl_parent_id = "FACEWRIGHT_PT_learn"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        wish = context.scene.facewright.ranking
        known = learning.current(settings(context).data_folder)
        if known is None:
            return
        layout.enabled = jobs.running() is None
        column = layout.column(align=True)
        for base, label in BASES.items():
            own = [shelved for shelved in known.adapters if shelved.card.base == base]
            if own or base == "speech":
                draw_base(column, context, base, label, own, known)
        if known.active:
            row = layout.row()
            row.use_property_split = True
            row.prop(wish, "adapter_strength", slider=True)
        row = layout.row(align=True)
        for base in known.can_roll_back or ("speech",):
            text = f"Roll Back {BASES[base]}" if len(known.can_roll_back) > 1 else "Roll Back"
            row.operator("facewright.adapter_roll_back", text=text, icon="LOOP_BACK").base = base
        row.operator("facewright.adapter_import", text="Import", icon="IMPORT")
        if len(known.adapters) > 1:
            box = layout.box()
            box.label(text="Blend Two")
            column = box.column()
            column.use_property_split = True
            column.use_property_decorate = False
            column.prop(wish, "adapter", text="First")
            column.prop(wish, "blend_with", text="Second")
            column.prop(wish, "blend_share", slider=True)
            box.operator("facewright.adapter_blend")


def draw_base(layout: bpy.types.UILayout, context: bpy.types.Context, base: str, label: str, own: list, known: learning.Known) -> None:
    """One model: as it ships, or with one of its adapters."""
    active = known.active.get(base, "")
    row = layout.row()
    none = row.operator("facewright.adapter_use", text="", icon="RADIOBUT_OFF" if active else "RADIOBUT_ON", emboss=False)
    none.name, none.base = "", base
    row.label(text=f"{label}: the model as it ships")
    for shelved in own:
        draw_adapter(layout, context, shelved, shelved.path.name == active)


def draw_adapter(layout: bpy.types.UILayout, context: bpy.types.Context, shelved, active: bool) -> None:
    """One adapter of the list: in use or not, what it is, what can be done with it, and below it what the gate lacks."""
    card, name = shelved.card, shelved.path.name
    row = layout.row()
    row.operator("facewright.adapter_use", text="", icon="RADIOBUT_ON" if active else "RADIOBUT_OFF", emboss=False).name = name
    row.label(text=card.name or shelved.path.stem)
    side = row.row(align=True)
    side.alignment = "RIGHT"
    side.label(text=f"{card.votes} votes", icon="CHECKMARK" if card.passed else "ERROR")
    side.operator("facewright.adapter_export", text="", icon="EXPORT", emboss=False).name = name
    side.operator("facewright.adapter_remove", text="", icon="X", emboss=False).name = name
    for reason in card.gate.get("reasons", ()):
        wrapped(layout, context, reason, icon="INFO")
    if not card.passed:
        row = layout.row(align=True)
        row.operator("facewright.rank_start", text="Test").adapter = name
        row.operator("facewright.adapter_gate", text="Count").name = name
