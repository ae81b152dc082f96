# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures how unlike the two sides of real faces move, for the table in inference/speech/asymmetry.py.

    python entry.py training.asymmetry --corpora DIR

On the training clips of GRID (MediaPipe's scores of both sides): of each pair the balance (left - right) / (left + right), as the slope of
a line through the origin. Its mean of a person is that person's bias; how it differs from clip to clip (three seconds each) is the drift.
What differs within a clip is mostly the tracker's noise (its correlation over 0.2 s is printed), so it is left out.
"""
from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from . import corpora, splits

UNITS = (
    "mouthSmile", "mouthDimple", "mouthPress", "mouthLowerDown", "mouthUpperUp", "mouthStretch", "mouthFrown", "browDown", "browOuterUp",
)  # fmt: skip
MOVES = 0.01  # mean score from which a person's channel moves enough to have a balance
FRAMES_APART = 5  # 0.2 s at 25 frames a second


def scores(root: Path) -> tuple[tuple[str, ...], dict[str, list[np.ndarray]]]:
    """Columns, and of each speaker the training clips' scores, float64 [T, columns]."""
    columns: tuple[str, ...] = ()
    found: dict[str, list[np.ndarray]] = {}
    for which in ("grid_s1", "grid_more"):
        chosen = [e for e in corpora.grid(root, which) if not corpora.is_held_out(e) and not corpora.is_choice(e)]
        splits.assert_none_held_out(chosen)
        with np.load(root / which / "curves.npz", allow_pickle=False) as z:
            columns = tuple(str(c) for c in z["columns"])
            for e in chosen:
                found.setdefault(e.speaker, []).append(z[e.name].astype(np.float64))
    return columns, found


def balance(left: np.ndarray, right: np.ndarray) -> float:
    """(left - right) / (left + right) that suits all frames best; large movements count most."""
    total = left + right
    return float(((left - right) * total).sum() / max((total * total).sum(), 1e-12))


def measure(clips: list[np.ndarray], left: int, right: int) -> tuple[float, float, float, float]:
    """(mean score, bias, drift from clip to clip, correlation of what is left over 0.2 s) of one person's pair."""
    pairs = [c[:, (left, right)] for c in clips if np.isfinite(c[:, (left, right)]).all()]
    every = np.concatenate(pairs)
    bias = balance(every[:, 0], every[:, 1])
    drift = float(np.std([balance(p[:, 0], p[:, 1]) for p in pairs]))
    kept = []
    for p in pairs:
        rest = p[:, 0] - p[:, 1] - bias * p.sum(1)
        if len(rest) > 2 * FRAMES_APART and rest.std() > 1e-6:
            kept.append(np.corrcoef(rest[:-FRAMES_APART], rest[FRAMES_APART:])[0, 1])
    return float(every.mean()), bias, drift, float(np.nanmean(kept)) if kept else float("nan")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpora")
    args = parser.parse_args()
    columns, speakers = scores(corpora.folder(args.corpora))
    print(f"{sum(map(len, speakers.values()))} clips of {len(speakers)} people. pair: bias (rms over people), drift (median), people")
    for unit in UNITS:
        left, right = columns.index(f"{unit}Left"), columns.index(f"{unit}Right")
        rows = [m for clips in speakers.values() if (m := measure(clips, left, right))[0] > MOVES]
        if rows:
            bias, drift = float(np.sqrt(np.mean([r[1] ** 2 for r in rows]))), float(np.median([r[2] for r in rows]))
            print(f"{unit:15s} {bias:.2f}  {drift:.2f}  {len(rows)}   correlation over 0.2 s {np.nanmean([r[3] for r in rows]):.2f}")
    for left_name, right_name in (("jawLeft", "jawRight"), ("mouthLeft", "mouthRight")):
        slopes = []
        for clips in speakers.values():
            every = np.concatenate([c for c in clips if np.isfinite(c).all()])
            side = every[:, columns.index(left_name)] - every[:, columns.index(right_name)]
            jaw = every[:, columns.index("jawOpen")]
            slopes.append((side * jaw).sum() / max((jaw * jaw).sum(), 1e-12))
        print(f"{left_name} - {right_name} over jawOpen: {np.round(slopes, 3).tolist()}, rms {np.sqrt(np.mean(np.square(slopes))):.3f}")


if __name__ == "__main__":
    main()
