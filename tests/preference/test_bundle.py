# SPDX-License-Identifier: GPL-3.0-or-later
"""Studio bundles: all of a seat in one file, no voice or face unasked, and nothing in a foreign zip that could do harm."""
import importlib.util
import json
import tempfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from facewright.core.errors import UserError
from facewright.preference import bundle
from facewright.preference.bundle import Bundle, film_strips, pack
from facewright.preference.merge import merge
from facewright.preference.store import Store

_spec = importlib.util.spec_from_file_location("making", Path(__file__).with_name("making.py"))
making = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(making)
A, B, C, D, *_ = making.TAKES
VOICE, PHOTO, VIDEO = b"RIFF voice", b"\x89PNG face", b"mp4 of a face that speaks"


@pytest.fixture
def votes(tmp_path: Path):
    with Store.open(tmp_path / "votes") as opened:
        opened.add_takes(making.TAKES)
        for number in range(3):
            opened.add_curves(making.sha(making.curves(number)), making.curves(number))
        opened.retract(opened.add_vote(making.vote((A, B))).content.id)
        opened.add_vote(making.vote((B, C), rater="bo", note="日本"))
        opened.add_alias("bo", "Bo Berg")
        yield opened


def names(path: Path) -> set[str]:
    with zipfile.ZipFile(path) as file:
        return set(file.namelist())


def test_a_seat_travels_whole(votes: Store, tmp_path: Path) -> None:
    packed = pack(votes, tmp_path / "seat.zip")
    assert (packed.records, packed.takes, packed.curves, packed.renders, packed.clips) == (4, len(making.TAKES), 3, 0, 0)
    assert packed.left_out == (f"3 curves files are not in {votes.place}.",)
    with Bundle(tmp_path / "seat.zip") as opened, Store.open(tmp_path / "studio") as studio:
        merged = merge(opened, studio)
        assert (merged.votes, merged.retractions, merged.aliases, merged.takes, merged.curves) == (2, 1, 1, len(making.TAKES), 3)
        assert list(studio.records()) == list(votes.records())
        assert list(studio.votes()) == list(votes.votes())
        assert studio.people() == {"bo": "Bo Berg"}
        assert studio.curves_path(B).read_bytes() == making.curves(1)
        assert merge(opened, studio).votes == 0


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(making.wild_records(), st.lists(making.wild_takes, max_size=3))
def test_whatever_a_seat_holds_comes_back(tmp_path: Path, records, takes) -> None:
    with tempfile.TemporaryDirectory(dir=tmp_path) as folder, Store.open(Path(folder) / "a") as one, Store.open(Path(folder) / "b") as two:
        one.add_takes([*making.TAKES, *takes])
        one.add_records(records)
        pack(one, Path(folder) / "all.zip")
        with Bundle(Path(folder) / "all.zip") as opened:
            merge(opened, two)
        assert list(two.records()) == list(one.records())
        assert two.takes() == one.takes()


@pytest.fixture
def filmed(tmp_path: Path):
    """A store of takes of a sound, a photo and a video, and the folder that these lie in, beside files that are nobody's business."""
    clips = tmp_path / "clips"
    (clips / "day 2").mkdir(parents=True)
    for name, data in (("line.wav", VOICE), ("day 2/photo.png", PHOTO), ("day 2/scene.mp4", VIDEO), ("private.wav", b"not voted on")):
        (clips / name).write_bytes(data)
    with Store.open(tmp_path / "votes") as opened:
        for kind, data in (("speech", VOICE), ("image", PHOTO), ("video", VIDEO), ("speech", VIDEO)):
            opened.add_take(making.take(kind=kind, clip=making.sha(data)))
        yield opened, clips


@pytest.mark.parametrize(
    ("sound", "pictures", "expected"),
    [(False, False, ()), (True, False, (VOICE,)), (False, True, (PHOTO,)), (True, True, (VOICE, PHOTO, VIDEO))],
)
def test_no_voice_and_no_face_leaves_unless_ticked(filmed, tmp_path: Path, sound: bool, pictures: bool, expected) -> None:
    votes, clips = filmed
    pack(votes, tmp_path / "out.zip", clips=clips, include_sound=sound, include_pictures=pictures)
    raw = zipfile.ZipFile(tmp_path / "out.zip")
    contents = [raw.read(name) for name in raw.namelist()]
    for data in (VOICE, PHOTO, VIDEO):
        assert (data in contents) == (data in expected)
    assert b"not voted on" not in contents
    with Bundle(tmp_path / "out.zip") as opened:
        assert (opened.manifest["sound"], opened.manifest["pictures"]) == (sound, pictures)
        assert {data for _, _, data in opened.clips()} == set(expected)


