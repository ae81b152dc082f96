# SPDX-License-Identifier: GPL-3.0-or-later
"""Where things lie: what ships beside the code, what belongs to the user, and how files are written."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import UserError

ROOT = Path(__file__).resolve().parent.parent
WEIGHTS = ROOT / "weights"


def default_data_folder() -> Path:
    """The user's data folder where the preferences name none. ``FACEWRIGHT_DATA`` overrides it."""
    if set_by_user := os.environ.get("FACEWRIGHT_DATA"):
        return Path(set_by_user)
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData/Local"))
    elif sys.platform == "darwin":
        base = Path.home() / "Library/Application Support"
    else:
        base = Path(os.environ.get("XDG_DATA_HOME", Path.home() / ".local/share"))
    return base / "facewright"


def check_outputs(*paths: Path) -> None:
    """Raises UserError for files that could not be written in the end, so that long work is not done in vain."""
    for i, path in enumerate(paths):
        folder = path.absolute().parent
        if path.is_dir():
            raise UserError(f"{path} is a folder.", "Give the name of a file.")
        if not folder.is_dir():
            raise UserError(f"There is no folder {folder}.", "Make it, or choose another.")
        if not os.access(folder, os.W_OK):
            raise UserError(f"Cannot write in {folder}.", "Choose another folder.")
        if path.absolute() in [other.absolute() for other in paths[:i]]:
            raise UserError(f"{path} is named for two different files.", "Give each a name of its own.")


@contextmanager
def replacing(path: Path | str) -> Iterator[Path]:
    """Gives a temporary path beside ``path``; when the block ends well it takes ``path``'s place in one step, else it is removed.

    Raises UserError where the folder cannot be written or the disk is full.
    """
    path = Path(path)
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=path.suffix, dir=path.parent)
        os.close(handle)
    except OSError as error:
        raise UserError(f"Cannot write in {path.parent}: {error.strerror}.", "Choose another folder.") from error
    temporary = Path(name)
    try:
        yield temporary
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)  # mkstemp makes files that only their owner reads
        os.replace(temporary, path)
    except OSError as error:
        raise UserError(f"Cannot write {path}: {error.strerror or error}.", "Free some space or choose another folder.") from error
    finally:
        temporary.unlink(missing_ok=True)
