# SPDX-License-Identifier: GPL-3.0-or-later
"""What the Compare Takes and Adapters panels let a user set, stored in the .blend with the scene."""
from __future__ import annotations

import bpy


def _adapters(_settings: bpy.types.PropertyGroup, _context: bpy.types.Context, typed: str) -> list[str]:
    """File names of the adapters on the list, for the search fields."""
    from ..scene import learning

    return [shelved.path.name for shelved in learning.listed() if typed.lower() in shelved.path.name.lower()]


class FacewrightRankingSettings(bpy.types.PropertyGroup):
    """Part of the scene's settings. The reason for each default stands beside it."""

    what: bpy.props.EnumProperty(
        name="Compare",
        description="What the takes are made of",
        items=(
            ("SOUND", "Sound", "The sound of the Speech panel, as the speech model moves the face"),
            ("VIDEO", "Video", "The video of the Video and Image panel, as the image model reads the face"),
            ("PICTURE", "Picture", "The photo or drawing of the Video and Image panel, as stills side by side"),
        ),
        default="SOUND",  # what most votes are about
    )
    where: bpy.props.EnumProperty(
        name="Stretch",
        description="Which part of the sound or video is judged",
        items=(
            ("HERE", "Here", "The stretch around the current frame"),
            ("LINE", "Whole Line", "All of it, stretch by stretch"),
            ("FRAME", "This Frame", "Videos only: the picture at the current frame, as stills side by side"),
        ),
        default="LINE",  # taste shows on many stretches
    )
    length: bpy.props.FloatProperty(
        name="Length",
        description="About how long a stretch is; it is cut in a pause where there is one",
        default=2.0,  # a phrase: long enough to judge, short enough to keep in mind
        min=1.0,
        max=3.0,
        step=10,
        precision=1,
        subtype="TIME_ABSOLUTE",
    )
    count: bpy.props.IntProperty(
        name="Takes",
        description="How many takes are made of each stretch",
        default=4,  # six pairs a stretch: plenty to choose the telling ones from, and few to render
        min=2,
        max=12,
    )
    shown: bpy.props.EnumProperty(
        name="Shown",
        description="How many takes are compared at a time",
        items=(
            ("2", "Two", "Which of two is better: a key press each"),
            ("4", "Four", "Click four in order, the best first: six pairs at once"),
        ),
        default="2",  # a hundred answers in twenty minutes
    )
    differ: bpy.props.EnumProperty(
        name="Differ By",
        description="What the takes of a stretch differ in",
        items=(
            ("SEED", "Seed", "Different performances of the same model"),
            ("MIX", "Seed and Controls", "Different performances with different jaw, lips and articulation"),
            ("JAW", "Jaw", "How far the jaw opens"),
            ("LIPS", "Lips", "How much the lips round, spread and rise"),
            ("ARTICULATION", "Articulation", "From mumbled to exaggerated"),
            ("ADAPTER", "Adapter", "With and without the adapter that is in use"),
        ),
        default="MIX",  # teaches most about taste in the fewest votes
    )
    differ_seen: bpy.props.EnumProperty(
        name="Differ By",
        description="What the takes of a video or a picture differ in",
        items=(
            ("SEED", "Seed", "What the model might as well have seen, as far as it is unsure"),
            ("MIX", "Seed and Amounts", "The same with different amounts of mouth, brows and eyes"),
            ("MOUTH", "Mouth", "How far jaw, lips and cheeks move"),
            ("BROWS", "Brows", "How far brows move"),
            ("EYES", "Eyes", "How far lids widen and squint"),
            ("SMOOTHING", "Steadiness", "How much jitter is taken out of a video"),
            ("ADAPTER", "Adapter", "With and without the adapter that is in use"),
        ),
        default="MIX",  # as for sounds
    )
    spread: bpy.props.FloatProperty(
        name="Spread",
        description="How far apart the controls are: 0.4 goes from 60 % to 140 % of the panel's amounts",
        default=0.4,  # plainly seen, never grotesque
        min=0.05,
        max=0.9,
        subtype="FACTOR",
    )
    region: bpy.props.EnumProperty(
        name="Judge",
        description="Which part of the face is judged; the rest is dimmed",
        items=(
            ("whole", "Whole Face", "All of the face"),
            ("upper", "Upper Face", "Brows and eyes"),
            ("lower", "Lower Face", "Mouth, jaw and cheeks"),
        ),
        default="whole",  # what an audience sees
    )
    axis: bpy.props.EnumProperty(
        name="For",
        description="What the takes are judged for",
        items=(
            ("overall", "Overall", "Which is better as a whole"),
            ("timing", "Timing", "Whether the movement is in time with the sound"),
            ("mouth", "Mouth Shapes", "Whether the mouth has the shapes of what is said"),
            ("expression", "Expression", "Whether the face expresses what is meant"),
            ("life", "Life", "Whether the face seems alive"),
        ),
        default="overall",  # the question that needs no thought
    )
    camera: bpy.props.EnumProperty(
        name="View",
        description="What the takes are seen through",
        items=(
            ("FACE", "Face", "A camera that frames the face, for the pictures only"),
            ("SCENE", "Scene Camera", "The scene's own camera"),
        ),
        default="FACE",  # a shot's camera is rarely close enough to judge lips by
    )
    engine: bpy.props.EnumProperty(
        name="Renderer",
        description="What draws the takes",
        items=(
            ("WORKBENCH", "Workbench", "Plain and quick"),
            ("EEVEE", "EEVEE", "With the scene's materials and lights; some seconds a frame without a graphics card"),
            ("CYCLES", "Cycles", "With the scene's materials and lights on the processor; slow"),
        ),
        default="WORKBENCH",  # two takes in a few seconds on any machine
    )
    size: bpy.props.IntProperty(
        name="Size",
        description="Pixels of the pictures' longer side",
        default=384,  # lips can be read, and a film renders in seconds without a graphics card
        min=128,
        max=1024,
        subtype="PIXEL",
    )
    adapter_strength: bpy.props.FloatProperty(
        name="Strength",
        description="How much the adapter in use changes the model: 0 not at all, 1 as it was tuned",
        default=1.0,  # as it was tuned and tested
        min=0.0,
        max=1.0,
        subtype="FACTOR",
    )
    rounds: bpy.props.IntProperty(
        name="Rounds",
        description="How often tuning starts again from what it reached; more than two rarely helps",
        default=2,  # as in the shell: the second learns from takes of what the first has tuned
        min=1,
        max=4,
    )
    blend_share: bpy.props.FloatProperty(
        name="Share",
        description="How much of the second adapter is in the blend: 0 is the first alone, 1 the second alone",
        default=0.5,  # half of each
        min=0.0,
        max=1.0,
        subtype="FACTOR",
    )
    adapter: bpy.props.StringProperty(
        name="Adapter",
        description="The first of the two adapters to blend",
        search=_adapters,
    )
    blend_with: bpy.props.StringProperty(
        name="Blend With",
        description="The adapter that the first is blended with",
        search=_adapters,
    )
