# SPDX-License-Identifier: GPL-3.0-or-later
"""Live Link Face (Epic Games): ARKit's names with a capital first letter, the same in its CSV files and in Unreal's curve names.

Source: https://dev.epicgames.com/documentation/en-us/unreal-engine/API/Runtime/AugmentedReality/EARFaceBlendShape
"""

from typing import Final

from ..arkit import ARKIT_52

NAMES: Final = {name: (name[0].upper() + name[1:],) for name in ARKIT_52}
