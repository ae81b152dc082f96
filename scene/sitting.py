# SPDX-License-Identifier: GPL-3.0-or-later
"""The one sitting of this Blender session: its questions, the films that are made ahead of them, and the store its votes go to.

Everything runs on Blender's main thread; one timer brings it up to date while a sitting is open. A vote is in the store before the next
question is shown, so whatever ends the sitting (Esc, another file, a crash) loses none.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import bpy

from ..core.errors import UserError
from . import jobs, learning, strips

if TYPE_CHECKING:  # panels import this file when the add-on is enabled, and these bring numpy
    from ..preference.store import Store
    from ..preference.votes import Vote
    from . import films
    from .ranking import Question, Sitting
    from .take_source import Shown, TakeSource

TICK_SECONDS = 0.04
AHEAD = 3  # questions whose films are made while the first is judged
CLOCK: Callable[[], float] = time.monotonic


@dataclass
class Session:
    """An open sitting. Panels read it; the functions below change it."""

    sitting: Sitting
    store: Store
    maker: films.FilmMaker
    source: TakeSource
    message: str = ""  # the latest thing to be told, a sentence
    playing: bool = False  # the player shows it
    order: tuple[int, ...] = ()  # of a four-up: the places clicked so far, best first

    @property
    def takes(self) -> Mapping[str, Shown]:
        return self.source.made

    @property
    def sound(self) -> Path | None:
        return self.source.sound

    @property
    def question(self) -> Question | None:
        return self.sitting.question

    def films(self) -> list[films.Film] | None:
        """The films of the present question in the order shown, or None while one is missing."""
        question = self.question
        if question is None:
            return None
        found = [self.maker.film(take) for take in question.takes]
        return None if None in found else found

    @property
    def progress(self) -> float:
        """0..1: how much of the present question is rendered."""
        return self.maker.progress(self.question.takes) if self.question else 1.0

    def stretch(self) -> tuple[float, float]:
        """Seconds of the clip that the present question is about."""
        take = self.takes[self.question.takes[0]].take
        return take.start, take.end


_session: Session | None = None
_listeners: list[Callable[[], None]] = []  # the player redraws itself when something happened
_closers: list[Callable[[], None]] = []  # the player closes with the sitting; this file does not import it, since it is not needed to start


def current() -> Session | None:
    return _session


def begin(session: Session) -> None:
    """Open a sitting; one that was open ends."""
    global _session
    end()
    _session = session
    bpy.app.handlers.save_pre.append(close_player)
    if not bpy.app.timers.is_registered(tick):
        bpy.app.timers.register(tick, first_interval=0.0, persistent=True)
    jobs.redraw()


def end(*_: object) -> str:
    """Close the sitting and everything that it started. Returns a sentence about it, "" where none was open."""
    global _session
    session, _session = _session, None
    if session is None:
        return ""
    close_player()
    if close_player in bpy.app.handlers.save_pre:
        bpy.app.handlers.save_pre.remove(close_player)
    if bpy.app.timers.is_registered(tick):
        bpy.app.timers.unregister(tick)
    session.maker.close()
    session.source.close()
    session.store.close()
    strips.clear()
    learning.changed()
    count = session.sitting.counter.votes
    jobs.redraw()
    return f"{count} vote{'' if count == 1 else 's'} kept." if count else "No votes were cast."


@bpy.app.handlers.persistent
def end_before_load(*_: object) -> None:
    """load_pre: the character is about to go."""
    end()


@bpy.app.handlers.persistent
def close_player(*_: object) -> None:
    """save_pre: a file that is saved must hold the artist's editor, not the one that the player made of it."""
    for close in (*_closers,):
        close()


def on_end(close: Callable[[], None]) -> None:
    """Have this called before a file is saved and when the sitting ends, whatever ends it."""
    if close not in _closers:
        _closers.append(close)


def listen(listener: Callable[[], None]) -> None:
    _listeners.append(listener)


def unlisten(listener: Callable[[], None]) -> None:
    if listener in _listeners:
        _listeners.remove(listener)


def tick() -> float | None:
    """Ask for the films that are needed next and take what is done."""
    session = _session
    if session is None:
        return None
    before = session.progress, session.films() is not None, session.message
    for step in (_take_questions, _take_films, _show):
        try:
            step(session)
        except UserError as error:
            session.message = str(error)
        except Exception as error:  # Blender would take the timer away, and the sitting would stand still without a word
            session.message = f"The sitting met an error: {error}. End it and start another; all votes are kept."
    if before != (session.progress, session.films() is not None, session.message):
        changed()
    return TICK_SECONDS


def _take_questions(session: Session) -> None:
    source = session.source
    session.sitting.add(source.poll(session.sitting.left))
    if source.error is not None:
        session.message, source.error = str(source.error), None
        source.cuts.clear()  # the same would befall the others; what is there can still be judged


