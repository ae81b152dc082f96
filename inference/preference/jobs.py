# SPDX-License-Identifier: GPL-3.0-or-later
"""The worker's verbs about preferences, but for ``takes``: which pairs to ask, what controls to try, tuning, its gate, comparing, blending.

Each takes plain parameters and gives back plain data; what is computed is in the modules beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch

from ...core.content import sha256_of
from ...core.errors import UserError
from ...preference import adapters
from ...preference.adapters import Card
from ...preference.raters import Interval, wilson
from .. import curves_file
from ..speech.device import resolve_device
from . import adapter_file, base, check, control_search, dataset, features, learn, questions, reward, settle
from . import gate as gates
from .base import Adapter, Base
from .tuning import TuneOptions, World

Report = Callable[[float, str], None]
ROUNDS: Final = (1, 4)
# Parts of the work, by measured times: reading and describing takes, tuning, measuring the result.
_READ, _TUNED = 0.1, 0.9
# Stretches that are known from votes below which others are tuned on too: a taste is more than how three phrases look.
_FEWEST: Final = 8


def next_pairs(params: dict, report: Report) -> dict[str, Any]:
    """{votes, pool: [{curves, stretch}, ...], count=1, region="whole", axis="overall", asked=[], curves=None, seed=0, base="speech"} ->
    {pairs: [[i, j], ...], votes_used}: pairs of numbers of the pool, the most telling first, each within one stretch.

    pool: curves files of takes at hand, and any text that is the same for takes of one stretch. asked: pairs not to give again. votes: as
    in ``finetune``; None or a place without usable votes gives the pairs that differ most.
    """
    pool = params.get("pool")
    if not isinstance(pool, list) or not all(isinstance(p, Mapping) and isinstance(p.get("curves"), str) for p in pool):
        raise UserError("The job 'next_pairs' has no pool of takes.", "Give a list of {curves: path, stretch: text}.")
    region, axis = params.get("region", "whole"), params.get("axis", "overall")
    if region not in features.REGIONS or axis not in features.AXES:
        known = f"Use {', '.join(features.REGIONS)}; {', '.join(features.AXES)}."
        raise UserError(f"There is no region '{region}' with the axis '{axis}'.", known)
    groups = [str(p.get("stretch", "")) for p in pool]
    takes = [curves_file.load(p["curves"]) for p in pool]
    usual = {g: dataset._mean([t for t, h in zip(takes, groups, strict=True) if h == g]) for g in dict.fromkeys(groups)}
    rows = []
    for i, (take, group) in enumerate(zip(takes, groups, strict=True)):
        report(0.5 * i / len(takes), "Looking at the takes")
        rows.append(features.describe(take, usual[group]))
    rows = np.array(rows).reshape(len(takes), len(features.listed()))
    scale = reward.scale_of(rows, groups)
    model, used = reward.fit(rows, groups, [], scale), 0
    if params.get("votes"):
        try:
            found = dataset.read(_place(params), params.get("curves"))
            taught = _lesson(params, _base(params), found, spare=False).lesson
            voted = reward.scale_of(taught.rows, taught.groups)
            model = reward.fit(taught.rows, taught.groups, taught.comparisons, np.minimum(scale, voted))
            used = len(taught.comparisons)
        except UserError:
            used = 0  # no votes yet: pairs that differ most
    asked = [tuple(int(n) for n in pair) for pair in params.get("asked") or ()]
    chosen = questions.next_pairs(
        model, rows, groups, int(params.get("count", 1)), asked, features.mask(region, axis), int(params.get("seed", 0))
    )
    return {"pairs": [list(p) for p in chosen], "votes_used": used}


def suggest_controls(params: dict, report: Report) -> dict[str, Any]:
    """{votes, seed=0} -> {controls, uncertainty, votes_used, chance, try_next, warnings}: see ``control_search.Suggestion``."""
    report(0.0, "Reading the votes")
    found = dataset.read(_place(params), params.get("curves"))
    votes = [v for v in found.of_kind("speech") if not v.both_bad and not v.repeat_of]
    ids = list(dict.fromkeys(t for v in votes for t in v.takes))
    number = {t: i for i, t in enumerate(ids)}
    answers = [
        (number[a], number[b], tied, float(found.trust.get(v.rater, 1.0)))
        for v in votes
        for a, b, tied in v.pairs()
        if found.trust.get(v.rater, 1.0) > 0
    ]
    report(0.3, "Searching the controls")
    result = control_search.suggest([dict(found.takes[t].controls) for t in ids], answers, int(params.get("seed", 0)))
    warning = "The takes that were compared do not differ in any control, so the votes say nothing about them."
    return {**asdict(result), "warnings": [] if result.votes_used else [warning]}


def finetune(params: dict, report: Report) -> dict[str, Any]:
    """Tune an adapter on votes. params: {votes, out, base="speech", rounds=2, device="auto", seed=0, curves=None, heard=None, name=None,
    weights=shipped}.

    base: "speech" learns from votes on takes of sounds, "image" from those on videos and pictures; weights: that model's file. votes: a
    store's folder, file or postgresql:// URL, or a .jsonl or .csv of ``votes export``. curves: a folder of curves files for votes from a
    text file (default: ``curves`` beside it). heard: the folder that ``takes`` and ``video_takes`` kept stretches in (default: ``heard``
    beside the votes). A run that was cancelled goes on where it stood. Writes the adapter to ``out``; returns {adapter, sha256, card, gate,
    votes, warnings}. The model's own weights are not touched. Raises UserError, Cancelled.
    """
    out, tuned = _out(params), _base(params)
    rounds = params.get("rounds", TuneOptions.rounds)
    if isinstance(rounds, bool) or not isinstance(rounds, int) or not ROUNDS[0] <= rounds <= ROUNDS[1]:
        raise UserError(f"The number of rounds is {rounds!r}.", f"Use {ROUNDS[0]} to {ROUNDS[1]}.")
    options = TuneOptions(rounds=rounds, seed=int(params.get("seed", 0)))
    device = resolve_device(params.get("device") or "auto")
    report(0.0, "Reading the votes")
    found = dataset.read(_place(params), params.get("curves"))
    read = _lesson(params, tuned, found)
    agreed = held_out_agreement(read.lesson, options.seed)
    report(_READ, "Tuning")
    # One name for every run into a folder: a run that was stopped is found whatever its successor is called.
    checkpoint = out.parent / ".unfinished-tuning" if World.here().size == 1 else None

    def told(fraction: float, stage: str) -> None:
        report(_READ + (_TUNED - _READ) * fraction, stage)

    try:
        _, adapter = learn.tune(read.lesson, tuned, options, told, device, checkpoint)
    finally:
        tuned.move(torch.device("cpu"))
    report(_TUNED, "Checking what it costs")
    settled = settle.settle(adapter, tuned)
    figures = {"before": settled.before.to_dict(), "after": settled.after.to_dict(), "strength_kept": settled.strength}
    verdict = gates.judge(gates.Score(), check.sentences(settled.before, settled.after), figures, _doubts(agreed))
    card = Card(
        name=str(params.get("name") or out.stem), base=tuned.name, base_sha256=tuned.sha256, units=settled.adapter.units, votes=read.used,
        raters=found.raters, seed=options.seed, made=datetime.now(UTC).isoformat(timespec="seconds"), figures=figures,
        recipe={**asdict(options), "held_out_agreement": [agreed.value, agreed.low, agreed.high, agreed.count]}, gate=verdict.to_dict(),
    )  # fmt: skip
    if World.here().rank == 0:
        adapter_file.save(settled.adapter, card, out)
        adapters.gate_path(out).unlink(missing_ok=True)
    report(1.0, "Done")
    warnings = []
    if read.without_curves:
        warnings.append(f"{read.without_curves} votes were left out: the curves of their takes are not there.")
    if read.unheard:
        warnings.append(
            f"{read.unheard} votes are on clips that this model has not met here: they taught the taste, and other clips were tuned on."
        )
    return {
        "adapter": str(out), "sha256": sha256_of(out) if out.is_file() else "", "card": card.to_dict(), "gate": verdict.to_dict(),
        "votes": read.used, "warnings": warnings,
    }  # fmt: skip


def gate(params: dict, report: Report) -> dict[str, Any]:
    """{adapter, votes, curves=None} -> the verdict (``gate.Verdict``) after the fresh blind comparisons among the votes, which is also kept
    beside the adapter and so stands on its card."""
    path = _adapter_path(params, "adapter")
    report(0.0, "Counting the comparisons")
    card, sha = adapters.read_card(path), sha256_of(path)
    found = dataset.read(_place(params), params.get("curves"))
    score = gates.fresh(found.votes, found.takes, sha, found.trust)
    verdict = gates.judge(score, lost_sentences(card), card.figures)
    adapters.record_gate(path, verdict.to_dict())
    return verdict.to_dict()


def compare(params: dict, report: Report) -> dict[str, Any]:
    """{a, b, votes=None, clips=[], weights=shipped} -> {base, a, b: {name, figures}, differ: {unit: mean |difference|}, comparison}.

    a, b: adapter files of one model, or "base". comparison: fresh blind answers about the two, {wins (of a), ties, losses, win_rate,
    interval}, None without votes. clips: sounds, or videos and photos, on which the mean takes are compared; without any, the check clips.
    """
    cards = [adapters.read_card(Path(str(params[n]))) for n in ("a", "b") if params.get(n) not in (None, "", "base")]
    model = base.named(cards[0].base if cards else "speech", params.get("weights"))
    sides = {n: _side(params.get(n), model) for n in ("a", "b")}
    answers = None
    if params.get("votes"):
        found = dataset.read(_place(params), params.get("curves"))
        score = gates.fresh(found.votes, found.takes, sides["a"][2], found.trust, sides["b"][2])
        rate = wilson(score.points, score.count)
        answers = {
            "wins": score.wins, "ties": score.ties, "losses": score.losses,
            "win_rate": rate.value if score.count else None, "interval": [rate.low, rate.high] if score.count else None,
        }  # fmt: skip
    told = {}
    for n, (name, adapter, sha) in sides.items():
        report(0.3 if n == "a" else 0.5, "Checking what it costs")
        told[n] = {"name": name, "sha256": sha, "figures": model.figures(adapter).to_dict()}
    clips = model.compared([Path(c) for c in params.get("clips") or ()])
    moved: dict[str, float] = {}
    for i, stretch in enumerate(clips):
        report(0.6 + 0.4 * i / len(clips), "Comparing takes")
        a, b = (model.mean_face(stretch, sides[n][1]) for n in ("a", "b"))
        for name, gap in zip(a.names, np.abs(a.values - b.values).mean(0) / len(clips), strict=True):
            moved[name] = moved.get(name, 0.0) + float(gap)
    return {"base": model.name, **told, "differ": {u: round(m, 5) for u, m in moved.items()}, "comparison": answers}


def blend(params: dict, report: Report) -> dict[str, Any]:
    """{a, b, share, out, name=None, weights=shipped} -> {adapter, sha256, card}: share 0 is all ``a``, 1 all ``b``. It has to pass the gate
    by itself."""
    out = _out(params)
    paths = [_adapter_path(params, n) for n in ("a", "b")]
    cards = [adapters.read_card(p) for p in paths]
    model = base.named(cards[0].base, params.get("weights"))
    share = params.get("share")
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 1:
        raise UserError(f"The share is {share!r:.40}.", "Use 0 (only the first) to 1 (only the second).")
    mixed = model.blend(*(model.open(p) for p in paths), float(share))
    report(0.5, "Checking what it costs")
    before, after = model.figures(None), model.figures(mixed)
    figures = {"before": before.to_dict(), "after": after.to_dict()}
    verdict = gates.judge(gates.Score(), check.sentences(before, after), figures)
    card = Card(
        name=str(params.get("name") or out.stem), base=model.name, base_sha256=model.sha256, units=mixed.units,
        votes=cards[0].votes + cards[1].votes, raters=tuple(sorted({*cards[0].raters, *cards[1].raters})),
        recipe={"blend": [c.name for c in cards], "share": float(share)}, figures=figures, gate=verdict.to_dict(),
        made=datetime.now(UTC).isoformat(timespec="seconds"), parents=tuple(sha256_of(p) for p in paths),
    )  # fmt: skip
    adapter_file.save(mixed, card, out)
    return {"adapter": str(out), "sha256": sha256_of(out), "card": card.to_dict()}


def lost_sentences(card: Card) -> list[str]:
    """What an adapter's figures on the check clips lack, from its card. One without figures was made elsewhere and lacks them all."""
    kind = check.LipFigures
    if card.base == "image":
        from .image_check import FaceFigures as kind
    try:
        before, after = (kind(**card.figures[n]) for n in ("before", "after"))
    except (KeyError, TypeError):
        return ["What it costs was never measured on the check clips."]
    return check.sentences(before, after)


