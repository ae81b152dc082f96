# SPDX-License-Identifier: GPL-3.0-or-later
"""The store on a real file: what is said stays said, whatever happens to the process, the disk, the folder or the file."""
import importlib.util
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from facewright.core.errors import UserError
from facewright.preference import schema, sqlite_database, store
from facewright.preference.store import Store
from facewright.preference.votes import Record, Vote, canonical

ROOT = Path(__file__).parents[2]
_spec = importlib.util.spec_from_file_location("making", Path(__file__).with_name("making.py"))
making = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(making)
A, B, C, D, *_ = making.TAKES


@pytest.fixture
def votes(tmp_path: Path):
    with Store.open(tmp_path / "votes") as opened:
        opened.add_takes(making.TAKES)
        yield opened


def raw(opened: Store) -> sqlite3.Connection:
    return opened._database.connection


# what a store does


def test_votes_come_back_in_the_order_they_were_cast(votes: Store, tmp_path: Path) -> None:
    cast = [making.vote((A, B), at=making.moment(-n)) for n in range(5)]  # a clock that runs backwards
    assert [votes.add_vote(vote).sequence for vote in cast] == [1, 2, 3, 4, 5]
    votes.close()
    with Store.open(tmp_path / "votes") as again:
        assert list(again.votes()) == cast
        assert again.seat == votes.seat
        assert again.takes() == {take.id: take for take in making.TAKES}


def test_a_record_with_a_number_beyond_reach_ends_no_seat(votes: Store) -> None:
    forged = Record(making.vote((A, B)), votes.seat, 2**53)
    with pytest.raises(UserError, match="no seat reaches"):
        votes.add_records([forged])
    assert votes.add_vote(making.vote((A, B))).sequence == 1


def test_votes_by_region_axis_and_rater(votes: Store) -> None:
    for region, axis, rater in (("whole", "overall", "ann"), ("upper", "life", "ann"), ("whole", "life", "bo")):
        votes.add_vote(making.vote((A, B), region=region, axis=axis, rater=rater))
    assert [vote.region for vote in votes.votes(rater="ann")] == ["whole", "upper"]
    assert [vote.rater for vote in votes.votes(region="whole", axis="life")] == ["bo"]


def test_more_votes_than_a_page(votes: Store, monkeypatch) -> None:
    monkeypatch.setattr(store, "PAGE", 7)
    cast = [votes.add_vote(making.vote((A, B))).content for _ in range(23)]
    assert list(votes.votes()) == cast
    assert list(votes.all_takes()) == sorted(making.TAKES, key=lambda take: take.id)


def test_undo_is_appended_and_the_vote_stays(votes: Store) -> None:
    first, second = (votes.add_vote(making.vote((A, B))).content for _ in range(2))
    votes.retract(first.id)
    assert list(votes.votes()) == [second]
    assert [record.kind for record in votes.records()] == ["vote", "vote", "retraction"]
    assert (votes.stats().votes, votes.stats().retracted) == (1, 1)
    with pytest.raises(UserError, match="taken back already"):
        votes.retract(first.id)


