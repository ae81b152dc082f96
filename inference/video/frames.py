# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads videos, image sequences and photos as a stream of upright RGB pictures with their times, in bounded memory, and says what is wrong.

PyAV (FFmpeg) decodes all of them, photos too: one reader knows rotation, odd pixel shapes and every pixel format alike. Files are handed
to it as open files and only known formats are tried, so that neither a playlist nor a pattern in a name makes it open anything else.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

import numpy as np

from ...core.errors import UserError

# Longer sides are scaled down while decoding: a face is found from 40 px, and an 8K picture as RGB would take 100 MB.
LONGEST_SIDE: Final = 1920
LONGEST: Final = 3600  # seconds; all points of a longer track would take more than a gigabyte
# What image sequences play at where nobody says: film's rate and Blender's default.
SEQUENCE_FPS: Final = 24.0
PICTURE_SUFFIXES: Final = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")
_PICTURE_FORMATS: Final = "png_pipe,jpeg_pipe,webp_pipe,bmp_pipe,tiff_pipe,mov"  # mov: HEIC and AVIF are kept in its boxes
_VIDEO_FORMATS: Final = "mov,matroska,webm,avi,mpeg,mpegts,mpegvideo,ogg,flv,asf,mxf,dv,h264,hevc,ivf,gif"
_SOUND_FORMATS: Final = "wav,mp3,flac,aac,w64,aiff"  # opened only to say that they hold no picture
_HAVE_A_LENGTH: Final = ("mov", "matroska", "avi", "asf", "flv")  # whose headers say how long the whole is
_RATES: Final = (1.0, 240.0)  # claims outside come from broken headers


@dataclass(frozen=True)
class Frame:
    """One picture. time: seconds from the start of the clip. rgb: uint8 [H, W, 3], upright, square pixels, scaled by ``Pictures.scale``."""

    time: float
    rgb: np.ndarray


