# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever holds votes, opened by its name: a store, a server, a bundle, a file of votes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..core.content import sha256_of
from . import exchange
from .bundle import Bundle
from .curve_files import CurveFiles
from .merge import Source
from .store import Store


@contextmanager
def opened(place: Path | str) -> Iterator[Source]:
    """A source for ``merge``: .jsonl, .csv, .zip, a votes file or its folder, postgresql://... Raises UserError where it holds no votes."""
    if isinstance(place, str) and "://" in place:
        with Store.open(place, read_only=True) as store:
            yield store
        return
    path = Path(place)
    if path.suffix in {".jsonl", ".csv"}:
        yield exchange.read(path)
    elif path.suffix == ".zip":
        with Bundle(path) as bundle:
            yield bundle
    else:
        with Store.open(path, read_only=True) as store:
            yield store


def add_curves_from(folder: Path, store: Store) -> int:
    """Keep those curves files of a folder, at any depth and under any name, that the store's takes name and lack. Returns how many."""
    missing = store.missing_curves(store.all_takes())
    added = 0
    for path in sorted(folder.rglob("*.npz")) if missing else ():
        if path.stat().st_size <= CurveFiles.LARGEST and (sha := sha256_of(path)) in missing:
            added += store.add_curves(sha, path.read_bytes())
    return added
