# SPDX-License-Identifier: GPL-3.0-or-later
"""ICT-FaceKit (USC Institute for Creative Technologies): ``_L`` and ``_R``, browInnerUp and cheekPuff in two halves, no tongueOut.

Source: https://github.com/ICT-VGL/ICT-FaceKit (the expression names of the light model)
"""

from typing import Final

from ..arkit import ARKIT_52

_HALVED: Final = ("browInnerUp", "cheekPuff")


def _own_names(name: str) -> tuple[str, ...]:
    if name in _HALVED:
        return f"{name}_L", f"{name}_R"
    if name in ("jawLeft", "jawRight", "mouthLeft", "mouthRight"):  # directions, not sides
        return (name,)
    for side in ("Left", "Right"):
        if name.endswith(side):
            return (f"{name.removesuffix(side)}_{side[0]}",)
    return (name,)


NAMES: Final = {name: _own_names(name) for name in ARKIT_52 if name != "tongueOut"}