@pytest.mark.parametrize("table", schema.APPEND_ONLY)
def test_nothing_is_changed_or_deleted_even_by_hand(votes: Store, table: str) -> None:
    votes.add_vote(making.vote((A, B)))
    raw(votes).execute("INSERT INTO disputed VALUES ('x')")
    for sql in (f"DELETE FROM {table}", f"UPDATE {table} SET id = 'y'"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            raw(votes).execute(sql)


def test_a_vote_on_an_unknown_take_or_with_a_used_id_is_refused(votes: Store) -> None:
    with pytest.raises(UserError, match="take that the store does not hold"):
        votes.add_vote(making.vote((A, making.take(99))))
    vote = votes.add_vote(making.vote((A, B))).content
    with pytest.raises(UserError, match="already"):
        votes.add_vote(vote)
    assert list(votes.votes()) == [vote]


def test_names_mean_people_and_the_last_word_counts(votes: Store) -> None:
    votes.add_alias("ann", "Ann Lee")
    votes.add_alias("bo", "Robert")
    votes.add_alias("bo", "Bo")
    votes.add_alias("ann", "ann")
    assert votes.people() == {"bo": "Bo"}


def test_an_id_that_contradicts_itself_does_not_count(votes: Store) -> None:
    record = votes.add_vote(making.vote((A, B), number=1))
    other = store.Record(making.vote((A, B), (1, 0), number=1), "9" * 32, 1)
    done = votes.add_records([record, other, other])
    assert (done.votes, done.known, done.disputed) == (1, 2, (record.content.id,))
    assert list(votes.votes()) == []
    assert votes.disputed() == [record.content.id]
    assert (votes.stats().votes, votes.stats().disputed) == (0, 1)
    assert len(list(votes.records())) == 2


def test_the_contents_of_curves_are_kept_once(votes: Store, tmp_path: Path) -> None:
    file = tmp_path / "made.npz"
    file.write_bytes(making.curves(0))
    assert not votes.has_curves(A)
    with pytest.raises(UserError, match="are not in"):
        votes.curves_path(A)
    assert votes.add_take(A, file) == A.id
    file.unlink()
    kept = votes.curves_path(A)
    assert kept.read_bytes() == making.curves(0)
    assert kept.relative_to(tmp_path).as_posix() == f"votes/curves/{A.curves[:2]}/{A.curves}.npz"
    file.write_bytes(b"something else")
    with pytest.raises(UserError, match="not the one that the take names"):
        votes.add_take(B, file)
    assert not votes.has_curves(B)


def test_unused_and_damaged_curves_are_told_and_stay(votes: Store, tmp_path: Path) -> None:
    unused = making.sha(b"nobody's")
    votes.add_curves(unused, b"nobody's")
    for number in (0, 1):
        votes.add_curves(making.sha(making.curves(number)), making.curves(number))
    votes.curves_path(B).write_bytes(b"overwritten")
    told = votes.check_curves()
    assert told["unused"] == [unused]
    assert told["damaged"] == [B.curves]
    assert told["missing"] == sorted(take.id for take in making.TAKES[2:])
    assert len(list((tmp_path / "votes/curves").rglob("*.npz"))) == 3


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(making.wild_records())
def test_stats_count_what_votes_gives(tmp_path: Path, records) -> None:
    with tempfile.TemporaryDirectory(dir=tmp_path) as folder, Store.open(folder) as opened:
        opened.add_takes(making.TAKES)
        opened.add_records(records)
        votes = list(opened.votes())
        stats = opened.stats()
        assert stats.votes == len(votes)
        assert stats.regions == Counter(vote.region for vote in votes)
        assert stats.axes == Counter(vote.axis for vote in votes)
        assert (stats.ties, stats.both_bad) == (sum(v.chosen == -1 for v in votes), sum(v.chosen == -2 for v in votes))
        assert stats.seats == len({record.seat for record in records})
        assert {tally.rater: tally.votes for tally in stats.raters} == Counter(vote.rater for vote in votes)
        seconds = {take.id: take.seconds for take in making.TAKES}
        hasty = sum(store.is_hasty(vote, max(seconds[take] for take in vote.takes)) for vote in votes)
        assert sum(tally.hasty for tally in stats.raters) == hasty
        kinds = Counter(record.kind for record in records)
        assert stats.votes + stats.retracted == kinds["vote"]
        cast = {record.content.id for record in records if record.kind == "vote"}
        assert sum(tally.repeats for tally in stats.raters) == sum(vote.repeat_of in cast for vote in votes)
        assert (stats.first, stats.last) == (min(r.content.at for r in records), max(r.content.at for r in records))


def test_a_row_that_was_written_by_hand_is_named(votes: Store) -> None:
    raw(votes).execute(
        "INSERT INTO records VALUES ('1234567890abcdef', 'x', 'vote', 'z', 1, '', '', 'eve', '', 'whole', 'overall', 2, 0, '', 0, '{}')"
    )
    with pytest.raises(UserError, match="holds a record that is none \\(1234567890ab\\)"):
        list(votes.votes())


# where a store lies


def test_the_write_ahead_log_is_for_local_disks_only(tmp_path: Path, monkeypatch) -> None:
    with Store.open(tmp_path / "a") as local:
        assert raw(local).execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    monkeypatch.setattr(sqlite_database, "is_local", lambda folder: False)
    for folder in ("a", "b"):  # also one that was voted into on a local disk and copied to the share
        with Store.open(tmp_path / folder) as share:
            assert raw(share).execute("PRAGMA journal_mode").fetchone()[0] == "delete"
            share.add_takes([A, B])
            share.add_vote(making.vote((A, B)))
        assert [path.name for path in (tmp_path / folder).iterdir()] == ["votes.sqlite"]


@contextmanager
def not_allowed_to_write():
    """The rights of a user who owns nothing here; root may write anywhere, and tests often run as root."""
    if not hasattr(os, "geteuid"):
        pytest.skip("Windows has no user to become")
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def share():
    """A folder of votes that can be read by all and, in ``not_allowed_to_write``, written by none."""
    folder = Path(tempfile.mkdtemp(prefix="facewright-share-"))
    yield folder
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755)
    shutil.rmtree(folder)


