# SPDX-License-Identifier: GPL-3.0-or-later
"""Phone tracks of takes on their Actions: which one the selection shows, read and written as ``PhoneTrack``, in frames and seconds."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import bpy

from ..core.errors import UserError
from ..core.timing import scene_fps
from ..inference.speech import track_edit
from ..inference.speech.phone_track import Phone, PhoneTrack, Word
from ..rigs.arkit import ARKIT_52
from ..settings.take import quietly
from . import markers, tags
from .targets import Target, with_shape_keys

MARKERS = "phonemes"  # our markers' kind
NO_TRACK = "No take with a phone track is selected. Bake speech onto the character first."


@dataclass(frozen=True)
class Shown:
    """The take whose track is shown.

    action: holds the track. used: the Action that the selection plays, of the same line (the face's own, or the teeth's).
    start: scene frame of the sound's start. stretch: scene frames for one frame of the Action (other than 1 on a scaled NLA strip).
    pushed: whether it plays on an NLA strip that is the artist's.
    """

    action: bpy.types.Action
    used: bpy.types.Action
    start: float
    stretch: float
    pushed: bool

    @property
    def take(self) -> bpy.types.PropertyGroup:
        return self.action.facewright_take


def attach(
    targets: Sequence[Target], actions: Iterable[str], track: PhoneTrack, recipe: Mapping[str, Any]
) -> tuple[bpy.types.Action, ...]:
    """Keep the track with a bake that was just written: recipe on every one of its Actions, the track on the face's. Returns them."""
    names = set(actions)
    written = [(t, a) for t in targets for a in tags.our_actions(t.key) if a.name in names]
    if not written:
        return ()
    line = uuid4().hex
    _face, holder = max(written, key=lambda pair: len(set(pair[0].mapping.sources) & set(ARKIT_52)))
    for _target, action in written:
        action.facewright_take.line = line
        action.facewright_take.recipe = json.dumps(dict(recipe))
    write(holder, track)
    holder.facewright_take.edited = False
    return tuple(action for _target, action in written)


def find(objects: Sequence[bpy.types.Object], scene: bpy.types.Scene) -> Shown | None:
    """The take of these objects at the playhead: the active Action's, else that of an NLA strip under the playhead, else of the nearest."""
    fallback: tuple[float, Shown] | None = None
    for key, _users in with_shape_keys(objects):
        adt = key.animation_data
        if adt is None:
            continue
        if adt.action is not None and (holder := _holder(adt.action)) is not None:
            return Shown(holder, adt.action, float(start_frame(adt.action)), 1.0, False)
        ours = {action.name for action in tags.our_actions(key)}
        for track in adt.nla_tracks:
            for strip in track.strips:
                if strip.action is None or (holder := _holder(strip.action)) is None:
                    continue
                start = strip.frame_start + (start_frame(strip.action) - strip.action_frame_start) * strip.scale
                shown = Shown(holder, strip.action, start, strip.scale, strip.action.name not in ours)
                away = max(strip.frame_start - scene.frame_current, scene.frame_current - strip.frame_end, 0.0)
                if fallback is None or away < fallback[0]:
                    fallback = (away, shown)
    return fallback[1] if fallback else None


def required(context: bpy.types.Context) -> Shown:
    """As ``find``. Raises UserError where there is none."""
    shown = find(context.selected_objects, context.scene)
    if shown is None:
        message, _, hint = NO_TRACK.partition(". ")
        raise UserError(message + ".", hint)
    return shown


def parts(shown: Shown, scene: bpy.types.Scene, chosen: Sequence[bpy.types.Object]) -> list[bpy.types.Object]:
    """Objects of the scene that play Actions of the same line, each Key's once.

    A copied character plays copies of its Actions. Where several faces play the line, only what belongs to ``chosen`` is a part: these
    objects, and those with the same parent or armature.
    """
    found, faces = {}, set()
    for obj in scene.objects:
        key = getattr(obj.data, "shape_keys", None)
        adt = key.animation_data if key is not None else None
        if adt is None:
            continue
        played = [adt.action, *(strip.action for track in adt.nla_tracks for strip in track.strips)]
        same = [a for a in played if a is not None and a.facewright_take.line == shown.take.line]
        if same:
            found.setdefault(key.as_pointer(), obj)
        if any(len(a.facewright_take.phones) or len(a.facewright_take.words) for a in same):
            faces.add(key.as_pointer())
    if len(faces) > 1:
        keys = {key.as_pointer() for key, _users in with_shape_keys(chosen)}
        kin = set().union(*map(_holders, chosen))
        return [obj for key, obj in found.items() if key in keys or kin & _holders(obj)]
    return list(found.values())


