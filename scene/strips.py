# SPDX-License-Identifier: GPL-3.0-or-later
"""Film strips for panels: a few pictures of each film as icons. Loaded from timers, never while something is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

COUNT = 5  # pictures a strip: as many as a sidebar shows side by side

_collection = None  # bpy.utils.previews, made with the first strip
_shown: dict[str, list[str]] = {}  # take -> names in the collection


def show(films: Sequence[tuple[str, Sequence[Path]]]) -> None:
    """Have the strips of these takes (id, pictures) ready, and let go of all others."""
    global _collection
    wanted = {take: list(paths) for take, paths in films}
    if wanted.keys() == _shown.keys():
        return
    clear()
    import bpy.utils.previews

    _collection = bpy.utils.previews.new()
    for take, paths in wanted.items():
        _shown[take] = []
        for i, path in enumerate(paths):
            name = f"{take} {i}"
            _collection.load(name, str(path), "IMAGE")
            _shown[take].append(name)


def icons(take: str) -> list[int]:
    """Icon numbers of a take's strip, empty where it is not ready."""
    return [_collection[name].icon_id for name in _shown.get(take, ())] if _collection is not None else []


def clear() -> None:
    """Give the pictures back."""
    global _collection
    _shown.clear()
    if _collection is not None:
        import bpy.utils.previews

        bpy.utils.previews.remove(_collection)
        _collection = None