def held_out_agreement(lesson: learn.Lesson, seed: int = 0, folds: int = 5) -> Interval:
    """Share of votes that a reward model fitted to the others predicts, with its interval; ties left out."""
    plain = [c for c in lesson.comparisons if not c.tied]
    order = np.random.default_rng(seed).permutation(len(plain))
    scale = reward.scale_of(lesson.rows, lesson.groups)
    right = 0
    for fold in range(folds):
        out = {int(i) for i in order[fold::folds]}
        if not out or len(out) == len(plain):
            continue
        model = reward.fit(lesson.rows, lesson.groups, [c for i, c in enumerate(plain) if i not in out], scale)
        for i in out:
            mean, _ = model.difference(lesson.rows, [(plain[i].better, plain[i].worse)], plain[i].mask)
            right += bool(mean[0] > 0)
    return wilson(right, len(plain) if len(plain) >= folds else 0)


def _doubts(agreed: Interval) -> list[str]:
    if agreed.count and agreed.low > 0.5:
        return []
    if not agreed.count:
        return ["There are too few votes to see whether they agree with each other."]
    return [
        f"Only {agreed.value:.0%} of {agreed.count} votes can be told from the others ({agreed.low:.0%} to {agreed.high:.0%}), no more "
        "than by chance: the answers follow no taste that the takes show, or there are too few."
    ]


