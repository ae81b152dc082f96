# SPDX-License-Identifier: GPL-3.0-or-later
"""Where everything lies on the player's screen, and what a key or a click there means. No bpy: plain numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

LARGEST_SCALE: Final = 2.0  # films are not blown up more than this: it shows nothing that was not there
LETTERS: Final = "ABCD"

# Blender's names of keys -> what they do; "take" is followed by the place.
KEYS: Final = {
    **{key: f"take {place}" for place, keys in enumerate((("ONE", "NUMPAD_1"), ("TWO", "NUMPAD_2"))) for key in keys},
    "EQUAL": "tie",
    "NUMPAD_EQUAL": "tie",
    "ZERO": "bad",
    "NUMPAD_0": "bad",
    "SPACE": "replay",
    "BACK_SPACE": "undo",
    "TAB": "skip",
    "S": "skip",
    "N": "note",
    "ESC": "end",
}
KEYS_OF_FOUR: Final = {"THREE": "take 2", "NUMPAD_3": "take 2", "FOUR": "take 3", "NUMPAD_4": "take 3"}


@dataclass(frozen=True)
class Box:
    """A rectangle in pixels from the region's lower left corner."""

    x: float
    y: float
    width: float
    height: float

    def holds(self, x: float, y: float) -> bool:
        return self.x <= x < self.x + self.width and self.y <= y < self.y + self.height


@dataclass(frozen=True)
class Button:
    box: Box
    text: str
    action: str
    weight: int = 0  # 1: one of the answers, drawn stronger


@dataclass(frozen=True)
class Layout:
    """films: left to right, row by row; title, told: lines of text (baseline's box); bar: of progress."""

    films: tuple[Box, ...]
    buttons: tuple[Button, ...]
    title: Box
    told: Box
    bar: Box
    line: float  # height of a line of text


def arrange(width: float, height: float, count: int, aspect: float, pixels: int, scale: float = 1.0) -> Layout:
    """The screen of a question with ``count`` films (2 or 4, 0 while there is none).

    aspect: a film's width over its height; pixels: its height; scale: the interface's (2 on a dense screen)
    """
    line = 22 * scale
    pad = 10 * scale
    compact = height < 380 * scale
    rows = _button_rows(count)
    button = line * (1.15 if compact else 1.5)
    foot = pad + len(rows) * (button + pad * 0.6) + line * 1.3
    head = line * 1.6
    space = Box(pad, foot, max(width - 2 * pad, 1.0), max(height - foot - head - line * 0.4, 1.0))
    columns = 2 if count else 1
    lines = max(1, -(-count // columns))
    cell = (space.width - pad * (columns - 1)) / columns, (space.height - pad * (lines - 1)) / lines
    film_height = max(1.0, min(cell[1], cell[0] / aspect, pixels * LARGEST_SCALE * scale))
    film_width = film_height * aspect
    block = columns * film_width + (columns - 1) * pad, lines * film_height + (lines - 1) * pad
    left, top = space.x + (space.width - block[0]) / 2, space.y + (space.height + block[1]) / 2
    films = tuple(
        Box(left + (i % columns) * (film_width + pad), top - (i // columns) * (film_height + pad) - film_height, film_width, film_height)
        for i in range(count)
    )
    buttons = []
    for row, entries in enumerate(rows):
        y = pad + (len(rows) - 1 - row) * (button + pad * 0.6)
        share = min((width - 2 * pad) / len(entries), 230 * scale)
        start = (width - share * len(entries)) / 2
        for i, (text, action, weight) in enumerate(entries):
            box = Box(start + i * share + pad * 0.25, y, share - pad * 0.5, button)
            buttons.append(Button(box, text, action, weight))
    told = Box(pad, foot - line * 1.1, width - 2 * pad, line)
    return Layout(
        films,
        tuple(buttons),
        Box(pad, height - head, width - 2 * pad, line),
        told,
        Box(pad, foot - 3 * scale, width - 2 * pad, 3 * scale),
        line,
    )


def _button_rows(count: int) -> list[list[tuple[str, str, int]]]:
    """Text, action and weight. Each names its key: nobody should have to look for it."""
    if not count:
        return [[("Undo (Backspace)", "undo", 0), ("Close (Esc)", "end", 0)]]
    if count == 2:
        answers = [("A is better (1)", "take 0", 1), ("Equal (=)", "tie", 1), ("Both bad (0)", "bad", 1), ("B is better (2)", "take 1", 1)]
    else:
        answers = [("All equal (=)", "tie", 1), ("All bad (0)", "bad", 1)]
    others = [("Replay (Space)", "replay", 0), ("Undo (Backspace)", "undo", 0), ("Skip (S)", "skip", 0), ("Note (N)", "note", 0)]
    return [answers, [*others, ("Close (Esc)", "end", 0)]]


def key_action(kind: str, text: str, ctrl: bool, count: int) -> str:
    """What a pressed key does, "" where nothing. kind: Blender's name of the key; text: what it types; ctrl: Ctrl or Cmd is held."""
    if ctrl:
        return "undo" if kind == "Z" else ""
    if text == "=":  # wherever a keyboard has it
        return "tie"
    if count == 4 and kind in KEYS_OF_FOUR:
        return KEYS_OF_FOUR[kind]
    return KEYS.get(kind, "")


def click_action(layout: Layout, x: float, y: float) -> str:
    """What a click at this place does. A film is its take's button only in a four-up: in a two-up a stray click would be a vote."""
    for button in layout.buttons:
        if button.box.holds(x, y):
            return button.action
    if len(layout.films) == 4:
        for place, box in enumerate(layout.films):
            if box.holds(x, y):
                return f"take {place}"
    return ""


def film_frame(elapsed: float, frames: int, fps: float, pause: float) -> tuple[int, int]:
    """(which frame, how many whole loops) after ``elapsed`` seconds; the last frame stands for ``pause`` seconds before the next loop."""
    cycle = frames / fps + pause
    loops = int(elapsed // cycle)
    return min(int((elapsed - loops * cycle) * fps), frames - 1), loops
