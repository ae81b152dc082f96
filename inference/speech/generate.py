# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole way from a sound file to 52 ARKit curves."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from ...core.content import sha256_of
from ...core.curves import Curves
from ...core.errors import UserError
from ...core.timing import frame_times
from ...rigs.arkit import ARKIT_52
from . import weights_file
from .align import SpokenWord, align
from .around import fit
from .around_file import Around
from .asymmetry import RANGE as ASYMMETRY_RANGE
from .asymmetry import Sides, apart, sides
from .audio import SAMPLE_RATE, SILENT_PEAK, AudioStream
from .closures import apply_track
from .controls import NEUTRAL, Controls, apply_controls
from .decode import decode, decoded_track
from .device import resolve_device
from .emotion import CALM, Emotion, Expression, add_lower, add_upper, express
from .life import USUAL, Habits, live
from .listening import Listening, ListeningCache
from .model import SpeechModel
from .phone_track import PhoneTrack
from .pitch import PitchListener
from .resample import resample_frames
from .response import NONE, Response, respond
from .script_reader import ScriptReader
from .variation import draw
from .windows import FrameOutputs, WindowRunner

Report = Callable[[float, str], None]

# Frame rates that animation uses lie between stop motion and high-speed games.
FPS_RANGE = (1.0, 240.0)
# Of how far real faces scatter about the network, a take scatters by this share: the scatter holds the network's own errors too, and all
# of it takes 0.05 off the lip gap's r on held-out GRID; this takes 0.01 (docs/takes.md).
VARIATION = 0.4
VARIATION_RANGE = (0.0, 2.0)
# As measured: less looks like a mask as soon as a smile or a sneer lasts.
ASYMMETRY = 1.0
# Shares of the work that are done after listening and after finding the phones, from their measured times.
_LISTENED, _SHAPING = 0.8, 0.92

# Places at which a script differs that get a sentence each: more would bury other warnings.
_DOUBTS_TOLD = 3


@dataclass(frozen=True)
class SpeechOptions:
    """How a sound becomes curves.

    text:           the script (English, Mandarin or both), for exact phones and word times; None (or blank) to go by the sound alone, which
                    works in every language
    fps:            samples a second of the curves; 60 as ARKit captures, and no face moves faster
    seed:           which take; 0 is the mean take, others differ in life and a little in the mouth
    variation:      how far the mouths of seeds above 0 lie from the mean take, 0 to 2; 1 is as far as measured faces lie from it
    controls:       strength of jaw, lips and articulation; neutral, which changes nothing
    device:         "auto", "cpu", "cuda", "cuda:1" or "mps"; auto because any of them gives the same curves
    life:           blinks, brow accents and small eye movements; on, since a face without them looks dead
    pronunciations: the user's own, word -> ARPAbet; empty, as the dictionary knows most words
    adapter:        file of a tuned taste (``inference.preference``); None for the model as it ships
    adapter_strength: how much of that taste, 0 (none) to 1
    emotion:        amounts of seven expressions over the speech; calm, which changes nothing
    response:       how far the mouth follows the speaker's rate and loudness beyond what is heard; none
    style:          way to move the mouth, amounts from 0 to 1 by the names that the weights know; empty, the average of all speakers
    asymmetry:      how unlike the two sides move, 0 (even) to 2; 1 is as measured on real faces
    person:         whose face: decides which side is the strong one; another number is another face
    around:         what of an earlier take is kept; the rest is made to fit it
    track:          words and phones to go by, edited by hand perhaps; None for what the sound and the script say
    """

    text: str | None = None
    fps: float = 60.0
    seed: int = 0
    variation: float = VARIATION
    controls: Controls = NEUTRAL
    device: str = "auto"
    life: bool = True
    pronunciations: Mapping[str, str | Sequence[str]] = field(default_factory=dict)
    adapter: str | None = None
    adapter_strength: float = 1.0
    emotion: Emotion = CALM
    response: Response = NONE
    style: Mapping[str, float] = field(default_factory=dict)
    asymmetry: float = ASYMMETRY
    person: int = 0
    around: Around | None = None
    track: PhoneTrack | None = None

    def __post_init__(self) -> None:
        if not FPS_RANGE[0] <= self.fps <= FPS_RANGE[1]:
            raise UserError(f"The frame rate {self.fps:g} is out of range.", f"Use {FPS_RANGE[0]:g} to {FPS_RANGE[1]:g} frames a second.")
        if not 0 <= self.seed < 2**32:
            raise UserError(f"The seed {self.seed} is out of range.", "Use a whole number from 0 to 4294967295.")
        low, high = VARIATION_RANGE
        if not low <= self.variation <= high:
            raise UserError(f"The variation {self.variation:g} is out of range.", f"Use {low:g} (takes alike) to {high:g}.")
        for name, amount in self.style.items():
            if isinstance(amount, bool) or not isinstance(amount, int | float) or not 0 <= amount <= 1:
                raise UserError(f"The style '{name}' is {amount!r}.", "Use an amount from 0 (none of it) to 1.")
        low, high = ASYMMETRY_RANGE
        if not low <= self.asymmetry <= high:
            raise UserError(f"The asymmetry {self.asymmetry:g} is out of range.", f"Use {low:g} (both sides alike) to {high:g}.")
        if not 0 <= self.person < 2**32:
            raise UserError(f"The person {self.person} is out of range.", "Use a whole number from 0 to 4294967295.")
        if not 0 <= self.adapter_strength <= 1:
            raise UserError(f"The adapter's strength {self.adapter_strength:g} is out of range.", "Use 0 (none of it) to 1.")


