# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facewright.core.curves import Curves
from facewright.core.errors import UserError
from facewright.interchange import livelink, read_curves, write_curves
from facewright.rigs.arkit import ARKIT_52, HEAD_AND_EYES

ALL_61 = ARKIT_52 + HEAD_AND_EYES
# The header row of recordings made with the app, as published with many of them.
APP_HEADER = (
    "Timecode,BlendshapeCount,EyeBlinkLeft,EyeLookDownLeft,EyeLookInLeft,EyeLookOutLeft,EyeLookUpLeft,EyeSquintLeft,EyeWideLeft,"
    "EyeBlinkRight,EyeLookDownRight,EyeLookInRight,EyeLookOutRight,EyeLookUpRight,EyeSquintRight,EyeWideRight,JawForward,JawRight,JawLeft,"
    "JawOpen,MouthClose,MouthFunnel,MouthPucker,MouthRight,MouthLeft,MouthSmileLeft,MouthSmileRight,MouthFrownLeft,MouthFrownRight,"
    "MouthDimpleLeft,MouthDimpleRight,MouthStretchLeft,MouthStretchRight,MouthRollLower,MouthRollUpper,MouthShrugLower,MouthShrugUpper,"
    "MouthPressLeft,MouthPressRight,MouthLowerDownLeft,MouthLowerDownRight,MouthUpperUpLeft,MouthUpperUpRight,BrowDownLeft,BrowDownRight,"
    "BrowInnerUp,BrowOuterUpLeft,BrowOuterUpRight,CheekPuff,CheekSquintLeft,CheekSquintRight,NoseSneerLeft,NoseSneerRight,TongueOut,"
    "HeadYaw,HeadPitch,HeadRoll,LeftEyeYaw,LeftEyePitch,LeftEyeRoll,RightEyeYaw,RightEyePitch,RightEyeRoll"
)


def take(rows: int, fps: float, seed: int = 0) -> Curves:
    values = np.random.default_rng(seed).random((rows, 61))
    values[:, 52:] = values[:, 52:] * 2 - 1
    return Curves(ALL_61, np.arange(rows) / fps, values)


def small(tmp_path, *rows: str, header: str = "Timecode,BlendshapeCount,JawOpen,MouthClose"):
    path = tmp_path / "take.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def test_the_header_is_the_apps(tmp_path):
    write_curves(take(2, 60), tmp_path / "a.csv", 60)
    assert (tmp_path / "a.csv").read_text().splitlines()[0] == APP_HEADER


def test_a_row_as_the_app_writes_it(tmp_path):
    write_curves(Curves(("jawOpen",), [0.0, 0.5], [[0.25], [0.75]]), tmp_path / "a.csv", 2)
    rows = (tmp_path / "a.csv").read_text().splitlines()[1:]
    assert rows[0] == "00:00:00:00.000,61," + ",".join(["0.000000"] * 17 + ["0.250000"] + ["0.000000"] * 43)
    assert rows[1].startswith("00:00:00:01.000,61,") and "0.750000" in rows[1]


@settings(max_examples=40, deadline=None)
@given(rows=st.integers(1, 400), fps=st.sampled_from([24, 25, 30, 60, 120, 30 / 1.001, 24 / 1.001, 60 / 1.001, 50]), seed=st.integers(0, 9))
def test_round_trip(rows, fps, seed, tmp_path_factory):
    path = tmp_path_factory.mktemp("csv") / "a.csv"
    curves = take(rows, fps, seed)
    write_curves(curves, path, fps)
    longer_than_a_second = rows > fps + 1
    back = read_curves(path, None if longer_than_a_second else fps)
    assert back.names == ALL_61
    np.testing.assert_allclose(back.times, curves.times, atol=1e-6)
    np.testing.assert_allclose(back.values, curves.values, atol=1e-6)


@pytest.mark.parametrize(
    ("row", "fps", "expected"),
    [
        (0, 60, "00:00:00:00.000"),
        (59, 60, "00:00:00:59.000"),
        (60, 60, "00:00:01:00.000"),
        (60 * 3600, 60, "01:00:00:00.000"),
        (30, 30 / 1.001, "00:00:01:00.030"),
        (25 * 86400, 25, "00:00:00:00.000"),
    ],
)
def test_timecodes(row, fps, expected):
    assert livelink.timecode(row, fps) == expected


