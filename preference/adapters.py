# SPDX-License-Identifier: GPL-3.0-or-later
"""The shelf of adapters: which there are, which is in use, which was before. Reads cards without torch, so the panel can draw them.

An adapter is a safetensors file with a card in its metadata. ``history.json`` beside them says which was in use when, for each model by
itself: rolling back is moving a pointer, and no adapter is ever overwritten or deleted by it. Votes name an adapter by its bytes, so what
the gate says later stands in a file of its own beside it (``.gate.json``).
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Final

from ..core.content import sha256_of
from ..core.errors import UserError
from ..core.paths import replacing

KIND: Final = "facewright-adapter"
VERSION: Final = "1"
SUFFIX: Final = ".safetensors"
HISTORY: Final = "history.json"
BASES: Final = ("speech", "image")  # the models that adapters are for
ASIDE: Final = "removed"  # the folder beside the others where an adapter goes that is taken off: a mistake can be put right
# Bytes: an adapter has a few ten thousand numbers; a larger header is none of ours.
_LARGEST_HEADER: Final = 4 * 1024 * 1024
_KEPT: Final = 200  # entries of the history
_KEY: Final[Mapping[str, str]] = {"speech": "used", "image": "used for images"}  # in the history's file


@dataclass(frozen=True)
class Card:
    """What an adapter says of itself.

    name: for people. base: "speech" or "image", and base_sha256 the weights it belongs to. units: what its numbers correct.
    votes, raters: how many votes by whom taught it. seed, recipe: how it was trained. figures: name -> number, of the check clips before
    and after. gate: what the gate said when it was last asked: {passed, reasons, win_rate, interval, compared}. made: UTC, ISO 8601.
    parents: sha256 of the adapters it was blended from.
    """

    name: str
    base: str
    base_sha256: str
    units: tuple[str, ...]
    votes: int = 0
    raters: tuple[str, ...] = ()
    seed: int = 0
    recipe: Mapping[str, object] = field(default_factory=dict)
    figures: Mapping[str, object] = field(default_factory=dict)
    gate: Mapping[str, object] = field(default_factory=dict)
    made: str = ""
    parents: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether the gate has let it through."""
        return bool(self.gate.get("passed"))

    def to_dict(self) -> dict:
        """Plain data for JSON."""
        return json.loads(json.dumps(asdict(self)))

    def to_metadata(self) -> dict[str, str]:
        """For safetensors, whose metadata are texts."""
        return {"kind": KIND, "version": VERSION, "card": json.dumps(asdict(self), sort_keys=True)}

    def require_base(self, sha256: str, path: Path, base: str) -> None:
        """Raises UserError unless the adapter was tuned on this model ("speech" or "image"), on its weights of this sha256."""
        if self.base != base:
            raise UserError(
                f"The adapter {path.name} is for the {self.base:.20} model and does not fit the {base} model.",
                "Choose one for this model.",
            )
        if self.base_sha256 != sha256:
            raise UserError(
                f"The adapter {path.name} was tuned on other weights ({self.base_sha256[:12]}, these are {sha256[:12]}) and does not fit.",
                "Tune it again on the installed model: the votes are kept and can be used for it.",
            )


@dataclass(frozen=True)
class Shelved:
    """An adapter on the shelf. sha256 of the file's bytes, by which takes name it."""

    path: Path
    sha256: str
    card: Card


def read_card(path: Path | str) -> Card:
    """The card in an adapter file. Raises UserError for a file that is missing or no adapter."""
    path = Path(path)
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if not 2 <= length <= _LARGEST_HEADER:
                raise ValueError("it has no header")
            described = json.loads(file.read(length)).get("__metadata__", {})
    except FileNotFoundError:
        raise UserError(f"There is no adapter at {path}.", "Choose another.") from None
    except OSError as error:
        raise UserError(f"The adapter {path} cannot be read: {error.strerror}.", "Choose another.") from error
    except (ValueError, AttributeError, RecursionError) as error:
        raise UserError(f"{path} is no adapter ({error}).", "Choose a file that Facewright tuned.") from error
    if not isinstance(described, dict) or described.get("kind") != KIND:
        raise UserError(f"{path} is no adapter.", "Choose a file that Facewright tuned.")
    if described.get("version") != VERSION:
        raise UserError(f"The adapter {path} is of version {described.get('version')!r:.20}.", f"This Facewright reads version {VERSION}.")
    try:
        told = json.loads(described["card"])
        known = {f.name for f in fields(Card)}
        card = Card(**{k: tuple(v) if isinstance(v, list) else v for k, v in told.items() if k in known})
        texts = (card.name, card.base, card.base_sha256, card.made, *card.units, *card.raters, *card.parents)
        if not all(isinstance(t, str) for t in texts) or not all(isinstance(t, dict) for t in (card.recipe, card.figures, card.gate)):
            raise ValueError("a field is of the wrong kind")
        if isinstance(card.votes, bool) or not isinstance(card.votes, int):
            raise ValueError("a field is of the wrong kind")
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise UserError(f"The card of the adapter {path} cannot be read ({error}).", "Choose another.") from error
    verdict = _recorded(path)
    return card if verdict is None else replace(card, gate=verdict)


def gate_path(path: Path | str) -> Path:
    """Where the gate's last word on an adapter lies."""
    return Path(path).with_suffix(".gate.json")


def record_gate(path: Path | str, verdict: Mapping[str, object]) -> None:
    """Keep what the gate says of an adapter; from then on it is on its card. Raises UserError where it cannot be written."""
    with replacing(gate_path(path)) as temporary:
        temporary.write_text(json.dumps({"adapter": sha256_of(path), "gate": dict(verdict)}, indent=1) + "\n", "utf-8")


