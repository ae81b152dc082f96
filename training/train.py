# SPDX-License-Identifier: GPL-3.0-or-later
"""Trains the speech model: phones, articulation and face together.

    python entry.py training.train --corpora DIR --packs CACHE/packs --out CACHE/run --minutes 20 [--aligned FILE] [--start CACHE/earlier]

The clock, not a step count, sets the schedule, so that a run ends when it must on a machine of any speed. A stopped run goes on with
the same command.
"""
from __future__ import annotations

import argparse
import json
import math
import queue
import random
import threading
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..inference.speech.features import FRAME_SAMPLES, FRAME_SECONDS, SAMPLE_RATE
from ..inference.speech.lip_gap import from_measured
from ..inference.speech.model import PHONES, SILENCE, SpeechModel, SpeechModelConfig, SpeechOutput, unit_of
from ..rigs.arkit import ARKIT_52
from . import augment, checkpoint, corpora, ict_head, splits, targets
from .corpora import Example
from .metrics import CURVE_CLOSED, VIDEO_CLOSED
from .pack import Phone, frame_labels


@dataclass(frozen=True)
class TrainOptions:
    """Every hyper-parameter of the recipe; stored with the run."""

    seconds: float = 3.0  # a crop: GRID's clips are this long, and it is three times the receptive field
    batch: int = 32
    learning_rate: float = 2e-3  # the largest that did not diverge with AdamW and this batch
    weight_decay: float = 0.02
    average: float = 0.998  # moving average of weights: half a minute of steps
    label_smoothing: float = 0.05  # phone borders are matters of opinion
    share: dict[str, float] = field(
        default_factory=lambda: {
            "synthetic": 0.32, "sung": 0.08, "revoiced": 0.12, "grid_s1": 0.10, "grid_more": 0.07, "facegood": 0.05,
            "speechocean762": 0.21, "ljspeech": 0.05,
        }
    )  # fmt: skip  # of the crops in a batch
    weight: dict[str, float] = field(
        default_factory=lambda: {
            "phones": 1.0, "articulation": 0.5, "gap": 1.0, "gapVelocity": 0.3, "gapShape": 0.5, "touch": 0.4, "width": 0.3,
            "widthShape": 0.15, "noseChin": 0.1, "teacher": 1.5, "artist": 1.5, "closure": 0.15, "open": 0.6, "silence": 0.6, "order": 1.0,
        }
    )  # fmt: skip
    face_strength: float = 1.5  # measured faces are few people: their voices vary more, or the net knows them by voice
    style_share: float = 0.5  # of the clips with a known face, told whose it is; the others teach the average
    styles: tuple[str, ...] = ("s1", "s2", "s3", "s4", "s31", "artist")
    seed: int = 0


@dataclass(frozen=True)
class Prepared:
    """One example at frame rate. labels: int8 [T], -1 unknown. teacher, artist: [T, units], NaN where unknown. measured: [T, 3].
    style: whose face it is, "" where none was seen."""

    audio: np.ndarray
    labels: np.ndarray
    teacher: np.ndarray | None
    measured: np.ndarray | None
    artist: np.ndarray | None
    style: str = ""


# Revoiced and sung clips get a share of the batches of their own.
REVOICED = {"sing": "sung", "voice": "revoiced"}


def calibrate(examples: list[Example], head: ict_head.Head) -> dict[str, np.ndarray]:
    """Per speaker, what to add to width and nose-chin so that closed lips measure as the head's neutral. speaker -> float [3]."""
    neutral = head.measure(torch.zeros(1), ["jawOpen"]).numpy()
    tracks: dict[str, list[np.ndarray]] = {}
    for e in examples:
        if e.measured is not None:
            tracks.setdefault(e.speaker, []).append(e.measured)
    shifts = {}
    for speaker, parts in tracks.items():
        track = np.concatenate(parts)
        closed = track[track[:, 0] < VIDEO_CLOSED]
        rest = np.nanmedian(closed if len(closed) > 20 else track, 0)
        shifts[speaker] = np.array([0.0, neutral[1] - rest[1], neutral[2] - rest[2]], np.float32)
    return shifts


