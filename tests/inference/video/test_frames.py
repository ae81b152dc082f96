# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading pictures: real files of every kind, turned and timed as they should be, and a sentence for each that is wrong."""

import importlib.util
import os
import tracemalloc
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from facewright.core.errors import UserError
from facewright.inference.video import frames
from facewright.inference.video.frames import Pictures, read_photo

_spec = importlib.util.spec_from_file_location("media", Path(__file__).with_name("media.py"))
media = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(media)
picture, where_red, write_picture, write_sound, write_video = (
    media.picture, media.where_red, media.write_picture, media.write_sound, media.write_video,
)  # fmt: skip

TONE = np.sin(np.arange(16000) * 0.2).astype(np.float32) * 0.3


def levels(pictures: Pictures) -> list[int]:
    """The grey of each frame's bottom right corner, in tens."""
    return [round(float(f.rgb[-8:, -8:].mean()) / 10) for f in pictures.frames()]


@pytest.mark.parametrize(
    ("suffix", "codec"),
    [(".mp4", "libx264"), (".mov", "libx264"), (".mkv", "libx264"), (".webm", "libvpx-vp9"), (".avi", "mpeg4"), (".mp4", "libx265")],
)
def test_every_container_gives_all_frames_at_their_times(tmp_path, suffix, codec):
    path = write_video(tmp_path / f"clip{suffix}", [picture(level=60 + 10 * i) for i in range(10)], codec=codec)
    clip = Pictures(path)
    assert clip.size == (64, 48) and clip.scale == 1 and not clip.has_sound and clip.rate == pytest.approx(25)
    got = list(clip.frames())
    np.testing.assert_allclose([f.time for f in got], np.arange(10) / 25, atol=2e-3)
    assert all(f.rgb.shape == (48, 64, 3) and f.rgb.dtype == np.uint8 and where_red(f.rgb) == "top left" for f in got)
    assert clip.read == 10 and not clip.warnings
    assert levels(Pictures(path)) == [6 + i for i in range(10)]


def test_variable_frame_rate_keeps_the_timestamps(tmp_path):
    times = [0, 0.033, 0.1, 0.5, 0.533, 1.2]
    clip = Pictures(write_video(tmp_path / "phone.mp4", [picture()] * 6, times))
    np.testing.assert_allclose([f.time for f in clip.frames()], times, atol=2e-3)


def test_a_picture_that_starts_after_the_sound_keeps_its_delay(tmp_path):
    clip = Pictures(write_video(tmp_path / "late.mkv", [picture()] * 5, [0.5 + i / 25 for i in range(5)], sound=TONE))
    assert clip.has_sound
    np.testing.assert_allclose([f.time for f in clip.frames()], 0.5 + np.arange(5) / 25, atol=0.03)


@pytest.mark.parametrize(
    ("rotation", "mirrored", "size", "corner"),
    [
        (90, False, (48, 64), "bottom left"),
        (-90, False, (48, 64), "top right"),
        (180, False, (64, 48), "bottom right"),
        (0, True, (64, 48), "top right"),
    ],
)
def test_a_turned_phone(tmp_path, rotation, mirrored, size, corner):
    clip = Pictures(write_video(tmp_path / "phone.mp4", [picture()] * 3, rotation=rotation, mirrored=mirrored))
    assert clip.size == size
    assert all(f.rgb.shape == (size[1], size[0], 3) and where_red(f.rgb) == corner for f in clip.frames())


@pytest.mark.parametrize(
    ("orientation", "size", "corner"),
    [
        (1, (64, 48), "top left"),
        (2, (64, 48), "top right"),
        (3, (64, 48), "bottom right"),
        (4, (64, 48), "bottom left"),
        (5, (48, 64), "top left"),
        (6, (48, 64), "top right"),
        (7, (48, 64), "bottom right"),
        (8, (48, 64), "bottom left"),
    ],
)
def test_a_photos_exif_orientation(tmp_path, orientation, size, corner):
    photo = read_photo(write_picture(tmp_path / "photo.jpg", picture(), orientation))
    assert photo.size == size and photo.rgb.shape == (size[1], size[0], 3)
    assert where_red(photo.rgb) == corner


def test_odd_pixels_become_square(tmp_path):
    clip = Pictures(write_video(tmp_path / "dv.mp4", [picture()] * 3, pixel_aspect=Fraction(2, 1)))
    assert clip.size == (128, 48)
    assert next(iter(clip.frames())).rgb.shape == (48, 128, 3)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".tif"])
