# SPDX-License-Identifier: GPL-3.0-or-later
"""How far a rater can be trusted: agreement with themselves and with others, and answers that follow the screen instead of the face.

Sides are randomised, so each place is the best one equally often whatever the rater's taste; whoever favours a place (always left,
always the first shown) is found by an exact binomial test, whoever gives one answer always (a tie) by its share. Each sign lowers a
weight in 0..1 that training multiplies the rater's votes with; nobody's votes are dropped.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from .store import Tally, is_hasty
from .votes import BAD, TIE, Take, Vote

FEWEST: Final = 8  # votes before anything is held against a rater
SURE: Final = 1e-3  # p-value below which a habit is called one; a studio of 20 raters sees a false alarm once in 50 audits
ONE_ANSWER: Final = 0.9  # share of ties or of "both bad" above which the rater does not tell takes apart
FULL: Final = 0.4  # consistency beyond luck (kappa) of a rater whose votes count fully: 70 % of two-ups answered the same again
PRIOR: Final = 10  # repeats at that level that are assumed before any are seen
BLIND: Final = 0.1  # kappa below which answers are called chance: 55 % of two-ups


@dataclass(frozen=True)
class Interval:
    """A share of ``count`` trials with its 95 % interval (Wilson, Journal of the American Statistical Association 22, 1927)."""

    value: float
    low: float
    high: float
    count: int

    def __str__(self) -> str:
        return (
            f"{100 * self.value:.0f} % ({100 * self.low:.0f} to {100 * self.high:.0f}, of {self.count})" if self.count else "not known yet"
        )


@dataclass(frozen=True)
class Rater:
    """What is known about a rater.

    consistency: share of silently repeated questions answered the same    agreement: share of questions, asked of others too, on which the
    others' majority chose the same take    place: share of decided two-ups won by the left side    bias_p: p-value of the strongest habit
    hasty: share of answers before the takes can have been watched    weight: 0..1 for training    sentence: the above for people
    """

    name: str
    votes: int
    consistency: Interval
    agreement: Interval
    place: Interval
    bias_p: float
    hasty: Interval
    weight: float
    sentence: str


def wilson(successes: float, trials: int, z: float = 1.96) -> Interval:
    """The share and its interval; 0 to 1 where nothing was tried."""
    if trials <= 0:
        return Interval(0.5, 0.0, 1.0, 0)
    share = successes / trials
    spread = z * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    middle = share + z * z / (2 * trials)
    scale = 1 + z * z / trials
    return Interval(share, max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale), trials)


def binomial_p(successes: int, trials: int, chance: float) -> float:
    """Two-sided exact p-value: how often chance alone gives a count at least as improbable as this one."""
    if trials == 0 or not 0 < chance < 1:
        return 1.0
    logs = [_log_binomial(k, trials, chance) for k in range(trials + 1)] if trials <= 5000 else None
    if logs is None:  # the normal law is exact enough there, and quick
        z = (abs(successes - trials * chance) - 0.5) / math.sqrt(trials * chance * (1 - chance))
        return min(1.0, math.erfc(max(z, 0.0) / math.sqrt(2)))
    here = logs[successes] + 1e-9
    return min(1.0, math.fsum(math.exp(value) for value in logs if value <= here))


def _log_binomial(k: int, n: int, p: float) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) + k * math.log(p) + (n - k) * math.log(1 - p)


def tallies(votes: Iterable[Vote], takes: Mapping[str, Take], people: Mapping[str, str] | None = None) -> dict[str, Tally]:
    """Count votes as the store's own statistics do, by person where raters have other names. ``takes``: at least those voted on."""
    people = people or {}
    votes = list(votes)
    by_id = {vote.id: vote for vote in votes}
    answers: dict[str, Counter] = defaultdict(Counter)
    hasty, repeats, same, luck = Counter(), Counter(), Counter(), Counter()
    for vote in votes:
        name = people.get(vote.rater, vote.rater)
        answers[name][len(vote.takes), vote.chosen] += 1
        hasty[name] += is_hasty(vote, max((takes[take].seconds for take in vote.takes if take in takes), default=0.0))
        if before := by_id.get(vote.repeat_of):
            repeats[name] += 1
            same[name] += vote.winner == before.winner
            luck[name] += 1 / len(vote.takes)
    return {name: Tally(name, dict(answers[name]), hasty[name], repeats[name], same[name], round(float(luck[name]), 9)) for name in answers}


def by_person(tallies: Iterable[Tally], people: Mapping[str, str]) -> dict[str, Tally]:
    """Tallies of raters added up to those of persons."""
    out: dict[str, Tally] = {}
    for tally in tallies:
        name = people.get(tally.rater, tally.rater)
        old = out.get(name, Tally(name))
        answers = Counter(old.answers) + Counter(tally.answers)
        sums = (getattr(old, field) + getattr(tally, field) for field in ("hasty", "repeats", "same", "luck"))
        out[name] = Tally(name, answers, *sums)
    return out


