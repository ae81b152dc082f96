# SPDX-License-Identifier: GPL-3.0-or-later
"""Synthetic speech with exact phone times, from the engines and texts of Debian's espeak-ng, flite, festival and fortunes packages.

    python entry.py training.synthesise --engine flite --hours 3 --out CACHE/flite

No real recording says exactly when each phone begins; a synthesiser does. The network learns time from these before it aligns real speech.
"""
from __future__ import annotations

import argparse
import ctypes
import random
import re
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import soundfile
import soxr

from ..inference.speech.features import SAMPLE_RATE
from . import pack
from .pack import Clip, Phone

FORTUNES = Path("/usr/share/games/fortunes")
HELD_OUT_VOICE = "festival-ked"  # never trained on: measures how the recogniser fares on a voice it never heard
STOPS = frozenset("PTKBDG") | {"CH", "JH"}
LONGEST_CLOSURE = 0.1  # seconds; a longer silence before a stop is a pause

# espeak-ng's English mnemonics (its phsource/ph_english* name them), most specific first: those not listed start with a listed one.
ESPEAK: dict[str, tuple[str, ...]] = {
    "aI@": ("AY", "ER"), "aI3": ("AY", "ER"), "aU@": ("AW", "ER"), "i@3": ("IY", "ER"), "aI": ("AY",), "aU": ("AW",), "eI": ("EY",),
    "oU": ("OW",), "OI": ("OY",), "i@": ("IY", "AH"), "e@": ("EH", "R"), "U@": ("UH", "R"), "A@": ("AA", "R"), "O@": ("AO", "R"),
    "o@": ("AO", "R"), "3:": ("ER",), "A:": ("AA",), "A~": ("AA", "N"), "O:": ("AO",), "i:": ("IY",), "u:": ("UW",),
    "@L": ("AH", "L"), "@5": ("AH",), "@2": ("AH",), "a#": ("AH",), "I#": ("IH",), "I2": ("IH",), "0#": ("AA",), "02": ("AA",),
    "E#": ("EH",), "E2": ("EH",), "aa": ("AE",), "@": ("AH",), "3": ("ER",), "a": ("AE",), "A": ("AA",), "0": ("AA",), "E": ("EH",),
    "I": ("IH",), "i": ("IY",), "O": ("AO",), "U": ("UH",), "u": ("UW",), "V": ("AH",), "e": ("EH",), "o": ("OW",), "Y": ("UW",),
    "W": ("ER",), "tS": ("CH",), "dZ": ("JH",), "t2": ("T",), "t#": ("D",), "d#": ("D",), "n-": ("AH", "N"), "m-": ("AH", "M"),
    "l#": ("L",), "r-": ("R",), "n^": ("N", "Y"), "w#": ("W",), "z#": ("S",), "z/2": ("Z",), "p": ("P",), "t": ("T",), "k": ("K",),
    "b": ("B",), "d": ("D",), "g": ("G",), "f": ("F",), "T": ("TH",), "s": ("S",), "S": ("SH",), "h": ("HH",), "v": ("V",),
    "D": ("DH",), "z": ("Z",), "Z": ("ZH",), "m": ("M",), "n": ("N",), "N": ("NG",), "l": ("L",), "r": ("R",), "R": ("R",),
    "w": ("W",), "j": ("Y",), "x": ("K",), "C": ("HH",), "*": ("D",), "?": ("SIL",), "_": ("SIL",),
}  # fmt: skip
# The radio phone set of flite and festival, where it differs from ARPAbet.
RADIO: dict[str, str] = {"pau": "SIL", "h#": "SIL", "brth": "SIL", "ssil": "SIL", "#": "SIL", "ax": "AH", "axr": "ER", "ix": "IH",
                         "dx": "D", "el": "L", "em": "M", "en": "N", "nx": "N", "hv": "HH", "ux": "UW", "sil": "SIL"}  # fmt: skip


def all_sentences() -> set[str]:
    """Speakable sentences of 2 to 22 words from the installed fortune files."""
    found = set()
    for path in sorted(FORTUNES.iterdir()):
        if path.suffix or path.name.endswith("-o") or not path.is_file():
            continue
        for entry in path.read_text("utf-8", "replace").split("\n%\n"):
            text = re.sub(r"--.*", "", entry, flags=re.S)
            for sentence in re.split(r"(?<=[.!?])\s+", re.sub(r"\s+", " ", text)):
                if re.fullmatch(r"[A-Za-z][A-Za-z ,;:'.!?-]{8,}[.!?]", sentence) and 2 <= len(sentence.split()) <= 22:
                    found.add(sentence)
    if not found:
        raise SystemExit(f"no texts in {FORTUNES}: install Debian's fortunes package")
    return found


def sentences(seed: int) -> Iterator[str]:
    """``all_sentences``, shuffled, without end."""
    ordered = sorted(all_sentences())
    rng = random.Random(seed)
    while True:
        rng.shuffle(ordered)
        yield from ordered


def espeak_phones(name: str) -> tuple[str, ...]:
    """ARPAbet for one espeak-ng mnemonic; () for marks that are no sound."""
    for length in range(len(name), 0, -1):
        if name[:length] in ESPEAK:
            return ESPEAK[name[:length]]
    return ()


