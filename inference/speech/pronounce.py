# SPDX-License-Identifier: GPL-3.0-or-later
"""The worker's verb ``pronounce``: words to phones, for a word that is put into a phone track by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from ...core.errors import UserError
from .script_reader import ScriptReader

LONGEST = 2000  # letters; a word or a phrase


@cache
def _reader() -> ScriptReader:
    return ScriptReader()


def run(params: dict, report: Callable[[float, str], None]) -> dict[str, Any]:
    """params: {text, pronunciations={}}. Returns {words: [{label, phones, stresses}, ...]}. Raises UserError for what cannot be said."""
    text, own = params.get("text"), params.get("pronunciations", {})
    if not isinstance(text, str) or not text.strip():
        raise UserError("There is no word to pronounce.", "Write one.")
    if len(text) > LONGEST:
        raise UserError(f"The text has {len(text)} letters, which is no word.", "Write a word or a short phrase.")
    if not isinstance(own, Mapping):
        raise UserError(f"The 'pronunciations' are {own!r}, which is of the wrong kind.")
    report(0.0, "Reading the word")
    try:
        found = _reader().read(text, own)
    except UserError as error:
        if "no word" not in error.message:  # a pronunciation, or a missing package
            raise
        found = ()
    if not found:
        raise UserError(f"'{text.strip()}' cannot be said.", "Write a word of letters.")
    return {"words": [{"label": w.label, "phones": list(w.phones), "stresses": list(w.stresses)} for w in found]}
