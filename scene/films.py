# SPDX-License-Identifier: GPL-3.0-or-later
"""Films of takes: numbered pictures kept by content in the data folder, made by a second Blender (``film_child``) on a copy of the scene.

All methods belong to Blender's main thread and return in milliseconds, but for ``open``, which writes the copy (0.04 s for the demo head).
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import bpy
import numpy as np

from ..core.errors import UserError
from ..core.paths import ROOT
from . import actions_compat, tags
from .film_child import MARK
from .targets import with_shape_keys

Engine = Literal["WORKBENCH", "EEVEE", "CYCLES"]
Camera = Literal["FACE", "SCENE"]
MOST_RATE = 30.0  # frames a second that a film is rendered at, at most: of a 60 fps scene every second frame
CARD = "film.json"  # written last, so a folder without one is not finished
KEPT_BYTES = 2_000_000_000  # of all films together; the oldest go first
WORK, LEFT_OVER = ".work-", 86_400.0  # folders of unfinished films, and the seconds after which nobody works in one
_IGNORED = {"select", "location", "location_absolute", "width", "height", "hide", "show_options", "show_expanded", "parent", "is_active"}
FORMAT = 2  # of the pictures: raised when they would look otherwise


@dataclass(frozen=True)
class Look:
    """Everything but the take itself that decides what a film shows. ``smooth`` is None until the second Blender has measured it.

    sitting: films are used again within it only. What else may change between two (poses, textures, light) no hash tells in full, and one
    stale film beside a new one would say which is which.
    """

    rig: str
    camera: str
    engine: str
    size: int
    fps: float
    smooth: bool | None = None
    sitting: str = ""

    def key(self, take: str, frame: int) -> str:
        """Names the folder of this take's film. ``frame`` is where it starts in the scene: the character may move about."""
        told = json.dumps({"format": FORMAT, "take": take, "frame": frame, **asdict(self)}, sort_keys=True)
        return hashlib.sha256(told.encode()).hexdigest()


@dataclass(frozen=True)
class Film:
    """Pictures of one take, in order, ``fps`` a second. split: height 0..1 from below that parts upper and lower face."""

    take: str
    frames: tuple[Path, ...]
    fps: float
    split: float = 0.5

    @property
    def seconds(self) -> float:
        return len(self.frames) / self.fps


@dataclass(frozen=True)
class Wanted:
    """A film to be made: ``frames`` pictures from the scene's ``frame`` on (time 0 of the curves), every ``step``-th frame."""

    take: str
    curves: Path
    frame: int
    frames: int
    step: int
    fps: float


def step_for(fps: float) -> int:
    """Of how many scene frames a film shows one."""
    return max(1, int(np.ceil(fps / MOST_RATE - 1e-6)))


def folder(data_folder: Path) -> Path:
    return data_folder / "renders"


def load(data_folder: Path, key: str) -> Film | None:
    """The finished film under this key, or None."""
    where = folder(data_folder) / key
    try:
        card = json.loads((where / CARD).read_text(encoding="utf-8"))
        frames = tuple(where / f"{number:04d}.jpg" for number in range(1, int(card["frames"]) + 1))
        film = Film(str(card["take"]), frames, float(card["fps"]), min(max(float(card["split"]), 0.0), 1.0))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return film if frames and all(path.is_file() for path in frames) else None


def prune(data_folder: Path, most: int = KEPT_BYTES, keep: Sequence[str] = ()) -> int:
    """Remove films, those used longest ago first, until ``most`` bytes are left, and what a crash left. Returns the bytes freed."""
    root = folder(data_folder)
    if not root.is_dir():
        return 0
    found = []
    for where in root.iterdir():
        with contextlib.suppress(OSError):
            size = sum(file.stat().st_size for file in where.iterdir()) if where.is_dir() else where.stat().st_size
            found.append((where.stat().st_mtime, size, where))
    total, freed = sum(size for _, size, _ in found), 0
    for used, size, where in sorted(found, key=lambda item: item[0]):
        left_over = where.name.startswith(WORK) and used < time.time() - LEFT_OVER  # no sitting lasts so long
        if where.name in keep or not (left_over or (total - freed > most and not where.name.startswith(WORK))):
            continue
        shutil.rmtree(where, ignore_errors=True)
        freed += size
    return freed


