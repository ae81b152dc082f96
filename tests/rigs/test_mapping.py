# SPDX-License-Identifier: GPL-3.0-or-later
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facewright.core.curves import Curves
from facewright.core.errors import UserError
from facewright.rigs.arkit import ARKIT_52
from facewright.rigs.detect import match_names
from facewright.rigs.mapping import Mapping, best_mapping
from facewright.rigs.tables import TABLES


@pytest.fixture
def arkit():
    values = np.random.default_rng(0).random((7, 52))
    return Curves(ARKIT_52, np.arange(7) / 60, values)


@pytest.mark.parametrize("name", sorted(TABLES))
def test_tables_round_trip(name, arkit):
    """Every ARKit channel of the table comes back from the rig's channels, which are each used once."""
    table = TABLES[name]
    assert set(table) <= set(ARKIT_52)
    own = [n for owns in table.values() for n in owns]
    assert len(own) == len(set(own))
    rig = Mapping.from_table(name).apply(arkit)
    assert set(rig.names) == set(own)
    for canonical, owns in table.items():
        for channel in owns:
            np.testing.assert_allclose(rig.channel(channel), arkit.channel(canonical))
    mapping, report = best_mapping(["Basis", *own])
    assert report.count == len(table)
    assert {c: set(owns) for c, owns in table.items()} == {
        c: {own for own, weights in mapping.channels.items() if c in weights} for c in mapping.sources
    }


def test_tables_are_as_complete_as_their_rigs():
    assert set(ARKIT_52) - set(TABLES["ICT-FaceKit"]) == {"tongueOut"}
    assert TABLES["ICT-FaceKit"]["cheekPuff"] == ("cheekPuff_L", "cheekPuff_R")
    assert TABLES["ICT-FaceKit"]["jawLeft"] == ("jawLeft",)
    assert set(TABLES["Live Link Face"]) == set(ARKIT_52)
    assert TABLES["Unified Expressions"]["eyeBlinkLeft"] == ("EyeClosedLeft",)


def test_from_report(arkit):
    mapping = Mapping.from_report(match_names(["Jaw_Open", "browInnerUp_L", "browInnerUp_R"]))
    assert mapping.channels == {"Jaw_Open": {"jawOpen": 1.0}, "browInnerUp_L": {"browInnerUp": 1.0}, "browInnerUp_R": {"browInnerUp": 1.0}}


def test_weights_add_up_and_limits_hold(arkit):
    mapping = Mapping(
        {"Smile": {"mouthSmileLeft": 0.5, "mouthSmileRight": 0.5}, "Jaw": {"jawOpen": 3.0, "mouthClose": -1.0}}, {"Jaw": (0.0, 1.0)}
    )
    out = mapping.apply(arkit)
    np.testing.assert_allclose(out.channel("Smile"), (arkit.channel("mouthSmileLeft") + arkit.channel("mouthSmileRight")) / 2, rtol=1e-6)
    np.testing.assert_allclose(out.channel("Jaw"), np.clip(3 * arkit.channel("jawOpen") - arkit.channel("mouthClose"), 0, 1), rtol=1e-5)


def test_channels_without_a_source_are_left_out():
    out = Mapping({"Jaw": {"jawOpen": 1.0}, "Tongue": {"tongueOut": 1.0}}).apply(Curves(("jawOpen",), [0.0], [[0.5]]))
    assert out.names == ("Jaw",)


def test_within_and_with_limits():
    mapping = (
        Mapping({"A": {"jawOpen": 1.0}, "B": {"tongueOut": 1.0}}, {"A": (0, 1), "B": (0, 1)}).within(["A"]).with_limits({"A": (0.1, 0.5)})
    )
    assert mapping == Mapping({"A": {"jawOpen": 1.0}}, {"A": (0.1, 0.5)})


names = st.text(min_size=1, max_size=20).filter(lambda t: t.isprintable())
weights = st.dictionaries(st.sampled_from(ARKIT_52), st.floats(-10, 10), min_size=1, max_size=5)


@settings(max_examples=50, deadline=None)
@given(channels=st.dictionaries(names, weights, min_size=1, max_size=6), name=names)
def test_save_and_load(channels, name, tmp_path_factory):
    path = tmp_path_factory.mktemp("mapping") / "m.json"
    mapping = Mapping(channels, {next(iter(channels)): (-1.0, 2.0)}, name)
    mapping.save(path)
    assert Mapping.load(path) == mapping


GOOD = {"format": "facewright-mapping", "version": 1, "channels": {"Jaw": {"jawOpen": 1.0}}}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"format": "other"}, "not a Facewright mapping"),
        ({"version": 2}, "version 2"),
        ({"channels": {}}, "no channels"),
        ({"channels": {"Jaw": {}}}, "no ARKit channels for 'Jaw'"),
        ({"channels": {"Jaw": {"jawopen": 1.0}}}, "'jawopen'"),
        ({"channels": {"Jaw": {"jawOpen": "1"}}}, "weight '1'"),
        ({"channels": {"Jaw": {"jawOpen": True}}}, "weight True"),
        ({"channels": {"Jaw": {"jawOpen": float("nan")}}}, "weight nan"),
        ({"channels": {"Jaw": {"jawOpen": 100}}}, "weight 100"),
        ({"limits": {"Jaw": [1, 0]}}, r"limits \[1, 0\]"),
        ({"limits": {"Nose": [0, 1]}}, "limits for 'Nose'"),
        ({"limits": []}, "wrong kind"),
    ],
)
def test_what_is_wrong_is_said(tmp_path, change, said):
    path = tmp_path / "m.json"
    path.write_text(json.dumps({**GOOD, **change}))
    with pytest.raises(UserError, match=said):
        Mapping.load(path)


@pytest.mark.parametrize("content", [b"", b"[", b"\xff\x00", b"[1]", b"null", b"[" * 100_000])
def test_what_is_no_mapping(tmp_path, content):
    path = tmp_path / "m.json"
    path.write_bytes(content)
    with pytest.raises(UserError):
        Mapping.load(path)


def test_missing_file(tmp_path):
    with pytest.raises(UserError, match="Cannot read"):
        Mapping.load(tmp_path / "none.json")


def test_a_convention_is_filled_up_by_what_the_spelling_tells():
    table = max(TABLES.values(), key=len)
    gone = next(canonical for canonical, halves in table.items() if len(halves) == 1 and canonical not in halves)
    names = [half for canonical, halves in table.items() if canonical != gone for half in halves]
    _mapping, without = best_mapping(names)
    _mapping, report = best_mapping([*names, gone])
    assert gone in without.missing and report.matched[gone] == gone and report.count == without.count + 1
