# SPDX-License-Identifier: GPL-3.0-or-later
"""``facewright test``: the project's own tests, in the environment that the launcher made."""

from __future__ import annotations

import subprocess
import sys
from argparse import Namespace

from ..core.errors import UserError
from ..core.paths import ROOT


def run(options: Namespace) -> int:
    if not (ROOT / "tests").is_dir():
        raise UserError("The tests are not part of the installed add-on.", "Run them in a checkout of the project.")
    # A process of its own: pytest ends it with os._exit once bpy is loaded.
    return subprocess.call([sys.executable, "-m", "pytest", *options.pytest_arguments], cwd=ROOT)
