# SPDX-License-Identifier: GPL-3.0-or-later
"""Any sound file becomes 16 kHz mono without delay; anything that is none gets a sentence."""

import struct

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from facewright.core.errors import UserError
from facewright.inference.speech import audio, features
from facewright.inference.speech.audio import SAMPLE_RATE, AudioStream, read_audio


def _stream(path):
    stream = AudioStream(path)
    blocks = list(stream.blocks())
    return np.concatenate(blocks) if blocks else np.zeros(0, np.float32), stream


def _tone(seconds, rate, hz=440.0):
    return (0.4 * np.sin(2 * np.pi * hz * np.arange(int(seconds * rate)) / rate)).astype(np.float32)


def test_the_rate_is_the_features_rate():
    assert audio.SAMPLE_RATE == features.SAMPLE_RATE


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.wav", {"subtype": "PCM_U8"}),
        ("a.wav", {"subtype": "PCM_16"}),
        ("a.wav", {"subtype": "PCM_24"}),
        ("a.wav", {"subtype": "PCM_32"}),
        ("a.wav", {"subtype": "FLOAT"}),
        ("a.wav", {"subtype": "DOUBLE"}),
        ("a.wav", {"subtype": "ULAW"}),
        ("a.flac", {}),
        ("a.ogg", {}),
        ("a.mp3", {}),
        ("a.aiff", {}),
    ],
)
@pytest.mark.parametrize("rate", [16000, 48000])
def test_every_format_gives_the_same_sound(wav, name, options, rate):
    path = wav(np.stack([_tone(1.0, rate)] * 2, 1), rate, name, **options)
    sound, stream = _stream(path)
    assert stream.channels == 2 and stream.rate == rate
    assert sound.dtype == np.float32
    assert len(sound) == pytest.approx(SAMPLE_RATE, abs=3000 if name == "a.mp3" else 2)
    middle = sound[4000:12000]
    assert np.sqrt(np.mean(middle**2)) == pytest.approx(0.4 / np.sqrt(2), rel=0.05)
    assert stream.warnings == []


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rate=st.sampled_from([8000, 11025, 16000, 22050, 32000, 44100, 48000, 96000]),
    at=st.floats(0.1, 1.4),
    channels=st.integers(1, 8),
    block=st.sampled_from([97, 5000, 1 << 20]),
)
def test_no_rate_delays_the_sound(tmp_path, rate, at, channels, block):
    """A click stays where it was, to half a 16 kHz sample, however the file is read."""
    t = np.arange(int(1.5 * rate)) / rate
    click = np.exp(-0.5 * ((t - at) / 0.0008) ** 2).astype(np.float32)
    path = tmp_path / "click.wav"
    soundfile.write(path, np.repeat(click[:, None], channels, 1) * 0.5, rate, subtype="FLOAT")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(audio, "_BLOCK_VALUES", block)
        sound = read_audio(path)
    assert abs(len(sound) - 1.5 * SAMPLE_RATE) <= 2
    centre = (np.arange(len(sound)) * np.abs(sound)).sum() / np.abs(sound).sum() / SAMPLE_RATE
    assert centre == pytest.approx(at, abs=0.5 / SAMPLE_RATE + 1e-4)


def test_opposite_channels_are_mixed_not_dropped(wav):
    tone = _tone(0.5, 16000)
    sound = read_audio(wav(np.stack([tone] + [np.zeros_like(tone)] * 7, 1), 16000))
    np.testing.assert_allclose(sound, tone / 8, atol=1e-3)


# What is wrong, each with a sentence.


def _says(path, part):
    with pytest.raises(UserError) as caught:
        _stream(path)
    assert part in caught.value.message
    assert caught.value.hint and caught.value.message.endswith(".")


def test_missing(tmp_path):
    _says(tmp_path / "none.wav", "does not exist")


def test_folder(tmp_path):
    _says(tmp_path, "is a folder")


def test_empty_file(tmp_path):
    (tmp_path / "e.wav").write_bytes(b"")
    _says(tmp_path / "e.wav", "is empty")


def test_zero_samples(wav):
    _says(wav(np.zeros(0)), "zero samples")


def test_truncated_header(wav, tmp_path):
    whole = wav(_tone(0.1, 16000)).read_bytes()
    for size in (3, 9, 12, 20, 36):
        cut = tmp_path / f"cut{size}.wav"
        cut.write_bytes(whole[:size])
        with pytest.raises(UserError):
            _stream(cut)
    _says(tmp_path / "cut20.wav", "header is cut off")


