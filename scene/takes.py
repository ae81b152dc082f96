# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes to compare: what the model is asked for, the stretches they are cut into, their records. Reads Blender's data, writes none."""

from __future__ import annotations

import random
import wave
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import bpy
import numpy as np

from ..core import stretches
from ..core.errors import UserError
from ..preference.votes import Take
from . import films, sound

Differ = Literal["SEED", "JAW", "LIPS", "ARTICULATION", "MOUTH", "BROWS", "EYES", "SMOOTHING", "MIX", "ADAPTER"]
CURVES_FPS = 60.0  # as the bake's
LEAST_VARIATION = 0.4  # of takes that are to differ by their seed
LONGEST_LINE = 600.0  # seconds: hours of takes would fill the disk before anybody has judged a minute
CONTROL_MOST = 2.0  # the controls' own limit
MIXED = ("jaw", "lips", "articulation")  # the controls that takes of a sound may differ in
MIXED_SEEN = ("mouth", "brows", "eyes")  # of a video or a picture
_BLOCK, _PAUSE = 0.02, 0.12  # seconds: of one loudness value, and of the shortest pause
_QUIET = 0.06  # of the loud parts' level (-24 dB): breath and room, no speech


@dataclass(frozen=True)
class Candidate:
    """What the model is asked for. controls: the speech model's, or those of ``video_takes``. adapter: path of its file or ""; adapter_sha:
    its sha256 or ""."""

    seed: int = 0
    variation: float = LEAST_VARIATION
    controls: Mapping[str, float] = field(default_factory=dict)
    adapter: str = ""
    adapter_sha: str = ""
    adapter_strength: float = 1.0

    def params(self) -> dict:
        """As the worker's verbs ``takes`` and ``video_takes`` read it."""
        return {
            "seed": self.seed,
            "variation": self.variation,
            "controls": dict(self.controls),
            "adapter": self.adapter or None,
            "adapter_strength": self.adapter_strength,
        }


@dataclass(frozen=True)
class Cut:
    """A stretch of the clip: seconds, snapped to the scene's frames; ``frame``: the scene's at ``start``; ``frames`` of the film. A still
    ends where it starts."""

    start: float
    end: float
    frame: int
    frames: int


