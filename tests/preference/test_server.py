# SPDX-License-Identifier: GPL-3.0-or-later
"""The store on a real PostgreSQL server: the same answers as the file's, and the same promises."""
import importlib.util
import itertools
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from facewright.core.errors import UserError
from facewright.preference import schema, store
from facewright.preference.merge import merge
from facewright.preference.store import Store
from facewright.preference.votes import Alias, Record, Retraction

_spec = importlib.util.spec_from_file_location("making", Path(__file__).with_name("making.py"))
making = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(making)
ROOT = Path(__file__).parents[2]
A, B, C, D, *_ = making.TAKES


@pytest.fixture
def server(server_url: str):
    with Store.open(server_url) as opened:
        opened.add_takes(making.TAKES)
        yield opened


def records(seat: str, first: int = 1, count: int = 30) -> list[Record]:
    """A seat's day: votes of all kinds, repeats, one taken back, one alias."""
    out = []
    ranks = itertools.cycle([((A, B), (0, 1)), ((C, B), (0, 0)), ((D, C, B, A), (1, 0, 1, 2)), ((A, D), (1, 0))])
    for number in range(first, first + count):
        takes, rank = next(ranks)
        note = 'It\'s "so"; \\ % :name --\n語\U0001f600'
        repeat = out[-4].content.id if number % 5 == 0 and number - first > 4 else ""
        content = making.vote(takes, rank, number=number, rater="ann" if number % 2 else "bo", note=note, repeat_of=repeat)
        out.append(Record(content, seat, number))
    out.append(Record(Retraction(f"{2**100 + first:032x}", making.moment(0), "ann", out[0].content.id), seat, first + count))
    out.append(Record(Alias(f"{2**101 + first:032x}", making.moment(1), "ann", "Ann Lee"), seat, first + count + 1))
    return out


def test_the_server_answers_as_the_file_does(server: Store, tmp_path: Path) -> None:
    with Store.open(tmp_path) as local:
        local.add_takes(making.TAKES)
        for opened in (local, server):
            opened.add_records(records("1" * 32) + records("2" * 32, 100))
            opened.add_records([*records("1" * 32), Record(making.vote((A, B), (1, 0), number=3), "1" * 32, 3)])
        assert list(server.records()) == list(local.records())
        assert list(server.votes(rater="bo", region="whole")) == list(local.votes(rater="bo", region="whole"))
        assert server.takes() == local.takes()
        assert (server.people(), server.disputed()) == (local.people(), local.disputed()) == ({"ann": "Ann Lee"}, [f"{3:032x}"])
        here, there = (store.replace(opened.stats(), bytes=0) for opened in (local, server))
        assert here == there
        assert here.votes == 57
        assert server.stats().bytes > 0


def test_local_first_then_pushed_and_pulled(server: Store, server_url: str, tmp_path: Path) -> None:
    with Store.open(tmp_path / "a") as one, Store.open(tmp_path / "b") as two:
        for opened, number in ((one, 0), (two, 1)):
            opened.add_takes(making.TAKES)
            opened.add_curves(making.TAKES[number].curves, making.curves(number))
            opened.add_vote(making.vote((A, B), rater=f"rater {number}"))
        assert merge(one, server).votes == 1
        assert merge(two, server).curves == 1
        assert merge(one, server).votes == 0
        pulled = merge(server, one)
        assert (pulled.votes, pulled.known, pulled.curves) == (1, 1, 1)
        merge(server, two)
        assert list(one.records()) == list(two.records()) == list(server.records())
        assert one.curves_path(B).read_bytes() == two.curves_path(B).read_bytes() == making.curves(1)
        with pytest.raises(UserError, match="Merge it into a local store"):
            server.curves_path(A)
        assert server.check_curves()["missing"] == sorted(take.id for take in making.TAKES[2:])


def test_a_vote_may_be_cast_there_and_taken_back(server: Store) -> None:
    vote = server.add_vote(making.vote((A, B))).content
    with pytest.raises(UserError, match="already"):
        server.add_vote(vote)
    with pytest.raises(UserError, match="take that the store does not hold"):
        server.add_vote(making.vote((A, making.take(99))))
    assert list(server.votes()) == [vote]
    server.retract(vote.id)
    assert list(server.votes()) == []
    assert [record.sequence for record in server.records()] == [1, 2]


@pytest.mark.parametrize("table", [*schema.APPEND_ONLY, "curves"])
def test_nothing_is_changed_or_deleted_even_by_hand(server: Store, server_url: str, table: str) -> None:
    import psycopg

    with psycopg.connect(server_url, autocommit=True) as connection:
        for sql in (f"DELETE FROM {table}", f"UPDATE {table} SET {'sha' if table == 'curves' else 'id'} = 'x'", f"TRUNCATE {table}"):
            with pytest.raises(psycopg.errors.RaiseException, match="append-only"):
                connection.execute(sql)


def test_seats_that_push_at_once_agree(server_url: str) -> None:
    """Each brings the same ids with a content of its own: whoever comes second must see it."""
    failed: list[BaseException] = []

    def push(seat: str) -> None:
        try:
            with Store.open(server_url) as mine:
                mine.add_takes(making.TAKES)
                for number in range(1, 21):
                    mine.add_records([Record(making.vote((A, B), number=number, rater=f"r{seat}"), seat * 32, number)])
                    mine.add_vote(making.vote((A, C), rater="all"))
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=push, args=(seat,)) for seat in "123"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    with Store.open(server_url, read_only=True) as opened:
        assert len(opened.disputed()) == 20
        assert [vote.rater for vote in opened.votes()] == ["all"] * 60
        own = [record.sequence for record in opened.records() if record.seat == opened.seat]
        assert own == list(range(1, 61))


