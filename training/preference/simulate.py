# SPDX-License-Identifier: GPL-3.0-or-later
"""How well votes teach, with simulated raters: the figures of docs/ranking.md.

    python entry.py training.preference.simulate --corpora DIR [--json OUT]
    python entry.py training.preference.simulate --corpora DIR --part tuning --tastes warm calm --json A      in parts, on several cores,
    python entry.py training.preference.simulate --merge A B                                                    and their table
    python entry.py training.preference.simulate --corpora DIR --choice      other voted clips, takes, seeds and lips: to choose settings on

Each simulated rater has a hidden taste (``raters``), votes on takes of some recordings and is judged on pairs and mean takes of others.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from ...core.curves import Curves
from ...inference.preference import check, explore, features, learn, policy, questions, reward, settle
from ...inference.preference.adapter import Adapter
from ...inference.preference.explore import Explored
from ...inference.preference.reward import Comparison
from ...inference.preference.speech_base import SpeechBase
from ...inference.preference.stretches import Stretch
from ...inference.preference.tuning import TuneOptions
from ...inference.speech import variation
from ...inference.speech.controls import Controls, apply_controls
from ...inference.speech.generate import VARIATION, SpeechEngine
from ...inference.speech.life import USUAL, Habits
from ...inference.speech.lip_gap import lip_gap
from ...rigs.arkit import ARKIT_52
from .. import corpora, evaluate, ict_head, metrics
from ..corpora import Example
from ..targets import BILABIAL, OPEN_VOWELS
from . import clips, raters

VOTED_TAKES, FRESH_TAKES = 12, 8  # takes a stretch
MARKS = (20, 60, 100, 140, 200)
BATCH = 10  # votes between two fits of the reward model
NOISE = 0.2
FIRST_CHOICE_SEED = 100  # of the runs to choose settings on: no vote of theirs is reported


@dataclass(frozen=True)
class Pool:
    """Takes of stretches with what a simulated rater thinks of them. rows [n, P]; groups [n]; utility [n, tastes]; whitened: for each
    stretch [K, F, U]; usual: the mean take of each stretch."""

    stretches: tuple[Stretch, ...]
    rows: np.ndarray
    groups: np.ndarray
    utility: np.ndarray
    whitened: tuple[np.ndarray, ...]
    usual: tuple[Curves, ...]


def make_pool(stretches: Sequence[Stretch], engine: SpeechEngine, takes: int, seed: int, tastes: Sequence[raters.Taste]) -> Pool:
    """``takes`` takes of each stretch that differ as a sitting's do when all is mixed: seed, variation, and the three mouth controls."""
    generator = np.random.default_rng(seed)
    spread = policy.Spread.of(engine.model)
    rows, utility, whitened, usual = [], [], [], []
    for stretch in stretches:
        mean = explore.mean_mouth(stretch, engine.model)
        usual.append(explore.finished(stretch, mean, 0, USUAL))
        here = [mean.names.index(n) for n in spread.known]
        own = []
        for _ in range(takes):
            amounts = np.clip(np.exp(generator.normal(0, 0.2, 3)), 0, 2)
            mouth = apply_controls(mean, Controls(*map(float, amounts)))
            seed = int(generator.integers(1, 2**31))
            mouth = variation.draw(mouth, seed, float(generator.uniform(0.4, 1.0)))
            made = explore.finished(stretch, mouth, seed, USUAL)
            opened = variation.open_up(mouth.values[:, here]) - variation.open_up(mean.values[:, here])
            white = spread.whitened(mean.times, opened, len(engine.model.config.face_units))
            own.append(policy.to_frames(white, mean.times, stretch.first, stretch.hidden.shape[1]))
            rows.append(features.describe(made, usual[-1]))
            utility.append([taste(made) for taste in tastes])
        whitened.append(np.array(own, np.float32))
    groups = np.repeat(np.arange(len(stretches)), takes)
    return Pool(tuple(stretches), np.array(rows), groups, np.array(utility), tuple(whitened), tuple(usual))


