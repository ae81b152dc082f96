# SPDX-License-Identifier: GPL-3.0-or-later
"""Speech, video and images for tests: known curves, quickly, or the trouble that the file's name asks for.

Loaded by ``inference.worker --handlers``.
"""
import os
import time
from pathlib import Path

import numpy as np

from facewright.core.curves import Curves
from facewright.core.errors import UserError
from facewright.inference import curves_file
from facewright.inference.speech import around_file
from facewright.rigs.arkit import ARKIT_52, HEAD_AND_EYES


def known_curves():
    times = np.arange(61) / 60
    values = np.zeros((61, 52), np.float32)
    values[:, ARKIT_52.index("jawOpen")] = 0.5 - 0.5 * np.cos(times * 12)
    values[:, ARKIT_52.index("eyeBlinkLeft")] = np.clip(1 - np.abs(times - 0.5) * 10, 0, 1)
    return Curves(ARKIT_52, times, values)


def speech(params, report):
    name = Path(params["audio"]).stem
    report(0.1, "Listening")
    if name == "slow":
        while True:
            report(0.5, "Listening")
            time.sleep(0.01)
    if name == "trouble":
        raise UserError("The sound is silent.", "Record it again.")
    if name == "bug":
        raise ZeroDivisionError("a bug")
    if name == "crash":
        os._exit(9)
    curves = known_curves()
    if params.get("fps", 60) != 60:
        curves = curves.resample(np.arange(int(params["fps"]) + 1) / params["fps"])
    curves.values[:, ARKIT_52.index("jawOpen")] *= 1 - 0.1 * params.get("seed", 0)
    if params.get("around"):
        kept = around_file.load(params["around"])
        rows = min(len(kept.where), len(curves.values))
        curves.values[:rows][kept.where[:rows]] = kept.curves.values[:rows][kept.where[:rows]]
    curves_file.save(curves, params["out"])
    said = [f"{name}={params[name]}" for name in ("text", "adapter") if params.get(name)]
    track = params.get("track") or TRACK
    kept = {"sound": "5" * 64, "listened": name != "kept"}
    return {"curves": params["out"], "duration": 1.0, "device": "cpu", "seconds": 0.1, **track, "warnings": said, **kept}


TRACK = {
    "words": [{"label": "Bob", "start": 0.1, "end": 0.5, "confidence": 0.8}, {"label": "may", "start": 0.6, "end": 0.9, "confidence": 0.2}],
    "phones": [
        {"label": label, "start": start, "end": end, "stress": int(label in ("AA", "EY")), "confidence": 0.7}
        for label, start, end in (("B", 0.1, 0.2), ("AA", 0.2, 0.4), ("B", 0.4, 0.5), ("M", 0.6, 0.7), ("EY", 0.7, 0.9))
    ],
}


def pronounce(params, report):
    if params["text"] == "trouble":
        raise UserError("'trouble' cannot be said.", "Write a word of letters.")
    return {"words": [{"label": word, "phones": ["P", "EY"], "stresses": [0, 1]} for word in params["text"].split()]}


ANALYSIS = {
    "expression_category": "happiness",
    "muscle_movements": {"mouth": "lip corners clearly pulled up"},
    "emotional_implication": "suggests happy",
    "symmetry": "symmetric",
}


def known_motion():
    """The known curves, looking to the left with eyes and head at the end."""
    curves = known_curves()
    angles = np.zeros((61, len(HEAD_AND_EYES)), np.float32)
    for name in ("headYaw", "leftEyeYaw", "rightEyeYaw"):
        angles[:, HEAD_AND_EYES.index(name)] = np.linspace(0, 0.4, 61)
    looking = curves.values.copy()
    looking[:, ARKIT_52.index("eyeLookOutLeft")] = 0.5
    return Curves((*ARKIT_52, *HEAD_AND_EYES), curves.times, np.hstack([looking, angles]))


def video(params, report):
    name = Path(params["path"]).stem
    report(0.1, "Watching")
    if name == "slow":
        while True:
            report(0.5, "Watching")
            time.sleep(0.01)
    if name == "noface":
        raise UserError("No face was found in noface.mp4.", "Use a video in which a face is seen.")
    curves_file.save(known_motion(), params["out"])
    shots = [{"start": 0.0, "end": 0.5, "analysis": ANALYSIS}, {"start": 0.5, "end": 1.0, "analysis": ANALYSIS}]
    asked = f"face={params['face']} neutral={params['neutral_time']} mouth={params['mouth']} smoothing={params['smoothing']:g}"
    asked += f" careful={params['careful']}"
    return {
        "curves": params["out"], "duration": 1.0, "fps": 60.0, "frames": 61, "device": "cpu", "seconds": 0.1, "size": [64, 64], "gaps": [],
        "faces": 1, "shots": shots, "description": "A smile.", "has_sound": name == "voice", "warnings": [asked],
    }  # fmt: skip


def image(params, report):
    def face(x, size, smile):
        values = dict.fromkeys((*ARKIT_52, *HEAD_AND_EYES), 0.0)
        return {"box": [x, 0, size, size], "analysis": ANALYSIS, "arkit": values | {"jawOpen": smile, "headYaw": 0.3}}

    faces = {"empty": [], "two": [face(10, 60, 0.4), face(90, 20, 0.9)]}.get(Path(params["paths"][0]).stem, [face(10, 50, 0.4)])
    return {"files": [{"file": params["paths"][0], "faces": faces, "warnings": []}]}


HANDLERS = {"speech": speech, "pronounce": pronounce, "video": video, "image": image}