def test_small_pictures_go_along_and_nothing_that_could_speak(votes: Store, tmp_path: Path) -> None:
    renders = tmp_path / "renders"
    for key, take, count in (("one", A.id, 40), ("two", B.id, 3)):
        (renders / key).mkdir(parents=True)
        for number in range(1, count + 1):
            (renders / key / f"{number:04}.jpg").write_bytes(b"picture %d" % number)
        (renders / key / "film.json").write_text(json.dumps({"take": take, "frames": count}))
    (renders / "unfinished").mkdir()
    (renders / "broken").mkdir()
    (renders / "broken" / "film.json").write_text("{")
    strips = film_strips(renders)
    assert [len(strips[take]) for take in (A.id, B.id)] == [12, 3]
    assert (strips[A.id][0].name, strips[A.id][-1].name) == ("0001.jpg", "0040.jpg")
    (tmp_path / "with_sound.mp4").write_bytes(b"x")
    (tmp_path / "huge.png").write_bytes(bytes(bundle.SMALL + 1))
    packed = pack(votes, tmp_path / "seat.zip", strips | {C.id: [tmp_path / "with_sound.mp4", tmp_path / "huge.png"]})
    assert packed.renders == 15
    assert sum("no small picture" in sentence for sentence in packed.left_out) == 2
    with Bundle(tmp_path / "seat.zip") as opened:
        assert [data for _, data in opened.renders(B.id)] == [b"picture 1", b"picture 2", b"picture 3"]
        assert opened.renders(C.id) == []


def rewrite(path: Path, change=None, add=None, drop=()) -> None:
    """Write the zip again with the manifest changed, members added or dropped."""
    with zipfile.ZipFile(path) as file:
        members = {name: file.read(name) for name in file.namelist() if name not in drop}
    if change:
        manifest = json.loads(members["manifest.json"])
        change(manifest)
        members["manifest.json"] = json.dumps(manifest).encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in [*members.items(), *(add or [])]:
            file.writestr(name, data)


def listed(name: str, data: bytes):
    """A manifest that lists this member too."""
    return lambda manifest: manifest["files"].update({name: {"sha256": making.sha(data), "bytes": len(data)}})


@pytest.mark.parametrize(
    "name", ["../escape.npz", "/etc/passwd", "curves/../../x.npz", "C:\\x.npz", "curves/" + "a" * 64 + ".npz/../../y", "run.py", "curves/"]
)
def test_a_name_that_no_bundle_has_is_refused(votes: Store, tmp_path: Path, name: str) -> None:
    path = tmp_path / "seat.zip"
    pack(votes, path)
    rewrite(path, listed(name, b"x"), add=[(name, b"x")])
    before = set(tmp_path.rglob("*"))
    with pytest.raises(UserError, match="no bundle has"):
        Bundle(path)
    assert set(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("harm", "sentence"),
    [
        (lambda p: rewrite(p, drop=["manifest.json"]), "no manifest"),
        (lambda p: rewrite(p, drop=["takes.jsonl"]), "does not hold what its manifest lists"),
        (lambda p: rewrite(p, drop=[f"curves/{A.curves}.npz"]), "does not hold what its manifest lists"),
        (lambda p: rewrite(p, add=[(f"curves/{'a' * 64}.npz", b"x")]), "does not hold what its manifest lists"),
        (lambda p: rewrite(p, lambda m: m.update(schema=99)), "newer Facewright"),
        (lambda p: rewrite(p, lambda m: m.update(schema="2")), "newer Facewright"),
        (lambda p: rewrite(p, lambda m: m.update(format="other")), "no bundle of votes"),
        (lambda p: rewrite(p, lambda m: m.update(files=[])), "no bundle of votes"),
        (lambda p: rewrite(p, lambda m: m["files"].update({"takes.jsonl": 5})), "nothing sensible"),
        (lambda p: rewrite(p, drop=["manifest.json"], add=[("manifest.json", b"{")]), "manifest.json is damaged"),
        (lambda p: p.write_bytes(p.read_bytes()[:-400]), "no bundle, or was cut off"),
        (lambda p: p.write_bytes(b"hello"), "no bundle, or was cut off"),
        (lambda p: p.unlink(), "Cannot read"),
    ],
)
def test_what_is_no_bundle_is_a_sentence(votes: Store, tmp_path: Path, harm, sentence: str) -> None:
    path = tmp_path / "seat.zip"
    pack(votes, path)
    harm(path)
    with pytest.raises(UserError, match=sentence):
        Bundle(path)