@pytest.mark.parametrize("journal", ["wal", "delete"])
def test_a_read_only_share_can_be_read_and_says_why_nobody_votes(share: Path, journal: str, monkeypatch) -> None:
    monkeypatch.setattr(sqlite_database, "is_local", lambda folder: journal == "wal")
    with Store.open(share) as opened:
        opened.add_takes(making.TAKES)
        vote = opened.add_vote(making.vote((A, B))).content
        assert opened.voting_reason == ""
    for path in (*share.rglob("*"), share):
        path.chmod(0o555 if path.is_dir() else 0o444)
    with not_allowed_to_write(), Store.open(share) as opened:
        assert list(opened.votes()) == [vote]
        assert opened.stats().votes == 1
        assert opened.voting_reason == (
            f"The votes in {share} can be read but not written: ask for write access, or vote into another folder."
        )
        for attempt in (
            lambda: opened.add_vote(making.vote((A, B))), lambda: opened.add_takes([making.take(77)]), lambda: opened.retract(vote.id),
            lambda: opened.add_curves(making.sha(b"1"), b"1"), lambda: opened.add_alias("ann", "Ann"), lambda: opened.add_records([]),
        ):  # fmt: skip
            with pytest.raises(UserError, match="read but not written"):
                attempt()


def test_a_share_that_was_left_in_the_middle_says_so(share: Path) -> None:
    opened = Store.open(share)
    opened.add_takes(making.TAKES)
    for name in ("votes.sqlite", "votes.sqlite-wal"):  # what a killed process leaves, without its shared memory
        shutil.copy(share / name, share / f"copy-{name}")
    opened.close()
    for name in ("votes.sqlite", "votes.sqlite-wal"):
        (share / f"copy-{name}").rename(share / name)
    for path in (*share.rglob("*"), share):
        path.chmod(0o555 if path.is_dir() else 0o444)
    with not_allowed_to_write(), pytest.raises(UserError, match="not closed cleanly"):
        Store.open(share)
    share.chmod(0o755)
    for path in share.iterdir():
        path.chmod(0o644)
    with Store.open(share) as opened:
        assert len(opened.takes()) == len(making.TAKES)


