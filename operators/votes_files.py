# SPDX-License-Identifier: GPL-3.0-or-later
"""Votes out of and into Blender: JSON lines and CSV for other tools, a bundle for a studio that merges many seats."""
from __future__ import annotations

from pathlib import Path

import bpy
from bpy_extras.io_utils import ExportHelper, ImportHelper

from ..core.errors import Cancelled, UserError
from ..preferences import server, settings
from ..scene import jobs, learning, tasks
from .verb import JobVerb, Work

FORMATS = (
    (".jsonl", "Pairs (.jsonl)", "Prompt, chosen and rejected, as preference trainers read them"),
    (".csv", "Table (.csv)", "One row a vote, for a spreadsheet"),
    (".zip", "Bundle (.zip)", "Votes, curves and small renders in one file, to be merged by a studio"),
)


class BrowsedJob(JobVerb):
    """A job whose file is chosen first: the file browser calls ``execute``, which in the window starts the job instead of waiting."""

    def execute(self, context: bpy.types.Context) -> set[str]:
        if bpy.app.background or context.window is None:
            return self.guarded(lambda: self._run(context))
        return self.guarded(lambda: self._start(context))


class FACEWRIGHT_OT_votes_export(BrowsedJob, bpy.types.Operator, ExportHelper):
    bl_idname = "facewright.votes_export"
    bl_label = "Export Votes"
    bl_description = "Write all votes of this computer to a file. A bundle also holds curves and small renders, no voice and no video"
    topic = "learning"
    title = "Export Votes"

    filename_ext = ".jsonl"
    filter_glob: bpy.props.StringProperty(default="*.jsonl;*.csv;*.zip", options={"HIDDEN"})
    format: bpy.props.EnumProperty(
        name="Format",
        description="What kind of file to write",
        items=FORMATS,
        default=".jsonl",  # what trainers read
    )

    @classmethod
    def disabled_reason(cls, context: bpy.types.Context) -> str:
        return jobs.busy_reason()

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        self.filepath = f"votes{self.format}"
        return ExportHelper.invoke(self, context, event)

    def draw(self, context: bpy.types.Context) -> None:
        self.layout.use_property_split = True
        self.layout.prop(self, "format")

    def check(self, context: bpy.types.Context) -> bool:
        self.filename_ext = self.format
        path = Path(self.filepath)
        if path.name and path.suffix.lower() in {suffix for suffix, _, _ in FORMATS} and path.suffix.lower() != self.format:
            self.filepath = str(path.with_suffix(self.format))
            return True
        return ExportHelper.check(self, context)

    def begin(self, context: bpy.types.Context) -> Work:
        data, target = settings(context).data_folder, Path(bpy.path.abspath(self.filepath))
        votes, renders = data / "votes", data / "renders"

        def write(_task: tasks.ThreadTask) -> dict:
            from ..preference import bundle, exchange
            from ..preference.store import Store

            with Store.open(votes, read_only=True) as store:
                if target.suffix.lower() == ".zip":
                    packed = bundle.pack(store, target, bundle.film_strips(renders))
                    held = f"{packed.records} records, {packed.curves} curves, {packed.renders} pictures"
                    return {"told": [f"Wrote {target.name}: {held}.", *packed.left_out]}
                written = exchange.write(store, target)
                return {"told": [f"Wrote {target.name}: {written.votes} votes in {written.rows} rows."]}

        if not (votes.is_dir() and any(votes.glob("*.sqlite"))):
            raise UserError("There are no votes on this computer yet.", "Compare some takes first.")
        return Work(tasks.ThreadTask(write), lambda result: jobs.Outcome("done", tuple(result["told"])))


