# SPDX-License-Identifier: GPL-3.0-or-later
"""The blind player: two or four films of one stretch side by side, looped with the sound, drawn over an editor of the window.

It borrows an editor's area as an Image Editor: that one redraws at any rate, however heavy the scene is, and Blender keeps the 3D View's
own settings until the area is given back. Drawing, pictures, sound and area are let go of by ``stop``, which may be called at any time.
"""

from __future__ import annotations

import contextlib
from collections import OrderedDict
from collections.abc import Collection
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import blf
import bpy
import gpu
from gpu_extras.batch import batch_for_shader

from ..core.errors import UserError
from . import dialogs, sitting
from .player_layout import LETTERS, Layout, arrange, click_action, film_frame

if TYPE_CHECKING:  # numpy is not loaded when the add-on is enabled
    import numpy as np

    from . import films

PAUSE = 0.4  # seconds on the last frame before the loop starts again: the eye needs the end
DECODE_SECONDS = 0.012  # of each timer event at most: the rest of the window must stay quick
KEPT_TEXTURES = 256  # a four-up of 2 s at 30 fps; 1.2 MB each
WAITING_PICTURES = 96  # that are read and not yet drawn; 0.6 MB each
AHEAD_FRAMES = 8  # of the next question's films that are ready before it is shown
DARK, GREY, PALE, WHITE = (0.10, 0.10, 0.11, 1.0), (0.20, 0.20, 0.22, 1.0), (0.62, 0.62, 0.65, 1.0), (0.93, 0.93, 0.94, 1.0)
ACCENT, HOVER, DIM = (0.20, 0.36, 0.58, 1.0), (0.30, 0.48, 0.72, 1.0), (0.0, 0.0, 0.0, 0.72)
_HIDDEN = ("show_region_header", "show_region_toolbar", "show_region_ui", "show_region_tool_header", "show_region_asset_shelf")


class Sound:
    """The stretch's sound, started anew with each loop. Does nothing where Blender has no sound; ``reason`` then says why."""

    def __init__(self, path: Path | None, start: float, end: float):
        self.reason, self._sound, self._device, self._handle = "", None, None, None
        if path is None or end <= start:
            return
        try:
            import aud

            self._sound = aud.Sound(str(path)).limit(start, end)
            self._device = aud.Device()
        except ImportError:
            self.reason = "No sound: this Blender was built without it"
        except Exception as error:  # audaspace raises its own kinds
            self.reason = f"No sound: {error}"

    def play(self) -> None:
        self.stop()
        if self._device is not None:
            try:
                self._handle = self._device.play(self._sound)
            except Exception as error:
                self.reason, self._device = f"No sound: {error}", None

    def stop(self) -> None:
        if self._handle is not None:
            with contextlib.suppress(Exception):  # it has ended
                self._handle.stop()
        self._handle = None

    def close(self) -> None:
        self.stop()
        self._sound = self._device = None


class Pictures:
    """Films' frames as textures, the most recently shown ones kept. ``decode`` reads files, ``texture`` needs a drawing context."""

    def __init__(self):
        self._pixels: dict[Path, np.ndarray] = {}
        self._textures: OrderedDict[Path, gpu.types.GPUTexture] = OrderedDict()
        self._broken: set[Path] = set()

    def has(self, path: Path) -> bool:
        return path in self._textures or path in self._pixels or path in self._broken

    def decode(self, path: Path) -> None:
        """Read one picture; Blender's data is as before when this returns."""
        if self.has(path) or len(self._pixels) >= WAITING_PICTURES:  # the first to be needed are asked for first
            return
        import numpy as np

        try:
            image = bpy.data.images.load(str(path))
        except RuntimeError:
            self._broken.add(path)
            return
        try:
            width, height = image.size
            if not width or not height:
                self._broken.add(path)
                return
            pixels = np.empty(width * height * 4, np.float32)
            image.pixels.foreach_get(pixels)
            self._pixels[path] = (pixels * 255 + 0.5).astype(np.uint8).reshape(height, width, 4)
        finally:
            bpy.data.images.remove(image)

    def texture(self, path: Path) -> gpu.types.GPUTexture | None:
        if path in self._textures:
            self._textures.move_to_end(path)
            return self._textures[path]
        pixels = self._pixels.pop(path, None)
        if pixels is None:
            return None
        height, width = pixels.shape[:2]
        # The region's framebuffer encodes what is drawn, as it does for textures that Blender makes of images.
        data = gpu.types.Buffer("FLOAT", pixels.size, _linear()[pixels.ravel()])
        self._textures[path] = gpu.types.GPUTexture((width, height), format="RGBA16F", data=data)
        while len(self._textures) > KEPT_TEXTURES:
            self._textures.popitem(last=False)
        return self._textures[path]

    def keep(self, paths: Collection[Path]) -> None:
        """Let go of what was read for other films and never drawn: an early answer leaves most of them."""
        self._pixels = {path: pixels for path, pixels in self._pixels.items() if path in paths}

    def clear(self) -> None:
        self._pixels.clear()
        self._textures.clear()