@dataclass(frozen=True)
class SpeechResult:
    """curves: all of ARKIT_52 at times i / fps from 0. track: what was said and when; the options' own track where they give one.

    mouth:    the mouth before expression and the track's events, for ``reapply`` with an edited track
    life:     the life that was added (no channels where it was off)
    expression: what an emotion adds; None for a calm face. sides: how unlike the two sides are; None where they are alike
    sound:    sha256 of the sound's bytes where a cache was used, else ""
    listened: False where the cache had what was heard, so that the sound was not needed
    duration: seconds of sound. warnings: sentences. device: where the network ran ("cpu", ...). seconds: wall time of the job.
    """

    curves: Curves
    track: PhoneTrack
    mouth: Curves
    life: Curves
    duration: float
    warnings: tuple[str, ...]
    device: str
    seconds: float
    expression: Expression | None = None
    sides: Sides | None = None
    sound: str = ""
    listened: bool = True

    def reapply(self, track: PhoneTrack) -> Curves:
        """The take with another track, without listening again."""
        return _compose(self.mouth, self.life, self.expression, self.sides, track)


@dataclass(frozen=True)
class Heard:
    """A sound once it has been listened to; takes are shaped from it without listening again. silent: nothing in it can be heard.

    pitch: float32 [T], Hz of each frame, 0 without voice; sound, listened: as in ``SpeechResult``.
    """

    frames: FrameOutputs
    track: PhoneTrack
    duration: float
    silent: bool
    warnings: tuple[str, ...]
    device: str
    pitch: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32))
    sound: str = ""
    listened: bool = True


