# SPDX-License-Identifier: GPL-3.0-or-later
"""Phones with a script: finds when each phone of the text is said, and notices a text that is not what is said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np

from .decode import TICK_FRAMES, Segment, Tick, no_tick
from .features import FRAME_SECONDS
from .model import PHONES, SILENCE
from .phone_track import Phone, PhoneTrack, Word

# States searched at a time: about 30 s of speech on either side of the best one. Shorter texts are searched exactly.
BAND = 768
# Frames between two moves of the band: far fewer than it takes to speak half of it.
_STEP = 16
# One mislabelled frame must not tear an alignment apart: log-posteriors end here (e^-9, about one in 8000).
_FLOOR = -9.0
# Nats a frame by which the script may be less likely than free decoding. With this and DOUBTFUL_SHARE, of speechocean762's sentences that
# are chosen on (training/splits.py), 97 % of the right scripts of accented adults are taken and 99 % of children's, and 4 and 2 % of other
# sentences' scripts; 1.75 takes 10 and 6 % of those and hardly more right ones.
MISMATCH = 1.5
# A word is doubtful below this confidence when its neighbours are too. Of three neighbours of a right script, the best has 0.20 at least
# (held-out LJSpeech and GRID, 76 sentences); words that are not said have 0.00 to 0.08.
DOUBTFUL = 0.15
# Doubtful words count from so many in a row, or from so many seconds: a single mumbled word is no error of the script.
_DOUBT_WORDS, _DOUBT_SECONDS = 3, 1.0
# A held phone counts as this many seconds: a note of singing says no more about the text than a spoken vowel.
HELD = 0.3
# More doubtful time than this, and the script belongs to another recording.
DOUBTFUL_SHARE = 0.5


@dataclass(frozen=True)
class SpokenWord:
    """A word to be found: as the script writes it, its phones (ARPAbet without stress) and their stresses.

    doubtful: confidence below which it may not be what is said; lower for a language whose sounds the phones only approach.
    """

    label: str
    phones: tuple[str, ...]
    stresses: tuple[int, ...]
    doubtful: float = DOUBTFUL


@dataclass(frozen=True)
class Doubt:
    """A stretch in which the script is not what is said: seconds, and the script's words that were laid there."""

    start: float
    end: float
    words: tuple[str, ...]


@dataclass(frozen=True)
class Alignment:
    """Where the script's words and phones lie, and how well they fit.

    track:   all words and phones of the script with times
    doubts:  stretches where the script says something else than the sound
    deficit: nats a frame of speech, outside the doubts, by which the script is less likely than free decoding
    doubtful: share of the script's time, held phones counted as ``HELD``, that lies in doubts
    """

    track: PhoneTrack
    doubts: tuple[Doubt, ...]
    deficit: float
    doubtful: float

    @property
    def fits(self) -> bool:
        """Whether the script is what is said, but for its doubts."""
        return self.deficit <= MISMATCH and self.doubtful <= DOUBTFUL_SHARE

    def corrected(self, decoded: PhoneTrack) -> PhoneTrack:
        """The track with the phones that were heard in place of the doubtful stretches of the script."""
        words, phones = list(self.track.words), list(self.track.phones)
        for doubt in self.doubts:
            inside = (doubt.start - 1e-6, doubt.end + 1e-6)
            words = [w for w in words if not (w.start >= inside[0] and w.end <= inside[1])]
            phones = [p for p in phones if not (p.start >= inside[0] and p.end <= inside[1])]
            for p in decoded.phones:
                start, end = max(p.start, doubt.start), min(p.end, doubt.end)
                if end - start >= FRAME_SECONDS:
                    phones.append(replace(p, start=start, end=end))
        return PhoneTrack(tuple(sorted(phones, key=lambda p: p.start)), tuple(words))


