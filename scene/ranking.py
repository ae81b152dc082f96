# SPDX-License-Identifier: GPL-3.0-or-later
"""A sitting: which takes are asked about next, on which side each stands, and what each answer becomes. No bpy, no clock of its own.

Blind and fair
- sides come from a seeded generator, so neither the rater nor the program's habits favour one;
- about one question in twelve silently asks an earlier pair again, sides drawn anew: whether the answer is the same tells how far a rater
  agrees with themselves;
- nothing about a take (seed, adapter, score) is known here but its id.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..core.curves import Curves
from ..preference.votes import Vote, new_id, now

REPEAT_SHARE = 1 / 12  # of the questions: enough to tell a careful rater after a hundred votes, too few to annoy
REPEAT_AFTER = 6  # questions in between at least: a rater must not remember the answer
REST_MINUTES, REST_VOTES = 20.0, 100  # after either, eyes and judgement tire
LEAST_DIFFERENCE = 0.004  # root mean square over the region's channels: less than this nobody sees

UPPER = ("eye", "brow")  # what the channels of the upper face begin with; all others are the lower face


@dataclass(frozen=True)
class Question:
    """``takes``: ids in the order shown, left to right (four-up: row by row). repeat_of: the vote it silently asks again, or ""."""

    takes: tuple[str, ...]
    repeat_of: str = ""


@dataclass(frozen=True)
class Counter:
    """What the panel shows of a sitting. same / repeats: how often a silently repeated question was answered as before."""

    votes: int
    skipped: int
    repeats: int
    same: int
    minutes: float

    @property
    def consistency(self) -> str:
        """A sentence; it says so where too little is known."""
        if self.repeats < 3:
            return "How far you agree with yourself shows after a few more votes."
        return f"You gave the same answer to {self.same} of {self.repeats} repeated pairs."


class Sitting:
    """One rater at one screen. Times are seconds of any steady clock, given by the caller.

    rater, region, axis, versions: as in ``preference.votes.Vote``;  seed: of sides and repeats
    """

    def __init__(self, rater: str, region: str, axis: str, seed: int, versions: Mapping[str, str], began: float = 0.0):
        self.id = new_id()
        self.rater, self.region, self.axis, self.versions = rater, region, axis, dict(versions)
        self.note = ""  # goes with the next vote
        self._random = random.Random(seed)
        self._pairs: deque[tuple[str, ...]] = deque()
        self._ahead: deque[Question] = deque()
        self._votes: list[tuple[Question, Vote]] = []
        self._repeated: set[str] = set()
        self._skipped = 0
        self._active = 0.0
        self._rested_at = (0, 0.0)  # votes and seconds at the last rest
        self._shown: float | None = None
        self._last = began
        self._replays: list[int] = []
        self._before = None, began, [], 0.0  # of the last answer: shown, last, replays and active time

    # The queue.

    def add(self, pairs: Iterable[Sequence[str]]) -> None:
        """More to ask, most telling first."""
        self._pairs.extend(tuple(pair) for pair in pairs)

    @property
    def left(self) -> int:
        """Questions that are waiting, the present one included."""
        return len(self._pairs) + len(self._ahead)

    @property
    def question(self) -> Question | None:
        """The present one, or None when the queue is empty."""
        found = self.ahead(1)
        return found[0] if found else None

    def ahead(self, count: int) -> list[Question]:
        """The present question and those after it, as they will be asked: what to render in advance."""
        while len(self._ahead) < count and (made := self._draw()) is not None:
            self._ahead.append(made)
        return list(self._ahead)[:count]

    def _draw(self) -> Question | None:
        if not self._pairs:  # one repeat for so many pairs, however often it is asked what comes next
            return None
        again = self._repeatable() if self._random.random() < REPEAT_SHARE else None
        if again is not None:
            self._repeated.add(again.id)
            return Question(self._sides(again.takes), again.id)
        return Question(self._sides(self._pairs.popleft()))

    def _sides(self, takes: Sequence[str]) -> tuple[str, ...]:
        return tuple(self._random.sample(list(takes), len(takes)))

    def _repeatable(self) -> Vote | None:
        early = [vote for _question, vote in self._votes[: -REPEAT_AFTER or None]]
        fresh = [vote for vote in early if vote.id not in self._repeated and not vote.repeat_of and len(vote.takes) == 2]
        return self._random.choice(fresh) if fresh else None

    # The present question.

    def shown(self, at: float) -> None:
        """It is on the screen from now on; does nothing where it was already."""
        if self._shown is None and self.question is not None:
            self._shown = self._last = at
            self._replays = [0] * len(self.question.takes)

    def hidden(self, at: float) -> None:
        """The screen shows something else: the time stops, and starts anew with ``shown``."""
        if self._shown is not None:
            self._active += max(0.0, at - self._last)
            self._shown = None

    def played(self) -> None:
        """All takes of the question ran once more."""
        self._replays = [count + 1 for count in self._replays]

    def answer(self, ranks: Sequence[int], at: float, both_bad: bool = False) -> Vote:
        """The vote to be kept; the next question is present. ranks: one for each take as shown, 0 the best, equal for a tie."""
        question = self.question
        if question is None:
            raise ValueError("there is no question to answer")
        self._before = self._shown, self._last, self._replays, self._active
        self.shown(at)
        vote = Vote(
            id=new_id(),
            at=now(),
            rater=self.rater,
            sitting=self.id,
            takes=question.takes,
            ranks=tuple(ranks),
            both_bad=both_bad,
            region=self.region,
            axis=self.axis,
            replays=tuple(self._replays),
            milliseconds=max(0, round((at - self._shown) * 1000)),
            repeat_of=question.repeat_of,
            note=self.note,
            versions=self.versions,
        )
        self._active += max(0.0, at - self._last)
        self._votes.append((question, vote))
        self._ahead.popleft()
        self._shown, self._last, self.note = None, at, ""
        return vote

    def prefer(self, place: int, at: float) -> Vote:
        """The take at this place (0 is the left) is better than the others."""
        return self.answer([0 if i == place else 1 for i in range(len(self.question.takes))], at)

    def tie(self, at: float) -> Vote:
        return self.answer([0] * len(self.question.takes), at)

    def all_bad(self, at: float) -> Vote:
        return self.answer([0] * len(self.question.takes), at, both_bad=True)

    def skip(self, at: float) -> None:
        """No answer: the question goes to the end of the queue, without a vote."""
        question = self.question
        if question is None:
            return
        self.hidden(at)
        self._ahead.popleft()
        self._skipped += 1
        self.note = ""
        if question.repeat_of:
            self._repeated.discard(question.repeat_of)
        else:
            self._pairs.append(question.takes)

    def drop(self, take: str) -> int:
        """Forget every question with this take: it could not be shown. Returns how many went."""
        before = self.left
        self._ahead = deque(q for q in self._ahead if take not in q.takes)
        self._pairs = deque(pair for pair in self._pairs if take not in pair)
        self._shown = None
        return before - self.left

    def undo(self) -> Vote | None:
        """Take the last vote back: it is to be retracted, and its question is the present one again, with the same sides."""
        if not self._votes:
            return None
        question, vote = self._votes.pop()
        self._ahead.appendleft(question)
        self._shown, self.note = None, vote.note
        self._repeated.discard(vote.id)
        return vote

    def uncast(self) -> None:
        """The last answer could not be kept: its question is present as it was, with its time and replays."""
        self.undo()
        self._shown, self._last, self._replays, self._active = self._before

    def retracted(self, vote_id: str) -> None:
        """A vote of this sitting was taken back elsewhere (the panel's list)."""
        self._votes = [(question, vote) for question, vote in self._votes if vote.id != vote_id]

    # What is told.

    @property
    def votes(self) -> tuple[Vote, ...]:
        return tuple(vote for _question, vote in self._votes)

    @property
    def counter(self) -> Counter:
        by_id = {vote.id: vote for vote in self.votes}
        repeats = [(vote, by_id[vote.repeat_of]) for vote in self.votes if vote.repeat_of in by_id]
        same = sum(later.winner == earlier.winner for later, earlier in repeats)
        return Counter(len(self._votes), self._skipped, len(repeats), same, self._active / 60)

    @property
    def rest_reason(self) -> str:
        """Why a rest is due, in a sentence; "" while it is not. ``rested`` starts anew."""
        votes, minutes = len(self._votes) - self._rested_at[0], (self._active - self._rested_at[1]) / 60
        if votes >= REST_VOTES or minutes >= REST_MINUTES:
            return f"{votes} votes in {max(minutes, 1):.0f} minutes: rest your eyes for a while."
        return ""

    def rested(self) -> None:
        self._rested_at = len(self._votes), self._active


def in_region(names: Sequence[str], region: str) -> list[int]:
    """Which of these ARKit channels belong to "whole", "upper" or "lower"."""
    return [i for i, name in enumerate(names) if region == "whole" or name.startswith(UPPER) == (region == "upper")]


def difference(a: Curves, b: Curves, region: str = "whole") -> float:
    """Root mean square of what two takes of one stretch differ by, over the region's channels and the samples that both have."""
    columns = in_region(a.names, region)
    rows = min(len(a.times), len(b.times))
    if not columns or not rows:
        return 0.0
    gap = a.values[:rows, columns] - b.select(a.names).values[:rows, columns]
    return float(np.sqrt(np.mean(np.square(gap, dtype=np.float64))))


def telling_pairs(stretches: Sequence[Mapping[str, Curves]], region: str, size: int, seed: int) -> list[tuple[str, ...]]:
    """Questions of ``size`` takes (2 or 4), each within one stretch, the plainest difference of each stretch first, stretches in turn.

    stretches: take id -> curves, for each stretch. Takes that differ less than anybody sees are not asked about.
    """
    chance = random.Random(seed)
    queues: list[deque[tuple[str, ...]]] = []
    for takes in stretches:
        ids = list(takes)
        chance.shuffle(ids)  # of equals none comes first by its name
        pairs = [(difference(takes[a], takes[b], region), a, b) for i, a in enumerate(ids) for b in ids[i + 1 :]]
        pairs = sorted((p for p in pairs if p[0] >= LEAST_DIFFERENCE), key=lambda p: -p[0])
        if size == 2:
            queues.append(deque((a, b) for _gap, a, b in pairs))
        else:
            queues.append(deque(_groups(pairs, size)))
    chance.shuffle(queues)
    found = []
    while any(queues):
        found += [queue.popleft() for queue in queues if queue]
    return found


def _groups(pairs: Sequence[tuple[float, str, str]], size: int) -> list[tuple[str, ...]]:
    """Groups of ``size`` takes that all differ from each other, each take in one group, the widest first."""
    apart = {frozenset((a, b)): gap for gap, a, b in pairs}
    free = list(dict.fromkeys(take for _gap, a, b in pairs for take in (a, b)))
    groups = []
    while len(free) >= size:
        group = [free[0]]
        while len(group) < size:
            nearest = {t: min(apart.get(frozenset((t, g)), 0.0) for g in group) for t in free if t not in group}
            best = max(nearest, key=nearest.get)
            if nearest[best] < LEAST_DIFFERENCE:
                break
            group.append(best)
        if len(group) == size:
            groups.append(tuple(group))
        free = [take for take in free if take not in group]
    return groups
