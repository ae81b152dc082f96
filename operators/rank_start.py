# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts a sitting: the worker makes takes of the sound, a second Blender films them, and they are asked about two or four at a time."""
from __future__ import annotations

from pathlib import Path

import bpy

from ..core.content import sha256_of
from ..core.errors import UserError
from ..preferences import rater, settings
from ..rigs.arkit import ARKIT_52
from ..scene import jobs, learning, runtime_status, sitting, tasks
from ..settings.scene import performance
from .bake_speech import character_reason, transcript
from .verb import JobVerb, Work

TESTS = 3  # comparisons of each stretch when an adapter is tested


class FACEWRIGHT_OT_rank_start(JobVerb, bpy.types.Operator):
    bl_idname = "facewright.rank_start"
    bl_label = "Start Sitting"
    bl_description = "Make takes of the sound and compare them, blind and side by side, on the selected character. Your file is not changed"
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
        no_sound = "" if context.scene.facewright.sound else "Choose the sound of the speech in the Speech panel."
        return jobs.busy_reason() or character_reason(context) or no_sound

    def begin(self, context: bpy.types.Context) -> Work:
        import random
        import tempfile

        import numpy as np

        from ..core.curves import Curves
        from ..preference.store import Store
        from ..scene import bake, films, sound, take_source, takes

        chosen, preferences, scene = context.scene.facewright, settings(context), context.scene
        wish, tested = chosen.ranking, getattr(self, "adapter", "")
        path = Path(bpy.path.abspath(chosen.sound)).absolute()
        sound.check(path)
        # Whatever stands in the way is said now, not after the wait.
        bake.plan(context.selected_objects, Curves(ARKIT_52, [0.0], np.zeros((1, len(ARKIT_52)), np.float32)))
        text = transcript(chosen)
        spoken = performance(chosen)
        seconds, quiet = takes.listen(path)
        begins = takes.sound_start(scene, path, chosen.start_frame)
        fps = scene.render.fps / scene.render.fps_base
        found = takes.windows(seconds, quiet, wish.where, (scene.frame_current - begins) / fps, wish.length)
        cuts = takes.cuts(found, fps, begins)
        if not cuts:
            raise UserError(f"The sound {path.name} is too short to compare takes of.", "Choose a longer one.")
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
            seed = random.SystemRandom().randrange(2**31)
            wanted = candidates(context, tested, seed)
            brief = take_source.Brief(
                sound=path,
                clip=sha256_of(path),
                params={
                    "audio": str(path),
                    "text": text,
                    "fps": takes.CURVES_FPS,
                    "candidates": [one.params() for one in wanted],
                    **{name: spoken[name] for name in ("life", "style", "asymmetry", "person")},  # what all takes share
                    "device": preferences.device,
                    "heard": str(preferences.data_folder / "votes" / "heard"),  # so that votes can tune when the sound is gone
                },
                wanted=tuple(wanted),
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

            source = take_source.TakeSource(brief, take_source.in_turn(cuts, seed), submit, folder)
            if seconds is None and wish.where == "LINE":
                done, length = cuts[0].end, wish.length
                source.rest = lambda duration: takes.cuts(takes.rest(done, duration, length), fps, begins)
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


def candidates(context: bpy.types.Context, tested: str, seed: int) -> list:
    """The takes that the panel wishes for; with ``tested`` those that compare this adapter with the model as it ships."""
    from ..scene import takes
    from .adapters import chosen_path, shelf

    chosen, wish = context.scene.facewright, context.scene.facewright.ranking
    spoken = performance(chosen)
    neutral = {name: chosen.bl_rna.properties[f"{name}_response"].default for name in spoken["response"]}
    moods = {name: amount for name, amount in spoken["emotion"].items() if amount}
    responses = {name: amount for name, amount in spoken["response"].items() if amount != neutral[name]}
    active = shelf(context).active()
    path = chosen_path(context, tested) if tested else active.path if active else None
    base = takes.Candidate(
        seed=chosen.seed,
        variation=chosen.variation,
        controls={**spoken["controls"], **moods, **responses},
        adapter=str(path) if path else "",
        adapter_sha=sha256_of(path) if path else "",
        adapter_strength=1.0 if tested else wish.adapter_strength,
    )
    if tested:
        return takes.candidates(2 * TESTS, base, "ADAPTER", 0.0, seed)
    return takes.candidates(max(wish.count, int(wish.shown)), base, wish.differ, wish.spread, seed)


def let_go(store, maker, source, folder: Path) -> None:
    """Undo what ``begin`` opened."""
    import shutil

    maker.close()
    store.close()
    if source is not None:
        source.close()
    shutil.rmtree(folder, ignore_errors=True)
