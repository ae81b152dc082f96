# SPDX-License-Identifier: GPL-3.0-or-later
"""The second Blender that renders takes, run by ``films.FilmMaker`` as ``entry.py scene.film_child``. It works on a copy of the scene, so
the artist's file, undo steps and window are never touched, and a renderer that dies takes nothing along.

Orders come as JSON lines on stdin, answers go as JSON lines with MARK in front to stdout, among what Blender prints. The first order
opens the scene, each further one asks for a film. When stdin closes the process ends.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
import time
import traceback

from ..core.errors import UserError

MARK = "@facewright "
SMOOTH_SECONDS = 0.03  # a frame with smoothed edges that takes longer (no graphics card) is drawn without
JPEG_QUALITY = 92


def answer(**data: object) -> None:
    sys.stdout.write(MARK + json.dumps(data) + "\n")
    sys.stdout.flush()


def listen(orders: queue.Queue) -> None:
    """In a thread, so that the end of the session ends this process in the middle of a frame too."""
    for line in sys.stdin:
        orders.put(json.loads(line))
    os._exit(0)


def main() -> None:
    orders: queue.Queue = queue.Queue()
    threading.Thread(target=listen, args=(orders,), daemon=True).start()

    from . import film_studio  # not above: it reads this file's constants

    studio = None
    while True:
        order = orders.get()
        try:
            if order["do"] == "open":
                studio = film_studio.Studio(order)
                answer(did="open", smooth=studio.smooth, size=studio.size)
            else:
                began = time.perf_counter()
                count = 0
                for count in studio.film(order):
                    answer(did="frame", film=order["film"], frame=count)
                answer(did="film", film=order["film"], frames=count, split=studio.split, seconds=time.perf_counter() - began)
        except UserError as error:
            answer(did="failed", film=order.get("film", ""), message=error.message, hint=error.hint)
        except Exception as error:
            answer(did="failed", film=order.get("film", ""), message=f"Rendering failed: {error}.", hint="", details=traceback.format_exc())


if __name__ == "__main__":
    main()
