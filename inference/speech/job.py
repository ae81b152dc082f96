# SPDX-License-Identifier: GPL-3.0-or-later
"""The worker's verb ``speech``: parameters in, a curves file and a phone track out. The models stay loaded between jobs."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch

from ...core.errors import UserError
from .. import curves_file
from . import around_file, weights_file
from .controls import Controls
from .emotion import Emotion
from .generate import Report, SpeechEngine, SpeechOptions
from .listening import ListeningCache
from .phone_track import PhoneTrack
from .response import Response

_KINDS = {
    "text": (str, type(None)),
    "fps": (int, float),
    "seed": (int,),
    "variation": (int, float),
    "controls": (Mapping,),
    "device": (str,),
    "life": (bool,),
    "pronunciations": (Mapping,),
    "adapter": (str, type(None)),
    "adapter_strength": (int, float),
    "emotion": (Mapping,),
    "response": (Mapping,),
    "style": (Mapping,),
    "asymmetry": (int, float),
    "person": (int,),
    "track": (Mapping, type(None)),
    "around": (str, type(None)),
}
# Options that are objects of their own: what makes one of its parameters.
_GROUPS = {"controls": (Controls, "control"), "emotion": (Emotion, "emotion"), "response": (Response, "response")}
_engine: SpeechEngine | None = None


def run(params: dict, report: Report) -> dict[str, Any]:
    """One job. params: {audio, out, text=None, fps=60.0, seed=0, variation=0.4, controls={jaw=1.0, lips=1.0, articulation=1.0},
    device="auto", life=True, pronunciations={}, adapter=None, adapter_strength=1.0, emotion={happy=0.0, ...},
    response={rate=0.0, energy=0.0}, style={}, asymmetry=1.0, person=0, track=None, around=None, cache=None, sound="", weights=shipped}.

    track: {words, phones} as an earlier answer told them, edited perhaps. around: a file of what is kept of an earlier take, as
    ``around_file.save`` writes it. cache: a folder in which what was heard is kept; then ``sound``,
    the sha256 that an earlier answer told, spares listening again, even where the file is gone.

    Writes the curves to ``out`` (see ``curves_file``); returns {curves, duration, device, seconds, cpu_seconds, words, phones, warnings,
    sound, listened}: the sound's sha256 ("" without a cache), and whether it was listened to now.
    Raises UserError for bad input, Cancelled when ``report`` does; then ``out`` is as it was.
    """
    audio, out, options = _checked(params)
    began = time.process_time()
    cache = ListeningCache(Path(params["cache"])) if params.get("cache") else None
    engine = _warm_engine(Path(params.get("weights") or weights_file.SHIPPED))
    result = engine.run(audio, options, report, cache, params.get("sound") or "")
    curves_file.save(result.curves, out)
    return {
        "curves": str(out),
        "duration": result.duration,
        "device": result.device,
        "seconds": result.seconds,
        "cpu_seconds": time.process_time() - began,
        **result.track.to_dict(),
        "warnings": list(result.warnings),
        "sound": result.sound,
        "listened": result.listened,
    }


def _checked(params: dict) -> tuple[Path, Path, SpeechOptions]:
    for name in ("audio", "out"):
        if not isinstance(params.get(name), str) or not params[name]:
            raise UserError(f"The speech job has no path '{name}'.", "Give the sound to read and the curves file to write.")
    for name in ("cache", "sound"):
        if not isinstance(params.get(name) or "", str):
            raise UserError(f"The speech job's '{name}' is {params[name]!r}, which is of the wrong kind.")
    given = {}
    for name, kinds in _KINDS.items():
        if name in params:
            value = params[name]
            # True is an int for Python, but no frame rate.
            if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
                raise UserError(f"The speech job's '{name}' is {value!r}, which is of the wrong kind.")
            if name in _GROUPS:
                value = _group(name, value)
            elif name == "track" and value is not None:
                value = PhoneTrack.from_dict(dict(value))
            elif name == "around" and value is not None:
                value = around_file.load(value)
            given[name] = value
    return Path(params["audio"]), Path(params["out"]), SpeechOptions(**given)


def _group(name: str, given: Mapping) -> Controls | Emotion | Response:
    kind, called = _GROUPS[name]
    known = [f.name for f in fields(kind)]
    for entry in given:
        if entry not in known:
            raise UserError(f"The speech job's '{name}' hold '{entry}', which is no {called}.", f"Use {', '.join(known)}.")
    return kind(**given)


def _warm_engine(weights: Path) -> SpeechEngine:
    global _engine
    if _engine is None or _engine.weights != weights:
        # The worker says how many; one thread is the default, since the network gains little from more.
        torch.set_num_threads(int(os.environ.get("FACEWRIGHT_THREADS", "1")))
        _engine = SpeechEngine(weights)
    return _engine