def spread(events: list[tuple[float, tuple[str, ...]]], end: float) -> tuple[Phone, ...]:
    """Events (start, phones) to timed phones: each lasts until the next, and several at one event share its time."""
    phones: list[Phone] = []
    for (start, names), (stop, _) in zip(events, [*events[1:], (end, ())], strict=True):
        step = (stop - start) / max(len(names), 1)
        phones += [Phone(round(start + i * step, 4), round(start + (i + 1) * step, 4), n) for i, n in enumerate(names)]
    return tuple(p for p in phones if p.end > p.start)


def with_closures(phones: tuple[Phone, ...], sound: np.ndarray) -> tuple[Phone, ...]:
    """espeak-ng stamps a stop at its burst: move its start back over the silence before it. sound: float [n] at 16 kHz."""
    quiet = 0.01 * np.abs(sound).max()
    out: list[Phone] = []
    for phone in phones:
        if phone.name in STOPS and out:
            earliest = max(phone.start - LONGEST_CLOSURE, out[-1].start + 0.02)
            before = np.abs(sound[int(earliest * SAMPLE_RATE) : int(phone.start * SAMPLE_RATE)]) > quiet
            loud = np.flatnonzero(before)
            start = earliest + (loud[-1] + 1) / SAMPLE_RATE if len(loud) else earliest
            if start < phone.start:
                out[-1] = Phone(out[-1].start, round(start, 4), out[-1].name)
                phone = Phone(round(start, 4), phone.end, phone.name)
        out.append(phone)
    return tuple(out)


class Espeak:
    """espeak-ng through its library: the only way to its phoneme events."""

    class _Event(ctypes.Structure):
        _fields_ = (
            ("type", ctypes.c_int), ("id", ctypes.c_uint), ("text_position", ctypes.c_int), ("length", ctypes.c_int),
            ("audio_position", ctypes.c_int), ("sample", ctypes.c_int), ("user", ctypes.c_void_p), ("string", ctypes.c_char * 8),
        )  # fmt: skip

    LANGUAGES = ("en-us", "en-us", "en-gb", "en-gb-x-rp", "en-gb-scotland", "en-029", "en-us-nyc")
    VARIANTS = (
        "", "f1", "f2", "f3", "f4", "f5", "m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8", "Andy", "Alicia", "anika", "linda",
        "steph", "grandma", "grandpa", "klatt", "klatt2", "klatt4", "adam", "belinda", "benjamin", "david", "Gene", "Jacky",
        "john", "quincy", "Michael", "Storm", "rob", "victor", "travis", "Mike", "Lee", "Hugo", "klatt3", "klatt5", "klatt6", "Alex",
        "Andrea", "Annie", "antonio", "aunty", "Denis", "Diogo", "ed", "edward", "gustave", "Henrique", "marcelo", "Marco", "michel",
        "miguel", "norbert", "pablo", "paul", "pedro", "robert", "sandro", "shelby", "steph2", "steph3", "zac", "croak", "whisper",
        "whisperf",
    )  # fmt: skip

    def __init__(self) -> None:
        try:
            self.lib = ctypes.CDLL("libespeak-ng.so.1")
        except OSError as error:
            raise SystemExit("libespeak-ng.so.1 is missing: install Debian's espeak-ng package") from error
        self.rate = self.lib.espeak_Initialize(2, 0, None, 1)  # synchronous; phoneme events on
        self.pieces: list[np.ndarray] = []
        self.events: list[tuple[float, str]] = []
        receiver = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(self._Event))
        self._receive = receiver(self._on_sound)
        self.lib.espeak_SetSynthCallback(self._receive)

    def _on_sound(self, samples, count: int, events) -> int:
        if samples and count > 0:
            self.pieces.append(np.ctypeslib.as_array(samples, (count,)).copy())
        i = 0
        while events[i].type:
            if events[i].type == 7:  # espeakEVENT_PHONEME
                self.events.append((events[i].sample / self.rate, events[i].string.decode("utf-8", "replace")))
            i += 1
        return 0

    def say(self, text: str, rng: random.Random) -> Clip | None:
        variant = rng.choice(self.VARIANTS)
        voice = rng.choice(self.LANGUAGES) + (f"+{variant}" if variant else "")
        if self.lib.espeak_SetVoiceByName(voice.encode()):
            return None
        for parameter, value in ((1, rng.randint(120, 230)), (3, rng.randint(25, 75)), (4, rng.randint(20, 80))):  # rate, pitch, range
            self.lib.espeak_SetParameter(parameter, value, 0)
        self.pieces.clear()
        self.events.clear()
        data = text.encode() + b"\0"
        self.lib.espeak_Synth(data, len(data), 0, 1, 0, 1, None, None)  # characters, UTF-8
        self.lib.espeak_Synchronize()
        if not self.pieces:
            return None
        sound = _resample(np.concatenate(self.pieces) / 32768.0, self.rate)
        events = [(t, espeak_phones(name)) for t, name in self.events]
        kept = [e for e in events if e[1]]
        if not kept:
            return None
        return Clip("", f"espeak-{voice}", _int16(sound), with_closures(spread(kept, len(sound) / SAMPLE_RATE), sound))


