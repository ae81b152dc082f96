# SPDX-License-Identifier: GPL-3.0-or-later
"""Gives real speech its phone times: Viterbi over the model's frame posteriors, with the phones known and pauses optional.

    python entry.py training.align --corpora DIR --weights RUN/model.pt --out CACHE/aligned.json
"""
from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch

from ..inference.speech.features import FRAME_SECONDS, log_mel
from ..inference.speech.model import PHONES, SILENCE, SpeechModel
from . import checkpoint, corpora
from .corpora import Example, Word
from .pack import Phone

SHORTEST = 2  # frames a phone must last; posteriors flicker
SLACK = 0.08  # seconds a word may stray from the time its corpus gives


def states(words: Sequence[Word]) -> list[tuple[int, bool, int]]:
    """The left-to-right chain (phone, optional, word index or -1): silence is optional before, between and after words."""
    silence = PHONES.index(SILENCE)
    chain = [(silence, True, -1)]
    for w, word in enumerate(words):
        chain += [(PHONES.index(p), False, w) for p in word.phones]
        chain.append((silence, True, -1))
    return chain


def viterbi(scores: np.ndarray, words: Sequence[Word], shortest: int = SHORTEST) -> tuple[Phone, ...] | None:
    """Most likely times of the words' phones. scores: log posteriors [T, 40]. None where the sound is too short for them."""
    chain = states(words)
    expanded: list[int] = []  # chain index of every state: each phone takes `shortest` states, the last may loop
    for i in range(len(chain)):
        expanded += [i] * shortest
    count, frames = len(expanded), len(scores)
    of = np.array(expanded)
    emit = scores[:, np.array([chain[i][0] for i in expanded])].copy()
    times = (np.arange(frames) + 0.5) * FRAME_SECONDS
    for i, (_, _, w) in enumerate(chain):
        if w >= 0 and words[w].start is not None and words[w].end is not None:
            outside = (times < words[w].start - SLACK) | (times > words[w].end + SLACK)
            emit[np.ix_(outside, of == i)] -= 50.0
    last = np.array([k % shortest == shortest - 1 for k in range(count)])
    first = np.array([k % shortest == 0 for k in range(count)])
    optional = np.array([chain[i][1] for i in expanded])
    # From where a state may be entered: itself (if it loops), the one before, and past an optional silence.
    loop_cost = np.where(last, 0.0, -np.inf)
    can_skip = first & (np.arange(count) >= 2 * shortest) & np.roll(optional, shortest)
    best = np.full(count, -np.inf)
    best[0] = emit[0, 0]
    if chain[0][1] and count > shortest:
        best[shortest] = emit[0, shortest]
    back = np.zeros((frames, count), np.int8)
    for t in range(1, frames):
        stay = best + loop_cost
        step = np.concatenate([[-np.inf], best[:-1]])
        skip = np.where(can_skip, np.concatenate([np.full(shortest + 1, -np.inf), best[: -shortest - 1]]), -np.inf)
        options = np.stack([stay, step, skip])
        back[t] = options.argmax(0)
        best = options.max(0) + emit[t]
    ends = [count - 1] + ([count - 1 - shortest] if chain[-1][1] and count > shortest else [])
    state = max(ends, key=lambda k: best[k])
    if not np.isfinite(best[state]):
        return None
    path = np.zeros(frames, int)
    for t in range(frames - 1, -1, -1):
        path[t] = of[state]
        state -= (0, 1, shortest + 1)[back[t, state]] if t else 0
    cuts = np.flatnonzero(np.diff(path)) + 1
    spans = pairwise([0, *cuts.tolist(), frames])
    return tuple(Phone(round(a * FRAME_SECONDS, 3), round(b * FRAME_SECONDS, 3), PHONES[chain[path[a]][0]]) for a, b in spans)


def log_posteriors(model: SpeechModel, sound: np.ndarray) -> np.ndarray:
    """float32 [T, 40] of one recording (float32 [n] at 16 kHz)."""
    with torch.inference_mode():
        return model(log_mel(torch.from_numpy(sound))[None]).phones[0].log_softmax(-1).numpy()


def align(model: SpeechModel, examples: Sequence[Example]) -> dict[str, list[list]]:
    """Name -> [[start, end, phone], ...] for every example that has words; those that do not fit are left out."""
    found = {}
    for e in examples:
        if e.words and (phones := viterbi(log_posteriors(model, e.clip.sound()), e.words)):
            found[f"{e.corpus}/{e.name}"] = [[p.start, p.end, p.name] for p in phones]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpora")
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    root = corpora.folder(args.corpora)
    torch.set_num_threads(1)
    model = checkpoint.load_model(args.weights)
    examples = [e for e in corpora.all_real(root) if e.words and not corpora.is_held_out(e) and e.corpus != "ljspeech"]  # LJ has its times
    found = align(model, examples)
    args.out.write_text(json.dumps(found), "utf-8")
    print(f"aligned {len(found)} of {len(examples)} recordings")


if __name__ == "__main__":
    main()
