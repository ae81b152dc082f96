# SPDX-License-Identifier: GPL-3.0-or-later
"""A studio bundle: one zip with a seat's votes, their curves and small pictures of the takes, for another store to merge.

Everything that was appended is in it, also what was taken back. No voice and no face leaves the seat unless both the folder of the clips
and their kind were given: a video holds a face and a voice, so it needs both words. Whoever reads a bundle trusts nothing in it: names
inside are matched, never used as paths, sizes are bounded before anything is unpacked, and every file must have the sha256 that the
manifest states.
"""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ..core.content import sha256_of
from ..core.errors import UserError
from ..core.paths import replacing
from . import schema
from .store import Store
from .votes import Record, Take, canonical, loads, now

FORMAT: Final = "facewright-votes"
MANIFEST: Final = "manifest.json"
RECORDS: Final = "records.jsonl"
TAKES: Final = "takes.jsonl"
SMALL: Final = 2 * 2**20  # bytes of one picture; larger ones are no small render and are left out
LARGEST_FILE: Final = 2**30  # a million votes are 0.9 GB of text
LARGEST_BUNDLE: Final = 16 * 2**30
MOST_FILES: Final = 500_000
PICTURES: Final = (".png", ".jpg", ".jpeg", ".webp")  # formats that hold no sound
SOUNDS: Final = (".wav", ".flac", ".ogg", ".opus", ".mp3", ".aiff", ".aif")  # formats that hold no picture of the speaker

_NAMES: Final = re.compile(
    r"(?:manifest\.json|records\.jsonl|takes\.jsonl|curves/[0-9a-f]{64}\.npz"
    r"|renders/[0-9a-f]{64}/[0-9]{4}\.(?:png|jpg|jpeg|webp)|clips/[0-9a-f]{64}(?:\.[a-z0-9]{1,5})?)"
)


@dataclass(frozen=True)
class Packed:
    """What a bundle holds. left_out: sentences about files that did not fit."""

    path: Path
    records: int
    takes: int
    curves: int
    renders: int
    clips: int
    bytes: int
    left_out: tuple[str, ...]


def pack(
    store: Store,
    path: Path,
    renders: Mapping[str, Iterable[Path]] | None = None,
    clips: Path | None = None,
    include_sound: bool = False,
    include_pictures: bool = False,
) -> Packed:
    """Write all that a store holds into one zip; an older file is replaced in one step.

    renders: take id -> small pictures of it in order (the character, not the speaker)
    clips: a folder in which the sounds, videos and photos lie that the takes were made from; they are found by their content
    include_sound, include_pictures: the user ticked that voices, that faces may leave the seat. A video is included with both only.
    Raises UserError where the name does not end in .zip or something cannot be read or written.
    """
    if path.suffix != ".zip":
        raise UserError(f"'{path.name}' does not end in .zip.", "Give the bundle a name that does.")
    files: dict[str, dict] = {}
    counts = dict.fromkeys(("records", "takes", "curves", "renders", "clips"), 0)
    left_out: list[str] = []
    sources: set[str] = set()
    with replacing(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED, allowZip64=True) as file:
        with _Member(file, RECORDS, files) as member:
            for record in store.records():
                member.write((canonical(record.to_json()) + "\n").encode("ascii"))
                counts["records"] += 1
        curves: set[str] = set()
        takes: list[str] = []
        with _Member(file, TAKES, files) as member:
            for take in store.all_takes():
                member.write((canonical(take.to_json()) + "\n").encode("ascii"))
                curves.add(take.curves)
                takes.append(take.id)
                sources.add(take.clip)
                counts["takes"] += 1
        for sha in sorted(curves):
            if (data := store.curves(sha)) is None:
                continue
            _add(file, f"curves/{sha}.npz", data, files)
            counts["curves"] += 1
        if missing := len(curves) - counts["curves"]:
            left_out.append(f"{missing} curves files are not in {store.place}.")
        for take in takes:
            for number, picture in enumerate((renders or {}).get(take, ())):
                ending = picture.suffix.lower()
                if ending not in PICTURES or picture.stat().st_size > SMALL or number > 9999:
                    left_out.append(f"{picture.name} is no small picture (PNG, JPEG or WebP up to {SMALL // 2**20} MB).")
                    continue
                _add(file, f"renders/{take}/{number:04}{ending}", _read(picture), files)
                counts["renders"] += 1
        for sha, clip in _clips(clips if include_sound or include_pictures else None, sources):
            ending = clip.suffix.lower()
            if (include_sound or ending in PICTURES) and (include_pictures or ending in SOUNDS):
                _add(file, f"clips/{sha}{_ending(clip)}", _read(clip), files)
                counts["clips"] += 1
            else:
                left_out.append(f"{clip.name} may hold {'a face' if include_sound else 'a voice'}, which was not ticked.")
        manifest = {
            "format": FORMAT,
            "schema": schema.VERSION,
            "made": now(),
            "seat": store.seat,
            "sound": include_sound,
            "pictures": include_pictures,
            "counts": counts,
            "files": files,
        }
        file.writestr(MANIFEST, json.dumps(manifest, indent=1, sort_keys=True))
    return Packed(path, **counts, bytes=path.stat().st_size, left_out=tuple(left_out))


