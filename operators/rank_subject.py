# SPDX-License-Identifier: GPL-3.0-or-later
"""What a sitting is about: the sound of the Speech panel, or the video or the picture of the Video panel."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import bpy

from ..core.content import sha256_of
from ..core.errors import UserError
from ..preferences import settings
from ..settings.scene import performance
from .bake_speech import transcript
from .bake_video import followed

if TYPE_CHECKING:  # takes brings numpy
    from ..scene import takes

KINDS = {"SOUND": "speech", "VIDEO": "video", "PICTURE": "image"}
MISSING = {
    "SOUND": "Choose the sound of the speech in the Speech panel.",
    "VIDEO": "Choose the video of a face in the Video and Image panel.",
    "PICTURE": "Choose a picture of a face in the Video and Image panel.",
}
TESTS, TESTS_OF_STILL = 3, 12  # comparisons of each stretch when an adapter is tested; a photo is one stretch


@dataclass(frozen=True)
class Subject:
    """path: the file; kind: of its takes; cuts: the stretches that are known of; rest: gives those that are not, once the worker tells how
    long the clip is (s); params: of the worker's verb, but for the candidates; wanted: the candidates."""

    path: Path
    kind: str
    cuts: list[takes.Cut]
    rest: Callable[[float], list[takes.Cut]] | None
    params: dict
    wanted: list[takes.Candidate]


def what_of(context: bpy.types.Context, tested: str = "") -> str:
    """"SOUND", "VIDEO" or "PICTURE": what the panel says, or what an adapter is for. Raises UserError where no such adapter is."""
    chosen, what = context.scene.facewright, context.scene.facewright.ranking.what
    if not tested:
        return what
    from ..preference.adapters import read_card
    from .adapters import chosen_path

    if read_card(chosen_path(context, tested)).base == "speech":
        return "SOUND"
    if what != "SOUND":
        return what
    return "PICTURE" if chosen.video.picture and not chosen.video.path else "VIDEO"


def missing_reason(context: bpy.types.Context, what: str) -> str:
    """Why there is nothing of this kind to make takes of; empty where there is."""
    return "" if _given(context)[what] else MISSING[what]


def nothing_reason(context: bpy.types.Context) -> str:
    """Why there is nothing at all: an adapter is tested on what it is for, whatever the panel says."""
    return "" if any(_given(context).values()) else missing_reason(context, context.scene.facewright.ranking.what)


def _given(context: bpy.types.Context) -> dict[str, str]:
    chosen = context.scene.facewright
    return {"SOUND": chosen.sound, "VIDEO": chosen.video.path, "PICTURE": chosen.video.picture}


def subject(context: bpy.types.Context, what: str, tested: str, seed: int) -> Subject:
    """Raises UserError for a clip that cannot be compared takes of."""
    if reason := missing_reason(context, what):
        raise UserError(reason)
    return {"SOUND": _sound, "VIDEO": _video, "PICTURE": _picture}[what](context, tested, seed)


def _sound(context: bpy.types.Context, tested: str, seed: int) -> Subject:
    from ..scene import sound, takes

    chosen = context.scene.facewright
    if chosen.ranking.where == "FRAME":
        raise UserError("A sound has no single frames to compare.", "Judge the stretch here, or the whole line.")
    path = Path(bpy.path.abspath(chosen.sound)).absolute()
    sound.check(path)
    cuts, rest = _stretches(context, path, *takes.listen(path))
    spoken = performance(chosen)
    shared = {name: spoken[name] for name in ("life", "style", "asymmetry", "person")}  # what all takes share
    params = {"audio": str(path), "text": transcript(chosen), "fps": takes.CURVES_FPS, **shared, **_common(context)}
    neutral = {name: chosen.bl_rna.properties[f"{name}_response"].default for name in spoken["response"]}
    moods = {name: amount for name, amount in spoken["emotion"].items() if amount}
    responses = {name: amount for name, amount in spoken["response"].items() if amount != neutral[name]}
    base = _base(context, "speech", tested, {**spoken["controls"], **moods, **responses}, chosen.seed, chosen.variation)
    return Subject(path, "speech", cuts, rest, params, _wanted(context, base, tested, seed, TESTS, context.scene.facewright.ranking.differ))


