# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a module of this package by file path, whatever the folder is called and wherever it lies.

Blender names the package ``bl_ext.<repo>.facewright``; a checkout may sit in a folder of any name. The worker, the shell and
the tests have no Blender to name it, so they load this folder as ``facewright``:

    python entry.py inference.worker            the inference worker
    python entry.py training.train --help       a training script
"""

import importlib.util
import runpy
import sys
from pathlib import Path
from types import ModuleType

PACKAGE = "facewright"
ROOT = Path(__file__).resolve().parent


def load_package() -> ModuleType:
    """Make ``import facewright`` mean this folder. Returns the package; does nothing the second time."""
    if PACKAGE in sys.modules:
        return sys.modules[PACKAGE]
    spec = importlib.util.spec_from_file_location(PACKAGE, ROOT / "__init__.py", submodule_search_locations=[str(ROOT)])
    package = importlib.util.module_from_spec(spec)
    sys.modules[PACKAGE] = package
    spec.loader.exec_module(package)
    return package


def main(argv: list[str]) -> None:
    if len(argv) < 2:
        sys.exit("usage: python entry.py MODULE [ARGUMENTS], for example: python entry.py cli demo")
    # The script's own folder would shadow top-level modules (operators, inference, ...) of other packages.
    sys.path[:] = [p for p in sys.path if Path(p or ".").resolve() != ROOT]
    load_package()
    module = f"{PACKAGE}.{argv[1]}"
    sys.argv = [module, *argv[2:]]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(sys.argv)
