# SPDX-License-Identifier: GPL-3.0-or-later
"""Renders packs of pictures with their truth: the training data of the point network and the finder.

    python entry.py training.faces.packs --corpora DIR --out CACHE/faces/packs --seed 1 --packs 30 [--kind wide|clip]

A pack of kind ``close`` shows many people a few times, each time elsewhere; ``clip`` fewer, for as many frames as the fit takes of a
video, half of them in one take; ``wide`` leaves room for hair and shoulders. It is a folder ``KIND-SEED`` of numpy files: ``pictures``
uint8 [n, side, side, 3], ``points`` float32 [n, POINTS, 2] px of the picture, ``visible`` bool, ``arkit`` float32 [n, 52], ``identity``
float16 [n, 100] (NaN for stylised heads), ``rotation`` [n, 3, 3], ``shift`` [n, 3], ``distance``, ``focal``, ``centre`` [n, 2] (the
camera, see ``scene.Truth``), ``stylised``, ``tone``; ``masks`` in packs of kind wide. A person's pictures follow one another. Everything
follows from the seed. A pack that is there is not made again, so a stopped run goes on.
"""
from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .. import corpora
from . import backgrounds, expressions, scene, splits
from . import head as heads

HELD = 0.3  # share of people who keep an expression in all of their pictures: what stays is not always how a face is at rest
CLOSE, WIDE, CLIP = "close", "wide", "clip"
FILMED = "filmed"  # of ``filmed.py``: no renders, so all that they have no truth for is NaN, and the number is the person's
PICTURES_A_PERSON = {CLOSE: 5, WIDE: 5, CLIP: 25, FILMED: 1}  # a person costs as much as a picture
_STREAM = {CLOSE: 0, WIDE: 1, CLIP: 2}  # of random numbers
_ONE_TAKE = 0.5  # share of the people of clips who stay where they are, while the light and the camera do
_SWAY = 0.08  # radians: how far a head moves in one take
_WIDE_SIDE, _WIDE_FILL = 128, 0.42  # room for hair and shoulders around a face that is pasted into a scene
_BACKS = 24  # new backgrounds in each pack, besides the common bank


@dataclass(frozen=True)
class Pack:
    """Memory-mapped arrays of one pack, as in the module's text."""

    seed: int
    pictures: np.ndarray
    points: np.ndarray
    visible: np.ndarray
    arkit: np.ndarray
    identity: np.ndarray
    rotation: np.ndarray
    shift: np.ndarray
    distance: np.ndarray
    focal: np.ndarray
    centre: np.ndarray
    stylised: np.ndarray
    tone: np.ndarray
    masks: np.ndarray | None = None
    kind: str = CLOSE

    @property
    def each(self) -> int:
        """Pictures of a person in a row."""
        return PICTURES_A_PERSON[self.kind]


_SHAPES = {"arkit": (52,), "identity": (100,), "rotation": (3, 3), "shift": (3,), "distance": (), "focal": (), "centre": (2,), "tone": ()}
_FIELDS = ("points", "visible", *_SHAPES, "stylised")


def make(head: heads.Head, drawn: expressions.Expressions, seed: int, count: int, kind: str = CLOSE) -> Pack:
    """Render one pack."""
    rng = np.random.default_rng([seed, _STREAM[kind]])
    common = backgrounds.bank(1 if splits.held_out(seed) else 0, 160)
    backs = np.concatenate([common, np.stack([backgrounds.make(rng) for _ in range(_BACKS)])])
    side, fill = (_WIDE_SIDE, _WIDE_FILL) if kind == WIDE else (scene.SIDE, scene.FILL)
    each = PICTURES_A_PERSON[kind]
    pictures, masks = np.empty((count, side, side, 3), np.uint8), np.empty((count, side, side), np.uint8)
    truths: list[scene.Truth] = []
    while len(truths) < count:
        person = scene.draw_person(head, rng)
        n = min(each, count - len(truths))
        arkit, _ = drawn.draw(rng, n, _mostly_one_kind(rng) if kind == CLIP else expressions.SHARES)
        if rng.random() < HELD:
            arkit = expressions.legal(np.maximum(arkit, drawn.draw(rng, 1, {"acted": 1.0})[0] * rng.uniform(0.4, 1.0)))
        # How a face hangs at rest is the person's, not an expression: a clip tells it, and nobody wants it on another head.
        mesh, _ = head.place(np.repeat(person.identity[None], n, 0), expressions.legal(arkit + _resting(rng)))
        one_take = int(rng.integers(1 << 30)) if kind == CLIP and rng.random() < _ONE_TAKE else None
        for k in range(n):
            at = len(truths)
            where = rng if one_take is None else np.random.default_rng(one_take)
            sway = np.zeros(3) if one_take is None else rng.normal(0, _SWAY, 3)
            pictures[at], masks[at], truth = scene.picture(head, person, mesh[k], arkit[k], where, backs, side, fill, sway=sway)
            truths.append(truth)
    arrays = {f: np.stack([np.asarray(getattr(t, f)) for t in truths]) for f in _FIELDS}
    arrays = {f: a.astype({"identity": np.float16}.get(f, np.float32)) if a.dtype != bool else a for f, a in arrays.items()}
    return Pack(seed, pictures, **arrays, masks=masks if kind == WIDE else None, kind=kind)


