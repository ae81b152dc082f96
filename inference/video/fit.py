# SPDX-License-Identifier: GPL-3.0-or-later
"""Fits the head's geometry to dense points: pose and coefficients per frame, identity and camera per clip, by bounded least squares.

The camera is a pinhole about the face: x = s X / (1 - k Z) + t, with scale s and shift t of each frame and one perspective k (the inverse
of the distance) for the clip, so no focal length has to be known. Gauss-Newton steps weigh points by their sigma and, robustly, by their
residual (Student's t; Lange, Little, Taylor 1989). Coefficients have an exponential prior (a face at rest moves nothing) and stay within
0..1 by coordinate descent on the step's quadratic form. The solution is one input of the network in ``coefficients``.
"""
from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from torch import Tensor

from ...rigs.arkit import ARKIT_52
from . import geometry
from .points import IRIS_LEFT, IRIS_RIGHT, REGION, TONGUE

CHANNELS: Final = len(ARKIT_52)
PERSPECTIVE: Final = 1 / 75.0  # 1/cm: a head at arm's length; the prior's mean
PERSPECTIVE_SPREAD: Final = 0.6  # of its logarithm
NU: Final = 8.0  # degrees of freedom of the residuals
INFLATION: Final = 6.0  # neighbouring points err together, so 340 of them say as much as some 57 independent ones
MODES_INFLATION: Final = 0.5  # with the shared errors known the rest is smaller than sigma says; chosen on renders
PRIOR_MEAN: Final = 0.12  # of a coefficient
RIDGE: Final = 4.0  # and its inverse variance about zero
SWEEPS: Final = 8  # twice as many move no coefficient by more than 0.0005
RIGID_WEIGHT: Final = {"nose": 1.0, "forehead": 1.0, "temple": 1.0, "iris": 0.3, "cheek": 0.6, "jaw": 0.3, "lid": 0.6}  # others 0.3


@dataclass(frozen=True)
class Model:
    """The geometry as tensors relative to the pivot: neutral [P, 3], identity [K, P, 3], arkit [52, P, 3] (iris points with their
    displacement at half a look, doubled)."""

    neutral: Tensor
    identity: Tensor
    arkit: Tensor


@dataclass(frozen=True)
class Pose:
    """rotation [T, 3, 3] head to camera; scale [T] units a cm; shift [T, 2] (x right, y up)."""

    rotation: Tensor
    scale: Tensor
    shift: Tensor

    def __getitem__(self, rows: slice | Tensor) -> Pose:
        return Pose(self.rotation[rows], self.scale[rows], self.shift[rows])


@functools.lru_cache(maxsize=1)
def model() -> Model:
    head = geometry.load()
    arkit = head.arkit.copy()
    for c, name in enumerate(ARKIT_52):
        if "Look" in name:
            half = np.zeros((1, CHANNELS), np.float32)
            half[0, c] = 0.5
            moved = geometry.place(head, half)[0] - head.neutral
            iris = list(IRIS_LEFT + IRIS_RIGHT)
            arkit[c, iris] = 2 * moved[iris]
    return Model(*(torch.from_numpy(np.ascontiguousarray(a, np.float32)) for a in (head.neutral - geometry.PIVOT, head.identity, arkit)))


def rigidity() -> Tensor:
    """How much each point counts for a pose without expression, [P]."""
    out = torch.tensor([RIGID_WEIGHT.get(r, 0.3) for r in REGION])
    out[list(TONGUE)] = 0
    return out


def project(pose: Pose, perspective: Tensor, shape: Tensor) -> tuple[Tensor, Tensor]:
    """Points [T, P, 2] of shapes [T, P, 3], and the projection's derivative by camera coordinates [T, P, 2, 3]. perspective [T] or []."""
    camera = shape @ pose.rotation.transpose(-1, -2)
    k = perspective.reshape(-1, 1)
    near = 1 / (1 - k * camera[..., 2]).clamp_min(0.2)
    scaled = pose.scale[:, None] * near
    at = camera[..., :2] * scaled[..., None] + pose.shift[:, None]
    slope = torch.zeros(*camera.shape[:2], 2, 3)
    slope[..., 0, 0] = slope[..., 1, 1] = scaled
    slope[..., 2] = camera[..., :2] * (scaled * near * k)[..., None]
    return at, slope


def _pose_columns(pose: Pose, shape: Tensor, slope: Tensor, at: Tensor) -> Tensor:
    """Derivatives [T, P, 2, 6] by a small rotation in the camera's axes, log scale and shift."""
    x, y, z = (shape @ pose.rotation.transpose(-1, -2)).unbind(-1)
    zero = torch.zeros_like(x)
    cross = ((zero, z, -y), (-z, zero, x), (y, -x, zero))
    turn = torch.stack([torch.stack(row, -1) for row in cross], -2)  # [T, P, axis of the point, omega]
    columns = torch.zeros(*slope.shape[:3], 6)
    columns[..., :3] = slope @ turn
    columns[..., 3] = at - pose.shift[:, None]
    columns[..., 0, 4] = columns[..., 1, 5] = 1
    return columns