def with_touches(gap: np.ndarray, times: np.ndarray, track: np.ndarray) -> np.ndarray:
    """The measured gap at the network's frames with every closed video frame closed. gap: float [frames], interpolated from ``track``.

    A network frame lies 10 ms beside a video frame, and many closures are one video frame long: a quarter of an open neighbour on either
    side, and no target would be closed.
    """
    centres = corpora.frame_centres(len(gap))
    nearest = np.clip(np.searchsorted((times[1:] + times[:-1]) / 2, centres), 0, len(times) - 1)
    sample = track[nearest, 0]
    return np.where((sample < VIDEO_CLOSED) & np.isfinite(gap), np.minimum(gap, sample), gap)


def prepare(examples: list[Example], head: ict_head.Head, units: tuple[str, ...]) -> dict[str, list[Prepared]]:
    """Training arrays by corpus. Refuses held-out recordings."""
    splits.assert_none_held_out(examples)
    shifts = calibrate(examples, head)
    ready: dict[str, list[Prepared]] = {}
    for e in examples:
        frames = e.clip.frames
        if e.clip.phones is not None:
            labels = frame_labels(e.clip.phones, frames)
            teacher = targets.channel_targets(e.clip.phones, frames, units).astype(np.float16)
        else:
            labels, teacher = np.full(frames, -1, np.int8), None
        measured = None if e.measured is None else e.measured + shifts[e.speaker]
        if measured is not None:
            measured[:, 0] = from_measured(measured[:, 0] if e.video is None else with_touches(measured[:, 0], *e.video))
        group = REVOICED.get(e.speaker.split("-")[0], e.corpus) if e.corpus == "synthetic" else e.corpus
        style = "artist" if e.corpus == "facegood" else e.speaker if e.measured is not None else ""
        ready.setdefault(group, []).append(Prepared(e.clip.audio, labels, teacher, measured, _artist(e, units), style))
    return ready


# What FACEGOOD's rig moves; the rest of it is always 0.
ARTIST_CHANNELS = (
    "jawOpen", "mouthFunnel", "mouthPucker", "mouthSmile", "mouthRollLower", "mouthRollUpper", "mouthPress", "mouthLowerDown",
    "mouthUpperUp",
)  # fmt: skip


def _artist(example: Example, units: tuple[str, ...]) -> np.ndarray | None:
    if example.curves is None:
        return None
    out = np.full((len(example.curves), len(units)), np.nan, np.float32)
    for name in ARTIST_CHANNELS:
        sides = [example.curve_names.index(n) for n in (name, f"{name}Left", f"{name}Right") if n in example.curve_names]
        out[:, units.index(name)] = example.curves[:, sides].mean(1)
    return out


class Batches:
    """Random crops of random examples, with features, from a thread of its own."""

    def __init__(self, data: dict[str, list[Prepared]], units: int, options: TrainOptions, seed: int):
        self.data, self.units, self.options = data, units, options
        self.corpora = [c for c in options.share if data.get(c)]
        self.shares = [options.share[c] for c in self.corpora]
        self.weights = {c: np.cumsum([min(len(p.audio), 6 * SAMPLE_RATE) for p in data[c]]) for c in self.corpora}
        self.rng = random.Random(seed)
        self.numpy = np.random.default_rng(seed)
        self.generator = torch.Generator().manual_seed(seed)
        self.queue: queue.Queue = queue.Queue(3)
        threading.Thread(target=self._fill, daemon=True).start()

    def _fill(self) -> None:
        while True:
            self.queue.put(self.make())

    def make(self) -> dict[str, Tensor]:
        o = self.options
        frames = round(o.seconds / FRAME_SECONDS)
        samples = frames * FRAME_SAMPLES
        sound = np.zeros((o.batch, samples), np.float32)
        labels = np.full((o.batch, frames), -1, np.int64)
        tracks = {"teacher": self.units, "artist": self.units, "measured": 3}
        strength = torch.ones(o.batch)
        style = torch.zeros(o.batch, len(o.styles))
        found = {k: np.full((o.batch, frames, n), np.nan, np.float32) for k, n in tracks.items()}
        for b in range(o.batch):
            corpus = self.rng.choices(self.corpora, self.shares)[0]
            weights = self.weights[corpus]
            p = self.data[corpus][int(np.searchsorted(weights, self.numpy.integers(weights[-1]), "right"))]
            if p.measured is not None:
                strength[b] = o.face_strength
            if p.style in o.styles and self.rng.random() < o.style_share:
                style[b, o.styles.index(p.style)] = 1.0
            speed = math.exp(self.rng.uniform(-augment.AugmentOptions.speed, augment.AugmentOptions.speed) * float(strength[b]))
            total = len(p.labels)
            span = min(frames, int(total / speed))  # frames of the crop that the example fills
            first = self.rng.randint(0, max(0, total - int(span * speed) - 1))
            put = 0 if span == frames else self.rng.randint(0, frames - span)
            piece = p.audio[first * FRAME_SAMPLES : round((first + span * speed) * FRAME_SAMPLES)].astype(np.float32) / 32768.0
            piece = augment.stretch(piece, span * FRAME_SAMPLES)
            peak = np.abs(piece).max()
            sound[b, put * FRAME_SAMPLES : (put + span) * FRAME_SAMPLES] = piece * (0.5 / peak if peak > 1e-3 else 1.0)
            source = np.minimum((first + (np.arange(span) + 0.5) * speed).astype(int), total - 1)
            labels[b, put : put + span] = p.labels[source]
            for key in found:
                track = getattr(p, key)
                if track is not None:
                    found[key][b, put : put + span] = track[source]
        features = augment.augmented_features(torch.from_numpy(sound), self.generator, augment.AugmentOptions(), strength)
        known = {k: torch.from_numpy(v) for k, v in (("labels", labels), *found.items())}
        return {"features": features, "style": style, **known}

    def next(self) -> dict[str, Tensor]:
        return self.queue.get()


