# SPDX-License-Identifier: GPL-3.0-or-later
"""From votes in a store to an adapter that the gate lets through or refuses."""
import hashlib
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from facewright.core.content import sha256_of
from facewright.core.errors import Cancelled, UserError
from facewright.inference import curves_file
from facewright.inference.preference import jobs, takes
from facewright.inference.speech import weights_file
from facewright.preference import adapters, exchange
from facewright.preference.store import Store
from facewright.preference.votes import new_id, now

from .conftest import SAMPLE, Sitting, quiet, round_lips, vote


def tuned(votes: Path, out: Path, **more) -> dict:
    return jobs.finetune({"votes": str(votes), "out": str(out), "rounds": 1, "device": "cpu", **more}, quiet)


def compared(sitting: Sitting, votes: Path, adapter: Path, judge, count: int) -> None:
    """Fresh blind answers: takes of new seeds with and without the adapter."""
    with Store.open(votes) as store:
        for seed in range(count):
            made = sitting.made[seed % len(sitting.made)].take
            both = [{"seed": 900 + seed, "adapter": a} for a in (None, str(adapter))]
            params = {"audio": str(SAMPLE), "start": made.start, "end": made.end, "out": str(votes / f"fresh{seed}"), "candidates": both}
            answer = takes.run(params, quiet)["takes"]
            records = [
                replace(
                    made, seed=e["seed"], variation=e["variation"], controls={}, adapter=e["adapter"],
                    adapter_strength=e["adapter_strength"], curves=e["sha256"],
                )
                for e in answer
            ]  # fmt: skip
            for record, entry in zip(records, answer, strict=True):
                store.add_take(record, Path(entry["curves"]))
            curves = [curves_file.load(e["curves"]) for e in answer]
            order = (0, 1) if seed % 2 else (1, 0)
            first = judge(curves[order[0]]) > judge(curves[order[1]])
            store.add_vote(vote(records[order[0]], records[order[1]], first))


@pytest.mark.slow
def test_votes_make_an_adapter_that_wins_and_passes(sitting: Sitting, tmp_path: Path) -> None:
    votes = sitting.voted(tmp_path / "votes", round_lips, 70)
    weights = hashlib.sha256(weights_file.SHIPPED.read_bytes()).hexdigest()
    out = tmp_path / "round.safetensors"
    result = tuned(votes, out, name="Round")
    assert hashlib.sha256(weights_file.SHIPPED.read_bytes()).hexdigest() == weights, "base weights never change"
    assert not result["gate"]["passed"] and "blind" in " ".join(result["gate"]["reasons"]), "nobody has compared it yet"
    card = adapters.read_card(out)
    assert (card.name, card.votes, card.raters, card.base_sha256) == ("Round", 70, ("simulated",), weights)
    assert not jobs.lost_sentences(card)
    compared(sitting, votes, out, round_lips, 12)
    verdict = jobs.gate({"adapter": str(out), "votes": str(votes)}, quiet)
    assert verdict["passed"] and verdict["win_rate"] > 0.9 and verdict["interval"][0] > 0.5 and verdict["compared"] == 12
    assert adapters.read_card(out).passed and sha256_of(out) == result["sha256"], "votes name the adapter by its bytes"
    told = jobs.compare({"a": str(out), "b": "base", "votes": str(votes), "clips": [str(SAMPLE)]}, quiet)
    assert told["comparison"]["wins"] >= 11
    assert max(told["differ"]["mouthPucker"], told["differ"]["mouthFunnel"]) > 0.001, sorted(told["differ"].items(), key=lambda i: -i[1])


@pytest.mark.slow
def test_an_adapter_of_noise_is_refused(sitting: Sitting, tmp_path: Path) -> None:
    votes = sitting.voted(tmp_path / "votes", round_lips, 70, noise=1.0)
    out = tmp_path / "noise.safetensors"
    result = tuned(votes, out)
    assert not result["gate"]["passed"]
    assert any("chance" in reason for reason in result["gate"]["reasons"]), result["gate"]["reasons"]
    coin = random.Random(3)
    compared(sitting, votes, out, lambda curves: coin.random(), 14)
    verdict = jobs.gate({"adapter": str(out), "votes": str(votes)}, quiet)
    assert not verdict["passed"] and not adapters.read_card(out).passed
    assert "more" in verdict["reasons"][-1].lower()