def rig_hash(scene: bpy.types.Scene, objects: Sequence[bpy.types.Object]) -> str:
    """sha256 over the character's shape and the Actions that move it: what must be rendered anew when the artist changes it."""
    digest = hashlib.sha256()
    for key, users in with_shape_keys(objects):
        for block in key.key_blocks:
            flat = np.empty(3 * len(block.data), np.float32)
            block.data.foreach_get("co", flat)
            digest.update(block.name.encode())
            digest.update(flat.tobytes())
        for obj in users:
            digest.update(np.array(obj.matrix_world, np.float32).tobytes())
    for obj in sorted((o for o in scene.objects if not o.hide_render), key=lambda o: o.name):
        if obj.type == "CAMERA":
            continue  # ``camera_name`` tells of it
        digest.update(f"{obj.name} {obj.type} {[_told(m) for m in obj.modifiers]}".encode())
        digest.update(np.round(np.array(obj.matrix_world, np.float64), 5).tobytes())
        if obj.type == "MESH":
            digest.update(f"{len(obj.data.vertices)} {len(obj.data.polygons)}".encode())
            if obj.data.shape_keys is None:
                flat = np.empty(3 * len(obj.data.vertices), np.float32)
                obj.data.vertices.foreach_get("co", flat)
                digest.update(flat.tobytes())
        elif obj.type == "LIGHT":
            digest.update((_told(obj.data) + _nodes(obj.data)).encode())
        for slot in obj.material_slots:
            if slot.material is not None:
                digest.update((_told(slot.material) + _nodes(slot.material)).encode())
        for owner in (obj, obj.data):
            adt = getattr(owner, "animation_data", None)
            if adt is not None and adt.action is not None and tags.read(adt.action) is None:
                digest.update(tags.fingerprint(adt.action).encode())
    if scene.world is not None:
        digest.update((_told(scene.world) + _nodes(scene.world)).encode())
    return digest.hexdigest()


def _told(owner: bpy.types.bpy_struct) -> str:
    """The plain settings of a modifier, node, material, light or world, and the names of what it points to; not how an editor shows it."""
    found = []
    for prop in owner.bl_rna.properties:
        if prop.is_readonly or prop.identifier in _IGNORED or prop.type == "COLLECTION":
            continue
        value = getattr(owner, prop.identifier)
        if prop.type == "POINTER":
            value = getattr(value, "name", "")
        elif getattr(prop, "is_array", False):
            value = np.round(np.array(value, np.float64), 5).ravel().tolist()
        found.append((prop.identifier, value))
    return repr(found)


def _nodes(owner: bpy.types.Material | bpy.types.World | bpy.types.Light) -> str:
    """Its nodes, what is typed into their sockets, and how they are linked."""
    tree = owner.node_tree
    if tree is None:
        return ""
    links = [(k.from_node.name, k.from_socket.identifier, k.to_node.name, k.to_socket.identifier) for k in tree.links]
    return repr([(_told(node), [_told(socket) for socket in node.inputs]) for node in tree.nodes]) + repr(links)


def camera_name(scene: bpy.types.Scene, camera: Camera) -> str:
    """What tells one view from another, for the film's key and the take's record."""
    own = scene.camera
    if camera == "FACE" or own is None:
        return "face"
    told = [
        *np.round(np.array(own.matrix_world, np.float64).ravel(), 5),
        own.data.type,
        round(own.data.lens, 3),
        round(own.data.ortho_scale, 4),
    ]
    told += [scene.render.resolution_x, scene.render.resolution_y, own.data.shift_x, own.data.shift_y]
    if own.animation_data is not None and own.animation_data.action is not None:
        told.append([len(f.keyframe_points) for f in actions_compat.fcurves(own.animation_data.action)])
        told.append(tags.fingerprint(own.animation_data.action))
    return f"{own.name} {hashlib.sha256(repr(told).encode()).hexdigest()[:12]}"