@dataclass
class Pictures:
    """A video, a sequence or a photo being read. Iterate ``frames()`` once; then ``read`` and ``warnings`` say what there was.

    path:      the file, or the folder of a sequence
    fps:       for a sequence, how many of its pictures make a second; a video has times of its own
    size:      width and height as shown: upright, square pixels
    scale:     how much smaller the frames are than ``size`` (1 up to 1920 px)
    rate:      frames a second, nominally             expected: seconds that the file promises, 0 where unknown
    has_sound: whether there is a sound track too     warnings: sentences for the user
    Raises UserError at once where nothing can be read.
    """

    path: Path
    fps: float | None = None
    size: tuple[int, int] = field(init=False)
    scale: float = field(init=False)
    rate: float = field(init=False)
    expected: float = field(init=False)
    has_sound: bool = field(default=False, init=False)
    read: int = field(default=0, init=False)
    warnings: list[str] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        self.path = Path(self.path)
        self._files = sequence_files(self.path)
        if self._files:
            first = _first_readable([file for _, file in self._files])
            self.size, self.scale = first.size, first.scale
            self.rate = self.fps or SEQUENCE_FPS
            self.expected = (self._files[-1][0] + 1) / self.rate
            if self.fps is None and len(self._files) > 1:
                self.warnings.append(f"An image sequence has no frame rate of its own; {SEQUENCE_FPS:g} a second were assumed.")
            return
        with opened(self.path) as (container, stream):
            self.has_sound = any(s.codec_context is not None for s in container.streams.audio)
            turn = _turn(_first_frame(container, stream, self.path))
            self.size = _shown_size(stream.width, stream.height, stream.sample_aspect_ratio, turn)
            self.scale = min(1.0, LONGEST_SIDE / max(self.size))
            rate = float(stream.average_rate or stream.guessed_rate or 0)
            self.rate = rate if _RATES[0] <= rate <= _RATES[1] else 25.0
            self.expected = max(container.duration or 0, 0) / 1e6
        if self.expected > LONGEST + 1:
            raise self._too_long()

    def frames(self) -> Iterator[Frame]:
        """The pictures in order of time, each later than the one before. What is damaged is left out and told in ``warnings``.

        Raises UserError where no picture can be decoded, or for more than an hour.
        """
        for frame in self._sequence() if self._files else self._video():
            if frame.time > LONGEST:
                raise self._too_long()
            self.read += 1
            yield frame
        if not self.read:
            raise UserError(f"No picture of {self.path.name} can be decoded.", "Play it in a video player, or export it again.")

    def _too_long(self) -> UserError:
        return UserError(f"{self.path.name} is longer than an hour.", "Cut it into parts.")

    def _sequence(self) -> Iterator[Frame]:
        width, height = (round(side * self.scale) for side in self.size)
        damaged, others = [], 0
        for number, file in self._files:
            try:
                photo = read_photo(file, (width, height))
            except UserError:
                damaged.append(file.name)
                continue
            others += photo.size != self.size
            yield Frame(number / self.rate, photo.rgb)
        if damaged:
            _s = "s were" if len(damaged) > 1 else " was"
            self.warnings.append(f"{len(damaged)} picture{_s} unreadable and left out, the first is {damaged[0]}.")
        if others:
            self.warnings.append(f"{others} of the pictures have another size than the first and were brought to its size.")
        missing = self._files[-1][0] + 1 - len(self._files)
        if missing:
            self.warnings.append(f"{missing} number{'s are' if missing > 1 else ' is'} missing in the sequence; the rest keep their times.")

    def _video(self) -> Iterator[Frame]:
        from av.video.reformatter import VideoReformatter

        with opened(self.path) as (container, stream):
            start = (container.start_time or 0) / 1e6 if container.start_time is not None else None
            threads = os.environ.get("FACEWRIGHT_THREADS", "1")
            stream.codec_context.thread_count = int(threads) if threads.isdigit() else 1
            stream.codec_context.thread_type = "AUTO"
            reformatter = VideoReformatter()
            last, shift, damaged, jumps, untimed = -1.0, 0.0, 0, 0, 0
            for frame in decoded(container, stream):
                if frame is None:
                    damaged += 1
                    continue
                if frame.is_corrupt:
                    damaged += 1
                time = frame.time
                if time is None:
                    untimed += 1
                    time = last + 1 / self.rate if last >= 0 else 0.0
                else:
                    start = time if start is None else start
                    time = max(time - start, 0.0) + shift
                if time < last - 1.0:  # clips joined without care start anew
                    jumps += 1
                    shift += last + 1 / self.rate - time
                    time = last + 1 / self.rate
                if time <= last:
                    continue  # shown at the same time as the one before, or in the wrong order by less than a second: never seen
                last = time
                yield Frame(time, self._upright(reformatter, frame))
            if damaged:
                many = f"{damaged} places are" if damaged > 1 else "One place is"
                self.warnings.append(f"{many} damaged in {self.path.name}; what could be decoded was used.")
            if jumps:
                times = "once" if jumps == 1 else f"{jumps} times"
                self.warnings.append(f"The clock in {self.path.name} starts anew {times}; the parts were put one after another.")
            if untimed > 1:
                self.warnings.append(f"{untimed} frames of {self.path.name} carry no time; {self.rate:g} a second were assumed for them.")
            held, promised = last + 1 / self.rate, _picture_seconds(container, stream)
            if self.read and held < 0.97 * promised - 0.3:
                self.warnings.append(
                    f"{self.path.name} promises {promised:.1f} s of picture but holds {held:.1f} s: it was cut off. What is there was used."
                )

    def _upright(self, reformatter: Any, frame: Any) -> np.ndarray:
        turn = _turn(frame)
        width, height = (max(round(side * self.scale), 1) for side in self.size)
        return _rgb(reformatter, frame, (width, height), turn)


@dataclass(frozen=True)
class Photo:
    """One picture. rgb: uint8 [H, W, 3], upright. size: the original's width and height, upright. scale: rgb's size in parts of it."""

    rgb: np.ndarray
    size: tuple[int, int]
    scale: float