def test_time_starts_at_the_first_row_whatever_its_timecode(tmp_path):
    rows = [f"14:03:{52 + (28 + i) // 60}:{(28 + i) % 60:02d}.{207 + i % 3},61,{i / 200},0" for i in range(100)]
    curves = read_curves(small(tmp_path, *rows))
    np.testing.assert_allclose(curves.times, np.arange(100) / 60, atol=2e-4)


def test_fps_that_is_given_overrules(tmp_path):
    rows = [f"00:00:0{i // 30}:{i % 30:02d}.000,2,0.5,0" for i in range(60)]
    assert read_curves(small(tmp_path, *rows)).times[1] == pytest.approx(1 / 30)
    assert read_curves(small(tmp_path, *rows), fps=24).times[1] == pytest.approx(1 / 24)


def test_midnight(tmp_path):
    rows = [f"23:59:59:{i:02d}.000,2,0.5,0" for i in range(30)] + [f"00:00:00:{i:02d}.000,2,0.5,0" for i in range(30)]
    np.testing.assert_allclose(read_curves(small(tmp_path, *rows)).times, np.arange(60) / 30)


def test_dropped_frames_keep_their_time(tmp_path):
    said = []
    rows = [f"00:00:0{i // 30}:{i % 30:02d}.000,2,0.5,0" for i in range(90) if i not in (40, 41)]
    curves = read_curves(small(tmp_path, *rows), warn=said.append)
    assert curves.times[-1] == pytest.approx(89 / 30)
    assert any("2 frames are missing" in s for s in said)


@pytest.mark.parametrize("timecode", ["", "noon", "1:2", "00:00:00:00.000", "00:00:0{0}:00"])
def test_timecodes_that_do_not_tell(tmp_path, timecode):
    said = []
    curves = read_curves(small(tmp_path, *[f"{timecode.format(i)},2,0.5,0" for i in range(3)]), warn=said.append)
    assert len(curves.times) == 3
    assert any("assumed" in s or "missing" in s for s in said) or curves.times[1] == 1.0


def test_byte_order_mark_crlf_blank_lines_and_any_case(tmp_path):
    path = tmp_path / "take.csv"
    path.write_bytes(b"\xef\xbb\xbfTIMECODE,BlendShapeCount,jawopen\r\n\r\n00:00:00:00.000,61,0.5\r\n00:00:00:01.000,61,0.6\r\n\r\n,,\r\n")
    np.testing.assert_allclose(read_curves(path, 60).channel("jawOpen"), [0.5, 0.6], atol=1e-6)


def test_utf_16_from_a_spreadsheet(tmp_path):
    path = tmp_path / "take.csv"
    path.write_bytes("Timecode\tBlendshapeCount\tJawOpen\r\n00:00:00:00.000\t61\t0.5\r\n".encode("utf-16"))
    assert read_curves(path, 60).channel("jawOpen").tolist() == [0.5]


def test_semicolons_with_decimal_commas(tmp_path):
    path = small(tmp_path, "00:00:00:00,000;61;0,5;0,25", header="Timecode;BlendshapeCount;JawOpen;MouthClose")
    assert read_curves(path, 60).values.tolist() == [[0.5, 0.25]]


def test_decimal_commas_between_commas(tmp_path):
    with pytest.raises(UserError, match="Line 2") as caught:
        read_curves(small(tmp_path, "00:00:00:00.000,61,0,5,0,25"))
    assert "decimal points" in caught.value.hint


def test_missing_and_extra_columns_are_said(tmp_path):
    said = []
    path = small(tmp_path, "00:00:00:00.000,61,0.5,9", header="Timecode,BlendshapeCount,JawOpen,Ears")
    assert read_curves(path, 60, said.append).names == ("jawOpen",)
    assert any("1 column is not Live Link Face's" in s and "Ears" in s for s in said)
    assert any("51 of the 52" in s for s in said)


def test_a_cut_off_last_row(tmp_path):
    said = []
    curves = read_curves(small(tmp_path, "00:00:00:00.000,61,0.5,0.1", "00:00:00:01.000,61,0.6"), 60, said.append)
    assert len(curves.times) == 1
    assert any("cut off" in s for s in said)


