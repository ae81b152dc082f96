# SPDX-License-Identifier: GPL-3.0-or-later
"""Files known by their content: sounds, curves, weights and adapters are named by the sha256 of their bytes."""

from __future__ import annotations

import hashlib
from pathlib import Path

from .errors import UserError


def sha256_of(path: Path | str) -> str:
    """sha256 (hex) of a file's bytes. Raises UserError where it cannot be read."""
    try:
        with Path(path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UserError(f"Cannot read {path}: {error.strerror}.", "Check that the file is there and may be read.") from error
