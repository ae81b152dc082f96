# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said in a take, stored on its Action: words and phones with their times, and how the take was made.

On the Action, so that it is saved, appended, copied, pushed down and undone with the keys it belongs to. Times are seconds from the start
of the sound; frames are only shown.
"""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import bpy

# ARPAbet with words in which each is heard; numbers keep saved files readable when the list grows.
PHONES = (
    ("AA", "father"), ("AE", "cat"), ("AH", "cut, about"), ("AO", "law"), ("AW", "cow"), ("AY", "my"), ("EH", "bed"), ("ER", "bird"),
    ("EY", "day"), ("IH", "sit"), ("IY", "see"), ("OW", "go"), ("OY", "boy"), ("UH", "book"), ("UW", "too"),
    ("B", "be"), ("CH", "cheese"), ("D", "do"), ("DH", "this"), ("F", "fee"), ("G", "go"), ("HH", "he"), ("JH", "joy"), ("K", "key"),
    ("L", "lee"), ("M", "me"), ("N", "no"), ("NG", "sing"), ("P", "pay"), ("R", "red"), ("S", "see"), ("SH", "she"), ("T", "tea"),
    ("TH", "think"), ("V", "vow"), ("W", "we"), ("Y", "yes"), ("Z", "zoo"), ("ZH", "vision"),
)  # fmt: skip
PHONE_ITEMS = tuple((label, f"{label}  {example}", f"As in '{example}'", number) for number, (label, example) in enumerate(PHONES))
_REGIONS = (
    ("ALL", "Whole Face", "Every channel"),
    ("UPPER", "Upper Face", "Brows, lids and eyes"),
    ("LOWER", "Lower Face", "Mouth, jaw, cheeks, nose and tongue"),
    ("BROWS", "Brows", "Brows only"),
    ("EYES", "Eyes", "Lids and gaze"),
    ("MOUTH", "Mouth", "Mouth, jaw and tongue"),
)

# True while code writes a track: what an artist changes is checked and marked, what code writes is so already.
_by_code = False


class quietly:
    """While it lasts, properties are set without what a change by hand brings about."""

    def __enter__(self) -> None:
        global _by_code
        self._before, _by_code = _by_code, True

    def __exit__(self, *_: object) -> None:
        global _by_code
        _by_code = self._before


def _phone_changed(phone: FacewrightPhone, _context: bpy.types.Context) -> None:
    if _by_code:
        return
    with quietly():
        phone.name = phone.label
        phone.confidence = 1.0
        if phone.label not in {label for label, _ in PHONES[:15]}:  # consonants have no stress
            phone.stress = "0"
        phone.id_data.facewright_take.edited = True


def _chosen(take: FacewrightTake, context: bpy.types.Context, kind: str) -> None:
    if _by_code or not context.scene.facewright.phonemes.follow:
        return
    from ..scene import phonemes

    phonemes.go_to(context, take.id_data, kind)


def _phone_chosen(take: FacewrightTake, context: bpy.types.Context) -> None:
    _chosen(take, context, "phone")


def _word_chosen(take: FacewrightTake, context: bpy.types.Context) -> None:
    _chosen(take, context, "word")


def _get_start(entry: bpy.types.PropertyGroup) -> float:
    from ..scene import phonemes

    return phonemes.shown_frame(entry, entry.start)


def _get_end(entry: bpy.types.PropertyGroup) -> float:
    from ..scene import phonemes

    return phonemes.shown_frame(entry, entry.end)


def _set_start(entry: bpy.types.PropertyGroup, frame: float) -> None:
    from ..scene import phonemes

    phonemes.drag(entry, start=frame)


def _set_end(entry: bpy.types.PropertyGroup, frame: float) -> None:
    from ..scene import phonemes

    phonemes.drag(entry, end=frame)


_FRAME = {"description": "In frames of the scene; a neighbour that touches it moves along", "precision": 1, "step": 100}


class FacewrightPhone(bpy.types.PropertyGroup):
    """One speech sound. ``name`` is the label again, for the list's own filter."""

    label: bpy.props.EnumProperty(name="Phone", description="The speech sound (ARPAbet)", items=PHONE_ITEMS, update=_phone_changed)
    stress: bpy.props.EnumProperty(
        name="Stress",
        description="Of a vowel: brows are raised on stressed ones",
        items=(("0", "None", "No stress"), ("1", "Primary", "The word's main stress"), ("2", "Secondary", "A side stress")),
        default="0",  # most sounds
        update=_phone_changed,
    )
    start: bpy.props.FloatProperty(name="Start", description="Seconds from the start of the sound", precision=3)
    end: bpy.props.FloatProperty(name="End", description="Seconds from the start of the sound", precision=3)
    confidence: bpy.props.FloatProperty(name="Confidence", description="How sure it was heard; 1 where somebody set it", min=0.0, max=1.0)
    frame_start: bpy.props.FloatProperty(name="Start", get=_get_start, set=_set_start, **_FRAME)
    frame_end: bpy.props.FloatProperty(name="End", get=_get_end, set=_set_end, **_FRAME)


