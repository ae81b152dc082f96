# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures speech-driven curves on the held-out sets and prints the table, beside an energy envelope and the mean.

    python entry.py training.evaluate --corpora DIR [--weights FILE_OR_RUN] [--pipeline] [--json OUT]

A subject is any function from an Example (sound and script) to Curves: the network alone, the whole product with and without a
script, or a baseline.
"""
from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

import numpy as np
import soundfile
import torch

from ..core.curves import Curves
from ..inference.speech import weights_file
from ..inference.speech.decode import decode
from ..inference.speech.features import FRAME_SECONDS, SAMPLE_RATE, log_mel
from ..inference.speech.model import PHONES, SILENCE, SpeechModel
from ..inference.speech.weights_file import SHIPPED
from ..rigs.arkit import ARKIT_52
from . import align, checkpoint, corpora, ict_head, metrics
from .corpora import Example
from .metrics import Figure, bootstrap
from .pack import frame_labels
from .targets import BILABIAL, OPEN_VOWELS

Subject = Callable[[Example], Curves]
UNSEEN = "grid_unseen"


@dataclass(frozen=True)
class HeldOut:
    """The recordings that no training run has seen, by set."""

    sets: dict[str, list[Example]]
    tuning: list[Example]  # training clips on which the envelope baseline chooses its settings

    @staticmethod
    def read(root: Path, choice: bool = False) -> HeldOut:
        """The reported sets; with ``choice`` those of ``splits.choice`` under the same names (grid_unseen: speakers trained on)."""
        wanted = corpora.is_choice if choice else corpora.is_held_out
        sets: dict[str, list[Example]] = {"grid_s1": [], UNSEEN: [], "ljspeech": [], "facegood": []}
        tuning = []
        for e in [*corpora.grid(root, "grid_s1"), *corpora.grid(root, "grid_more"), *corpora.ljspeech(root), *corpora.facegood(root)]:
            if wanted(e):
                sets[UNSEEN if e.corpus == "grid_more" else e.corpus].append(e)
            elif e.corpus == "grid_s1" and len(tuning) < 60 and not corpora.is_held_out(e) and not corpora.is_choice(e):
                tuning.append(e)
        return HeldOut(sets, tuning)


def network(model: SpeechModel) -> Subject:
    """The network alone: its face channels at its own 50 frames a second, no events, no smoothing."""

    def curves(example: Example) -> Curves:
        with torch.inference_mode():
            face = model(log_mel(torch.from_numpy(example.clip.sound()))[None]).face[0].numpy()
        return Curves(model.config.face_names, (np.arange(len(face)) + 0.5) * FRAME_SECONDS, face)

    return curves


@cache
def _engine(weights: Path):
    """One engine for all subjects of a run: loading the weights takes longer than a clip."""
    from ..inference.speech.generate import SpeechEngine

    return SpeechEngine(weights)


def pipeline(with_script: bool, fps: float = 60.0, seed: int = 0, variation: float = 0.0, weights: Path = SHIPPED) -> Subject:
    """The product: ``inference.speech.generate.speech_to_curves`` on a WAV file, life switched off; by default its mean take."""
    from ..inference.speech import generate

    engine = _engine(weights)

    def curves(example: Example) -> Curves:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"{example.name}.wav"
            soundfile.write(path, example.clip.audio, SAMPLE_RATE, subtype="PCM_16")
            text = example.script if with_script else None
            options = generate.SpeechOptions(text=text, fps=fps, seed=seed, variation=variation, life=False)
            return generate.speech_to_curves(path, options, lambda fraction, stage: None, engine).curves

    return curves


def envelope(sound: np.ndarray, smooth_seconds: float, decibels: bool) -> np.ndarray:
    """Root mean square of each network frame, or its level above -50 dB under the peak; Gaussian-smoothed. float [frames], 0..1."""
    frames = np.pad(sound, (0, -len(sound) % 320)).reshape(-1, 320)
    rms = np.sqrt((frames**2).mean(1))
    level = rms / (rms.max() + 1e-9)
    if decibels:
        level = np.clip(1 + 20 * np.log10(level + 1e-9) / 50, 0, 1)
    width = max(smooth_seconds / FRAME_SECONDS, 1e-3)
    kernel = np.exp(-0.5 * (np.arange(-20, 21) / width) ** 2)
    return np.convolve(np.pad(level, 20, mode="edge"), kernel / kernel.sum(), "valid")


def envelope_baseline(tuning: Sequence[Example], head: ict_head.Head) -> Subject:
    """jawOpen follows loudness, with the smoothing, scale and offset that fit the training clips best."""
    neutral, full = (float(head.measure(torch.tensor([v]), ["jawOpen"])[0]) for v in (0.0, 1.0))

    def fit(smooth: float, decibels: bool) -> tuple[float, float, float]:
        rows, levels, gaps = [], [], []
        for e in tuning:
            times, track = e.video
            level = np.interp(times, corpora.frame_centres(e.clip.frames), envelope(e.clip.sound(), smooth, decibels))
            rows.append(metrics.pearson(level, track[:, 0]))
            levels.append(level)
            gaps.append(track[:, 0])
        level, gap = np.concatenate(levels), np.concatenate(gaps)
        scale = np.nanstd(gap) / level.std()
        return float(np.nanmean(rows)), float(scale), float(np.nanmean(gap) - scale * level.mean())

    best = max(((s, d, *fit(s, d)) for s in (0.01, 0.02, 0.04, 0.06, 0.1) for d in (False, True)), key=lambda row: row[2])
    smooth, decibels, _, scale, offset = best

    def curves(example: Example) -> Curves:
        gap = scale * envelope(example.clip.sound(), smooth, decibels) + offset
        jaw = np.clip((gap - neutral) / (full - neutral), 0, 1)
        return Curves(("jawOpen",), corpora.frame_centres(len(jaw)), jaw[:, None])

    return curves


def mean_baseline(tuning: Sequence[Example], head: ict_head.Head) -> Subject:
    """The mean mouth, whatever is said."""
    jaw = float(np.nanmean([np.nanmean(e.video[1][:, 0]) for e in tuning])) / 0.425

    def curves(example: Example) -> Curves:
        times = corpora.frame_centres(example.clip.frames)
        return Curves(("jawOpen",), times, np.full((len(times), 1), jaw))

    return curves


def measures(curves: Curves, times: np.ndarray, head: ict_head.Head) -> np.ndarray:
    """Gap, width and nose-chin of the measuring head under the curves at ``times``. float [n, 3]."""
    known = [n for n in curves.names if n in ARKIT_52]
    values = curves.select(known).resample(times).values
    return head.measure(torch.from_numpy(values), known).numpy()


def video_figures(examples: Sequence[Example], curves: Sequence[Curves], head: ict_head.Head) -> dict[str, Figure]:
    """Figures against the tracked mouth (GRID)."""
    gap_lags, width_lags, events, amplitude, jitters, silence = [], [], [], [], [], []
    for example, made in zip(examples, curves, strict=True):
        times, track = example.video
        got = measures(made, times, head)
        ok = np.isfinite(track[:, 0])
        gap_lags.append(metrics.lagged(got[:, 0], track[:, 0]))
        width_lags.append(metrics.lagged(got[:, 1], track[:, 1]))
        events.append(metrics.closures(got[:, 0], track[:, 0]))
        amplitude.append((got[ok, 0].var(), track[ok, 0].var()))
        jaw = made.select(["jawOpen"]).resample(times).values[:, 0]
        jitters.append((metrics.jitter(jaw), metrics.jitter(metrics.median3(track[ok, 3]))))
        silence += _silence(example, made)
    best = int(np.nanargmax(np.nanmean(gap_lags, 0)))
    zero = list(metrics.LAGS).index(0)
    return {
        "gap r": bootstrap(gap_lags, lambda rows: float(np.nanmean(rows[:, zero]))),
        "gap r at best lag": bootstrap(gap_lags, lambda rows: float(np.nanmean(rows[:, best]))),
        "best lag (frames)": Figure(metrics.LAGS[best], metrics.LAGS[best], metrics.LAGS[best], len(gap_lags)),
        "width r": bootstrap(width_lags, lambda rows: float(np.nanmean(rows[:, zero]))),
        "closure recall": bootstrap(events, metrics.share(1, 0)),
        "closure precision": bootstrap(events, metrics.share(3, 2)),
        "amplitude": bootstrap(amplitude, lambda rows: float(np.sqrt(rows[:, 0].mean() / rows[:, 1].mean()))),
        "jitter ratio": bootstrap(jitters, lambda rows: float(rows[:, 0].mean() / rows[:, 1].mean())),
        "jawOpen in silence": bootstrap(silence, metrics.share(0, 1)),
    }


def _silence(example: Example, curves: Curves) -> list[tuple[float, float]]:
    """(sum of jawOpen, samples) of each long silence, on a 10 ms grid."""
    rows = []
    for start, end in example.silences:
        if end - start > metrics.LONG_SILENCE:
            times = np.arange(start, min(end, example.clip.seconds), 0.01)
            rows.append((float(curves.select(["jawOpen"]).resample(times).values.sum()), float(len(times))))
    return rows


def phone_figures(examples: Sequence[Example], curves: Sequence[Curves], head: ict_head.Head) -> dict[str, Figure]:
    """Closure on aligned /p b m/ and false closure in open vowels."""
    rows, silence = [], []
    for example, made in zip(examples, curves, strict=True):
        phones = example.clip.phones or ()
        spans = {kind: [(p.start, p.end) for p in phones if p.name in kind] for kind in (BILABIAL, OPEN_VOWELS)}

        def gap(times: np.ndarray, made: Curves = made) -> np.ndarray:
            return measures(made, times, head)[:, 0]

        rows.append(metrics.phone_closures(gap, spans[BILABIAL], spans[OPEN_VOWELS]))
        silence += _silence(example, made)
    return {
        "P/B/M closure": bootstrap(rows, metrics.share(1, 0)),
        "false closure": bootstrap(rows, metrics.share(3, 2)),
        "jawOpen in silence": bootstrap(silence, metrics.share(0, 1)),
    }


def artist_figures(examples: Sequence[Example], curves: Sequence[Curves], head: ict_head.Head) -> dict[str, Figure]:
    """r with an artist's curves, in pieces of ten seconds (FACEGOOD: Mandarin)."""
    rows = []
    for example, made in zip(examples, curves, strict=True):
        times, track = example.video
        truth = Curves(example.curve_names, times, track)
        jaw, jaw_truth = made.select(["jawOpen"]).resample(times).values[:, 0], truth.channel("jawOpen")
        width, width_truth = (measures(c, times, head)[:, 1] for c in (made, truth))
        for start in range(0, len(times) - 300, 300):
            piece = slice(start, start + 300)
            rows.append((metrics.pearson(jaw[piece], jaw_truth[piece]), metrics.pearson(width[piece], width_truth[piece])))
    return {
        "jawOpen r": bootstrap(rows, lambda r: float(np.nanmean(r[:, 0]))),
        "width r": bootstrap(rows, lambda r: float(np.nanmean(r[:, 1]))),
    }


