# SPDX-License-Identifier: GPL-3.0-or-later
"""What the panels let a user set, stored in the .blend with the scene."""
from __future__ import annotations

from pathlib import Path

import bpy

from .emotion import EMOTIONS, FacewrightEmotionSettings
from .ranking import FacewrightRankingSettings
from .take import FacewrightPhonemeSettings

# Since 4.5 Blender wants to be told that a path may begin with // (beside the .blend file).
RELATIVE = {"PATH_SUPPORTS_BLEND_RELATIVE"} if bpy.app.version >= (4, 5, 0) else set()


def _is_armature_or_object(_settings: bpy.types.PropertyGroup, obj: bpy.types.Object) -> bool:
    return obj.type in {"ARMATURE", "EMPTY", "MESH"}


class FacewrightVideoSettings(bpy.types.PropertyGroup):
    """What the Video panel lets a user set."""

    path: bpy.props.StringProperty(
        name="Video",
        description="The filmed face: MP4, MOV, WebM or MKV, or the first picture of an image sequence",
        subtype="FILE_PATH",
        options=RELATIVE,
    )
    picture: bpy.props.StringProperty(
        name="Picture",
        description="A photo or drawing of a face, to pose the character from",
        subtype="FILE_PATH",
        options=RELATIVE,
    )
    follow: bpy.props.EnumProperty(
        name="Face",
        description="Which face to follow where there are several",
        items=(
            ("LARGEST", "Largest", "The largest when the video starts: mostly the one that was filmed"),
            ("NUMBERED", "From the Left", "The one with this number, counted from the picture's left"),
        ),
        default="LARGEST",  # most clips show one person; of several the nearest is meant
    )
    face: bpy.props.IntProperty(
        name="Number", description="Which face, counted from the picture's left: 1 is the leftmost", default=1, min=1, max=20
    )
    neutral_from: bpy.props.EnumProperty(
        name="Neutral",
        description="How the person's face at rest is found",
        items=(
            ("CLIP", "Whole Clip", "Work it out from the whole clip"),
            ("FRAME", "This Time", "Take the face at this time as being at rest"),
        ),
        default="CLIP",  # nobody has to look for a resting face
    )
    neutral_time: bpy.props.FloatProperty(
        name="At",
        description="Seconds into the video at which the face is at rest",
        default=0.0,  # many record a moment of rest first
        min=0.0,
        subtype="TIME_ABSOLUTE",
    )
    mouth: bpy.props.EnumProperty(
        name="Mouth",
        description="What drives the mouth where the video has a voice",
        items=(
            ("PICTURE", "Picture", "As it is seen"),
            ("SOUND", "Sound", "As it is heard, by the speech model as it ships: emotion, style and seed of a speech bake do not apply"),
            ("BLEND", "Both", "As it is seen, and as it is heard where the lips are hidden or unsure"),
        ),
        default="PICTURE",  # what the camera saw; sound is a choice
    )
    smoothing: bpy.props.FloatProperty(
        name="Steadiness",
        description="How much jitter is taken out: 1 as measured for the tracker, 0 none. Blinks and closed lips stay crisp",
        default=1.0,  # as the tracker's own uncertainty asks for
        min=0.0,
        max=2.0,
    )
    careful: bpy.props.BoolProperty(
        name="Careful",
        description="Look at each frame six times instead of twice: a little more exact, but it takes three times as long",
        default=False,  # two looks are nearly as good; a final take can have more
    )
    head: bpy.props.PointerProperty(
        type=bpy.types.Object,
        name="Head",
        description="The armature or object that turns with the head. Empty: the head's rotation is left out",
        poll=_is_armature_or_object,
    )
    head_bone: bpy.props.StringProperty(name="Head Bone", description="The bone that turns with the head")
    gaze: bpy.props.EnumProperty(
        name="Gaze",
        description="What the eyes' direction goes to",
        items=(
            ("SHAPES", "Look Shapes", "The eyeLook shape keys"),
            ("BONES", "Eye Bones", "Two bones of the head's armature"),
            ("NONE", "Nothing", "The eyes stay as they are"),
        ),
        default="SHAPES",  # every ARKit character has them
    )
    left_eye_bone: bpy.props.StringProperty(name="Left Eye Bone", description="The bone of the character's own left eye")
    right_eye_bone: bpy.props.StringProperty(name="Right Eye Bone", description="The bone of the character's own right eye")
    describe: bpy.props.BoolProperty(
        name="Describe in Markers",
        description="Write what the face does into timeline markers, one for every stretch. A new bake replaces them",
        default=False,  # a timeline belongs to the artist
    )


