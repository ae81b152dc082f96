# SPDX-License-Identifier: GPL-3.0-or-later
"""Facewright: speech and video to editable ARKit facial animation, inside Blender.

This file stays light: Blender imports it at every start, and the shell, the worker and the tests import it without bpy.
"""


def register() -> None:
    from . import registration

    registration.register()


def unregister() -> None:
    from . import registration

    registration.unregister()
