# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures the image-to-face models on real video: the whole product on GRID's clips against a tracker's measurements, and what it costs.

    python entry.py training.faces.evaluate_video --corpora DIR [--json OUT] [--clips N] [--careful]

The curves drive the measuring head (``ict_head``), whose lip gap and mouth width over the outer-eye-corner distance are compared with the
measured ones frame by frame, as for speech. Of five of the seven people most clips also joined the point network's training
(``filmed.py``); "unseen people" are the two who never did.
"""
from __future__ import annotations

import argparse
import itertools
import json
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch

from ...inference.video import tracker, watch
from ...inference.video.frames import Frame, Pictures
from ...inference.video.watch import VideoEngine, VideoOptions, VideoResult
from ...rigs.arkit import ARKIT_52
from .. import corpora, ict_head, metrics, splits
from ..metrics import Figure, bootstrap

BLINK = 0.5  # mean of both eyes' eyeBlink from which on the eyes count as closed, for the tracked score and for ours
LOWER_BLINK = 0.4  # the same for ours beside it, chosen on GRID s1: the tracker gives shut eyes 0.7, of which 0.5 is less than the whole
BLINK_APART = 2  # frames of 40 ms by which the two may differ: lids close in 0.1 s
STILL_GAP, STILL_FRAMES = 0.01, 8  # a still stretch: the measured lip gap and width stay within this for so many frames, and no blink
# What is measured counts as closed below 0.012, and the measuring head's closed lips are 0.009 apart: the same distance of lips is 0.021.
# The speech figures' 0.03 is printed too; by it the measured gap itself, 0.009 added, would have a precision of 0.87 only.
SAME_GAP = metrics.VIDEO_CLOSED + 0.009
_BLINKS = [ARKIT_52.index("eyeBlinkLeft"), ARKIT_52.index("eyeBlinkRight")]


@dataclass(frozen=True)
class RealClip:
    """gap, width [T]: over the outer-eye-corner distance, NaN where no face was tracked. blink [T]: the tracker's eyeBlink. speaker: GRID's
    name. trainable: by training/splits.py, neither held out nor chosen on."""

    name: str
    corpus: str
    speaker: str
    path: Path
    gap: np.ndarray
    width: np.ndarray
    blink: np.ndarray
    trainable: bool


def clips(root: Path) -> Iterator[RealClip]:
    """The clips of ``grid_s1`` and ``grid_more`` that come with their video."""
    for corpus in ("grid_s1", "grid_more"):
        with np.load(root / corpus / "curves.npz", allow_pickle=False) as tracked:
            columns = [str(c) for c in tracked["columns"]]
            for path in sorted((root / corpus / "video").iterdir()):
                if path.stem not in tracked.files:
                    continue
                values = tracked[path.stem].astype(np.float64)
                speaker = path.stem.split("_")[0] if corpus == "grid_more" else "s1"
                who = (corpus, path.stem, speaker)
                yield RealClip(
                    path.stem, corpus, speaker, path, values[:, columns.index("lipGapIOD")], values[:, columns.index("mouthWidthIOD")],
                    values[:, [columns.index("eyeBlinkLeft"), columns.index("eyeBlinkRight")]].mean(1),
                    not (splits.held_out(*who) or splits.choice(*who)),
                )  # fmt: skip


def events(ours: np.ndarray, theirs: np.ndarray, shut: float = BLINK) -> tuple[int, int, int, int]:
    """(their closures, of them found, our closures, of them right): runs above ``shut`` and ``BLINK`` within ``BLINK_APART`` frames."""
    a, b = metrics.runs(ours > shut), metrics.runs(theirs > BLINK)

    def near(event: tuple[int, int], others: list[tuple[int, int]]) -> bool:
        return any(event[0] <= o[1] + BLINK_APART and o[0] <= event[1] + BLINK_APART for o in others)

    return len(b), sum(near(e, a) for e in b), len(a), sum(near(e, b) for e in a)


def still(clip: RealClip) -> list[slice]:
    """Stretches in which the person holds still, by the measurements."""
    calm = np.zeros(len(clip.gap), bool)
    for i in range(len(calm) - STILL_FRAMES + 1):
        part = slice(i, i + STILL_FRAMES)
        moving = max(np.ptp(clip.gap[part]), np.ptp(clip.width[part]))
        if moving < STILL_GAP and clip.blink[part].max() < BLINK / 2:
            calm[part] = True
    return [slice(a, b + 1) for a, b in metrics.runs(calm) if b - a + 1 >= STILL_FRAMES]


def figures(measured: Sequence[tuple[RealClip, VideoResult]], head: ict_head.Head) -> dict[str, Figure]:
    """Every figure of a set of clips."""
    gap, width, closed, same, blinks, lower, amplitude, jitter, missed = [], [], [], [], [], [], [], [], []
    for clip, result in measured:
        count = min(len(clip.gap), len(result.track.times))
        values = result.curves.values[:count, : len(ARKIT_52)]
        got = head.measure(torch.from_numpy(values.copy()), ARKIT_52).numpy()
        gap.append(metrics.lagged(got[:, 0], clip.gap[:count]))
        width.append(metrics.lagged(got[:, 1], clip.width[:count]))
        closed.append(metrics.closures(got[:, 0], clip.gap[:count]))
        same.append(metrics.closures(got[:, 0], clip.gap[:count], SAME_GAP))
        blinks.append(events(values[:, _BLINKS].mean(1), clip.blink[:count]))
        lower.append(events(values[:, _BLINKS].mean(1), clip.blink[:count], LOWER_BLINK))
        ok = np.isfinite(clip.gap[:count])
        amplitude.append((got[ok, 0].var(), clip.gap[:count][ok].var()))
        trembling = [np.abs(np.diff(values[part], 2, axis=0)) for part in still(clip) if part.stop <= count]
        jitter += [(float(t.mean()), float(t.mean(0).max()), float(t[:, ARKIT_52.index("jawOpen")].mean())) for t in trembling]
        missed.append((float((~result.track.valid[:count] & ok).sum()), float(ok.sum())))
    best = int(np.nanargmax(np.nanmean(gap, 0)))
    zero = list(metrics.LAGS).index(0)
    return {
        "gap r": bootstrap(gap, lambda rows: float(np.nanmean(rows[:, zero]))),
        "best lag (frames)": Figure(metrics.LAGS[best], metrics.LAGS[best], metrics.LAGS[best], len(gap)),
        "width r": bootstrap(width, lambda rows: float(np.nanmean(rows[:, zero]))),
        "closure recall": bootstrap(closed, metrics.share(1, 0)),
        "closure precision": bootstrap(closed, metrics.share(3, 2)),
        "closure recall, gap 0.021": bootstrap(same, metrics.share(1, 0)),
        "closure precision, gap 0.021": bootstrap(same, metrics.share(3, 2)),
        "amplitude": bootstrap(amplitude, lambda rows: float(np.sqrt(rows[:, 0].mean() / rows[:, 1].mean()))),
        "blink recall": bootstrap(blinks, metrics.share(1, 0)),
        "blink precision": bootstrap(blinks, metrics.share(3, 2)),
        "blink recall, ours at 0.4": bootstrap(lower, metrics.share(1, 0)),
        "blink precision, ours at 0.4": bootstrap(lower, metrics.share(3, 2)),
        "jitter, mean of 52": bootstrap(jitter, lambda rows: float(rows[:, 0].mean())),
        "jitter, worst of 52": bootstrap(jitter, lambda rows: float(rows[:, 1].mean())),
        "jitter, jawOpen": bootstrap(jitter, lambda rows: float(rows[:, 2].mean())),
        "missed frames": bootstrap(missed, metrics.share(0, 1)),
    }


def invented(engine: VideoEngine, pictures: int = 200, seed: int = 990_001) -> Figure:
    """Share of pictures without a face (the renderer's backgrounds) in which one is reported all the same."""
    from . import backgrounds

    rng = np.random.default_rng(seed)
    networks = engine.networks("cpu")
    return bootstrap([[float(bool(tracker.look_at_photo(_wide(backgrounds.make(rng)), networks)))] for _ in range(pictures)], np.mean)


def _wide(picture: np.ndarray) -> np.ndarray:
    """A background as uint8, repeated to the shape of a video frame."""
    picture = picture if picture.dtype == np.uint8 else np.clip(picture * 255, 0, 255).astype(np.uint8)
    return np.ascontiguousarray(np.concatenate([picture[..., :3], picture[:, ::-1, :3]], 1))


def still_jitter(engine: VideoEngine, clip: RealClip, folder: Path, frames: int = 50, noise: float = 2.0) -> tuple[float, float]:
    """Mean second difference a frame, of all 52 and of the worst, where one frame is repeated with sensor noise and coded as H.264."""
    frame = next(iter(Pictures(clip.path).frames())).rgb
    rng = np.random.default_rng(1)
    noisy = [np.clip(frame + rng.normal(0, noise, frame.shape), 0, 255).astype(np.uint8) for _ in range(frames)]
    path = folder / "still.mp4"
    write_video(path, noisy)
    values = engine.run(path, VideoOptions(device="cpu"), lambda part, stage: None).curves.values[:, : len(ARKIT_52)]
    second = np.abs(np.diff(values, 2, axis=0)).mean(0)
    return float(second.mean()), float(second.max())


def costs(engine: VideoEngine, sources: Sequence[RealClip], folder: Path) -> dict[str, float]:
    """Milliseconds of processor time a frame at 640 x 360, one thread; the clips one after another, scaled to the height, as H.264."""
    images = []
    for clip in sources:
        for frame in Pictures(clip.path).frames():
            images.append(letterboxed(frame.rgb, 640, 360))
    path = folder / "cost.mp4"
    write_video(path, images)
    quiet = lambda part, stage: None  # noqa: E731
    networks = engine.networks("cpu")
    engine.run(path, VideoOptions(device="cpu"), quiet)  # loads and warms everything
    count = len(images)

    def spent(work: Callable[[], object]) -> float:
        began = time.process_time()
        work()
        return (time.process_time() - began) / count * 1000

    out = {"decoding": spent(lambda: sum(1 for _ in Pictures(path).frames()))}
    counting = _Counting(networks)
    out["decoding and following, in blocks"] = spent(lambda: tracker.Tracker(counting).run(Pictures(path).frames()))
    out["finder, amortised"] = counting.finding / count * 1000
    out["crops a frame"] = counting.crops / count
    out["decoding and following, frame by frame"] = spent(lambda: tracker.Tracker(networks, block=1).run(Pictures(path).frames()))
    out["everything, in blocks"] = spent(lambda: engine.run(path, VideoOptions(device="cpu"), quiet))
    frame = Frame(0.0, images[0])
    began = time.process_time()
    for _ in range(20):
        networks.find(frame.rgb)
    out["one look of the finder"] = (time.process_time() - began) / 20 * 1000
    return out


class _Counting:
    """Networks that count: seconds of the finder, crops looked at."""

    def __init__(self, networks: tracker.Networks):
        self.inner, self.size, self.finding, self.crops = networks, networks.size, 0.0, 0

    def find(self, rgb: np.ndarray):
        began = time.process_time()
        found = self.inner.find(rgb)
        self.finding += time.process_time() - began
        return found

    def look(self, crops: np.ndarray, both_ways: bool = False) -> tracker.Dense:
        self.crops += len(crops)
        return self.inner.look(crops, both_ways)


def letterboxed(rgb: np.ndarray, width: int, height: int) -> np.ndarray:
    """The picture scaled to the height, with black at its sides."""
    wide = min(round(rgb.shape[1] * height / rgb.shape[0]), width)
    tensor = torch.from_numpy(rgb).permute(2, 0, 1)[None]
    scaled = torch.nn.functional.interpolate(tensor, (height, wide), mode="bilinear", align_corners=False, antialias=True)[0]
    out = np.zeros((height, width, 3), np.uint8)
    left = (width - wide) // 2
    out[:, left : left + wide] = scaled.permute(1, 2, 0).numpy()
    return out


def write_video(path: Path, images: Sequence[np.ndarray], fps: int = 25, crf: int = 20) -> None:
    """H.264 with a phone's usual compression."""
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=fps, options={"crf": str(crf), "preset": "veryfast"})
        stream.height, stream.width = images[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        for i, image in enumerate(images):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = i, Fraction(1, fps)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpora")
    parser.add_argument("--clips", type=int, help="only so many of each corpus")
    parser.add_argument("--smoothing", type=float, default=1.0)
    parser.add_argument("--careful", action="store_true", help="look at each frame as a photo is looked at")
    parser.add_argument("--no-cost", action="store_true", help="leave out what depends on how busy the machine is")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    root = corpora.folder(args.corpora)
    torch.set_num_threads(1)
    head = ict_head.load(root / "ict_facekit.npz", ARKIT_52)
    engine = VideoEngine()
    options = watch.VideoOptions(device="cpu", smoothing=args.smoothing, careful=args.careful)
    table: dict[str, dict[str, Figure]] = {}
    everything = list(clips(root))
    chosen = [[c for c in everything if c.corpus == corpus][: args.clips] for corpus in ("grid_s1", "grid_more")]
    measured = [(clip, engine.run(clip.path, options, lambda part, stage: None)) for clip in itertools.chain(*chosen)]
    sets: dict[str, Callable[[RealClip], bool]] = {
        "grid_s1": lambda c: c.corpus == "grid_s1", "grid_more": lambda c: c.corpus == "grid_more",
        "unseen people": lambda c: c.speaker in splits.GRID_HELD_OUT_SPEAKERS, "clips not trained on": lambda c: not c.trainable,
    }  # fmt: skip
    for title, belongs in sets.items():
        rows = [(clip, result) for clip, result in measured if belongs(clip)]
        if not rows:
            continue
        table[title] = figures(rows, head)
        print(f"\n{title}: {len(rows)} clips, {sum(clip.trainable for clip, _ in rows)} of them open to training")
        for name, figure in table[title].items():
            print(f"  {name:30s}{figure}", flush=True)
    spent: dict[str, float] = {}
    invented_faces = invented(engine)
    print(f"\nfaces seen in pictures without one: {invented_faces}")
    with tempfile.TemporaryDirectory() as folder:
        trembling = np.array([still_jitter(engine, clip, Path(folder)) for clip in everything[:: max(len(everything) // 4, 1)]])
        print(f"a still frame repeated with noise: jitter {trembling[:, 0].mean():.4f} mean of 52, {trembling[:, 1].mean():.4f} worst")
        if not args.no_cost:
            spent = costs(engine, [c for c in everything if c.corpus == "grid_more"][:4], Path(folder))
            print("\nms a frame at 640 x 360, one thread")
            for name, value in spent.items():
                print(f"  {name:42s}{value:8.2f}")
    if args.json:
        data = {name: {key: asdict(figure) for key, figure in rows.items()} for name, rows in table.items()}
        data |= {"invented": asdict(invented_faces), "still jitter": trembling.mean(0).tolist(), "cost": spent}
        args.json.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