_style_items: list[tuple[str, str, str]] = []  # Blender does not keep the strings of items that a function gives


def _styles(_settings: FacewrightSceneSettings, _context: bpy.types.Context) -> list[tuple[str, str, str]]:
    if not _style_items:
        from ..inference.speech import styles

        _style_items.append(("NONE", "None", "The average of all speakers"))
        _style_items.extend((name, name, f"As {name} moves the mouth") for name in styles.known())
    return _style_items


class FacewrightSceneSettings(bpy.types.PropertyGroup):
    """One set a scene. Defaults make the first click on Bake work; the reason for each stands beside it."""

    ranking: bpy.props.PointerProperty(
        type=FacewrightRankingSettings, name="Compare Takes", description="What the Compare Takes and Adapters panels are set to"
    )
    emotion: bpy.props.PointerProperty(type=FacewrightEmotionSettings, name="Emotion", description="The mood that the line is spoken in")
    phonemes: bpy.props.PointerProperty(
        type=FacewrightPhonemeSettings, name="Phonemes", description="What the Phonemes and Re-Take panels are set to"
    )
    video: bpy.props.PointerProperty(type=FacewrightVideoSettings, name="Video", description="What the Video panel is set to")

    sound: bpy.props.StringProperty(
        name="Sound",
        description="The recorded speech: WAV, FLAC, OGG or MP3, any sample rate and channel count",
        subtype="FILE_PATH",
        options=RELATIVE,
    )
    transcript_from: bpy.props.EnumProperty(
        name="Transcript",
        description="What is said, if you have it: the mouth shapes then follow the words",
        items=(
            ("NONE", "None", "Listen to the sound only"),
            ("TYPED", "Typed", "Type what is said"),
            ("FILE", "Text File", "Read what is said from a plain text file"),
        ),
        default="NONE",  # most people have the sound only
    )
    transcript: bpy.props.StringProperty(
        name="Words",
        description="What is said in the sound, in plain words",
    )
    transcript_file: bpy.props.StringProperty(
        name="Text File",
        description="Plain text (UTF-8) of what is said in the sound",
        subtype="FILE_PATH",
        options=RELATIVE,
    )
    life: bpy.props.BoolProperty(
        name="Blinks, Brows and Gaze",
        description="Add blinks and slight brow and gaze movement. Off leaves every channel that speech does not move at rest",
        default=True,  # a face that never blinks looks dead
    )
    seed: bpy.props.IntProperty(
        name="Seed",
        description="Which take: 0 is the model's mean, others vary blinks, brows, gaze and a little the mouth",
        default=0,  # the mean take; the shell's default is the same
        min=0,
        max=2**31 - 1,
    )
    jaw: bpy.props.FloatProperty(
        name="Jaw",
        description="How far the jaw opens: 1 as the model moves it, 0 through closed teeth",
        default=1.0,  # as the model moves it
        min=0.0,
        max=2.0,
    )
    lips: bpy.props.FloatProperty(
        name="Lips",
        description="How much the lips round, spread, rise and roll: 1 as the model moves them",
        default=1.0,  # as the model moves it
        min=0.0,
        max=2.0,
    )
    articulation: bpy.props.FloatProperty(
        name="Articulation",
        description="Under 1 mumbles, above 1 exaggerates every syllable. Lips still close on P, B and M",
        default=1.0,  # as the model moves it
        min=0.0,
        max=2.0,
    )
    variation: bpy.props.FloatProperty(
        name="Variation",
        description="How far the mouth of a take other than seed 0 may stray from the mean take",
        default=0.4,  # plausible and still in time: docs/takes.md
        min=0.0,
        max=2.0,
    )
    style: bpy.props.EnumProperty(
        name="Style",
        description="Whose way to move the mouth, of those that the speech model has learnt; None is the average of all speakers",
        items=_styles,
    )
    style_amount: bpy.props.FloatProperty(
        name="Amount",
        description="How much of the style",
        default=1.0,  # whoever chooses one wants to see it
        min=0.0,
        max=1.0,
        subtype="FACTOR",
    )
    rate_response: bpy.props.FloatProperty(
        name="By Rate",
        description="How much less quick passages move the mouth, and slow ones more, than the voice already makes them",
        default=0.0,  # as the model hears it
        min=0.0,
        max=2.0,
    )
    energy_response: bpy.props.FloatProperty(
        name="By Loudness",
        description="How much more loud passages move the mouth, and soft ones less, than the voice already makes them",
        default=0.0,  # as the model hears it
        min=0.0,
        max=2.0,
    )
    asymmetry: bpy.props.FloatProperty(
        name="Asymmetry",
        description="How unlike the two sides of the face move: 1 as measured on real faces, 0 perfectly even",
        default=1.0,  # a face with two equal sides looks like a mask
        min=0.0,
        max=2.0,
    )
    person: bpy.props.IntProperty(
        name="Person",
        description="Whose face: decides which side is the strong one. Give each character its own number",
        default=0,  # any number is as good
        min=0,
        max=2**31 - 1,
    )
    start_frame: bpy.props.IntProperty(
        name="Start Frame",
        description="Frame on which the sound starts",
        default=1,  # where a new scene starts
    )
    strength: bpy.props.FloatProperty(
        name="Strength",
        description="Scale of all curves: 1 is as the model gives them, less mumbles, more over-articulates",
        default=1.0,  # as the model gives them
        min=0.0,
        soft_max=1.5,
        max=4.0,
        subtype="FACTOR",
    )
    smoothing: bpy.props.FloatProperty(
        name="Smoothing",
        description="Width of the smoothing in seconds: calmer motion, but fast lip closures get weaker. 0 keeps every closure",
        default=0.0,  # the model's curves are smooth already, and closures stay closed
        min=0.0,
        soft_max=0.2,
        max=1.0,
        step=1,
        precision=3,
        subtype="TIME_ABSOLUTE",
    )
    keys: bpy.props.EnumProperty(
        name="Keys",
        description="How the curves are stored",
        items=(
            ("SPARSE", "Sparse", "Few keys with handles, easy to edit by hand"),
            ("DENSE", "Every Frame", "A key on every frame, exactly as computed"),
        ),
        default="SPARSE",  # baked curves are there to be edited
    )
    max_error: bpy.props.FloatProperty(
        name="Max Error",
        description="How far the sparse curve may stray from the computed one, in shape key value",
        default=0.005,  # half a percent of a shape: nobody sees it, and most keys go
        min=0.0001,
        soft_max=0.05,
        max=0.5,
        step=0.1,
        precision=4,
    )
    place_sound: bpy.props.BoolProperty(
        name="Place Sound",
        description="Put the sound into the sequencer at the start frame",
        default=True,  # without the sound nobody can judge the take
    )


def performance(settings: FacewrightSceneSettings) -> dict:
    """What the panels say of how the line is spoken, as the worker's verb ``speech`` takes it."""
    return {
        "seed": settings.seed,
        "variation": settings.variation,
        "controls": {"jaw": settings.jaw, "lips": settings.lips, "articulation": settings.articulation},
        "emotion": {name: getattr(settings.emotion, name) for name in EMOTIONS},
        "response": {"rate": settings.rate_response, "energy": settings.energy_response},
        "style": {settings.style: settings.style_amount} if settings.style != "NONE" else {},
        "asymmetry": settings.asymmetry,
        "person": settings.person,
        "life": settings.life,
    }


# Not a method: Blender 4.2 crashes at the interpreter's end when a property group has one.
def bake_options(settings: FacewrightSceneSettings, source: Path, sound: Path | None = None):
    """The ``scene.bake.BakeOptions`` that the panel shows, for curves made from the file ``source``."""
    from ..scene.bake import BakeOptions

    return BakeOptions(
        start_frame=settings.start_frame,
        strength=settings.strength,
        smoothing=settings.smoothing,
        keys=settings.keys,
        max_error=settings.max_error,
        sound=sound,
        source=source.name,
    )