def _mostly_one_kind(rng: np.random.Generator) -> dict[str, float]:
    """Shares for a clip, in which people mostly do one kind of thing: speak, act, or move everything."""
    shares = np.array([*expressions.SHARES.values()])
    main = list(expressions.SHARES)[rng.choice(len(shares), p=shares / shares.sum())]
    return {k: 0.25 * share + 0.75 * (k == main) for k, share in expressions.SHARES.items()}


def filmed(pictures: np.ndarray, points: np.ndarray, visible: np.ndarray) -> Pack:
    """A pack of pictures that were not rendered: [n, side, side, 3], [n, POINTS, 2] px, [n, POINTS]."""
    n = len(pictures)
    unknown = {f: np.full((n, *shape), np.nan, np.float32) for f, shape in _SHAPES.items()}
    return Pack(0, pictures, points, visible, stylised=np.zeros(n, bool), **unknown, kind=FILMED)


def _resting(rng: np.random.Generator) -> np.ndarray:
    """Lids that hang or are narrowed without any expression, [52]: many people's are, ICT's average is wide awake."""
    out = np.zeros(52, np.float32)
    if rng.random() < 0.5:
        at = expressions.AT
        out[[at["eyeBlinkLeft"], at["eyeBlinkRight"]]] = rng.uniform(0, 0.35)
        out[[at["eyeSquintLeft"], at["eyeSquintRight"]]] = rng.uniform(0, 0.4)
        out[[at["browDownLeft"], at["browDownRight"]]] = rng.uniform(0, 0.3) * (rng.random() < 0.5)
    return out


def save(pack: Pack, folder: Path) -> None:
    """Write a pack; the folder appears only when it is whole."""
    temporary = folder.with_name(f".{folder.name}")
    temporary.mkdir(parents=True, exist_ok=True)
    for name in ("pictures", *_FIELDS, *(["masks"] if pack.masks is not None else [])):
        np.save(temporary / f"{name}.npy", getattr(pack, name))
    temporary.rename(folder)


def load(folder: Path) -> Pack:
    masks = folder / "masks.npy"
    arrays = {f: np.load(folder / f"{f}.npy") for f in _FIELDS if (folder / f"{f}.npy").exists()}
    arrays.setdefault("tone", np.full(len(arrays["points"]), np.nan))  # packs of before it was kept
    pictures = np.load(folder / "pictures.npy", mmap_mode="r")
    masked = np.load(masks, mmap_mode="r") if masks.exists() else None
    return Pack(number(folder), pictures, **arrays, masks=masked, kind=folder.name.partition("-")[0])


def number(folder: Path) -> int:
    """A pack's seed, or a filmed person's number."""
    return int(folder.name.partition("-")[2])


def folders(root: Path, kind: str) -> list[Path]:
    """Finished packs under ``root``, by seed."""
    return sorted(root.glob(f"{kind}-*"), key=number) if root.exists() else []


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpora")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--packs", type=int, default=1)
    parser.add_argument("--count", type=int, default=2000, help="pictures in a pack")
    parser.add_argument("--kind", choices=(CLOSE, WIDE, CLIP), default=CLOSE)
    args = parser.parse_args()
    root = corpora.folder(args.corpora)
    head, drawn = heads.load(root / "ict_facekit.npz"), {}
    for seed in range(args.seed, args.seed + args.packs):
        folder = args.out / f"{args.kind}-{seed}"
        if folder.exists():
            continue
        began = time.process_time()
        held = splits.held_out(seed)
        if held not in drawn:
            drawn[held] = expressions.load(root, held)
        save(make(head, drawn[held], seed, args.count, args.kind), folder)
        print(f"{folder.name}: {args.count / (time.process_time() - began):.0f} pictures a core-second", flush=True)


if __name__ == "__main__":
    main()