def _video(context: bpy.types.Context, tested: str, seed: int) -> Subject:
    from ..scene import takes

    wish, video = context.scene.facewright.ranking, context.scene.facewright.video
    path = _present(video.path)
    if wish.where == "FRAME":
        begins, fps = _begin(context, path)
        seconds = (context.scene.frame_current - begins) / fps
        if seconds < 0:
            raise UserError("The video has not begun on this frame.", "Go to a frame within it.")
        cuts, rest = [takes.still(seconds, context.scene.frame_current)], None
    else:
        cuts, rest = _stretches(context, path, None, [])
    neutral = video.neutral_time if video.neutral_from == "FRAME" else None
    params = {"path": str(path), "face": followed(video), "neutral_time": neutral, **_common(context)}
    base = _base(context, "image", tested, {**dict.fromkeys(takes.MIXED_SEEN, 1.0), "smoothing": video.smoothing})
    tests = TESTS_OF_STILL if wish.where == "FRAME" else TESTS
    return Subject(path, "video", cuts, rest, params, _wanted(context, base, tested, seed, tests, wish.differ_seen, takes.MIXED_SEEN))


def _picture(context: bpy.types.Context, tested: str, seed: int) -> Subject:
    from ..scene import takes

    wish, video = context.scene.facewright.ranking, context.scene.facewright.video
    if wish.differ_seen == "SMOOTHING" and not tested:
        raise UserError("Takes of a picture cannot differ by steadiness.", "Let them differ by something else.")
    path = _present(video.picture)
    params = {"path": str(path), "photo": True, "face": followed(video), **_common(context)}
    base = _base(context, "image", tested, dict.fromkeys(takes.MIXED_SEEN, 1.0))
    wanted = _wanted(context, base, tested, seed, TESTS_OF_STILL, wish.differ_seen, takes.MIXED_SEEN)
    return Subject(path, "image", [takes.still(0.0, context.scene.frame_current)], None, params, wanted)


def _present(given: str) -> Path:
    path = Path(bpy.path.abspath(given)).absolute()
    if not path.exists():
        raise UserError(f"There is no file '{path.name}' in {path.parent}.", "Choose it again.")
    return path


def _common(context: bpy.types.Context) -> dict:
    """What every job of takes is given."""
    preferences = settings(context)
    # Stretches are kept so that votes can tune when the clip is gone.
    return {"device": preferences.device, "heard": str(preferences.data_folder / "votes" / "heard")}


def _begin(context: bpy.types.Context, path: Path) -> tuple[int, float]:
    """The scene frame of the clip's time 0, and the scene's frames a second."""
    from ..scene import takes

    scene = context.scene
    return takes.sound_start(scene, path, scene.facewright.start_frame), scene.render.fps / scene.render.fps_base


def _stretches(context: bpy.types.Context, path: Path, seconds: float | None, quiet: list) -> tuple[list, Callable | None]:
    """The stretches of a clip of this length (None: not known yet), and what gives the rest of them."""
    from ..scene import takes

    wish = context.scene.facewright.ranking
    begins, fps = _begin(context, path)
    found = takes.windows(seconds, quiet, wish.where, (context.scene.frame_current - begins) / fps, wish.length)
    cuts = takes.cuts(found, fps, begins)
    if not cuts:
        raise UserError(f"{path.name} is too short to compare takes of.", "Choose a longer one.")
    if seconds is not None or wish.where != "LINE":
        return cuts, None
    done, length = cuts[0].end, wish.length
    return cuts, lambda duration: takes.cuts(takes.rest(done, duration, length), fps, begins)


def _base(
    context: bpy.types.Context, model: str, tested: str, controls: dict[str, float], seed: int = 0, variation: float = 1.0
) -> takes.Candidate:
    """What the panels ask for, with the adapter in use or the one that is tested."""
    from ..scene import takes
    from .adapters import chosen_path, shelf

    active = shelf(context).active(model)
    path = chosen_path(context, tested) if tested else active.path if active else None
    return takes.Candidate(
        seed=seed,
        variation=variation,
        controls=controls,
        adapter=str(path) if path else "",
        adapter_sha=sha256_of(path) if path else "",
        adapter_strength=1.0 if tested else context.scene.facewright.ranking.adapter_strength,
    )


def _wanted(context: bpy.types.Context, base: takes.Candidate, tested: str, seed: int, tests: int, differ: str, mixed=None) -> list:
    """The takes that the panel wishes for; with ``tested`` those that compare this adapter with the model as it ships."""
    from ..scene import takes

    wish, mixed = context.scene.facewright.ranking, mixed or takes.MIXED
    if tested:
        return takes.candidates(2 * tests, base, "ADAPTER", 0.0, seed, mixed)
    return takes.candidates(max(wish.count, int(wish.shown)), base, differ, wish.spread, seed, mixed)