def test_a_role_that_may_only_read_reads_and_is_told(server: Store, server_url: str) -> None:
    import psycopg

    vote = server.add_vote(making.vote((A, B))).content
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS guest")
        connection.execute("CREATE ROLE guest LOGIN")
        connection.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO guest")
    try:
        with Store.open(server_url.replace("votes@", "guest@")) as guest:
            assert list(guest.votes()) == [vote]
            assert "may read the votes" in guest.voting_reason
            with pytest.raises(UserError, match="may read the votes"):
                guest.add_vote(making.vote((A, B)))
    finally:
        with psycopg.connect(server_url, autocommit=True) as connection:
            connection.execute("DROP OWNED BY guest")
            connection.execute("DROP ROLE guest")


def test_older_and_newer_schemas(server: Store, server_url: str) -> None:
    import psycopg

    server.add_records(records("1" * 32))
    server.close()
    with psycopg.connect(server_url, autocommit=True) as connection:  # what version 1 lacked
        connection.execute("DROP TABLE disputed; DROP INDEX records_at; UPDATE meta SET value = '1' WHERE key = 'schema'")
    with pytest.raises(UserError, match="older version"):
        Store.open(server_url, read_only=True)
    with Store.open(server_url) as opened:
        assert opened.stats().votes == 29
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f"UPDATE meta SET value = '{schema.VERSION + 1}' WHERE key = 'schema'")
    with pytest.raises(UserError, match="newer Facewright"):
        Store.open(server_url)


def test_another_programs_database_is_left_alone(server_url: str) -> None:
    import psycopg

    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT)")
    with pytest.raises(UserError, match="another program's"):
        Store.open(server_url)
    with pytest.raises(UserError, match="another program's"):
        Store.open(server_url, read_only=True)


def test_an_empty_database_holds_no_votes_to_read(server_url: str) -> None:
    with pytest.raises(UserError, match="no votes at"):
        Store.open(server_url, read_only=True)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda url: url.replace("?host=", "?host=/nowhere"), "cannot be reached"),
        (lambda url: url.replace("votes@", "nobody:hunter2@"), "cannot be reached.*nobody"),
        (lambda url: url.replace("studio_", "missing_"), "cannot be reached.*missing"),
        (lambda url: "mysql://root:hunter2@localhost/votes", "not supported"),
        (lambda url: "postgresql://a:hunter2@[::1/votes", "no connection URL"),
    ],
)
def test_a_server_that_lets_nobody_in_is_a_sentence_without_the_password(server_url: str, change, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence) as told:
        Store.open(change(server_url))
    assert "hunter2" not in str(told.value)


def test_a_server_that_goes_away_is_a_sentence(server: Store, server_url: str) -> None:
    import psycopg

    with psycopg.connect(server_url, autocommit=True) as connection:
        others = "FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()"
        connection.execute(f"SELECT pg_terminate_backend(pid) {others}")
    with pytest.raises(UserError, match="cannot be reached"):
        server.add_vote(making.vote((A, B)))


def test_the_shell_syncs_a_seat_with_the_studio(server_url: str, tmp_path: Path) -> None:
    with Store.open(tmp_path / "seat") as seat:
        seat.add_takes(making.TAKES)
        seat.add_vote(making.vote((A, B)))
    with Store.open(server_url) as studio:
        studio.add_takes(making.TAKES)
        studio.add_vote(making.vote((C, B)))

    def shell(*words: str) -> str:
        command = [sys.executable, str(ROOT / "entry.py"), "cli", "votes", *words]
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "1 new votes" in shell("merge", server_url, "--to", server_url, "--store", "seat")
    assert " 2 votes by 1 raters from 2 seats" in shell("stats", "--store", "seat")
    assert " 2 votes by 1 raters from 2 seats" in shell("stats", "--store", server_url, "--agreement", "--check")
    assert "2 votes in 2 rows" in shell("export", "--store", server_url, "-o", "all.jsonl")


def test_the_first_exchange_makes_the_tables(server_url: str, tmp_path: Path) -> None:
    with Store.open(tmp_path / "seat") as seat:
        seat.add_takes(making.TAKES)
        seat.add_vote(making.vote((A, B)))
    words = ("merge", server_url, "--store", "seat", "--to", server_url)
    command = [sys.executable, str(ROOT / "entry.py"), "cli", "votes", *words]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    with Store.open(server_url) as studio:
        assert studio.stats().votes == 1


def test_blender_needs_no_driver(tmp_path: Path) -> None:
    code = f"""
import runpy, sys
runpy.run_path({str(ROOT / 'entry.py')!r})['load_package']()
from facewright.preference.store import Store
with Store.open({str(tmp_path)!r}) as store: store.stats()
assert not {{'sqlalchemy', 'psycopg', 'numpy'}} & set(sys.modules), 'heavy'
sys.modules['sqlalchemy'] = None
try:
    Store.open('postgresql://a@b/c')
except Exception as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "has no SQLAlchemy" in done.stdout