class FacewrightWord(bpy.types.PropertyGroup):
    """One word of the script; ``name`` is how it is written."""

    start: bpy.props.FloatProperty(name="Start", description="Seconds from the start of the sound", precision=3)
    end: bpy.props.FloatProperty(name="End", description="Seconds from the start of the sound", precision=3)
    confidence: bpy.props.FloatProperty(name="Confidence", description="How sure it was found; 1 where somebody set it", min=0.0, max=1.0)
    frame_start: bpy.props.FloatProperty(name="Start", get=_get_start, set=_set_start, **_FRAME)
    frame_end: bpy.props.FloatProperty(name="End", get=_get_end, set=_set_end, **_FRAME)


class FacewrightTake(bpy.types.PropertyGroup):
    """On an Action. The parts of a character (face, teeth, tongue) have Actions of their own with the same ``line``; the face's has the
    track."""

    line: bpy.props.StringProperty(name="Line", description="Which bake this Action is a part of")
    recipe: bpy.props.StringProperty(name="Recipe", description="How the take was made, to make it again (JSON)")
    edited: bpy.props.BoolProperty(
        name="Edited",
        description="The track was changed and the face does not follow it yet",
        default=False,  # as baked
    )
    words: bpy.props.CollectionProperty(type=FacewrightWord, name="Words", description="What is said")
    phones: bpy.props.CollectionProperty(type=FacewrightPhone, name="Phones", description="Every speech sound")
    word_index: bpy.props.IntProperty(name="Word", description="The chosen word", default=0, min=0, update=_word_chosen)
    phone_index: bpy.props.IntProperty(name="Phone", description="The chosen phone", default=0, min=0, update=_phone_chosen)


class FacewrightPhonemeSettings(bpy.types.PropertyGroup):
    """What the Phonemes and Re-Take panels are set to; part of the scene's settings."""

    search: bpy.props.StringProperty(name="Search", description="A word, a phone (SH) or phones in a row (HH AH)")
    word: bpy.props.StringProperty(name="Word", description="What is said instead of the chosen word")
    follow: bpy.props.BoolProperty(
        name="Playhead Follows",
        description="Choosing a word or phone moves the playhead to it",
        default=True,  # whoever chooses a sound wants to see its mouth
    )
    keep_edits: bpy.props.BoolProperty(
        name="My Edits",
        description="Keep what you changed or added since the bake, and generate the rest to fit",
        default=True,  # it is what the button is for
    )
    keep_part: bpy.props.BoolProperty(
        name="A Part",
        description="Keep a region of the face in a range of frames as it is now",
        default=False,  # a choice
    )
    region: bpy.props.EnumProperty(name="Region", description="Which part of the face is kept", items=_REGIONS, default="ALL")
    first: bpy.props.IntProperty(name="From", description="First frame that is kept", default=1)
    last: bpy.props.IntProperty(name="To", description="Last frame that is kept", default=48)


CLASSES = (FacewrightPhone, FacewrightWord, FacewrightTake, FacewrightPhonemeSettings)


def register_on_actions() -> None:
    """After the classes."""
    bpy.types.Action.facewright_take = bpy.props.PointerProperty(
        type=FacewrightTake, name="Facewright Take", description="What is said in this take, and how it was made"
    )


def unregister_from_actions() -> None:
    """Before the classes."""
    del bpy.types.Action.facewright_take


@contextmanager
def present() -> Iterator[None]:
    """While it lasts, Actions have the property, also where the add-on is not enabled (a shell's own Blender)."""
    if hasattr(bpy.types.Action, "facewright_take"):
        yield
        return
    needed = CLASSES[:3]
    for cls in needed:
        bpy.utils.register_class(cls)
    register_on_actions()
    try:
        yield
    finally:
        unregister_from_actions()
        for cls in reversed(needed):
            bpy.utils.unregister_class(cls)
