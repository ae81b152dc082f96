# SPDX-License-Identifier: GPL-3.0-or-later
"""Films one rendered person: fixed camera, light and place, expression and head from curves. The shipped sample video is made here.

    python entry.py training.faces.film --corpora DIR [--seed 905001] [--out samples/face.mp4]

speaks ``samples/hello.wav`` with the speech engine's own curves, smiles at the end, nods a little. Nobody was filmed.
"""
from __future__ import annotations

import argparse
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np

from ...core import sampling
from ...core.curves import Curves
from ...core.paths import ROOT, replacing
from ...core.timing import frame_times
from ...rigs.arkit import ARKIT_52
from .. import corpora
from . import backgrounds, expressions, props, raster, scene
from . import head as heads
from .evaluate_video import write_video

SAMPLE = ROOT / "samples" / "face.mp4"
SOUND = ROOT / "samples" / "hello.wav"
FPS, SIZE = 25, (320, 240)
_SMILE = {"mouthSmileLeft": 0.7, "mouthSmileRight": 0.7, "cheekSquintLeft": 0.5, "cheekSquintRight": 0.5}
_FILL = 0.64  # the face over the picture's height
_EXPOSURE = 1.3  # the renderer's light is that of any room; a sample is well lit
_LIVELIER = 1.35  # the speech engine moves as much as people do; a small picture wants a little more