class FACEWRIGHT_OT_votes_import(BrowsedJob, bpy.types.Operator, ImportHelper):
    bl_idname = "facewright.votes_import"
    bl_label = "Import Votes"
    bl_description = "Add the votes of a file or a bundle to those of this computer. Votes that are here already are not counted twice"
    topic = "learning"
    title = "Import Votes"

    filename_ext = ".jsonl"
    filter_glob: bpy.props.StringProperty(default="*.jsonl;*.csv;*.zip", options={"HIDDEN"})

    @classmethod
    def disabled_reason(cls, context: bpy.types.Context) -> str:
        return jobs.busy_reason() or ("End the sitting first." if _sitting_open() else "")

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        return ImportHelper.invoke(self, context, event)

    def begin(self, context: bpy.types.Context) -> Work:
        votes, source = settings(context).data_folder / "votes", Path(bpy.path.abspath(self.filepath))

        def read(task: tasks.ThreadTask) -> dict:
            from ..preference import exchange
            from ..preference.bundle import Bundle
            from ..preference.merge import merge
            from ..preference.store import Store

            task.left = "Cancelled. Votes that were read by then stay; importing the file again adds the rest."
            with Store.open(votes) as store:
                if source.suffix.lower() == ".zip":
                    with Bundle(source) as bundle:
                        done = merge(bundle, store, task.cancelled)
                else:
                    done = merge(exchange.read(source), store, task.cancelled)
            return {"told": [str(done), *done.warnings]}

        # What is shown of the votes is old also where it was cancelled.
        return Work(tasks.ThreadTask(read), lambda result: jobs.Outcome("done", tuple(result["told"])), learning.changed)


def _sitting_open() -> bool:
    from ..scene import sitting

    return sitting.current() is not None


def without_password(url: str) -> tuple[str, dict[str, str]]:
    """A server's URL as every user of the computer may read it among the running programs, and its password for the child's environment,
    where libpq looks (PGPASSWORD)."""
    from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

    try:
        parts = urlsplit(url)
    except ValueError:
        raise UserError("The server's address is no connection URL.", "Give postgresql://user@host/database.") from None
    login, at, host = parts.netloc.rpartition("@")
    user, _colon, password = login.partition(":")
    asked = parse_qsl(parts.query, keep_blank_values=True)
    passwords = [unquote(password), *(value for key, value in asked if key == "password")]
    kept = urlencode([(key, value) for key, value in asked if key != "password"])
    secret = next((found for found in reversed(passwords) if found), "")
    shown = f"{parts.scheme}://{user}{at}{host}{parts.path}{'?' if kept else ''}{kept}"
    return (shown, {"PGPASSWORD": secret}) if secret else (url, {})


class FACEWRIGHT_OT_votes_sync(JobVerb, bpy.types.Operator):
    bl_idname = "facewright.votes_sync"
    bl_label = "Exchange with Studio Server"
    bl_description = "Add this computer's votes to the studio's server of the preferences, and the server's votes to this computer"
    topic = "learning"
    title = "Exchange with Studio Server"

    @classmethod
    def disabled_reason(cls, context: bpy.types.Context) -> str:
        if not server(context):
            return "Set the studio server in the preferences first."
        if not bpy.app.online_access:
            return "Allow online access in Preferences > System > Network first: the studio server is asked over the network."
        return jobs.busy_reason() or ("End the sitting first." if _sitting_open() else "")

    def begin(self, context: bpy.types.Context) -> Work:
        from ..core.paths import ROOT
        from ..inference.child import clean_environment
        from ..scene import runtime_status

        preferences = settings(context)
        python = runtime_status.find(preferences.python, preferences.data_folder).python
        place, (url, secret) = str(preferences.data_folder / "votes"), without_password(server(context))
        environment = clean_environment(secret)
        # The shell's own verb in the runtime's Python: the database driver is not in Blender's.
        command = [str(python), "-X", "utf8", str(ROOT / "entry.py"), "cli", "votes", "merge", url, "--store", place, "--to", url]

        def exchange(task: tasks.ThreadTask) -> dict:
            import subprocess
            import tempfile
            import time

            task.stage = "Exchanging votes"
            hidden = getattr(subprocess, "CREATE_NO_WINDOW", 0)
            # What it says goes to a file: a pipe that nobody reads meanwhile holds it up once 64 KB are full.
            with tempfile.TemporaryFile() as output, subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, env=environment, creationflags=hidden
            ) as child:  # fmt: skip
                while child.poll() is None:
                    if task.cancelled():
                        child.kill()
                        raise Cancelled
                    time.sleep(0.05)
                output.seek(0)
                said = [line.strip() for line in output.read().decode("utf-8", "replace").splitlines() if line.strip()]
            if child.returncode:
                raise UserError((said or ["The exchange with the server failed."])[-1].removeprefix("facewright: "))
            return {"told": said[-4:]}

        def finish(result: dict) -> jobs.Outcome:
            learning.changed()
            return jobs.Outcome("done", tuple(result["told"]))

        return Work(tasks.ThreadTask(exchange), finish)
