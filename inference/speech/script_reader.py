# SPDX-License-Identifier: GPL-3.0-or-later
"""A script to words with phones: every run of it is read in the language of its letters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import groupby

from .align import SpokenWord
from .g2p import Pronouncer, checked_pronunciations
from .mandarin import MandarinReader
from .script import read_script


class ScriptReader:
    """Keep one: each language is loaded when the first script in it comes."""

    @cached_property
    def english(self) -> Pronouncer:
        return Pronouncer()

    @cached_property
    def mandarin(self) -> MandarinReader:
        return MandarinReader()

    def read(self, text: str, pronunciations: Mapping[str, str | Sequence[str]] | None = None) -> tuple[SpokenWord, ...]:
        """Words of the script with their phones; Latin letters are read as English, Chinese characters as Mandarin.

        pronunciations: the user's own, word -> ARPAbet ('N AY1 K IY0' or a list); they come first, whatever the word's case.
        Raises UserError for an unreadable script or pronunciation, and where a language's package is not installed.
        """
        own = checked_pronunciations(pronunciations or {})
        found: list[SpokenWord] = []
        for mandarin, run in groupby(read_script(text, own.keys()), key=lambda word: word.mandarin):
            found += (self.mandarin if mandarin else self.english).pronounce(list(run), own)
        return tuple(found)