def candidates(
    count: int, base: Candidate, differ: Differ, spread: float, seed: int, mixed: Sequence[str] = MIXED
) -> list[Candidate]:
    """``count`` different wishes around ``base``, which is the first. ``seed``: of what is drawn.

    SEED: drawn takes; JAW, BROWS, ...: that control from (1 - spread) to (1 + spread) times base's; MIX: seed and the ``mixed`` controls;
    ADAPTER: base and drawn takes, each without and with base's adapter (raises UserError where there is none).
    """
    chance = random.Random(seed)
    drawn = [replace(base, seed=s, variation=max(base.variation, LEAST_VARIATION)) for s in _seeds(count, base.seed, chance)]
    if differ == "SEED":
        return [base, *drawn][:count]
    if differ == "ADAPTER":
        if not base.adapter:
            raise UserError(
                "No adapter is in use, so takes with and without one cannot be compared.", "Choose an adapter, or differ by seed."
            )
        half = [base, *drawn][: max(1, count // 2)]
        return [one for take in half for one in (replace(take, adapter="", adapter_sha=""), take)]
    if differ == "MIX":
        made = []
        for take in drawn:
            scales = {name: chance.uniform(1 - spread, 1 + spread) for name in mixed}
            controls = {name: _scaled(base.controls.get(name, 1.0), scale) for name, scale in scales.items()}
            made.append(replace(take, controls={**base.controls, **controls}))
        return [base, *made][:count]
    name = differ.lower()
    amount = base.controls.get(name, 1.0)
    ends = _scaled(amount, 1 - spread), _scaled(amount, 1 + spread)  # spread within the limits: those beyond would all be one take
    amounts = np.linspace(*ends, count) if count > 1 else [amount]
    return [replace(base, controls={**base.controls, name: round(float(one), 4)}) for one in amounts]


def _scaled(amount: float, scale: float) -> float:
    return round(min(max(amount * scale, 0.0), CONTROL_MOST), 4)


def _seeds(count: int, taken: int, chance: random.Random) -> list[int]:
    found: list[int] = []
    while len(found) < count:
        seed = chance.randint(1, 2**31 - 1)
        if seed != taken and seed not in found:
            found.append(seed)
    return found


def sound_start(scene: bpy.types.Scene, path: Path, otherwise: int) -> int:
    """The scene frame on which this sound begins: its strip's, where a bake placed one, else ``otherwise``."""
    for strip in sound._ours(scene):
        own = getattr(strip, "sound", None)
        if own is not None and Path(bpy.path.abspath(own.filepath)) == path:
            return round(sound._content_start(strip))
    return otherwise


def cuts(found: Iterable[tuple[float, float]], fps: float, begins: int) -> list[Cut]:
    """Stretches in seconds of the sound as cuts on whole scene frames; ``begins``: the scene frame of the sound's time 0."""
    step = films.step_for(fps)
    made = []
    for start, end in found:
        first = int(np.ceil(start * fps - 1e-6))
        last = int(np.floor(end * fps + 1e-6))
        if last > first:
            made.append(Cut(round(first / fps, 6), round(last / fps, 6), begins + first, max(1, (last - first) // step)))
    return made


def listen(path: Path) -> tuple[float | None, list[tuple[float, float]]]:
    """(seconds, pauses as (start, end) in seconds) of a WAV file, by its loudness alone; (None, []) for any other sound.

    Blender's own reader is not asked: audaspace 1.5 ends the process over a file that is no sound (bpy 5.0.1). The worker tells the length.
    """
    try:
        with wave.open(str(path)) as file:
            rate, width, channels = file.getframerate(), file.getsampwidth(), file.getnchannels()
            raw = file.readframes(int(LONGEST_LINE * rate))
    except (wave.Error, EOFError, OSError):
        return None, []
    samples = _mono(raw, width, channels)
    seconds = len(samples) / rate
    size = max(1, round(_BLOCK * rate))
    count = len(samples) // size
    if not count:
        return seconds, []
    level = np.sqrt(np.mean(np.square(samples[: count * size].reshape(count, size), dtype=np.float64), axis=1))
    quiet = np.r_[False, level < _QUIET * max(float(np.percentile(level, 95)), 1e-9), False]
    edges = np.flatnonzero(quiet[1:] != quiet[:-1]).reshape(-1, 2) * _BLOCK
    return seconds, [(float(a), float(b)) for a, b in edges if b - a >= _PAUSE]


def _mono(raw: bytes, width: int, channels: int) -> np.ndarray:
    """PCM of 1 (unsigned) to 4 bytes a sample as float32 [N] in -1..1, channels averaged."""
    data = np.frombuffer(raw[: len(raw) // (width * channels) * width * channels], np.uint8).reshape(-1, width)
    if width == 1:
        samples = data[:, 0].astype(np.float32) / 128 - 1
    else:
        samples = data[:, -1].astype(np.int8).astype(np.float32) / 128 + data[:, -2].astype(np.float32) / 32768  # 16 bits tell enough
    return samples.reshape(-1, channels).mean(1)


def windows(
    seconds: float | None, quiet: Sequence[tuple[float, float]], where: str, moment: float, length: float
) -> list[tuple[float, float]]:
    """The stretches to ask about, in seconds of the sound: the one around ``moment`` ("HERE"), or all of the line ("LINE").

    Of a sound of unknown length (None) the first stretch of the line; ``rest`` gives the others.
    """
    if seconds is None:
        start = max(moment - length / 2, 0.0) if where == "HERE" else 0.0
        return [(start, start + length)]
    if seconds <= 0:
        return []
    if where == "HERE":
        return [stretches.around(min(max(moment, 0.0), seconds), seconds, length)]
    return stretches.cut(min(seconds, LONGEST_LINE), length, quiet)


def rest(done: float, seconds: float, length: float) -> list[tuple[float, float]]:
    """The stretches after the first ``done`` seconds of a sound that turned out to be ``seconds`` long."""
    left = min(seconds, LONGEST_LINE) - done
    return [(done + start, done + end) for start, end in stretches.cut(left, length)] if left >= stretches.SHORTEST else []


def still(seconds: float, frame: int) -> Cut:
    """One frame of a video (``seconds`` from its start), or a photo (0), as a film of one picture at the scene's ``frame``."""
    return Cut(seconds, seconds, frame, 1)


def record(
    candidate: Candidate, sha: str, cut: Cut, kind: str, clip: str, name: str, model: str, rig: str, camera: str, fps: float
) -> Take:
    """The take that the worker made for this wish, as the store keeps it. sha: of its curves file; kind, clip: of what was given."""
    return Take(
        kind=kind,
        clip=clip,
        clip_name=name[:200],
        start=cut.start,
        end=cut.end,
        seed=candidate.seed,
        variation=candidate.variation,
        controls=candidate.controls,
        model=model,
        adapter=candidate.adapter_sha,
        adapter_strength=candidate.adapter_strength if candidate.adapter_sha else 0.0,
        fps=fps,
        rig=rig,
        camera=camera,
        curves=sha,
    )


def strip_frames(film: films.Film, count: int) -> Sequence[Path]:
    """``count`` pictures spread evenly over a film, for a film strip."""
    last = len(film.frames) - 1
    return [film.frames[round(i * last / max(count - 1, 1))] for i in range(min(count, len(film.frames)))]