@cache
def _linear() -> np.ndarray:
    """Linear light, float32 [256], of an 8-bit sRGB value (IEC 61966-2-1)."""
    import numpy as np

    value = np.arange(256) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4).astype(np.float32)


class Player:
    """One run of the player over one area. ``step`` at every timer event, ``act`` for what the rater does, ``stop`` at the end."""

    def __init__(self, window: bpy.types.Window, area: bpy.types.Area):
        self.mouse = (-1.0, -1.0)
        self.ended = False
        self.waits: list[float] = []  # seconds from each answer to the next question on the screen
        self._answered: float | None = None
        self._pictures = Pictures()
        self._films: list[films.Film] | None = None
        self._question = None
        self._sound: Sound | None = None
        self._began = 0.0
        self._loops = -1
        self._frame = -1
        self._layout: Layout | None = None
        self._area = area.as_pointer()
        self._window = window.as_pointer()
        self._before = area.ui_type
        area.ui_type = "IMAGE_EDITOR"
        space = area.spaces.active
        self._regions = {name: getattr(space, name) for name in _HIDDEN if hasattr(space, name)}
        for name in self._regions:
            setattr(space, name, False)
        self._handler = bpy.types.SpaceImageEditor.draw_handler_add(self._draw, (), "WINDOW", "POST_PIXEL")
        sitting.listen(self.redraw)
        session = sitting.current()
        if session is not None:
            session.playing = True

    # What the operator calls.

    def area(self) -> bpy.types.Area | None:
        """The borrowed area, or None where it is gone or the user put another editor there."""
        for window in bpy.context.window_manager.windows:
            if window.as_pointer() == self._window:
                for area in window.screen.areas:
                    if area.as_pointer() == self._area and area.type == "IMAGE_EDITOR":
                        return area
        return None

    def region(self) -> bpy.types.Region | None:
        area = self.area()
        return next((r for r in area.regions if r.type == "WINDOW"), None) if area else None

    def step(self) -> bool:
        """Bring films, pictures and sound up to date. Returns False once the player is to end."""
        session = sitting.current()
        if self.ended or session is None or self.area() is None:
            return False
        now = sitting.CLOCK()
        question = session.question
        if question is not self._question:
            self._leave()
            self._question = question
        if question is not None and self._films is None:
            self._films = session.films()
            if self._films is not None:
                self._enter(session, now)
        end = now + DECODE_SECONDS
        if self._films is not None:
            frame, loops = self._at(now)
            self._read(self._upcoming(frame), end)
            if loops > self._loops:
                if self._loops >= 0:
                    session.sitting.played()
                self._loops = loops
                self._sound.play()
            if frame != self._frame:
                self._frame = frame
                self.redraw()
        self._read(self._next_pictures(session), end)
        return True

    def act(self, action: str) -> str:
        """Do what a key or a button means. Returns "end" and "note" for the operator to see to, "" otherwise. Raises UserError."""
        session = sitting.current()
        if session is None or action in ("", "end", "note"):
            return action
        if action == "replay":
            self._restart(count=True)
            return ""
        if action == "undo":
            sitting.undo()
        elif session.question is None or session.question is not self._question or self._films is None:
            return ""  # nothing is on the screen that could be judged, or still the films of the question that was just answered
        elif action == "skip":
            sitting.skip()
        elif action.startswith("take "):
            place = int(action[5:])
            count = len(session.question.takes)
            if place < count:
                (sitting.prefer if count == 2 else sitting.place)(place)
        else:
            (sitting.tie if action == "tie" else sitting.all_bad)()
        if session.question is not self._question:
            self._answered = sitting.CLOCK()
        self.redraw()
        return ""

    def click(self, x: float, y: float) -> str:
        """The action under a place of the region."""
        return click_action(self._layout, x, y) if self._layout else ""

    def redraw(self) -> None:
        area = self.area()
        if area is not None:
            area.tag_redraw()

    def stop(self) -> None:
        """Give everything back, whatever state the window is in. Does nothing the second time."""
        if self.ended:
            return
        self.ended = True
        sitting.unlisten(self.redraw)
        bpy.types.SpaceImageEditor.draw_handler_remove(self._handler, "WINDOW")
        self._leave()
        self._pictures.clear()
        session = sitting.current()
        if session is not None:
            session.playing = False
            sitting.changed()
        area = self.area()
        if area is not None:
            with contextlib.suppress(ReferenceError):
                space = area.spaces.active
                for name, value in self._regions.items():
                    setattr(space, name, value)
                area.ui_type = self._before
                area.tag_redraw()

    # One question.

    def _enter(self, session: sitting.Session, now: float) -> None:
        start, end = session.stretch()
        self._sound = Sound(session.sound, start, end)
        self._began, self._loops, self._frame = now, -1, -1
        self._pictures.keep({path for film in self._films for path in film.frames})
        session.sitting.hidden(now)  # where the panel's film strips were seen until now, the time starts anew
        session.sitting.shown(now)
        self.redraw()

    def _leave(self) -> None:
        if self._sound is not None:
            self._sound.close()
        session = sitting.current()
        if session is not None and self._films is not None and self.ended:
            session.sitting.hidden(sitting.CLOCK())
        self._sound = self._films = self._question = None

    def _restart(self, count: bool) -> None:
        session = sitting.current()
        if session is None or self._films is None:
            return
        if count:
            session.sitting.played()
        self._began, self._loops, self._frame = sitting.CLOCK(), -1, -1

    def _at(self, now: float) -> tuple[int, int]:
        shortest = min(len(film.frames) for film in self._films)
        if shortest == 1:
            return 0, 0
        return film_frame(now - self._began, shortest, self._films[0].fps, PAUSE)

    def _upcoming(self, frame: int) -> list[Path]:
        """Frames of the present films in the order in which they will be needed."""
        count = min(len(film.frames) for film in self._films)
        order = [*range(frame, count), *range(frame)]
        return [film.frames[i] for i in order for film in self._films]

    def _next_pictures(self, session: sitting.Session) -> list[Path]:
        for question in session.sitting.ahead(2)[1:]:
            found = [session.maker.film(take) for take in question.takes]
            if None not in found:
                return [film.frames[i] for i in range(min(AHEAD_FRAMES, len(found[0].frames))) for film in found if i < len(film.frames)]
        return []

    def _read(self, paths: list[Path], end: float) -> None:
        for path in paths:
            if sitting.CLOCK() > end:
                return
            self._pictures.decode(path)

    # Drawing.

    def _draw(self) -> None:
        context = bpy.context
        if context.area is None or context.area.as_pointer() != self._area:
            return
        try:
            self._draw_all(context)
        except Exception as error:  # an error in a draw handler would be printed many times a second
            print(f"Facewright: the player could not draw: {error}")
            self.ended or bpy.app.timers.register(self.stop, first_interval=0.0)

    def _draw_all(self, context: bpy.types.Context) -> None:
        session = sitting.current()
        region = context.region
        scale = context.preferences.system.ui_scale
        _rectangle(0, 0, region.width, region.height, DARK)
        if session is None:
            return
        shown = self._films or []
        size = session.maker.look.size if session.maker.look else 384
        aspect = 1.0
        textures: list = []
        if shown:
            frame = max(self._frame, 0)
            textures = [self._texture(film, frame) for film in shown]
            first = next((t for t in textures if t is not None), None)
            if first is not None:
                aspect, size = first.width / first.height, first.height
        count = len(session.question.takes) if session.question else 0
        layout = self._layout = arrange(region.width, region.height, count, aspect, size, scale)
        self._draw_films(session, layout, textures)
        if self._answered is not None and textures and None not in textures:
            self.waits.append(sitting.CLOCK() - self._answered)
            self._answered = None
        for button in layout.buttons:
            over = button.box.holds(*self.mouse)
            _rectangle(*_of(button.box), HOVER if over else ACCENT if button.weight else GREY)
            _text(button.text, button.box, layout.line, WHITE, "CENTER")
        self._draw_words(session, layout)

    def _texture(self, film: films.Film, frame: int) -> gpu.types.GPUTexture | None:
        """The frame's, or the nearest earlier one that has been read."""
        for i in range(frame, -1, -1):
            found = self._pictures.texture(film.frames[i])
            if found is not None:
                return found
        return None

    def _draw_films(self, session: sitting.Session, layout: Layout, textures: list) -> None:
        for place, box in enumerate(layout.films):
            texture = textures[place] if place < len(textures) else None
            if texture is None:
                _rectangle(*_of(box), GREY)
            else:
                _picture(texture, *_of(box))
                self._draw_region(session, box, self._films[place].split)
            letter = LETTERS[place]
            if place in session.order:
                letter += f"   {session.order.index(place) + 1}."
            tag = box.__class__(
                box.x, box.y + box.height - layout.line * 1.5, layout.line * (1.5 if len(letter) == 1 else 2.6), layout.line * 1.5
            )
            _rectangle(*_of(tag), (*ACCENT[:3], 0.9) if place in session.order else (0.0, 0.0, 0.0, 0.55))
            _text(letter, tag, layout.line, WHITE, "CENTER", 1.1)
            if len(layout.films) == 4 and box.holds(*self.mouse):
                _frame(*_of(box), HOVER)
        if not textures and layout.films:
            made = session.progress
            left = min(box.x for box in layout.films)
            right = max(box.x + box.width for box in layout.films)
            middle = min(box.y for box in layout.films) + (max(b.y + b.height for b in layout.films) - min(b.y for b in layout.films)) / 2
            box = layout.films[0].__class__(left, middle - layout.line, right - left, layout.line * 2)
            _text(
                f"Rendering the takes: {made:.0%}" if session.maker.ready else "Starting the renderer",
                box,
                layout.line,
                WHITE,
                "CENTER",
                1.2,
            )
            _rectangle(left, middle - layout.line * 1.3, (right - left) * made, layout.line * 0.25, HOVER)

    def _draw_region(self, session: sitting.Session, box, split: float) -> None:
        """The part of the face that is not asked about, dimmed."""
        edge = box.y + box.height * split
        if session.sitting.region == "upper":
            _rectangle(box.x, box.y, box.width, edge - box.y, DIM)
        elif session.sitting.region == "lower":
            _rectangle(box.x, edge, box.width, box.y + box.height - edge, DIM)

    def _draw_words(self, session: sitting.Session, layout: Layout) -> None:
        counter = session.sitting.counter
        count = len(session.question.takes) if session.question else 0
        if count:
            asked = question_text(session.sitting.region, session.sitting.axis, count)
        else:
            asked = "All pairs are judged. Esc goes back; start another sitting for new takes."
        _text(asked, layout.title, layout.line, WHITE, "LEFT", 1.15)
        left = session.sitting.left
        _text(f"{counter.votes} vote{'' if counter.votes == 1 else 's'}, {left} to go", layout.title, layout.line, PALE, "RIGHT")
        told = session.sitting.rest_reason or session.message
        if session.sitting.note:
            told = f"Note: {session.sitting.note}"
        _text(told, layout.told, layout.line, PALE, "LEFT")
        if self._sound is not None and self._sound.reason:
            _text(self._sound.reason, layout.told, layout.line, PALE, "RIGHT")
        done = counter.votes / max(counter.votes + left, 1)
        _rectangle(layout.bar.x, layout.bar.y, layout.bar.width, layout.bar.height, GREY)
        _rectangle(layout.bar.x, layout.bar.y, layout.bar.width * done, layout.bar.height, ACCENT)


