# SPDX-License-Identifier: GPL-3.0-or-later
"""What the selection offers a bake."""
from __future__ import annotations

from functools import lru_cache

import bpy

from ..rigs.arkit import ARKIT_52
from ..rigs.detect import MatchReport
from .speech import FacewrightPanel
from .text import wrapped

MOST_DOUBTS = 3  # sentences on names that fit twice; more would push the buttons out of sight


class FACEWRIGHT_PT_character(FacewrightPanel, bpy.types.Panel):
    bl_label = "Character"
    bl_order = 2

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        rigs = [(obj, obj.data.shape_keys) for obj in context.selected_objects if getattr(obj.data, "shape_keys", None)]
        if not rigs:
            text = "Select every object of the character that has shape keys: face, teeth, tongue, brows, lashes."
            wrapped(layout, context, text, icon="INFO")
        reports = [(obj, recognise(tuple(block.name for block in key.key_blocks))) for obj, key in rigs]
        if reports:
            found = {canonical for _, report in reports for canonical in (*report.matched, *report.split)}
            missing = [name for name in ARKIT_52 if name not in found]
            box = layout.box()
            column = box.column(align=True)
            for obj, report in reports:
                row = column.row()
                row.label(text=obj.name, icon="OUTLINER_OB_MESH")
                side = row.row()
                side.alignment = "RIGHT"
                side.label(text=f"{report.count} shapes" if report.count else "none match")
            good = "CHECKMARK" if not missing else "INFO" if found else "ERROR"
            wrapped(box, context, f"{len(found)} of {len(ARKIT_52)} ARKit shapes found.", icon=good)
            if missing and found:
                shown = ", ".join(missing[:12]) + (f" and {len(missing) - 12} more" if len(missing) > 12 else "")
                wrapped(box, context, f"Missing: {shown}.", icon="BLANK1")
            elif missing:
                wrapped(box, context, "Name the shape keys as ARKit does: jawOpen, eyeBlinkLeft and so on.", icon="BLANK1")
            twice = [(obj.name, name, report) for obj, report in reports for name in report.ambiguous]
            for owner, name, report in twice[:MOST_DOUBTS]:
                others = ", ".join(report.ambiguous[name])
                wrapped(box, context, f"{owner}: {report.matched[name]} is taken for {name}, not {others}.", icon="QUESTION")
        column = layout.column(align=True)
        if rigs:  # without one the Speech panel offers it
            column.operator("facewright.add_demo_head", icon="USER")
        column.operator("facewright.remove_bake", icon="TRASH")


@lru_cache(maxsize=64)
def recognise(names: tuple[str, ...]) -> MatchReport:
    """``rigs.mapping.best_mapping``'s report, remembered: a panel draws at every move of the mouse."""
    from ..rigs.mapping import best_mapping

    return best_mapping(names)[1]