def read_photo(path: Path, size: tuple[int, int] | None = None) -> Photo:
    """A photo, turned upright as its EXIF says and no larger than 1920 px (or exactly ``size``). Raises UserError where it is none."""
    from av.video.reformatter import VideoReformatter

    with opened(Path(path), photo=True) as (container, stream):
        frame = _first_frame(container, stream, path)
        turn = _turn(frame, Path(path))
        shown = _shown_size(frame.width, frame.height, None, turn)
        scale = min(1.0, LONGEST_SIDE / max(shown))
        rgb = _rgb(VideoReformatter(), frame, size or (max(round(shown[0] * scale), 1), max(round(shown[1] * scale), 1)), turn)
        return Photo(rgb, shown, scale)


def is_photo(path: Path | str) -> bool:
    """Whether the file's name is that of a picture."""
    return Path(path).suffix.lower() in PICTURE_SUFFIXES


def sequence_files(path: Path) -> list[tuple[int, Path]]:
    """(number from 0, file) of a sequence: all pictures of a folder, or a numbered picture and those that follow it. [] for a video."""
    if path.is_dir():
        files = sorted((p for p in _listed(path) if is_photo(p) and not p.name.startswith(".")), key=_natural)
        if not files:
            raise UserError(
                f"There are no pictures in the folder {path}.", "Choose a video, a folder of PNG or JPEG files, or the first of them."
            )
        if len({_stem(p)[0] for p in files}) > 1 or any(_stem(p)[1] is None for p in files):
            return list(enumerate(files))  # no numbering in common: as they sort
        return _by_number(files)
    if not is_photo(path) or not path.is_file():
        return []
    stem, number = _stem(path)
    if number is None:
        return [(0, path)]
    same = [p for p in _listed(path.parent) if is_photo(p) and p.suffix.lower() == path.suffix.lower() and _stem(p)[0] == stem]
    return _by_number(sorted((p for p in same if (_stem(p)[1] or 0) >= number), key=_natural))


def _first_readable(files: list[Path]) -> Photo:
    """Raises UserError of the last where none can be read."""
    for file in files[:-1]:
        try:
            return read_photo(file)
        except UserError:
            continue
    return read_photo(files[-1])