def evaluate(subject: Subject, held_out: HeldOut, head: ict_head.Head, sets: Iterable[str] | None = None) -> dict[str, dict[str, Figure]]:
    """All figures of one subject: set -> figure name -> Figure."""
    table: dict[str, dict[str, Figure]] = {}
    for name in sets or held_out.sets:
        examples = held_out.sets[name]
        made = [subject(e) for e in examples]
        of = {"ljspeech": phone_figures, "facegood": artist_figures}.get(name, video_figures)
        table[name] = of(examples, made, head)
    return table


def phone_error_rate(model: SpeechModel, examples: Sequence[Example]) -> Figure:
    """Edit distance of decoded and canonical phones over the number of canonical ones. No bonus for any phone, pauses left out."""
    rows = []
    for e in examples:
        spoken = [p for w in e.words for p in w.phones] or [p.name for p in e.clip.phones or () if p.name != SILENCE]
        segments = decode(align.log_posteriors(model, e.clip.sound()), seal_bonus=0.0)
        found = [PHONES[s.label] for s in segments if PHONES[s.label] != SILENCE]
        rows.append((metrics.edit_distance(found, spoken), len(spoken)))
    return bootstrap(rows, metrics.share(0, 1))


def recogniser_figures(
    model: SpeechModel, held_out: HeldOut, root: Path, packs: Path | None, choice: bool = False
) -> dict[str, Figure]:
    """Phone error rates, and on LJSpeech held out: share of frames whose likeliest phone is the aligned one, and the error of phone starts
    placed by Viterbi."""
    figures = {
        "PER speechocean adults": phone_error_rate(model, corpora.speechocean_parts(root)[choice]),
        "PER ljspeech": phone_error_rate(model, held_out.sets["ljspeech"]),
    }
    if packs:
        unheard = [e for e in corpora.synthetic(packs) if corpora.is_held_out(e)]
        figures["PER unheard synthetic"] = phone_error_rate(model, unheard)
    correct, errors = [], []
    for e in held_out.sets["ljspeech"]:
        scores = align.log_posteriors(model, e.clip.sound())
        labels = frame_labels(e.clip.phones, len(scores))
        correct.append((float((scores.argmax(1) == labels).sum()), float(len(labels))))
        untimed = [corpora.Word(w.text, w.phones) for w in e.words]
        placed = [p for p in align.viterbi(scores, untimed) or () if p.name != SILENCE]
        wanted = [p for w in e.words for p in e.clip.phones if p.start >= w.start - 1e-4 and p.end <= w.end + 1e-4 and p.name != SILENCE]
        if len(placed) == len(wanted):
            errors.append([abs(a.start - b.start) for a, b in zip(placed, wanted, strict=True)])
    every = np.concatenate([np.array(x) for x in errors]) if errors else np.array([np.nan])
    return figures | {
        "frames right": bootstrap(correct, metrics.share(0, 1)),
        "alignment median (s)": Figure(float(np.median(every)), float("nan"), float("nan"), len(errors)),
        "alignment 90 % (s)": Figure(float(np.percentile(every, 90)), float("nan"), float("nan"), len(errors)),
    }