def _base(params: Mapping) -> Base:
    return base.named(params.get("base") or "speech", params.get("weights"))


def _place(params: Mapping) -> str:
    place = params.get("votes")
    if not isinstance(place, str) or not place:
        raise UserError("The job names no votes.", "Give the folder of votes, a file that 'votes export' wrote, or a server's address.")
    return place


def _out(params: Mapping) -> Path:
    out = params.get("out")
    if not isinstance(out, str) or not out:
        raise UserError("The job has no path 'out'.", "Give the adapter file to write.")
    if Path(out).suffix != adapters.SUFFIX:
        raise UserError(f"An adapter's file ends in {adapters.SUFFIX}, not like {Path(out).name}.", "Choose another name.")
    try:
        Path(out).parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"Cannot make the folder {Path(out).parent}: {error.strerror}.", "Choose another.") from error
    return Path(out)


def _adapter_path(params: Mapping, name: str) -> Path:
    path = params.get(name)
    if not isinstance(path, str) or not path:
        raise UserError(f"The job names no adapter '{name}'.", "Give the path of its file.")
    return Path(path)


def _lesson(params: Mapping, model: Base, found: dataset.VoteSet, spare: bool = True) -> dataset.Read:
    """spare: whether other stretches are wanted where few are known; making them takes seconds."""
    folder = params.get("heard")
    if not folder and "://" not in _place(params):
        place = Path(_place(params))
        folder = (place if place.is_dir() else place.parent) / "heard"
    heard = model.known(folder) if folder else {}
    return dataset.lesson(found, model, heard, model.spare() if spare and len(heard) < _FEWEST else [], _FEWEST)


def _side(given: object, model: Base) -> tuple[str, Adapter | None, str]:
    """(name, adapter, sha256 or "") of an adapter file or "base"."""
    if given in (None, "", "base"):
        return "base", None, ""
    path = Path(str(given))
    return adapters.read_card(path).name, model.open(path), sha256_of(path)