@pytest.mark.parametrize("name", ["records.jsonl", "takes.jsonl", f"curves/{B.curves}.npz"])
def test_a_file_that_was_changed_is_not_used(votes: Store, tmp_path: Path, name: str) -> None:
    path = tmp_path / "seat.zip"
    pack(votes, path)
    rewrite(path, drop=[name], add=[(name, b"{}\n")])
    with Bundle(path) as opened, Store.open(tmp_path / "studio") as studio:
        with pytest.raises(UserError, match=f"{name} is damaged"):
            merge(opened, studio)
        assert studio.stats().votes == 0


def test_a_line_that_is_no_record_is_told_with_its_place(votes: Store, tmp_path: Path) -> None:
    path = tmp_path / "seat.zip"
    pack(votes, path)
    with zipfile.ZipFile(path) as file:
        data = file.read("records.jsonl") + b'{"kind": "vote"}\n'
    rewrite(path, listed("records.jsonl", data), drop=["records.jsonl"], add=[("records.jsonl", data)])
    with Bundle(path) as opened, pytest.raises(UserError, match=r"seat\.zip, records\.jsonl, line 5: The record has no"):
        list(opened.records())


def test_a_bomb_is_not_unpacked(votes: Store, tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "seat.zip"
    pack(votes, path)
    monkeypatch.setattr(bundle, "LARGEST_FILE", 100_000)
    bomb = bytes(5_000_000)
    name = f"curves/{making.sha(bomb)}.npz"
    rewrite(path, listed(name, bomb), add=[(name, bomb)])
    assert path.stat().st_size < 50_000
    with pytest.raises(UserError, match="too large"):
        Bundle(path)
    # One that lies about its size in the zip's directory.
    data = bytearray(path.read_bytes())
    size = (5_000_000).to_bytes(4, "little")
    assert data.count(size) == 2
    path.write_bytes(data.replace(size, (90_000).to_bytes(4, "little")))
    with Bundle(path) as opened, pytest.raises(UserError, match=r"damaged|larger than it says"):
        opened.curves(making.sha(bomb))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=5))
def test_any_damaged_byte_is_a_sentence_or_harmless(tmp_path: Path, changes) -> None:
    file = tmp_path / "whole.zip"
    if not file.exists():
        with Store.open(tmp_path / "made") as opened:
            opened.add_takes(making.TAKES)
            opened.add_curves(A.curves, making.curves(0))
            opened.add_vote(making.vote((A, B)))
            pack(opened, file)
    data = bytearray(file.read_bytes())
    for place, value in changes:
        data[place % len(data)] = value
    harmed = tmp_path / "harmed.zip"
    harmed.write_bytes(data)
    with tempfile.TemporaryDirectory(dir=tmp_path) as folder, Store.open(folder) as studio:
        try:
            with Bundle(harmed) as opened:
                merge(opened, studio)
        except UserError:
            return
        assert [vote.takes for vote in studio.votes()] == [(A.id, B.id)]


def test_a_failed_bundle_leaves_the_older_one(votes: Store, tmp_path: Path) -> None:
    pack(votes, tmp_path / "seat.zip")
    before = (tmp_path / "seat.zip").read_bytes()
    votes.curves_path(A).write_bytes(b"overwritten")
    with pytest.raises(UserError, match="does not match its name"):
        pack(votes, tmp_path / "seat.zip")
    assert (tmp_path / "seat.zip").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["seat.zip", "votes"]
    with pytest.raises(UserError, match=r"end in \.zip"):
        pack(votes, tmp_path / "seat.tar")
