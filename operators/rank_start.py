# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts a sitting: the worker makes takes of a sound, a video or a picture, a second Blender films them, and they are asked about two or
four at a time."""
from __future__ import annotations

from pathlib import Path

import bpy

from ..core.errors import UserError
from ..preferences import rater, settings
from ..rigs.arkit import ARKIT_52
from ..scene import jobs, learning, runtime_status, sitting, tasks
from .bake_speech import character_reason
from .rank_subject import nothing_reason, subject, what_of
from .verb import JobVerb, Work


class FACEWRIGHT_OT_rank_start(JobVerb, bpy.types.Operator):
    bl_idname = "facewright.rank_start"
    bl_label = "Start Sitting"
    bl_description = "Make takes and compare them, blind and side by side, on the selected character. Your file is not changed"
    topic = "ranking"
    title = "Make Takes"

    adapter: bpy.props.StringProperty(
        name="Test Adapter",
        description="File name of an adapter to compare with the model as it ships; empty: compare what the panel says",
        options={"HIDDEN", "SKIP_SAVE"},
    )

    @classmethod
    def disabled_reason(cls, context: bpy.types.Context) -> str:
        if sitting.current() is not None:
            return "A sitting is open: go on with it, or end it first."
        return jobs.busy_reason() or character_reason(context) or nothing_reason(context)

    def begin(self, context: bpy.types.Context) -> Work:
        import random
        import tempfile

        import numpy as np

        from ..core.curves import Curves
        from ..preference.store import Store
        from ..scene import bake, films, take_source

        preferences, scene = settings(context), context.scene
        wish, tested = scene.facewright.ranking, getattr(self, "adapter", "")
        # Whatever stands in the way is said now, not after the wait.
        bake.plan(context.selected_objects, Curves(ARKIT_52, [0.0], np.zeros((1, len(ARKIT_52)), np.float32)))
        seed = random.SystemRandom().randrange(2**31)
        about = subject(context, what_of(context, tested), tested, seed)
        fps = scene.render.fps / scene.render.fps_base
        python = runtime_status.find(preferences.python, preferences.data_folder).python
        client = tasks.worker(python, preferences.data_folder / "logs")
        store = Store.open(preferences.data_folder / "votes")
        maker = films.FilmMaker(preferences.data_folder)
        folder = Path(tempfile.mkdtemp(prefix="facewright-"))
        source = None
        try:
            if store.voting_reason:
                raise UserError(store.voting_reason)
            films.prune(preferences.data_folder)
            maker.open(scene, context.selected_objects, wish.camera, wish.engine, wish.size)
            params = {**about.params, "candidates": [one.params() for one in about.wanted]}
            if about.kind == "video":
                params["sound"] = str(folder / "sound.wav")  # for the player: Blender's own reader may end the process over a video
            brief = take_source.Brief(
                path=about.path,
                kind=about.kind,
                params=params,
                wanted=tuple(about.wanted),
                region="whole" if tested else wish.region,
                axis="overall" if tested else wish.axis,
                size=2 if tested else int(wish.shown),
                rig=maker.look.rig,
                camera=maker.look.camera,
                fps=maker.look.fps,
                step=films.step_for(fps),
                seed=seed,
                tested=tested,
            )

            def submit(verb: str, params: dict) -> tasks.Task:
                return tasks.WorkerTask(client, client.submit(verb, params))

            source = take_source.TakeSource(brief, take_source.in_turn(about.cuts, seed), submit, folder)
            source.rest = about.rest
            if store.stats().votes >= learning.TENS:
                source.votes = preferences.data_folder / "votes"
            task = source.start()
        except BaseException:
            let_go(store, maker, source, folder)
            raise
        who, blender = rater(context), bpy.app.version_string

        def finish(result: dict) -> jobs.Outcome:
            from ..scene import dialogs, ranking

            versions = {"facewright": dialogs.version(), "blender": blender}
            asked = ranking.Sitting(who, brief.region, brief.axis, seed, versions, sitting.CLOCK())
            asked.add(source.take(result))
            sitting.begin(sitting.Session(asked, store, maker, source))
            if dialogs.visible_window() is not None:
                from ..scene import player

                bpy.app.timers.register(player.open_by_itself, first_interval=0.01)
            if not asked.left and not source.cuts:
                return jobs.Outcome("done", ("The takes differ too little to be judged: let them differ by more.",))
            return jobs.Outcome("done", ("The takes are ready.",))

        def clean_up() -> None:
            opened = sitting.current()
            if opened is None or opened.maker is not maker:
                let_go(store, maker, source, folder)

        return Work(task, finish, clean_up)


def let_go(store, maker, source, folder: Path) -> None:
    """Undo what ``begin`` opened."""
    import shutil

    maker.close()
    store.close()
    if source is not None:
        source.close()
    shutil.rmtree(folder, ignore_errors=True)
