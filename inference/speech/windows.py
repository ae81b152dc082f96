# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the network over sound of any length in overlapping windows, so that no seam shows and memory stays bounded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import torch

from .device import out_of_memory
from .features import FRAME_SAMPLES, frame_count, log_mel
from .model import SpeechModel

# 30 s: the overlap (1 s on each side) costs 7 %, and a cancel waits for one window, about 0.2 s on a slow core.
WINDOW_FRAMES = 1500
# 2 s: where a device has no room for this, it has room for nothing.
SMALLEST_WINDOW = 100


@dataclass(frozen=True)
class FrameOutputs:
    """What the network says of each 20 ms frame; frame i is centred on (i + 0.5) * 0.02 s.

    log_phones [T, 40] log-posteriors, articulation [T, A] 0..1, face [T, K] 0..1, level [T] dB of the frame's RMS (full scale 0). Float32.
    """

    log_phones: np.ndarray
    articulation: np.ndarray
    face: np.ndarray
    level: np.ndarray

    def __len__(self) -> int:
        return len(self.level)


@dataclass
class WindowRunner:
    """The network on one device. ``warnings`` tells afterwards where a smaller window or another device had to be taken.

    style: amounts by name (``SpeechModelConfig.style_names``); empty is the average face. UserError for a name the weights do not know.
    """

    model: SpeechModel
    device: torch.device
    window: int = WINDOW_FRAMES
    warnings: list[str] = field(default_factory=list)
    style: Mapping[str, float] = field(default_factory=dict)

    def run(self, blocks: Iterable[np.ndarray], on_window: Callable[[int], None] = lambda samples: None) -> FrameOutputs:
        """Outputs for the sound in ``blocks`` (float32 at 16 kHz, any lengths). ``on_window(samples done)`` may raise to stop."""
        self.model.to(self.device)
        context = self.model.context_frames
        parts: list[FrameOutputs] = []
        held = np.zeros(0, np.float32)
        left = 0  # frames at the start of ``held`` that are context only
        done = 0
        for block in blocks:
            held = np.concatenate([held, block])
            # Strictly more than a full window with its right context: the sound's true end always stays for the last window.
            while len(held) > (left + self.window + context) * FRAME_SAMPLES:
                window = self.window
                piece = held[: (left + window + context) * FRAME_SAMPLES]
                parts.append(self._window(piece, left, window))
                done += window * FRAME_SAMPLES
                on_window(done)
                keep = min(left + window, context)
                held = held[(left + window - keep) * FRAME_SAMPLES :]
                left = keep
        rest = frame_count(len(held)) - left
        if rest > 0:
            parts.append(self._window(held, left, rest))
            on_window(done + len(held) - left * FRAME_SAMPLES)
        return _join(parts, self.model)

    def _window(self, sound: np.ndarray, left: int, frames: int) -> FrameOutputs:
        """Outputs of ``frames`` frames after ``left`` context frames; where memory ends, in two halves, in the end on the CPU."""
        try:
            return self._forward(sound, left, frames)
        except RuntimeError as error:
            if self.device.type == "cpu" or not out_of_memory(error):
                raise
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        if frames <= SMALLEST_WINDOW:
            self.warnings.append(f"The {self.device.type} device has no memory left, so the rest ran on the CPU.")
            self.device = torch.device("cpu")
            self.model.to(self.device)
            return self._window(sound, left, frames)
        if not self.warnings:
            self.warnings.append(
                f"The {self.device.type} device is short of memory, so smaller pieces were used; other programs may be using it."
            )
        self.window = min(self.window, max(frames // 2, SMALLEST_WINDOW))
        context, half = self.model.context_frames, frames // 2
        first = self._window(sound[: (left + half + context) * FRAME_SAMPLES], left, half)
        skip = max(left + half - context, 0)
        second = self._window(sound[skip * FRAME_SAMPLES :], left + half - skip, frames - half)
        return _join([first, second], self.model)

    @torch.inference_mode()
    def _forward(self, sound: np.ndarray, left: int, frames: int) -> FrameOutputs:
        audio = torch.from_numpy(np.ascontiguousarray(sound)).to(self.device)
        style = self.model.style_vector(self.style).to(self.device) if self.style else None
        out = self.model(log_mel(audio)[None], style)
        chosen = slice(left, left + frames)
        padded = np.zeros(frames * FRAME_SAMPLES, np.float32)
        own = sound[left * FRAME_SAMPLES : (left + frames) * FRAME_SAMPLES]
        padded[: len(own)] = own
        power = np.square(padded.reshape(frames, FRAME_SAMPLES)).mean(axis=1)
        return FrameOutputs(
            log_phones=out.phones[0, chosen].float().log_softmax(-1).cpu().numpy(),
            articulation=out.articulation[0, chosen].float().sigmoid().cpu().numpy(),
            face=out.face[0, chosen].float().cpu().numpy(),
            level=(10 * np.log10(power + 1e-12)).astype(np.float32),
        )


def _join(parts: list[FrameOutputs], model: SpeechModel) -> FrameOutputs:
    if not parts:
        widths = (len(model.config.phone_names), len(model.config.articulation_names), len(model.config.face_names))
        return FrameOutputs(*(np.zeros((0, w), np.float32) for w in widths), np.zeros(0, np.float32))
    return FrameOutputs(*(np.concatenate([getattr(p, name) for p in parts]) for name in ("log_phones", "articulation", "face", "level")))
