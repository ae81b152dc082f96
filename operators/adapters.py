# SPDX-License-Identifier: GPL-3.0-or-later
"""The shelf of adapters: use one, go back, blend, import, export, take off the shelf. Files are only ever copied or moved aside."""
from __future__ import annotations

from pathlib import Path

import bpy
from bpy_extras.io_utils import ExportHelper, ImportHelper

from ..core.errors import UserError
from ..preferences import settings
from ..scene import jobs, learning, runtime_status, tasks
from .verb import JobVerb, Verb, Work


def shelf(context: bpy.types.Context):
    from ..preference.adapters import Shelf

    return Shelf.of(settings(context).data_folder)


def chosen_path(context: bpy.types.Context, name: str) -> Path:
    """The file of this name on the shelf. Raises UserError where there is none."""
    path = shelf(context).folder / Path(name).name
    if not name or not path.is_file():
        raise UserError(f"There is no adapter '{name}' on the list." if name else "No adapter is chosen.", "Choose one in the list.")
    return path


def in_use(context: bpy.types.Context, base: str = "speech") -> dict:
    """The adapter in use for a model ("speech" or "image"), as the worker's verbs take it; empty for the model as it ships."""
    active = shelf(context).active(base)
    return {"adapter": str(active.path), "adapter_strength": context.scene.facewright.ranking.adapter_strength} if active else {}


class FACEWRIGHT_OT_adapter_use(Verb, bpy.types.Operator):
    bl_idname = "facewright.adapter_use"
    bl_label = "Use Adapter"
    bl_description = "Bake and compare with this adapter from now on; with none, the model is as it ships. Bakes that exist do not change"

    name: bpy.props.StringProperty(name="Adapter", description="Its file name; empty for none", options={"SKIP_SAVE"})
    base: bpy.props.StringProperty(
        name="Model", description="speech or image, where none is to be used", default="speech", options={"SKIP_SAVE"}
    )

    @classmethod
    def disabled_reason(cls, context: bpy.types.Context) -> str:
        return ""

    def execute(self, context: bpy.types.Context) -> set[str]:
        return self.guarded(lambda: self._use(context))

    def _use(self, context: bpy.types.Context) -> set[str]:
        from ..preference.adapters import read_card

        path = chosen_path(context, self.name) if self.name else None
        if path is not None and not read_card(path).passed:
            self.report({"WARNING"}, "This adapter has not passed its comparison: it may make lips worse")
        shelf(context).use(path, self.base)
        learning.changed()
        jobs.redraw()
        self.report({"INFO"}, f"{path.stem} is in use" if path else "The model is used as it ships")
        return {"FINISHED"}


class FACEWRIGHT_OT_adapter_roll_back(Verb, bpy.types.Operator):
    bl_idname = "facewright.adapter_roll_back"
    bl_label = "Roll Back"
    bl_description = "Use the adapter again that was in use before this one"

    base: bpy.props.StringProperty(name="Model", description="speech or image", default="speech", options={"SKIP_SAVE"})

    @classmethod
    def disabled_reason(cls, context: bpy.types.Context) -> str:
        known = learning.current(settings(context).data_folder)
        return "" if known is None or known.can_roll_back else "There is no earlier adapter to go back to."

    def execute(self, context: bpy.types.Context) -> set[str]:
        def back() -> set[str]:
            active = shelf(context).roll_back(self.base)
            learning.changed()
            jobs.redraw()
            self.report({"INFO"}, f"{active.path.stem} is in use again" if active else "The model is used as it ships again")
            return {"FINISHED"}

        return self.guarded(back)


