# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said and when: words and phones with times, as data that is saved with a take, edited by hand and drives the face again."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from ...core.errors import UserError
from ...core.paths import replacing

VOWELS: Final = ("AA", "AE", "AH", "AO", "AW", "AY", "EH", "ER", "EY", "IH", "IY", "OW", "OY", "UH", "UW")
CONSONANTS: Final = (
    "B", "CH", "D", "DH", "F", "G", "HH", "JH", "K", "L", "M", "N", "NG", "P", "R", "S", "SH", "T", "TH", "V", "W", "Y", "Z", "ZH",
)  # fmt: skip
ARPABET: Final = frozenset(VOWELS + CONSONANTS)

# Two neighbours may overlap by this much (s): times are written with three decimals.
_ROUNDING = 0.0011


@dataclass(frozen=True)
class Phone:
    """One speech sound: ARPAbet ``label`` without stress, ``start`` and ``end`` in seconds from the start of the sound.

    stress: 0 none, 1 primary, 2 secondary (vowels only; 0 where no script says it). confidence: 0..1, 1 for a phone set by hand.
    """

    label: str
    start: float
    end: float
    stress: int = 0
    confidence: float = 1.0


@dataclass(frozen=True)
class Word:
    """One word of the script as it is written there, seconds, confidence 0..1."""

    label: str
    start: float
    end: float
    confidence: float = 1.0


@dataclass(frozen=True)
class PhoneTrack:
    """Words and phones in the order of time; what lies between two phones is silence. Without a script there are no words.

    Raises UserError where an entry has no length, overlaps the one before, or names an unknown phone.
    """

    phones: tuple[Phone, ...] = ()
    words: tuple[Word, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "phones", tuple(self.phones))
        object.__setattr__(self, "words", tuple(self.words))
        for kind, entries in (("phone", self.phones), ("word", self.words)):
            before = 0.0
            for number, entry in enumerate(entries, 1):
                where = f"{kind} {number} ('{entry.label}')"
                if not (math.isfinite(entry.start) and math.isfinite(entry.end)) or entry.start < 0:
                    raise UserError(
                        f"The phone track's {where} starts or ends at no valid time.", "Times are seconds from the start of the sound."
                    )
                if entry.end <= entry.start:
                    raise UserError(f"The phone track's {where} ends at {entry.end:.3f} s, not after its start.", "Give it a length.")
                if entry.start < before - _ROUNDING:
                    raise UserError(
                        f"The phone track's {where} starts at {entry.start:.3f} s, before the {kind} ahead of it ends ({before:.3f} s).",
                        "Entries stand in the order of time and do not overlap.",
                    )
                if not 0.0 <= entry.confidence <= 1.0:
                    raise UserError(f"The phone track's {where} has the confidence {entry.confidence}.", "It lies between 0 and 1.")
                before = entry.end
        for number, phone in enumerate(self.phones, 1):
            if phone.label not in ARPABET:
                raise UserError(
                    f"The phone track's phone {number} is called '{phone.label}', which is no ARPAbet phone.",
                    "Use the 39 labels of the CMU dictionary, such as AA, B or SH, without stress digits.",
                )
            if phone.stress not in (0, 1, 2):
                raise UserError(f"The phone track's phone {number} ('{phone.label}') has the stress {phone.stress}.", "Use 0, 1 or 2.")

    def pauses(self, duration: float, shortest: float = 0.0) -> list[tuple[float, float]]:
        """(start, end) of the silences between phones, before the first and after the last, of at least ``shortest`` seconds."""
        edges = [
            0.0,
            *(t for phone in self.phones for t in (phone.start, phone.end)),
            max(duration, self.phones[-1].end if self.phones else 0.0),
        ]
        return [(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if b - a > max(shortest, _ROUNDING)]

    def to_dict(self) -> dict:
        """Plain data for JSON; times rounded to a millisecond."""
        return {kind: [_rounded(asdict(e)) for e in getattr(self, kind)] for kind in ("words", "phones")}

    @classmethod
    def from_dict(cls, data: object) -> PhoneTrack:
        """The inverse of ``to_dict``. Raises UserError where the data are no phone track."""
        if not isinstance(data, dict) or not isinstance(data.get("phones"), list) or not isinstance(data.get("words", []), list):
            raise UserError("This is no phone track.", 'It is an object with the lists "words" and "phones".')
        return cls(
            tuple(_entry(Phone, e, n) for n, e in enumerate(data["phones"], 1)),
            tuple(_entry(Word, e, n) for n, e in enumerate(data.get("words", []), 1)),
        )


def save(track: PhoneTrack, path: Path | str) -> None:
    """Write the track as JSON. Raises UserError where the file cannot be written."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(track.to_dict(), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def load(path: Path | str) -> PhoneTrack:
    """Read a track that ``save`` wrote. Raises UserError where it is missing or no phone track."""
    try:
        data = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"Cannot read the phone track {path}: {error.strerror}.", "Choose another file.") from error
    except ValueError as error:
        raise UserError(f"{path} is no JSON text.", "Choose a phone track that Facewright saved.") from error
    return PhoneTrack.from_dict(data)


def _rounded(entry: dict) -> dict:
    return {k: round(v, 3) if isinstance(v, float) else v for k, v in entry.items()}


def _entry(kind: type, data: object, number: int):
    name = kind.__name__.lower()
    if not isinstance(data, dict):
        raise UserError(f"The phone track's {name} {number} is no object.", "It has label, start and end.")
    try:
        fields = {"label": str(data["label"]), "start": float(data["start"]), "end": float(data["end"])}
        fields["confidence"] = float(data.get("confidence", 1.0))
        if kind is Phone:
            fields["stress"] = int(data.get("stress", 0))
    except KeyError as error:
        raise UserError(f"The phone track's {name} {number} has no {error.args[0]}.", "It has label, start and end.") from error
    except (TypeError, ValueError, OverflowError) as error:
        raise UserError(
            f"The phone track's {name} {number} holds something that is no number where a number belongs.", "Times are seconds."
        ) from error
    return kind(**fields)