def _radio(name: str) -> str:
    return RADIO.get(name) or name.upper()


def flite(text: str, rng: random.Random) -> Clip | None:
    """flite with its own segment ends (-psdur). Durations and mean pitch vary."""
    voice = rng.choice(("kal16", "awb", "rms", "slt", "rms", "slt"))
    mean_pitch = {"kal16": 100, "awb": 130, "rms": 105, "slt": 170}[voice] * rng.uniform(0.85, 1.2)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "a.wav"
        told = subprocess.run(
            ["flite", "-voice", voice, "-psdur", "--setf", f"duration_stretch={rng.uniform(0.8, 1.3):.2f}",
             "--setf", f"int_f0_target_mean={mean_pitch:.0f}", "-t", text, "-o", str(out)],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        sound, rate = soundfile.read(out)
    ends = [piece.rsplit(":", 1) for piece in told.stdout.split()]
    starts = [0.0] + [float(e) for _, e in ends]
    phones = tuple(Phone(s, float(e), _radio(n)) for s, (n, e) in zip(starts, ends, strict=False) if float(e) > s)
    return Clip("", f"flite-{voice}", _int16(_resample(sound, rate)), phones) if phones else None


def festival(texts: list[str], rng: random.Random) -> list[Clip]:
    """A batch of texts through one festival voice, with its segment relation."""
    calls = {"kal": "voice_kal_diphone", "slt-hts": "voice_cmu_us_slt_arctic_hts", "ked": "voice_ked_diphone"}
    voice = rng.choices(list(calls), (0.32, 0.64, 0.04))[0]  # ked is only measured with
    call = calls[voice]
    with tempfile.TemporaryDirectory() as folder:
        lines = [f"({call})"]
        for i, text in enumerate(texts):
            safe = text.replace('"', "").replace("\\", "")
            lines += [f"(Parameter.set 'Duration_Stretch {rng.uniform(0.8, 1.3):.2f})", f'(set! u (utt.synth (Utterance Text "{safe}")))',
                      f'(utt.save.wave u "{folder}/{i}.wav")', f'(utt.save.segs u "{folder}/{i}.seg")']  # fmt: skip
        script = Path(folder) / "all.scm"
        script.write_text("\n".join(lines))
        subprocess.run(["festival", "--batch", str(script)], capture_output=True, check=False)  # one bad text must not lose the rest
        clips = []
        for i in range(len(texts)):
            seg, wav = Path(folder) / f"{i}.seg", Path(folder) / f"{i}.wav"
            if not (seg.exists() and wav.exists()):
                continue
            rows = [line.split() for line in seg.read_text().splitlines() if not line.startswith("#") and len(line.split()) == 3]
            starts = [0.0] + [float(r[0]) for r in rows]
            phones = tuple(Phone(s, float(r[0]), _radio(r[2])) for s, r in zip(starts, rows, strict=False) if float(r[0]) > s)
            sound, rate = soundfile.read(wav)
            clips.append(Clip("", f"festival-{voice}", _int16(_resample(sound, rate)), phones))
        return clips


def _resample(sound: np.ndarray, rate: int) -> np.ndarray:
    return sound.astype(np.float32) if rate == SAMPLE_RATE else soxr.resample(sound.astype(np.float32), rate, SAMPLE_RATE)


def _int16(sound: np.ndarray) -> np.ndarray:
    return (np.clip(sound, -1, 1) * 32767).astype(np.int16)


def clips(engine: str, hours: float, seed: int) -> Iterator[Clip]:
    """Named clips of one engine until ``hours`` are reached."""
    rng = random.Random(f"{engine}-{seed}")
    texts = sentences(seed + sum(map(ord, engine)))
    known = set(pack.PHONES)
    say: Callable[[], list[Clip | None]]
    if engine == "espeak":
        espeak = Espeak()
        say = lambda: [espeak.say(next(texts), rng)]  # noqa: E731 - three engines, one shape
    elif engine == "flite":
        say = lambda: [flite(next(texts), rng)]  # noqa: E731
    else:
        say = lambda: list(festival([next(texts) for _ in range(25)], rng))  # noqa: E731
    made, count = 0.0, 0
    while made < hours * 3600:
        for clip in say():
            if clip is None or not clip.phones or not 0.6 < clip.seconds < 20:
                continue
            if unknown := {p.name for p in clip.phones} - known:
                raise SystemExit(f"{engine} made phones that are not in the list: {sorted(unknown)}")
            count += 1
            made += clip.seconds
            yield Clip(f"{engine}-{count:05d}", clip.speaker, clip.audio, clip.phones)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--engine", choices=("espeak", "flite", "festival"), required=True)
    parser.add_argument("--hours", type=float, default=3.0, help="how much speech to make (about a minute of work an hour)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True, help="folder for the pack")
    args = parser.parse_args()
    print(f"{args.engine}: {pack.write(args.out, clips(args.engine, args.hours, args.seed)):.2f} h in {args.out}")


if __name__ == "__main__":
    main()
