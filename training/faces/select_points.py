# SPDX-License-Identifier: GPL-3.0-or-later
"""Chooses the dense points on the ICT-FaceKit head and prints the tables of ``inference/video/points.py``.

    python entry.py training.faces.select_points --corpora DIR

Landmarks first, then rings along the lips and lids (paths over mesh edges through their landmarks), then regions filled by
farthest-point sampling on one half and mirrored, so that the set is its own mirror image. Deterministic.
"""
from __future__ import annotations

import argparse
import heapq
import itertools
from collections.abc import Callable, Sequence

import numpy as np

from .. import corpora

MIDLINE = 1e-2  # cm: the mesh's own asymmetry
INNER_UPPER, INNER_LOWER = (60, 61, 62), (60, 67, 66)
OUTER_UPPER, OUTER_LOWER = (48, 49, 50, 51), (48, 59, 58, 57)
LID_UPPER, LID_LOWER = (36, 37, 38, 39), (36, 41, 40, 39)
BROW, JAW = (17, 18, 19, 20, 21), (0, 1, 2, 3, 4, 5, 6, 7, 8)


def mirror_vertices(neutral: np.ndarray) -> np.ndarray:
    """Vertex number of each vertex's mirror image in x (nearest), int [V]."""
    mirrored = neutral * [-1, 1, 1]
    out = np.empty(len(neutral), int)
    for start in range(0, len(neutral), 500):
        out[start : start + 500] = np.square(mirrored[start : start + 500, None] - neutral[None]).sum(-1).argmin(1)
    return out


def path(neutral: np.ndarray, edges: dict[int, list[int]], stops: Sequence[int]) -> list[int]:
    """The shortest way over mesh edges through the vertices ``stops``."""
    whole = [stops[0]]
    for start, goal in itertools.pairwise(stops):
        best, queue, came = {start: 0.0}, [(0.0, start)], {}
        while queue:
            cost, at = heapq.heappop(queue)
            if at == goal:
                break
            for to in edges[at]:
                reached = cost + float(np.linalg.norm(neutral[at] - neutral[to]))
                if reached < best.get(to, np.inf):
                    best[to], came[to] = reached, at
                    heapq.heappush(queue, (reached, to))
        back = [goal]
        while back[-1] != start:
            back.append(came[back[-1]])
        whole += back[::-1][1:]
    return whole


def spread(neutral: np.ndarray, chosen: list[int], candidates: np.ndarray, mirror: np.ndarray, count: int) -> list[int]:
    """``count`` more of ``candidates``, each the farthest from all chosen so far (and from their mirror images)."""
    new: list[int] = []
    near = np.full(len(candidates), np.inf)
    for v in chosen:
        near = np.minimum(near, np.linalg.norm(neutral[candidates] - neutral[v], axis=1))
    for _ in range(count):
        # a point close to the midline would sit beside its own image
        own = np.abs(neutral[candidates, 0]) * 2
        score = np.where(own < MIDLINE, near, np.minimum(near, np.maximum(own, 1e-6)))
        v = int(candidates[score.argmax()])
        new.append(v)
        for w in (v, int(mirror[v])):
            near = np.minimum(near, np.linalg.norm(neutral[candidates] - neutral[w], axis=1))
    return new


