# SPDX-License-Identifier: GPL-3.0-or-later
"""Seconds inside, frames only at Blender's edge."""

from __future__ import annotations

import numpy as np


def frame_times(duration: float, fps: float) -> np.ndarray:
    """Times i / fps, float64, from 0 to the last one not after ``duration`` (at least one)."""
    return np.arange(int(np.floor(max(duration, 0.0) * fps + 1e-6)) + 1) / fps


def scene_fps(fps: int, fps_base: float) -> float:
    """Frames a second as Blender means it (29.97 is 30 / 1.001)."""
    return fps / fps_base


def to_frames(times: np.ndarray, fps: float, start_frame: float) -> np.ndarray:
    """Seconds to (fractional) scene frames; time 0 falls on ``start_frame``."""
    return np.asarray(times, np.float64) * fps + start_frame
