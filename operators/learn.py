# SPDX-License-Identifier: GPL-3.0-or-later
"""What votes teach: controls that are suggested to the sliders, and an adapter that is tuned and passes its gate or not."""
from __future__ import annotations

import bpy

from ..core.errors import UserError
from ..preferences import settings
from ..scene import handles, jobs, learning, runtime_status, sitting, tasks
from .verb import JobVerb, Work

CONTROLS = ("jaw", "lips", "articulation")  # the panel's sliders that a suggestion may set


def client_of(context: bpy.types.Context):
    preferences = settings(context)
    found = runtime_status.find(preferences.python, preferences.data_folder)
    return tasks.worker(found.python, preferences.data_folder / "logs")


def votes_reason(context: bpy.types.Context, least: int, bases: tuple[str, ...] = ("speech",)) -> str:
    """Why there is nothing to learn from yet; empty where one of these models has enough votes."""
    if sitting.current() is not None:
        return "End the sitting first, so that all of its votes are learned from."
    known = learning.current(settings(context).data_folder)
    if known is None:
        return "The votes are being read: try again in a moment."
    votes = max(known.votes_of(base) for base in bases)
    return "" if votes >= least else f"{votes} of the {least} votes that this needs: compare more takes."


class FACEWRIGHT_OT_suggest_controls(JobVerb, bpy.types.Operator):
    bl_idname = "facewright.suggest_controls"
    bl_label = "Suggest Controls"
    bl_description = "Set jaw, lips and articulation to what the votes so far prefer. Undo brings the old amounts back"
    bl_options = {"REGISTER", "UNDO"}
    topic = "learning"
    title = "Suggest Controls"

    @classmethod
    def disabled_reason(cls, context: bpy.types.Context) -> str:
        return jobs.busy_reason() or votes_reason(context, learning.FEW)

    def begin(self, context: bpy.types.Context) -> Work:
        client = client_of(context)
        who = handles.remember(context.scene, ())
        task = tasks.WorkerTask(client, client.submit("suggest_controls", {"votes": str(settings(context).data_folder / "votes")}))

        def finish(result: dict) -> jobs.Outcome:
            scene, _objects = handles.find(who)
            chosen = scene.facewright
            told = []
            for name in CONTROLS:
                if name in result["controls"]:
                    setattr(chosen, name, result["controls"][name])
                    unsure = result.get("uncertainty", {}).get(name)
                    told.append(f"{name} {getattr(chosen, name):.2f}" + (f" (± {unsure:.2f})" if unsure is not None else ""))
            first = f"From {result['votes_used']} votes: {', '.join(told)}." if told else "The votes so far suggest nothing."
            return jobs.Outcome("done", (first, "Bake again to see them.", *result.get("warnings", ())))

        return Work(task, finish)


class FACEWRIGHT_OT_finetune(JobVerb, bpy.types.Operator):
    bl_idname = "facewright.finetune"
    bl_label = "Tune an Adapter"
    bl_description = "Tune a small adapter on the votes and test it against the model as it ships, which stays as it is"
    topic = "learning"
    title = "Tune an Adapter"

    base: bpy.props.StringProperty(
        name="Model",
        description="speech or image; empty for the one that more votes are about",
        options={"HIDDEN", "SKIP_SAVE"},
    )

    @classmethod
    def disabled_reason(cls, context: bpy.types.Context) -> str:
        return jobs.busy_reason() or votes_reason(context, learning.HUNDRED, ("speech", "image"))

    def begin(self, context: bpy.types.Context) -> Work:
        from datetime import datetime

        from ..preference.adapters import BASES, Shelf

        preferences = settings(context)
        known = learning.current(preferences.data_folder)
        # The one with more votes comes by itself: who compares videos wants the image model tuned.
        base = getattr(self, "base", "") or max(BASES, key=known.votes_of)
        if reason := votes_reason(context, learning.HUNDRED, (base,)):
            raise UserError(reason)
        shelf = Shelf.of(preferences.data_folder)
        out = shelf.free_path(f"{datetime.now():%Y-%m-%d %H.%M}")
        client = client_of(context)
        params = {
            "votes": str(preferences.data_folder / "votes"),
            "base": base,
            "out": str(out),
            "rounds": context.scene.facewright.ranking.rounds,
            "device": preferences.device,
            "seed": 0,
        }

        def finish(result: dict) -> jobs.Outcome:
            learning.changed()
            return jobs.Outcome("done", (*verdict(result["gate"]), *result.get("warnings", ())))

        return Work(tasks.WorkerTask(client, client.submit("finetune", params)), finish)


class FACEWRIGHT_OT_adapter_gate(JobVerb, bpy.types.Operator):
    bl_idname = "facewright.adapter_gate"
    bl_label = "Count the Comparisons"
    bl_description = "See whether the adapter has won enough blind comparisons with the model as it ships"
    topic = "learning"
    title = "Count the Comparisons"

    name: bpy.props.StringProperty(name="Adapter", description="Its file name", options={"HIDDEN", "SKIP_SAVE"})

    @classmethod
    def disabled_reason(cls, context: bpy.types.Context) -> str:
        return jobs.busy_reason() or ("End the sitting first." if sitting.current() is not None else "")

    def begin(self, context: bpy.types.Context) -> Work:
        from .adapters import chosen_path

        path = chosen_path(context, self.name)
        client = client_of(context)
        params = {"adapter": str(path), "votes": str(settings(context).data_folder / "votes")}

        def finish(result: dict) -> jobs.Outcome:
            learning.changed()
            return jobs.Outcome("done", verdict(result))

        return Work(tasks.WorkerTask(client, client.submit("gate", params)), finish)


def verdict(gate: dict) -> tuple[str, ...]:
    """The gate's answer, in sentences."""
    if not gate["passed"]:
        return ("The adapter has not passed yet. Test it in the list below.", *gate.get("reasons", ()))
    low, high = gate["interval"]
    won = f"It won {gate['win_rate']:.0%} of {gate['compared']} fresh blind comparisons ({low:.0%} to {high:.0%})."
    return ("The adapter passed: use it in the list below.", won, *gate.get("reasons", ()))
