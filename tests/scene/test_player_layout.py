# SPDX-License-Identifier: GPL-3.0-or-later
"""The player's screen at any size: nothing overlaps or leaves the region, and keys and clicks mean what they say."""
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("bpy")
from facewright.scene import player_layout as layout

pytestmark = pytest.mark.blender


def overlap(a, b):
    return a.x < b.x + b.width - 0.01 and b.x < a.x + a.width - 0.01 and a.y < b.y + b.height - 0.01 and b.y < a.y + a.height - 0.01


@given(st.integers(320, 4000), st.integers(300, 2500), st.sampled_from([0, 2, 4]), st.floats(0.4, 2.5), st.floats(0.8, 2.0))
def test_everything_lies_in_the_region_and_nothing_overlaps(width, height, count, aspect, scale):
    found = layout.arrange(width, height, count, aspect, 384, scale)
    boxes = [*found.films, *(button.box for button in found.buttons)]
    assert len(found.films) == count
    for i, box in enumerate(boxes):
        assert box.x >= -0.01 and box.y >= -0.01
        assert box.x + box.width <= width + 0.01 and box.y + box.height <= height + 0.01
        assert not any(overlap(box, other) for other in boxes[:i])
    for box in found.films:
        assert box.width == pytest.approx(box.height * aspect, rel=1e-6)
        assert not overlap(box, found.title) or height < 330 * scale


def test_every_button_is_where_it_is_drawn_and_names_its_key():
    found = layout.arrange(1000, 700, 2, 1.0, 384)
    for button in found.buttons:
        box = button.box
        assert layout.click_action(found, box.x + box.width / 2, box.y + box.height / 2) == button.action
        assert "(" in button.text
    assert {b.action for b in found.buttons} == {"take 0", "take 1", "tie", "bad", "replay", "undo", "skip", "note", "end"}


def test_a_click_on_a_film_counts_only_in_a_four_up():
    for count, action in ((2, ""), (4, "take 1")):
        found = layout.arrange(1000, 700, count, 1.0, 384)
        box = found.films[1]
        assert layout.click_action(found, box.x + 5, box.y + box.height - 5) == action


@pytest.mark.parametrize(
    ("kind", "text", "ctrl", "count", "action"),
    [
        ("ONE", "1", False, 2, "take 0"),
        ("NUMPAD_2", "2", False, 2, "take 1"),
        ("THREE", "3", False, 2, ""),
        ("THREE", "3", False, 4, "take 2"),
        ("EQUAL", "=", False, 2, "tie"),
        ("ZERO", "=", False, 2, "tie"),  # German keyboards type = with Shift and 0
        ("ZERO", "0", False, 2, "bad"),
        ("SPACE", " ", False, 2, "replay"),
        ("BACK_SPACE", "", False, 2, "undo"),
        ("Z", "", True, 2, "undo"),
        ("Z", "z", False, 2, ""),
        ("S", "", True, 2, ""),  # Ctrl-S is not a skip
        ("TAB", "", False, 2, "skip"),
        ("N", "n", False, 2, "note"),
        ("ESC", "", False, 0, "end"),
        ("X", "x", False, 2, ""),
    ],
)
def test_keys(kind, text, ctrl, count, action):
    assert layout.key_action(kind, text, ctrl, count) == action


@given(st.floats(0, 100), st.integers(2, 200), st.floats(10, 30))
def test_a_film_runs_and_rests_on_its_last_frame(elapsed, frames, fps):
    frame, loops = layout.film_frame(elapsed, frames, fps, 0.4)
    assert 0 <= frame < frames
    assert loops == int(elapsed // (frames / fps + 0.4))
    assert layout.film_frame(0.0, frames, fps, 0.4) == (0, 0)
    assert layout.film_frame(frames / fps + 0.39, frames, fps, 0.4) == (frames - 1, 0)