def _listed(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError as error:
        raise UserError(f"The folder {folder} cannot be read: {error.strerror}.", "Change its permissions.") from error


def _by_number(files: list[Path]) -> list[tuple[int, Path]]:
    numbers = [_stem(p)[1] or 0 for p in files]
    if len(set(numbers)) < len(numbers) or numbers[-1] - numbers[0] > 4 * len(numbers) + 100:  # dates, not frame numbers
        return list(enumerate(files))
    return [(n - numbers[0], p) for n, p in zip(numbers, files, strict=True)]


def _stem(path: Path) -> tuple[str, int | None]:
    """A picture's name without its number, and the number: face_0012.png -> ("face_", 12)."""
    match = re.fullmatch(r"(.*?)(\d{1,9})", path.stem)
    return (match[1], int(match[2])) if match else (path.stem, None)


def _natural(path: Path) -> tuple:
    return tuple((0, int(part)) if part.isdigit() else (1, part.lower()) for part in re.split(r"(\d+)", path.name) if part)


@contextmanager
def opened(path: Path, photo: bool = False) -> Iterator[tuple[Any, Any]]:
    """The container and its first video stream. Every way in which a file can fail to open ends in a sentence."""
    file = _file(path, photo)
    try:
        import av
    except (ImportError, OSError) as error:
        file.close()
        raise UserError("The worker's Python cannot read video: the package 'av' is missing.", "Set the runtime up again.") from error
    av.logging.set_level(av.logging.PANIC)  # FFmpeg's own lines say nothing to a user, and the worker's log is for ours
    known = _PICTURE_FORMATS if photo else f"{_VIDEO_FORMATS},{_SOUND_FORMATS},{_PICTURE_FORMATS}"
    with file:
        try:
            container = av.open(
                _Nameless(file), options={"format_whitelist": known, "protocol_whitelist": "file"}, metadata_errors="replace"
            )
        except (av.error.FFmpegError, ValueError, EOFError) as error:
            raise UserError(*_unreadable(path, photo)) from error
        with container:
            pictures = [s for s in container.streams.video if not _is_cover(s)]
            if not pictures:
                if photo:
                    raise UserError(*_unreadable(path, photo))
                if container.streams.audio:
                    raise UserError(f"{path.name} holds sound but no picture.", "Use it as speech, or choose a video with a face.")
                raise UserError(f"{path.name} holds no picture.", "Choose a video with a face.")
            stream = pictures[0]
            if stream.codec_context is None:
                raise UserError(
                    f"The picture of {path.name} is coded in a way that nothing here decodes.", "Export it as H.264 (MP4) or VP9 (WebM)."
                )
            yield container, stream


class _Nameless:
    """An open file without its name: FFmpeg would read patterns and protocols out of it."""

    def __init__(self, file: IO[bytes]):
        self.read, self.seek, self.tell = file.read, file.seek, file.tell


def _is_cover(stream: Any) -> bool:
    """A music file's cover is kept as a video of one frame."""
    import av

    return bool(stream.disposition & av.stream.Disposition.attached_pic)


def _file(path: Path, photo: bool) -> IO[bytes]:
    what = "photo" if photo else "video"
    if path.is_dir():
        raise UserError(f"{path} is a folder.", f"Choose a {what} file.")
    if not path.exists():
        raise UserError(f"The {what} {path} does not exist.", "Check the path; it may have been moved or renamed.")
    if not path.is_file():
        raise UserError(f"{path} is no file.", f"Choose a {what} file.")
    if path.stat().st_size == 0:
        raise UserError(f"{path.name} is empty (0 bytes).", "Choose another file or export it again.")
    try:
        return path.open("rb")
    except OSError as error:
        raise UserError(f"The {what} {path} cannot be read: {error.strerror}.", "Change its permissions or copy it.") from error


def _unreadable(path: Path, photo: bool) -> tuple[str, str]:
    """Sentence and hint for a file that no reader took, by what its first bytes say."""
    with path.open("rb") as file:
        head = file.read(512)
    hint = "Choose a PNG, JPEG, WebP, BMP or TIFF." if photo else "Export it as H.264 (MP4) or VP9 (WebM)."
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free"):
        return (
            f"{path.name} is cut off or damaged: the index of its pictures is missing.",
            "Copy or export it again; a stopped recording may be mended by the app that made it.",
        )
    for start, name in (
        (b"\x1aE\xdf\xa3", "WebM or MKV"),
        (b"RIFF", "AVI"),
        (b"\x89PNG", "PNG"),
        (b"\xff\xd8\xff", "JPEG"),
        (b"\0\0\1\xba", "MPEG"),
        (b"OggS", "OGG"),
    ):
        if head.startswith(start):
            return f"{path.name} starts like a {name} file, but it is cut off or damaged.", "Copy or export it again."
    if head and all(byte >= 32 or byte in b"\t\r\n\f" for byte in head):
        return f"{path.name} is a text file, not a {'picture' if photo else 'video'}.", hint
    return f"{path.name} is in no {'picture' if photo else 'video'} format that Facewright reads.", hint


def decoded(container: Any, stream: Any) -> Iterator[Any]:
    """Frames of the stream; None for each place that could not be decoded."""
    import av

    packets = container.demux(stream)
    failed = 0
    while True:
        try:
            packet = next(packets)
        except StopIteration:
            return
        except (av.error.FFmpegError, OSError):  # the file ends in the middle of something
            yield None
            with suppress(av.error.FFmpegError):
                yield from stream.codec_context.decode(None)
            return
        try:
            yield from packet.decode()
            failed = 0
        except av.error.EOFError:
            return
        except av.error.FFmpegError:
            failed += 1
            yield None
            if failed > 1000:  # nothing decodes any more
                return


def _first_frame(container: Any, stream: Any, path: Path) -> Any:
    frame = next((f for f in decoded(container, stream) if f is not None), None)
    if frame is None:
        raise UserError(f"No picture of {Path(path).name} can be decoded.", "It is damaged, cut off or empty: copy or export it again.")
    return frame


def _picture_seconds(container: Any, stream: Any) -> float:
    """How long the header says that the picture lasts; 0 for formats that only guess."""
    if not any(name in container.format.name for name in _HAVE_A_LENGTH):
        return 0.0
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    return 0.0 if container.streams.audio else (container.duration or 0) / 1e6  # with sound, the length may be the sound's


# How a stored picture becomes the shown one: (transpose first, then flip left-right, then flip up-down).
Turn = tuple[bool, bool, bool]
_EXIF: Final[dict[int, Turn]] = {
    1: (False, False, False), 2: (False, True, False), 3: (False, True, True), 4: (False, False, True),
    5: (True, False, False), 6: (True, True, False), 7: (True, True, True), 8: (True, False, True),
}  # fmt: skip


def _turn(frame: Any, photo: Path | None = None) -> Turn:
    """From the display matrix (video, FFmpeg's av_display_rotation_get) or the EXIF orientation (photo)."""
    try:
        data = frame.side_data.get("DISPLAYMATRIX")
    except ValueError:  # PyAV 18 does not know FFmpeg's type of EXIF data and then refuses to list any
        orientation = _exif_orientation(photo) if photo else None
        if orientation:
            return _EXIF[orientation]
        return {90: (True, False, True), 180: (False, True, True), 270: (True, True, False)}.get(round(frame.rotation) % 360, _EXIF[1])
    if data is None:
        return _EXIF[1]
    a, b, _, c, d = np.frombuffer(bytes(data), np.int32)[:5].tolist()  # shown x = a x + c y, shown y = b x + d y
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return False, a < 0, d < 0
    return True, c < 0, b < 0


def _exif_orientation(path: Path) -> int | None:
    """The orientation 1..8 that a JPEG's first EXIF block gives (tag 0x0112; CIPA DC-008), None where there is none."""
    with path.open("rb") as file:
        head = file.read(1 << 16)
    at = head.find(b"Exif\0\0")
    if at < 0 or not head.startswith(b"\xff\xd8"):
        return None
    tiff = head[at + 6 :]
    order = {b"II": "little", b"MM": "big"}.get(tiff[:2])
    if order is None:
        return None
    number = lambda start, length: int.from_bytes(tiff[start : start + length], order)  # noqa: E731
    directory = number(4, 4)
    for entry in range(directory + 2, directory + 2 + 12 * min(number(directory, 2), 200), 12):
        if number(entry, 2) == 0x0112:
            value = number(entry + 8, 2)
            return value if value in _EXIF else None
    return None


def _shown_size(width: int, height: int, pixel_aspect: Any, turn: Turn) -> tuple[int, int]:
    """Width and height as shown, with square pixels (the height is kept)."""
    aspect = float(pixel_aspect or 1)
    wide = round(width * aspect) if 0.2 < aspect < 5 else width
    return (height, wide) if turn[0] else (max(wide, 1), height)


def _rgb(reformatter: Any, frame: Any, size: tuple[int, int], turn: Turn) -> np.ndarray:
    """The frame as uint8 [H, W, 3] of ``size`` (width, height as shown)."""
    stored = size[::-1] if turn[0] else size
    smaller = stored[0] < frame.width or stored[1] < frame.height
    same = stored == (frame.width, frame.height)
    rgb = reformatter.reformat(
        frame, *stored, "rgb24", interpolation="AREA" if smaller else "FAST_BILINEAR" if same else "BICUBIC"
    ).to_ndarray()  # fmt: skip
    if turn[0]:
        rgb = rgb.transpose(1, 0, 2)
    if turn[1]:
        rgb = rgb[:, ::-1]
    if turn[2]:
        rgb = rgb[::-1]
    return np.ascontiguousarray(rgb)
