# SPDX-License-Identifier: GPL-3.0-or-later
"""A job of the worker as an operator begins it: the worker found, a folder of its own, and the folder gone at the end."""
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import bpy

from ..preferences import settings
from ..scene import jobs, runtime_status, tasks
from .verb import Work


def begin(context: bpy.types.Context, verb: str, params: Callable[[Path], dict], finish: Callable[[dict], jobs.Outcome]) -> Work:
    """Start ``verb`` with ``params(folder)``; whatever it writes into the folder can be read in ``finish`` and is gone afterwards."""
    import shutil  # not above: with the compressors that they bring these would slow down enabling the add-on
    import tempfile

    preferences = settings(context)
    found = runtime_status.find(preferences.python, preferences.data_folder)
    client = tasks.worker(found.python, preferences.data_folder / "logs")
    folder = Path(tempfile.mkdtemp(prefix="facewright-"))

    def clean_up() -> None:
        shutil.rmtree(folder, ignore_errors=True)

    try:
        task = tasks.WorkerTask(client, client.submit(verb, {"device": preferences.device, **params(folder)}, folder=folder))
    except BaseException:
        clean_up()
        raise
    return Work(task, finish, clean_up)