def test_text_named_wav(tmp_path):
    (tmp_path / "t.wav").write_text("Dear diary,\nnothing to hear here.\n")
    _says(tmp_path / "t.wav", "is a text file")


def test_picture_named_wav(tmp_path):
    (tmp_path / "p.wav").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)))
    _says(tmp_path / "p.wav", "no sound format")


def test_broken_flac(tmp_path):
    (tmp_path / "b.flac").write_bytes(b"fLaC" + b"\0" * 20)
    _says(tmp_path / "b.flac", "FLAC")


@given(
    data=st.binary(max_size=300),
    start=st.sampled_from([b"", b"RIFF\x10\0\0\0WAVE", b"RIFF\xff\xff\xff\xffWAVEfmt ", b"fLaC", b"OggS", b"ID3"]),
)
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_garbage_never_raises_anything_else(tmp_path, data, start):
    path = tmp_path / "garbage.wav"
    path.write_bytes(start + data)
    try:
        stream = AudioStream(path)
        for _ in stream.blocks():
            pass
    except UserError as error:
        assert error.message


# What is used all the same, with a warning.


def test_silence(wav):
    _, stream = _stream(wav(np.zeros(16000)))
    assert any("silent throughout" in w for w in stream.warnings)


def test_damaged_samples_become_silence_and_are_counted(wav):
    tone = _tone(1.0, 16000)
    tone[8000:8010] = np.nan
    tone[9000] = np.inf
    sound, stream = _stream(wav(tone, subtype="FLOAT"))
    assert np.isfinite(sound).all()
    (warning,) = stream.warnings
    assert "11 damaged samples" in warning and "0.50 s" in warning


def test_nothing_but_nan(wav):
    sound, stream = _stream(wav(np.full(1000, np.nan), 44100, subtype="FLOAT"))
    assert (sound == 0).all()
    assert len(stream.warnings) == 2


def test_little_bandwidth(wav):
    sound, stream = _stream(wav(_tone(1.0, 4000), 4000))
    assert len(sound) == pytest.approx(16000, abs=4)
    assert "4000 samples a second" in stream.warnings[0]


def test_a_header_that_claims_a_day(wav):
    """What is there is used; the claim allocates nothing."""
    path = wav(_tone(1.0, 16000))
    data = bytearray(path.read_bytes())
    at = data.index(b"data") + 4
    data[at : at + 4] = struct.pack("<I", 24 * 3600 * 16000 * 2)
    data[4:8] = struct.pack("<I", 24 * 3600 * 16000 * 2 + 36)
    path.write_bytes(data)
    sound, stream = _stream(path)
    assert len(sound) == 16000
    assert "promises more sound than it holds" in stream.warnings[0]


def test_a_stream_of_unknown_length_needs_no_warning(wav):
    path = wav(_tone(1.0, 16000))
    data = bytearray(path.read_bytes())
    at = data.index(b"data") + 4
    data[at : at + 4] = b"\xff" * 4
    path.write_bytes(data)
    sound, stream = _stream(path)
    assert len(sound) == 16000 and stream.warnings == []


def test_a_flac_cut_off_in_the_middle_gives_its_first_part(wav):
    path = wav(np.random.default_rng(0).standard_normal(160000) * 0.1, 16000, "cut.flac")
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    sound, stream = _stream(path)
    assert 30000 < len(sound) < 160000
    assert any("damaged" in w or "promises" in w for w in stream.warnings)


def test_an_absurd_rate_is_refused(wav):
    path = wav(_tone(0.1, 16000))
    data = bytearray(path.read_bytes())
    for rate in (1, 500, 2_000_000_000):
        data[24:28] = struct.pack("<I", rate)
        path.write_bytes(data)
        _says(path, "samples a second")


def test_a_file_of_many_hours_is_refused(wav, monkeypatch):
    monkeypatch.setattr(audio, "LONGEST", 3600 * 0.0001)
    _says(wav(_tone(1.0, 16000)), "longer than")


def test_clipped_and_loud_sound_passes(wav):
    sound, stream = _stream(wav(np.clip(_tone(0.5, 16000) * 20, -1, 1), subtype="FLOAT"))
    assert stream.peak == pytest.approx(1.0) and stream.warnings == []
    assert len(sound) == 8000
