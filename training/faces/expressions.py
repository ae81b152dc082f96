# SPDX-License-Identifier: GPL-3.0-or-later
"""What faces do: the mixture of expressions that renders and geometry samples are drawn from, as ARKit's 52 coefficients.

Real speech and idling (GRID's and FACEGOOD's tracked curves without the held-out clips and people of ``training.splits``), acted
expressions after FACS prototypes (Ekman, Friesen, Hager 2002: which movements go together), a few shapes at once, one at a time, and
dense random ones.
"""
from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from ...rigs.arkit import ARKIT_52, ARKIT_MIRROR
from .. import splits

AT: Final[Mapping[str, int]] = {name: i for i, name in enumerate(ARKIT_52)}
KINDS: Final = ("speech", "acted", "sparse", "one", "dense")
SHARES: Final[Mapping[str, float]] = {"speech": 0.28, "acted": 0.17, "sparse": 0.2, "one": 0.1, "dense": 0.25}
DENSE_ACTIVE = 0.25  # of the channels: the median predictor's MAE becomes about 0.12, the figure that METRICS.md gives
SPEECH_GAIN = (0.6, 1.6)  # of a tracked channel: trackers and people differ in how far a face goes for the same word
GAZE_YAW, GAZE_PITCH = 0.35, 0.3  # standard deviation of a glance, in coefficients
_SPEECH_ROW = 40000  # tracked frames kept: more would only repeat

_OPPOSITE: Final = (
    ("jawLeft", "jawRight"), ("mouthLeft", "mouthRight"),
    ("eyeLookInLeft", "eyeLookOutLeft"), ("eyeLookInRight", "eyeLookOutRight"),
    ("eyeLookUpLeft", "eyeLookDownLeft"), ("eyeLookUpRight", "eyeLookDownRight"),
)  # fmt: skip
_SHIFTS: Final = ("jawLeft", "jawRight", "mouthLeft", "mouthRight")
# Which movements go together, by FACS prototype; "_" stands for both sides. Upper bounds of the draw.
ACTED: Final[Mapping[str, Mapping[str, float]]] = {
    "smile": {"mouthSmile_": 1, "cheekSquint_": 0.8, "eyeSquint_": 0.6, "mouthDimple_": 0.4, "jawOpen": 0.4, "mouthUpperUp_": 0.4},
    "grin": {"mouthSmile_": 0.9, "mouthUpperUp_": 0.8, "mouthLowerDown_": 0.6, "cheekSquint_": 0.8, "noseSneer_": 0.3},
    "surprise": {"browInnerUp": 1, "browOuterUp_": 1, "eyeWide_": 1, "jawOpen": 0.9, "mouthFunnel": 0.4},
    "fear": {"browInnerUp": 1, "browOuterUp_": 0.5, "browDown_": 0.5, "eyeWide_": 1, "mouthStretch_": 1, "jawOpen": 0.4},
    "sadness": {"browInnerUp": 1, "browDown_": 0.4, "mouthFrown_": 1, "mouthShrugLower": 0.7, "eyeSquint_": 0.4, "mouthRollLower": 0.3},
    "anger": {"browDown_": 1, "eyeSquint_": 0.7, "mouthPress_": 1, "noseSneer_": 0.6, "jawForward": 0.5, "eyeWide_": 0.4},
    "snarl": {"browDown_": 1, "noseSneer_": 1, "mouthUpperUp_": 1, "mouthLowerDown_": 0.8, "jawOpen": 0.5, "cheekSquint_": 0.6},
    "disgust": {"noseSneer_": 1, "mouthUpperUp_": 0.9, "browDown_": 0.7, "mouthFrown_": 0.6, "mouthShrugUpper": 0.5, "cheekSquint_": 0.6},
    "contempt": {"mouthDimple_": 1, "mouthSmile_": 0.5, "mouthPress_": 0.5, "mouthLeft": 0.3},
    "doubt": {"browDown_": 0.8, "browOuterUp_": 1, "mouthShrugLower": 1, "mouthShrugUpper": 0.8, "mouthFrown_": 0.6, "mouthRight": 0.4},
    "kiss": {"mouthPucker": 1, "mouthFunnel": 0.4, "eyeBlink_": 0.6, "jawForward": 0.3},
    "puff": {"cheekPuff": 1, "mouthPress_": 0.6, "mouthPucker": 0.4, "eyeWide_": 0.4},
    "tongue": {"tongueOut": 1, "jawOpen": 0.8, "mouthLowerDown_": 0.5, "noseSneer_": 0.4},
    "bite": {"mouthRollLower": 1, "mouthRollUpper": 0.7, "mouthPress_": 0.6, "jawOpen": 0.2, "mouthClose": 0.2},
    "wink": {"eyeBlink_": 1, "cheekSquint_": 0.8, "mouthSmile_": 0.5, "eyeSquint_": 0.8},
    "sleepy": {"eyeBlink_": 0.8, "browInnerUp": 0.6, "jawOpen": 0.7, "eyeSquint_": 0.4},
    "jaw": {"jawLeft": 1, "jawRight": 1, "jawForward": 1, "mouthLeft": 0.6, "mouthRight": 0.6, "jawOpen": 0.4},
    "sealed": {"jawOpen": 0.7, "mouthClose": 0.7, "mouthPress_": 0.4, "mouthPucker": 0.3, "cheekPuff": 0.4},
}  # fmt: skip
_LOPSIDED = ("contempt", "doubt", "wink")  # usually one side only


