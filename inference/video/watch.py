# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole way from a video or a photo to curves: read, follow, solve, take the mouth from where it is known best, describe."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np

from ...core import sampling
from ...core.content import sha256_of
from ...core.curves import Curves
from ...core.errors import UserError
from ...core.timing import frame_times
from ...rigs.arkit import ARKIT_52, HEAD_AND_EYES
from ..speech.device import resolve_device
from ..speech.generate import FPS_RANGE, SpeechEngine, SpeechOptions
from . import coefficients, describe, fuse, sound
from .frames import Frame, Pictures, read_photo
from .gaps import SHORT, filled
from .points import SKIN
from .track import FaceTrack
from .tracker import Networks, Track, Tracker, TrackOptions, look_at_photo

Report = Callable[[float, str], None]

CHANNELS: Final = ARKIT_52 + HEAD_AND_EYES
_SPEECH_FPS: Final = 60.0  # what the speech engine is asked for; the fused take is sampled from it, closures kept
# Pixels: what is read of a smaller face on a photo is made up.
LEAST_FACE: Final = 20
# Shares of the work, from measured times: watching, solving, and listening where the sound is wanted too.
_WATCHED, _SOLVED, _HEARD = (0.85, 0.97, 0.97), (0.6, 0.7, 0.95), 0.02


@dataclass(frozen=True)
class VideoOptions:
    """How a video becomes curves.

    fps:          samples a second of the curves; None for one at each frame's own time. For pictures without times, how they play
    face:         "largest", or a number from the left, from 1
    neutral_time: seconds at which the face is at rest; None to learn the person's rest from the whole clip
    mouth:        "picture", "sound" or "blend" (the sound where the lips are hidden)
    text:         what is said, for the sound's mouth
    smoothing:    0 none, 1 as tuned, 2 twice as calm; blinks and lip closures stay
    careful:      whether each frame is looked at six times, as a photo is, and not twice: a little more exact, three times slower
    device:       as in ``SpeechOptions``
    adapter:      file of a tuned taste (``inference.preference``); None for the model as it ships
    adapter_strength: how much of that taste, 0 (none) to 1
    """

    fps: float | None = None
    face: int | str = "largest"
    neutral_time: float | None = None
    mouth: str = "picture"
    text: str | None = None
    smoothing: float = 1.0
    careful: bool = False
    device: str = "auto"
    adapter: str | None = None
    adapter_strength: float = 1.0

    def __post_init__(self) -> None:
        check_strength(self.adapter_strength)
        TrackOptions(self.face)
        if self.fps is not None and not FPS_RANGE[0] <= self.fps <= FPS_RANGE[1]:
            raise UserError(f"The frame rate {self.fps:g} is out of range.", f"Use {FPS_RANGE[0]:g} to {FPS_RANGE[1]:g} frames a second.")
        if self.mouth not in fuse.MOUTHS:
            raise UserError(f"The mouth cannot be taken from '{self.mouth}'.", f"Use {', '.join(fuse.MOUTHS)}.")
        coefficients.SolveOptions(self.smoothing)
        if self.neutral_time is not None and not self.neutral_time >= 0:
            raise UserError(f"The rest frame's time {self.neutral_time:g} is not in the video.", "Give a time in seconds from its start.")


def check_strength(strength: float) -> None:
    """Raises UserError for a strength that an adapter cannot have."""
    if not 0 <= strength <= 1:
        raise UserError(f"The adapter's strength {strength:g} is out of range.", "Use 0 (none of it) to 1.")


@dataclass(frozen=True)
class VideoResult:
    """curves: ``CHANNELS``. track: the picture's own, before the sound. gaps: (start, end) s without a face, longer than a quarter second.

    duration: seconds to the end of the last frame. fps: rows a second of the curves, nominal. size: width and height of the video as shown.
    faces: the most people seen at once. shots: stretches of like expression. description: the clip in a sentence.
    """

    curves: Curves
    track: FaceTrack
    duration: float
    fps: float
    frames: int
    size: tuple[int, int]
    gaps: tuple[tuple[float, float], ...]
    faces: int
    shots: tuple[describe.Shot, ...]
    description: str
    has_sound: bool
    warnings: tuple[str, ...]
    device: str
    seconds: float


@dataclass(frozen=True)
class SeenFace:
    """A face of a photo. box: x, y, width, height in px of the photo. values: ``CHANNELS``, float32 [61]."""

    box: tuple[float, float, float, float]
    analysis: describe.Analysis
    values: np.ndarray

    def to_dict(self) -> dict:
        """{box, analysis, arkit}: the words before the numbers."""
        return {
            "box": [round(v, 1) for v in self.box],
            "analysis": self.analysis.to_dict(),
            "arkit": {name: round(float(v), 4) for name, v in zip(CHANNELS, self.values, strict=True)},
        }


