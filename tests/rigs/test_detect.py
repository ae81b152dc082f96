# SPDX-License-Identifier: GPL-3.0-or-later
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facewright.rigs.arkit import ARKIT_52
from facewright.rigs.detect import match_names

DIRECTIONS = {"jawLeft", "jawRight", "mouthLeft", "mouthRight"}  # left and right are where to, not which side


def words(name: str) -> list[str]:
    return re.findall(r"[A-Z]?[a-z]+", name)


def split_side(name: str) -> tuple[list[str], str]:
    parts = words(name)
    if parts[-1] in ("Left", "Right"):
        return parts[:-1], parts[-1]
    return parts, ""


def short_side(mark: str):
    """eyeBlink + mark + L."""

    def style(name: str) -> str:
        parts, side = split_side(name)
        return "".join(parts) + (mark + side[0] if side else "")

    return style


def side_first(joint: str, short: bool = False, lower: bool = False):
    def style(name: str) -> str:
        parts, side = split_side(name)
        out = joint.join([side[0] if short else side, *parts] if side else parts)
        return out.lower() if lower else out

    return style


STYLES = {
    "canonical": lambda n: n,
    "PascalCase": lambda n: n[0].upper() + n[1:],
    "snake_case": lambda n: "_".join(words(n)).lower(),
    "UPPER_SNAKE": lambda n: "_".join(words(n)).upper(),
    "Title_Snake": lambda n: "_".join(w.capitalize() for w in words(n)),
    "kebab-case": lambda n: "-".join(words(n)).lower(),
    "dot.case": lambda n: ".".join(words(n)),
    "spaces": lambda n: " ".join(words(n)),
    "lowercase": str.lower,
    "UPPERCASE": str.upper,
    "_L": short_side("_"),
    ".L": short_side("."),
    "-L": short_side("-"),
    " L": short_side(" "),
    "L without separator": short_side(""),
    "_l": lambda n: short_side("_")(n).lower(),
    "Left first": side_first("_"),
    "left first, lower": side_first("_", lower=True),
    "L_ first": side_first("_", short=True),
    "LeftEyeBlink": lambda n: "".join(w.capitalize() for w in words(side_first(" ")(n))),
    "Character Creator": lambda n: f"A{ARKIT_52.index(n) + 1:02d}_" + "_".join(w.capitalize() for w in words(n)),
}
PREFIXES = ["", "ARKit_", "blendShape1.", "Face_", "Head|", "Fcl_", "Head|blendShape1.", "CC_Base_", "BS."]
SUFFIXES = ["", ".001", ".012", "_1"]


@settings(max_examples=150, deadline=None)
@given(
    style=st.sampled_from(sorted(STYLES)),
    prefix=st.sampled_from(PREFIXES),
    suffix=st.sampled_from(SUFFIXES),
    order=st.permutations(ARKIT_52),
    noise=st.lists(
        st.sampled_from(["Basis", "Smile", "Fat", "Key 1", "vrc.v_aa", "Eyelid", "left", "open", "Mouth", "MTH_A"]), unique=True
    ),
)
def test_every_spelling_of_all_52_round_trips(style, prefix, suffix, order, noise):
    own = {name: prefix + STYLES[style](name) + suffix for name in order}
    report = match_names([*noise, *own.values()])
    assert report.matched == own
    assert report.missing == () and report.ambiguous == {} and report.split == {}
    assert list(report.unmatched) == noise
    assert report.summary() == "52 of 52 ARKit shape keys found."


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.one_of(st.text(max_size=30), st.sampled_from(ARKIT_52), st.sampled_from([s(n) for s in STYLES.values() for n in ARKIT_52])))
)
def test_any_names_give_a_consistent_report(names):
    report = match_names(names)
    used = [*report.matched.values(), *(half for pair in report.split.values() for half in pair)]
    assert len(used) == len(set(used))
    assert set(used) | set(report.unmatched) == set(names)
    assert not set(used) & set(report.unmatched)
    assert set(report.matched) | set(report.split) | set(report.missing) == set(ARKIT_52)
    assert report.summary().startswith(f"{report.count} of 52")
    for name in names:
        if name in ARKIT_52:
            assert report.matched[name] == name  # an exact name always wins


def test_exact_wins_over_spelling_over_prefix_over_duplicate():
    names = ["jawOpen.001", "Face_jawOpen", "Jaw_Open", "jawOpen"]
    for expected in reversed(names):
        report = match_names(names)
        assert report.matched["jawOpen"] == expected
        assert report.ambiguous == {}
        names.remove(expected)


def test_equals_are_told():
    report = match_names(["jaw_open", "JawOpen"])
    assert report.matched == {"jawOpen": "jaw_open"}
    assert report.ambiguous == {"jawOpen": ("JawOpen",)}
    assert "jawOpen was also found as JawOpen; jaw_open was taken." in report.summary()


def test_what_is_missing_is_named():
    report = match_names([n for n in ARKIT_52 if n != "tongueOut"])
    assert report.summary() == "51 of 52 ARKit shape keys found. Missing: tongueOut."
    assert match_names(["Basis"]).summary() == "0 of 52 ARKit shape keys found."
    assert match_names(["jawOpen"]).summary().endswith("and 43 more.")


def test_split_channels():
    report = match_names(["browInnerUp_L", "browInnerUp_R", "cheekPuff.L", "cheekPuff.R", "jawOpen"])
    assert report.split == {"browInnerUp": ("browInnerUp_L", "browInnerUp_R"), "cheekPuff": ("cheekPuff.L", "cheekPuff.R")}
    assert report.count == 3
    assert "browInnerUp drives both browInnerUp_L and browInnerUp_R." in report.summary()


def test_one_half_alone_is_not_a_match():
    report = match_names(["browInnerUp_L"])
    assert report.count == 0
    assert report.unmatched == ("browInnerUp_L",)


@pytest.mark.parametrize(
    "name", ["mouthOpen", "blink", "eyeBlink", "smileLeft", "jawOpenMouthClose", "jawOpen corrective", "A", "", "Left", "_L"]
)
def test_what_is_not_arkit_is_left_alone(name):
    assert match_names([name]).count == 0