def choose(kit: dict[str, np.ndarray]) -> tuple[list[int], list[str]]:
    """Vertex numbers and a region name for each, the 68 landmarks first."""
    neutral, faces = kit["neutral"].astype(float), kit["tri"].astype(int)
    landmarks = kit["lmk68"].astype(int)
    mirror = mirror_vertices(neutral)
    skin = faces[(kit["part"][faces] == 0).all(1)]
    edges: dict[int, list[int]] = {}
    for a, b, c in skin:
        for i, j in ((a, b), (b, c), (c, a)):
            edges.setdefault(int(i), []).append(int(j))
            edges.setdefault(int(j), []).append(int(i))
    right = np.array([v for v in edges if neutral[v, 0] <= MIDLINE])
    at = neutral[right]
    normal = np.zeros_like(neutral)
    facet = np.cross(neutral[skin[:, 1]] - neutral[skin[:, 0]], neutral[skin[:, 2]] - neutral[skin[:, 0]])
    for k in range(3):
        np.add.at(normal, skin[:, k], facet)
    seen = (normal / np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9))[right, 2] > 0.1

    def ring(*ways: Sequence[int]) -> np.ndarray:
        return np.array(sorted({v for way in ways for v in path(neutral, edges, [int(landmarks[k]) for k in way])}))

    inner, outer = ring(INNER_UPPER, INNER_LOWER), ring(OUTER_UPPER, OUTER_LOWER)
    lid, brow, jaw = ring(LID_UPPER, LID_LOWER), ring(BROW), ring(JAW)

    def far(way: np.ndarray) -> np.ndarray:
        return np.linalg.norm(at[:, None] - neutral[way][None], axis=-1).min(1)

    x, y, z = at.T
    to_lid, to_brow, to_jaw = far(lid), far(brow), far(jaw)
    to_lips = np.minimum(far(inner), far(outer))
    strata: list[tuple[str, np.ndarray, int]] = [
        ("lipInner", inner, 10),
        ("lipOuter", outer, 10),
        ("lip", right[(y < -2.3) & (y > -4.5) & (z > 10) & (np.abs(x) < 2.6) & seen & (to_lips < 0.5)], 7),
        ("lid", lid, 10),
        ("lidFold", right[(to_lid > 0.25) & (to_lid < 0.9) & (to_brow > 0.5) & seen & (z > 7.5)], 9),
        ("brow", right[(to_brow > 0.25) & (to_brow < 0.75) & seen], 10),
        ("brow", right[(np.abs(x) < 1.5) & (y > 4.2) & (y < 6.8)], 4),
        ("nose", right[(y < 4.2) & (y > -1.3) & (np.abs(x) < 1.9 - 0.12 * y.clip(0)) & (to_lid > 0.5) & seen], 15),
        ("lipSkin", right[(y < -1.3) & (y > -2.9) & (np.abs(x) < 2.6) & seen & (to_lips > 0.3)], 4),
        ("chin", right[(y < -4.5) & (y > -7.6) & (np.abs(x) < 2.6) & seen], 9),
        ("fold", right[(np.abs(x) > 1.6) & (np.abs(x) < 4.2) & (y < 0.8) & (y > -5.2) & seen & (to_lips > 0.4)], 10),
        ("cheek", right[(np.abs(x) > 1.9) & (x > -6.6) & (y < 2.7) & (y > -5.0) & seen & (to_jaw > 0.7) & (to_lid > 0.6)], 16),
        ("jaw", right[(to_jaw < 0.8) & (y < 3.7)], 7),
        ("temple", right[(x < -5.5) & (y > 2.5) & (y < 7.5) & seen], 4),
        ("forehead", right[(y > 6.6) & (y < 9.8) & seen & (x > -5.5)], 9),
    ]
    points = [int(v) for v in landmarks]
    names = (["jaw"] * 17) + (["brow"] * 10) + (["nose"] * 9) + (["lid"] * 12) + (["lipOuter"] * 12) + (["lipInner"] * 8)
    for name, candidates, count in strata:
        taken = set(points)
        free = np.array([v for v in candidates if int(v) not in taken and int(mirror[v]) not in taken])
        for v in spread(neutral, points, free, mirror, count):
            pair = [v] if abs(neutral[v, 0]) < MIDLINE else [v, int(mirror[v])]
            points += pair
            names += [name] * len(pair)
    return points, names


def print_table(kind: Callable[[object], str], values: Sequence[object], width: int = 132) -> None:
    line = "   "
    for value in values:
        text = f" {kind(value)},"
        if len(line) + len(text) > width:
            print(line)
            line = "   "
        line += text
    print(line)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpora")
    args = parser.parse_args()
    with np.load(corpora.folder(args.corpora) / "ict_facekit.npz", allow_pickle=False) as z:
        kit = {k: z[k] for k in ("neutral", "tri", "part", "lmk68")}
    points, names = choose(kit)
    print_table(str, points)
    runs: list[tuple[str, int]] = []
    for name in names:
        runs = [*runs[:-1], (name, runs[-1][1] + 1)] if runs and runs[-1][0] == name else [*runs, (name, 1)]
    print_table(lambda r: f'("{r[0]}", {r[1]})', runs)
    print(len(points), "points, unique", len(set(points)))


if __name__ == "__main__":
    main()