REGIONS = {"whole": "", "upper": " in the upper face", "lower": " in the lower face"}
AXES = {
    "overall": "is better",
    "timing": "is better timed",
    "mouth": "has the better mouth shapes",
    "expression": "has the better expression",
    "life": "is more alive",
}


AXES_OF_ONE = {
    "overall": "is best",
    "timing": "is best timed",
    "mouth": "has the best mouth shapes",
    "expression": "has the best expression",
    "life": "is most alive",
}


def question_text(region: str, axis: str, count: int) -> str:
    """What is asked, in a sentence."""
    if count == 2:
        return f"Which {AXES[axis]}{REGIONS[region]}?"
    return f"Click them in order, the one first that {AXES_OF_ONE[axis]}{REGIONS[region]}."


_player: Player | None = None


def current() -> Player | None:
    return _player


def start(window: bpy.types.Window, area: bpy.types.Area) -> Player:
    """Open the player over this area. Raises UserError where one runs or no sitting is open."""
    global _player
    if sitting.current() is None:
        raise UserError("No sitting is open.", "Start one.")
    if _player is not None and not _player.ended:
        raise UserError("The player is open already.", "Go on there, or press Esc in it.")
    sitting.on_end(stop)
    _player = Player(window, area)
    return _player


def stop() -> None:
    """Close the player if there is one (Esc, the end of the sitting)."""
    global _player
    player, _player = _player, None
    if player is not None:
        player.stop()