def moved(pose: Pose, step: Tensor) -> Pose:
    """The pose after a step [T, 6]."""
    omega = step[:, :3].clamp(-0.4, 0.4)
    cross = torch.zeros(len(step), 3, 3)
    cross[:, 0, 1], cross[:, 0, 2], cross[:, 1, 2] = -omega[:, 2], omega[:, 1], -omega[:, 0]
    cross = cross - cross.transpose(-1, -2)
    return Pose(torch.linalg.matrix_exp(cross) @ pose.rotation, pose.scale * step[:, 3].clamp(-0.5, 0.5).exp(), pose.shift + step[:, 4:])


def robust(residual: Tensor, weight: Tensor) -> Tensor:
    """Student's weights [T, P] from residuals [T, P, 2] and inverse variances."""
    return weight * (NU + 2) / (NU + residual.square().sum(-1) * weight)


def first_pose(points: Tensor, weight: Tensor) -> Pose:
    """A pose by scaled orthography of the average head: linear least squares, then the nearest rotation."""
    head = model().neutral
    w = weight * rigidity()
    total = w.sum(1, keepdim=True)
    centre = (w[..., None] * points).sum(1) / total
    middle = (w @ head) / total
    a = head[None] - middle[:, None]
    gram = torch.einsum("tp,tpi,tpj->tij", w, a, a) + 1e-3 * total[..., None] * torch.eye(3)
    right = torch.einsum("tp,tpi,tpj->tij", w, a, points - centre[:, None])
    rows = torch.linalg.solve(gram, right).transpose(-1, -2)  # [T, 2, 3]
    u, s, v = torch.linalg.svd(rows, full_matrices=False)
    two = u @ v
    rotation = torch.stack([two[:, 0], two[:, 1], torch.linalg.cross(two[:, 0], two[:, 1])], 1)
    scale = s.mean(1)
    return Pose(rotation, scale, centre - scale[:, None] * (middle[:, None] @ two.transpose(-1, -2))[:, 0])


def pose_steps(pose: Pose, perspective: Tensor, shape: Tensor, points: Tensor, weight: Tensor, steps: int) -> Pose:
    """Gauss-Newton on the pose alone with the shape [T, P, 3] given."""
    for _ in range(steps):
        at, slope = project(pose, perspective, shape)
        left = points - at
        columns = _pose_columns(pose, shape, slope, at)
        w = robust(left, weight)
        weighed = columns * w[..., None, None]
        gram = weighed.flatten(1, 2).transpose(1, 2) @ columns.flatten(1, 2)
        right = (weighed * left[..., None]).sum((1, 2))
        damp = 1e-6 * torch.diagonal(gram, dim1=-2, dim2=-1)
        pose = moved(pose, torch.linalg.solve(gram + torch.diag_embed(damp + 1e-9), right))
    return pose


def bounded(gram: Tensor, right: Tensor, start: Tensor, sweeps: int = SWEEPS) -> Tensor:
    """Minimises x G x / 2 - b x within 0..1 by coordinate descent. gram [T, C, C], right [T, C], start [T, C]."""
    x = list(start.T.contiguous().unbind())
    rows = gram.permute(1, 2, 0).contiguous().unbind()  # [C, T] each: a coordinate's row of every frame lies together
    left = (right - (gram @ start[..., None])[..., 0]).T.contiguous()
    own, inverse = left.unbind(), (1 / torch.diagonal(gram, dim1=-2, dim2=-1).T).unbind()
    for _ in range(sweeps):
        for j, row in enumerate(rows):
            new = torch.addcmul(x[j], own[j], inverse[j]).clamp_(0, 1)
            left.addcmul_(row, (new - x[j])[None], value=-1)
            x[j] = new
    return torch.stack(x, 1)


def error_modes(errors: Tensor, rank: int, own: float = 0.5) -> Tensor:
    """How points err together, [2P, rank], from standardised errors [N, P, 2] (each divided by its sigma).

    With errors of covariance I + U U' the inverse is I - Q Q'; this is Q. own: eigenvalues below this count as each point's own error.
    """
    flat = errors.flatten(1)
    values, vectors = torch.linalg.eigh(flat.T @ flat / len(flat))
    values, vectors = values[-rank:].clamp_min(own), vectors[:, -rank:]
    shared = values - own
    return vectors * (shared / (shared + own)).sqrt()


@dataclass(frozen=True)
class Solution:
    """pose; coefficients [T, 52]; residual [T, P, 2] (points less model, units of the points); spread [T, 52], the standard deviation that
    the linear fit gives each coefficient."""

    pose: Pose
    coefficients: Tensor
    residual: Tensor
    spread: Tensor