def vote(pool: Pool, taste: int, pairs: Sequence[tuple[int, int]], noise: float, generator: np.random.Generator) -> list[Comparison]:
    """A simulated rater's answers."""
    told = []
    for a, b in pairs:
        first = raters.answer(pool.utility[a, taste], pool.utility[b, taste], noise, generator)
        told.append(Comparison(a, b) if first else Comparison(b, a))
    return told


def agreement(model: reward.RewardModel, fresh: Pool, taste: int) -> float:
    """Share of all fresh pairs on which the reward model and the rater (without noise) agree."""
    pairs = questions.pairs_within(fresh.groups)
    right = [fresh.utility[a, taste] > fresh.utility[b, taste] for a, b in pairs]
    return float(((model.difference(fresh.rows, pairs)[0] > 0) == np.array(right)).mean())


def learning_curve(pool: Pool, fresh: Pool, taste: int, seed: int, noise: float, active: bool, most: int) -> dict[int, float]:
    """Agreement after some numbers of votes, with random pairs, or with pairs chosen ``BATCH`` at a time."""
    generator = np.random.default_rng((seed, 1))
    every = questions.pairs_within(pool.groups)
    order = [every[i] for i in generator.permutation(len(every))[:most]]
    scale = reward.scale_of(pool.rows, pool.groups)  # the takes are known before any vote
    model = reward.fit(pool.rows, pool.groups, [], scale)
    told: list[Comparison] = []
    asked: list[tuple[int, int]] = []
    curve = {}
    while len(told) < most:
        chosen = order[len(told) : len(told) + BATCH]
        if not active:
            told += vote(pool, taste, chosen, noise, generator)
            if len(told) in MARKS:
                curve[len(told)] = agreement(reward.fit(pool.rows, pool.groups, told, scale), fresh, taste)
            continue
        chosen = questions.next_pairs(model, pool.rows, pool.groups, BATCH, asked, seed=1000 * seed + len(told))
        asked += chosen
        told += vote(pool, taste, chosen, noise, generator)
        model = reward.fit(pool.rows, pool.groups, told, scale)
        curve[len(told)] = agreement(model, fresh, taste)
    return curve


def lesson(pool: Pool, told: Sequence[Comparison]) -> learn.Lesson:
    """What the worker learns from: the votes, and the voted takes' deviations."""
    first = np.searchsorted(pool.groups, np.arange(len(pool.stretches)))
    voted = {}
    for i in range(len(pool.stretches)):
        own = [(c.better - first[i], c.worse - first[i]) for c in told if pool.groups[c.better] == i]
        if own:
            voted[i] = learn.Voted(pool.whitened[i], np.array(own), np.zeros(len(own), bool), np.ones(len(own)))
    return learn.Lesson(pool.rows, tuple(pool.groups), tuple(told), pool.stretches, voted)


def judged(network, habits: Habits, fresh: Pool, taste: raters.Taste, seeds: Sequence[int]) -> np.ndarray:
    """What a rater thinks of a network's take of each fresh clip, [clips, seeds]."""
    found = []
    for stretch in fresh.stretches:
        mean = explore.mean_mouth(stretch, network)
        found.append([taste(explore.finished(stretch, variation.draw(mean, seed, VARIATION), seed, habits)) for seed in seeds])
    return np.array(found)


def wins(after: np.ndarray, before: np.ndarray) -> float:
    """Share of fresh clips on which the tuned take is preferred to the untouched one of the same seed; a tie counts half."""
    return float(np.where(after == before, 0.5, after > before).mean())


@dataclass(frozen=True)
class Measured:
    """Held-out recordings with what was measured of them."""

    examples: tuple[Example, ...]
    stretches: tuple[Stretch, ...]


