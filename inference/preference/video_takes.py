# SPDX-License-Identifier: GPL-3.0-or-later
"""The worker's verb ``video_takes``: several takes of a stretch of a video, or of a photo, looked at once, each as a curves file to show
and to vote on."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np

from ...core.content import sha256_of
from ...core.errors import UserError
from ...core.paths import replacing
from ...rigs.arkit import ARKIT_52
from ..speech.device import resolve_device
from ..video import absent, coefficients, sound
from ..video.coefficients import SolveOptions
from ..video.frames import Pictures, is_photo, read_photo, sequence_files
from ..video.track import FaceTrack
from ..video.tracker import look_at_photo
from ..video.watch import LEAST_FACE, Report, VideoEngine, VideoOptions, _even, check_strength
from . import adapter_file, image_adapter, image_policy, seen
from .image_adapter import CHANNELS, ImageAdapter
from .seen import Seen
from .takes import MOST, _make_folder, _number, _path

# Share of the work that looking takes, by measured times.
_LOOKED: Final = 0.9
_engine = VideoEngine()


@dataclass(frozen=True)
class VideoControls:
    """Amounts of what a video's take can differ in, 0 (none of it) to 2; 1 changes nothing.

    mouth:     how far jaw, lips and cheeks move
    brows:     how far brows move
    eyes:      how far lids widen and squint; a blink shuts the eye and gaze goes where it went
    smoothing: as in ``VideoOptions``; nothing in a still photo
    """

    mouth: float = 1.0
    brows: float = 1.0
    eyes: float = 1.0
    smoothing: float = 1.0

    def __post_init__(self) -> None:
        for f in fields(self):
            value = getattr(self, f.name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 2:
                raise UserError(f"The amount of {f.name} is {value!r:.40}.", "Use 0 (none) to 2; 1 changes nothing.")

    def gains(self) -> np.ndarray:
        """By how much each channel's distance from rest is stretched, [C]."""

        def gain(name: str) -> float:
            if name.startswith("brow"):
                return self.brows
            if name.startswith("eye"):
                return 1.0 if name.startswith("eyeBlink") else self.eyes
            return self.mouth

        return np.array([gain(name) for name in CHANNELS])


@dataclass(frozen=True)
class VideoCandidate:
    """One wish. variation: how far a seed other than 0 strays, in parts of what the model may be wrong by. adapter: its file or None."""

    seed: int = 0
    variation: float = 1.0
    controls: VideoControls = field(default_factory=VideoControls)
    adapter: str | None = None
    adapter_strength: float = 1.0


@dataclass(frozen=True)
class Looked:
    """A whole clip as the model saw it. clip: sha256 of its content; hidden: float32 [T, C] (``seen.Watcher``); duration: seconds; rate:
    frames a second, 0 for a photo."""

    clip: str
    track: FaceTrack
    hidden: np.ndarray
    cuts: tuple[float, ...]
    duration: float
    rate: float
    warnings: tuple[str, ...]

    def smoothed(self, amount: float) -> tuple[FaceTrack, np.ndarray]:
        """The track at an amount of smoothing, and its average over time [T, 52]."""
        track = coefficients.smoothed_anew(self.track, SolveOptions(amount if self.rate else 0.0), self.cuts)
        return track, image_adapter.calmed(track, self.cuts)

    def stretch(self, model: str, start: float, end: float) -> Seen:
        """A stretch, smoothed as the product does by default. Raises UserError where no face is seen in it."""
        track, calm = self.smoothed(1.0)
        return seen.cut(track, self.hidden, calm, self.clip, model, start, end)

    def whole(self, model: str) -> Seen:
        """All of it."""
        return self.stretch(model, 0.0, self.duration if self.rate else 0.0)


