# SPDX-License-Identifier: GPL-3.0-or-later
"""Compiles ``raster.c`` once with the system's C compiler and gives its functions numpy's face. Training only; nothing of it ships."""
from __future__ import annotations

import ctypes
import functools
import hashlib
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...core.paths import ROOT

SOURCE = Path(__file__).with_name("raster.c")
# What -ffast-math allows, one by one: that flag itself would make the whole process flush subnormal numbers to zero.
FLAGS = ("-O3", "-march=native", "-fno-math-errno", "-fno-trapping-math", "-ffinite-math-only", "-fno-signed-zeros", "-fassociative-math",
         "-freciprocal-math", "-fno-strict-aliasing", "-shared", "-fPIC")  # fmt: skip
SKIN, EYE, MOUTH, HAIR, CLOTH, LENS, LASH, BEARD = range(8)  # materials, as in raster.c
PAINT = 9  # columns of paint: albedo r g b, gloss, ambient visibility, key-light visibility, u, v, alpha
NOTHING = 1e9  # depth where no surface is


@functools.cache
def library() -> ctypes.CDLL:
    """The compiled library, from ``.cache/faces`` if the same source was compiled before. Ends with a sentence where gcc is missing."""
    key = hashlib.sha256(SOURCE.read_bytes() + " ".join(FLAGS).encode()).hexdigest()[:16]
    path = ROOT / ".cache" / "faces" / f"raster-{key}.so"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(f".{os.getpid()}")
        try:
            subprocess.run(["gcc", *FLAGS, "-o", str(temporary), str(SOURCE), "-lm"], check=True)
        except FileNotFoundError:
            raise SystemExit("The face renderer needs a C compiler: install gcc.") from None
        temporary.replace(path)
    return ctypes.CDLL(str(path))


@dataclass(frozen=True)
class Camera:
    """rotation [3, 3] and shift [3] (cm) of the head in the camera's space; distance (cm; 0: parallel); focal (px); centre x, y (px)."""

    rotation: np.ndarray
    shift: np.ndarray
    distance: float
    focal: float
    centre: tuple[float, float]

    def row(self) -> np.ndarray:
        return np.array([*self.rotation.reshape(9), *self.shift, self.distance, self.focal, *self.centre], np.float32)


def _f(a: np.ndarray) -> ctypes.c_void_p:
    assert a.dtype == np.float32 and a.flags.c_contiguous
    return ctypes.c_void_p(a.ctypes.data)


def _p(a: np.ndarray) -> ctypes.c_void_p:
    assert a.flags.c_contiguous
    return ctypes.c_void_p(a.ctypes.data)


def noise(positions: np.ndarray, scale: float, seed: int) -> np.ndarray:
    """Smooth noise in 0..1 at float32 [n, 3] positions, ``scale`` cells a centimetre."""
    out = np.empty(len(positions), np.float32)
    library().noise3(_f(positions), len(positions), ctypes.c_float(scale), ctypes.c_uint32(seed & 0xFFFFFFFF), _f(out))
    return out


def normals(positions: np.ndarray, tri: np.ndarray) -> np.ndarray:
    """Unit normals at the vertices, float32 [n, 3]. positions float32 [n, 3], tri int32 [m, 3]."""
    out = np.empty_like(positions)
    library().normals(_f(positions), len(positions), _p(tri), len(tri), _f(out))
    return out


def project(positions: np.ndarray, camera: Camera) -> np.ndarray:
    """float32 [n, 3] cm to [n, 3]: x right, y down in px, depth in cm."""
    out = np.empty_like(positions)
    library().project_points(_f(positions), len(positions), _f(camera.row()), _f(out))
    return out


def depth(positions: np.ndarray, tri: np.ndarray, camera: Camera, size: int) -> np.ndarray:
    """Depth [size, size] of the nearest surface, parallel projection; 1e9 - 1000 where there is none."""
    out = np.full((size, size), NOTHING, np.float32)
    library().depth(_f(positions), len(positions), _p(tri), len(tri), _f(camera.row()), size, size, _f(out))
    return out


def render(positions: np.ndarray, tri: np.ndarray, material: np.ndarray, opaque: int, paint: np.ndarray, camera: Camera, light: np.ndarray,
           eyes: np.ndarray, background: np.ndarray, seed: int, cel: int = 0, outline: float = 0.0):  # fmt: skip
    """Picture uint8 [H, W, 3], mask uint8 [H, W] and depth float32 [2H, 2W].

    positions float32 [n, 3]; tri int32 [m, 3], the first ``opaque`` of them opaque; material uint8 [m]; paint float32 [n, PAINT];
    camera in pixels of twice the picture; light float32 [30] and eyes float32 [14] as the structs in raster.c; background uint8 [H, W, 3].
    """
    h, w = background.shape[:2]
    picture, mask = np.empty((h, w, 3), np.uint8), np.empty((h, w), np.uint8)
    zb = np.empty((2 * h, 2 * w), np.float32)
    library().render(_f(positions), len(positions), _p(tri), _p(material), opaque, len(tri), _f(paint), _f(camera.row()), _f(light),
                     _f(eyes), 2 * w, 2 * h, cel, ctypes.c_float(outline), ctypes.c_uint32(seed & 0xFFFFFFFF), _p(background),
                     _p(picture), _p(mask), _f(zb))  # fmt: skip
    return picture, mask, zb


def warp(picture: np.ndarray, matrix: np.ndarray, size: int, mirror: bool = False) -> np.ndarray:
    """uint8 [size, size, 3]: the picture at ``matrix`` [2, 3], which takes output pixels to the picture's; edges repeat."""
    out = np.empty((size, size, 3), np.uint8)
    m = np.ascontiguousarray(matrix, np.float32)
    library().warp(_p(picture), picture.shape[1], picture.shape[0], _f(m), _p(out), size, size, int(mirror))
    return out


def damage(picture: np.ndarray, options: np.ndarray, seed: int) -> None:
    """Lens, sensor and codec, in place on uint8 [H, W, 3]. options float32 [11]: see raster.c."""
    library().damage(_p(picture), picture.shape[1], picture.shape[0], _f(options), ctypes.c_uint32(seed & 0xFFFFFFFF))