def film(
    head: heads.Head, person: scene.Person, arkit: np.ndarray, poses: np.ndarray, seed: int, size: tuple[int, int] = SIZE
) -> list[np.ndarray]:
    """Pictures uint8 [H, W, 3] of T frames. arkit [T, 52]; poses [T, 3] yaw, pitch, roll in rad (``scene.rotation``)."""
    rng = np.random.default_rng(seed)
    width, height = size
    light = scene.draw_light(rng, float(person.look.skin.mean()))
    light[:9] *= _EXPOSURE  # ambient, sky, side
    light[18:27] *= _EXPOSURE  # the three lamps' colours
    square = backgrounds.cut(rng, backgrounds.bank(1, 160), width)
    back = np.ascontiguousarray(square[(width - height) // 2 :][:height])
    rest, _ = head.place(person.identity[None], np.zeros((1, 52), np.float32))
    marks = scene.bent(rest[0], person)[head.points]
    spread = np.ptp(marks[:, 1])
    distance = 70.0
    focal = 2 * _FILL * height / spread * distance
    middle = (marks.min(0) + marks.max(0)) / 2
    mesh, _ = head.place(np.repeat(person.identity[None], len(arkit), 0), arkit.astype(np.float32))
    pictures = []
    for shape, pose in zip(mesh, poses, strict=True):
        shape = scene.bent(shape, person)
        turned = scene.rotation(*pose)
        camera = raster.Camera(turned, np.array([-middle[0], -middle[1], 0.0]), distance, focal, (float(width), float(height)))
        paint = person.look.paint.copy()
        toward = turned.T @ light[9:12]
        paint[:, 5] = np.where(paint[:, 5] < 0, 0.8 * paint[:, 4], scene._key_visibility(head, toward, 0.04))
        eyes = person.look.eyes.copy()
        eyes[11], eyes[12] = 0.12, 0.2
        pictures.append(_drawn(head, person, shape, paint, camera, light, eyes, back))
    return pictures


def _drawn(
    head: heads.Head, person: scene.Person, shape: np.ndarray, paint: np.ndarray, camera: raster.Camera, light: np.ndarray,
    eyes: np.ndarray, back: np.ndarray,
) -> np.ndarray:  # fmt: skip
    parts: Sequence[props.Part] = person.opaque
    lash = head.tri[head.opaque :]
    count, opaque = len(shape), head.opaque + sum(len(part.tri) for part in parts)
    tri, material = [head.tri[: head.opaque]], [head.material[: head.opaque]]
    for part in parts:
        tri.append(part.tri + count)
        material.append(np.full(len(part.tri), part.material, np.uint8))
        count += len(part.positions)
    return raster.render(
        np.concatenate([shape, *(part.positions for part in parts)]).astype(np.float32),
        np.concatenate([*tri, lash]).astype(np.int32),
        np.concatenate([*material, np.full(len(lash), raster.LASH, np.uint8)]),
        opaque,
        np.concatenate([paint, *(part.paint for part in parts)]).astype(np.float32),
        camera, light, eyes, back, person.seed, person.cel, person.outline,
    )[0]  # fmt: skip


def performance(times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What the sample does at ``times`` [T] s: coefficients [T, 52] and head angles [T, 3]."""
    from ...inference.speech.generate import SpeechOptions, speech_to_curves

    text = SOUND.with_suffix(".txt").read_text("utf-8")
    spoken = speech_to_curves(SOUND, SpeechOptions(text=text, fps=60, seed=3, device="cpu")).curves
    arkit = sampling.at_times(spoken.select(ARKIT_52), times).values.copy()
    mouth = [i for i, n in enumerate(ARKIT_52) if n.startswith(("jaw", "mouth"))]
    arkit[:, mouth] = np.clip(arkit[:, mouth] * _LIVELIER, 0, 1)
    end = float(times[-1])
    smile = np.clip((times - (end - 2.2)) / 0.6, 0, 1)[:, None] + 0.6 * np.clip(1 - times / 1.2, 0, 1)[:, None]
    for name, value in _SMILE.items():
        at = ARKIT_52.index(name)
        arkit[:, at] = np.clip(arkit[:, at] + value * np.clip(smile[:, 0], 0, 1), 0, 1)
    raised = np.exp(-(((times - 3.4) / 0.5) ** 2))
    for name in ("browInnerUp", "browOuterUpLeft", "browOuterUpRight"):
        at = ARKIT_52.index(name)
        arkit[:, at] = np.clip(arkit[:, at] + 0.6 * raised, 0, 1)
    sway = np.sin(2 * np.pi * times / 4.7), np.sin(2 * np.pi * times / 3.1 + 1), np.sin(2 * np.pi * times / 5.9 + 2)
    poses = np.stack([0.16 * sway[0], 0.06 * sway[1], 0.05 * sway[2]], 1)
    return expressions.legal(arkit), poses


def speak(path: Path, pictures: Sequence[np.ndarray], sound: Path, fps: int = FPS, crf: int = 27) -> None:
    """The pictures as H.264 with the sound as AAC, MP4."""
    import av
    import soundfile

    samples, rate = soundfile.read(sound, dtype="float32")
    with replacing(path) as temporary, av.open(str(temporary), "w", format="mp4", options={"movflags": "faststart"}) as container:
        stream = container.add_stream("libx264", rate=fps, options={"crf": str(crf), "preset": "veryslow"})
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        voice = container.add_stream("aac", rate=rate, layout="mono")
        voice.bit_rate = 40000
        for i, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = i, Fraction(1, fps)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        for at in range(0, len(samples), 1024):
            block = av.AudioFrame.from_ndarray(samples[None, at : at + 1024], format="fltp", layout="mono")
            block.rate, block.pts, block.time_base = rate, at, Fraction(1, rate)
            container.mux(voice.encode(block))
        container.mux(voice.encode(None))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpora")
    parser.add_argument("--seed", type=int, default=905001, help="which person, light and place")
    parser.add_argument("--out", type=Path, default=SAMPLE)
    parser.add_argument("--stills", type=int, default=0, help="instead, one still of each of so many seeds from --seed on, to choose from")
    args = parser.parse_args()
    head = heads.load(corpora.folder(args.corpora) / "ict_facekit.npz")
    if args.stills:
        rows = []
        for seed in range(args.seed, args.seed + args.stills):
            person = scene.draw_person(head, np.random.default_rng(seed))
            rows += film(head, person, np.zeros((1, 52)), np.zeros((1, 3)), seed)
        wide = [np.concatenate(rows[i : i + 6], 1) for i in range(0, len(rows) - 5, 6)]
        write_video(args.out, [np.concatenate(wide)])
        return
    import soundfile

    times = frame_times(soundfile.info(SOUND).duration, FPS)
    arkit, poses = performance(times)
    person = scene.draw_person(head, np.random.default_rng(args.seed))
    speak(args.out, film(head, person, arkit, poses, args.seed), SOUND)
    truth = Curves(ARKIT_52, times, arkit)
    print(f"{args.out}: {len(truth.times)} frames, {args.out.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