@dataclass(frozen=True)
class System:
    """Normal equations of a joint step over [6 pose, 52 coefficients] (then log perspective and identities, if asked for): gram [T, N, N];
    columns [T, 2P, N] and root [T, 2P] (square root of the weights, part of columns); errors: modes of ``error_modes`` or None."""

    gram: Tensor
    columns: Tensor
    root: Tensor
    errors: Tensor | None

    def right(self, residual: Tensor) -> Tensor:
        """Right side [T, N] for residuals [T, P, 2]."""
        weighed = residual.flatten(1) * self.root
        if self.errors is not None:
            weighed = weighed - (weighed @ self.errors) @ self.errors.T
        return (weighed[:, None] @ self.columns)[:, 0]


def system(
    pose: Pose,
    perspective: Tensor,
    shape: Tensor,
    points: Tensor,
    weight: Tensor,
    errors: Tensor | None = None,
    identities: int = 0,
    doubting: bool = True,
) -> tuple[System, Tensor]:
    """The equations at a pose and shape [T, P, 3], and the residual [T, P, 2] there. doubting: whether outliers lose weight."""
    at, slope = project(pose, perspective, shape)
    left = points - at
    root = (robust(left, weight) if doubting else weight).sqrt()[..., None, None]
    turned = (slope @ pose.rotation[:, None]) * root
    basis = model().arkit if not identities else torch.cat([model().arkit, model().identity[:identities]])
    count, p = points.shape[:2]
    columns = torch.empty(count, p, 2, 6 + len(basis) + (identities > 0))
    columns[..., :6] = _pose_columns(pose, shape, slope, at) * root
    moved_by = (turned.transpose(0, 1).reshape(p, count * 2, 3) @ basis.permute(1, 2, 0)).reshape(p, count, 2, -1).transpose(0, 1)
    columns[..., 6 : 6 + CHANNELS] = moved_by[..., :CHANNELS]
    if identities:
        depth = (shape @ pose.rotation[:, 2, :, None])[..., 0]
        k = perspective.reshape(-1, 1)
        columns[..., 6 + CHANNELS] = (at - pose.shift[:, None]) * (k * depth / (1 - k * depth).clamp_min(0.2))[..., None] * root[..., 0]
        columns[..., 7 + CHANNELS :] = moved_by[..., CHANNELS:]
    columns = columns.flatten(1, 2)
    gram = columns.transpose(1, 2) @ columns
    if errors is not None:
        common = errors.T @ columns
        gram = gram - common.transpose(1, 2) @ common
    return System(gram, columns, root[..., 0].expand(-1, -1, 2).flatten(1), errors), left


def frames(
    points: Tensor,
    weight: Tensor,
    neutral: Tensor,
    perspective: Tensor,
    start: Solution | None = None,
    steps: int = 2,
    at_rest: bool = False,
    errors: Tensor | None = None,
) -> Solution:
    """Pose and coefficients of each frame for a known neutral.

    points [T, P, 2], y UP; weight [T, P] inverse variances (0: unseen); neutral [P, 3] or [T, P, 3] relative to the pivot; perspective []
    or [T]; start: a solution to go on from; at_rest: coefficients stay as they are (zero without ``start``).
    """
    weight = weight / (INFLATION if errors is None else MODES_INFLATION)
    neutral = neutral.expand(len(points), -1, -1)
    if start is None:
        pose = pose_steps(first_pose(points, weight), perspective, neutral, points, weight * rigidity(), 2)
        c = torch.zeros(len(points), CHANNELS)
    else:
        pose, c = start.pose, start.coefficients
    pull = 1 / PRIOR_MEAN
    ridge = torch.diag(torch.tensor([1e-6] * 6 + [RIDGE] * CHANNELS))
    for step in range(steps):
        shape = neutral + torch.tensordot(c, model().arkit, 1)
        # without coefficients yet, expression is not error
        equations, left = system(pose, perspective, shape, points, weight, errors, doubting=step > 0 or start is not None)
        gram = equations.gram + ridge
        gpp, gpc, gcc = gram[:, :6, :6], gram[:, :6, 6:], gram[:, 6:, 6:]
        solved = torch.linalg.solve(gpp, gpc)
        reduced = gcc - gpc.transpose(1, 2) @ solved
        right = equations.right(left)
        pose_only = torch.linalg.solve(gpp, right[:, :6, None])
        wanted = right[:, 6:] - (gpc.transpose(1, 2) @ pose_only)[..., 0] - pull
        wanted = wanted + (reduced @ c[..., None])[..., 0] - RIDGE * c  # about zero, not about c: the ridge is part of reduced
        new = c if at_rest else bounded(reduced, wanted, c)
        pose, c = moved(pose, (pose_only - solved @ (new - c)[..., None])[..., 0]), new
        left = points - project(pose, perspective, neutral + torch.tensordot(c, model().arkit, 1))[0]
    return Solution(pose, c, left, torch.diagonal(reduced, dim1=-2, dim2=-1).rsqrt())