def choose_area(window: bpy.types.Window, preferred: bpy.types.Area | None) -> bpy.types.Area:
    """The area to borrow: this one if it is a 3D View, else the largest 3D View, else the largest area."""
    if preferred is not None and preferred.type == "VIEW_3D":
        return preferred
    areas = sorted(window.screen.areas, key=lambda a: (a.type == "VIEW_3D", a.width * a.height))
    return areas[-1]


def open_by_itself() -> None:
    """From a timer: show the sitting that was just prepared; the panel's button does the same where this cannot."""
    window = dialogs.visible_window()
    if window is None:
        return
    area = choose_area(window, None)
    region = next((r for r in area.regions if r.type == "WINDOW"), None)
    with bpy.context.temp_override(window=window, area=area, region=region):
        bpy.ops.facewright.rank_play("INVOKE_DEFAULT")


# Shapes.


def _of(box) -> tuple[float, float, float, float]:
    return box.x, box.y, box.width, box.height


def _corners(x: float, y: float, width: float, height: float) -> list[tuple[float, float]]:
    return [(x, y), (x + width, y), (x + width, y + height), (x, y + height)]


def _rectangle(x: float, y: float, width: float, height: float, color: tuple[float, float, float, float]) -> None:
    shader = gpu.shader.from_builtin("UNIFORM_COLOR")
    batch = batch_for_shader(shader, "TRIS", {"pos": _corners(x, y, width, height)}, indices=((0, 1, 2), (0, 2, 3)))
    gpu.state.blend_set("ALPHA")
    shader.bind()
    shader.uniform_float("color", color)
    batch.draw(shader)
    gpu.state.blend_set("NONE")