class FACEWRIGHT_OT_adapter_remove(Verb, bpy.types.Operator):
    bl_idname = "facewright.adapter_remove"
    bl_label = "Take off the List"
    bl_description = "Move the adapter's file into the folder 'removed' beside the others. Its votes stay"

    name: bpy.props.StringProperty(name="Adapter", description="Its file name", options={"SKIP_SAVE"})

    @classmethod
    def disabled_reason(cls, context: bpy.types.Context) -> str:
        return jobs.busy_reason()

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        return context.window_manager.invoke_confirm(self, event)

    def execute(self, context: bpy.types.Context) -> set[str]:
        def remove() -> set[str]:
            target = shelf(context).put_aside(chosen_path(context, self.name))
            learning.changed()
            jobs.redraw()
            self.report({"INFO"}, f"Moved to {target}")
            return {"FINISHED"}

        return self.guarded(remove)


class FACEWRIGHT_OT_adapter_import(Verb, bpy.types.Operator, ImportHelper):
    bl_idname = "facewright.adapter_import"
    bl_label = "Import Adapter"
    bl_description = "Put an adapter that somebody shared on the list"
    filename_ext = ".safetensors"
    filter_glob: bpy.props.StringProperty(default="*.safetensors", options={"HIDDEN"})

    @classmethod
    def disabled_reason(cls, context: bpy.types.Context) -> str:
        return ""

    def execute(self, context: bpy.types.Context) -> set[str]:
        def take_in() -> set[str]:
            path = shelf(context).import_file(Path(bpy.path.abspath(self.filepath)))
            learning.changed()
            jobs.redraw()
            self.report({"INFO"}, f"{path.stem} is on the list")
            return {"FINISHED"}

        return self.guarded(take_in)


class FACEWRIGHT_OT_adapter_export(Verb, bpy.types.Operator, ExportHelper):
    bl_idname = "facewright.adapter_export"
    bl_label = "Export Adapter"
    bl_description = "Write a copy of the adapter to share. It holds no voice and no face"
    filename_ext = ".safetensors"
    filter_glob: bpy.props.StringProperty(default="*.safetensors", options={"HIDDEN"})

    name: bpy.props.StringProperty(name="Adapter", description="Its file name", options={"HIDDEN", "SKIP_SAVE"})

    @classmethod
    def disabled_reason(cls, context: bpy.types.Context) -> str:
        return ""

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        self.filepath = self.name
        return ExportHelper.invoke(self, context, event)

    def execute(self, context: bpy.types.Context) -> set[str]:
        def give() -> set[str]:
            target = Path(bpy.path.abspath(self.filepath))
            shelf(context).export_file(chosen_path(context, self.name), target)
            self.report({"INFO"}, f"Wrote {target}")
            return {"FINISHED"}

        return self.guarded(give)


class FACEWRIGHT_OT_adapter_blend(JobVerb, bpy.types.Operator):
    bl_idname = "facewright.adapter_blend"
    bl_label = "Blend"
    bl_description = "Make a new adapter that lies between the two chosen ones, by the share"
    topic = "learning"
    title = "Blend Adapters"

    @classmethod
    def disabled_reason(cls, context: bpy.types.Context) -> str:
        wish = context.scene.facewright.ranking
        if not wish.adapter or not wish.blend_with or wish.adapter == wish.blend_with:
            return jobs.busy_reason() or "Choose two different adapters to blend."
        return jobs.busy_reason()

    def begin(self, context: bpy.types.Context) -> Work:
        wish, preferences = context.scene.facewright.ranking, settings(context)
        first, second = chosen_path(context, wish.adapter), chosen_path(context, wish.blend_with)
        name = f"{first.stem} {1 - wish.blend_share:.0%} + {second.stem} {wish.blend_share:.0%}"
        out = shelf(context).free_path(name)
        found = runtime_status.find(preferences.python, preferences.data_folder)
        client = tasks.worker(found.python, preferences.data_folder / "logs")
        params = {"a": str(first), "b": str(second), "share": wish.blend_share, "out": str(out), "name": name}

        def finish(_result: dict) -> jobs.Outcome:
            learning.changed()
            return jobs.Outcome("done", (f"{out.stem} is on the list. Compare takes with and without it before you use it.",))

        return Work(tasks.WorkerTask(client, client.submit("blend", params)), finish)