def align(
    log_phones: np.ndarray, words: Sequence[SpokenWord], decoded: Sequence[Segment], band: int = BAND, tick: Tick = no_tick
) -> Alignment | None:
    """Place the words' phones on the posteriors, with silence allowed between words, at the start and at the end.

    log_phones: float32 [T, 40] in the order of ``model.PHONES``; decoded: what ``decode.decode`` found in them, to compare with;
    tick: as there.
    None where the text has more phones than fit into the sound. Time O(T * band), memory T * band bytes (an hour: 140 MB).
    """
    labels, optional, owner = _states(words)
    if not words or 2 * int((~optional).sum()) > len(log_phones):
        return None
    path = _viterbi(np.maximum(log_phones, np.float32(_FLOOR)), labels, optional, min(band, len(labels)), tick)
    return None if path is None else _result(path, log_phones, words, labels, owner, decoded)


def _states(words: Sequence[SpokenWord]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Label, whether it may be left out (silence), and the word's number (-1 for silence) of every state in the order of speaking."""
    column = {name: i for i, name in enumerate(PHONES)}
    labels, owner = [column[SILENCE]], [-1]
    for number, word in enumerate(words):
        labels += [*(column[p] for p in word.phones), column[SILENCE]]
        owner += [number] * len(word.phones) + [-1]
    owner_array = np.array(owner)
    return np.array(labels), owner_array < 0, owner_array


def _viterbi(score: np.ndarray, labels: np.ndarray, optional: np.ndarray, band: int, tick: Tick = no_tick) -> np.ndarray | None:
    """State of each frame. A phone takes two frames or more, a silence one or more or none.

    ``first`` and ``later`` hold the best score of being in a state's first or a later frame, ``leave`` of ending it; they are two entries
    longer than the states so that the states before one can be read as slices.
    """
    frames, states = len(score), len(labels)
    skip_cost = np.where(np.concatenate([[False], optional[:-1]]), np.float32(0), np.float32(-np.inf))  # may the state before be left out?
    # A silence may end with its first frame: what ending there costs.
    short_cost = np.where(optional, np.float32(0), np.float32(-np.inf))
    first, later, leave = (np.full(states + 2, -np.inf, np.float32) for _ in range(3))
    skipped, from_first, short = (np.zeros((frames, (band + 7) // 8), np.uint8) for _ in range(3))
    low = np.zeros(frames, np.int64)
    at = 0
    first[2] = leave[2] = score[0, labels[0]]
    if states > 1:
        first[3] = score[0, labels[1]]
    leave_is_short = np.zeros(band, bool)
    leave_is_short[0] = True
    short[0] = np.packbits(leave_is_short)
    for t in range(1, frames):
        if t % TICK_FRAMES == 0:
            tick(t / frames)
        if t % _STEP == 0 and states > band:
            here = slice(at + 2, at + 2 + band)
            best = at + int(np.maximum(first[here], later[here]).argmax())
            # Half a state a frame is faster than anyone speaks: where the band lags behind that, the end of the text would be out of reach.
            needed = states - band - (frames - t) // 2
            moved = min(max(at, best - band // 2, needed), states - band)
            if moved > at:
                for array in (first, later, leave):
                    array[at + 2 : moved + 2] = -np.inf
                at = moved
        low[t] = at
        here = slice(at + 2, at + 2 + band)
        emission = score[t].take(labels[at : at + band])
        step, skip = leave[at + 1 : at + 1 + band], leave[at : at + band] + skip_cost[at : at + band]
        skipped[t] = np.packbits(skip > step)
        entering = np.maximum(step, skip) + emission
        from_first[t] = np.packbits(first[here] > later[here])
        later[here] = np.maximum(first[here], later[here]) + emission
        first[here] = entering
        ending_short = entering + short_cost[at : at + band]
        short[t] = np.packbits(ending_short > later[here])
        leave[here] = np.maximum(ending_short, later[here])
    ends = [states - 1] + ([states - 2] if optional[-1] and states > 1 else [])
    state = max(ends, key=lambda s: leave[s + 2])
    if not np.isfinite(leave[state + 2]):
        return None
    return _trace(state, low, skipped, from_first, short)


def _trace(state: int, low: np.ndarray, skipped: np.ndarray, from_first: np.ndarray, short: np.ndarray) -> np.ndarray:
    def bit(rows: np.ndarray, t: int) -> bool:
        index = state - low[t]
        return bool(rows[t, index >> 3] & (128 >> (index & 7)))

    path = np.empty(len(low), np.int64)
    t = len(low) - 1
    in_first = bit(short, t)
    while True:
        path[t] = state
        if t == 0:
            return path
        if in_first:
            state -= 2 if bit(skipped, t) else 1
            t -= 1
            in_first = bit(short, t)
        else:
            in_first = bit(from_first, t)
            t -= 1


def _result(path, log_phones, words, labels, owner, decoded) -> Alignment:
    starts = np.flatnonzero(np.diff(path, prepend=-1))
    ends = np.append(starts[1:], len(path))
    chosen = log_phones[np.arange(len(path)), labels[path]]
    means = np.add.reduceat(chosen.astype(np.float64), starts) / (ends - starts)
    phones, by_word = [], [[] for _ in words]
    taken = [0] * len(words)
    for a, b, mean in zip(starts, ends, means, strict=True):
        number = int(owner[path[a]])
        if number < 0:
            continue
        word = words[number]
        which = taken[number]
        taken[number] += 1
        confidence = min(float(np.exp(mean)), 1.0)
        phone = Phone(word.phones[which], a * FRAME_SECONDS, b * FRAME_SECONDS, word.stresses[which], confidence)
        phones.append(phone)
        by_word[number].append(phone)
    spoken = tuple(
        Word(word.label, own[0].start, own[-1].end, float(np.mean([p.confidence for p in own])))
        for word, own in zip(words, by_word, strict=True)
    )
    track = PhoneTrack(tuple(phones), spoken)
    lengths = [sum(min(p.end - p.start, HELD) for p in own) for own in by_word]
    doubts, doubtful = _doubts(spoken, lengths, [word.doubtful for word in words])
    # A frame of a held phone weighs less, as the phone weighs as one of HELD seconds.
    weight = np.repeat(np.minimum(1.0, HELD / FRAME_SECONDS / (ends - starts)), ends - starts)
    deficit = _deficit(chosen, labels[path], log_phones, decoded, doubts, weight)
    return Alignment(track, doubts, deficit, doubtful)


def _doubts(words: Sequence[Word], lengths: Sequence[float], thresholds: Sequence[float]) -> tuple[tuple[Doubt, ...], float]:
    """Runs of doubtful words, and their share of all ``lengths`` (s)."""
    found, doubtful_length = [], 0.0
    for doubtful, entries in groupby(zip(words, lengths, thresholds, strict=True), key=lambda entry: entry[0].confidence < entry[2]):
        run, spans, _ = zip(*entries, strict=True)
        if doubtful and (len(run) >= _DOUBT_WORDS or sum(spans) >= _DOUBT_SECONDS):
            found.append(Doubt(run[0].start, run[-1].end, tuple(w.label for w in run)))
            doubtful_length += sum(spans)
    return tuple(found), doubtful_length / max(sum(lengths), FRAME_SECONDS)


def _deficit(chosen, label, log_phones, decoded: Sequence[Segment], doubts: Sequence[Doubt], weight: np.ndarray) -> float:
    """Weighted mean of (free - script) log-posterior over the frames that either of them takes for speech."""
    free = np.zeros(len(label), np.int64)
    for segment in decoded:
        free[segment.first : segment.last] = segment.label
    speech = (free > 0) | (label > 0)
    for doubt in doubts:
        speech[round(doubt.start / FRAME_SECONDS) : round(doubt.end / FRAME_SECONDS)] = False
    if not speech.any():
        return 0.0
    best = log_phones[np.arange(len(free)), free]
    floor = np.float32(_FLOOR)
    return float(np.average(np.maximum(best[speech], floor) - np.maximum(chosen[speech], floor), weights=weight[speech]))