def legal(arkit: np.ndarray) -> np.ndarray:
    """[n, 52] within 0..1 and possible: opposites exclude each other, mouthClose <= jawOpen, the tongue needs an open jaw, eyes turn
    together (their yaws differ by a small vergence only, by how the callers draw them)."""
    out = np.clip(arkit, 0, 1).astype(np.float32)
    for a, b in _OPPOSITE:
        both = np.minimum(out[:, AT[a]], out[:, AT[b]])
        out[:, AT[a]] -= both
        out[:, AT[b]] -= both
    tongue = out[:, AT["tongueOut"]]
    out[:, AT["jawOpen"]] = np.maximum(out[:, AT["jawOpen"]], np.minimum(0.22, 0.8 * tongue))
    out[:, AT["mouthClose"]] = np.minimum(out[:, AT["mouthClose"]], out[:, AT["jawOpen"]] * np.clip(1 - 2 * tongue, 0, 1))
    return out


@dataclass(frozen=True)
class Expressions:
    """Draws coefficients. speech: tracked frames, float32 [N, 52], cleaned of each clip's resting offset; clips: their extents in it."""

    speech: np.ndarray
    clips: tuple[tuple[int, int], ...]

    def draw(self, rng: np.random.Generator, count: int, shares: Mapping[str, float] = SHARES) -> tuple[np.ndarray, np.ndarray]:
        """float32 [count, 52] and the kind of each (number in ``KINDS``)."""
        weights = np.array([shares.get(k, 0.0) for k in KINDS])
        kinds = rng.choice(len(KINDS), count, p=weights / weights.sum())
        out = np.zeros((count, 52), np.float32)
        for k, name in enumerate(KINDS):
            rows = np.flatnonzero(kinds == k)
            if len(rows):
                out[rows] = getattr(self, f"_{name}")(rng, len(rows))
        return legal(out), kinds

    def clip(self, rng: np.random.Generator, frames: int) -> np.ndarray:
        """A stretch of real speech at 25 fps, float32 [frames, 52], with a gain per channel for the clip, and glances."""
        start, end = self.clips[rng.integers(len(self.clips))]
        row = self.speech[start + np.arange(frames) % (end - start)]
        gain = rng.uniform(*SPEECH_GAIN, 52).astype(np.float32)
        gain[AT["jawOpen"]] = gain[AT["mouthClose"]] = rng.uniform(0.8, 1.3)
        for name in ("eyeBlinkLeft", "eyeBlinkRight"):
            gain[AT[name]] = 1.2
        out = row * gain
        glances = np.repeat(self._gaze(rng, frames // 12 + 1), 12, 0)[:frames]
        return legal(out + glances)

    def _speech(self, rng: np.random.Generator, n: int) -> np.ndarray:
        out = self.speech[rng.integers(len(self.speech), size=n)] * rng.uniform(*SPEECH_GAIN, (n, 52))
        acting = rng.random(n) < 0.35  # people speak with a face on
        out[acting] = np.maximum(out[acting], 0.6 * self._acted(rng, int(acting.sum())) * rng.random((int(acting.sum()), 1)))
        return out + self._gaze(rng, n) + self._blinks(rng, n, 0.12)

    def _acted(self, rng: np.random.Generator, n: int) -> np.ndarray:
        out = np.zeros((n, 52), np.float32)
        names = list(ACTED)
        for i, which in enumerate(rng.integers(len(names), size=n)):
            name = names[which]
            strength = rng.uniform(0.25, 1.0)
            one_sided = rng.random() < (0.7 if name in _LOPSIDED else 0.12)
            side = "Left" if rng.random() < 0.5 else "Right"
            for channel, most in ACTED[name].items():
                if rng.random() < 0.2:
                    continue
                value = most * strength * rng.uniform(0.5, 1.1)
                if not channel.endswith("_"):
                    out[i, AT[channel]] = value
                    continue
                for s in ("Left", "Right"):
                    fall = rng.uniform(0, 0.3) if one_sided and s != side else rng.uniform(0.85, 1.1)
                    out[i, AT[channel[:-1] + s]] = value * fall
        return out + self._gaze(rng, n) * (rng.random((n, 1)) < 0.6) + self._blinks(rng, n, 0.05)

    def _sparse(self, rng: np.random.Generator, n: int) -> np.ndarray:
        out = np.zeros((n, 52), np.float32)
        for i, many in enumerate(rng.integers(1, 6, n)):
            for channel in rng.integers(52, size=many):
                value = rng.random() ** 0.7
                out[i, channel] = value
                both_sides = ARKIT_MIRROR[channel] != channel and not any(w in ARKIT_52[channel] for w in ("Look", *_SHIFTS))
                if both_sides and rng.random() < 0.6:
                    out[i, ARKIT_MIRROR[channel]] = np.clip(value * rng.uniform(0.8, 1.2), 0, 1)
        return self._eyes_together(rng, self._jaw_for_close(rng, out))

    def _one(self, rng: np.random.Generator, n: int) -> np.ndarray:
        out = np.zeros((n, 52), np.float32)
        out[np.arange(n), rng.integers(52, size=n)] = rng.uniform(0.1, 1, n)
        return one_with_companions(out)

    def _dense(self, rng: np.random.Generator, n: int) -> np.ndarray:
        out = (rng.random((n, 52)) * (rng.random((n, 52)) < DENSE_ACTIVE)).astype(np.float32)
        return self._eyes_together(rng, self._jaw_for_close(rng, out))

    @staticmethod
    def _jaw_for_close(rng: np.random.Generator, arkit: np.ndarray) -> np.ndarray:
        """Opens the jaw in most rows that would close it: otherwise ``legal`` leaves hardly any mouthClose."""
        needed = arkit[:, AT["mouthClose"]] * rng.uniform(0.8, 1.3, len(arkit)) * (rng.random(len(arkit)) < 0.7)
        arkit[:, AT["jawOpen"]] = np.maximum(arkit[:, AT["jawOpen"]], needed)
        return arkit

    def _eyes_together(self, rng: np.random.Generator, arkit: np.ndarray) -> np.ndarray:
        """The right eye follows the left in nine of ten: eyes that stray apart are rare."""
        together = np.flatnonzero(rng.random(len(arkit)) < 0.9)
        for left, right in (("In", "Out"), ("Out", "In"), ("Up", "Up"), ("Down", "Down")):
            arkit[together, AT[f"eyeLook{right}Right"]] = arkit[together, AT[f"eyeLook{left}Left"]]
        return arkit

    @staticmethod
    def _gaze(rng: np.random.Generator, n: int) -> np.ndarray:
        """eyeLook* only, of one glance of both eyes with a little vergence, [n, 52]."""
        yaw, pitch = rng.normal(0, GAZE_YAW, n), rng.normal(-0.05, GAZE_PITCH, n)
        vergence = np.abs(rng.normal(0, 0.05, n))
        out = np.zeros((n, 52), np.float32)
        for side, sign in (("Left", 1), ("Right", -1)):
            outward = sign * yaw - vergence
            out[:, AT[f"eyeLookOut{side}"]], out[:, AT[f"eyeLookIn{side}"]] = outward.clip(0, 1), (-outward).clip(0, 1)
            out[:, AT[f"eyeLookUp{side}"]], out[:, AT[f"eyeLookDown{side}"]] = pitch.clip(0, 1), (-pitch).clip(0, 1)
        return out

    @staticmethod
    def _blinks(rng: np.random.Generator, n: int, share: float) -> np.ndarray:
        out = np.zeros((n, 52), np.float32)
        value = rng.random(n) ** 0.6 * (rng.random(n) < share)
        out[:, AT["eyeBlinkLeft"]], out[:, AT["eyeBlinkRight"]] = value, value * rng.uniform(0.9, 1, n)
        return out


def one_with_companions(arkit: np.ndarray) -> np.ndarray:
    """Single actions [n, 52] with what they cannot be without: mouthClose needs an open jaw, and ``legal`` opens it for the tongue."""
    jaw = AT["jawOpen"]
    arkit[:, jaw] = np.maximum(arkit[:, jaw], arkit[:, AT["mouthClose"]])
    return arkit


def one_at_a_time(levels: tuple[float, ...] = (0.5, 1.0)) -> np.ndarray:
    """Every channel alone at each level, float32 [52 * levels, 52], with its companions."""
    return legal(one_with_companions(np.concatenate([np.eye(52, dtype=np.float32) * level for level in levels])))


@functools.lru_cache(maxsize=2)
def load(root: Path, held_out: bool = False) -> Expressions:
    """Tracked frames of the training clips (``held_out``: of the held-out ones). root: the corpora's folder."""
    rows: list[np.ndarray] = []
    for corpus in ("grid_s1", "grid_more", "facegood"):
        name = "curves_arkit.npz" if corpus == "facegood" else "curves.npz"
        with np.load(root / corpus / name, allow_pickle=False) as z:
            columns = [str(c) for c in z["columns"]]
            for clip in z.files:
                if clip in ("columns", "fps"):
                    continue
                speaker = clip.split("_")[0] if corpus == "grid_more" else ""
                if splits.held_out(corpus, clip, speaker) == held_out:
                    rows.append(_frames(z[clip].astype(np.float32), columns, corpus))
    rng = np.random.default_rng(0)
    order = rng.permutation(len(rows))
    kept, clips, total = [], [], 0
    for i in order:
        if len(rows[i]) < 10 or total > _SPEECH_ROW:
            continue
        clips.append((total, total + len(rows[i])))
        total += len(rows[i])
        kept.append(rows[i])
    return Expressions(np.concatenate(kept), tuple(clips))


def _frames(values: np.ndarray, columns: list[str], corpus: str) -> np.ndarray:
    """One clip as [T, 52]: tracked channels less their resting level in the clip (their tenth percentile), gaze left out."""
    values = values[~np.isnan(values).any(1)]
    out = np.zeros((len(values), 52), np.float32)
    for i, name in enumerate(columns):
        if name in AT and "Look" not in name and len(values):
            at_rest = 0.0 if corpus == "facegood" else np.quantile(values[:, i], 0.1)
            out[:, AT[name]] = np.clip(values[:, i] - at_rest, 0, 1)
    return out
