# SPDX-License-Identifier: GPL-3.0-or-later
"""The shown phone track as a file, and a file as the shown track: ours (.json) or Praat's (.TextGrid), which aligners write."""
from __future__ import annotations

from pathlib import Path

import bpy
from bpy_extras.io_utils import ExportHelper, ImportHelper

from ..core.errors import UserError
from .phoneme_edit import no_track_reason
from .verb import Verb

_GLOB = "*.json;*.TextGrid;*.textgrid"
FORMATS = (
    (".TextGrid", "Praat (.TextGrid)", "What phoneticians' tools and aligners read"),
    (".json", "Facewright (.json)", "With confidence and stress"),
)


class FACEWRIGHT_OT_import_phonemes(Verb, bpy.types.Operator, ImportHelper):
    bl_idname = "facewright.import_phonemes"
    bl_label = "Import Phonemes"
    bl_description = "Replace the take's words and phones by those of a Praat TextGrid or a .json file; then re-drive the face"
    bl_options = {"REGISTER", "UNDO"}

    filepath: bpy.props.StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE", "SKIP_PRESET"})
    filter_glob: bpy.props.StringProperty(default=_GLOB, options={"HIDDEN"})

    @classmethod
    def disabled_reason(cls, context: bpy.types.Context) -> str:
        return no_track_reason(context)

    def execute(self, context: bpy.types.Context) -> set[str]:
        return self.guarded(lambda: self._import(context))

    def _import(self, context: bpy.types.Context) -> set[str]:
        from ..inference.speech import track_file
        from ..scene import phonemes

        shown = phonemes.required(context)
        path = Path(bpy.path.abspath(self.filepath))
        track = track_file.load(path, lambda sentence: self.report({"WARNING"}, sentence))
        duration = phonemes.recipe(shown.action).get("duration")
        if duration and track.phones and track.phones[0].start > duration:
            raise UserError(f"{path.name} begins after the sound's end ({duration:.1f} s).", "Choose the file that belongs to this sound.")
        phonemes.edit(shown, lambda _before: track)
        self.report({"INFO"}, f"{path.name}: {len(track.words)} words, {len(track.phones)} phones")
        return {"FINISHED"}


class FACEWRIGHT_OT_export_phonemes(Verb, bpy.types.Operator, ExportHelper):
    bl_idname = "facewright.export_phonemes"
    bl_label = "Export Phonemes"
    bl_description = "Write the take's words and phones with their times, as a Praat TextGrid or a .json file"

    filename_ext = ".TextGrid"
    filter_glob: bpy.props.StringProperty(default=_GLOB, options={"HIDDEN"})
    format: bpy.props.EnumProperty(
        name="Format",
        description="What kind of file to write",
        items=FORMATS,
        default=".TextGrid",  # the one that other tools read
    )

    @classmethod
    def disabled_reason(cls, context: bpy.types.Context) -> str:
        return no_track_reason(context)

    def draw(self, context: bpy.types.Context) -> None:
        self.layout.prop(self, "format")

    def check(self, context: bpy.types.Context) -> bool:
        self.filename_ext = self.format
        path = Path(self.filepath)
        if path.name and path.suffix.lower() in {suffix.lower() for suffix, _, _ in FORMATS} and path.suffix.lower() != self.format.lower():
            self.filepath = str(path.with_suffix(self.format))
            return True
        return super().check(context)

    def execute(self, context: bpy.types.Context) -> set[str]:
        return self.guarded(lambda: self._export(context))

    def _export(self, context: bpy.types.Context) -> set[str]:
        from ..inference.speech import track_file
        from ..scene import phonemes

        shown = phonemes.required(context)
        track = phonemes.read(shown.action)
        path = Path(bpy.path.abspath(self.filepath))
        ends = [e.end for e in (*track.phones, *track.words)]
        track_file.save(track, path, float(phonemes.recipe(shown.action).get("duration", max(ends, default=0.0))))
        self.report({"INFO"}, f"{path.name}: {len(track.words)} words, {len(track.phones)} phones")
        return {"FINISHED"}
