# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said in the selected take, to be edited: words and phones, their times, and the face that follows."""
from __future__ import annotations

import bpy

from ..operators.phoneme_word import FACEWRIGHT_OT_phoneme_word
from ..scene import jobs
from .speech import FacewrightPanel, draw_outcome, draw_running
from .text import wrapped

UNSURE = 0.3  # confidence under which a phone is marked: heard so faintly, it does not close the lips
_now = 0.0  # seconds of the sound at the playhead, while the lists are drawn


class _List:
    """What both lists show of an entry: where it is, what it is, and whether it is under the playhead."""

    def draw_item(self, context, layout, data, item, icon, active_data, active_property, index=0, flt_flag=0) -> None:
        under = item.start <= _now < item.end
        row = layout.row(align=True)
        left = row.split(factor=0.24)
        left.label(text=f"{item.frame_start:.0f}")
        inner = left.split(factor=0.72)
        inner.label(text=self.said(item), icon="PLAY" if under else "BLANK1")
        side = inner.row()
        side.alignment = "RIGHT"
        side.label(text=f"{item.confidence:.0%}", icon="ERROR" if item.confidence < UNSURE else "NONE")


class FACEWRIGHT_UL_words(_List, bpy.types.UIList):
    @staticmethod
    def said(item) -> str:
        return item.name


class FACEWRIGHT_UL_phones(_List, bpy.types.UIList):
    @staticmethod
    def said(item) -> str:
        return item.name + {"1": "  '", "2": "  ,"}.get(item.stress, "")


class FACEWRIGHT_PT_phonemes(FacewrightPanel, bpy.types.Panel):
    bl_label = "Phonemes"
    bl_order = 1
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        global _now
        from ..scene import phonemes

        layout = self.layout
        shown = phonemes.find(context.selected_objects, context.scene)
        if shown is None:
            wrapped(layout, context, phonemes.NO_TRACK, icon="INFO")
            return
        settings, take = context.scene.facewright.phonemes, shown.take
        whole, layout = layout, _editable(layout)  # a job in the background works with the track as it was when it began
        _now = phonemes.seconds_at(shown, context.scene)
        row = layout.row(align=True)
        where = ", pushed down" if shown.pushed else ""
        row.label(text=f"{len(take.words)} words, {len(take.phones)} phones{where}", icon="ACTION")
        row.operator("facewright.phoneme_edit", text="", icon="TRACKER").action = "HERE"
        row.prop(settings, "follow", text="", icon="CON_FOLLOWTRACK")
        row = layout.row(align=True)
        row.prop(settings, "search", text="", placeholder="Word, or phones: HH AH", icon="VIEWZOOM")
        for kind, icon in (("word", "SMALL_CAPS"), ("phone", "SORTALPHA")):
            search = row.operator("facewright.phoneme_edit", text="", icon=icon)
            search.action, search.kind = "SEARCH", kind
        if len(take.words):
            self._draw_words(layout, context, take)
        self._draw_word_field(whole, context, len(take.words) > 0)
        layout = _editable(whole)
        self._draw_phones(layout, take)
        if jobs.running() is None and take.edited:
            wrapped(layout, context, "The track was changed, and the face does not follow it yet.", icon="INFO")
        row = layout.row()
        row.scale_y = 1.4
        row.operator("facewright.redrive_face", icon="FILE_REFRESH")

    def _draw_words(self, layout, context: bpy.types.Context, take) -> None:
        row = layout.row()
        row.template_list("FACEWRIGHT_UL_words", "", take, "words", take, "word_index", rows=3, maxrows=6)
        column = row.column(align=True)
        for action, icon in (("DELETE", "X"), ("MERGE", "AUTOMERGE_ON")):
            button = column.operator("facewright.phoneme_edit", text="", icon=icon)
            button.action, button.kind = action, "word"
        if take.word_index < len(take.words):
            _draw_times(layout, take.words[take.word_index], "word")

    def _draw_word_field(self, layout, context: bpy.types.Context, has_words: bool) -> None:
        running = jobs.running()
        if running is not None and running.topic == "phonemes":
            draw_running(layout, context, running)
            return
        row = layout.row(align=True)
        row.enabled = running is None
        row.prop(context.scene.facewright.phonemes, "word", text="", placeholder="Another word")
        if has_words:
            row.operator("facewright.phoneme_word", text="Change").insert = False
        row.operator("facewright.phoneme_word", text="", icon="ADD").insert = True
        outcome = jobs.outcome("phonemes")
        if outcome is not None and not FACEWRIGHT_OT_phoneme_word.disabled_reason(context):  # it speaks of the word in the field
            draw_outcome(layout, context, "phonemes")

    def _draw_phones(self, layout, take) -> None:
        row = layout.row()
        row.template_list("FACEWRIGHT_UL_phones", "", take, "phones", take, "phone_index", rows=5, maxrows=10)
        column = row.column(align=True)
        for action, icon in (("INSERT", "ADD"), ("DELETE", "REMOVE"), ("SPLIT", "MOD_EDGESPLIT"), ("MERGE", "AUTOMERGE_ON")):
            button = column.operator("facewright.phoneme_edit", text="", icon=icon)
            button.action, button.kind = action, "phone"
        if take.phone_index < len(take.phones):
            phone = take.phones[take.phone_index]
            row = layout.row(align=True)
            row.prop(phone, "label", text="")
            row.prop(phone, "stress", text="")
            _draw_times(layout, phone, "phone")


def _editable(layout: bpy.types.UILayout) -> bpy.types.UILayout:
    column = layout.column()
    column.enabled = jobs.running() is None
    return column


def _draw_times(layout, entry, kind: str) -> None:
    """Start and end in frames, each with a button that takes the playhead's."""
    row = layout.row(align=True)
    for name, action in (("frame_start", "START"), ("frame_end", "END")):
        row.prop(entry, name)
        button = row.operator("facewright.phoneme_edit", text="", icon="TRIA_LEFT_BAR" if action == "START" else "TRIA_RIGHT_BAR")
        button.action, button.kind = action, kind


class FACEWRIGHT_PT_phoneme_tools(FacewrightPanel, bpy.types.Panel):
    bl_label = "Markers and Files"
    bl_parent_id = "FACEWRIGHT_PT_phonemes"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        row = layout.row(align=True)
        words = row.operator("facewright.phoneme_markers", text="Mark Words", icon="MARKER_HLT")
        words.kind, words.clear = "word", False
        phones = row.operator("facewright.phoneme_markers", text="Phones", icon="MARKER_HLT")
        phones.kind, phones.clear = "phone", False
        row.operator("facewright.phoneme_markers", text="", icon="X").clear = True
        row = layout.row(align=True)
        row.operator("facewright.import_phonemes", text="Import", icon="IMPORT")
        row.operator("facewright.export_phonemes", text="Export", icon="EXPORT")


class FACEWRIGHT_PT_retake(FacewrightPanel, bpy.types.Panel):
    bl_label = "Re-Take"
    bl_parent_id = "FACEWRIGHT_PT_phonemes"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        settings = context.scene.facewright.phonemes
        layout.enabled = jobs.running() is None
        layout.label(text="Another take that keeps:")
        layout.prop(settings, "keep_edits")
        layout.prop(settings, "keep_part")
        part = layout.column(align=True)
        part.active = settings.keep_part
        part.prop(settings, "region", text="")
        row = part.row(align=True)
        row.prop(settings, "first")
        row.prop(settings, "last")
        row = layout.row()
        row.scale_y = 1.4
        row.operator("facewright.retake", icon="RECOVER_LAST")