def run(params: dict, report: Report) -> dict[str, Any]:
    """One job. params: {path, start=0.0, end=start, out: folder, candidates: [{seed=0, variation=1.0, controls={}, adapter=None,
    adapter_strength=1.0}, ...], face="largest", neutral_time=None, device="auto", heard=None, sound=None, weights=shipped}.

    path: a video, a sequence's folder or first picture, or a photo with ``photo`` True; start, end: s, equal for a still of one frame, both
    0 for a photo. controls: amounts by name, of ``VideoControls``. heard: a folder in which the stretch is kept as the model saw it, for
    tuning on votes later. sound: a WAV file to write the video's sound to, if it has one and the file is not there yet. The curves files
    hold all 52 channels; times are s from the start of the stretch, at the video's own frames.

    Returns {takes: [{curves, sha256, seed, variation, controls, adapter, adapter_strength}, ...], kind: "video" or "image", model, clip,
    start, end, fps, duration, sound: its path or "", warnings}; adapter is the sha256 of its file or "". Raises UserError for bad input.
    """
    path, out = _path(params, "path"), _path(params, "out")
    photo = bool(params.get("photo"))
    start = _number({"start": 0.0, **params}, "start")
    end = _number({"end": start, **params}, "end")
    if not 0 <= start <= end or (photo and end > 0):
        raise UserError(f"A stretch from {start:g} to {end:g} s cannot be cut out.", "It ends after it starts; a photo has no time.")
    weights = Path(str(params.get("weights") or coefficients.SHIPPED))
    wanted = wishes(params.get("candidates"))
    model = sha256_of(weights)
    adapters = {w.adapter: adapter_file.load_image(w.adapter, model) for w in wanted if w.adapter}
    looked = look(
        path, weights, photo, params.get("face", "largest"), params.get("neutral_time"), params.get("device") or "auto",
        lambda part, stage: report(_LOOKED * part, stage),
    )  # fmt: skip
    end = min(end, looked.duration) if looked.rate else end
    if start > end:
        raise UserError(f"The video {path.name} has only {looked.duration:.1f} s.", "Choose an earlier stretch.")
    stretch = looked.stretch(model, start, end)
    _make_folder(out)
    if folder := params.get("heard"):
        _make_folder(Path(folder))
        seen.save(stretch, Path(folder) / seen.file_name(looked.clip, model, start, end))
    takes = []
    for i, wish in enumerate(wanted):
        report(_LOOKED + (1 - _LOOKED) * i / len(wanted), "Making takes")
        file = out / f"take{i:03d}.npz"
        save(stretch.times, *made(looked, stretch, wish, adapters.get(wish.adapter)), file)
        takes.append({
            "curves": str(file), "sha256": sha256_of(file), "seed": wish.seed, "variation": wish.variation,
            "controls": vars(wish.controls).copy(), "adapter": sha256_of(wish.adapter) if wish.adapter else "",
            "adapter_strength": wish.adapter_strength if wish.adapter else 0.0,
        })  # fmt: skip
    heard = "" if photo else _sound(path, params.get("sound"), looked.duration, lambda at: report(0.99, "Taking the sound out"))
    report(1.0, "Done")
    return {
        "takes": takes, "kind": "image" if photo else "video", "model": model, "clip": looked.clip, "start": start, "end": end,
        "fps": looked.rate, "duration": looked.duration, "sound": heard, "warnings": list(looked.warnings),
    }  # fmt: skip


def wishes(given: object) -> list[VideoCandidate]:
    """The candidates of a job. Raises UserError for what is none."""
    if not isinstance(given, Sequence) or isinstance(given, str) or not 0 < len(given) <= MOST:
        raise UserError("The job 'video_takes' has no list of candidates.", f"Ask for 1 to {MOST} takes.")
    known, found = {f.name for f in fields(VideoCandidate)}, []
    for one in given:
        if not isinstance(one, Mapping):
            raise UserError("A candidate for a take is no table of options.", f"Give {', '.join(sorted(known))}.")
        if unknown := sorted(set(one) - known):
            raise UserError(f"A candidate for a take has '{unknown[0]}', which is not known.", f"Use {', '.join(sorted(known))}.")
        amounts = dict(one.get("controls") or {})
        if unknown := sorted(set(amounts) - {f.name for f in fields(VideoControls)}):
            raise UserError(f"There is no control '{unknown[0]}'.", f"Use {', '.join(f.name for f in fields(VideoControls))}.")
        wish = VideoCandidate(**{**{k: v for k, v in one.items() if v is not None}, "controls": VideoControls(**amounts)})
        numbers = (wish.variation, wish.adapter_strength)
        if isinstance(wish.seed, bool) or not isinstance(wish.seed, int) or wish.seed < 0:
            raise UserError(f"The seed {wish.seed!r:.40} is none.", "Use a whole number from 0.")
        if any(isinstance(n, bool) or not isinstance(n, int | float) for n in numbers) or not 0 <= wish.variation <= 2:
            raise UserError(f"The variation {wish.variation!r:.40} is out of range.", "Use 0 (none) to 2.")
        check_strength(wish.adapter_strength)
        found.append(wish)
    return found


def save(times: np.ndarray, values: np.ndarray, opened: np.ndarray, path: Path) -> None:
    """A take as a curves file that also holds it in the open space, before anything was held or cut off. values [T, 52], opened [T, C]."""
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez(file, names=np.array(ARKIT_52, np.str_), times=times, values=values, opened=opened.astype(np.float32))


