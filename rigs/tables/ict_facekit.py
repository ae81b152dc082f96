# SPDX-License-Identifier: GPL-3.0-or-later
"""ICT-FaceKit (USC Institute for Creative Technologies): ``_L`` and ``_R``, with browInnerUp and cheekPuff in two halves; it has no tongueOut.

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
    return (name.removesuffix("Left") + "_L",) if name.endswith("Left") else (name.removesuffix("Right") + "_R",) if name.endswith("Right") else (name,)


NAMES: Final = {name: _own_names(name) for name in ARKIT_52 if name != "tongueOut"}