def test_a_folder_that_cannot_be_made_or_does_not_exist(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(UserError):
        Store.open(tmp_path / "file" / "votes")
    with pytest.raises(UserError, match="no votes at"):
        Store.open(tmp_path / "nowhere", read_only=True)
    assert not (tmp_path / "nowhere").exists()


def test_reading_only_makes_nothing(votes: Store, tmp_path: Path) -> None:
    vote = votes.add_vote(making.vote((A, B))).content
    with Store.open(tmp_path / "votes" / "votes.sqlite", read_only=True) as reader:
        assert list(reader.votes()) == [vote]
        assert "reading only" in reader.voting_reason
        another = votes.add_vote(making.vote((A, B))).content  # while it is being read
        assert list(reader.votes()) == [vote, another]


# more than one Blender


def test_a_second_blender_waits_its_turn_and_both_keep_their_votes(votes: Store, tmp_path: Path) -> None:
    code = f"""
from facewright.preference.store import Store
from facewright.preference.votes import Vote, new_id, now
with Store.open({str(tmp_path / 'votes')!r}) as store:
    for _ in range(60):
        store.add_vote(Vote(new_id(), now(), "other", "", ({A.id!r}, {B.id!r}), (0, 1)))
"""
    other = start(code)
    for _ in range(60):
        votes.add_vote(making.vote((A, B)))
    assert other.wait(60) == 0
    assert Counter(vote.rater for vote in votes.votes()) == {"ann": 60, "other": 60}
    assert sorted(record.sequence for record in votes.records()) == list(range(1, 121))


def test_one_that_holds_the_file_too_long_is_told(votes: Store, tmp_path: Path, monkeypatch) -> None:
    raw(votes).execute("PRAGMA busy_timeout = 50")
    other = sqlite3.connect(tmp_path / "votes" / "votes.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(UserError, match="Another program has been writing"):
        votes.add_vote(making.vote((A, B)))
    other.execute("ROLLBACK")
    votes.add_vote(making.vote((A, B)))
    other.close()


def start(code: str) -> subprocess.Popen:
    begin = f"import runpy; runpy.run_path({str(ROOT / 'entry.py')!r})['load_package']()\n"
    return subprocess.Popen([sys.executable, "-c", begin + code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.slow
@pytest.mark.parametrize("local", [True, False], ids=["log", "rollback"])
def test_killed_at_any_moment_at_most_the_vote_being_made_is_lost(tmp_path: Path, local: bool) -> None:
    """A process that tells of each vote once it is kept is killed again and again; whatever it told of must be there."""
    folder = tmp_path / "votes"
    with Store.open(folder) as opened:
        opened.add_takes(making.TAKES)
    code = f"""
from facewright.preference import sqlite_database
sqlite_database.is_local = lambda folder: {local}
from facewright.preference.store import Store
from facewright.preference.votes import Vote, new_id, now
store = Store.open({str(folder)!r})
while True:
    vote = Vote(new_id(), now(), "ann", "", ({A.id!r}, {B.id!r}), (0, 1), note="n" * 3000)
    store.add_vote(vote)
    print(vote.id, flush=True)
"""
    told: list[str] = []
    for turn in range(12):
        writer = start(code)
        told.append(writer.stdout.readline().strip())
        assert told[-1], writer.stderr.read()
        time.sleep(0.003 * turn)
        writer.send_signal(signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)
        rest = writer.stdout.read()  # not 'communicate', which passes over what 'readline' has read ahead
        writer.wait()
        told += [line for line in rest.split("\n")[:-1] if len(line) == 32]
        with Store.open(folder) as opened:
            kept = [vote.id for vote in opened.votes()]
            assert kept[: len(told)] == told
            assert len(kept) <= len(told) + 1
            assert opened._database.rows("PRAGMA integrity_check") == [("ok",)]
            told = kept  # the one that was kept but not told of
    assert len(told) > 12


# disks and files that fail


def test_a_full_disk_keeps_what_was_there(votes: Store, tmp_path: Path) -> None:
    kept = [votes.add_vote(making.vote((A, B))).content]
    pages = raw(votes).execute("PRAGMA page_count").fetchone()[0]
    raw(votes).execute(f"PRAGMA max_page_count = {pages + 2}")
    with pytest.raises(UserError, match="is full"):
        for _ in range(50):
            kept.append(votes.add_vote(making.vote((A, B), note="n" * 3000)).content)
    assert list(votes.votes()) == kept
    raw(votes).execute("PRAGMA max_page_count = 1000000")
    kept.append(votes.add_vote(making.vote((A, B))).content)
    votes.close()
    with Store.open(tmp_path / "votes") as again:
        assert list(again.votes()) == kept


@pytest.fixture
def small_disk(tmp_path: Path):
    """A real file system of half a megabyte."""
    folder = tmp_path / "small"
    folder.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", folder], capture_output=True, check=False) if shutil.which(
        "mount") else None  # fmt: skip
    if made is None or made.returncode:
        pytest.skip("mounting a small file system needs root on Linux")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def test_a_small_disk_that_fills_up(small_disk: Path, tmp_path: Path) -> None:
    with Store.open(small_disk) as opened:
        opened.add_takes(making.TAKES)
        kept: list[Vote] = []
        with pytest.raises(UserError, match="full"):
            for _ in range(500):
                kept.append(opened.add_vote(making.vote((A, B), note="n" * 3000)).content)
        assert kept
        assert list(opened.votes()) == kept
        file = tmp_path / "big.npz"
        file.write_bytes(b"x" * 600_000)
        with pytest.raises(UserError, match="Free some space"):
            opened.add_take(making.take(5, curves=making.sha(file.read_bytes())), file)
        assert not list(small_disk.rglob("*.npz"))
    with Store.open(small_disk) as again:
        assert list(again.votes()) == kept


def test_a_newer_file_is_refused_and_left_alone(votes: Store, tmp_path: Path) -> None:
    raw(votes).execute(f"PRAGMA user_version = {schema.VERSION + 1}")
    votes.close()
    before = (tmp_path / "votes" / "votes.sqlite").read_bytes()
    for read_only in (False, True):
        with pytest.raises(UserError, match=r"newer Facewright.*Update"):
            Store.open(tmp_path / "votes", read_only=read_only)
    assert (tmp_path / "votes" / "votes.sqlite").read_bytes() == before


FIRST_VERSION = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE takes (id TEXT PRIMARY KEY, curves TEXT NOT NULL, body TEXT NOT NULL);
CREATE TABLE records (
    id TEXT NOT NULL, digest TEXT NOT NULL, kind TEXT NOT NULL, seat TEXT NOT NULL, sequence BIGINT NOT NULL, received TEXT NOT NULL,
    at TEXT NOT NULL, rater TEXT NOT NULL, about TEXT NOT NULL, region TEXT NOT NULL, axis TEXT NOT NULL, shown INTEGER NOT NULL,
    chosen INTEGER NOT NULL, winner TEXT NOT NULL, hasty INTEGER NOT NULL, body TEXT NOT NULL, PRIMARY KEY (id, digest, shown, winner)
);
CREATE INDEX records_in_order ON records (seat, sequence, id, digest);
CREATE INDEX records_tally ON records (kind, rater, region, axis, shown, chosen, hasty);
CREATE INDEX records_about ON records (kind, about, id, rater, shown, winner) WHERE about <> '';
CREATE TRIGGER records_keep_update BEFORE UPDATE ON records BEGIN SELECT RAISE(ABORT, 'records is append-only'); END;
CREATE TRIGGER records_keep_delete BEFORE DELETE ON records BEGIN SELECT RAISE(ABORT, 'records is append-only'); END;
PRAGMA application_id = 1180128852;
PRAGMA user_version = 1;
INSERT INTO meta VALUES ('seat', '77777777777777777777777777777777');
"""


def first_version(path: Path) -> list[Vote]:
    """A file as version 1 wrote it: three votes, the last two contradicting each other."""
    votes = [making.vote((A, B), number=1), making.vote((A, B), number=2), making.vote((A, B), (1, 0), number=2)]
    file = sqlite3.connect(path)
    file.executescript(FIRST_VERSION)
    file.executemany("INSERT INTO takes VALUES (?, ?, ?)", [(take.id, take.curves, canonical(take.to_json())) for take in (A, B)])
    for number, vote in enumerate(votes):
        record = store.Record(vote, "7" * 32, number + 1)
        row = (vote.id, record.digest, "vote", record.seat, record.sequence, vote.at, vote.at, vote.rater, "", vote.region, vote.axis, 2)
        rest = (vote.chosen, vote.winner[:16], 0, canonical(vote.to_json()))
        file.execute(f"INSERT INTO records VALUES ({', '.join('?' * 16)})", row + rest)
    file.commit()
    file.close()
    return votes


def test_an_older_file_is_brought_up_to_date(tmp_path: Path) -> None:
    old = first_version(tmp_path / "votes.sqlite")
    with pytest.raises(UserError, match="older version"):
        Store.open(tmp_path, read_only=True)
    with Store.open(tmp_path) as opened:
        assert list(opened.votes()) == old[:1]
        assert opened.disputed() == [old[1].id]
        assert opened.stats().votes == 1
        new = opened.add_vote(making.vote((A, B))).content
        assert raw(opened).execute("PRAGMA user_version").fetchone() == (schema.VERSION,)
        with pytest.raises(sqlite3.IntegrityError):
            raw(opened).execute("DELETE FROM disputed")
    with Store.open(tmp_path, read_only=True) as opened:
        assert list(opened.votes()) == [old[0], new]
    with Store.open(tmp_path / "fresh") as fresh, Store.open(tmp_path) as opened:
        tables = "SELECT type, name, tbl_name FROM sqlite_master ORDER BY 1, 2"
        assert set(raw(fresh).execute(tables)) == set(raw(opened).execute(tables))


def test_a_step_that_fails_leaves_the_older_file_as_it_was(tmp_path: Path, monkeypatch) -> None:
    first_version(tmp_path / "votes.sqlite")
    broken = (schema.MIGRATIONS[0], schema.MIGRATIONS[1] + "CREATE TABLE takes (id TEXT);")
    monkeypatch.setattr(schema, "MIGRATIONS", broken)
    with pytest.raises(UserError, match="could not be used"):
        Store.open(tmp_path)
    monkeypatch.undo()
    file = sqlite3.connect(tmp_path / "votes.sqlite")
    assert file.execute("PRAGMA user_version").fetchone() == (1,)
    assert not file.execute("SELECT 1 FROM sqlite_master WHERE name = 'disputed'").fetchall()
    file.close()
    with Store.open(tmp_path) as opened:
        assert len(list(opened.votes())) == 1


def test_another_programs_database_is_left_alone(tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "votes.sqlite")
    other.execute("CREATE TABLE recipes (name TEXT)")
    other.close()
    before = (tmp_path / "votes.sqlite").read_bytes()
    with pytest.raises(UserError, match="another program's database"):
        Store.open(tmp_path)
    assert (tmp_path / "votes.sqlite").read_bytes() == before


@pytest.mark.parametrize("harm", ["words", "head", "middle", "short"])
def test_a_damaged_file_is_kept_aside_and_voting_goes_on(votes: Store, tmp_path: Path, harm: str) -> None:
    for _ in range(200):
        votes.add_vote(making.vote((A, B)))
    votes.close()
    path = tmp_path / "votes" / "votes.sqlite"
    data = bytearray(path.read_bytes())
    if harm == "words":
        data = bytearray(b"these are not the votes you are looking for" * 50)
    elif harm == "head":
        data[:4096] = os.urandom(4096)
    elif harm == "middle":
        data[4096:-4096] = os.urandom(len(data) - 8192)
    else:
        del data[9000:]
    path.write_bytes(data)
    with pytest.raises(UserError, match=r"damaged.*kept as votes-damaged-"), Store.open(tmp_path / "votes") as opened:
        list(opened.votes())
        opened.stats()
    kept = [p for p in path.parent.iterdir() if p.name.startswith("votes-damaged-")]
    assert [bytes(data)] == [p.read_bytes() for p in kept]
    with Store.open(tmp_path / "votes") as opened:
        assert list(opened.votes()) == []
        opened.add_takes([A, B])
        opened.add_vote(making.vote((A, B)))


def test_a_file_of_another_name_is_never_renamed(tmp_path: Path) -> None:
    (tmp_path / "picture.png").write_bytes(b"\x89PNG" + bytes(5000))
    with pytest.raises(UserError, match="no votes file"):
        Store.open(tmp_path / "picture.png")
    assert [path.name for path in tmp_path.iterdir()] == ["picture.png"]


def test_votes_are_counted_by_what_they_teach(tmp_path: Path) -> None:
    video, photo = making.take(90, kind="video"), making.take(91, kind="image", end=0.0)
    with Store.open(tmp_path) as kept:
        for take in (A, B, video, photo):
            kept.add_take(take)
        kept.add_vote(making.vote((A, B)))
        assert kept.votes_by_kind() == {"speech": 1, "image": 0}
        taken_back = making.vote((video, photo))
        for vote in (making.vote((video, photo)), making.vote((photo, video)), taken_back):
            kept.add_vote(vote)
        kept.retract(taken_back.id)
        assert kept.votes_by_kind() == {"speech": 1, "image": 2}
