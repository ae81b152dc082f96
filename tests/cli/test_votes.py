# SPDX-License-Identifier: GPL-3.0-or-later
"""``votes`` in the shell: what one seat exports another imports, and what is wrong is a sentence."""
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from facewright.preference.store import Store

ROOT = Path(__file__).parents[2]
_spec = importlib.util.spec_from_file_location("making", ROOT / "tests/preference/making.py")
making = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(making)
A, B, C, D, *_ = making.TAKES


@pytest.fixture
def shell(tmp_path: Path):
    def call(*words: str | Path, expect: int = 0) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(ROOT / "entry.py"), "cli", "votes", *map(str, words)]
        environment = {**os.environ, "FACEWRIGHT_DATA": str(tmp_path / "data")}
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == expect, done.stderr
        assert "Traceback" not in done.stderr
        return done

    return call


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """The user's own votes, where the shell looks for them: two that count, by two raters, one of them left-handed by habit."""
    with Store.open(tmp_path / "data" / "votes") as store:
        store.add_takes(making.TAKES)
        for number in range(2):
            store.add_curves(making.sha(making.curves(number)), making.curves(number))
        store.add_vote(making.vote((A, B)))
        store.add_vote(making.vote((D, C, B, A), (0, 1, 1, 3), rater="bo"))
        store.retract(store.add_vote(making.vote((B, C))).content.id)
        for number in range(20):
            store.add_vote(making.vote((A, B) if number % 2 else (B, A), rater="lefty"))
    return tmp_path / "data" / "votes"


@pytest.mark.parametrize("ending", ["jsonl", "csv", "zip"])
def test_export_then_import_elsewhere(shell, own: Path, tmp_path: Path, ending: str) -> None:
    told = json.loads(shell("export", "-o", f"all.{ending}", "--json").stdout)
    assert told["records" if ending == "zip" else "votes"] == (24 if ending == "zip" else 22)
    done = json.loads(shell("import", f"all.{ending}", "--store", "elsewhere", "--json").stdout)["merged"][0]
    assert done["votes"] == (23 if ending == "zip" else 22)
    assert "0 new votes" in shell("import", f"all.{ending}", "--store", "elsewhere").stdout
    with Store.open(own) as one, Store.open(tmp_path / "elsewhere") as other:
        assert list(one.votes()) == list(other.votes())
        assert other.has_curves(A) == (ending == "zip")
    if ending != "zip":
        found = shell("import", f"all.{ending}", "--store", "elsewhere", "--curves", own / "curves")
        assert "2 curves files found" in found.stdout
        with Store.open(tmp_path / "elsewhere") as other:
            assert other.has_curves(A)


def test_merging_seats_with_names_and_pushing_on(shell, own: Path, tmp_path: Path) -> None:
    with Store.open(tmp_path / "seat2") as store:
        store.add_takes(making.TAKES)
        store.add_vote(making.vote((A, B), rater="ann2"))
    said = shell("merge", "seat2", own, "--store", "studio", "--to", "backup", "--alias", "ann2=ann", "--json")
    merged = json.loads(said.stdout)["merged"]
    assert [one["votes"] for one in merged] == [1, 23, 24]
    stats = json.loads(shell("stats", "--store", "backup", "--json").stdout)
    assert stats["votes"] == 23
    assert stats["seats"] == 3  # the alias was said in the studio's own store
    assert [(rater["name"], rater["votes"]) for rater in stats["raters"]] == [("lefty", 20), ("ann", 2), ("bo", 1)]


def test_stats_in_words_name_who_votes_by_habit(shell, own: Path) -> None:
    said = shell("stats", "--agreement", "--check").stdout
    assert "22 votes by 3 raters from 1 seats on 6 takes" in said
    assert "lefty prefers the left take in 100 % of 20 votes, whatever it shows: the votes count 0 %." in said
    assert "4 missing, 0 damaged, 0 unused curves files" in said


def test_no_voice_leaves_without_a_word(shell, own: Path, tmp_path: Path) -> None:
    assert "Give --clips" in shell("export", "-o", "all.zip", "--include-sound", expect=1).stderr
    assert "Only a bundle" in shell("export", "-o", "all.csv", "--include-sound", "--clips", ".", expect=1).stderr
    assert not (tmp_path / "all.zip").exists()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("stats", "--store", "nowhere"), "no votes at nowhere"),
        (("export", "-o", "a.xlsx"), "neither .jsonl nor .csv"),
        (("import", "a.png"), "neither .jsonl nor .csv nor .zip"),
        (("import", "a.jsonl"), "Cannot read"),
        (("import", "a.zip"), "Cannot read"),
        (("merge",), "Nothing to merge"),
        (("merge", "nowhere"), "no votes at nowhere"),
        (("merge", "--alias", "ann"), "NAME=PERSON"),
        (("merge", "--alias", "ann="), "1 to 100 characters"),
        (("stats", "--store", "mysql://a/b"), "not supported"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(shell, own: Path, tmp_path: Path, words, sentence: str) -> None:
    said = shell(*words, expect=1).stderr
    assert sentence in said
    assert len(said.strip().splitlines()) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data"]


def test_a_bad_file_among_good_ones_changes_nothing(shell, own: Path, tmp_path: Path) -> None:
    shell("export", "-o", "good.jsonl")
    (tmp_path / "bad.jsonl").write_text((tmp_path / "good.jsonl").read_text()[:-50])
    assert "bad.jsonl, line" in shell("import", "good.jsonl", "bad.jsonl", "--store", "elsewhere", expect=1).stderr
    assert not (tmp_path / "elsewhere").exists()


def test_the_grammar(shell) -> None:
    assert "usage:" in shell(expect=2).stderr
    assert all(word in shell("--help").stdout for word in ("export", "import", "merge", "stats"))