class FilmMaker:
    """The second Blender and its queue. ``open`` starts it, ``want`` asks for a film, ``poll`` brings everything up to date.

    data_folder: films go to <data_folder>/renders, the log to <data_folder>/logs/films.log
    ready: it has opened the scene, ``look`` says how films are made;  error: a UserError when it gave up, with ``details``
    """

    def __init__(self, data_folder: Path):
        self.data_folder = data_folder
        self.look: Look | None = None
        self.ready = False
        self.error: UserError | None = None
        self.details = ""
        self.made_seconds: list[float] = []  # of each film that was rendered, for whoever measures
        self._process: subprocess.Popen | None = None
        self._answers: queue.Queue = queue.Queue()
        self._waiting: deque[Wanted] = deque()
        self._current: tuple[Wanted, str, Path] | None = None
        self._done: dict[str, Film] = {}
        self._failed: dict[str, UserError] = {}
        self._frame = 0
        self._work: Path | None = None
        self._order: dict = {}

    # Asking.

    def open(
        self,
        scene: bpy.types.Scene,
        objects: Sequence[bpy.types.Object],
        camera: Camera,
        engine: Engine,
        size: int,
        smooth: bool | None = None,
    ) -> None:
        """Copy the scene and start the second Blender on it. Raises UserError where the copy cannot be written."""
        root = folder(self.data_folder)
        try:
            root.mkdir(parents=True, exist_ok=True)
            self._work = Path(tempfile.mkdtemp(prefix=WORK, dir=root))
        except OSError as error:
            raise UserError(f"Cannot write in {root}: {error.strerror}.", "Choose another data folder in the preferences.") from error
        fps = scene.render.fps / scene.render.fps_base
        shown = round(fps / step_for(fps), 4)
        self.look = Look(rig_hash(scene, objects), camera_name(scene, camera), engine, size, shown, smooth, uuid.uuid4().hex)
        names = [obj.name for obj in objects if getattr(obj.data, "shape_keys", None)]
        self._order = {"do": "open", "name": scene.name, "objects": names, "camera": camera}
        self._order |= {"engine": engine, "size": size, "smooth": smooth}
        self._write_copy(scene)
        self._start()

    def want(self, wanted: Wanted, first: bool = False) -> None:
        """Queue a film unless it is there, made or queued. ``first``: before all others that wait."""
        if wanted.take in self._done or wanted.take in self._failed or self._is_queued(wanted.take):
            if first and (waiting := next((w for w in self._waiting if w.take == wanted.take), None)):
                self._waiting.remove(waiting)
                self._waiting.appendleft(waiting)
            return
        (self._waiting.appendleft if first else self._waiting.append)(wanted)

    def film(self, take: str) -> Film | None:
        """The finished film of this take, or None."""
        return self._done.get(take)

    def failure(self, take: str) -> UserError | None:
        return self._failed.get(take)

    @property
    def busy(self) -> bool:
        return self._current is not None or bool(self._waiting) or (self._process is not None and not self.ready)

    def progress(self, takes: Sequence[str]) -> float:
        """0..1: how much of these takes' films is done."""
        if not takes:
            return 1.0
        done = sum(take in self._done or take in self._failed for take in takes)
        if self._current is not None and self._current[0].take in takes:
            done += self._frame / max(self._current[0].frames, 1)
        return min(done / len(takes), 1.0)

    # Bringing up to date.

    def poll(self) -> None:
        """Take what the second Blender said and give it the next film. Never waits."""
        while True:
            try:
                said = self._answers.get_nowait()
            except queue.Empty:
                break
            self._take(said)
        while self.ready and self.error is None and self._current is None and self._waiting:
            self._next()

    def close(self) -> None:
        """End the second Blender, now, and remove what is unfinished."""
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(OSError):
                process.stdin.close()
            process.kill()  # it owns nothing but unfinished pictures
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(2.0)
            process.stdout.close()
        self._waiting.clear()
        self._current = None
        self.ready = False
        if self._work is not None:
            shutil.rmtree(self._work, ignore_errors=True)
            self._work = None

    def _write_copy(self, scene: bpy.types.Scene) -> None:
        path = self._work / "scene.blend"
        try:
            bpy.data.libraries.write(str(path), {scene}, path_remap="ABSOLUTE", fake_user=False)
        except (OSError, RuntimeError) as error:
            self.close()
            raise UserError(f"The scene could not be copied for rendering: {error}.", "Free some space on the disk.") from error
        self._order["scene"] = str(path)

    def _start(self) -> None:
        entry, module = str(ROOT / "entry.py"), "scene.film_child"
        if bpy.app.binary_path:
            trust = "--enable-autoexec" if bpy.context.preferences.filepaths.use_scripts_auto_execute else "--disable-autoexec"
            command = [bpy.app.binary_path, "-b", "--factory-startup", trust, "-noaudio", "--python-exit-code", "1"]
            run = f"import runpy, sys; sys.argv = [{entry!r}, {module!r}]; runpy.run_path({entry!r}, run_name='__main__')"
            command += ["--python-expr", run]
        else:
            command = [sys.executable, "-X", "utf8", entry, module]
        logs = self.data_folder / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        try:
            with (logs / "films.log").open("wb") as log:
                self._process = subprocess.Popen(
                    command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
                )
        except OSError as error:
            self.close()
            raise UserError(f"A second Blender for rendering could not be started: {error.strerror}.", "Check the installation.") from error
        answers = self._answers = queue.Queue()
        threading.Thread(target=_listen, args=(self._process, answers), name="facewright films", daemon=True).start()
        self._say(self._order)

    def _say(self, order: dict) -> None:
        with contextlib.suppress(OSError):  # it has ended: the listener tells
            self._process.stdin.write((json.dumps(order) + "\n").encode())
            self._process.stdin.flush()

    def _take(self, said: dict) -> None:
        if said["did"] == "open":
            self.look = Look(**{**asdict(self.look), "smooth": said["smooth"]})
            self.ready = True
        elif said["did"] == "frame":
            self._frame = said["frame"]
        elif said["did"] == "film":
            self._finish(said)
        elif said["did"] == "failed":
            error = UserError(said["message"], said["hint"])
            if said["film"] and self._current is not None:
                wanted, _, out = self._current
                shutil.rmtree(out, ignore_errors=True)
                self._failed[wanted.take] = error
                self._current = None
            else:
                self._give_up(error, said.get("details", ""))
        elif said["did"] == "end":
            self._ended(said["status"])

    def _ended(self, status: int) -> None:
        if self._process is None:
            return
        log = self.data_folder / "logs" / "films.log"
        with contextlib.suppress(OSError):
            self.details = log.read_text(encoding="utf-8", errors="replace")[-4000:]
        self._give_up(
            UserError(
                f"The second Blender that renders takes ended (status {status}).",
                f"Choose Cycles as the renderer: Workbench and EEVEE need a graphics driver. The log is {log}.",
            ),
            self.details,
        )

    def _give_up(self, error: UserError, details: str) -> None:
        self.close()
        self.error, self.details = error, details

    def _next(self) -> None:
        wanted = self._waiting.popleft()
        key = self.look.key(wanted.take, wanted.frame)
        present = load(self.data_folder, key)
        if present is not None and len(present.frames) == wanted.frames:
            self._done[wanted.take] = present
            with contextlib.suppress(OSError):
                os.utime(folder(self.data_folder) / key)  # used just now: the last to be pruned
            return
        out = self._work / uuid.uuid4().hex
        try:
            out.mkdir()
        except OSError as error:
            self._failed[wanted.take] = _unkept(out, error)
            return
        self._current, self._frame = (wanted, key, out), 0
        order = {"do": "film", "film": wanted.take, "curves": str(wanted.curves), "frame": wanted.frame}
        self._say({**order, "frames": wanted.frames, "step": wanted.step, "out": str(out)})

    def _finish(self, said: dict) -> None:
        wanted, key, out = self._current
        self._current = None
        self.made_seconds.append(said["seconds"])
        card = {"format": FORMAT, "take": wanted.take, "frames": said["frames"], "fps": wanted.fps, "split": said["split"]}
        card["look"] = asdict(self.look)
        final = folder(self.data_folder) / key
        problem = OSError(0, "its files are gone")
        try:
            (out / CARD).write_text(json.dumps(card, indent=1), encoding="utf-8")
            shutil.rmtree(final, ignore_errors=True)
            out.rename(final)
        except OSError as error:  # a second session may have made the same one
            problem = error
        film = load(self.data_folder, key)
        if film is None:
            self._failed[wanted.take] = _unkept(final, problem)
        else:
            self._done[wanted.take] = film

    def _is_queued(self, take: str) -> bool:
        return any(w.take == take for w in self._waiting) or (self._current is not None and self._current[0].take == take)


def _unkept(where: Path, error: OSError) -> UserError:
    return UserError(f"The film could not be kept in {where}: {error.strerror}.", "Free some space on the disk.")


def _listen(process: subprocess.Popen, answers: queue.Queue) -> None:
    """In a thread: no bpy here. What Blender prints itself is passed over."""
    for line in process.stdout:
        text = line.decode("utf-8", "replace")
        if text.startswith(MARK):
            with contextlib.suppress(ValueError):
                answers.put(json.loads(text[len(MARK) :]))
    answers.put({"did": "end", "status": process.wait()})
