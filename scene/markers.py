# SPDX-License-Identifier: GPL-3.0-or-later
"""Timeline markers of our own: what a kind of marker says is replaced as a whole, and markers that an artist made or moved stay.

A marker takes no custom property, so the scene keeps a list of those that we set; one that is no longer as listed is the artist's.
"""
from __future__ import annotations

import json
from collections.abc import Iterable

import bpy

PROPERTY = "facewright_markers"  # on the scene: {kind: [[frame, name], ...]}
LONGEST = 63  # bytes of a marker's name that Blender keeps


def replace(scene: bpy.types.Scene, kind: str, markers: Iterable[tuple[int, str]]) -> int:
    """Take away our markers of this kind that are still as we set them, and set these: (frame, name). Returns how many were set."""
    remove(scene, kind)
    record = _record(scene)
    record[kind] = []
    for frame, name in markers:
        made = scene.timeline_markers.new(shortened(name), frame=frame)
        record[kind].append([made.frame, made.name])
    _keep(scene, record)
    return len(record[kind])


def remove(scene: bpy.types.Scene, kind: str) -> int:
    """Take away our markers of this kind that are still as we set them. Returns how many that were."""
    record = _record(scene)
    ours = [tuple(entry) for entry in record.pop(kind, [])]
    gone = 0
    for marker in list(scene.timeline_markers):
        if (marker.frame, marker.name) in ours:
            ours.remove((marker.frame, marker.name))
            scene.timeline_markers.remove(marker)
            gone += 1
    _keep(scene, record)
    return gone


def shortened(name: str) -> str:
    """What fits in a marker's name, cut between characters."""
    encoded = name.encode()
    return name if len(encoded) <= LONGEST else encoded[: LONGEST - 3].decode(errors="ignore").rstrip() + "..."


def _record(scene: bpy.types.Scene) -> dict[str, list]:
    try:
        found = json.loads(scene.get(PROPERTY, "{}"))
    except (TypeError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _keep(scene: bpy.types.Scene, record: dict[str, list]) -> None:
    if any(record.values()):
        scene[PROPERTY] = json.dumps({kind: entries for kind, entries in record.items() if entries})
    elif PROPERTY in scene:
        del scene[PROPERTY]