def test_a_short_row_in_the_middle(tmp_path):
    with pytest.raises(UserError, match=r"Line 3 of take.csv has 3 fields instead of 4"):
        read_curves(small(tmp_path, "00:00:00:00.000,61,0.5,0.1", "00:00:00:01.000,61,0.6", "00:00:00:02.000,61,0.6,0.1"))


def recording(tmp_path, **odd):
    """300 rows at 30 a second; odd: row number -> what stands in place of its timecode."""
    rows = [f"13:53:{10 + i // 30:02d}:{i % 30:02d}.000,61,{i / 300:.4f},0.1" for i in range(300)]
    for number, text in odd.items():
        rows[int(number[1:])] = text + "," + rows[int(number[1:])].split(",", 1)[1]
    return small(tmp_path, *rows)


@pytest.mark.parametrize(
    "odd",
    [{"r100": "13:53:13:09.000"}, {"r100": "13:53:13:07.000"}, {"r100": "??"}, {"r100": "14:53:13:10.000"}, {"r0": "x"}],
    ids=["repeated", "back", "none", "an hour ahead", "the first"],
)
def test_a_timecode_that_does_not_fit_in_spoils_no_other(tmp_path, odd):
    said = []
    curves = read_curves(recording(tmp_path, **odd), warn=said.append)
    np.testing.assert_allclose(curves.times, np.arange(300) / 30, atol=0.035)
    assert any("do not fit in" in s for s in said)


def test_timecodes_that_fall_leave_the_rate(tmp_path):
    odd = {f"r{i}": f"13:53:{9 + (i + 1) // 30:02d}:{i % 30:02d}.000" for i in range(1, 300, 3)}
    curves = read_curves(recording(tmp_path, **odd))
    assert curves.times[-1] == pytest.approx(299 / 30, rel=0.02)


@pytest.mark.parametrize("last", ["13:53:2", "13:53:20:00.000,61,0.5", "13:53:20:00.000,61,0.5,", "13:53:20:00.000,61,0.5,-"])
def test_a_last_row_that_is_cut_off_anywhere_is_left_out(tmp_path, last):
    said = []
    path = recording(tmp_path)
    path.write_text(path.read_text() + last)
    assert len(read_curves(path, warn=said.append).times) == 300 and any("cut off" in s for s in said)


def test_quoted_fields(tmp_path):
    rows = [f'"13:53:10:{i:02d}.000","61","{i / 10}","0.1"' for i in range(10)]
    np.testing.assert_allclose(read_curves(small(tmp_path, *rows), 30).channel("jawOpen"), np.arange(10) / 10, atol=1e-6)


def test_rows_without_a_face_hold_the_last_values(tmp_path):
    said = []
    rows = ["00:00:00:00.000,61,0.5,0.1", "00:00:00:01.000,0,,", "00:00:00:02.000,0", "00:00:00:03.000,61,0.7,0.2"]
    curves = read_curves(small(tmp_path, *rows), 60, said.append)
    np.testing.assert_allclose(curves.channel("jawOpen"), [0.5, 0.5, 0.5, 0.7])
    assert any("lost in 2 of 4 rows" in s for s in said)


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "abc", "1e99", "", "0x1"])
def test_what_is_not_a_number(tmp_path, value):
    with pytest.raises(UserError, match=f"Line 3 of take.csv has '{value}' in jawOpen"):
        read_curves(small(tmp_path, "00:00:00:00.000,61,0.5,0.1", f"00:00:00:01.000,61,{value},0.1"))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b"\n \n", "empty"),
        (b"\xff\xfa\x00\x01RIFF", "not text"),
        (b"RIFF\x00\x00", "not text"),
        (b"Frame,JawOpen\n1,0.5\n", "not Timecode"),
        (b"Timecode,BlendshapeCount\n00:00:00:00.000,61\n", "none of Live Link Face's columns"),
        (b"Timecode,BlendshapeCount,JawOpen\n", "no rows"),
        (b"Timecode,BlendshapeCount,JawOpen,JawOpen\n0,61,1,1\n", "twice"),
        (b"{}", "not Timecode"),
    ],
)
def test_what_is_no_take(tmp_path, content, said):
    path = tmp_path / "take.csv"
    path.write_bytes(content)
    with pytest.raises(UserError, match=said):
        read_curves(path)


