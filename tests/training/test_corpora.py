# SPDX-License-Identifier: GPL-3.0-or-later
"""Readers of the corpora's formats, on small files made here; the real corpora are read only where FACEWRIGHT_CORPORA names them."""
import json
import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from facewright.training import corpora

TEXTGRID = """File type = "ooTextFile"
item []:
	item [1]:
		name = "words"
		intervals [1]:
			xmin = 0.1
			xmax = 0.5
			text = "map"
	item [2]:
		name = "phones"
		intervals [1]:
			xmin = 0.000
			xmax = 0.1
			text = ""
		intervals [2]:
			xmin = 0.1
			xmax = 0.2
			text = "M"
		intervals [3]:
			xmin = 0.2
			xmax = 0.4
			text = "AE1"
		intervals [4]:
			xmin = 0.4
			xmax = 0.5
			text = "P"
		intervals [5]:
			xmin = 0.5
			xmax = 1.0
			text = "sp"
"""


def test_textgrid_tiers() -> None:
    assert corpora.textgrid_tier(TEXTGRID, "words") == [(0.1, 0.5, "map")]
    assert [label for _, _, label in corpora.textgrid_tier(TEXTGRID, "phones")] == ["", "M", "AE1", "P", "sp"]
    with pytest.raises(SystemExit, match="no tier"):
        corpora.textgrid_tier(TEXTGRID, "tones")


@pytest.mark.parametrize(("raw", "phone"), [("AE1", "AE"), ("W_B", "W"), ("IY0_E", "IY"), ("sp", "SIL"), ("", "SIL"), ("spn", "SIL")])
def test_bare(raw: str, phone: str) -> None:
    assert corpora.bare(raw) == phone


def test_missing_faces_stay_missing_between_frames() -> None:
    times = (np.arange(5) + 0.5) / 25
    track = np.array([[0.0], [0.1], [np.nan], [0.3], [0.4]])
    frames = corpora.at_frames(times, track, 14)[:, 0]
    assert frames[2] == pytest.approx(0.075, abs=1e-6)  # 0.05 s lies three quarters of the way from 0.02 to 0.06 s
    assert np.isnan(frames[4:6]).all() and np.isnan(frames[12:]).all()
    assert frames.dtype == np.float32


def test_ljspeech_and_grid_folders(tmp_path: Path) -> None:
    lj = tmp_path / "ljspeech"
    lj.mkdir()
    soundfile.write(lj / "LJ1.opus", np.zeros(48000), 48000, format="OGG", subtype="OPUS")
    (lj / "LJ1.TextGrid").write_text(TEXTGRID)
    (lj / "LJ1.txt").write_text("Map.")
    (example,) = corpora.ljspeech(tmp_path)
    assert len(example.clip.audio) == pytest.approx(16000, abs=8)  # resampled
    assert example.words[0].phones == ("M", "AE", "P") and example.script == "Map."
    assert example.silences == ((0.0, 0.1), (0.5, 1.0))

    more = tmp_path / "grid_more"
    (more / "audio").mkdir(parents=True)
    soundfile.write(more / "audio" / "s5_a.opus", np.zeros(48000), 16000, format="OGG", subtype="OPUS")
    (more / "words.json").write_text(json.dumps({"s5_a": [[0, 1, "sil"], [1, 2, "bin"], [2, 3, "z"]]}))
    np.savez(more / "curves.npz", columns=np.array(["jawOpen", *corpora.MEASURED]), fps=25.0, s5_a=np.full((75, 4), 0.25, np.float16))
    (example,) = corpora.grid(tmp_path, "grid_more")
    assert example.speaker == "s5" and corpora.is_held_out(example)
    assert example.words[1].phones == ("Z", "EH", "D") and example.script == "bin z"
    assert example.measured.shape == (150, 3) and example.video[1].shape == (75, 4)


def test_no_corpora_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FACEWRIGHT_CORPORA", raising=False)
    with pytest.raises(SystemExit, match="FACEWRIGHT_CORPORA"):
        corpora.folder(None)


@pytest.mark.skipif("FACEWRIGHT_CORPORA" not in os.environ, reason="reads the real corpora: set FACEWRIGHT_CORPORA to their folder")
@pytest.mark.slow
def test_real_corpora_hold_out_what_the_docs_say() -> None:
    root = corpora.folder(None)
    grid = list(corpora.grid(root, "grid_s1"))
    assert 0.06 < sum(map(corpora.is_held_out, grid)) / len(grid) < 0.14
    assert {e.speaker for e in corpora.grid(root, "grid_more") if corpora.is_held_out(e)} == {"s5", "s32"}
