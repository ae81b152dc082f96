# SPDX-License-Identifier: GPL-3.0-or-later
"""Known speech in other voices, and sung: a vocoder changes pitch, tract length, breath and lengths, and the phone times follow.

    python entry.py training.revoice --style sing --hours 1.5 --corpora DIR --packs CACHE/packs --aligned FILE --out CACHE/packs/sing
    python entry.py training.revoice --style voice --hours 2 ... --out CACHE/packs/voice

No corpus here holds singing, so the network took steady vowels for background noise; and few engines speak English, so it knew their
voices. The vocoder is WORLD (Morise, Yokomori and Ozawa, IEICE Trans. Inf. Syst. E99-D, 2016; PyPI ``pyworld``).
"""
from __future__ import annotations

import argparse
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..inference.speech.features import SAMPLE_RATE
from . import corpora, pack, splits
from .corpora import Example
from .pack import Clip, Phone
from .targets import VOWELS

PERIOD = 0.005  # seconds between two vocoder frames
SCALES = ((0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10), (0, 2, 4, 7, 9))  # major, minor, pentatonic
LOWEST_HZ, HIGHEST_HZ = 65.0, 900.0  # a bass's low C to a soprano's high A
LONGEST = 24.0  # seconds of a clip: notes add up


@dataclass(frozen=True)
class Analysis:
    """WORLD's view of a sound: f0 [n] Hz (0 unvoiced), envelope and aperiodicity [n, bins], a frame each ``PERIOD``."""

    f0: np.ndarray
    envelope: np.ndarray
    aperiodicity: np.ndarray


def analyse(sound: np.ndarray) -> Analysis:
    """sound: float [n] at 16 kHz."""
    import pyworld

    x = np.ascontiguousarray(sound, np.float64)
    raw, times = pyworld.dio(x, SAMPLE_RATE, f0_floor=60.0, f0_ceil=600.0, frame_period=1000 * PERIOD)
    f0 = pyworld.stonemask(x, raw, times, SAMPLE_RATE)
    return Analysis(f0, pyworld.cheaptrick(x, f0, times, SAMPLE_RATE), pyworld.d4c(x, f0, times, SAMPLE_RATE))


def resynthesise(a: Analysis, source: np.ndarray, f0: np.ndarray, warp: float, breath: float) -> np.ndarray:
    """Sound whose frame i is the analysed frame ``source[i]`` (float) at pitch ``f0[i]``.

    warp: tract length, positive is a shorter one (higher formants), as a logarithm. breath: added to the share of noise, 0..1.
    """
    import pyworld

    index = np.clip(np.round(source).astype(int), 0, len(a.f0) - 1)
    bins = a.envelope.shape[1]
    at = np.clip(np.arange(bins) * math.exp(-warp), 0, bins - 1)
    low = np.minimum(at.astype(int), bins - 2)
    part = at - low
    log = np.log(a.envelope[index] + 1e-16)
    envelope = np.exp(log[:, low] * (1 - part) + log[:, low + 1] * part)
    aperiodicity = np.clip(a.aperiodicity[index] + breath * (1 - a.aperiodicity[index]), 0, 1)
    return pyworld.synthesize(*(np.ascontiguousarray(x) for x in (f0, envelope, aperiodicity)), SAMPLE_RATE, 1000 * PERIOD)


def held_times(phones: tuple[Phone, ...], rng: random.Random, style: str) -> tuple[Phone, ...]:
    """The phones at their new times. Singing holds most vowels for 0.3 to 4 s; another voice speaks each phone up to a third faster or
    slower."""
    out, at = [], 0.0
    pace = math.exp(rng.uniform(-0.15, 0.15))
    for p in phones:
        length = p.end - p.start
        if style == "sing" and p.name in VOWELS and length > 0.05 and rng.random() < 0.75:
            length = math.exp(rng.uniform(math.log(0.3), math.log(rng.choice((1.0, 2.0, 4.0)))))
        elif p.name == "SIL":
            length = min(length, 0.6) if style == "sing" else length
        else:
            length *= pace * math.exp(rng.uniform(-0.25, 0.25))
        out.append(Phone(at, at + length, p.name))
        at += length
    return tuple(out)


