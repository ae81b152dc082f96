# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes and votes for tests: plain ones, and strategies for wild ones. No test of its own; loaded by file path."""
import hashlib
import uuid
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from facewright.preference.votes import AXES, KINDS, REGIONS, Alias, Record, Retraction, Take, Vote

CLIP, MODEL = "c" * 64, "d" * 64


def curves(number: int) -> bytes:
    """What stands for a curves file: only its bytes matter to a store."""
    return b"curves %d" % number


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def take(number: int = 0, **changes) -> Take:
    plain = dict(
        kind="speech", clip=CLIP, clip_name="hello.wav", start=0.0, end=2.0, seed=number, variation=0.4, controls={"jaw": 1.0},
        model=MODEL, adapter="", adapter_strength=0.0, fps=60.0, rig="Head", camera="Face", curves=sha(curves(number)),
    )  # fmt: skip
    return Take(**(plain | changes))


def vote(takes, ranks=(0, 1), number: int | None = None, **changes) -> Vote:
    """A vote on takes (or their ids); ``number`` makes the id known beforehand."""
    plain = dict(
        id=uuid.uuid4().hex if number is None else f"{number:032x}", at=moment(number or 0), rater="ann", sitting="first",
        takes=tuple(getattr(t, "id", t) for t in takes), ranks=ranks, milliseconds=2500,
        versions={"facewright": "0.1.0", "blender": "5.0.1"},
    )  # fmt: skip
    return Vote(**(plain | changes))


def moment(seconds: float) -> str:
    return (datetime(2026, 1, 31, 12, tzinfo=UTC) + timedelta(seconds=seconds)).isoformat()


TAKES = tuple(take(i, end=2.0 + i % 3) for i in range(6))
IDS = tuple(t.id for t in TAKES)

names = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=12).filter(lambda s: s == s.strip())
lines = st.text(st.characters(exclude_categories=("Cs", "Cc"), include_characters="\n\t"), max_size=20)
ids = st.integers(0, 2**128 - 1).map("{:032x}".format)
moments = st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)).map(datetime.isoformat)
amounts = st.floats(-1e6, 1e6)

wild_takes = st.builds(
    Take, kind=st.sampled_from(KINDS), clip=st.just(CLIP), clip_name=names, start=st.floats(0, 10), end=st.floats(10, 1e5),
    seed=st.integers(-(2**63), 2**63 - 1), variation=st.floats(0, 100), controls=st.dictionaries(names, amounts, max_size=3),
    model=st.just(MODEL), adapter=st.sampled_from(["", "e" * 64]), adapter_strength=st.floats(0, 1), fps=st.floats(1, 240), rig=names,
    camera=names, curves=st.sampled_from([sha(curves(i)) for i in range(3)]),
)  # fmt: skip


@st.composite
def wild_votes(draw, raters=names) -> Vote:
    count = draw(st.integers(2, 4))
    both_bad = draw(st.booleans())
    return Vote(
        id=draw(ids), at=draw(moments), rater=draw(raters), sitting=draw(names),
        takes=draw(st.permutations(IDS))[:count], ranks=(0,) * count if both_bad else draw(st.tuples(*[st.integers(0, 3)] * count)),
        both_bad=both_bad, region=draw(st.sampled_from(REGIONS)), axis=draw(st.sampled_from(AXES)),
        replays=draw(st.tuples(*[st.integers(0, 9)] * count)), milliseconds=draw(st.integers(0, 10_000)), note=draw(lines),
        versions=draw(st.dictionaries(names, lines.filter(lambda s: "\n" not in s and "\t" not in s), max_size=2)),
    )  # fmt: skip


@st.composite
def wild_records(draw, seats=("1" * 32, "2" * 32, "3" * 32), most: int = 12) -> list[Record]:
    """What some seats may have appended: votes, repeats and retractions of them, aliases. Ids are unique."""
    raters = st.sampled_from(["ann", "bo", "Bo (home)"])
    votes = draw(st.lists(wild_votes(raters), min_size=1, max_size=most, unique_by=lambda v: v.id))
    contents = list(votes)
    for number in range(draw(st.integers(0, 4))):
        id = f"{2**120 + number:032x}"
        about = draw(st.sampled_from(votes))
        made = draw(st.sampled_from(["retraction", "alias", "repeat"]))
        if made == "retraction":
            contents.append(Retraction(id, draw(moments), about.rater, about.id))
        elif made == "alias":
            contents.append(Alias(id, draw(moments), draw(raters), draw(st.sampled_from(["ann", "bo"]))))
        else:
            contents.append(vote(about.takes, about.ranks, id=id, repeat_of=about.id, rater=about.rater, both_bad=about.both_bad))
    made_at = [draw(st.sampled_from(seats)) for _ in contents]
    return [Record(content, seat, made_at[: i + 1].count(seat)) for i, (content, seat) in enumerate(zip(contents, made_at, strict=True))]
