# SPDX-License-Identifier: GPL-3.0-or-later
"""Worker handlers that go wrong in every way we know of; loaded by ``inference.worker --handlers``."""
import ctypes
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from facewright.core.errors import UserError


def crash_with_status(params, report):
    os._exit(7)


def segfault(params, report):
    ctypes.string_at(0)


def kill_self(params, report):
    os.kill(os.getpid(), signal.SIGKILL)


def stop_self(params, report):
    os.kill(os.getpid(), signal.SIGSTOP)
    return {}


def hold_the_lock(params, report):
    """A C call that keeps Python's lock, so that no thread of the worker runs."""
    ctypes.PyDLL(None).sleep(60)
    return {}


def out_of_memory(params, report):
    return {"size": len(bytearray(2**62))}


def torch_out_of_memory(params, report):
    import torch

    return {"size": torch.empty(2**50).numel()}


def print_garbage(params, report):
    print("a library says hello")
    os.write(1, b'\x00\xff\n{"type": "result", "id": 1, "values": {"forged": true}}\n')
    subprocess.run([sys.executable, "-c", "print('and its child, too')"], check=True)
    return {"read": sys.stdin.read()}


def fill_stderr(params, report):
    for _ in range(params["megabytes"]):
        os.write(2, b"x" * 99 + b"\n" * 1 + b"y" * (1024 * 1024 - 100))
    return {}


def user_error(params, report):
    raise UserError("The file is empty.", "Choose another one.")


def bug(params, report):
    return {"value": [][0]}


def leave(params, report):
    sys.exit("a library wanted to leave")


def lacks_a_package(params, report):
    import a_package_that_nobody_has  # noqa: F401


def not_json(params, report):
    return {"value": float("nan")}


def too_large(params, report):
    return {"value": "x" * (17 * 1024 * 1024)}


def never_reports(params, report):
    Path(params["started"]).write_text(str(os.getpid()))
    time.sleep(60)
    return {}


def writes_slowly(params, report):
    """Leaves a half-written file for as long as it runs."""
    folder = Path(params["folder"])
    (folder / "half.npz").write_bytes(b"half")
    for i in range(600):
        time.sleep(0.1)
        if params.get("reports", True):
            report(i / 600, "Writing")
    return {}


def flood_of_progress(params, report):
    for i in range(params["count"]):
        report(i / params["count"], f"Step {i}")
    return {"count": params["count"]}


HANDLERS = {name: value for name, value in globals().items() if callable(value) and getattr(value, "__module__", "") == __name__}
