# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a tuned adapter passes: it must win fresh blind comparisons by more than chance and leave the lips in time with the sound.

No torch: the lips' figures were measured when it was tuned and stand on its card. What is lacking is said in sentences, with about how many
more comparisons would settle it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from ...preference.raters import wilson
from ...preference.votes import Take, Vote

# Comparisons below which no win is believed, however clear: ten in a row are 1 in 1000 by chance.
FEWEST: Final = 10
# Trust under which a rater's comparisons do not count (``preference.raters``: answers that follow the screen, not the face).
_TRUSTED: Final = 0.3
_MOST_MORE: Final = 400


@dataclass(frozen=True)
class Score:
    """Fresh blind comparisons of an adapter with the model as it ships."""

    wins: int = 0
    ties: int = 0
    losses: int = 0
    ignored: int = 0

    @property
    def count(self) -> int:
        return self.wins + self.ties + self.losses

    @property
    def points(self) -> float:
        """A tie is half a win."""
        return self.wins + 0.5 * self.ties


@dataclass(frozen=True)
class Verdict:
    """passed; reasons: sentences about what is lacking; win_rate and its 95 % interval, None before any comparison; compared: how many;
    more: about how many more comparisons would settle it, None where more would not help; figures: of the check clips."""

    passed: bool
    reasons: tuple[str, ...]
    win_rate: float | None
    interval: tuple[float, float] | None
    compared: int
    more: int | None
    figures: Mapping[str, object]

    def to_dict(self) -> dict:
        return {**vars(self), "reasons": list(self.reasons), "interval": list(self.interval) if self.interval else None}


def fresh(votes: Iterable[Vote], takes: Mapping[str, Take], adapter: str, trust: Mapping[str, float], against: str = "") -> Score:
    """Comparisons of two takes that differ in the adapter alone. adapter, against: sha256, "" for none; trust: rater -> 0..1.

    Such takes cannot have taught the adapter: they were made with it. What counts is the whole face, judged overall, with the adapter at
    its full strength: as it will be used. Both bad counts as a tie. A question that silently repeats an earlier one tells of the rater, not
    of the adapter, and of the same two takes a rater's last answer counts.
    """
    wins = ties = losses = ignored = 0
    answers: dict[tuple[str, frozenset[str]], tuple[Take, bool]] = {}  # the better one, and whether it is no better
    for vote in (v for v in votes if not v.repeat_of and (v.region, v.axis) == ("whole", "overall")):
        for better, worse, tied in vote.pairs():
            a, b = takes.get(better), takes.get(worse)
            if a is None or b is None or not _differ_in_adapter(a, b) or {a.adapter, b.adapter} != {adapter, against}:
                continue
            if trust.get(vote.rater, 1.0) < _TRUSTED:
                ignored += 1
            else:
                answers[vote.rater, frozenset((better, worse))] = a, tied
    for better_take, tied in answers.values():
        if tied:
            ties += 1
        elif better_take.adapter == adapter:
            wins += 1
        else:
            losses += 1
    return Score(wins, ties, losses, ignored)


def _differ_in_adapter(a: Take, b: Take) -> bool:
    same = ("kind", "clip", "start", "end", "seed", "variation", "controls", "model", "fps")
    whole = all(take.adapter_strength == 1 for take in (a, b) if take.adapter)
    return whole and all(getattr(a, n) == getattr(b, n) for n in same) and a.adapter != b.adapter


def judge(score: Score, lost: Iterable[str], figures: Mapping[str, object], doubts: Iterable[str] = ()) -> Verdict:
    """The verdict. lost: sentences about the check clips' figures that fell too far (``check.sentences``); doubts: others that speak
    against it as long as nobody has compared."""
    lost = list(lost)
    if not score.count:
        ignored = f" {score.ignored} answers of raters who follow the screen instead of the face were not counted." if score.ignored else ""
        first = f"It has not been compared blind with the model as it ships: about {FEWEST} comparisons on fresh takes would tell.{ignored}"
        return Verdict(False, (*lost, *doubts, first), None, None, 0, FEWEST, figures)
    found = wilson(score.points, score.count)
    reasons, more = list(lost), 0
    if score.count < FEWEST or found.low <= 0.5:
        more = _more(found.value, score.count)
        said = f"It won {found.value:.0%} of {score.count} fresh blind comparisons ({found.low:.0%} to {found.high:.0%})"
        if more is None:
            reasons.append(f"{said}, no more than chance. More comparisons would hardly help: vote on more takes and tune again.")
        else:
            reasons.append(f"{said}, which may still be chance. About {more} more would settle it.")
    return Verdict(not reasons, tuple(reasons), found.value, (found.low, found.high), score.count, more, figures)


def _more(rate: float, count: int) -> int | None:
    """Further comparisons at this rate until the interval leaves chance behind; None where that would take hundreds."""
    for more in range(max(FEWEST - count, 1), _MOST_MORE):
        if wilson(rate * (count + more), count + more).low > 0.5:
            return more
    return None
