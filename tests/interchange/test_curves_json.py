# SPDX-License-Identifier: GPL-3.0-or-later
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as stn

from facewright.core.curves import Curves
from facewright.core.errors import UserError
from facewright.interchange import read_curves, write_curves

GOOD = {"fps": 60, "names": ["jawOpen", "mouthClose"], "values": [[0.1, 0.2], [0.3, 0.4]]}


def write(tmp_path, data):
    path = tmp_path / "take.json"
    path.write_text(data if isinstance(data, str) else json.dumps(data))
    return path


@settings(max_examples=60, deadline=None)
@given(
    names=st.lists(st.text(min_size=1, max_size=12), min_size=1, max_size=5, unique=True),
    rows=st.integers(1, 40),
    fps=st.sampled_from([24.0, 29.97, 30 / 1.001, 60.0, 12.5]),
    data=st.data(),
)
def test_round_trip(names, rows, fps, data, tmp_path_factory):
    values = data.draw(stn.arrays(np.float32, (rows, len(names)), elements=st.floats(-1, 1, width=32)))
    path = tmp_path_factory.mktemp("json") / "a.json"
    names = [n.encode("utf-8", "replace").decode() for n in names]
    if len(set(names)) < len(names):
        return
    curves = Curves(tuple(names), np.arange(rows) / fps, values)
    write_curves(curves, path, fps)
    back = read_curves(path)
    assert back.names == curves.names
    np.testing.assert_allclose(back.times, curves.times)
    np.testing.assert_allclose(back.values, curves.values, atol=1e-6)


def test_what_it_looks_like(tmp_path):
    write_curves(Curves(("jawOpen",), [0.0, 0.5], [[0.25], [0.1]]), tmp_path / "a.json", 2)
    assert (tmp_path / "a.json").read_text() == '{"fps":2,"names":["jawOpen"],"values":[[0.25],[0.1]]}\n'


def test_fps_that_is_given_overrules(tmp_path):
    assert read_curves(write(tmp_path, GOOD), fps=24).times[1] == pytest.approx(1 / 24)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"fps": 0}, "rows a second"),
        ({"fps": "60"}, "rows a second"),
        ({"fps": True}, "rows a second"),
        ({"fps": None}, "rows a second"),
        ({"names": []}, "not a list of texts"),
        ({"names": ["jawOpen", 3]}, "not a list of texts"),
        ({"names": "jawOpen"}, "not a list of texts"),
        ({"names": ["jawOpen", "jawOpen"]}, "twice"),
        ({"values": []}, "no rows"),
        ({"values": {"a": 1}}, "no rows"),
        ({"values": [[0.1, 0.2], [0.3]]}, "Row 2 of take.json has 1 values for 2 names"),
        ({"values": [[0.1, 0.2], 3]}, "Row 2 of take.json has no values"),
        ({"values": [[0.1, "x"]]}, "Row 1 of take.json has 'x' for 'mouthClose'"),
        ({"values": [[0.1, None]]}, "has None for 'mouthClose'"),
        ({"values": [[0.1, True]]}, "has True for 'mouthClose'"),
        ({"values": [[0.1, 1e300]]}, "not a number"),
        ({"values": [[0.1, float("nan")]]}, "NaN"),
        ({"values": [[0.1, float("inf")]]}, "Infinity"),
    ],
)
def test_what_is_wrong_is_said(tmp_path, change, said):
    with pytest.raises(UserError, match=said):
        read_curves(write(tmp_path, {**GOOD, **change}))


@pytest.mark.parametrize("text", ["[", "[]", "3", "null", '{"fps": 60}', "[" * 100_000, '{"fps":60,"names":["a"],"values":[[1e'])
def test_what_holds_no_curves(tmp_path, text):
    with pytest.raises(UserError):
        read_curves(write(tmp_path, text))


def test_huge_whole_numbers(tmp_path):
    with pytest.raises(UserError):
        read_curves(write(tmp_path, '{"fps":60,"names":["a"],"values":[[' + "9" * 5000 + "]]}"))