def measured_clips(root: Path, engine: SpeechEngine, choice: bool = False) -> Measured:
    """GRID s1 and unseen speakers (video), LJSpeech (phones), all held out; or all of the set to choose on."""
    held_out = evaluate.HeldOut.read(root, choice).sets
    if choice:
        examples = (*held_out["grid_s1"], *held_out[evaluate.UNSEEN], *held_out["ljspeech"])
        return Measured(examples, tuple(clips.hear(examples, engine, 30.0)))
    examples = (*held_out["grid_s1"][:25], *held_out[evaluate.UNSEEN][:20], *held_out["ljspeech"])
    return Measured(examples, tuple(clips.hear(examples, engine, 30.0)))


def lip_figures(network, measured: Measured, head: ict_head.Head) -> dict[str, float]:
    """gap r, closure recall, precision and jitter ratio over the video clips, P/B/M closure and false closure over LJSpeech."""
    gap_rs, events, jitters, phones = [], [], [], []
    for example, stretch in zip(measured.examples, measured.stretches, strict=True):
        curves = explore.finished(stretch, explore.mean_mouth(stretch, network), 0, USUAL)
        if example.video is not None:
            times, track = example.video
            gap = evaluate.measures(curves, times, head)[:, 0]
            gap_rs.append(metrics.pearson(gap, track[:, 0]))
            events.append(metrics.closures(gap, track[:, 0]))
            jaw = curves.select(["jawOpen"]).resample(times).values[:, 0]
            ok = np.isfinite(track[:, 0])
            jitters.append((metrics.jitter(jaw), metrics.jitter(metrics.median3(track[ok, 3]))))
        else:
            own = lip_gap(ARKIT_52, curves.select(ARKIT_52).values)
            spans = {k: [(p.start, p.end) for p in example.clip.phones or () if p.name in k] for k in (BILABIAL, OPEN_VOWELS)}
            phones.append(
                metrics.phone_closures(lambda t, c=curves, g=own: np.interp(t, c.times, g), spans[BILABIAL], spans[OPEN_VOWELS])
            )
    video, shaken, spoken = np.array(events), np.array(jitters), np.array(phones)
    return {
        "gap r": float(np.nanmean(gap_rs)),
        "closure recall": float(video[:, 1].sum() / video[:, 0].sum()),
        "closure precision": float(video[:, 3].sum() / video[:, 2].sum()),
        "jitter ratio": float(shaken[:, 0].mean() / shaken[:, 1].mean()),
        "P/B/M closure": float(spoken[:, 1].sum() / spoken[:, 0].sum()),
        "vowels kept open": float(1 - spoken[:, 3].sum() / spoken[:, 2].sum()),
    }


def reach(curve: dict[int, float], level: float) -> float:
    """Votes at which a mean curve first reaches a level, interpolated; infinite where it does not."""
    before = (0, 0.5)
    for votes, value in sorted(curve.items()):
        if value >= level:
            return before[0] + (votes - before[0]) * (level - before[1]) / max(value - before[1], 1e-9)
        before = (votes, value)
    return float("inf")


