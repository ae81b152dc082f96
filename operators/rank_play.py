# SPDX-License-Identifier: GPL-3.0-or-later
"""The player's keys and mouse: a modal operator around ``scene.player``."""
import bpy

from ..core.errors import UserError
from ..scene import sitting
from .verb import Verb

TIMER_SECONDS = 1 / 60  # finer than any film's frame


class FACEWRIGHT_OT_rank_play(Verb, bpy.types.Operator):
    bl_idname = "facewright.rank_play"
    bl_label = "Open the Player"
    bl_description = (
        "Show the takes side by side in place of the 3D View, with sound: 1 and 2 choose, = is a tie, 0 finds all bad, "
        "Space plays again, Backspace takes a vote back, S skips, N notes, Esc closes"
    )

    @classmethod
    def disabled_reason(cls, context: bpy.types.Context) -> str:
        if sitting.current() is None:
            return "No sitting is open. Start one."
        if sitting.current().playing:
            return "The player is open already."
        return ""

    def execute(self, context: bpy.types.Context) -> set[str]:
        self.report({"WARNING"}, "The player needs a window; in the background, vote with facewright.rank_act")
        return {"CANCELLED"}

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if bpy.app.background or context.window is None:
            return self.execute(context)
        return self.guarded(lambda: self._start(context))

    def _start(self, context: bpy.types.Context) -> set[str]:
        from ..scene import player  # not above: enabling the add-on need not draw

        self._player = player.start(context.window, player.choose_area(context.window, context.area))
        self._timer = context.window_manager.event_timer_add(TIMER_SECONDS, window=context.window)
        context.window_manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        return self.guarded(lambda: self._modal(context, event)) or {"RUNNING_MODAL"}

    def guarded(self, work) -> set[str]:
        """As every verb's, but trouble that can be told does not close the player."""
        try:
            return work()
        except UserError as error:
            self.report({"ERROR"}, str(error))
            return set()
        except Exception:
            self._end(bpy.context)
            return super().guarded(_again)

    def _modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        current = self._player
        if event.type == "TIMER":
            return {"PASS_THROUGH"} if current.step() else self._end(context)
        region = current.region()
        if current.ended or region is None:
            return self._end(context)
        x, y = event.mouse_x - region.x, event.mouse_y - region.y
        inside = 0 <= x < region.width and 0 <= y < region.height
        if event.type in {"MOUSEMOVE", "INBETWEEN_MOUSEMOVE"}:
            current.mouse = (x, y)
            current.redraw()
            return {"RUNNING_MODAL"} if inside else {"PASS_THROUGH"}
        if event.type.endswith("MOUSE") or event.type.startswith(("WHEEL", "TRACKPAD", "MOUSE")):
            if not inside:
                return {"PASS_THROUGH"}
            pressed = event.type == "LEFTMOUSE" and event.value in {"PRESS", "DOUBLE_CLICK"}
            return self._do(context, current.click(x, y) if pressed else "")
        if event.type.startswith("WINDOW") or event.type in {"TIMER_REPORT", "TIMERREGION", "NONE"}:
            return {"PASS_THROUGH"}
        if event.value != "PRESS" or event.is_repeat:  # a key that is held must not cast votes
            return {"RUNNING_MODAL"}
        from ..scene.player_layout import key_action

        opened = sitting.current()
        count = len(opened.question.takes) if opened and opened.question else 0
        return self._do(context, key_action(event.type, event.unicode, event.ctrl or event.oskey, count))

    def _do(self, context: bpy.types.Context, action: str) -> set[str]:
        what = self._player.act(action)
        if what == "end":
            return self._end(context)
        if what == "note" and sitting.current() and sitting.current().question:
            bpy.ops.facewright.rank_note("INVOKE_DEFAULT")
        return {"RUNNING_MODAL"}

    def _end(self, context: bpy.types.Context) -> set[str]:
        if self._timer is not None:
            context.window_manager.event_timer_remove(self._timer)
            self._timer = None
        self._player.stop()
        return {"FINISHED"}

    def cancel(self, context: bpy.types.Context) -> None:
        """Blender ends it: the window closes, another file is opened."""
        self._end(context)


def _again() -> set[str]:
    """Raises what is being handled once more, for ``Verb.guarded`` to tell of."""
    raise