class VideoEngine:
    """The loaded networks, kept between jobs.

    networks: makes what follows faces, for a device; refiner: what corrects the coefficients. By default the shipped ones.
    """

    def __init__(self, networks: Callable[[str], Networks] | None = None, refiner: coefficients.Refiner | None = None):
        self._make = networks or _shipped
        self._refiner = refiner
        self._loaded: dict[str, Networks] = {}

    def networks(self, device: str) -> Networks:
        """Those of a device; half a second the first time."""
        if device not in self._loaded:
            self._loaded = {device: self._make(device)}
        return self._loaded[device]

    @cached_property
    def speech(self) -> SpeechEngine:
        return SpeechEngine()

    def run(self, path: Path | str, options: VideoOptions, report: Report) -> VideoResult:
        """See ``video_to_curves``."""
        started = time.perf_counter()
        taste = self.taste(options.adapter, options.adapter_strength)  # one for other weights is refused before the work
        report(0.0, "Opening the video")
        pictures = Pictures(Path(path), options.fps)
        device = str(resolve_device(options.device))
        if options.mouth == "sound" and not pictures.has_sound:
            raise UserError(f"{pictures.path.name} has no sound, so the mouth cannot be taken from it.", "Take the mouth from the picture.")
        if options.neutral_time is not None and 0 < pictures.expected < options.neutral_time - 1:  # a header may be off by a little
            raise _no_rest(options.neutral_time, pictures.path.name, pictures.expected)
        listens = options.mouth != "picture" and pictures.has_sound
        watched, solved, heard = _SOLVED if listens else _WATCHED
        report(0.01, "Loading the face model")
        networks = self.networks(device)
        seen = self._watch(pictures, networks, options, lambda part: report(0.02 + (watched - 0.02) * part, "Watching the face"))
        warnings = list(pictures.warnings)
        if options.mouth == "blend" and not pictures.has_sound:
            warnings.append(f"{pictures.path.name} has no sound; the mouth is the picture's.")

        size, rate = pictures.size, pictures.rate
        seen = seen.at(_even(seen.times, rate))
        times = seen.times
        duration = float(times[-1]) + 1 / rate
        if options.neutral_time is not None and options.neutral_time > duration:
            raise _no_rest(options.neutral_time, pictures.path.name, duration)
        report(watched, "Reading the expression")
        wanted = coefficients.SolveOptions(options.smoothing, options.neutral_time)
        track = self._solve(
            seen, pictures.scale, size, wanted, lambda part: report(watched + (solved - watched) * part, "Reading the expression"),
            taste,
        )  # fmt: skip
        arkit, angles = filled(times, track.arkit, track.valid), filled(times, angles_of(track), track.valid, rest=False)
        if listens:
            said = self._listen(pictures, duration, options, lambda part: report(solved + (heard - solved) * part, "Listening"))
            if said is None:
                warnings.append(f"The sound of {pictures.path.name} cannot be decoded; the mouth is the picture's.")
            else:
                confidence = fuse.lip_confidence(seen.visible, seen.sigma, seen.box[:, 2], seen.valid)
                arkit = fuse.fuse(times, arkit, sampling.at_times(said.select(ARKIT_52), times).values, confidence, options.mouth)
        report(heard, "Describing")
        gaps = tuple(seen.gaps(SHORT))
        warnings += _told(gaps, pictures.path.name)
        shots = tuple(describe.describe_shots(times, arkit, track.valid))
        curves = Curves(CHANNELS, times, np.concatenate([arkit, angles], 1))
        if options.fps is not None:
            curves = sampling.at_times(curves, frame_times(float(times[-1]), options.fps))
        report(1.0, "Done")
        return VideoResult(
            curves=curves,
            track=track,
            duration=duration,
            fps=options.fps or rate,
            frames=len(times),
            size=size,
            gaps=gaps,
            faces=seen.faces,
            shots=shots,
            description=describe.describe_clip(shots, duration),
            has_sound=pictures.has_sound,
            warnings=tuple(warnings),
            device=device,
            seconds=time.perf_counter() - started,
        )

    def photo(
        self,
        path: Path | str,
        device: str = "auto",
        report: Report = lambda fraction, stage: None,
        taste: coefficients.Taste | None = None,
    ) -> list[SeenFace]:
        """Every face of a photo or drawing that is large enough, from left to right; [] where there is none. Raises UserError for a file
        that is no picture."""
        photo = read_photo(Path(path))
        report(0.3, "Looking for faces")
        networks = self.networks(str(resolve_device(device)))
        out = []
        for seen in look_at_photo(photo.rgb, networks, LEAST_FACE * photo.scale):
            track = self._solve(seen, photo.scale, photo.size, coefficients.SolveOptions(0.0), taste=taste)
            arkit = track.arkit[0]
            skin = seen.points[0, :SKIN] / photo.scale
            low, high = skin.min(0), skin.max(0)
            box = (float(low[0]), float(low[1]), float(high[0] - low[0]), float(high[1] - low[1]))
            out.append(SeenFace(box, describe.describe_frame(arkit), np.concatenate([arkit, angles_of(track)[0]])))
        return out

    def _solve(
        self,
        seen: Track,
        scale: float,
        size: tuple[int, int],
        options: coefficients.SolveOptions,
        tick: Callable[[float], None] = lambda part: None,
        taste: coefficients.Taste | None = None,
    ) -> FaceTrack:
        """Coefficients from dense points that were found in pictures ``scale`` as large as ``size`` says."""
        return coefficients.solve(
            seen.times, seen.points / scale, seen.sigma.astype(np.float32) / scale, seen.visible.astype(np.float32), seen.valid,
            seen.box / scale, size, seen.appearance, options, seen.cuts, tick, self._refiner, taste,
        )  # fmt: skip

    @staticmethod
    def taste(adapter: str | None, strength: float) -> coefficients.Taste | None:
        """An adapter's file at a strength. Raises UserError where it is none for the shipped coefficients."""
        if adapter is None or strength == 0:
            return None
        from ..preference import adapter_file, image_adapter

        return image_adapter.Applied(adapter_file.load_image(adapter, sha256_of(coefficients.SHIPPED)), strength)

    def _watch(self, pictures: Pictures, networks, options: VideoOptions, tick: Callable[[float], None]) -> Track:
        expected = max(pictures.expected, 1 / pictures.rate)

        def frames() -> Iterator[Frame]:
            for frame in pictures.frames():
                tick(min(frame.time / expected, 1.0))  # for each frame: one of 8K takes long
                yield frame

        return Tracker(networks, TrackOptions(options.face, options.careful)).run(frames())

    def _listen(self, pictures: Pictures, duration: float, options: VideoOptions, tick: Callable[[float], None]) -> Curves | None:
        with tempfile.TemporaryDirectory(prefix="facewright-") as folder:
            wav = Path(folder) / f"{pictures.path.stem}.wav"
            if not sound.extract(pictures.path, wav, duration, lambda at: tick(0.2 * min(at / duration, 1.0))):
                return None
            asked = SpeechOptions(text=options.text, fps=_SPEECH_FPS, device=options.device, life=False)
            return self.speech.run(wav, asked, lambda fraction, stage: tick(0.2 + 0.8 * fraction)).curves


