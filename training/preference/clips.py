# SPDX-License-Identifier: GPL-3.0-or-later
"""Short stretches of the corpora's speech, heard once, to rank takes of: some to vote on, others, of other sounds, kept fresh."""

from __future__ import annotations

import hashlib
import itertools
import tempfile
from collections.abc import Sequence
from pathlib import Path

import soundfile

from ...inference.preference import stretches
from ...inference.preference.stretches import Stretch
from ...inference.speech import weights_file
from ...inference.speech.features import SAMPLE_RATE
from ...inference.speech.generate import SpeechEngine, SpeechOptions
from .. import corpora
from ..corpora import Example

# Seconds of a clip that are ranked: what an animator would loop.
LONGEST = 4.0


def quiet(fraction: float, stage: str) -> None:
    """A report to nobody."""


def voted_and_fresh(root: Path) -> tuple[list[Example], list[Example]]:
    """Recordings to vote on (training sets of LJSpeech and speechocean762) and fresh ones (their held-out sets)."""
    voted, fresh = [], []
    for example in corpora.ljspeech(root):
        (fresh if corpora.is_held_out(example) else voted).append(example)
    voted += itertools.islice(corpora.speechocean(root, "train"), 0, 400, 13)
    fresh += itertools.islice(corpora.speechocean(root, "test"), 0, 400, 20)
    return voted, fresh


def hear(examples: Sequence[Example], engine: SpeechEngine, seconds: float = LONGEST) -> list[Stretch]:
    """The first ``seconds`` of each recording as the model hears it, without a script."""
    model = weights_file.sha256(engine.weights)
    found = []
    for example in examples:
        sound = example.clip.sound()[: int(seconds * SAMPLE_RATE)]
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"{example.name}.wav"
            soundfile.write(path, sound, SAMPLE_RATE, subtype="PCM_16")
            heard, hidden = stretches.listen(engine, path, SpeechOptions(device="cpu"), quiet)
        clip = hashlib.sha256(sound.tobytes()).hexdigest()
        found.append(stretches.cut(hidden, heard.frames.level, heard.track, clip, model, 0.0, heard.duration))
    return found

