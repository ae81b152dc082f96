# SPDX-License-Identifier: GPL-3.0-or-later
"""Stores of many seats become one: in any order, any number of times, whatever their clocks say."""
import importlib.util
import itertools
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from facewright.core.errors import Cancelled, UserError
from facewright.preference import store as store_module
from facewright.preference.merge import merge
from facewright.preference.store import Store
from facewright.preference.votes import Alias, Record

_spec = importlib.util.spec_from_file_location("making", Path(__file__).with_name("making.py"))
making = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(making)
A, B, C, D, *_ = making.TAKES


def seat(folder: Path, records=(), takes=making.TAKES) -> Store:
    opened = Store.open(folder)
    opened.add_takes(takes)
    opened.add_records(records)
    return opened


def told(opened: Store) -> tuple:
    """What a store says, whatever way it came there."""
    stats = opened.stats()
    return (
        list(opened.records()), list(opened.votes()), list(opened.all_takes()), opened.people(), opened.disputed(),
        (stats.votes, stats.retracted, stats.disputed, stats.raters, stats.regions),
    )  # fmt: skip


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(making.wild_records(most=6), min_size=3, max_size=3))
def test_order_and_repetition_do_not_matter(tmp_path: Path, parts) -> None:
    """The parts are drawn apart, so ids of retractions and aliases meet with different content: conflicts are among the cases."""
    with tempfile.TemporaryDirectory(dir=tmp_path) as name:
        folder = Path(name)
        sources = [seat(folder / f"seat{i}", part) for i, part in enumerate(parts)]
        results = []
        for number, order in enumerate(itertools.permutations(range(3))):
            if number % 2:  # three of the six orders are enough of the time
                continue
            target = Store.open(folder / f"target{number}")
            for i in (*order, order[0]):
                merge(sources[i], target)
            results.append(told(target))
            target.close()
        # In pairs first, then together: grouping does not matter either.
        pair, target = Store.open(folder / "pair"), Store.open(folder / "all")
        merge(sources[1], pair)
        merge(sources[2], pair)
        merge(sources[0], target)
        merge(pair, target)
        results.append(told(target))
        for opened in (*sources, pair, target):
            opened.close()
        assert all(result == results[0] for result in results)


def test_a_merge_tells_what_it_did(tmp_path: Path) -> None:
    with seat(tmp_path / "a") as one, Store.open(tmp_path / "b") as two:
        one.add_curves(A.curves, making.curves(0))
        first = one.add_vote(making.vote((A, B))).content
        one.add_vote(making.vote((A, C)))
        one.retract(first.id)
        one.add_alias("ann", "Ann Lee")
        merged = merge(one, two)
        assert (merged.votes, merged.retractions, merged.aliases, merged.known, merged.takes) == (2, 1, 1, 0, len(making.TAKES))
        assert (merged.curves, merged.missing_curves) == (1, len(making.TAKES) - 1)
        assert "cannot be trained on" in " ".join(merged.warnings)
        assert two.curves_path(A).read_bytes() == making.curves(0)
        assert [vote.takes for vote in two.votes()] == [(A.id, C.id)]
        again = merge(one, two)
        assert (again.votes, again.known, again.takes, again.curves) == (0, 4, 0, 0)
        assert one.seat != two.seat
        assert {record.seat for record in two.records()} == {one.seat}


def test_taking_back_travels_and_may_arrive_before_the_vote(tmp_path: Path) -> None:
    with seat(tmp_path / "a") as one, seat(tmp_path / "b") as two, seat(tmp_path / "c") as three:
        vote = one.add_vote(making.vote((A, B))).content
        merge(one, two)
        two.retract(vote.id)
        retraction = [record for record in two.records() if record.kind == "retraction"]
        three.add_records(retraction)
        assert three.stats().votes == 0
        merge(one, three)
        assert (three.stats().votes, three.stats().retracted) == (0, 1)
        merge(two, one)
        assert list(one.votes()) == []


def test_one_id_with_two_contents_is_told_and_counts_nowhere(tmp_path: Path) -> None:
    with seat(tmp_path / "a") as one, seat(tmp_path / "b") as two:
        record = one.add_vote(making.vote((A, B), number=5))
        two.add_records([Record(making.vote((A, B), (1, 0), number=5), record.seat, record.sequence)])
        merged = merge(one, two)
        assert merged.disputed == (record.content.id,)
        assert "twice with different content" in merged.warnings[0]
        merge(two, one)
        assert list(one.votes()) == list(two.votes()) == []


def test_clocks_that_cannot_be_right_are_told_and_the_order_is_the_seats(tmp_path: Path) -> None:
    ahead = (datetime.now(UTC) + timedelta(days=400)).isoformat()
    with seat(tmp_path / "a") as one, Store.open(tmp_path / "b") as two:
        cast = [one.add_vote(making.vote((A, B), at=at)).content for at in (ahead, making.moment(0), making.moment(60))]
        merged = merge(one, two)
        assert f"clock of seat {one.seat[:8]} is 400 days ahead" in " ".join(merged.warnings)
        assert "went back by" in " ".join(merged.warnings)
        assert list(two.votes()) == cast


def test_seats_that_disagree_on_a_name_are_told_and_the_latest_word_counts(tmp_path: Path) -> None:
    with seat(tmp_path / "a") as one, seat(tmp_path / "b") as two:
        one.add_records([Record(Alias("a" * 32, making.moment(9), "mk", "Mika"), one.seat, 1)])
        two.add_records([Record(Alias("b" * 32, making.moment(5), "mk", "Mark"), two.seat, 1)])
        merged = merge(one, two)
        assert "'mk' is Mark and Mika; 'Mika' was said last and counts." in " ".join(merged.warnings)
        merge(two, one)
        assert one.people() == two.people() == {"mk": "Mika"}


def test_a_stopped_merge_keeps_whole_batches_and_another_adds_the_rest(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(store_module, "BATCH", 2)
    source, target = seat(tmp_path / "a"), seat(tmp_path / "b")
    for _ in range(7):
        source.add_vote(making.vote((A, B)))
    asked = itertools.count()
    with pytest.raises(Cancelled):
        merge(source, target, lambda: next(asked) >= len(making.TAKES) / 2 + 2)
    assert 0 < target.stats().votes < 7
    merge(source, target)
    assert target.stats().votes == 7


def test_a_damaged_curves_file_stops_the_merge_with_a_sentence(tmp_path: Path) -> None:
    with seat(tmp_path / "a") as one, Store.open(tmp_path / "b") as two:
        one.add_curves(A.curves, making.curves(0))
        one.curves_path(A).write_bytes(b"overwritten")
        with pytest.raises(UserError, match="does not match its name"):
            merge(one, two)
        assert not two.has_curves(A)


def test_nothing_is_merged_into_itself_or_where_nothing_can_be_written(tmp_path: Path) -> None:
    with seat(tmp_path / "a") as one, Store.open(tmp_path / "a", read_only=True) as reader:
        with pytest.raises(UserError, match="reading only"):
            merge(one, reader)
        with pytest.raises(UserError, match="into itself"):
            merge(reader, one)
