# SPDX-License-Identifier: GPL-3.0-or-later
"""``facewright votes export|import|merge|stats``: the store of votes from a shell, for studios with many seats."""

from __future__ import annotations

from argparse import Namespace
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

from ..core.errors import UserError
from ..preference import bundle, exchange, raters
from ..preference.merge import Merged, merge
from ..preference.sources import add_curves_from, opened
from ..preference.store import Store
from .result import Result
from .work import warn


def run(options: Namespace) -> Result:
    return {"export": export, "import": bring, "merge": join, "stats": stats}[options.action](options)


def place(options: Namespace) -> Path | str:
    """The store that is meant: the one named, or the user's own."""
    return options.store if options.store is not None else options.seat.data_folder / "votes"


def existing(options: Namespace) -> Store:
    """The store that is meant, where there is one: a mistyped path makes no empty one."""
    where = place(options)
    if isinstance(where, str) and "://" in where:
        return Store.open(where, read_only=True)
    if not Store.file(where).is_file():
        raise UserError(f"There are no votes at {where}.", "Give --store, or vote in Blender first.")
    return Store.open(where)


def export(options: Namespace) -> Result:
    zipped = options.out.suffix == ".zip"
    if (options.clips or options.include_sound or options.include_pictures) and not zipped:
        raise UserError("Only a bundle can hold clips.", "Give the file a name that ends in .zip.")
    if (options.include_sound or options.include_pictures) and not options.clips:
        raise UserError("Where the clips lie is not said.", "Give --clips FOLDER.")
    with existing(options) as store:
        if not zipped:
            written = exchange.write(store, options.out)
            return Result(f"{options.out}: {written.votes} votes in {written.rows} rows.", {"out": str(options.out), **asdict(written)})
        strips = bundle.film_strips(options.seat.data_folder / "renders") if options.renders else {}
        packed = bundle.pack(store, options.out, strips, options.clips, options.include_sound, options.include_pictures)
    warn(packed.left_out)
    text = f"{options.out}: {packed.records} records, {packed.takes} takes, {packed.curves} curves files, {packed.renders} pictures, "
    return Result(f"{text}{packed.clips} clips.", {**asdict(packed), "path": str(options.out)})


def bring(options: Namespace) -> Result:
    for path in options.files:
        if path.suffix not in {".jsonl", ".csv", ".zip"}:
            raise UserError(f"'{path.name}' ends in neither .jsonl nor .csv nor .zip.", "'votes merge' reads stores.")
    if options.curves and not options.curves.is_dir():
        raise UserError(f"There is no folder {options.curves}.")
    with ExitStack() as stack:
        sources = [stack.enter_context(opened(path)) for path in options.files]  # all are sound before anything is written
        store = stack.enter_context(Store.open(place(options)))
        done = [merge(source, store) for source in sources]
        found = add_curves_from(options.curves, store) if options.curves else 0
    return told(done, f"\n{found} curves files found in {options.curves}." if options.curves else "")


def join(options: Namespace) -> Result:
    if not options.sources and not options.to and not options.alias:
        raise UserError("Nothing to merge.", "Name a source, or a target with --to.")
    aliases = [pair(text) for text in options.alias]
    done = []
    with ExitStack() as stack:
        # The target first: a source may be the same server, which only gets its tables by that. A source that cannot be opened stops the
        # merge before any vote was moved.
        target = stack.enter_context(Store.open(options.to)) if options.to else None
        sources = [stack.enter_context(opened(source)) for source in options.sources]
        store = stack.enter_context(Store.open(place(options)) if sources or aliases else existing(options))
        done += [merge(source, store) for source in sources]
        for rater, person in aliases:
            store.add_alias(rater, person)
        if target is not None:
            done.append(merge(store, target))
    return told(done)


def pair(text: str) -> tuple[str, str]:
    rater, equals, person = text.partition("=")
    if not equals:
        raise UserError(f"'{text}' is no alias.", "Write NAME=PERSON.")
    return rater.strip(), person.strip()


def told(done: list[Merged], more: str = "") -> Result:
    warn([sentence for merged in done for sentence in merged.warnings])
    return Result("\n".join(map(str, done)) + more or "Done.", {"merged": [asdict(merged) for merged in done]})


def stats(options: Namespace) -> Result:
    with existing(options) as store:
        counted, people = store.stats(), store.people()
        agreed = raters.agreements(store.votes(), people) if options.agreement else {}
        judged = [raters.assess(tally, agreed.get(name, (0, 0))) for name, tally in raters.by_person(counted.raters, people).items()]
        checked = store.check_curves() if options.check else None
        where = store.place
    judged.sort(key=lambda rater: (-rater.votes, rater.name))
    lines = [
        f"{where}: {counted.votes} votes by {len(judged)} raters from {counted.seats} seats on {counted.takes} takes "
        f"({counted.bytes / 2**20:.1f} MB).",
        f"{counted.ties} ties, {counted.both_bad} both bad, {counted.retracted} taken back, {counted.disputed} disputed.",
    ]
    for name, counts in (("region", counted.regions), ("axis", counted.axes)):
        if counts:
            most_first = sorted(counts.items(), key=lambda item: -item[1])
            lines.append(f"By {name}: " + ", ".join(f"{key} {count}" for key, count in most_first) + ".")
    if counted.votes:
        lines.append(f"First {counted.first}, last {counted.last}.")
    for rater in judged:
        agreement = f"; agrees with the others in {rater.agreement}" if rater.agreement.count else ""
        lines.append(f"  {rater.name}: {rater.votes} votes, weight {rater.weight:g}; same answer again: {rater.consistency}{agreement}")
        lines.append(f"    {rater.sentence}")
    if checked is not None:
        lines.append(", ".join(f"{len(ids)} {name}" for name, ids in checked.items()) + " curves files.")
    data = {
        **{name: value for name, value in asdict(counted).items() if name != "raters"},
        "place": where,
        "raters": [asdict(rater) for rater in judged],
        **({"curves": checked} if checked is not None else {}),
    }
    return Result("\n".join(lines), data)
