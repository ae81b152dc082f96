# SPDX-License-Identifier: GPL-3.0-or-later
"""The worker's verbs ``video`` and ``image``: parameters in, curves or poses with their descriptions out. The models stay loaded."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from ...core.errors import UserError
from ...core.paths import replacing
from .. import curves_file
from . import absent
from .watch import Report, VideoEngine, VideoOptions, check_strength

_KINDS = {
    "fps": (int, float, type(None)),
    "face": (int, str),
    "neutral_time": (int, float, type(None)),
    "mouth": (str,),
    "text": (str, type(None)),
    "smoothing": (int, float),
    "careful": (bool,),
    "device": (str,),
    "adapter": (str, type(None)),
    "adapter_strength": (int, float),
}
_engine = VideoEngine()


def video(params: dict, report: Report) -> dict[str, Any]:
    """One video. params: {path, out, fps=None, face="largest", neutral_time=None, mouth="picture", text=None, smoothing=1.0, careful=False,
    device="auto", adapter=None, adapter_strength=1.0}; see ``VideoOptions``.

    Writes 61 channels to ``out`` (see ``curves_file``); returns {curves, duration, fps, frames, device, seconds, cpu_seconds, size, gaps,
    faces, shots, description, has_sound, warnings}. Raises UserError for bad input, Cancelled when ``report`` does; then ``out`` is as it
    was.
    """
    for name in ("path", "out"):
        if not isinstance(params.get(name), str) or not params[name]:
            raise UserError(f"The video job has no path '{name}'.", "Give the video to read and the curves file to write.")
    options = VideoOptions(**_checked(params, _KINDS, "video"))
    began = time.process_time()
    result = _engine.run(params["path"], options, report)
    curves_file.save(result.curves, params["out"])
    return {
        "curves": params["out"],
        "duration": result.duration,
        "fps": result.fps,
        "frames": result.frames,
        "device": result.device,
        "seconds": result.seconds,
        "cpu_seconds": time.process_time() - began,
        "size": list(result.size),
        "gaps": [list(gap) for gap in result.gaps],
        "faces": result.faces,
        "shots": [shot.to_dict() for shot in result.shots],
        "description": result.description,
        "has_sound": result.has_sound,
        "warnings": list(result.warnings),
    }


def image(params: dict, report: Report) -> dict[str, Any]:
    """Photos. params: {paths, out=None, device="auto", adapter=None, adapter_strength=1.0}.

    Returns {files: [{file, faces: [{box, analysis, arkit}], warnings}]}, faces from left to right, the words before the numbers; writes the
    list to ``out`` as JSON. One photo that cannot be read raises UserError; of several, its entry says so.
    """
    paths = params.get("paths")
    if not isinstance(paths, list) or not paths or not all(isinstance(path, str) and path for path in paths):
        raise UserError("The image job has no list 'paths'.", "Give the pictures to read.")
    shared = {name: _KINDS[name] for name in ("device", "adapter", "adapter_strength")}
    given = _checked(params, {"out": (str, type(None)), **shared}, "image")
    check_strength(given.get("adapter_strength", 1.0))
    taste = _engine.taste(given.get("adapter"), given.get("adapter_strength", 1.0))
    files, failed = [], 0
    for i, path in enumerate(paths):
        report(i / len(paths), "Looking at pictures")
        name = Path(path).name
        try:
            faces = _engine.photo(
                path, given.get("device", "auto"), lambda part, stage, i=i: report((i + part) / len(paths), stage), taste
            )
            warnings = [] if faces else [str(absent.nobody(name))]
        except UserError as error:
            if len(paths) == 1:
                raise
            failed += 1
            if failed == len(paths):
                raise UserError(f"None of the {len(paths)} pictures can be used. {error.message}", error.hint) from error
            faces, warnings = [], [str(error)]
        files.append({"file": path, "faces": [face.to_dict() for face in faces], "warnings": warnings})
    if given.get("out"):
        with replacing(given["out"]) as temporary:
            temporary.write_text(json.dumps(files, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    report(1.0, "Done")
    return {"files": files}


def _checked(params: dict, kinds: dict[str, tuple], verb: str) -> dict[str, Any]:
    given = {}
    for name, allowed in kinds.items():
        if name in params:
            value = params[name]
            # True is an int for Python, but no frame rate.
            if not isinstance(value, allowed) or (isinstance(value, bool) and bool not in allowed):
                raise UserError(f"The {verb} job's '{name}' is {value!r}, which is of the wrong kind.")
            given[name] = value
    return given
