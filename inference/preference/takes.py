# SPDX-License-Identifier: GPL-3.0-or-later
"""The worker's verb ``takes``: several takes of a stretch of a sound, listened to once, each as a curves file to show and to vote on."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ...core.content import sha256_of
from ...core.curves import Curves
from ...core.errors import UserError
from ...core.paths import replacing
from ..speech import job as speech_job
from ..speech import weights_file
from ..speech.controls import Controls
from ..speech.emotion import Emotion
from ..speech.generate import Heard, Report, SpeechEngine, SpeechOptions
from ..speech.response import Response
from ..speech.windows import FrameOutputs
from . import stretches

# Candidates of one call; a panel shows two to four, a pool to choose from has dozens.
MOST: int = 200
# Seconds of the sound after the stretch that still shape it: blinks look a second ahead for the end of a phrase.
_AHEAD = 2.0
# Seconds of sound in the memory of the last listening: its features take 25 kB a second.
_REMEMBERED = 1800.0
# Options of the sound that all candidates have in common.
_SHARED = ("text", "fps", "device", "life", "pronunciations", "style", "asymmetry", "person")


@dataclass(frozen=True)
class _Listened:
    """key: what was listened to and how; hidden: float16 [C, T]."""

    key: tuple
    heard: Heard
    hidden: np.ndarray


_last: _Listened | None = None


def run(params: dict, report: Report) -> dict[str, Any]:
    """One job. params: {audio, start, end, out: folder, candidates: [{seed=0, variation=0.4, controls={}, adapter=None,
    adapter_strength=1.0}, ...], text=None, fps=60.0, device="auto", life=True, pronunciations={}, style={}, asymmetry=1.0, person=0,
    heard=None, weights=shipped}.

    controls: amounts by name, of ``Controls``, ``Emotion`` and ``Response`` alike. heard: a folder in which the stretch is kept as the
    model heard it, for tuning on votes later. The curves files hold ``names``, ``times`` (s, from the start of the stretch) and ``values``
    of all 52 channels, and ``mouth_names``, ``mouth``: the mouth before events, which is what tuning compares.

    Returns {takes: [{curves, sha256, seed, variation, controls, adapter, adapter_strength}, ...], model, clip, start, end, fps, words,
    phones, duration, warnings}; adapter is the sha256 of its file or "". Raises UserError for bad input.
    """
    audio, out = _path(params, "audio"), _path(params, "out")
    start, end = (_number(params, n) for n in ("start", "end"))
    if not 0 <= start < end:
        raise UserError(f"A stretch from {start:g} to {end:g} s cannot be cut out.", "It ends after it starts, at 0 s or later.")
    candidates = params.get("candidates")
    if not isinstance(candidates, Sequence) or isinstance(candidates, str) or not 0 < len(candidates) <= MOST:
        raise UserError("The job 'takes' has no list of candidates.", f"Ask for 1 to {MOST} takes.")
    engine = speech_job._warm_engine(Path(params.get("weights") or weights_file.SHIPPED))
    shared = {n: params[n] for n in _SHARED if params.get(n) is not None}
    wanted = [_options(c, shared) for c in candidates]
    for options in wanted:  # an adapter for other weights is refused before the work
        engine.habits(options)
    listened = _listen(audio, engine, replace(wanted[0], adapter=None), report)
    heard = listened.heard
    end = min(end, heard.duration)
    if start >= end:
        raise UserError(f"The sound {audio.name} has only {heard.duration:.1f} s.", "Choose an earlier stretch.")
    clip, model = listened.key[0], weights_file.sha256(engine.weights)
    _make_folder(out)
    if folder := params.get("heard"):
        _make_folder(Path(folder))
        own = stretches.cut(listened.hidden.astype(np.float32), heard.frames.level, heard.track, clip, model, start, end)
        stretches.save(own, Path(folder) / stretches.file_name(clip, model, start, end))
    near = _until(heard, end + _AHEAD)
    takes = []
    for i, (options, candidate) in enumerate(zip(wanted, candidates, strict=True)):
        report(0.8 + 0.2 * i / len(wanted), "Making takes")
        tuned = replace(near, frames=replace(near.frames, face=_faces(engine, options, listened.hidden[:, : len(near.frames)])))
        made = engine.shape(tuned, options, lambda fraction, stage: None)
        path = out / f"take{i:03d}.npz"
        save(made.curves, made.mouth, start, end, path)
        adapter = sha256_of(options.adapter) if options.adapter else ""
        takes.append({
            "curves": str(path), "sha256": sha256_of(path), "seed": options.seed, "variation": options.variation,
            "controls": dict(candidate.get("controls") or {}), "adapter": adapter,
            "adapter_strength": options.adapter_strength if adapter else 0.0,
        })  # fmt: skip
    report(1.0, "Done")
    part = stretches.within(heard.track, start, end)
    return {
        "takes": takes, "model": model, "clip": clip, "start": start, "end": end, "fps": wanted[0].fps, **part.to_dict(),
        "duration": heard.duration, "warnings": list(heard.warnings),
    }  # fmt: skip


def save(curves: Curves, mouth: Curves, start: float, end: float, path: Path) -> None:
    """The stretch of a whole take as a curves file that also holds the mouth before events."""
    rows = slice(*np.searchsorted(curves.times, (start - 1e-6, end + 1e-6)))
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez(
            file, names=np.array(curves.names, np.str_), times=curves.times[rows] - start, values=curves.values[rows],
            mouth_names=np.array(mouth.names, np.str_), mouth=mouth.values[rows],
        )  # fmt: skip


def _listen(audio: Path, engine: SpeechEngine, options: SpeechOptions, report: Report) -> _Listened:
    global _last
    said = hashlib.sha256(repr((options.text, sorted(options.pronunciations.items()))).encode()).hexdigest()
    style = tuple(sorted(options.style.items()))
    key = (sha256_of(audio), said, style, options.device, weights_file.sha256(engine.weights))
    if _last is not None and _last.key == key:
        return _last
    heard, hidden = stretches.listen(engine, audio, options, report)
    found = _Listened(key, heard, hidden.astype(np.float16))
    _last = found if heard.duration <= _REMEMBERED else None
    return found


def _until(heard: Heard, end: float) -> Heard:
    """What was heard, up to a time: a take there does not depend on what comes later."""
    if end >= heard.duration:
        return heard
    count = min(int(end / 0.02) + 1, len(heard.frames))
    frames = FrameOutputs(**{f.name: getattr(heard.frames, f.name)[:count] for f in fields(FrameOutputs)})
    return replace(heard, frames=frames, pitch=heard.pitch[:count], track=stretches.within(heard.track, 0.0, end), duration=end)


@torch.no_grad()
def _faces(engine: SpeechEngine, options: SpeechOptions, hidden: np.ndarray) -> np.ndarray:
    """The face head, tuned or not, on features that were heard before. Float32 [T, K]."""
    network = engine.network(options)
    given = torch.from_numpy(hidden.astype(np.float32))[None].to(network.face.weight.device)
    units = torch.sigmoid(network.face(torch.relu(network.face_hidden(given))))[0].T
    return units[:, network.unit_of_channel].cpu().numpy()


def _options(candidate: object, shared: Mapping) -> SpeechOptions:
    if not isinstance(candidate, Mapping):
        raise UserError("A candidate for a take is no table of options.", "Give seed, variation, controls, adapter, adapter_strength.")
    known = {"seed", "variation", "controls", "adapter", "adapter_strength"}
    if unknown := sorted(set(candidate) - known):
        raise UserError(f"A candidate for a take has '{unknown[0]}', which is not known.", f"Use {', '.join(sorted(known))}.")
    plain = {n: candidate[n] for n in known - {"controls"} if candidate.get(n) is not None}
    checked = {"audio": "-", "out": "-", **shared, **plain, **grouped(candidate.get("controls") or {})}
    return speech_job._checked(checked)[2]


def grouped(controls: Mapping[str, float]) -> dict[str, dict[str, float]]:
    """Amounts by name as the speech job takes them: {controls, emotion, response}. Raises UserError for a name of none of them."""
    kinds = {"controls": Controls, "emotion": Emotion, "response": Response}
    owner = {f.name: group for group, kind in kinds.items() for f in fields(kind)}
    found: dict[str, dict[str, float]] = {}
    for name, amount in controls.items():
        if name not in owner:
            raise UserError(f"There is no control '{name}'.", f"Use {', '.join(owner)}.")
        found.setdefault(owner[name], {})[name] = amount
    return found


def _path(params: dict, name: str) -> Path:
    if not isinstance(params.get(name), str) or not params[name]:
        raise UserError(f"The job has no path '{name}'.", "Give the files to read and to write.")
    return Path(params[name])


def _number(params: dict, name: str) -> float:
    value = params.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UserError(f"The job's '{name}' is {value!r:.40}, not a number.", "Give seconds.")
    return float(value)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"Cannot make the folder {folder}: {error.strerror}.", "Choose another.") from error