def print_table(results: dict[str, dict[str, dict[str, Figure]]]) -> None:
    """Subjects side by side, one block a set."""
    sets = list(dict.fromkeys(s for table in results.values() for s in table))
    for name in sets:
        print(f"\n{name}")
        subjects = [s for s in results if name in results[s]]
        print(f"  {'':22s}" + "".join(f"{s:34s}" for s in subjects))
        for figure in results[subjects[0]][name]:
            print(f"  {figure:22s}" + "".join(f"{results[s][name].get(figure, '')!s:34s}" for s in subjects))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpora")
    parser.add_argument("--weights", type=Path, default=SHIPPED, help="a weights file or a training run's folder")
    parser.add_argument("--pipeline", action="store_true", help="also the whole product, with and without a script")
    parser.add_argument("--choice", action="store_true", help="measure on the set to choose on instead of the held-out one")
    parser.add_argument("--packs", type=Path, help="synthetic speech, for the phone error rate on the unheard voice")
    parser.add_argument("--no-baselines", action="store_true")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    root = corpora.folder(args.corpora)
    torch.set_num_threads(1)
    held_out = HeldOut.read(root, args.choice)
    head = ict_head.load(root / "ict_facekit.npz", ARKIT_52)
    model = checkpoint.load_model(args.weights)
    subjects: dict[str, Subject] = {"network": network(model)}
    if args.pipeline:
        weights = args.weights
        if weights.is_dir():
            weights = args.weights / "measured.safetensors"
            weights_file.save(model, weights)
        subjects |= {"pipeline": pipeline(False, weights=weights), "pipeline + script": pipeline(True, weights=weights)}
    if not args.no_baselines:
        subjects |= {"energy envelope": envelope_baseline(held_out.tuning, head), "mean": mean_baseline(held_out.tuning, head)}
    results = {name: evaluate(subject, held_out, head) for name, subject in subjects.items()}
    results["network"]["recogniser"] = recogniser_figures(model, held_out, root, args.packs, args.choice)
    print_table(results)
    if args.json:
        told = {s: {k: {f: asdict(v) for f, v in figures.items()} for k, figures in table.items()} for s, table in results.items()}
        args.json.write_text(json.dumps(told, indent=1), "utf-8")


if __name__ == "__main__":
    main()