class _Member:
    """A file being written into the zip in pieces; its size and sha256 are entered into ``files`` when it ends."""

    def __init__(self, file: zipfile.ZipFile, name: str, files: dict[str, dict]):
        self.name, self.files = name, files
        self.stream = file.open(name, "w", force_zip64=True)
        self.hash, self.size = hashlib.sha256(), 0

    def write(self, data: bytes) -> None:
        self.stream.write(data)
        self.hash.update(data)
        self.size += len(data)

    def __enter__(self) -> _Member:
        return self

    def __exit__(self, *_) -> None:
        self.stream.close()
        self.files[self.name] = {"sha256": self.hash.hexdigest(), "bytes": self.size}


def _add(file: zipfile.ZipFile, name: str, data: bytes, files: dict[str, dict]) -> None:
    with _Member(file, name, files) as member:
        member.write(data)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"Cannot read {path}: {error.strerror}.") from error


def _clips(folder: Path | None, wanted: set[str]) -> Iterator[tuple[str, Path]]:
    """(sha256, path) of the files in a folder that the takes were made from; copies of one file once."""
    if folder is None:
        return
    if not folder.is_dir():
        raise UserError(f"There is no folder {folder}.")
    left = set(wanted)
    for path in sorted(folder.rglob("*")):
        if path.is_file() and (sha := sha256_of(path)) in left:
            left.discard(sha)
            yield sha, path


def _ending(path: Path) -> str:
    ending = path.suffix.lower()
    return ending if re.fullmatch(r"\.[a-z0-9]{1,5}", ending) else ""