def _recorded(path: Path) -> dict | None:
    """The recorded verdict; None where there is none, or one on other bytes."""
    try:
        told = json.loads(gate_path(path).read_text("utf-8"))
        return told["gate"] if isinstance(told["gate"], dict) and told["adapter"] == sha256_of(path) else None
    except (OSError, ValueError, KeyError, TypeError, RecursionError, UserError):
        return None


@dataclass(frozen=True)
class Shelf:
    """A folder of adapters, made when first written to; by default ``adapters`` in the data folder."""

    folder: Path

    @staticmethod
    def of(data_folder: Path | str) -> Shelf:
        """The data folder's own."""
        return Shelf(Path(data_folder) / "adapters")

    def listed(self) -> tuple[Shelved, ...]:
        """Every readable adapter, the newest first; files that are none are left out."""
        found = []
        for path in sorted(self.folder.glob(f"*{SUFFIX}")) if self.folder.is_dir() else ():
            try:
                found.append(Shelved(path, sha256_of(path), read_card(path)))
            except UserError:
                continue
        return tuple(sorted(found, key=lambda s: s.card.made, reverse=True))

    def free_path(self, name: str) -> Path:
        """A path in the folder for an adapter of this name that no file has yet."""
        stem = "".join(c if c.isalnum() or c in "-_" else "-" for c in name).strip("-")[:60] or "adapter"
        self._make_folder()
        path, number = self.folder / f"{stem}{SUFFIX}", 1
        while path.exists():
            number += 1
            path = self.folder / f"{stem}-{number}{SUFFIX}"
        return path

    def active(self, base: str = "speech") -> Shelved | None:
        """The adapter in use for a model; None for the model as it ships (also where its file is gone)."""
        history = self._history(base)
        return self._named(history[-1], base) if history else None

    def previous(self, base: str = "speech") -> Shelved | None:
        """What ``roll_back`` would go back to; None for the model as it ships."""
        history = self._history(base)
        return self._named(history[-2], base) if len(history) > 1 else None

    def use(self, path: Path | str | None, base: str = "speech") -> None:
        """Use this adapter for its model from now on; None for the model ``base`` as it ships. Raises UserError where the file is no
        adapter."""
        name = ""
        if path is not None:
            path = Path(path)
            base = read_card(path).base
            if base not in BASES:
                raise UserError(f"The adapter {path.name} is for the model '{base:.20}', which is none of ours.", "Choose another.")
            if path.resolve().parent != self.folder.resolve():
                raise UserError(f"The adapter {path} is not on the shelf {self.folder}.", "Import it first.")
            name = path.name
        history = self._history(base)
        if name != (history[-1] if history else ""):
            self._remember(base, [*(history or [""]), name])

    def can_roll_back(self, base: str = "speech") -> bool:
        """Whether there is an earlier choice."""
        return len(self._history(base)) > 1

    def roll_back(self, base: str = "speech") -> Shelved | None:
        """Go back to what was used before, and return it (None: the model as it ships). Raises UserError where nothing was."""
        history = self._history(base)
        if len(history) < 2:
            raise UserError("There is no earlier adapter to go back to.")
        self._remember(base, history[:-1])
        return self.active(base)

    def import_file(self, path: Path | str) -> Path:
        """Copy an adapter that came from elsewhere onto the shelf; one that is there already is found by its content."""
        card, own = read_card(path), sha256_of(path)
        for shelved in self.listed():
            if shelved.sha256 == own:
                return shelved.path
        target = self.free_path(card.name or Path(path).stem)
        with replacing(target) as temporary:
            shutil.copyfile(path, temporary)
        return target

    def put_aside(self, path: Path | str) -> Path:
        """Move an adapter and what the gate said of it into the folder ``ASIDE``, over nothing that lies there; returns where it is.

        If it was in use, the model is used as it ships. Raises UserError where the file cannot be moved.
        """
        path = Path(path)
        used = [base for base in BASES if (active := self.active(base)) is not None and active.path.name == path.name]
        target = Shelf(self.folder / ASIDE).free_path(path.stem)
        try:
            path.rename(target)
            if gate_path(path).is_file():
                gate_path(path).replace(gate_path(target))
        except OSError as error:
            raise UserError(f"{path.name} could not be moved: {error.strerror}.", "Check the folder's rights.") from error
        for base in used:
            self.use(None, base)
        return target

    def export_file(self, path: Path | str, target: Path | str) -> None:
        """Copy an adapter from the shelf to where the user says."""
        read_card(path)
        with replacing(target) as temporary:
            shutil.copyfile(path, temporary)

    def _named(self, name: str, base: str) -> Shelved | None:
        if not name:
            return None
        path = self.folder / name
        try:
            shelved = Shelved(path, sha256_of(path), read_card(path))
        except UserError:
            return None
        return shelved if shelved.card.base == base else None

    def _history(self, base: str) -> list[str]:
        """File names in the order of use, "" for none; what is no plain file name of ours is dropped."""
        try:
            told = json.loads((self.folder / HISTORY).read_text("utf-8"))
            return [n for n in told[_KEY[base]] if isinstance(n, str) and n == Path(n).name]
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return []

    def _remember(self, base: str, history: list[str]) -> None:
        self._make_folder()
        kept = {_KEY[b]: history if b == base else self._history(b) for b in BASES}
        with replacing(self.folder / HISTORY) as temporary:
            temporary.write_text(json.dumps({key: names[-_KEPT:] for key, names in kept.items()}, indent=1) + "\n", "utf-8")

    def _make_folder(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"Cannot make the folder {self.folder}: {error.strerror}.", "Choose another data folder.") from error
