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
    """The user's data folder outside Blender (shell, tests). ``FACEWRIGHT_DATA`` overrides it."""
    if set_by_user := os.environ.get("FACEWRIGHT_DATA"):
        return Path(set_by_user)
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData/Local"))
    elif sys.platform == "darwin":
        base = Path.home() / "Library/Application Support"
    else:
        base = Path(os.environ.get("XDG_DATA_HOME", Path.home() / ".local/share"))
    return base / "facewright"


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
