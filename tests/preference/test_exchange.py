# SPDX-License-Identifier: GPL-3.0-or-later
"""JSONL and CSV of votes: what goes out comes back, trainers find their columns, and what is not ours is a sentence with its line."""
import csv
import importlib.util
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from facewright.core.errors import UserError
from facewright.preference import exchange
from facewright.preference.merge import merge
from facewright.preference.store import Store

_spec = importlib.util.spec_from_file_location("making", Path(__file__).with_name("making.py"))
making = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(making)
A, B, C, D, *_ = making.TAKES


@pytest.fixture
def votes(tmp_path: Path):
    with Store.open(tmp_path / "votes") as opened:
        opened.add_takes(making.TAKES)
        opened.add_vote(making.vote((A, B), number=1, note='=HYPERLINK("x"), said "so"\nand so'))
        opened.add_vote(making.vote((A, B), (0, 0), number=2, rater="bo"))
        opened.add_vote(making.vote((B, A), (0, 0), number=3, both_bad=True))
        opened.add_vote(making.vote((D, C, B, A), (1, 0, 1, 2), number=4, replays=(1, 2, 3, 4), repeat_of="f" * 32))
        opened.add_alias("bo", "Bo Berg")
        yield opened


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.parametrize("ending", ["jsonl", "csv"])
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(making.wild_records())
def test_what_goes_out_comes_back(tmp_path: Path, ending: str, records) -> None:
    with tempfile.TemporaryDirectory(dir=tmp_path) as name:
        folder = Path(name)
        with Store.open(folder / "a") as one, Store.open(folder / "b") as other:
            one.add_takes(making.TAKES)
            one.add_records(records)
            file = folder / f"votes.{ending}"
            written = exchange.write(one, file)
            before = file.read_bytes()
            read = exchange.read(file)
            assert read.votes == written.votes == one.stats().votes
            merged = merge(read, other)
            assert merged.votes == written.votes
            assert list(other.vote_records()) == list(one.vote_records())
            assert merge(read, other).votes == 0
            if not one.people():  # what names mean travels in bundles; the column 'person' is for the eye
                exchange.write(other, file)
                assert file.read_bytes() == before


def test_rows_have_what_preference_trainers_read(votes: Store, tmp_path: Path) -> None:
    assert exchange.write(votes, tmp_path / "votes.jsonl") == exchange.Written(votes=4, rows=1 + 1 + 1 + 6)
    found = lines(tmp_path / "votes.jsonl")
    assert all(tuple(row) == exchange.JSONL_COLUMNS for row in found)
    for name in exchange.JSONL_COLUMNS:
        assert {type(row[name]) for row in found} == {int if name in {"pair", "pairs"} else str}
    assert [row["outcome"] for row in found] == ["better", "tie", "both_bad", "better", "tie", *["better"] * 4]
    better = [(json.loads(row["chosen"])["seed"], json.loads(row["rejected"])["seed"]) for row in found if row["outcome"] == "better"]
    assert better == [(0, 1), (2, 3), (3, 0), (2, 1), (2, 0), (1, 0)]
    assert json.loads(found[0]["prompt"]) == {
        "axis": "overall", "region": "whole", "clip": making.CLIP, "clip_name": "hello.wav", "start": 0.0, "end": 2.0, "kind": "speech",
    }  # fmt: skip
    assert found[0]["chosen_curves"] == A.curves
    assert (found[1]["rater"], found[1]["person"]) == ("bo", "Bo Berg")


def test_what_was_taken_back_is_not_exported(votes: Store, tmp_path: Path) -> None:
    votes.retract(f"{4:032x}")
    assert exchange.write(votes, tmp_path / "votes.csv").votes == 3