class Bundle:
    """An opened bundle: a source for ``merge.merge``. Use it in a ``with`` block.

    Raises UserError on opening where the file is no bundle, is damaged, holds names or sizes that no bundle has, or is of a newer version;
    and while it is read where a file inside does not match the manifest.
    """

    def __init__(self, path: Path):
        self.path = path
        try:
            self._file = zipfile.ZipFile(path)
        except OSError as error:
            raise UserError(f"Cannot read {path}: {error.strerror}.", "Check the file name.") from error
        except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
            raise UserError(f"{path.name} is no bundle, or was cut off.", "Copy it again, or export it again.") from error
        try:
            self.manifest = self._check()
        except BaseException:
            self._file.close()
            raise

    @property
    def place(self) -> str:
        return str(self.path)

    def _check(self) -> dict:
        infos = self._file.infolist()
        if len(infos) > MOST_FILES:
            raise UserError(f"{self.path.name} holds {len(infos)} files, more than any bundle.")
        names = [info.filename for info in infos]
        if MANIFEST not in names:
            raise UserError(f"{self.path.name} has no {MANIFEST}: it is no bundle of votes.")
        for info in infos:
            if not _NAMES.fullmatch(info.filename):
                raise UserError(f"{self.path.name} holds a file that no bundle has: {info.filename!r:.80}.", "It was not read.")
            if info.file_size > LARGEST_FILE:
                raise UserError(f"{self.path.name}: {info.filename} is too large ({info.file_size} bytes).", "It was not read.")
        if len(set(names)) != len(names) or sum(info.file_size for info in infos) > LARGEST_BUNDLE:
            raise UserError(f"{self.path.name} holds a name twice, or more than {LARGEST_BUNDLE // 2**30} GB.", "It was not read.")
        manifest = self._json(self._bytes(MANIFEST, None))
        if not isinstance(manifest, dict) or manifest.get("format") != FORMAT or not isinstance(manifest.get("files"), dict):
            raise UserError(f"{self.path.name} is no bundle of votes.")
        version = manifest.get("schema")
        if not isinstance(version, int) or version > schema.VERSION:
            raise UserError(f"{self.path.name} was written by a newer Facewright.", "Update Facewright on this machine.")
        for name, stated in manifest["files"].items():
            if not isinstance(stated, dict) or not isinstance(stated.get("sha256"), str):
                raise UserError(f"{self.path.name}: the manifest says nothing sensible about {name!r:.80}.")
        if set(names) - {MANIFEST} != manifest["files"].keys() or not {RECORDS, TAKES} <= set(names):
            raise UserError(f"{self.path.name} does not hold what its manifest lists.", "Copy it again, or export it again.")
        return manifest

    def records(self) -> Iterator[Record]:
        for line, text in self._lines(RECORDS):
            yield self._told(line, RECORDS, lambda text=text: Record.from_json(loads(text)))

    def all_takes(self) -> Iterator[Take]:
        for line, text in self._lines(TAKES):
            yield self._told(line, TAKES, lambda text=text: Take.from_json(loads(text)))

    def curves(self, sha: str) -> bytes | None:
        return self._bytes(f"curves/{sha}.npz", sha) if f"curves/{sha}.npz" in self.manifest["files"] else None

    def renders(self, take: str) -> list[tuple[str, bytes]]:
        """(ending, content) of the take's small pictures, in order."""
        names = sorted(name for name in self.manifest["files"] if name.startswith(f"renders/{take}/"))
        return [(Path(name).suffix, self._bytes(name, self._sha(name))) for name in names]

    def clips(self) -> Iterator[tuple[str, str, bytes]]:
        """(sha256, ending, content) of the clips that the seat let go."""
        for name in sorted(self.manifest["files"]):
            if name.startswith("clips/"):
                stem, _, ending = name.removeprefix("clips/").partition(".")
                yield stem, f".{ending}" if ending else "", self._bytes(name, stem)

    def _sha(self, name: str) -> str:
        return self.manifest["files"][name]["sha256"]

    def _json(self, data: bytes) -> object:
        try:
            return loads(data.decode("utf-8"))
        except (UserError, UnicodeDecodeError) as error:
            raise UserError(f"{self.path.name}: {MANIFEST} is damaged.", "Copy the bundle again.") from error

    def _told(self, line: int, name: str, parse):
        try:
            return parse()
        except UserError as error:
            raise UserError(f"{self.path.name}, {name}, line {line}: {error.message}", error.hint) from error

    def _lines(self, name: str) -> Iterator[tuple[int, str]]:
        """Lines of a file that was checked as a whole first: nothing of a damaged one is used."""
        if self._hash(name) != self._sha(name):
            raise UserError(f"{self.path.name}: {name} is damaged.", "Copy the bundle again, or export it again.")
        with self._file.open(name) as stream:
            number = 0
            while line := stream.readline(2**20):
                number += 1
                yield number, line.decode("ascii", "replace")

    def _hash(self, name: str) -> str:
        digest = hashlib.sha256()
        for piece in self._pieces(name):
            digest.update(piece)
        return digest.hexdigest()

    def _bytes(self, name: str, sha: str | None) -> bytes:
        data = b"".join(self._pieces(name))
        if sha is not None and hashlib.sha256(data).hexdigest() != sha:
            raise UserError(f"{self.path.name}: {name} is damaged.", "Copy the bundle again, or export it again.")
        return data

    def _pieces(self, name: str) -> Iterator[bytes]:
        """The content, never more of it than the zip's own directory states: a bomb lies there."""
        left = self._file.getinfo(name).file_size
        try:
            with self._file.open(name) as stream:
                while piece := stream.read(2**20):
                    left -= len(piece)
                    if left < 0:
                        raise UserError(f"{self.path.name}: {name} is larger than it says.", "It was not read.")
                    yield piece
        except (zipfile.BadZipFile, EOFError, OSError, RuntimeError, NotImplementedError, ValueError) as error:
            raise UserError(f"{self.path.name}: {name} is damaged.", "Copy the bundle again, or export it again.") from error
        except Exception as error:  # zlib, bz2 and lzma each have an error of their own
            if isinstance(error, UserError):
                raise
            raise UserError(f"{self.path.name}: {name} is damaged.", "Copy the bundle again, or export it again.") from error

    def __enter__(self) -> Bundle:
        return self

    def __exit__(self, *_) -> None:
        self._file.close()


def film_strips(folder: Path, most: int = 12) -> dict[str, list[Path]]:
    """Take id -> at most ``most`` pictures, evenly spread over its film, of the finished films in the data folder's ``renders``."""
    found: dict[str, list[Path]] = {}
    for card in sorted(folder.glob("*/film.json")):
        try:
            told = json.loads(card.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        frames = sorted(path for path in card.parent.iterdir() if path.suffix.lower() in PICTURES)
        if not isinstance(told, dict) or not isinstance(told.get("take"), str) or not frames:
            continue
        count = min(most, len(frames))
        found.setdefault(told["take"], [frames[round(i * (len(frames) - 1) / max(1, count - 1))] for i in range(count)])
    return found
