# SPDX-License-Identifier: GPL-3.0-or-later
"""The finder and the point network as the tracker asks them: pictures and crops in, numpy out, on any device."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np
import torch

from . import finder, points_net
from .tracker import Dense

_DOUBTFUL = 0.25  # the finder's score from which on the point network is asked, which hardly ever takes something else for a face
_SCALE_TO_SIGMA = 2**0.5  # the network gives the scale of a Laplace distribution


class FaceNetworks:
    """Both networks on one device, by default as shipped. size: side of the point network's crops in px.

    Raises UserError where the weights are missing or altered.
    """

    def __init__(self, device: str = "cpu", points: points_net.PointsNet | None = None, faces: finder.Finder | None = None):
        # One thread is the default, as for speech: the networks are small.
        torch.set_num_threads(int(os.environ.get("FACEWRIGHT_THREADS", "1")))
        self.device = torch.device(device)
        self._points = (points or points_net.load()).to(self.device).eval()
        self._faces = (faces or finder.load()).to(self.device).eval()
        self.size = self._points.config.size

    def find(self, rgb: np.ndarray) -> Sequence[finder.Face]:
        """Faces of a picture uint8 [H, W, 3]; where none is sure, the likeliest, for the point network to judge."""
        found = self._faces.find(rgb, _DOUBTFUL)
        return [face for face in found if face.score >= finder.THRESHOLD] or sorted(found, key=lambda face: -face.score)[:1]

    def look(self, crops: np.ndarray, both_ways: bool = False) -> Dense:
        """Points of crops uint8 [B, size, size, 3]. both_ways: the mean with what the mirror images say, for twice the time."""
        with torch.inference_mode():
            batch = torch.from_numpy(crops).to(self.device).permute(0, 3, 1, 2)
            seen = points_net.both_ways(self._points, batch) if both_ways else self._points(batch)
        return Dense(
            points=_plain(seen.points),
            sigma=_plain(_SCALE_TO_SIGMA * seen.log_sigma.exp()),
            visible=_plain(torch.sigmoid(seen.visible)),
            face=np.nan_to_num(_plain(torch.sigmoid(seen.face))),
            appearance=_plain(seen.appearance),
        )


def _plain(tensor: torch.Tensor) -> np.ndarray:
    return tensor.float().cpu().numpy()