def _frame(x: float, y: float, width: float, height: float, color: tuple[float, float, float, float]) -> None:
    thick = 3
    for box in ((x, y, width, thick), (x, y + height - thick, width, thick), (x, y, thick, height), (x + width - thick, y, thick, height)):
        _rectangle(*box, color)


def _picture(texture: gpu.types.GPUTexture, x: float, y: float, width: float, height: float) -> None:
    shader = gpu.shader.from_builtin("IMAGE")
    corners = {"pos": _corners(x, y, width, height), "texCoord": [(0, 0), (1, 0), (1, 1), (0, 1)]}
    batch = batch_for_shader(shader, "TRIS", corners, indices=((0, 1, 2), (0, 2, 3)))
    shader.bind()
    shader.uniform_sampler("image", texture)
    batch.draw(shader)


def _text(text: str, box, line: float, color: tuple[float, float, float, float], side: str = "LEFT", size: float = 1.0) -> None:
    """A line in a box, cut with dots where it is too long."""
    if not text:
        return
    blf.size(0, line * 0.6 * size)
    blf.color(0, *color)
    width = blf.dimensions(0, text)[0]
    while width > box.width and len(text) > 4:
        text = text[: int(len(text) * 0.9) - 1].rstrip(" .") + "..."
        width = blf.dimensions(0, text)[0]
    x = {"LEFT": box.x, "CENTER": box.x + (box.width - width) / 2, "RIGHT": box.x + box.width - width}[side]
    tall = blf.dimensions(0, "A")[1]
    blf.position(0, x, box.y + (box.height - tall) / 2, 0)
    blf.draw(0, text)