def _shipped(device: str) -> Networks:
    from .networks import FaceNetworks

    return FaceNetworks(device)


def video_to_curves(
    path: Path | str,
    options: VideoOptions | None = None,
    report: Report = lambda fraction, stage: None,
    engine: VideoEngine | None = None,
) -> VideoResult:
    """Curves of all ``CHANNELS`` for the face in a video, a folder of pictures or a sequence, up to an hour long.

    report(fraction 0..1, stage in words) is called for each frame and may raise ``Cancelled``. ``engine``: loaded models to use again.
    Raises UserError for a file, a face or a device that cannot be used.
    """
    return (engine or VideoEngine()).run(path, options or VideoOptions(), report)


def angles_of(track: FaceTrack) -> np.ndarray:
    """``HEAD_AND_EYES`` of a track, float32 [T, 9] rad, right-handed about the subject's own axes: yaw to the subject's left, pitch DOWN
    (a track's own is up), roll towards the right shoulder. That is what bones and objects are turned by."""
    names, values = track.channels()
    signs = np.array([-1.0 if name.endswith("Pitch") else 1.0 for name in HEAD_AND_EYES], np.float32)
    return values[:, [names.index(name) for name in HEAD_AND_EYES]] * signs


def _no_rest(time: float, name: str, seconds: float) -> UserError:
    return UserError(f"The rest frame was given at {time:g} s, but {name} lasts {seconds:.2f} s.", "Give a time within the video.")


def _even(times: np.ndarray, rate: float) -> np.ndarray:
    """Times that are frame numbers over the rate but for the file's rounding, exactly that; others as they are."""
    numbers = np.round(times * rate)
    even = numbers / rate
    return even if np.abs(even - times).max() < 0.002 and (np.diff(numbers) > 0).all() else times


def _told(gaps: tuple[tuple[float, float], ...], name: str) -> list[str]:
    if not gaps:
        return []
    first = ", ".join(f"{start:.1f} to {end:.1f} s" for start, end in gaps[:4]) + (", ..." if len(gaps) > 4 else "")
    return [f"No face is seen in {name} at {first}: the face comes to rest there."]
