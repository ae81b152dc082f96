# SPDX-License-Identifier: GPL-3.0-or-later
"""How the mouth performs, and how its curves become keys."""
import bpy

from ..scene import jobs
from .speech import FacewrightPanel


def _has_styles() -> bool:
    from ..inference.speech import styles

    return bool(styles.known())


class FACEWRIGHT_PT_bake_settings(FacewrightPanel, bpy.types.Panel):
    bl_label = "Bake Settings"
    bl_parent_id = "FACEWRIGHT_PT_speech"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        layout.enabled = jobs.running() is None
        settings = context.scene.facewright
        performance = layout.column(align=True)
        for name in ("jaw", "lips", "articulation"):
            performance.prop(settings, name, slider=True)
        row = performance.row()
        row.active = settings.seed != 0  # seed 0 is the mean take
        row.prop(settings, "variation", slider=True)
        if _has_styles():
            styles = layout.column(align=True)
            styles.prop(settings, "style")
            row = styles.row()
            row.active = settings.style != "NONE"
            row.prop(settings, "style_amount", slider=True)
        sides = layout.column(align=True)
        for name in ("asymmetry", "rate_response", "energy_response"):
            sides.prop(settings, name, slider=True)
        row = sides.row()
        row.active = settings.asymmetry > 0
        row.prop(settings, "person")
        layout.separator()
        layout.prop(settings, "start_frame")
        layout.prop(settings, "strength")
        layout.prop(settings, "smoothing")
        layout.prop(settings, "keys")
        row = layout.row()
        row.active = settings.keys == "SPARSE"
        row.prop(settings, "max_error")
        layout.prop(settings, "place_sound")
