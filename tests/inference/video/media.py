# SPDX-License-Identifier: GPL-3.0-or-later
"""Small real media files for the tests, written by PyAV."""

import struct
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

CORNER = (230, 20, 20)  # what the upright picture shows top left; it is grey elsewhere


def picture(width: int = 64, height: int = 48, level: int = 90) -> np.ndarray:
    """A grey picture whose top left quarter is red."""
    image = np.full((height, width, 3), level, np.uint8)
    image[: height // 2, : width // 2] = CORNER
    return image


def where_red(rgb: np.ndarray) -> str:
    """The quarter of a picture that is red, as 'top left'."""
    h, w = rgb.shape[0] // 2, rgb.shape[1] // 2
    red = {
        f"{row} {column}": float(part[..., 0].mean()) - float(part[..., 1].mean())
        for row, rows in (("top", slice(0, h)), ("bottom", slice(h, None)))
        for column, part in (("left", rgb[rows, :w]), ("right", rgb[rows, w:]))
    }
    return max(red, key=red.get)


def write_video(
    path: Path,
    images: Sequence[np.ndarray],
    times: Sequence[float] | None = None,
    fps: int = 25,
    codec: str = "libx264",
    rotation: float = 0,
    mirrored: bool = False,
    sound: np.ndarray | None = None,
    pixel_aspect: Fraction | None = None,
    options: dict[str, str] | None = None,
    container_options: dict[str, str] | None = None,
) -> Path:
    """images [H, W, 3] as a video at ``times`` (seconds; default i / fps). sound: float32 [n] at 16 kHz. The suffix says the container."""
    with av.open(str(path), "w", container_options=container_options or {}) as container:
        stream = container.add_stream(codec, rate=fps, options=options or {})
        stream.height, stream.width = images[0].shape[:2]
        stream.pix_fmt = {"png": "rgb24", "mjpeg": "yuvj420p"}.get(codec, "yuv420p")
        stream.codec_context.time_base = Fraction(1, 1000)
        if pixel_aspect:
            stream.codec_context.sample_aspect_ratio = pixel_aspect
        if rotation or mirrored:
            stream.set_display_rotation(rotation, hflip=mirrored)
        voice = (
            container.add_stream("aac" if path.suffix in (".mp4", ".mov") else "libopus", rate=16000, layout="mono")
            if sound is not None
            else None
        )
        for i, image in enumerate(images):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts = round((times[i] if times is not None else i / fps) * 1000)
            frame.time_base = Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if voice is not None:
            _encode_sound(container, voice, sound)
    return path


def write_sound(path: Path, sound: np.ndarray) -> Path:
    """A file with sound alone; float32 [n] at 16 kHz."""
    with av.open(str(path), "w") as container:
        _encode_sound(container, container.add_stream("aac", rate=16000, layout="mono"), sound)
    return path


def _encode_sound(container, stream, sound: np.ndarray) -> None:
    for at in range(0, len(sound), 960):
        frame = av.AudioFrame.from_ndarray(sound[None, at : at + 960].astype(np.float32), format="fltp", layout="mono")
        frame.rate, frame.pts, frame.time_base = 16000, at, Fraction(1, 16000)
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def write_picture(path: Path, image: np.ndarray, orientation: int = 0) -> Path:
    """A PNG or JPEG; orientation: the EXIF tag of a JPEG, 1 to 8."""
    codec = {".png": "png", ".jpg": "mjpeg", ".jpeg": "mjpeg", ".bmp": "bmp", ".tif": "tiff"}[path.suffix]
    context = av.CodecContext.create(codec, "w")
    context.height, context.width = image.shape[:2]
    context.pix_fmt = {"mjpeg": "yuvj420p", "bmp": "bgr24"}.get(codec, "rgb24")
    context.time_base = Fraction(1, 25)
    frame = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(format=context.pix_fmt)
    data = b"".join(bytes(packet) for packet in [*context.encode(frame), *context.encode(None)])
    if orientation:
        exif = b"Exif\0\0II*\0" + struct.pack("<IHHHIHHI", 8, 1, 0x0112, 3, 1, orientation, 0, 0)
        data = data[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + data[2:]
    path.write_bytes(data)
    return path
