# SPDX-License-Identifier: GPL-3.0-or-later
"""A person's own face at rest, from a whole clip or from a frame that the user marked, and the camera's perspective.

Identity is shared by all frames while pose and coefficients are each frame's own, so what never moves is taken for the person and what
moves for expression. One Gauss-Newton system per frame is reduced to the shared unknowns (Schur complement) and summed. What the hundred
identity directions cannot say about a face, and what the point network puts wrong on it in every frame, is then one displacement per point.
Memory is bounded: a long clip is represented by some dozens of frames, chosen to differ.
"""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from torch import Tensor

from . import fit
from .points import POINTS, TONGUE

IDENTITIES: Final = 50  # 94 % of the variance; the offsets take the rest
FRAMES: Final = 24  # of a clip: 40 move no figure on GRID by more than one closure
STEPS: Final = 5
LASTING: Final = 0.25  # share of a point's error variance that is the same in every frame
OFFSET_SIGMA: Final = 0.12  # cm: how far faces lie from the model's span, with the point network's lasting errors


@dataclass(frozen=True)
class Neutral:
    """shape [P, 3] cm relative to the pivot (offsets included); identity [K]; perspective 1/cm; moved [F, 52]: the fit's coefficients in
    the frames it was seen in."""

    shape: Tensor
    identity: Tensor
    perspective: Tensor
    moved: Tensor

    @property
    def frames(self) -> int:
        return len(self.moved)


def average() -> Neutral:
    """The prior's: nobody in particular."""
    return Neutral(fit.model().neutral, torch.zeros(IDENTITIES), torch.tensor(fit.PERSPECTIVE), torch.zeros(0, fit.CHANNELS))


