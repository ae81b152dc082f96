# SPDX-License-Identifier: GPL-3.0-or-later
"""Which shape keys of the chosen objects a bake writes to, and what stands in the way. Reads only."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import bpy

from ..core.errors import UserError
from ..rigs.arkit import ARKIT_52, HEAD_AND_EYES
from ..rigs.detect import MatchReport
from ..rigs.mapping import Mapping, best_mapping


@dataclass(frozen=True)
class Target:
    """One Key data-block to write to.

    key:      shared by linked duplicates, so one target for all of them
    objects:  the names of the chosen objects that use it
    mapping:  curves to this Key's shape keys, limited to the sliders' ranges; never holds a driven or locked channel
    matches:  what was recognised among its names
    """

    key: bpy.types.Key
    objects: tuple[str, ...]
    mapping: Mapping
    matches: MatchReport

    @property
    def label(self) -> str:
        return self.objects[0]


def value_path(shape_key: str) -> str:
    """The data path of a shape key's value, from its Key."""
    return f'key_blocks["{bpy.utils.escape_identifier(shape_key)}"].value'


def channel_name(path: str) -> str:
    """What to call a data path of a Key in a sentence: the shape key's name, or the path itself where it is no shape key's value."""
    found = re.fullmatch(r'key_blocks\["(.*)"\]\.value', path, re.DOTALL)
    return bpy.utils.unescape_identifier(found[1]) if found else path


def with_shape_keys(objects: Iterable[bpy.types.Object]) -> list[tuple[bpy.types.Key, list[bpy.types.Object]]]:
    """Each Key data-block once, with the objects that use it, in the order they were given."""
    found: dict[int, tuple[bpy.types.Key, list[bpy.types.Object]]] = {}
    for obj in objects:
        key = getattr(obj.data, "shape_keys", None)
        if key is not None:
            found.setdefault(key.as_pointer(), (key, []))[1].append(obj)
    return list(found.values())


def find(
    objects: Sequence[bpy.types.Object], names: Sequence[str], mapping: Mapping | None = None
) -> tuple[tuple[Target, ...], tuple[str, ...]]:
    """Targets for curves with these names, and warnings (sentences).

    mapping: a rig's own; without it each object's names are recognised by spelling. Curve names that are not ARKit's go to shape keys of
    the very same name. Objects that cannot take the bake are left out with a warning as long as another can; UserError where none can.
    """
    if not objects:
        raise UserError(
            "No object is selected.", "Select the character's face, and its teeth, tongue, brows and lashes if they have shape keys."
        )
    owners = with_shape_keys(objects)
    if not owners:
        one = len(objects) == 1
        raise UserError(
            f"'{objects[0].name}' has no shape keys." if one else f"None of the {len(objects)} selected objects has shape keys.",
            "Select a mesh with ARKit shape keys (jawOpen, eyeBlinkLeft, ...).",
        )
    targets: list[Target] = []
    problems: list[UserError] = []
    warnings: list[str] = []
    for key, users in owners:
        try:
            targets.append(_target(key, users, names, mapping, warnings))
        except UserError as problem:
            problems.append(problem)
    if not targets:
        others = f" The same goes for {len(problems) - 1} more of the selected objects." if len(problems) > 1 else ""
        raise UserError(problems[0].message + others, problems[0].hint)
    return tuple(targets), tuple([p.message + " It was left out." for p in problems] + warnings)


def _target(
    key: bpy.types.Key, users: list[bpy.types.Object], names: Sequence[str], mapping: Mapping | None, warnings: list[str]
) -> Target:
    label = users[0].name
    if key.library is not None:
        raise UserError(
            f"The shape keys of '{label}' are linked from {bpy.path.basename(key.library.filepath)} and cannot be animated here.",
            "Make a library override of the object and its data, or make both local.",
        )
    if not key.use_relative:
        raise UserError(
            f"The shape keys of '{label}' are absolute, so they have no values to animate.", "Turn on Relative in its Shape Keys panel."
        )
    reference = key.reference_key.name if key.reference_key else ""
    blocks = {block.name: block for block in key.key_blocks if block.name != reference}
    recognised, matches = best_mapping(blocks)
    chosen = (mapping or recognised).within(blocks)
    sources = set(names)
    # A curve of the shape key's very own name wins over what that name is recognised as, unless the curves have that as well.
    direct = {n: {n: 1.0} for n in names if n in blocks and n not in ARKIT_52 and sources.isdisjoint(chosen.channels.get(n, ()))}
    wanted = {own: weights for own, weights in {**chosen.channels, **direct}.items() if not sources.isdisjoint(weights)}
    if not wanted:
        raise UserError(
            _nothing_matches(label, blocks, mapping, matches), "Name them as ARKit does (jawOpen, eyeBlinkLeft, ...), or choose a mapping."
        )

    reached = {source for weights in wanted.values() for source in weights}
    lost = [name for name in names if name not in reached and name not in ARKIT_52 and name not in HEAD_AND_EYES]
    if lost:
        warnings.append(f"'{label}' has no shape key for {_listed(lost)}.")
    driven = [own for own in wanted if value_path(own) in _driven_paths(key)]
    if driven:
        if len(driven) == len(wanted):
            raise UserError(
                f"Every matching shape key of '{label}' has a driver, and a driver wins over keys.",
                "Delete the drivers, or bake onto what drives them.",
            )
        warnings.append(f"'{label}': {_listed(driven)} {'has a driver and was' if len(driven) == 1 else 'have drivers and were'} left out.")
    muted = [own for own in wanted if blocks[own].mute]
    if muted:
        warnings.append(f"'{label}': {_listed(muted)} {'is' if len(muted) == 1 else 'are'} muted and will not be seen to move.")
    pinned = [user.name for user in users if user.show_only_shape_key]
    if pinned:
        warnings.append(f"'{pinned[0]}' shows one pinned shape key only: unpin it in the Shape Keys panel to see it move.")
    limits = {own: (blocks[own].slider_min, blocks[own].slider_max) for own in wanted}
    kept = {own: weights for own, weights in wanted.items() if own not in driven}
    return Target(
        key, tuple(u.name for u in users), Mapping(kept, chosen.limits).within(kept).with_limits(_narrower(chosen.limits, limits)), matches
    )


def _narrower(own: dict[str, tuple[float, float]], slider: dict[str, tuple[float, float]]) -> dict[str, tuple[float, float]]:
    """A mapping's own limits inside the slider's range."""
    return {
        name: (max(low, min(own[name][0], high)), min(high, max(own[name][1], low))) if name in own else (low, high)
        for name, (low, high) in slider.items()
    }


def _driven_paths(key: bpy.types.Key) -> set[str]:
    return {driver.data_path for driver in key.animation_data.drivers} if key.animation_data else set()


def _nothing_matches(label: str, blocks: Iterable[str], mapping: Mapping | None, matches: MatchReport) -> str:
    own = list(blocks)
    if not own:
        return f"'{label}' has only its basis shape key."
    if mapping is not None:
        return f"None of the {len(own)} shape keys of '{label}' is in the mapping{f' {mapping.name}' if mapping.name else ''}."
    if matches.count:
        return f"The curves have none of the channels that '{label}' has ({_listed(list(matches.matched))})."
    return f"None of the {len(own)} shape keys of '{label}' ({_listed(own)}) is an ARKit name."


def _listed(names: Sequence[str], most: int = 4) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