def test_photos_of_every_kind(tmp_path, suffix):
    photo = read_photo(write_picture(tmp_path / f"photo{suffix}", picture()))
    assert photo.size == (64, 48) and where_red(photo.rgb) == "top left"


def test_a_folder_of_pictures_is_a_sequence_in_natural_order(tmp_path):
    for i in (9, 10, 11):
        write_picture(tmp_path / f"face{i}.png", picture(level=10 * i))
    (tmp_path / "notes.txt").write_text("not a picture")
    clip = Pictures(tmp_path, fps=10)
    assert clip.size == (64, 48) and clip.rate == 10
    got = list(clip.frames())
    np.testing.assert_allclose([f.time for f in got], [0, 0.1, 0.2])
    assert [round(float(f.rgb[-1, -1, 0]) / 10) for f in got] == [9, 10, 11]


def test_a_first_file_starts_its_sequence_and_missing_numbers_leave_a_gap(tmp_path):
    for i in (1, 2, 3, 6):
        write_picture(tmp_path / f"shot.{i:04d}.png", picture())
    write_picture(tmp_path / "other.0001.png", picture())
    clip = Pictures(tmp_path / "shot.0002.png", fps=25)
    np.testing.assert_allclose([f.time for f in clip.frames()], np.array([0, 1, 4]) / 25)
    assert "2 numbers are missing" in " ".join(clip.warnings)


def test_a_sequence_says_which_rate_it_took(tmp_path):
    for i in range(3):
        write_picture(tmp_path / f"{i}.png", picture())
    clip = Pictures(tmp_path)
    assert clip.rate == frames.SEQUENCE_FPS and "frame rate" in clip.warnings[0]


def test_a_sequence_may_begin_with_a_damaged_picture(tmp_path):
    for i in range(3):
        write_picture(tmp_path / f"{i}.png", picture())
    (tmp_path / "0.png").write_bytes(b"\x89PNG\r\n\x1a\n rest is missing")
    clip = Pictures(tmp_path, fps=25)
    assert clip.size == (64, 48) and len(list(clip.frames())) == 2 and "0.png" in clip.warnings[0]


def test_more_than_an_hour_is_said_before_it_is_read(tmp_path):
    with pytest.raises(UserError, match="longer than an hour"):
        Pictures(write_video(tmp_path / "long.mp4", [picture()] * 2, times=[0, 4000]))


def test_a_sequence_leaves_out_what_is_damaged(tmp_path):
    for i in range(4):
        write_picture(tmp_path / f"{i}.png", picture(width=64 if i < 3 else 80))
    (tmp_path / "1.png").write_bytes(b"\x89PNG\r\n\x1a\n rest is missing")
    clip = Pictures(tmp_path, fps=25)
    got = list(clip.frames())
    np.testing.assert_allclose([f.time for f in got], np.array([0, 2, 3]) / 25)
    assert {f.rgb.shape for f in got} == {(48, 64, 3)}
    told = " ".join(clip.warnings)
    assert "1.png" in told and "another size" in told


def test_one_photo_is_a_sequence_of_one(tmp_path):
    clip = Pictures(write_picture(tmp_path / "me.jpg", picture(), 6))
    got = list(clip.frames())
    assert len(got) == 1 and got[0].time == 0 and clip.size == (48, 64) and not clip.warnings


def test_8k_is_scaled_down_in_bounded_memory(tmp_path):
    image = np.zeros((4320, 7680, 3), np.uint8)
    image[:2160, :3840, 0] = 230
    path = write_video(tmp_path / "8k.mp4", [image] * 4, codec="mpeg4")
    tracemalloc.start()
    clip = Pictures(path)
    for frame in clip.frames():
        assert frame.rgb.shape == (1080, 1920, 3) and where_red(frame.rgb) == "top left"
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert clip.size == (7680, 4320) and clip.scale == 0.25
    assert peak < 50e6  # a few small frames of numpy's; FFmpeg's own are not counted here


def test_a_truncated_video_gives_what_decodes_and_a_warning(tmp_path):
    rng = np.random.default_rng(0)
    noise = [rng.integers(0, 255, (48, 64, 3), dtype=np.uint8) for _ in range(50)]
    whole = write_video(tmp_path / "whole.mp4", noise, options={"g": "5"}, container_options={"movflags": "faststart"})
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(whole.read_bytes()[: int(whole.stat().st_size * 0.6)])
    clip = Pictures(cut)
    times = [f.time for f in clip.frames()]
    assert 10 < len(times) < 45 and np.all(np.diff(times) > 0)
    assert "cut off" in " ".join(clip.warnings)