def _take_films(session: Session) -> None:
    maker = session.maker
    for place, question in enumerate(session.sitting.ahead(AHEAD)):
        for take in question.takes:
            maker.want(session.takes[take].wanted, first=place == 0 and maker.film(take) is None)
    maker.poll()
    if maker.error is not None:
        session.message = str(maker.error)
    for take in [t for q in session.sitting.ahead(AHEAD) for t in q.takes if maker.failure(t)]:
        session.message = str(maker.failure(take))
        session.sitting.drop(take)


def _show(session: Session) -> None:
    """The panel's film strips. While the player is closed they are what a vote is cast on, so its time begins with them."""
    ready = session.films()
    if ready is None:
        return
    from . import takes

    strips.show([(film.take, takes.strip_frames(film, strips.COUNT)) for film in ready])
    if not session.playing:
        session.sitting.shown(CLOCK())


def changed() -> None:
    """Let the panel and the player draw again."""
    jobs.redraw()
    for listener in (*_listeners,):
        listener()


# Answers. Each returns the sentence that is shown for it.


def prefer(place: int) -> str:
    session = _open()
    return _keep(session, session.sitting.prefer(place, CLOCK()), f"Take {'ABCD'[place]} is better.")


def tie() -> str:
    session = _open()
    return _keep(session, session.sitting.tie(CLOCK()), "They are equally good.")


def all_bad() -> str:
    session = _open()
    return _keep(session, session.sitting.all_bad(CLOCK()), "None of them is good.")


def place(index: int) -> str:
    """Four-up: this take comes next in the order; the last one follows by itself. Clicking a placed one takes it and later ones back."""
    session = _open()
    count = len(session.question.takes)
    if not 0 <= index < count:
        return session.message
    order = session.order
    session.order = order[: order.index(index)] if index in order else (*order, index)
    left = [i for i in range(count) if i not in session.order]
    if len(left) > 1:
        session.message = f"{len(session.order)} of {count} placed: click the best of the rest." if session.order else "Click the best."
        changed()
        return session.message
    ranks = [0] * count
    for rank, i in enumerate((*session.order, *left)):
        ranks[i] = rank
    return _keep(session, session.sitting.answer(ranks, CLOCK()), "Ranked.")


def skip() -> str:
    session = _open()
    session.sitting.skip(CLOCK())
    return _tell(session, "Skipped.")


def undo() -> str:
    """Take the last vote of this sitting back: it no longer counts, and its question is asked again. A half-made order goes first."""
    session = _open(question=False)
    if session.order:
        return _tell(session, "The order is empty again.")
    votes = session.sitting.votes
    if not votes:
        return _tell(session, "There is no vote to take back.")
    session.store.retract(votes[-1].id)  # first: where this fails the vote still counts, here as in the store
    session.sitting.undo()
    return _tell(session, "The vote was taken back.")


def retract(vote_id: str) -> str:
    """Take any vote of this sitting back, without asking it again."""
    session = _open(question=False)
    session.store.retract(vote_id)
    session.sitting.retracted(vote_id)
    return _tell(session, "The vote was taken back.")


def note(text: str) -> str:
    """Words that go with the vote on the present question."""
    session = _open()
    session.sitting.note = " ".join(text.split())[:1000]
    return _tell(session, "The note goes with this vote." if session.sitting.note else "No note.")


def rested() -> str:
    session = _open(question=False)
    session.sitting.rested()
    return _tell(session, "Welcome back.")


def _open(question: bool = True) -> Session:
    if _session is None:
        raise UserError("No sitting is open.", "Start one.")
    if question and _session.question is None:
        raise UserError("There is no pair left to judge.", "Start another sitting for new takes.")
    return _session


def _keep(session: Session, vote: Vote, told: str) -> str:
    try:
        for take in vote.takes:
            session.store.add_take(session.takes[take].take, session.takes[take].curves)
        session.store.add_vote(vote)
    except UserError:
        session.sitting.uncast()  # it is not kept, so it was not cast: the question stays
        changed()
        raise
    return _tell(session, told)


def _tell(session: Session, told: str) -> str:
    session.order = ()
    session.message = told
    changed()
    return told


def describe(vote: Vote) -> str:
    """A vote in a few words, by sides: who a take is stays blind."""
    if vote.both_bad:
        said = "none is good"
    elif len(set(vote.ranks)) == 1:
        said = "equally good"
    elif len(vote.takes) == 2:
        said = f"{'AB'[vote.ranks.index(0)]} is better"
    else:
        said = " > ".join("ABCD"[i] for i in sorted(range(len(vote.ranks)), key=lambda i: vote.ranks[i]))
    return said + (f" ({vote.note})" if vote.note else "")


def latest(session: Session, count: int = 5) -> Sequence[Vote]:
    """The newest votes of this sitting, newest first."""
    return session.sitting.votes[::-1][:count]
