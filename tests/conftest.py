# SPDX-License-Identifier: GPL-3.0-or-later
"""Loads the repository's root as the package ``facewright``, whatever its folder is called."""
import importlib.util
from pathlib import Path

_spec = importlib.util.spec_from_file_location("facewright_entry", Path(__file__).parents[1] / "entry.py")
_entry = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_entry)
_entry.load_package()
import os  # noqa: E402
import sys  # noqa: E402

import pytest  # noqa: E402


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """bpy 4.2 and 4.5 crash or hang when the interpreter ends with classes registered: leave at once, with pytest's status."""
    if "bpy" in sys.modules:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(_exit_status)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Under ``-m blender`` only files that carry the mark are imported: Blender's environments have no torch and no training tools."""
    if config.getoption("markexpr") != "blender":
        return None
    files = [collection_path] if collection_path.is_file() else collection_path.rglob("test_*.py")
    return None if any("mark.blender" in file.read_text(encoding="utf-8") for file in files) else True


_exit_status = 0


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    global _exit_status
    _exit_status = int(exitstatus)
