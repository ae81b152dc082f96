# SPDX-License-Identifier: GPL-3.0-or-later
"""The dense points that the point network finds on a face and the coefficients are solved from.

Their order is a contract between the point network, the geometry file and every weights file: the 68 iBUG landmarks (so that
``LANDMARK68`` is simply the first 68), rings along lips and lids, the rest of the face, then per eye the iris centre and four points of its
rim (towards the subject's left, up, the subject's right, down), then tongue tip, tongue middle left and right.
``training/faces/select_points.py`` chose
the skin's points on the ICT-FaceKit mesh (MIT, github.com/ICT-VGL/ICT-FaceKit). Left is the subject's, +x in the model.
"""
from __future__ import annotations

from typing import Final

import numpy as np

# Vertex numbers of ICT-FaceKit's light model, as far as a point is a skin vertex.
SKIN_VERTICES: Final = (
    1225, 1888, 1052, 367, 1719, 1722, 2199, 1447, 966, 3661, 4390, 3927, 3924, 2608, 3272, 4088, 3443, 268, 493, 1914, 2044, 1401,
    3615, 4240, 4114, 2734, 2509, 978, 4527, 4942, 4857, 1140, 2075, 1147, 4269, 3360, 1507, 1542, 1537, 1528, 1518, 1511, 3742,
    3751, 3756, 3721, 3725, 3732, 5708, 5695, 2081, 0, 4275, 6200, 6213, 6346, 6461, 5518, 5957, 5841, 5702, 5711, 5533, 6216, 6207,
    6470, 5517, 5966, 5589, 6094, 6023, 6527, 5630, 6135, 5579, 6084, 5736, 6241, 5938, 6443, 5867, 6372, 5578, 6083, 5606, 6111,
    5895, 6400, 5768, 6273, 5600, 6105, 5808, 6313, 5870, 6375, 5881, 6386, 5622, 6127, 353, 2594, 5890, 6395, 5634, 6139, 5852,
    6357, 6027, 6531, 5969, 6473, 173, 2414, 5522, 5905, 6410, 149, 2390, 6007, 6511, 1534, 3748, 1962, 4162, 1514, 3728, 1933,
    4133, 1508, 3722, 1390, 3605, 1532, 3746, 1516, 3730, 1538, 3752, 1377, 3592, 1262, 3480, 4455, 4456, 924, 3165, 1245, 3463,
    549, 2790, 890, 3131, 1157, 3376, 1075, 3295, 988, 3208, 1028, 3248, 2045, 4241, 123, 2364, 1700, 3905, 1947, 4147, 1431, 3645,
    1975, 4175, 2000, 4200, 249, 2490, 2024, 4221, 2138, 2031, 418, 2659, 2052, 4572, 5037, 4720, 5185, 4786, 5250, 4494, 4493,
    4566, 5031, 4554, 5022, 5476, 4762, 5227, 5003, 5457, 2078, 4272, 4955, 5409, 4845, 5304, 4479, 4482, 1302, 3520, 1342, 3559,
    461, 2702, 153, 2394, 1649, 3856, 90, 2331, 968, 499, 2740, 1437, 3651, 1444, 3658, 776, 3017, 817, 3058, 808, 3049, 10, 1440,
    3654, 2217, 4408, 762, 3003, 512, 2753, 345, 2586, 2221, 4412, 389, 2630, 1465, 3679, 62, 2303, 411, 2652, 75, 2316, 7804, 7077,
    2156, 4349, 360, 2601, 853, 3094, 2152, 4345, 904, 3145, 1776, 3979, 1460, 3674, 210, 2451, 745, 2986, 359, 2600, 2168, 4361,
    2210, 4401, 2093, 4287, 222, 2463, 209, 2450, 244, 2485, 844, 3085, 1219, 3437, 1896, 4096, 370, 2611, 1674, 3881, 1224, 3442,
    8407, 8677, 8014, 7287, 1283, 3501, 8187, 8462, 8266, 8539, 8315, 1309, 3526, 1865, 4065, 1258, 3476, 1862, 4062, 1312, 3529,
    8243, 8518, 973,
)  # fmt: skip
_RUNS: Final = (
    ("jaw", 17), ("brow", 10), ("nose", 9), ("lid", 12), ("lipOuter", 12), ("lipInner", 28), ("lipOuter", 20), ("lip", 13),
    ("lid", 20), ("lidFold", 18), ("brow", 25), ("nose", 29), ("lipSkin", 8), ("chin", 16), ("fold", 20), ("cheek", 32),
    ("jaw", 14), ("temple", 8), ("forehead", 16),
)  # fmt: skip
SKIN: Final = len(SKIN_VERTICES)
IRIS_LEFT: Final = tuple(range(SKIN, SKIN + 5))
IRIS_RIGHT: Final = tuple(range(SKIN + 5, SKIN + 10))
TONGUE: Final = tuple(range(SKIN + 10, SKIN + 13))
TONGUE_VERTICES: Final = (16761, 16733, 16945)
POINTS: Final = SKIN + 13
LANDMARK68: Final = tuple(range(68))
REGION: Final = tuple(name for name, count in _RUNS for _ in range(count)) + ("iris",) * 10 + ("tongue",) * 3

# fmt: off
_LANDMARK_MIRROR: Final = (
    16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17, 27, 28, 29, 30, 35, 34, 33, 32, 31,
    45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40, 54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55, 64, 63, 62, 61, 60, 67, 66, 65,
)
# fmt: on
_MIDLINE: Final = frozenset((114, 179, 180, 183, 194, 221, 234, 313, 326))


def _mirror() -> np.ndarray:
    """Beyond the landmarks a point is on the midline or followed by its image."""
    out = list(_LANDMARK_MIRROR)
    while len(out) < SKIN:
        at = len(out)
        out += [at] if at in _MIDLINE else [at + 1, at]
    left, right = IRIS_LEFT, IRIS_RIGHT
    swapped = (0, 3, 2, 1, 4)  # centre, left, up, right, down
    out += [right[k] for k in swapped] + [left[k] for k in swapped]
    return np.array([*out, TONGUE[0], TONGUE[2], TONGUE[1]])


MIRROR: Final = _mirror()
"""int [POINTS]: the point that each becomes in a mirrored picture."""


def indices(*regions: str) -> np.ndarray:
    """Numbers of the points in any of the regions (names as in ``REGION``)."""
    if unknown := set(regions) - set(REGION):
        raise ValueError(f"no region is called {sorted(unknown)}")
    return np.array([i for i, name in enumerate(REGION) if name in regions])