def diverse(points: Tensor, weight: Tensor, count: int = FRAMES, candidates: int = 600) -> np.ndarray:
    """Numbers of up to ``count`` frames of [T, P, 2] that differ: half by farthest-point sampling on normalised points, half evenly."""
    seen = weight.mean(1)
    usable = torch.nonzero(seen > 0.3 * seen.median()).flatten() if len(points) else torch.zeros(0, dtype=torch.long)
    usable = usable[:: max(1, len(usable) // candidates)]
    if len(usable) <= count:
        return usable.numpy()
    at = points[usable]
    at = at - at.mean(1, keepdim=True)
    at = (at / at.square().mean((1, 2), keepdim=True).sqrt()).flatten(1)
    chosen = [int(seen[usable].argmax())]
    far = (at - at[chosen[0]]).square().sum(1)
    while len(chosen) < count:
        # evenly: the extremes alone would be all blinks and mistakes
        nxt = int(far.argmax()) if len(chosen) % 2 else int((len(usable) - 1) * (len(chosen) + 0.5) / count)
        chosen.append(nxt)
        far = torch.minimum(far, (at - at[nxt]).square().sum(1))
    return np.unique(usable.numpy()[chosen])


def shared(
    points: Tensor,
    weight: Tensor,
    steps: int = STEPS,
    at_rest: bool = False,
    errors: Tensor | None = None,
    tick: Callable[[], None] = lambda: None,
) -> tuple[Tensor, Tensor, Tensor, fit.Solution]:
    """Identity of B clips of T frames each, all at once.

    points [B, T, P, 2], y up; weight [B, T, P] inverse variances; at_rest: the face is said to be neutral, so coefficients are held at
    zero. Returns identity [B, K], shape [B, P, 3] with offsets, perspective [B], and the last solution over the B * T frames.
    """
    clips, frames = points.shape[:2]
    k = IDENTITIES
    model = fit.model()
    flat, w_flat = points.flatten(0, 1), weight.flatten(0, 1)
    identity = torch.zeros(clips, k)
    log_k = torch.full((clips,), float(np.log(fit.PERSPECTIVE)))
    solution = None
    repeated = 1 / (1 + LASTING * (frames - 1))
    for step in range(steps):
        tick()  # a step takes a tenth of a second, and the user may have cancelled
        shape = model.neutral + torch.tensordot(identity, model.identity[:k], 1)
        perspective = log_k.exp()
        each = shape.repeat_interleave(frames, 0)
        solution = fit.frames(flat, w_flat, each, perspective.repeat_interleave(frames), solution, 2 if step == 0 else 1, at_rest, errors)
        equations, left = fit.system(
            solution.pose, perspective.repeat_interleave(frames), each + torch.tensordot(solution.coefficients, model.arkit, 1), flat,
            w_flat / (fit.INFLATION if errors is None else fit.MODES_INFLATION), errors, k,
        )  # fmt: skip
        gram, right = equations.gram, equations.right(left)
        free = (solution.coefficients > 1e-3) & (solution.coefficients < 1 - 1e-3)
        own = torch.cat([torch.ones(len(flat), 6), free.float()], 1)
        own_count = own.shape[1]
        goo = gram[:, :own_count, :own_count] * own[:, :, None] * own[:, None]
        goo = goo + torch.diag_embed(torch.where(own > 0, torch.tensor([1e-6] * 6 + [fit.RIDGE] * fit.CHANNELS), torch.ones(())))
        gos = gram[:, :own_count, own_count:] * own[..., None]
        pull = torch.cat([torch.zeros(6), torch.full((fit.CHANNELS,), 1 / fit.PRIOR_MEAN)])
        ro = (right[:, :own_count] - pull) * own
        ro[:, 6:] -= fit.RIDGE * solution.coefficients * own[:, 6:]
        solved = torch.linalg.solve(goo, torch.cat([gos, ro[..., None]], -1))
        gss = gram[:, own_count:, own_count:] - gos.transpose(1, 2) @ solved[..., :-1]
        rs = right[:, own_count:] - (gos.transpose(1, 2) @ solved[..., -1:])[..., 0]
        gss = gss.reshape(clips, frames, *gss.shape[1:]).sum(1) * repeated
        rs = rs.reshape(clips, frames, -1).sum(1) * repeated
        prior = torch.cat([torch.full((1,), 1 / fit.PERSPECTIVE_SPREAD**2), torch.ones(k)])
        now = torch.cat([(log_k - np.log(fit.PERSPECTIVE))[:, None], identity], 1)
        move = torch.linalg.solve(gss + torch.diag(prior), rs - prior * now)
        log_k = (log_k + move[:, 0].clamp(-0.4, 0.4)).clamp(float(np.log(1 / 400)), float(np.log(1 / 25)))
        identity = identity + move[:, 1:].clamp(-1.5, 1.5)
        own_move = solved[..., -1] - (solved[..., :-1] @ move.repeat_interleave(frames, 0)[..., None])[..., 0]
        coefficients = (solution.coefficients + own_move[:, 6:] * own[:, 6:]).clamp(0, 1)
        solution = fit.Solution(fit.moved(solution.pose, own_move[:, :6]), coefficients, solution.residual, solution.spread)
    shape = model.neutral + torch.tensordot(identity, model.identity[:k], 1)
    perspective = log_k.exp()
    each = perspective.repeat_interleave(frames)
    solution = fit.frames(flat, w_flat, shape.repeat_interleave(frames, 0), each, solution, 1, at_rest, errors)
    return identity, shape + _offsets(solution, w_flat, clips, frames), perspective, solution


def _offsets(solution: fit.Solution, weight: Tensor, clips: int, frames: int) -> Tensor:
    """What stays of the residuals over a clip's frames, [B, P, 3] cm in the head's space, shrunk by how sure it is."""
    r = torch.cat([solution.residual / solution.pose.scale[:, None, None], torch.zeros(*solution.residual.shape[:2], 1)], -1)
    r = (r @ solution.pose.rotation).reshape(clips, frames, POINTS, 3)
    w = (weight * solution.pose.scale[:, None].square()).reshape(clips, frames, POINTS)
    variance = 1 / w.clamp_min(1e-6)
    passing = variance * (1 - LASTING) + 0.05**2
    weigh = 1 / passing
    mean = (weigh[..., None] * r).sum(1) / weigh.sum(1)[..., None]
    lasting = LASTING * variance.mean(1).clamp_max(0.05) + OFFSET_SIGMA**2
    # an expression held for half the clip must not become the person
    out = mean * (lasting / (lasting + 1 / weigh.sum(1) + lasting * 2 / frames))[..., None]
    out[:, list(TONGUE)] = 0
    return out


def from_clip(
    points: Tensor, weight: Tensor, errors: Tensor | None = None, tick: Callable[[], None] = lambda: None
) -> Neutral:
    """Over the frames of one clip: points [T, P, 2] y up, weight [T, P]. Frames without weight do not count; without any: ``average``."""
    seen = torch.nonzero(weight.sum(1) > 0).flatten()
    if not len(seen):
        return average()
    rows = seen[diverse(points[seen], weight[seen])]
    identity, shape, perspective, solution = shared(points[rows][None], weight[rows][None], errors=errors, tick=tick)
    return Neutral(shape[0], identity[0], perspective[0], solution.coefficients)


def from_marked(points: Tensor, weight: Tensor, errors: Tensor | None = None) -> Neutral:
    """From frames [T, P, 2] that show the face at rest: what is there is the person."""
    identity, shape, perspective, solution = shared(points[None], weight[None], at_rest=True, errors=errors)
    return Neutral(shape[0], identity[0], perspective[0], solution.coefficients)
