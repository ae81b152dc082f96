# SPDX-License-Identifier: GPL-3.0-or-later
"""The worker's log: a few files of bounded size, written by the client from the worker's stderr."""
from __future__ import annotations

import os
import threading
import time
from collections import deque
from pathlib import Path
from typing import Final

SIZE: Final = 1024 * 1024  # bytes a file: days of ordinary messages
KEPT: Final = 3  # older files: a crash is still there after a few more starts
TAIL_LINES: Final = 60  # in memory for error dialogs: a long traceback


class WorkerLog:
    """Appends to ``folder/worker.log``; a full file becomes ``worker.1.log``, the oldest goes. Any thread may write.

    The file is opened for each write and closed again: two Blenders may share the folder, and Windows can rename and delete it. A log that
    cannot be written (full disk, read-only folder) never stops the worker: ``trouble`` says why, and ``where()`` tells the user.
    """

    def __init__(self, folder: Path | str, size: int = SIZE, kept: int = KEPT):
        self.path = Path(folder) / "worker.log"
        self.trouble = ""
        self._size, self._kept = size, kept
        self._lock = threading.Lock()
        self._tail: deque[str] = deque(maxlen=TAIL_LINES)
        self._rest = b""

    def write(self, data: bytes) -> None:
        """Add the worker's own bytes."""
        with self._lock:
            *lines, self._rest = (self._rest + data).split(b"\n")
            self._rest = self._rest[-4096:]
            self._tail.extend(line.decode("utf-8", "replace").rstrip() for line in lines[-TAIL_LINES:])
            try:
                self._append(data)
                self.trouble = ""
            except OSError as error:
                self.trouble = error.strerror or str(error)

    def note(self, sentence: str) -> None:
        """Add a line of the client's, with the time."""
        self.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} client {os.getpid()}: {sentence}\n".encode("utf-8", "replace"))

    def tail(self) -> str:
        """The last lines, also when the file could not be written."""
        with self._lock:
            rest = [self._rest.decode("utf-8", "replace")] if self._rest else []
            return "\n".join([*self._tail, *rest])

    def where(self) -> str:
        """For a message: where to look."""
        if self.trouble:
            return f"The log {self.path} could not be written: {self.trouble}."
        return f"The log {self.path} says more."

    def _append(self, data: bytes) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        while data:
            room = self._size - (self.path.stat().st_size if self.path.exists() else 0)
            if room <= 0:
                self._rotate()
                continue
            with open(self.path, "ab") as file:
                file.write(data[:room])
            data = data[room:]

    def _rotate(self) -> None:
        files = [self.path, *(self.path.with_name(f"worker.{i}.log") for i in range(1, self._kept + 1))]
        try:
            for older, newer in zip(files[:0:-1], files[-2::-1], strict=True):
                if newer.exists():
                    os.replace(newer, older)
        except OSError:
            os.truncate(self.path, 0)  # another program holds an old file open: a bounded log matters more than its past