def source_frames(old: tuple[Phone, ...], new: tuple[Phone, ...]) -> np.ndarray:
    """For every new frame, the old one it is made of. A stretched phone keeps its first and last 50 ms and lingers in between."""
    x, y = [], []
    for o, n in zip(old, new, strict=True):
        had, has = o.end - o.start, n.end - n.start
        edge = min(0.05, 0.4 * had, 0.4 * has)
        x += [n.start, n.start + edge, n.end - edge]
        y += [o.start, o.start + edge, o.end - edge]
    frames = int(new[-1].end / PERIOD)
    return np.interp(np.arange(frames) * PERIOD, [*x, new[-1].end], [*y, old[-1].end]) / PERIOD


def sung_pitch(phones: tuple[Phone, ...], frames: int, rng: random.Random) -> np.ndarray:
    """A melody: one note of a scale for each vowel, gliding between notes, with vibrato in long ones. Hz [frames]."""
    base = math.exp(rng.uniform(math.log(90), math.log(380)))
    scale = rng.choice(SCALES)
    vibrato, rate = rng.uniform(0, 0.6), rng.uniform(4.5, 6.5)
    times = np.arange(frames) * PERIOD
    semitones = np.zeros(frames)
    shake = np.zeros(frames)
    degree = rng.randint(-2, 5)
    x, y = [0.0], [0.0]
    for p in phones:
        if p.name in VOWELS:
            degree = min(max(degree + rng.choice((-3, -2, -1, -1, 0, 1, 1, 2, 4)), -6), 9)
            note = 12 * (degree // len(scale)) + scale[degree % len(scale)]
            x += [p.start + 0.02, max(p.end - 0.02, p.start + 0.03)]
            y += [note, note]
            rows = slice(int((p.start + 0.15) / PERIOD), int(p.end / PERIOD))
            shake[rows] = 1.0
    semitones = np.interp(times, x, y)
    drift = np.cumsum(np.random.default_rng(rng.randrange(1 << 30)).normal(0, 0.02, frames))
    drift -= np.linspace(0, drift[-1], frames) if frames else 0
    smooth = np.convolve(shake, np.ones(40) / 40, "same") if frames > 40 else shake
    return np.clip(base * 2 ** ((semitones + np.clip(drift, -0.5, 0.5) + smooth * vibrato * np.sin(2 * np.pi * rate * times)) / 12),
                   LOWEST_HZ, HIGHEST_HZ)  # fmt: skip


def revoiced(example: Example, style: str, rng: random.Random) -> Clip | None:
    """The example in another voice, or sung; None where it has too little voice to change."""
    phones = example.clip.phones
    if not phones or example.clip.seconds > 12:
        return None
    if style == "sing":  # a phrase of it: every vowel becomes a note
        count = rng.randint(6, 22)
        first = rng.randrange(max(1, len(phones) - count))
        phones = phones[first : first + count]
    offset = phones[0].start
    piece = example.clip.sound()[int(offset * SAMPLE_RATE) : int(phones[-1].end * SAMPLE_RATE)]
    phones = tuple(Phone(p.start - offset, p.end - offset, p.name) for p in phones)
    if len(piece) < 0.5 * SAMPLE_RATE or np.abs(piece).max() < 0.01:
        return None
    a = analyse(piece)
    voiced = a.f0 > 0
    if voiced.mean() < 0.15:
        return None
    new = held_times(phones, rng, style)
    source = source_frames(phones, new)
    old_pitch = a.f0[np.clip(np.round(source).astype(int), 0, len(a.f0) - 1)]
    mean = float(np.exp(np.log(a.f0[voiced]).mean()))
    if style == "sing":
        pitch = sung_pitch(new, len(source), rng)
        in_vowel = np.zeros(len(source), bool)
        for p in new:
            if p.name in VOWELS and p.end - p.start > 0.2:
                in_vowel[int((p.start + 0.03) / PERIOD) : int((p.end - 0.03) / PERIOD)] = True
        f0 = np.where((old_pitch > 0) | in_vowel, pitch, 0.0)
    else:
        goal = math.exp(rng.uniform(math.log(80), math.log(320)))
        lively = rng.uniform(0.3, 1.8)
        f0 = np.where(old_pitch > 0, goal * (np.maximum(old_pitch, 1) / mean) ** lively, 0.0)
        f0[old_pitch > 0] = np.clip(f0[old_pitch > 0], LOWEST_HZ, HIGHEST_HZ)
        if rng.random() < 0.06:
            f0[:] = 0  # a whisper
    # Small people speak high: tract length follows pitch a little, and strays.
    warp = np.clip(0.25 * math.log(float(np.median(f0[f0 > 0])) / mean) if (f0 > 0).any() else 0.0, -0.15, 0.15) + rng.uniform(-0.12, 0.12)
    sound = resynthesise(a, source, f0, float(warp), rng.choice((0.0, 0.0, rng.uniform(0, 0.4))))
    if style == "sing":  # singers swell and fade
        knots = np.exp(np.random.default_rng(rng.randrange(1 << 30)).normal(0, 0.35, max(2, int(len(sound) / SAMPLE_RATE / 0.7))))
        sound = sound * np.interp(np.linspace(0, 1, len(sound)), np.linspace(0, 1, len(knots)), knots)
    peak = np.abs(sound).max()
    if not np.isfinite(peak) or peak < 1e-4:
        return None
    # A rest on each side, as between phrases.
    rests = [rng.uniform(0, 0.5), rng.uniform(0, 0.5)]
    padded = np.concatenate([np.zeros(int(rests[0] * SAMPLE_RATE)), 0.5 * sound / peak, np.zeros(int(rests[1] * SAMPLE_RATE))])
    padded += 1e-4 * np.random.default_rng(rng.randrange(1 << 30)).standard_normal(len(padded))
    shifted = tuple(Phone(round(p.start + rests[0], 4), round(p.end + rests[0], 4), p.name) for p in new)
    end = len(padded) / SAMPLE_RATE
    whole = (Phone(0.0, shifted[0].start, "SIL"), *shifted, Phone(shifted[-1].end, end, "SIL"))
    audio = (np.clip(padded, -1, 1) * 32767).astype(np.int16)
    clip = Clip("", f"{style}-{example.speaker}", audio, tuple(p for p in whole if p.end > p.start))
    return clip if clip.seconds < LONGEST else None


def sources(root: Path, packs: Path, aligned: Path) -> list[list[Example]]:
    """What may be revoiced: corpora and packs with phone times, none held out, a list for each so that all are drawn alike."""
    from .train import training_examples

    groups: dict[str, list[Example]] = {}
    for e in training_examples(root, packs, aligned):
        if e.clip.phones and not e.speaker.startswith(("sing-", "voice-")) and e.corpus != "facegood":
            groups.setdefault(e.speaker.split("-")[0] if e.corpus == "synthetic" else e.corpus, []).append(e)
    splits.assert_none_held_out(e for group in groups.values() for e in group)
    return list(groups.values())


def clips(groups: list[list[Example]], style: str, hours: float, seed: int) -> Iterator[Clip]:
    """Named clips until ``hours`` are reached."""
    rng = random.Random(f"{style}-{seed}")
    made, count = 0.0, 0
    while made < hours * 3600:
        clip = revoiced(rng.choice(rng.choice(groups)), style, rng)
        if clip is None:
            continue
        count += 1
        made += clip.seconds
        yield Clip(f"{style}-{seed}-{count:05d}", clip.speaker, clip.audio, clip.phones)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpora")
    parser.add_argument("--packs", type=Path, required=True, help="synthetic speech to revoice")
    parser.add_argument("--aligned", type=Path, required=True, help="phone times of real speech (training.align)")
    parser.add_argument("--style", choices=("sing", "voice"), required=True)
    parser.add_argument("--hours", type=float, default=1.5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True, help="folder for the pack")
    args = parser.parse_args()
    groups = sources(corpora.folder(args.corpora), args.packs, args.aligned)
    print(f"{args.style}: {pack.write(args.out, clips(groups, args.style, args.hours, args.seed)):.2f} h in {args.out}")


if __name__ == "__main__":
    main()