def agreements(votes: Iterable[Vote], people: Mapping[str, str] | None = None) -> dict[str, tuple[int, int]]:
    """Agreement with the others: person -> (agreed, compared).

    Every pair of takes that two or more people judged (same region and axis, ties left out) compares each of them with the majority of the
    others; where the others are split evenly nobody is compared.
    """
    people = people or {}
    judged: dict[tuple, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for vote in votes:
        name = people.get(vote.rater, vote.rater)
        if vote.both_bad:
            continue
        for better, worse, tied in vote.pairs():
            if not tied:
                judged[vote.region, vote.axis, min(better, worse), max(better, worse)][name] += 1 if better < worse else -1
    agreed, compared = Counter(), Counter()
    for said in judged.values():
        signs = {name: (value > 0) - (value < 0) for name, value in said.items()}
        total = sum(signs.values())
        for name, sign in signs.items():
            others = total - sign
            if sign and others and len(signs) > 1:
                compared[name] += 1
                agreed[name] += (others > 0) == (sign > 0)
    return {name: (agreed[name], compared[name]) for name in compared}


def assess(tally: Tally, agreement: tuple[int, int] = (0, 0)) -> Rater:
    """Judge one rater from counts."""
    consistency = wilson(tally.same, tally.repeats)
    others = wilson(*agreement)
    left = sum(count for (shown, chosen), count in tally.answers.items() if shown == 2 and chosen == 0)
    decided = sum(count for (shown, chosen), count in tally.answers.items() if shown == 2 and chosen >= 0)
    hasty = wilson(tally.hasty, tally.votes)
    said: list[str] = []
    weight = 1.0  # the least that any sign leaves: signs overlap, and one habit must not be paid for twice
    bias_p, habit, strength = _habit(tally)
    if bias_p < SURE:
        said.append(habit)
        weight = min(weight, max(0.0, 1 - strength))
    for answer, words in ((TIE, "a tie"), (BAD, "that both are bad")):
        count = sum(n for (_, chosen), n in tally.answers.items() if chosen == answer)
        if tally.votes >= FEWEST and count > ONE_ANSWER * tally.votes:
            said.append(f"says {words} in {100 * count / tally.votes:.0f} % of the votes")
            weight = min(weight, 1 - count / tally.votes)
    if tally.votes >= FEWEST and hasty.low > 0.1:
        said.append(f"answered {100 * hasty.value:.0f} % of the questions before the takes had played")
        weight = min(weight, 1 - hasty.value)
    if consistency.count >= FEWEST:
        # Cohen's kappa: the share of repeats answered the same beyond luck. Ten repeats at the full weight are assumed beforehand, since
        # few must not decide. Full weight is reached early: pairs are chosen to be close, and nobody is sure of close ones.
        luck = tally.luck / tally.repeats
        kappa = ((tally.same + PRIOR * (luck + FULL * (1 - luck))) / (tally.repeats + PRIOR) - luck) / (1 - luck)
        weight = min(weight, max(0.0, kappa) / FULL)
        if consistency.value < luck + BLIND * (1 - luck):
            said.append(f"gives the same answer to the same question in {100 * consistency.value:.0f} %, as chance would")
    if others.count >= FEWEST and others.high < 0.5:
        said.append(f"chooses the opposite of the others in {100 * (1 - others.value):.0f} %")
        weight = min(weight, 0.5)  # taste may differ; training decides what it is worth
    if said:
        sentence = f"{tally.rater} {'; '.join(said)}: the votes count {100 * weight:.0f} %."
    elif tally.votes < FEWEST:
        sentence = f"{tally.rater} has cast {tally.votes} vote{'s' * (tally.votes != 1)}: too few to judge."
    elif consistency.count < FEWEST:
        sentence = (
            f"Nothing speaks against {tally.rater}'s votes; {FEWEST - consistency.count} more repeated questions measure consistency."
        )
    else:
        sentence = f"{tally.rater} gives the same answer to the same question in {consistency}: the votes count {100 * weight:.0f} %."
    return Rater(tally.rater, tally.votes, consistency, others, wilson(left, decided), bias_p, hasty, round(weight, 3), sentence)


def _habit(tally: Tally) -> tuple[float, str, float]:
    """The place that is favoured most: (p-value, sentence, how far above chance 0..1). p pays for all places that were tested."""
    found = (1.0, "", 0.0)
    tests = 0
    for shown in sorted({shown for shown, _ in tally.answers}):
        wins = [tally.answers.get((shown, place), 0) for place in range(shown)]
        trials = sum(wins)
        if trials < FEWEST:
            continue
        names = ("the left take", "the right take") if shown == 2 else tuple(f"take {place + 1} of {shown}" for place in range(shown))
        for place in range(shown):
            tests += shown > 2 or place == 0  # left and right of a two-up are one question
            p = binomial_p(wins[place], trials, 1 / shown)
            if p < found[0] and wins[place] > trials / shown:
                share = wins[place] / trials
                excess = (share - 1 / shown) / (1 - 1 / shown)
                found = (p, f"prefers {names[place]} in {100 * share:.0f} % of {trials} votes, whatever it shows", excess)
    return min(1.0, found[0] * max(1, tests)), found[1], found[2]


def assess_all(votes: Iterable[Vote], takes: Mapping[str, Take], people: Mapping[str, str] | None = None) -> dict[str, Rater]:
    """Judge everyone who voted: person -> what is known. ``takes``: those voted on; ``people``: ``Store.people()``."""
    votes = list(votes)
    counted = tallies(votes, takes, people)
    agreed = agreements(votes, people)
    return {name: assess(tally, agreed.get(name, (0, 0))) for name, tally in sorted(counted.items())}


def weights(votes: Iterable[Vote], takes: Mapping[str, Take], people: Mapping[str, str] | None = None) -> dict[str, float]:
    """Rater -> weight 0..1, for every name that the votes carry (a person's weight where the name is an alias)."""
    votes = list(votes)
    people = people or {}
    judged = assess_all(votes, takes, people)
    return {vote.rater: judged[people.get(vote.rater, vote.rater)].weight for vote in votes}
