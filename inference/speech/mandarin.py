# SPDX-License-Identifier: GPL-3.0-or-later
"""Chinese characters to phones, offline: the user's own pronunciations, then pypinyin's phrases and readings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Final

from ...core.errors import UserError
from .align import SpokenWord
from .pinyin_table import syllable_phones
from .script import ScriptWord

# Half of what English words have, as the phones only approach Mandarin's. In 96 readings by espeak-ng's voices (training.mandarin) every
# right script is taken whole and no other's; of scripts with five wrong characters in the middle 91 % are noticed.
DOUBTFUL: Final = 0.07


class MandarinReader:
    """Mandarin words to ARPAbet. Making one loads pypinyin: 0.15 s and 60 MB, so only scripts with Chinese characters do.

    Raises UserError where pypinyin is not installed.
    """

    def __init__(self) -> None:
        try:
            import pypinyin
        except ImportError as error:
            raise UserError(
                "The worker's Python has no 'pypinyin', which reads Chinese characters.",
                "Set the runtime up again, or run without a script.",
            ) from error
        self._pypinyin = pypinyin

    def pronounce(self, script: Sequence[ScriptWord], own: Mapping[str, tuple[str, ...]]) -> list[SpokenWord]:
        """One word a character, one a number, and one for each word with a pronunciation of the user's own.

        script: words marked ``mandarin``; own: lower-case word -> phones with stress digits. Mandarin has no word stress: it is 0, and
        loudness alone places accents. Raises UserError where a character's reading is not known.
        """
        found: list[SpokenWord] = []
        for mine, words in groupby(script, key=lambda w: w.label.lower() in own):
            run = list(words)
            found += [_own(w.label, own[w.label.lower()]) for w in run] if mine else self._read(run)
        return found

    def _read(self, run: Sequence[ScriptWord]) -> Iterable[SpokenWord]:
        """Read in one go, as words of several characters decide how each is read."""
        said = "".join(w.spoken[0] for w in run)
        syllables = iter(self._syllables(said))
        for word in run:
            own = [(c, next(syllables)) for c in word.spoken[0]]
            # A run of characters is its own reading; of a number several characters are said for one label.
            entries = own if word.label == word.spoken[0] else [(word.label, tuple(p for _, phones in own for p in phones))]
            for label, phones in entries:
                yield SpokenWord(label, phones, (0,) * len(phones), DOUBTFUL)

    def _syllables(self, said: str) -> list[tuple[str, ...]]:
        read = self._pypinyin.lazy_pinyin(said, style=self._pypinyin.Style.NORMAL, errors=lambda unread: [""] * len(unread))
        unknown = [c for c, syllable in zip(said, read, strict=True) if not syllable]
        if unknown:
            raise UserError(
                f"The script has characters whose reading is not known: {'、'.join(dict.fromkeys(unknown))}.",
                "Write others that sound alike, or run without a script.",
            )
        return [syllable_phones(syllable) for syllable in read]


def _own(label: str, phones: tuple[str, ...]) -> SpokenWord:
    return SpokenWord(label, tuple(p.rstrip("012") for p in phones), tuple(int(p[-1]) if p[-1].isdigit() else 0 for p in phones), DOUBTFUL)
