# SPDX-License-Identifier: GPL-3.0-or-later
"""Speech for tests: known curves, quickly, or the trouble that the sound's name asks for. Loaded by ``inference.worker --handlers``."""
import os
import time
from pathlib import Path

import numpy as np

from facewright.core.curves import Curves
from facewright.core.errors import UserError
from facewright.inference import curves_file
from facewright.rigs.arkit import ARKIT_52


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
    curves_file.save(known_curves(), params["out"])
    said = [f"text={params['text']}"] if params["text"] else []
    return {"curves": params["out"], "duration": 1.0, "device": "cpu", "seconds": 0.1, "words": [], "phones": [], "warnings": said}


HANDLERS = {"speech": speech}