def test_damage_in_the_middle_is_told_and_the_rest_used(tmp_path):
    rng = np.random.default_rng(0)
    path = write_video(tmp_path / "clip.mp4", [rng.integers(0, 255, (48, 64, 3), dtype=np.uint8) for _ in range(50)], options={"g": "5"})
    data = bytearray(path.read_bytes())
    at = data.find(b"mdat") + 4
    middle = at + (len(data) - at) // 3
    data[middle : middle + 3000] = bytes(3000)
    path.write_bytes(bytes(data))
    clip = Pictures(path)
    assert sum(1 for _ in clip.frames()) > 20
    assert "damaged" in " ".join(clip.warnings)


def test_times_that_start_anew_go_on(tmp_path):
    a = write_video(tmp_path / "a.ts", [picture()] * 75)
    b = write_video(tmp_path / "b.ts", [picture(level=200)] * 25)
    joined = tmp_path / "joined.ts"
    joined.write_bytes(a.read_bytes() + b.read_bytes())
    clip = Pictures(joined)
    times = np.array([f.time for f in clip.frames()])
    assert np.all(np.diff(times) > 0) and 3.5 < times[-1] < 4.5
    assert len(times) >= 98


def _no_codec(path):
    write_video(path, [picture()] * 3)
    data = path.read_bytes()
    path.write_bytes(data.replace(b"avc1", b"zzz9").replace(b"avcC", b"zzzC"))


BAD = {
    "missing.mp4": (lambda p: None, "does not exist"),
    "folder.mp4": (lambda p: p.mkdir(), "no pictures in the folder"),
    "empty.mp4": (lambda p: p.write_bytes(b""), "empty"),
    "text.mp4": (lambda p: p.write_text("Dear diary,\n" * 100), "is a text file"),
    "subtitles.mp4": (lambda p: p.write_text("1\n00:00:00,000 --> 00:00:04,000\nhello\n"), "is a text file"),
    "list.mp4": (lambda p: p.write_text("#EXTM3U\n#EXTINF:1,\n/etc/hostname\n"), "is a text file"),
    "noise.mp4": (lambda p: p.write_bytes(np.random.default_rng(1).bytes(5000)), "in no video format"),
    "sound.m4a": (lambda p: write_sound(p, TONE), "holds sound but no picture"),
    "unfinished.mp4": (lambda p: p.write_bytes(write_video(p, [picture()] * 30).read_bytes()[:400]), "index of its pictures is missing"),
    "unknown.mp4": (_no_codec, "coded in a way"),
    "zero.mkv": (lambda p: p.write_bytes(write_video(p, [picture()]).read_bytes()[:500]), "decoded|holds no picture|cut off"),
    "photo.png": (lambda p: p.write_bytes(b"\x89PNG\r\n\x1a\n nothing"), "PNG file, but it is cut off|No picture of photo.png"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_videos_are_told_in_a_sentence(tmp_path, name):
    make, sentence = BAD[name]
    make(tmp_path / name)
    with pytest.raises(UserError, match=sentence) as caught:
        list(Pictures(tmp_path / name).frames())
    assert caught.value.hint and "\n" not in caught.value.message


@pytest.mark.parametrize("name", ["missing.mp4", "empty.mp4", "text.mp4", "noise.mp4", "photo.png", "sound.m4a"])
def test_bad_photos_are_told_in_a_sentence(tmp_path, name):
    make, _ = BAD[name]
    make(tmp_path / name)
    with pytest.raises(UserError) as caught:
        read_photo(tmp_path / name)
    assert caught.value.hint


@pytest.mark.skipif(os.name == "nt" or getattr(os, "geteuid", lambda: 0)() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(tmp_path):
    path = write_video(tmp_path / "mine.mp4", [picture()])
    path.chmod(0)
    with pytest.raises(UserError, match="permission"):
        Pictures(path)


def test_a_playlist_opens_nothing_else(tmp_path):
    """A file that names another must not make the reader open it, whatever it is called."""
    secret = write_video(tmp_path / "secret.mp4", [picture()] * 3)
    (tmp_path / "list.mp4").write_text(f"ffconcat version 1.0\nfile '{secret}'\n")
    with pytest.raises(UserError):
        Pictures(tmp_path / "list.mp4")


def test_a_pattern_in_a_name_is_a_name(tmp_path):
    write_picture(tmp_path / "1.png", picture())
    with pytest.raises(UserError, match="does not exist"):
        Pictures(tmp_path / "%d.png")
    write_picture(tmp_path / "%d.png", picture())
    assert sum(1 for _ in Pictures(tmp_path / "%d.png").frames()) == 1