@pytest.mark.slow
def test_a_cancelled_run_goes_on_and_ends_as_if_it_had_not_been_stopped(sitting: Sitting, tmp_path: Path) -> None:
    votes = sitting.voted(tmp_path / "votes", round_lips, 40)
    whole = tuned(votes, tmp_path / "a" / "whole.safetensors", name="x")

    def stop(fraction: float, stage: str) -> None:
        if stage == "Tuning" and fraction > 0.7:
            raise Cancelled

    params = {"votes": str(votes), "out": str(tmp_path / "b" / "first.safetensors"), "rounds": 1, "device": "cpu"}
    with pytest.raises(Cancelled):
        jobs.finetune(params, stop)
    assert not (tmp_path / "b" / "first.safetensors").exists()
    stages: list[float] = []
    jobs.finetune({**params, "out": str(tmp_path / "b" / "second.safetensors")}, lambda f, s: stages.append(f) if s == "Tuning" else None)
    assert min(stages[1:]) > 0.6, "it went on where it stood"
    from facewright.inference.preference import adapter_file

    base = weights_file.sha256(weights_file.SHIPPED)
    a, b = (adapter_file.load(p, base) for p in (whole["adapter"], tmp_path / "b" / "second.safetensors"))
    for name, tensor in a.tensors().items():
        np.testing.assert_allclose(tensor, b.tensors()[name], atol=1e-5, err_msg=name)
    assert not (tmp_path / "b" / ".unfinished-tuning").exists()


def test_next_pairs_stay_within_a_stretch_and_avoid_what_was_asked(sitting: Sitting, tmp_path: Path) -> None:
    pool = [{"curves": str(m.path), "stretch": str(m.stretch)} for m in sitting.made]
    first = jobs.next_pairs({"pool": pool, "count": 3}, quiet)
    assert len(first["pairs"]) == 3 and first["votes_used"] == 0
    votes = sitting.voted(tmp_path / "votes", round_lips, 30)
    told = jobs.next_pairs({"pool": pool, "count": 5, "votes": str(votes), "asked": first["pairs"]}, quiet)
    assert told["votes_used"] == 30
    for a, b in told["pairs"]:
        assert sitting.made[a].stretch == sitting.made[b].stretch and [a, b] not in first["pairs"]


def test_a_silent_repeat_teaches_nothing_more(sitting: Sitting, tmp_path: Path) -> None:
    votes = sitting.voted(tmp_path / "votes", round_lips, 10)
    with Store.open(votes) as store:
        asked = next(iter(store.votes()))
        store.add_vote(replace(asked, id=new_id(), at=now(), repeat_of=asked.id))
    pool = [{"curves": str(m.path), "stretch": str(m.stretch)} for m in sitting.made]
    assert jobs.next_pairs({"pool": pool, "count": 1, "votes": str(votes)}, quiet)["votes_used"] == 10
    assert jobs.suggest_controls({"votes": str(votes)}, quiet)["votes_used"] == 10


def test_few_votes_suggest_controls(sitting: Sitting, tmp_path: Path) -> None:
    votes = sitting.voted(tmp_path / "votes", lambda c: c.channel("jawOpen").mean(), 25)
    told = jobs.suggest_controls({"votes": str(votes)}, quiet)
    assert set(told["controls"]) == {"jaw", "lips"} == set(told["uncertainty"])
    assert told["controls"]["jaw"] > 1.1 and told["votes_used"] == 25 and told["chance"] > 0.6


def test_an_exported_file_teaches_the_same(sitting: Sitting, tmp_path: Path) -> None:
    votes = sitting.voted(tmp_path / "votes", round_lips, 20)
    with Store.open(votes) as store:
        exchange.write(store, votes / "votes.jsonl")
    pool = [{"curves": str(m.path), "stretch": str(m.stretch)} for m in sitting.made]
    by_store, by_file = (
        jobs.next_pairs({"pool": pool, "count": 4, "votes": str(place)}, quiet) for place in (votes, votes / "votes.jsonl")
    )
    assert by_store == by_file


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"base": "gait"}, "no model"),
        ({"rounds": 9}, "rounds"),
        ({"out": "adapter.txt"}, "safetensors"),
        ({"votes": "/nowhere/at/all"}, "no votes"),
        ({"device": "tpu"}, "no device"),
    ],
)
def test_what_cannot_be_done_is_a_sentence(change: dict, words: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=words):
        jobs.finetune({"votes": str(tmp_path), "out": str(tmp_path / "x.safetensors"), **change}, quiet)


def test_votes_without_curves_are_told(sitting: Sitting, tmp_path: Path) -> None:
    with Store.open(tmp_path / "votes") as store:
        for made in sitting.made[:2]:
            store.add_take(made.take)
        store.add_vote(vote(sitting.made[0].take, sitting.made[1].take, True))
    with pytest.raises(UserError, match="curves"):
        tuned(tmp_path / "votes", tmp_path / "x.safetensors")