class Losses:
    """All terms of the loss, each a mean over the frames it applies to."""

    def __init__(self, config: SpeechModelConfig, head: ict_head.Head, options: TrainOptions):
        self.options, self.head, self.names = options, head, config.face_names
        units = config.face_units
        of_channel = [unit_of(n) for n in self.names]
        self.unit_columns = torch.tensor([of_channel.index(u) for u in units])
        self.articulation = torch.from_numpy(targets.articulation_table())
        self.bilabial = torch.tensor([p in targets.BILABIAL for p in PHONES])
        self.open_vowel = torch.tensor([p in targets.OPEN_VOWELS for p in PHONES])
        self.silence = PHONES.index(SILENCE)
        self.jaw, self.close = units.index("jawOpen"), units.index("mouthClose")
        # Where the lips were measured, the measurement decides these, not the teacher.
        self.seen_by_camera = torch.tensor([u in ("jawOpen", "mouthClose") for u in units])

    def __call__(self, out: SpeechOutput, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        labels, known = batch["labels"], batch["labels"] >= 0
        phones, face = out.phones.float(), out.face.float()
        units = face[..., self.unit_columns]
        measures = self.head.measure(face, self.names)
        gap = measures[..., 0]
        losses = {
            "phones": F.cross_entropy(phones[known], labels[known], label_smoothing=self.options.label_smoothing),
            "articulation": F.binary_cross_entropy_with_logits(out.articulation.float()[known], self.articulation[labels[known]]),
        }
        measured = batch["measured"]
        seen = measured.isfinite().all(-1)
        target = measured.nan_to_num()
        # People part their lips in silence now and then; a voice does not say when.
        long_silence = _inner(labels == self.silence, 12)
        near_closed = (1 - 0.8 * long_silence.float()) * (1 + (target[..., 0] < CURVE_CLOSED))  # closures are few frames and matter most
        losses["gap"] = _mean(near_closed * ((gap - target[..., 0]) / 0.05).square(), seen)
        both = seen[:, 1:] & seen[:, :-1]
        losses["gapVelocity"] = _mean(((gap.diff(dim=1) - target[..., 0].diff(dim=1)) / 0.02).square().clamp(max=9), both)
        losses["gapShape"] = _one_minus_r(gap, target[..., 0], seen)
        # Whether lips touch is what the eye asks: right on both sides of the threshold, not only near it on average.
        shut, apart = target[..., 0] < CURVE_CLOSED - 0.004, target[..., 0] > CURVE_CLOSED + 0.01
        wrong = shut * (gap - (CURVE_CLOSED - 0.006)).clamp_min(0) + apart * (CURVE_CLOSED + 0.006 - gap).clamp_min(0)
        losses["touch"] = _mean(wrong / 0.02, seen & ~long_silence) * 4
        losses["width"] = _mean(((measures[..., 1] - target[..., 1]) / 0.03).square().clamp(max=9), seen)
        losses["widthShape"] = _one_minus_r(measures[..., 1], target[..., 1], seen)
        losses["noseChin"] = _mean(((measures[..., 2] - target[..., 2]) / 0.05).square().clamp(max=9), seen)

        teacher = batch["teacher"]
        taught = teacher.isfinite() & ~(seen[..., None] & self.seen_by_camera)
        losses["teacher"] = _mean(_divergence(units, teacher.nan_to_num()), taught) * units.shape[-1]
        artist = batch["artist"]
        losses["artist"] = _mean(_divergence(units, artist.nan_to_num()), artist.isfinite()) * len(ARTIST_CHANNELS)

        unseen = known & ~seen
        at = labels.clamp_min(0)
        closed = _inner(self.bilabial[at] & unseen, 0)
        losses["closure"] = _mean((gap - 0.014).clamp_min(0) / 0.03, closed)
        losses["open"] = _mean((0.055 - gap).clamp_min(0) / 0.03, _inner(self.open_vowel[at] & unseen, 1))
        # mouthClose brings the lips together over an open jaw: more of it than of jawOpen pushes them through each other.
        over = units[..., self.close] - units[..., self.jaw]
        losses["order"] = (over.clamp_min(0) / 0.05).square().mean()
        quiet = _inner((labels == self.silence), 8)  # lips part up to 0.2 s before the voice
        losses["silence"] = _mean((units / 0.05).square().mean(-1).clamp(max=9), quiet)
        return losses


def _mean(values: Tensor, mask: Tensor) -> Tensor:
    mask = mask.to(values.dtype)
    return (values * mask).sum() / mask.sum().clamp_min(1)


def _divergence(values: Tensor, wanted: Tensor) -> Tensor:
    """Kullback-Leibler divergence of channels taken as probabilities. Where a channel rests near 0 the sigmoid is flat: a squared
    error there taught F and TH a tenth of the lip roll and tongue they were shown."""
    u, t = values.clamp(1e-4, 1 - 1e-4), wanted.clamp(1e-4, 1 - 1e-4)
    return t * (t / u).log() + (1 - t) * ((1 - t) / (1 - u)).log()


def _one_minus_r(a: Tensor, b: Tensor, mask: Tensor) -> Tensor:
    """1 - Pearson r along time, averaged over the rows with at least a second of data and some movement. [B, T] each."""
    m = mask.to(a.dtype)
    n = m.sum(1, keepdim=True).clamp_min(1)
    a = (a - (a * m).sum(1, keepdim=True) / n) * m
    b = (b - (b * m).sum(1, keepdim=True) / n) * m
    r = (a * b).sum(1) / ((a.square().sum(1) + 1e-4) * (b.square().sum(1) + 1e-6)).sqrt()
    rows = (m.sum(1) > 50) & (b.square().sum(1) > 1e-3)
    return ((1 - r) * rows).sum() / rows.sum().clamp_min(1)


def _inner(mask: Tensor, frames: int) -> Tensor:
    """The mask without ``frames`` frames at each end of its runs. bool [B, T]."""
    if frames == 0:
        return mask
    outside = F.max_pool1d((~mask).float()[:, None], 2 * frames + 1, 1, frames)[:, 0]
    return mask & (outside < 0.5)


def training_examples(root: Path, packs: Path, aligned: Path | None) -> list[Example]:
    """Everything that may be trained on, with phone times where they are known."""
    times = json.loads(aligned.read_text("utf-8")) if aligned else {}
    examples = []
    for e in [*corpora.synthetic(packs), *corpora.all_real(root)]:
        if corpora.is_held_out(e) or corpora.is_choice(e):
            continue
        if rows := times.get(f"{e.corpus}/{e.name}"):
            e = e.with_phones(tuple(Phone(*r) for r in rows))
        if e.clip.phones is None and e.measured is None and e.curves is None:
            continue  # speech without times teaches nothing yet
        examples.append(e)
    return examples


def train(root: Path, packs: Path, aligned: Path | None, out: Path, start: Path | None, minutes: float, options: TrainOptions) -> None:
    """One run. Writes ``out/run.safetensors`` every two minutes and ``out/log.jsonl``."""
    torch.manual_seed(options.seed)
    config = SpeechModelConfig(style_names=options.styles)
    head = ict_head.load(root / "ict_facekit.npz", ARKIT_52)
    data = prepare(training_examples(root, packs, aligned), head, config.face_units)
    for corpus, ready in data.items():
        print(f"{corpus}: {len(ready)} recordings, {sum(len(p.audio) for p in ready) / SAMPLE_RATE / 3600:.2f} h", flush=True)
    resumed = (out / "run.safetensors").exists()
    state = {"step": 0, "seconds": 0.0}
    adam: dict[str, Tensor] = {}
    if resumed:
        model, average, adam, state = checkpoint.load(out)
    elif start:
        model = checkpoint.load_model(start)
        average = {}
    else:
        model, average = SpeechModel(config), {}
    weights = model.state_dict()
    model = SpeechModel(config)  # a resumed run takes today's dropout; a network of another shape cannot go on
    if "style" not in weights:  # an earlier run without styles
        weights["style"] = model.style.detach().clone()
    model.load_state_dict(weights)
    model.train()
    average = average or {n: t.clone() for n, t in model.state_dict().items()}
    decayed = [p for p in model.parameters() if p.ndim > 1]
    plain = [p for p in model.parameters() if p.ndim <= 1]
    optimiser = torch.optim.AdamW([{"params": decayed, "weight_decay": options.weight_decay}, {"params": plain, "weight_decay": 0.0}],
                                  lr=options.learning_rate, betas=(0.9, 0.98))  # fmt: skip
    for i, p in enumerate(p for g in optimiser.param_groups for p in g["params"]):
        if f"adam.{i}.step" in adam:
            optimiser.state[p] = {k: adam[f"adam.{i}.{k}"] for k in ("step", "exp_avg", "exp_avg_sq")}
    losses = Losses(config, head, options)
    batches = Batches(data, len(config.face_units), options, options.seed + state["step"])
    out.mkdir(parents=True, exist_ok=True)
    (out / "options.json").write_text(json.dumps({**asdict(options), "minutes": minutes, "aligned": bool(aligned)}, indent=1), "utf-8")
    began, saved, told = time.monotonic() - state["seconds"], time.monotonic(), time.monotonic()
    sums: dict[str, float] = {}
    count = 0
    while True:
        elapsed = time.monotonic() - began
        progress = min(elapsed / (minutes * 60), 1.0)
        warm = min(1.0, (state["step"] + 1) / 200)
        for group in optimiser.param_groups:
            group["lr"] = options.learning_rate * warm * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * progress)))
        batch = batches.next()
        with torch.autocast("cpu", torch.bfloat16):
            output = model(batch["features"], batch["style"])
        terms = losses(output, batch)
        total = sum(options.weight[k] * v for k, v in terms.items())
        optimiser.zero_grad(set_to_none=True)
        total.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        state["step"] += 1
        with torch.no_grad():
            keep = min(options.average, (1 + state["step"]) / (20 + state["step"]))
            for n, t in model.state_dict().items():
                average[n].lerp_(t, 1 - keep) if t.is_floating_point() else average[n].copy_(t)
        count += 1
        for k, v in terms.items():
            sums[k] = sums.get(k, 0.0) + float(v.detach())
        now = time.monotonic()
        if now - told > 30 or progress >= 1:
            line = {"step": state["step"], "minutes": round(elapsed / 60, 2), **{k: round(v / count, 4) for k, v in sums.items()}}
            print(json.dumps(line), flush=True)
            with (out / "log.jsonl").open("a") as log:
                log.write(json.dumps(line) + "\n")
            sums, count, told = {}, 0, now
        if now - saved > 120 or progress >= 1:
            state["seconds"] = elapsed
            checkpoint.save(out, model, average, optimiser, state)
            saved = now
        if progress >= 1:
            return


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpora")
    parser.add_argument("--packs", type=Path, required=True)
    parser.add_argument("--aligned", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--start", type=Path, help="a run folder or weights file to go on from, with a fresh schedule")
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--learning-rate", type=float, default=TrainOptions.learning_rate)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    options = TrainOptions(learning_rate=args.learning_rate, seed=args.seed)
    train(corpora.folder(args.corpora), args.packs, args.aligned, args.out, args.start, args.minutes, options)


if __name__ == "__main__":
    main()