class SpeechEngine:
    """The loaded models, kept between jobs. ``weights``: the speech model's file, by default the shipped one."""

    def __init__(self, weights: Path | str = weights_file.SHIPPED):
        self.weights = Path(weights)

    @cached_property
    def model(self):
        """The speech model; a few hundred ms the first time."""
        return weights_file.load(self.weights)

    @cached_property
    def reader(self) -> ScriptReader:
        """Each language is loaded only when a script in it comes."""
        return ScriptReader()

    def run(
        self, audio_path: Path | str, options: SpeechOptions, report: Report, cache: ListeningCache | None = None, sound: str = ""
    ) -> SpeechResult:
        """See ``speech_to_curves``. cache, sound: see ``hear``."""
        started = time.perf_counter()
        heard = self.hear(audio_path, options, report, cache=cache, sound=sound)
        return self.shape(heard, options, report, started)

    def network(self, options: SpeechOptions) -> SpeechModel:
        """The model, with the options' adapter if they name one."""
        tuned = self._adapter(options)
        return tuned.applied(self.model, options.adapter_strength) if tuned else self.model

    def habits(self, options: SpeechOptions) -> Habits:
        """How lively the face is: as usual, unless an adapter says otherwise."""
        tuned = self._adapter(options)
        return tuned.habits(options.adapter_strength) if tuned else USUAL

    def _adapter(self, options: SpeechOptions):
        if options.adapter is None or options.adapter_strength == 0:
            return None
        from ..preference import adapter_file

        return adapter_file.load(options.adapter, weights_file.sha256(self.weights))

    def hear(
        self,
        audio_path: Path | str,
        options: SpeechOptions,
        report: Report,
        runner: type[WindowRunner] | None = None,
        cache: ListeningCache | None = None,
        sound: str = "",
    ) -> Heard:
        """What the network says of a sound, and its phones.

        runner: a ``WindowRunner`` that keeps more. cache: where what was heard is looked for and kept, by the sound's bytes. sound: their
        sha256 as an earlier result told it; with it in the cache the file need not be there, and a file with other bytes raises UserError.
        """
        report(0.0, "Opening the sound")
        path = Path(audio_path)
        words: tuple[SpokenWord, ...] = ()
        if options.text is not None and options.text.strip():
            report(0.0, "Reading the script")
            words = self.reader.read(options.text, options.pronunciations)
        known = None
        if cache is not None and runner is None:
            model = self._model_id(options)
            known = cache.load(sound, model) if sound else None
            if known is None:
                actual = sha256_of(path) if path.is_file() else ""  # what is wrong with the file is told when it is opened
                if sound and actual and actual != sound:
                    raise UserError(f"{path.name} is no longer the sound that the take was made from.", "Bake the new sound instead.")
                sound = actual
                known = cache.load(sound, model) if sound else None
        heard = known or self._listen(path, options, report, runner)
        if known is None and cache is not None and runner is None:
            cache.save(sound, model, heard)
        warnings, silent = list(heard.warnings), heard.peak < SILENT_PEAK

        def on_phones(fraction: float) -> None:
            report(_LISTENED + (_SHAPING - _LISTENED) * fraction, "Finding the phones")

        on_phones(0.0)
        track = PhoneTrack() if silent else _track(heard.frames, words, path.name, warnings, on_phones)
        return Heard(heard.frames, track, heard.seconds, silent, tuple(warnings), heard.device, heard.pitch, sound, known is None)

    def _listen(self, path: Path, options: SpeechOptions, report: Report, runner: type[WindowRunner] | None) -> Listening:
        stream = AudioStream(path)
        device = resolve_device(options.device)
        report(0.01, "Loading the speech model")
        runner = (runner or WindowRunner)(self.network(options), device, style={n: a for n, a in options.style.items() if a})

        def on_window(samples: int) -> None:
            expected = max(stream.expected * SAMPLE_RATE, stream.samples, 1)
            report(0.02 + (_LISTENED - 0.02) * min(samples / expected, 1.0), "Listening")

        report(0.02, "Listening")
        voice = PitchListener()
        frames = runner.run(voice.along(stream.blocks()), on_window)
        return Listening(frames, voice.pitch(), stream.seconds, stream.peak, (*stream.warnings, *runner.warnings), runner.device.type)

    def _model_id(self, options: SpeechOptions) -> str:
        """Changes with whatever changes how the network hears."""
        own = weights_file.sha256(self.weights)
        more = [f"{name}={float(amount)!r}" for name, amount in sorted(options.style.items()) if amount]
        if options.adapter is not None and options.adapter_strength:
            more.append(f"{sha256_of(options.adapter)} {options.adapter_strength!r}")
        return hashlib.sha256(" ".join((own, *more)).encode()).hexdigest() if more else own

    def shape(self, heard: Heard, options: SpeechOptions, report: Report, started: float | None = None) -> SpeechResult:
        """One take. started: ``time.perf_counter()`` when the job began."""
        started = time.perf_counter() if started is None else started
        frames, track, silent = heard.frames, heard.track, heard.silent
        report(_SHAPING, "Shaping the face")
        times = frame_times(heard.duration, options.fps)
        faces = np.zeros_like(frames.face) if silent else frames.face
        mouth = apply_controls(Curves(self.model.config.face_names, times, resample_frames(faces, times)), options.controls)
        if not silent:
            mouth = draw(respond(mouth, options.response, track, frames.level), options.seed, options.variation)
        report(0.94, "Shaping the face")
        habits = self.habits(options)
        life = live(times, track, frames.level, options.seed, habits) if options.life else Curves((), times, np.zeros((len(times), 0)))
        expression = express(times, options.emotion, track, frames.level, heard.pitch)
        report(0.96, "Shaping the face")
        if options.track is not None:  # life and expression stay those of what was heard: an edit moves nothing but the mouth
            track = options.track
        uneven = sides(times, options.asymmetry, options.person, options.seed if options.variation else 0)
        curves = _compose(mouth, life, expression, uneven, track)
        if options.around is not None:
            report(0.98, "Fitting what is kept")
            curves = fit(curves, options.around, track, expression.rest if expression else None)
        report(1.0, "Done")
        seconds = time.perf_counter() - started
        return SpeechResult(
            curves=curves,
            track=track,
            mouth=mouth,
            life=life,
            duration=heard.duration,
            warnings=heard.warnings,
            device=heard.device,
            seconds=seconds,
            expression=expression,
            sides=uneven,
            sound=heard.sound,
            listened=heard.listened,
        )


