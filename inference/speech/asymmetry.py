# SPDX-License-Identifier: GPL-3.0-or-later
"""The two sides of a face are not alike: a person's own bias, and a slow drift, measured on real faces. Lips still close evenly.

Table from ``training.asymmetry`` (MediaPipe's scores of both sides, 814 training clips of five GRID speakers): the balance
(left - right) / (left + right). Five people are few, so biases are rounded, those of pairs that two people or fewer move are taken from
their neighbours, and dimples (0.73, of scores around 0.03, where the tracker exaggerates) and brows (0.26 and 0.35, in which turned
heads count) are cut down: on the demo head more looks like doubt.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from ...core.curves import Curves
from ...core.errors import UserError

RANGE: Final = (0.0, 2.0)
# Standard deviation over people of each pair's balance.
BIAS: Final = {
    "mouthSmile": 0.1, "mouthDimple": 0.25, "mouthPress": 0.25, "mouthLowerDown": 0.18, "mouthUpperUp": 0.2, "mouthStretch": 0.18,
    "mouthFrown": 0.15, "cheekSquint": 0.1, "noseSneer": 0.12, "browDown": 0.12, "browOuterUp": 0.12, "eyeSquint": 0.1,
}  # fmt: skip
# Standard deviation of the balance from one three-second clip of a person to another, alike for all pairs; and seconds between its knots.
DRIFT: Final = 0.06
KNOT: Final = 1.5
# The jaw's and the lips' way to a side, over how far the jaw is open (standard deviations over people, 0.035 and 0.06; the latter mostly
# one man's turned head).
JAW_SIDE, MOUTH_SIDE = 0.035, 0.02
# Share of a bias that all pairs of a face have in common, the strong side.
SHARED: Final = 0.25
# No side does more than this for the other's nothing.
MOST: Final = 0.6


@dataclass(frozen=True)
class Sides:
    """balance: pair -> float32 [T], (left - right) / (left + right); jaw, mouth: to the left, over the jaw's opening."""

    balance: dict[str, np.ndarray]
    jaw: float
    mouth: float


def sides(times: np.ndarray, amount: float, person: int, seed: int) -> Sides | None:
    """How the sides differ at ``times`` (s, rising, from 0); None for the amount 0, which is perfectly even.

    amount: 0 to 2, 1 as measured. person: whose face, which decides the bias. seed: which take, which decides the drift; a time's drift
    depends on the seed and the time alone. Raises UserError for an amount out of range.
    """
    if not RANGE[0] <= amount <= RANGE[1]:
        raise UserError(f"The asymmetry {amount:g} is out of range.", f"Use {RANGE[0]:g} (even) to {RANGE[1]:g}; 1 is as measured.")
    if amount == 0 or not len(times):
        return None
    own = np.random.default_rng((person, 7)).standard_normal(len(BIAS) + 3)
    shared, jaw, mouth = own[-3:]
    biases = np.sqrt(SHARED) * shared + np.sqrt(1 - SHARED) * own[: len(BIAS)]
    knots = np.random.default_rng((seed, person, 8)).standard_normal((int(times[-1] / KNOT) + 2, len(BIAS)))
    at = times / KNOT
    i = np.minimum(at.astype(np.intp), len(knots) - 2)
    x = (at - i)[:, None]
    x = x * x * (3 - 2 * x)
    drift = ((1 - x) * knots[i] + x * knots[i + 1]) / np.sqrt((1 - x) ** 2 + x**2)  # as wide between the knots as at them
    found = np.clip(amount * (np.array(list(BIAS.values())) * biases + DRIFT * drift), -MOST, MOST).astype(np.float32)
    return Sides({unit: found[:, k] for k, unit in enumerate(BIAS)}, float(amount * JAW_SIDE * jaw), float(amount * MOUTH_SIDE * mouth))


def apart(curves: Curves, uneven: Sides | None) -> Curves:
    """The curves with unlike sides, in 0..1: what one side gains the other loses, so the lips stand as far apart as before, and what does
    not move stays still."""
    if uneven is None:
        return curves
    column = {n: i for i, n in enumerate(curves.names)}
    values = curves.values.copy()
    for unit, balance in uneven.balance.items():
        pair = [column.get(unit + side) for side in ("Left", "Right")]
        if None not in pair:
            left, right = pair
            room = np.minimum(1 / np.maximum(values[:, (left, right)].max(1), 1e-6) - 1, MOST)  # neither side beyond 1
            held = np.clip(balance, -room, room)
            values[:, left] *= 1 + held
            values[:, right] *= 1 - held
    if "jawOpen" in column:
        for kind, share in (("jaw", uneven.jaw), ("mouth", uneven.mouth)):
            name = kind + ("Left" if share > 0 else "Right")
            if name in column:
                values[:, column[name]] += abs(share) * values[:, column["jawOpen"]]
    return Curves(curves.names, curves.times, np.clip(values, 0, 1))
