# SPDX-License-Identifier: GPL-3.0-or-later
"""What a bake of speech leaves on its Actions beside keys: what is said, how the take was made, and how it looked when it was baked."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from ..core.content import sha256_of
from ..core.timing import scene_fps
from ..inference.speech.phone_track import PhoneTrack
from . import edits, phonemes, sound, tags

if TYPE_CHECKING:
    from .bake import BakeOptions, BakePlan, BakeReport

# Of the job's parameters, those that make a take; where it is written, and on which machine, is not kept.
KEPT = (
    "text", "seed", "variation", "controls", "emotion", "response", "style", "asymmetry", "person", "life", "pronunciations",
    "adapter_strength",
)  # fmt: skip


def recipe(params: Mapping[str, Any], result: Mapping[str, Any], options: BakeOptions) -> dict[str, Any]:
    """How a take was made, as JSON-ready data: the job's parameters and answer, and how its curves became keys.

    The adapter is named by its content, since its file may be moved, and lies elsewhere on another computer.
    """
    adapter = params.get("adapter")
    return {
        "audio": sound.stored_path(Path(params["audio"])),
        "sound": result.get("sound", ""),
        "duration": result["duration"],
        "start_frame": options.start_frame,
        "place_sound": options.sound is not None,
        "params": {name: params[name] for name in KEPT if name in params},
        "adapter": {"name": Path(adapter).stem, "sha256": sha256_of(adapter)} if adapter else None,
        "bake": {name: getattr(options, name) for name in ("strength", "smoothing", "keys", "max_error")},
    }


def record(
    plan: BakePlan,
    report: BakeReport,
    result: Mapping[str, Any],
    made: Mapping[str, Any],
    scene: bpy.types.Scene,
    held: edits.Held | None = None,
) -> None:
    """After ``bake.apply``: keep the track, the recipe and a snapshot with the new Actions.

    held: what of an earlier take was kept in this one; an artist's work in it stays the artist's.
    """
    made = {**made, "fps": scene_fps(scene.render.fps, scene.render.fps_base)}
    actions = phonemes.attach(plan.targets, report.actions, PhoneTrack.from_dict(dict(result)), made)
    for action in actions:
        edits.remember(action, report.frame_end, held)
        if held is not None and held.edited:
            tags.mark_edited(action)


def by_hand(action: bpy.types.Action) -> bool:
    """Whether the track of this take was changed by hand, on the face already or not."""
    return action.facewright_take.edited or bool(phonemes.recipe(action).get("by_hand"))


def keep_tracks(plan: BakePlan) -> None:
    """Before another bake takes their place: takes whose track was changed by hand are the artist's, as those with edited keys are."""
    for action in {action for target in plan.targets for action in tags.our_actions(target.key) if by_hand(action)}:
        tags.mark_edited(action)
