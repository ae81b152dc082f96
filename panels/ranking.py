# SPDX-License-Identifier: GPL-3.0-or-later
"""Comparing takes: what to compare, the present pair with its film strips and buttons, and how the sitting goes."""
import bpy

from ..scene import jobs, sitting, strips
from .speech import FacewrightPanel, draw_outcome, draw_running
from .text import wrapped


class FACEWRIGHT_PT_ranking(FacewrightPanel, bpy.types.Panel):
    bl_label = "Compare Takes"
    bl_order = 3
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        session = sitting.current()
        if session is None:
            draw_start(self.layout, context)
        elif session.playing:
            wrapped(self.layout, context, "The player is open: it has the keyboard until Esc.", icon="PLAY")
            draw_counter(self.layout, context, session)
        else:
            draw_question(self.layout, context, session)
            draw_counter(self.layout, context, session)
            self.layout.operator("facewright.rank_end", icon="CHECKMARK")


def draw_start(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """What to compare, and Start."""
    from ..operators.rank_start import FACEWRIGHT_OT_rank_start
    from ..operators.rank_subject import missing_reason

    wish, running = context.scene.facewright.ranking, jobs.running()
    column = layout.column()
    column.use_property_split = True
    column.use_property_decorate = False
    column.enabled = running is None
    column.row().prop(wish, "what", expand=True)
    if wish.what != "PICTURE":
        column.prop(wish, "where")
        row = column.row()
        row.active = wish.where != "FRAME"
        row.prop(wish, "length")
    differ = "differ" if wish.what == "SOUND" else "differ_seen"
    column.prop(wish, differ)
    row = column.row()
    row.active = getattr(wish, differ) not in {"SEED", "ADAPTER"}
    row.prop(wish, "spread", slider=True)
    column.prop(wish, "count")
    column.row().prop(wish, "shown", expand=True)
    column.prop(wish, "region")
    column.prop(wish, "axis")
    column.prop(wish, "camera")
    column.prop(wish, "engine")
    column.prop(wish, "size")
    if running is not None:
        if running.topic == "ranking":
            draw_running(layout, context, running)
        return
    missing = missing_reason(context, wish.what)
    if reason := FACEWRIGHT_OT_rank_start.disabled_reason(context) or missing:
        wrapped(layout, context, reason, icon="INFO")
    row = layout.row()
    row.scale_y = 1.4
    row.enabled = not missing
    row.operator("facewright.rank_start", icon="PLAY")
    draw_outcome(layout, context, "ranking")


def draw_question(layout: bpy.types.UILayout, context: bpy.types.Context, session: sitting.Session) -> None:
    """The present question with its film strips; it can be answered here as in the player."""
    if session.maker.error is not None:
        wrapped(layout, context, str(session.maker.error), icon="ERROR")
        return
    question = session.question
    if question is None:
        waiting = session.source.busy
        told = "More takes are being made." if waiting else "All pairs are judged. Another sitting makes new takes."
        wrapped(layout, context, told, icon="TIME" if waiting else "CHECKMARK")
        return
    ready = session.films() is not None
    four = len(question.takes) > 2
    for place, take in enumerate(question.takes):
        box = layout.box()
        row = box.row(align=True)
        placed = f", {session.order.index(place) + 1}." if place in session.order else ""
        row.label(text=f"Take {'ABCD'[place]}{placed}")
        if ready:
            row.operator("facewright.rank_act", text="Next" if four else "Better", icon="CHECKMARK").action = f"TAKE_{place}"
        icons = strips.icons(take) if ready else []
        if icons:
            strip = box.row(align=True)
            for icon in icons:
                strip.template_icon(icon_value=icon, scale=2.6)
    if not ready:
        starting = "Starting the renderer" if not session.maker.ready else f"Rendering: {session.progress:.0%}"
        layout.progress(factor=session.progress, text=starting)
    else:
        row = layout.row(align=True)
        row.operator("facewright.rank_act", text="Equal").action = "TIE"
        row.operator("facewright.rank_act", text="All Bad" if four else "Both Bad").action = "BAD"
    row = layout.row()
    row.scale_y = 1.4
    row.operator("facewright.rank_play", icon="PLAY")
    row = layout.row(align=True)
    row.operator("facewright.rank_act", text="Undo").action = "UNDO"
    row.operator("facewright.rank_act", text="Skip").action = "SKIP"
    row.operator("facewright.rank_note", text="Note")


def draw_counter(layout: bpy.types.UILayout, context: bpy.types.Context, session: sitting.Session) -> None:
    """Votes of this sitting, the rater's consistency, the rest reminder, and the last votes with an undo each."""
    counter = session.sitting.counter
    box = layout.box()
    row = box.row()
    row.label(text=f"{counter.votes} vote{'' if counter.votes == 1 else 's'} in {counter.minutes:.0f} min")
    side = row.row()
    side.alignment = "RIGHT"
    side.label(text=f"{session.sitting.left} to go")
    wrapped(box, context, counter.consistency)
    if reason := session.sitting.rest_reason:
        wrapped(box, context, reason, icon="TIME")
        box.operator("facewright.rank_act", text="Go On").action = "RESTED"
    if session.message:
        wrapped(box, context, session.message, icon="INFO")
    votes = sitting.latest(session)
    if votes:
        column = box.column(align=True)
        for vote in votes:
            row = column.row()
            row.label(text=sitting.describe(vote))
            row.operator("facewright.rank_retract", text="", icon="X", emboss=False).vote = vote.id