def speech_to_curves(
    audio_path: Path | str,
    options: SpeechOptions | None = None,
    report: Report = lambda fraction, stage: None,
    engine: SpeechEngine | None = None,
) -> SpeechResult:
    """Curves of all ARKit channels for the speech in a sound file of any rate, channel count and length (up to three hours).

    report(fraction 0..1, stage in words) is called at least for every 30 s of sound and may raise ``Cancelled``. ``engine``: loaded
    models to use again; without it they are loaded from the shipped weights. Raises UserError for a file, script, device or weights
    that cannot be used.
    """
    return (engine or SpeechEngine()).run(audio_path, options or SpeechOptions(), report)


def _track(frames: FrameOutputs, words: tuple[SpokenWord, ...], name: str, warnings: list[str], tick) -> PhoneTrack:
    segments = decode(frames.log_phones, tick=lambda done: tick(0.3 * done if words else done))
    heard = decoded_track(segments)
    if not words:
        return heard
    aligned = align(frames.log_phones, words, segments, tick=lambda done: tick(0.3 + 0.7 * done))
    if aligned is None or not aligned.fits:
        reason = "does not match what is said in" if aligned else "has more words than fit into"
        warnings.append(f"The script {reason} {name}, so the face follows the sound alone. Check that it belongs to this recording.")
        return heard
    for doubt in aligned.doubts[:_DOUBTS_TOLD]:
        said = " ".join(doubt.words[:6]) + (" ..." if len(doubt.words) > 6 else "")
        warnings.append(
            f"From {doubt.start:.1f} to {doubt.end:.1f} s of {name} the script says '{said}', but that is not heard; "
            "the face follows the sound there."
        )
    if len(aligned.doubts) > _DOUBTS_TOLD:
        warnings.append(f"The script differs from {name} in {len(aligned.doubts) - _DOUBTS_TOLD} more places.")
    return aligned.corrected(heard)


def _compose(mouth: Curves, life: Curves, expression: Expression | None, uneven: Sides | None, track: PhoneTrack) -> Curves:
    mouth, rest = mouth.select(ARKIT_52), None
    if expression is not None:
        mouth = add_lower(mouth, expression, spoken=apply_track(mouth, track))
        rest, life = expression.rest, add_upper(life, expression)
    curves = apply_track(apart(mouth, uneven), track, rest)
    life = apart(life, uneven)
    for column, name in enumerate(life.names):
        curves.values[:, ARKIT_52.index(name)] = life.values[:, column]
    return curves
