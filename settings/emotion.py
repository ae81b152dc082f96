# SPDX-License-Identifier: GPL-3.0-or-later
"""Amounts of emotion that a take is made with, stored in the .blend with the scene."""
from __future__ import annotations

import bpy

# As ``inference.speech.emotion`` names them; a test holds the two together, since that one loads numpy.
EMOTIONS = ("happy", "sad", "angry", "surprised", "afraid", "disgusted", "contempt")


def _amount(name: str, description: str) -> bpy.props.FloatProperty:
    return bpy.props.FloatProperty(
        name=name,
        description=f"{description}. 0 changes nothing, 1 is plain to see; the lips still say what is said",
        default=0.0,  # calm: a mood is the animator's choice
        min=0.0,
        soft_max=1.0,
        max=1.5,
        subtype="FACTOR",
    )


class FacewrightEmotionSettings(bpy.types.PropertyGroup):
    """Part of the scene's settings: one amount for each emotion; several make a blend."""

    happy: _amount("Happy", "Corners of the mouth up, cheeks raised")
    sad: _amount("Sad", "Inner brows up, corners of the mouth down, heavy lids")
    angry: _amount("Angry", "Brows down and together, eyes narrowed, lips tight")
    surprised: _amount("Surprised", "Brows up, eyes wide")
    afraid: _amount("Afraid", "Brows up and together, eyes wide, lips stretched")
    disgusted: _amount("Disgusted", "Nose wrinkled, upper lip raised")
    contempt: _amount("Contempt", "One corner of the mouth tightened and raised")