@settings(max_examples=150, deadline=None)
@given(
    st.binary(max_size=200),
    st.sampled_from([b"", b"Timecode,BlendshapeCount,JawOpen\n", b"Timecode;BlendshapeCount;JawOpen;HeadYaw\n00:00:00:00;61;"]),
)
def test_garbage_is_a_sentence_or_curves(tmp_path_factory, content, start):
    path = tmp_path_factory.mktemp("csv") / "a.csv"
    path.write_bytes(start + content)
    try:
        curves = read_curves(path)
    except UserError as error:
        assert error.message
    else:
        assert np.isfinite(curves.values).all()


def test_a_file_that_is_too_large(tmp_path, monkeypatch):
    monkeypatch.setattr("facewright.interchange.rows.MAX_BYTES", 10)
    with pytest.raises(UserError, match="at most"):
        read_curves(small(tmp_path, "00:00:00:00.000,61,0.5,0.1"))


def test_missing_file_folder_and_unknown_suffix(tmp_path):
    with pytest.raises(UserError, match="Cannot read"):
        read_curves(tmp_path / "none.csv")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(UserError, match="Cannot read"):
        read_curves(tmp_path / "folder.csv")
    for act in (lambda: read_curves(tmp_path / "a.fbx"), lambda: write_curves(take(2, 60), tmp_path / "a", 60)):
        with pytest.raises(UserError, match=r"neither a \.csv nor a \.json"):
            act()


def test_writing_nothing_or_what_is_not_live_link(tmp_path):
    path = tmp_path / "a.csv"
    with pytest.raises(UserError, match="EarWiggle"):
        write_curves(Curves(("EarWiggle",), [0.0], [[0.5]]), path, 60)
    with pytest.raises(UserError, match="empty"):
        write_curves(Curves((), [], np.zeros((0, 0))), path, 60)
    for fps in (0, -1, float("nan"), 5000, True):
        with pytest.raises(UserError, match="rows a second"):
            write_curves(take(3, 60), path, fps)
    assert not path.exists()
    said = []
    write_curves(Curves(("jawOpen", "EarWiggle"), [0.0], [[0.5, 0.5]]), path, 60, said.append)
    assert any("EarWiggle" in s for s in said)


def test_a_full_disk_leaves_no_half_file(tmp_path, monkeypatch):
    path = tmp_path / "a.csv"
    path.write_text("before")
    monkeypatch.setattr(livelink, "timecode", lambda *a: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(UserError, match="No space left"):
        write_curves(take(3, 60), path, 60)
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_closures_survive_a_lower_frame_rate(tmp_path):
    values = np.full((120, 1), 0.5)
    values[61:63] = 0.0
    write_curves(Curves(("jawOpen",), np.arange(120) / 60, values), tmp_path / "a.csv", 24)
    assert read_curves(tmp_path / "a.csv").channel("jawOpen").min() == 0.0


@pytest.mark.slow
def test_an_hour_is_read_in_bounded_time_and_memory(tmp_path):
    import time

    rows = 60 * 3600
    path = tmp_path / "hour.csv"
    write_curves(Curves(("jawOpen",), np.arange(rows) / 60, np.random.default_rng(0).random((rows, 1))), path, 60)
    began = time.process_time()
    assert len(read_curves(path).times) == rows
    assert time.process_time() - began < 20


def test_rows_at_their_own_times(tmp_path):
    """A phone video's uneven frames: one row each, and the timecodes bring the times back."""
    rng = np.random.default_rng(2)
    kept = np.sort(rng.permutation(300)[:285])
    times = kept / 30 + rng.uniform(0, 0.004, 285)
    times -= times[0]
    curves = Curves(("jawOpen",), times, rng.random((285, 1), np.float32))
    livelink.write(curves, tmp_path / "uneven.csv", 30.0, own_times=True)
    lines = (tmp_path / "uneven.csv").read_text().splitlines()
    assert len(lines) == 286 and lines[1].startswith("00:00:00:00.000,61,")
    back = livelink.read(tmp_path / "uneven.csv")
    np.testing.assert_allclose(back.times, times, atol=2e-3)
    np.testing.assert_allclose(back.channel("jawOpen"), curves.channel("jawOpen"), atol=1e-6)