def made(looked: Looked, stretch: Seen, wish: VideoCandidate, adapter: ImageAdapter | None) -> tuple[np.ndarray, np.ndarray]:
    """One take of a stretch: smoothing, then the adapter, then amounts, then the draw. (float32 [T, 52], [T, C] in the open space, before
    lips and lids were held and anything was cut off at 0 or 1)."""
    arkit, calm = _smoothed_rows(looked, stretch, wish.controls.smoothing)
    if adapter is not None and wish.adapter_strength:
        own = adapter.scaled(wish.adapter_strength)
        arkit = own.values(arkit, calm, stretch.hidden @ own.down.numpy().T)
    opened = image_adapter.open_columns(arkit).T.numpy()
    gains = wish.controls.gains()
    opened = image_adapter.REST + gains * (opened - image_adapter.REST)
    if not wish.seed:
        return arkit if (gains == 1).all() else image_adapter.closed(arkit, opened), opened
    drawn = wish.variation * image_policy.draw(stretch, np.random.default_rng((wish.seed, 3)))
    return image_adapter.closed(arkit, opened + (1 - image_policy.held(stretch)) * drawn), opened + drawn


def _smoothed_rows(looked: Looked, stretch: Seen, amount: float) -> tuple[np.ndarray, np.ndarray]:
    if amount == 1.0:
        return stretch.arkit, stretch.calm
    track, calm = looked.smoothed(amount)
    rows = seen.rows_of(track, stretch.start, stretch.end)
    return track.arkit[rows], calm[rows]


def look(
    path: Path,
    weights: Path = coefficients.SHIPPED,
    photo: bool | None = None,
    face: int | str = "largest",
    neutral_time: float | None = None,
    device: str = "auto",
    report: Report = lambda fraction, stage: None,
) -> Looked:
    """The clip as the model sees it; the last one is remembered. photo: None where the name tells. Raises UserError, Cancelled."""
    global _last
    photo = is_photo(path) and path.is_file() if photo is None else photo
    options = VideoOptions(face=face, neutral_time=neutral_time, device=device)
    clip = content(path, photo)
    key = (clip, photo, face, neutral_time, str(resolve_device(device)), sha256_of(weights))
    if _last is not None and _last[0] == key:
        return _last[1]
    network = _engine_of(weights)
    found = _photo(network, path, clip, options, report) if photo else _video(network, path, clip, options, report)
    _last = key, found
    return found


_last: tuple[tuple, Looked] | None = None


def content(path: Path, photo: bool) -> str:
    """sha256 of a file's bytes; of a sequence, over its pictures'. Raises UserError where there is none."""
    files = [] if photo or (path.is_file() and not is_photo(path)) else [file for _, file in sequence_files(path)]
    if len(files) < 2:
        return sha256_of(path)
    digest = hashlib.sha256()
    for file in files:
        digest.update(bytes.fromhex(sha256_of(file)))
    return digest.hexdigest()


@lru_cache(1)
def _engine_of(weights: Path) -> VideoEngine:
    return _engine if weights == coefficients.SHIPPED else VideoEngine(refiner=coefficients.load(weights))


def _video(engine: VideoEngine, path: Path, clip: str, options: VideoOptions, report: Report) -> Looked:
    report(0.0, "Opening the video")
    pictures = Pictures(path)
    networks = engine.networks(str(resolve_device(options.device)))
    found = engine._watch(pictures, networks, options, lambda part: report(0.02 + 0.83 * part, "Watching the face"))
    found = found.at(_even(found.times, pictures.rate))
    watcher = seen.Watcher()
    track = engine._solve(
        found, pictures.scale, pictures.size, SolveOptions(0.0, options.neutral_time),
        lambda part: report(0.85 + 0.15 * part, "Reading the expression"), watcher,
    )  # fmt: skip
    duration = float(found.times[-1]) + 1 / pictures.rate
    return Looked(clip, track, watcher.hidden, tuple(found.cuts), duration, pictures.rate, tuple(pictures.warnings))


def _photo(engine: VideoEngine, path: Path, clip: str, options: VideoOptions, report: Report) -> Looked:
    report(0.1, "Looking at the picture")
    photo = read_photo(path)
    faces = look_at_photo(photo.rgb, engine.networks(str(resolve_device(options.device))), LEAST_FACE * photo.scale)
    if not faces:
        raise absent.nobody(path.name)
    if isinstance(options.face, int) and options.face > len(faces):
        raise absent.no_such(options.face, path.name, len(faces))
    found = faces[options.face - 1] if isinstance(options.face, int) else max(faces, key=lambda f: f.box[0, 2] * f.box[0, 3])
    watcher = seen.Watcher()
    track = engine._solve(found, photo.scale, photo.size, SolveOptions(0.0), taste=watcher)
    return Looked(clip, replace(track, times=np.zeros(1)), watcher.hidden, (), 0.0, 0.0, ())


def _sound(path: Path, wav: object, duration: float, tick: Callable[[float], None]) -> str:
    if not isinstance(wav, str) or not wav:
        return ""
    target = Path(wav)
    if target.is_file():
        return wav
    if path.is_dir() or is_photo(path):
        return ""
    return wav if sound.extract(path, target, duration, tick) else ""
