# SPDX-License-Identifier: GPL-3.0-or-later
"""The face's quads: a grid around the head in which three blocks are concentric loops, one for each eye and one for the mouth."""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

COLUMNS = 56  # around the head; column 0 is the middle of the face, +c the character's left
ROW_COUNT = 48  # from the crown (one vertex above row 0) to the neck's end
EYE_COLUMNS, EYE_ROWS = (4, 14), (11, 19)
MOUTH_COLUMNS, MOUTH_ROWS = (-8, 8), (25, 33)
EYE_RINGS = 9  # inside the block's border: 5 of skin, 2 of lid margin, 2 behind the lid
EYE_SKIN_RINGS = 5
MOUTH_RINGS = 15  # 4 of skin, 6 of lip, 5 of the mouth's inside
MOUTH_SKIN_RINGS = 4


@dataclass(frozen=True)
class Loops:
    """Concentric rings about an opening. ``index`` [rings + 1, K] are vertex numbers, ring 0 the block's border.

    Along a ring, position 0 is the corner at the inner side (eyes) or the right side (mouth); positions 1..K/2-1 run over the upper
    side to the other corner at K/2; positions K-1 down to K/2+1 run below, so that k and K-k face each other.
    """

    index: np.ndarray

    @property
    def count(self) -> int:
        return self.index.shape[1]


@dataclass(frozen=True)
class Topology:
    """Vertices are numbered, faces are tuples of them; ``mirror`` [V] is each vertex's counterpart across x = 0."""

    count: int
    faces: tuple[tuple[int, ...], ...]
    material: np.ndarray
    grid: np.ndarray
    crown: int
    eye_left: Loops
    eye_right: Loops
    mouth: Loops
    mirror: np.ndarray


SKIN, LIPS, INSIDE = 0, 1, 2


def _border(columns: tuple[int, int], rows: tuple[int, int], from_right: bool) -> list[tuple[int, int]]:
    """The (column, row) of a block's border, from the middle of one side over the top to the other side and back below."""
    (c0, c1), (r0, r1) = columns, rows
    middle = (r0 + r1) // 2
    path = [(c0, r) for r in range(middle, r0, -1)]
    path += [(c, r0) for c in range(c0, c1)]
    path += [(c1, r) for r in range(r0, r1)]
    path += [(c, r1) for c in range(c1, c0, -1)]
    path += [(c0, r) for r in range(r1, middle, -1)]
    if from_right:  # mirrored blocks start at their own inner side
        path = [(-c, r) for c, r in path]
    return path


def _inside(column: int, row: int, columns: tuple[int, int], rows: tuple[int, int]) -> bool:
    return columns[0] < column < columns[1] and rows[0] < row < rows[1]


def _signed(column: int) -> int:
    return column if column <= COLUMNS // 2 else column - COLUMNS


def build() -> Topology:
    """Deterministic; about 3000 vertices."""
    mirrored_eye = (-EYE_COLUMNS[1], -EYE_COLUMNS[0])
    blocks = ((EYE_COLUMNS, EYE_ROWS), (mirrored_eye, EYE_ROWS), (MOUTH_COLUMNS, MOUTH_ROWS))
    grid = np.full((ROW_COUNT, COLUMNS), -1, dtype=int)
    count = 0
    for row in range(ROW_COUNT):
        for column in range(COLUMNS):
            if not any(_inside(_signed(column), row, *block) for block in blocks):
                grid[row, column] = count
                count += 1
    crown = count
    count += 1

    faces: list[tuple[int, ...]] = []
    material: list[int] = []

    def add(*corners: int, kind: int = SKIN) -> None:
        faces.append(corners)
        material.append(kind)

    for row in range(ROW_COUNT - 1):
        for column in range(COLUMNS):
            following = (column + 1) % COLUMNS
            corners = (grid[row + 1, column], grid[row + 1, following], grid[row, following], grid[row, column])
            centre = _signed(column) + 0.5
            if any(b[0][0] < centre < b[0][1] and b[1][0] < row + 0.5 < b[1][1] for b in blocks):
                continue
            add(*(int(c) for c in corners))
    for column in range(COLUMNS):
        add(int(grid[0, column]), int(grid[0, (column + 1) % COLUMNS]), crown)

    def loops(columns: tuple[int, int], rows: tuple[int, int], rings: int, mirrored: bool) -> Loops:
        nonlocal count
        border = [int(grid[r, c % COLUMNS]) for c, r in _border(columns, rows, mirrored)]
        index = np.empty((rings + 1, len(border)), dtype=int)
        index[0] = border
        index[1:] = np.arange(count, count + rings * len(border)).reshape(rings, -1)
        count += rings * len(border)
        return Loops(index)

    def skin_loops(ring_set: Loops, mirrored: bool, kinds: list[int]) -> None:
        index, around = ring_set.index, ring_set.count
        for ring in range(len(index) - 1):
            for k in range(around):
                n = (k + 1) % around
                corners = (index[ring, k], index[ring + 1, k], index[ring + 1, n], index[ring, n])
                add(*(int(c) for c in (corners[::-1] if mirrored else corners)), kind=kinds[ring])

    eye_left = loops(EYE_COLUMNS, EYE_ROWS, EYE_RINGS, False)
    eye_right = loops(EYE_COLUMNS, EYE_ROWS, EYE_RINGS, True)
    mouth = loops(MOUTH_COLUMNS, MOUTH_ROWS, MOUTH_RINGS, False)
    skin_loops(eye_left, False, [SKIN] * EYE_RINGS)
    skin_loops(eye_right, True, [SKIN] * EYE_RINGS)
    skin_loops(mouth, False, [SKIN] * MOUTH_SKIN_RINGS + [LIPS] * 5 + [INSIDE] * (MOUTH_RINGS - MOUTH_SKIN_RINGS - 5))
    last, around = mouth.index[-1], mouth.count
    for k in range(around // 2):  # the throat: upper and lower half sewn together
        corners = dict.fromkeys((last[k], last[(around - k) % around], last[around - k - 1], last[k + 1]))
        add(*(int(c) for c in corners), kind=INSIDE)

    mirror = np.empty(count, dtype=int)
    for row in range(ROW_COUNT):
        for column in range(COLUMNS):
            if grid[row, column] >= 0:
                mirror[grid[row, column]] = grid[row, -column % COLUMNS]
    mirror[crown] = crown
    mirror[eye_left.index], mirror[eye_right.index] = eye_right.index, eye_left.index
    half = mouth.count // 2
    opposite = np.array([(half - k) % mouth.count for k in range(mouth.count)])
    mirror[mouth.index] = mouth.index[:, opposite]
    return Topology(count, tuple(faces), np.array(material), grid, crown, eye_left, eye_right, mouth, mirror)


def neighbours(topology: Topology) -> tuple[np.ndarray, np.ndarray]:
    """Directed edges as two arrays of vertex numbers [E], each undirected edge twice."""
    pairs = {(min(a, b), max(a, b)) for face in topology.faces for a, b in zip(face, face[1:] + face[:1], strict=True)}
    edges = np.array(sorted(pairs))
    return np.concatenate((edges[:, 0], edges[:, 1])), np.concatenate((edges[:, 1], edges[:, 0]))
