# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads what is said from a plain text file."""

from __future__ import annotations

from pathlib import Path

from .errors import UserError

LARGEST = 1_000_000  # bytes: a long novel's first half; three hours of speech are a fifth of it


def read_script(path: Path) -> str:
    """The transcript in a UTF-8 text file, never blank. Raises UserError where it cannot be read, is no transcript or says nothing."""
    try:
        if path.stat().st_size > LARGEST:
            raise UserError(f"The transcript {path} is larger than {LARGEST // 1_000_000} MB.", "Give only what is said in this sound.")
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UserError(f"Cannot read the transcript {path}: {error.strerror}.", "Choose the text file again.") from error
    except UnicodeDecodeError as error:
        raise UserError(f"The transcript {path} is not UTF-8 text.", "Save it as plain text in UTF-8.") from error
    if not text.strip():
        raise UserError(f"The transcript {path} is empty.", "Write what is said into it, or do without a transcript.")
    return text
