# SPDX-License-Identifier: GPL-3.0-or-later
"""A video's sound as the speech engine hears it: on the picture's clock, without what is not there."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import soundfile

from facewright.core.errors import Cancelled
from facewright.inference.video.sound import extract

_spec = importlib.util.spec_from_file_location("media", Path(__file__).with_name("media.py"))
media = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(media)

# Half a second of silence, half a second of a tone, half a second of silence.
BEEP = np.concatenate([np.zeros(8000), 0.4 * np.sin(np.arange(8000) * 0.3), np.zeros(8000)]).astype(np.float32)


def onset(wav: Path) -> float:
    """When the tone begins, in seconds."""
    sound, rate = soundfile.read(wav)
    assert rate == 16000 and sound.ndim == 1
    return float(np.flatnonzero(np.abs(sound) > 0.1)[0] / rate)


@pytest.mark.parametrize(("suffix", "codec"), [(".mp4", "libx264"), (".mov", "libx264"), (".webm", "libvpx-vp9"), (".mkv", "libx264")])
def test_sound_keeps_its_time(tmp_path, suffix, codec):
    video = media.write_video(tmp_path / f"clip{suffix}", [media.picture()] * 38, codec=codec, sound=BEEP)
    assert extract(video, tmp_path / "out.wav", 60)
    assert onset(tmp_path / "out.wav") == pytest.approx(0.5, abs=0.03)
    assert soundfile.info(tmp_path / "out.wav").duration == pytest.approx(1.5, abs=0.15)


def test_a_late_picture_does_not_move_the_sound(tmp_path):
    video = media.write_video(tmp_path / "late.mkv", [media.picture()] * 10, [0.8 + i / 25 for i in range(10)], sound=BEEP)
    extract(video, tmp_path / "out.wav", 60)
    assert onset(tmp_path / "out.wav") == pytest.approx(0.5, abs=0.03)


def test_no_sound_is_no_file(tmp_path):
    assert not extract(media.write_video(tmp_path / "mute.mp4", [media.picture()] * 5), tmp_path / "out.wav", 60)
    assert not (tmp_path / "out.wav").exists()


def test_no_more_than_asked_for(tmp_path):
    video = media.write_video(tmp_path / "clip.mp4", [media.picture()] * 38, sound=BEEP)
    extract(video, tmp_path / "out.wav", 0.7)
    assert soundfile.info(tmp_path / "out.wav").duration == pytest.approx(0.7)


def test_it_can_be_stopped(tmp_path):
    video = media.write_video(tmp_path / "clip.mp4", [media.picture()] * 38, sound=BEEP)

    def stop(time):
        raise Cancelled

    with pytest.raises(Cancelled):
        extract(video, tmp_path / "out.wav", 60, stop)