def mean_of(values: Sequence[float]) -> metrics.Figure:
    return metrics.bootstrap(np.array(values)[:, None], lambda rows: float(rows.mean()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpora")
    parser.add_argument("--json", type=Path, help="write every run's figures")
    parser.add_argument("--tastes", nargs="+", choices=list(raters.TASTES), default=list(raters.TASTES))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--choice", action="store_true", help="other clips, takes and votes, and the lips of the set to choose settings on")
    parser.add_argument("--part", choices=("all", "agreement", "tuning"), default="all")
    parser.add_argument("--merge", type=Path, nargs="+", help="print the table of runs that were written before")
    args = parser.parse_args()
    runs: dict[str, list] = {"curves": [], "tuned": []}
    if args.merge:
        for path in args.merge:
            for kind, rows in json.loads(path.read_text("utf-8")).items():
                runs[kind] += rows
        print_table(runs)
        return
    root = corpora.folder(args.corpora)
    torch.set_num_threads(1)
    engine = SpeechEngine()
    tastes = [raters.TASTES[n] for n in args.tastes]
    voted, unheard = clips.voted_and_fresh(root)
    if args.choice:
        voted, unheard = voted[1:], voted[::2]
    pool = make_pool(clips.hear(voted[::2], engine), engine, VOTED_TAKES, 10 * args.choice, tastes)
    fresh = make_pool(clips.hear(unheard, engine), engine, FRESH_TAKES, 10 * args.choice + 1, tastes)
    seeds = range(FIRST_CHOICE_SEED * args.choice, FIRST_CHOICE_SEED * args.choice + args.seeds)
    print(f"votes on {len(pool.stretches)} clips, judged on {len(fresh.stretches)} others", flush=True)
    parts = []
    if args.part != "tuning":
        parts.append(("curves", agreement_runs(pool, fresh, args.tastes, seeds)))
    if args.part != "agreement":
        head, measured = ict_head.load(root / "ict_facekit.npz", ARKIT_52), measured_clips(root, engine, args.choice)
        parts.append(("tuned", tuning_runs(pool, fresh, args.tastes, seeds, engine, measured, head)))
    for kind, found in parts:
        for run in found:
            runs[kind].append(run)
            if args.json:
                args.json.write_text(json.dumps(runs), "utf-8")
    print_table(runs)


def agreement_runs(pool: Pool, fresh: Pool, names: Sequence[str], seeds: Sequence[int]) -> Iterator[dict]:
    """Held-out pair agreement, random and chosen pairs, noise-free and with a share of random answers."""
    for seed in seeds:
        for t, name in enumerate(names):
            for noise in (0.0, NOISE):
                for active, most in ((False, 200), (True, 140)):
                    curve = learning_curve(pool, fresh, t, seed, noise, active, most)
                    yield {"taste": name, "seed": seed, "noise": noise, "active": active, "curve": {str(n): v for n, v in curve.items()}}


def tuning_runs(
    pool: Pool, fresh: Pool, names: Sequence[str], seeds: Sequence[int], engine: SpeechEngine, measured: Measured, head: ict_head.Head
) -> Iterator[dict]:
    """Win rates on fresh clips, how far takes went, lips before and after, what the gate's check clips show, time."""
    lips = lip_figures(engine.model, measured, head)
    options, base = TuneOptions(), SpeechBase(engine)
    spread, untouched = policy.Spread.of(engine.model), Adapter.none(engine.model)
    first: list[Explored] = [
        explore.explore(s, engine.model, untouched, u, spread, options.takes, i)
        for i, (s, u) in enumerate(zip(pool.stretches, pool.usual, strict=True))
    ]
    every = questions.pairs_within(pool.groups)
    before = [judged(engine.model, USUAL, fresh, raters.TASTES[n], (0, 1)) for n in names]
    spreads = [np.mean([pool.utility[pool.groups == g, t].std() for g in range(len(pool.stretches))]) for t in range(len(names))]
    for seed in seeds:
        for t, name in enumerate(names):
            for noise, count in ((0.0, 200), (0.0, 60), (NOISE, 200)):
                if noise and seed - seeds[0] > 1:
                    continue
                generator = np.random.default_rng((seed, 2))
                pairs = [every[i] for i in generator.permutation(len(every))[:count]]
                answers = vote(pool, t, pairs, noise, generator)
                at = time.process_time()
                _, adapter = learn.tune(lesson(pool, answers), base, options, clips.quiet, first=first)
                settled = settle.settle(adapter, base)
                seconds = time.process_time() - at
                network = settled.adapter.applied(engine.model)
                after = judged(network, settled.adapter.habits(), fresh, raters.TASTES[name], (0, 1))
                yield {
                    "taste": name, "seed": seed, "noise": noise, "votes": count, "strength": settled.strength, "seconds": seconds,
                    "mean": wins(after[:, 0], before[t][:, 0]), "drawn": wins(after[:, 1], before[t][:, 1]),
                    "far": float((after - before[t])[:, 0].mean() / spreads[t]),
                    "lost": settled.after.lost(settled.before), "lips before": lips,
                    "lips": lip_figures(network, measured, head) if count == 200 else None,
                }  # fmt: skip


def print_table(runs: dict[str, list]) -> None:
    """Everything with 95 % bootstrap intervals over runs (a taste and a seed each)."""
    for noise in (0.0, NOISE):
        chosen = [r for r in runs["curves"] if r["noise"] == noise]
        means = {}
        for active in (False, True):
            own = [r for r in chosen if r["active"] == active]
            if not own:
                continue
            print(f"held-out agreement, {noise:.0%} random answers, {'chosen' if active else 'random'} pairs ({len(own)} runs)")
            means[active] = {int(n): float(np.mean([r["curve"][n] for r in own])) for n in own[0]["curve"]}
            for n in MARKS:
                if str(n) in own[0]["curve"]:
                    by_taste = _by_taste(own, lambda r, n=n: r["curve"][str(n)])
                    print(f"  {n:4d} votes  {mean_of([r['curve'][str(n)] for r in own])}  {by_taste}")
        for n in MARKS if len(means) == 2 else ():
            needed = reach(means[True], means[False][n])
            print(f"  as good as {n} random pairs ({means[False][n]:.3f}): {needed:.0f} chosen ones ({needed / n:.0%})")
    for noise, votes in ((0.0, 60), (0.0, 200), (NOISE, 200)):
        own = [r for r in runs["tuned"] if (r["noise"], r["votes"]) == (noise, votes)]
        if own:
            print(f"tuned on {votes} votes, {noise:.0%} random answers ({len(own)} runs)")
            print(f"  wins, mean takes   {mean_of([r['mean'] for r in own])}  {_by_taste(own, lambda r: r['mean'])}")
            print(f"  wins, drawn takes  {mean_of([r['drawn'] for r in own])}  {_by_taste(own, lambda r: r['drawn'])}")
            print(f"  gained, in spreads of the voted takes {mean_of([r['far'] for r in own])}  {_by_taste(own, lambda r: r['far'])}")
            worst = [max(r["lost"].values()) for r in own]
            stopped = sum(w > check.MOST_LOST for w in worst)
            print(f"  most that a figure of the check clips lost: {max(worst):.1%}; the gate stops {stopped} runs")
            kept, seconds = [r["strength"] for r in own], [r["seconds"] for r in own]
            print(f"  strength kept {np.mean(kept):.2f}, least {min(kept):.2f}")
            print(f"  {np.mean(seconds):.1f} CPU-s a run, at most {max(seconds):.1f}")
    own = [r for r in runs["tuned"] if r["lips"]]
    if own:
        print(f"lips on held-out recordings, tuned on 200 votes ({len(own)} runs): before; after: mean, least, most; moved")
        for name, value in own[0]["lips before"].items():
            after = np.array([r["lips"][name] for r in own])
            span = f"{after.mean():.3f}  {after.min():.3f}  {after.max():.3f}"
            worse = (after / value - 1) * (-1 if name == "jitter ratio" else 1) < -check.MOST_LOST
            moved = f"{after.min() / value - 1:+.1%} to {after.max() / value - 1:+.1%}"
            print(f"  {name:20s}{value:.3f}  {span}  {moved}  more than {check.MOST_LOST:.0%} worse: {worse.sum()} runs")


def _by_taste(runs: Sequence[dict], value: Callable[[dict], float]) -> str:
    names = dict.fromkeys(r["taste"] for r in runs)
    return " ".join(f"{n} {np.mean([value(r) for r in runs if r['taste'] == n]):.2f}" for n in names)


if __name__ == "__main__":
    main()