def start_frame(action: bpy.types.Action) -> int:
    """Frame of the Action on which the sound starts."""
    tag = tags.read(action) or {}
    return int(tag.get("start_frame", recipe(action).get("start_frame", 1)))


def recipe(action: bpy.types.Action) -> dict[str, Any]:
    """How the take was made; {} where it does not say."""
    try:
        found = json.loads(action.facewright_take.recipe or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def read(action: bpy.types.Action) -> PhoneTrack:
    """The Action's track. Raises UserError where somebody's script has left it in disorder."""
    take = action.facewright_take
    return PhoneTrack(
        tuple(Phone(p.label, round(p.start, 3), round(p.end, 3), int(p.stress), round(min(p.confidence, 1.0), 3)) for p in take.phones),
        tuple(Word(w.name, round(w.start, 3), round(w.end, 3), round(min(w.confidence, 1.0), 3)) for w in take.words),
    )


def write(action: bpy.types.Action, track: PhoneTrack) -> None:
    """Put the track on the Action; entries that stay are not touched, so that an edit of a long take is quick."""
    take = action.facewright_take
    with quietly():
        _write_all(take.phones, track.phones, _same_phone, _write_phone)
        _write_all(take.words, track.words, _same_word, _write_word)
        take.phone_index = min(take.phone_index, max(len(take.phones) - 1, 0))
        take.word_index = min(take.word_index, max(len(take.words) - 1, 0))


def edit(shown: Shown, change: Callable[[PhoneTrack], PhoneTrack]) -> PhoneTrack:
    """Apply an edit to the shown track and mark it as not yet on the face. Raises UserError; then nothing has changed."""
    track = change(read(shown.action))
    write(shown.action, track)
    shown.take.edited = True
    return track


def choose(shown: Shown, kind: str, number: int) -> None:
    """Make an entry the chosen one, without moving the playhead."""
    with quietly():
        setattr(shown.take, f"{kind}_index", number)


def chosen(shown: Shown, kind: str) -> int:
    """Number of the chosen entry. Raises UserError where there is none."""
    count = len(shown.take.phones if kind == "phone" else shown.take.words)
    if not count:
        raise UserError(f"The take has no {kind}s.", "Insert one." if kind == "phone" else "Give a transcript, or write a word.")
    return min(getattr(shown.take, f"{kind}_index"), count - 1)


def seconds_at(shown: Shown, scene: bpy.types.Scene, frame: float | None = None) -> float:
    """Seconds of the sound at a scene frame, by default the playhead's."""
    frame = scene.frame_current_final if frame is None else frame
    return (frame - shown.start) / shown.stretch / scene_fps(scene.render.fps, scene.render.fps_base)


def frame_at(shown: Shown, scene: bpy.types.Scene, seconds: float) -> float:
    """Scene frame (fractional) of a moment of the sound."""
    return shown.start + seconds * scene_fps(scene.render.fps, scene.render.fps_base) * shown.stretch


def go_to(context: bpy.types.Context, action: bpy.types.Action, kind: str) -> None:
    """Move the playhead into the middle of the Action's chosen word or phone, where the mouth shows it."""
    shown = find(context.selected_objects, context.scene)
    if shown is None or shown.action != action:
        return
    entries = shown.take.phones if kind == "phone" else shown.take.words
    number = getattr(shown.take, f"{kind}_index")
    if not number < len(entries):
        return
    entry = entries[number]
    context.scene.frame_set(round(frame_at(shown, context.scene, 0.5 * (entry.start + entry.end))))
    with quietly():
        if kind == "word":
            inside = track_edit.phones_of(read(shown.action), number)
            if len(inside):
                shown.take.phone_index = inside.start
        elif (word := track_edit.word_of(read(shown.action), number)) is not None:
            shown.take.word_index = word


def shown_frame(entry: bpy.types.PropertyGroup, seconds: float) -> float:
    """Scene frame of a moment of the track that a word or phone belongs to."""
    shown, scene = _around(entry)
    return frame_at(shown, scene, seconds)


def drag(entry: bpy.types.PropertyGroup, start: float | None = None, end: float | None = None) -> None:
    """Move an entry's start or end to a scene frame, as far as its neighbours let it: a slider cannot complain."""
    shown, scene = _around(entry)
    kind = "phone" if hasattr(entry, "stress") else "word"
    number = int(entry.path_from_id().rpartition("[")[2].rstrip("]"))
    at = {name: seconds_at(shown, scene, frame) for name, frame in (("start", start), ("end", end)) if frame is not None}
    try:
        edit(shown, lambda track: track_edit.retime(track, kind, number, **at))
    except UserError:
        return


def mark(shown: Shown, scene: bpy.types.Scene, kind: str) -> int:
    """Our markers at the start of every word (or phone), in place of earlier ones. Returns how many."""
    entries = shown.take.phones if kind == "phone" else shown.take.words
    return markers.replace(scene, MARKERS, ((round(frame_at(shown, scene, e.start)), e.name) for e in entries))


def unmark(scene: bpy.types.Scene) -> int:
    """Take our phoneme markers away. Returns how many there were."""
    return markers.remove(scene, MARKERS)


def _holder(action: bpy.types.Action) -> bpy.types.Action | None:
    """The Action of the same line that has the track; None where there is none."""
    take = action.facewright_take
    if len(take.phones) or len(take.words):
        return action
    if not take.line:
        return None
    same = [a for a in bpy.data.actions if a.facewright_take.line == take.line]
    return next((a for a in same if len(a.facewright_take.phones)), action)


def _holders(obj: bpy.types.Object) -> set[bpy.types.Object]:
    """What holds the objects of a character together: the object, its parent and its armatures."""
    return {held for held in (obj, obj.parent, *(m.object for m in obj.modifiers if m.type == "ARMATURE")) if held is not None}


def _around(entry: bpy.types.PropertyGroup) -> tuple[Shown, bpy.types.Scene]:
    context = bpy.context
    shown = find(context.selected_objects, context.scene)
    action = entry.id_data
    if shown is None or shown.action != action:
        shown = Shown(action, action, float(start_frame(action)), 1.0, False)
    return shown, context.scene


def _write_all(collection, wanted: Sequence, same: Callable, put: Callable) -> None:
    head = 0
    while head < min(len(collection), len(wanted)) and same(collection[head], wanted[head]):
        head += 1
    tail = 0
    while tail < min(len(collection), len(wanted)) - head and same(collection[-1 - tail], wanted[-1 - tail]):
        tail += 1
    while len(collection) > len(wanted):
        collection.remove(head)
    while len(collection) < len(wanted):
        collection.add()
        collection.move(len(collection) - 1, head)
    for i in range(head, len(wanted) - tail):
        put(collection[i], wanted[i])


def _same_phone(entry: bpy.types.PropertyGroup, phone: Phone) -> bool:
    return entry.label == phone.label and entry.stress == str(phone.stress) and _same_times(entry, phone)


def _same_word(entry: bpy.types.PropertyGroup, word: Word) -> bool:
    return entry.name == word.label and _same_times(entry, word)


def _same_times(entry: bpy.types.PropertyGroup, other: Phone | Word) -> bool:
    return all(abs(getattr(entry, n) - getattr(other, n)) < 4e-4 for n in ("start", "end", "confidence"))


def _write_phone(entry: bpy.types.PropertyGroup, phone: Phone) -> None:
    entry.name, entry.label, entry.stress = phone.label, phone.label, str(phone.stress)
    entry.start, entry.end, entry.confidence = phone.start, phone.end, phone.confidence


def _write_word(entry: bpy.types.PropertyGroup, word: Word) -> None:
    entry.name, entry.start, entry.end, entry.confidence = word.label, word.start, word.end, word.confidence
