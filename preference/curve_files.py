# SPDX-License-Identifier: GPL-3.0-or-later
"""Curves files by content: ab/abcd....npz holds the file whose sha256 is abcd.... Files are added once and never removed silently."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from ..core.content import sha256_of
from ..core.errors import UserError
from ..core.paths import replacing


class CurveFiles:
    """The folder of a store's curves."""

    LARGEST: Final = 64 * 2**20  # bytes; ten minutes of 52 channels at 60 frames a second take 8 MB

    def __init__(self, folder: Path):
        self.folder = folder

    def path(self, sha: str) -> Path:
        """Where the file lies or would lie."""
        return self.folder / sha[:2] / f"{sha}.npz"

    def has(self, sha: str) -> bool:
        return self.path(sha).is_file()

    def missing(self, shas: Iterable[str]) -> set[str]:
        """Those that are not there."""
        return {sha for sha in shas if not self.has(sha)}

    def read(self, sha: str) -> bytes | None:
        """Its content, None where it is not there. Raises UserError where it cannot be read or was changed."""
        if not self.has(sha):
            return None
        try:
            data = self.path(sha).read_bytes()
        except OSError as error:
            raise UserError(f"Cannot read {self.path(sha)}: {error.strerror}.") from error
        if hashlib.sha256(data).hexdigest() != sha:
            raise UserError(f"The curves file {self.path(sha)} is damaged: its content does not match its name.", "Restore it from a copy.")
        return data

    def add_file(self, sha: str, source: Path) -> bool:
        """Copy a file in. False where it is there already. Raises UserError where its content is not ``sha`` or it cannot be written."""
        if (found := sha256_of(source)) != sha:
            raise UserError(f"The curves file {source} is not the one that the take names (sha256 {found[:12]}, not {sha[:12]}).")
        if self.has(sha):
            return False
        with self._writing(sha) as temporary:
            shutil.copyfile(source, temporary)
        return True

    def add_bytes(self, sha: str, data: bytes) -> bool:
        """The same from memory."""
        if hashlib.sha256(data).hexdigest() != sha:
            raise UserError(f"The curves {sha[:12]} are damaged: their content does not match their name.")
        if self.has(sha):
            return False
        with self._writing(sha) as temporary:
            temporary.write_bytes(data)
        return True

    def _writing(self, sha: str):
        target = self.path(sha)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"Cannot make the folder {target.parent}: {error.strerror}.") from error
        return replacing(target)

    def all(self) -> Iterator[str]:
        """sha256s of all files there."""
        for path in self.folder.glob("??/*.npz"):
            if re.fullmatch(r"[0-9a-f]{64}", path.stem):
                yield path.stem

    def is_sound(self, sha: str) -> bool:
        """The content is still what the name says."""
        return sha256_of(self.path(sha)) == sha
