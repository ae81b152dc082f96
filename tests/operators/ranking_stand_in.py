# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes for tests: quick curves that differ by seed and jaw, or the trouble that the sound's name asks for; and what learning answers."""
import hashlib
import time
from pathlib import Path

import numpy as np

from facewright.core.curves import Curves
from facewright.core.errors import UserError
from facewright.inference import curves_file
from facewright.rigs.arkit import ARKIT_52


def takes(params, report):
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
    if name == "later" and params["start"] > 0:
        raise UserError("The sound is silent there.", "Choose another part.")
    times = np.arange(round((params["end"] - params["start"]) * params["fps"]) + 1) / params["fps"]
    made = []
    for i, wish in enumerate(params["candidates"]):
        values = np.zeros((len(times), 52), np.float32)
        swing = 0.5 - 0.5 * np.cos(times * 12 + 0.9 * i)
        same = 1.0 if name == "same" else wish["controls"]["jaw"]
        values[:, ARKIT_52.index("jawOpen")] = np.clip(0.5 * same * (0.5 if name == "same" else swing), 0, 1)
        path = Path(params["out"]) / f"take{i:03d}.npz"
        curves_file.save(Curves(ARKIT_52, times, values), path)
        made.append({"curves": str(path), "sha256": hashlib.sha256(path.read_bytes()).hexdigest(), **wish})
    span = {"start": params["start"], "end": params["end"], "duration": 6.0}
    return {"takes": made, "model": "ab" * 32, "clip": "cd" * 32, **span, "warnings": []}


def video_takes(params, report):
    """Brows that differ by their amount and the seed; a still has one sample."""
    report(0.1, "Watching the face")
    rows = round((params.get("end", 0.0) - params.get("start", 0.0)) * 25) + 1
    made = []
    for i, wish in enumerate(params["candidates"]):
        values = np.zeros((rows, 52), np.float32)
        lift = 0.3 + 0.1 * i if wish["seed"] else 0.2
        values[:, ARKIT_52.index("jawOpen")] = min(lift * wish["controls"]["mouth"], 1)
        path = Path(params["out"]) / f"take{i:03d}.npz"
        curves_file.save(Curves(ARKIT_52, np.arange(rows) / 25, values), path)
        made.append({"curves": str(path), "sha256": hashlib.sha256(path.read_bytes()).hexdigest(), **wish})
    sound = params.get("sound", "")
    if sound:
        Path(sound).write_bytes(b"RIFF")
    span = {"start": params.get("start", 0.0), "end": params.get("end", 0.0), "duration": 0.0 if params.get("photo") else 6.0}
    kind = "image" if params.get("photo") else "video"
    return {"takes": made, "kind": kind, "model": "ef" * 32, "clip": "12" * 32, "sound": sound, "fps": 25.0, **span, "warnings": []}


def suggest_controls(params, report):
    return {"controls": {"jaw": 1.25, "lips": 0.5}, "uncertainty": {"jaw": 0.1}, "votes_used": 7}


def finetune(params, report):
    report(0.5, "Tuning")
    gate = {"passed": False, "reasons": ["Lips close on 5 % fewer P, B and M.", "40 more votes would help."], "win_rate": 0.52}
    return {"adapter": params["out"], "card": {}, "gate": {**gate, "interval": [0.4, 0.63]}, "warnings": ["2 votes were left out."]}


def gate(params, report):
    return {"passed": True, "reasons": [], "win_rate": 0.8, "interval": [0.6, 0.92], "compared": 20}


def next_pairs(params, report):
    count = len(params["pool"])
    pairs = [[i, j] for i in range(count) for j in range(i + 1, count)]
    return {"pairs": pairs[::-1][: params["count"]], "votes_used": 25}


HANDLERS = {
    "takes": takes, "video_takes": video_takes, "suggest_controls": suggest_controls, "finetune": finetune, "gate": gate,
    "next_pairs": next_pairs,
}  # fmt: skip
