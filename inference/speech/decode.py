# SPDX-License-Identifier: GPL-3.0-or-later
"""Phones without a script: the likeliest sequence in which every phone lasts at least two frames and follows the one before plausibly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .features import FRAME_SECONDS
from .model import PHONES, SILENCE
from .phone_bigram import log_bigram
from .phone_track import Phone, PhoneTrack

# Cost of a new phone in nats, on top of what the phone before says about it: below 0, since a bigram asks some nats of every phone. This
# and the bigram's weight were chosen on speechocean762's and LJSpeech's choice sets (training/splits.py).
SWITCH_PENALTY = -0.5
BIGRAM_WEIGHT = 0.7
# A missed lip seal looks worse than a seal too many, and stops are short: P, B and M get this many nats a frame.
SEAL_BONUS = 0.2
SEALS = ("P", "B", "M")
# Frames between two reports of progress: about 20 ms of work.
TICK_FRAMES = 2048
Tick = Callable[[float], None]


def no_tick(done: float) -> None:
    """Progress that nobody asked for."""


@dataclass(frozen=True)
class Segment:
    """Frames first <= i < last with one ``label``: a column of the posteriors, 0 silence. ``log_p`` is their mean log-posterior."""

    label: int
    first: int
    last: int
    log_p: float


def decode(
    log_phones: np.ndarray,
    switch_penalty: float = SWITCH_PENALTY,
    seal_bonus: float = SEAL_BONUS,
    tick: Tick = no_tick,
    bigram_weight: float = BIGRAM_WEIGHT,
) -> list[Segment]:
    """The best path through the posteriors, silence included, from the first frame to the last.

    log_phones: float32 [T, 40] in the order of ``model.PHONES``. Viterbi over English phone bigrams: O(T * 1600) time, T * 80 bytes.
    ``tick(share done)`` is called now and then and may raise to stop. A phone lasts two frames or more: shorter ones are noise
    (only a file of a single frame holds a segment of one).
    """
    frames, labels = log_phones.shape
    if frames == 0:
        return []
    score = log_phones.astype(np.float32)
    score[:, [PHONES.index(p) for p in SEALS]] += np.float32(seal_bonus)
    switch = np.float32(bigram_weight) * log_bigram().T - np.float32(switch_penalty)  # [phone, phone before]: rows are searched
    np.fill_diagonal(switch, -np.inf)
    switch = np.ascontiguousarray(switch)
    came_from = np.zeros((frames, labels), np.uint8)  # the phone before each phone that starts in this frame
    every = np.arange(labels)
    just_started = np.zeros((frames, labels), bool)  # whether a phone's second frame is this one
    first, later = score[0].copy(), np.full(labels, -np.inf, np.float32)
    for t in range(1, frames):
        if t % TICK_FRAMES == 0:
            tick(t / frames)
        entered = switch + later
        best = entered.argmax(axis=1)
        came_from[t] = best
        np.greater(first, later, out=just_started[t])
        start = entered[every, best]
        later = np.maximum(first, later) + score[t]
        first = score[t] + start
    if frames == 1:
        return _segments(score[:1].argmax(axis=1), log_phones)
    path = np.empty(frames, np.intp)
    label, t = int(later.argmax()), frames - 1
    while True:
        path[t] = label
        while not just_started[t, label]:
            t -= 1
            path[t] = label
        t -= 1
        path[t] = label
        if t == 0:
            return _segments(path, log_phones)
        label = int(came_from[t, label])
        t -= 1


def _segments(path: np.ndarray, log_phones: np.ndarray) -> list[Segment]:
    starts = np.flatnonzero(np.diff(path, prepend=-1))
    sums = np.add.reduceat(log_phones[np.arange(len(path)), path].astype(np.float64), starts)
    ends = np.append(starts[1:], len(path))
    return [Segment(int(path[a]), int(a), int(b), float(total / (b - a))) for a, b, total in zip(starts, ends, sums, strict=True)]


def decoded_track(segments: list[Segment]) -> PhoneTrack:
    """Decoded phones as a track without words. Confidence is the geometric mean of the phone's posteriors."""
    return PhoneTrack(
        tuple(
            Phone(PHONES[s.label], s.first * FRAME_SECONDS, s.last * FRAME_SECONDS, 0, min(float(np.exp(s.log_p)), 1.0))
            for s in segments
            if PHONES[s.label] != SILENCE
        )
    )