def test_a_spreadsheet_gets_text_not_formulas(votes: Store, tmp_path: Path) -> None:
    exchange.write(votes, tmp_path / "votes.csv")
    with (tmp_path / "votes.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 4
    assert rows[0]["note"].startswith("'=HYPERLINK")
    assert [rows[3][f"rank_{place}"] for place in range(1, 5)] == ["1", "0", "1", "2"]
    assert (rows[0]["take_3"], rows[0]["rank_3"]) == ("", "")


def test_hugging_face_datasets_read_it(votes: Store, tmp_path: Path) -> None:
    pytest.importorskip("datasets", reason="Hugging Face datasets are no requirement of ours; installed, they are tried")
    exchange.write(votes, tmp_path / "votes.jsonl")
    code = (
        "import datasets, sys; d = datasets.load_dataset('json', data_files=sys.argv[1], split='train', cache_dir=sys.argv[2]); "
        "d = d.filter(lambda row: row['outcome'] == 'better'); print(len(d), d.column_names[:3])"
    )
    command = [sys.executable, "-c", code, tmp_path / "votes.jsonl", tmp_path / "cache"]
    done = subprocess.run(command, capture_output=True, check=True, text=True)
    assert done.stdout.strip().endswith("6 ['prompt', 'chosen', 'rejected']")


def change(path: Path, line: int, **fields) -> None:
    found = lines(path)
    found[line - 1] |= fields
    path.write_text("".join(json.dumps(row) + "\n" for row in found))


@pytest.mark.parametrize(
    ("harm", "sentence"),
    [
        (lambda p: p.write_text(p.read_text()[:-700]), "line 9: .*cut off"),
        (lambda p: p.write_text("prompt,chosen\n"), "line 1: .*no row of JSON"),
        (lambda p: p.write_text('{"prompt": "a", "chosen": "b", "rejected": "c"}\n'), "line 1: .*'record'"),
        (lambda p: p.write_text('\n{"text": "hello"}\n'), "line 2: .*'prompt', 'chosen' and 'rejected'"),
        (lambda p: p.write_text("[1, 2]\n"), "line 1: .*'prompt'"),
        (lambda p: p.write_text("x" * 3_000_000), "line 1: .*longer than any"),
        (lambda p: p.write_bytes(b"\xff\xfe\x00\x01" * 100), "no text in UTF-8"),
        (lambda p: change(p, 2, chosen=lines(p)[1]["rejected"]), "line 2: .*not those of its 'record'"),
        (lambda p: change(p, 3, record=lines(p)[2]["record"].replace('"ann"', '" ann"')), "line 3: .*rater"),
        (lambda p: change(p, 5, record=lines(p)[4]["record"].replace('"ann"', '"anna"')), "line 5: .*twice with different content"),
        (lambda p: change(p, 5, pair=99), "line 5: .*not those"),
        (lambda p: change(p, 1, chosen=lines(p)[0]["chosen"].replace('"seed":0', '"seed":7')), "line 1: .*its own id"),
    ],
)
def test_jsonl_that_is_not_ours_is_a_sentence_with_its_line(votes: Store, tmp_path: Path, harm, sentence: str) -> None:
    path = tmp_path / "votes.jsonl"
    exchange.write(votes, path)
    harm(path)
    with pytest.raises(UserError, match=r"votes\.jsonl" + f".*{sentence}"):
        exchange.read(path)


@pytest.mark.parametrize(
    ("harm", "sentence"),
    [
        (lambda t: t[: len(t) // 2], "line [0-9]+: "),
        (lambda t: "name,age\nann,30\n", "line 1: The column 'at' is missing"),
        (lambda t: "", "line 1: The column"),
        (lambda t: t.replace("overall", "taste"), "line [23]: .*axis"),
        (lambda t: t.replace(",2500,", ",soon,"), "line [23]: 'milliseconds' is no whole number: 'soon'"),
        (lambda t: t.replace('"rater"', "x").replace("seat", "stool"), "line 1: The column 'seat' is missing"),
    ],
)
def test_csv_that_is_not_ours_is_a_sentence_with_its_line(votes: Store, tmp_path: Path, harm, sentence: str) -> None:
    path = tmp_path / "votes.csv"
    exchange.write(votes, path)
    path.write_text(harm(path.read_text(encoding="utf-8-sig")), encoding="utf-8")
    with pytest.raises(UserError, match=r"votes\.csv, " + sentence):
        exchange.read(path)


def test_a_ranking_cut_between_its_rows_still_holds_the_vote_and_is_told(votes: Store, tmp_path: Path) -> None:
    path = tmp_path / "votes.jsonl"
    exchange.write(votes, path)
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-2]))
    read = exchange.read(path)
    assert read.votes == 4
    assert "line 7: some pairs" in read.warnings[0]
    with Store.open(tmp_path / "other") as other:
        assert merge(read, other).votes == 4
        assert list(other.vote_records()) == list(votes.vote_records())


def test_an_empty_store_and_an_empty_file(tmp_path: Path) -> None:
    with Store.open(tmp_path / "votes") as opened:
        assert exchange.write(opened, tmp_path / "none.jsonl").votes == 0
    assert "holds no votes" in exchange.read(tmp_path / "none.jsonl").warnings[0]


def test_other_endings_and_missing_files(votes: Store, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="neither"):
        exchange.write(votes, tmp_path / "votes.xlsx")
    with pytest.raises(UserError, match="Cannot read"):
        exchange.read(tmp_path / "nothing.csv")
    assert not list(tmp_path.glob("*.xlsx"))
