# SPDX-License-Identifier: GPL-3.0-or-later
"""A sitting with the shipped model: takes that differ, votes that name the weights, and what tuning needs kept beside them."""
import os
import sys
from pathlib import Path

import pytest

bpy = pytest.importorskip("bpy")

from facewright import preferences  # noqa: E402
from facewright.inference import curves_file  # noqa: E402
from facewright.preference.store import Store  # noqa: E402
from facewright.scene import jobs, sitting, tasks  # noqa: E402

pytestmark = [pytest.mark.blender, pytest.mark.slow]
SAMPLE = Path(__file__).parents[2] / "samples" / "hello.wav"


def test_votes_on_real_takes(addon, settings, tmp_path, monkeypatch):
    python = os.environ.get("FACEWRIGHT_PYTHON") or sys.executable
    chosen, original = preferences.Settings("cpu", python, tmp_path / "data"), preferences.settings
    for module in list(sys.modules.values()):
        if getattr(module, "__name__", "").startswith("facewright.") and getattr(module, "settings", None) is original:
            monkeypatch.setattr(module, "settings", lambda context: chosen)
    monkeypatch.setenv("FACEWRIGHT_PYTHON", python)
    bpy.ops.facewright.add_demo_head()
    settings.sound = str(SAMPLE)
    settings.ranking.where, settings.ranking.count = "HERE", 3
    bpy.context.scene.frame_set(30)
    try:
        assert bpy.ops.facewright.rank_start() == {"FINISHED"}
        session = sitting.current()
        assert session.sitting.left == 3, jobs.outcome("ranking")
        lines = [curves_file.load(shown.curves) for shown in session.takes.values()]
        assert all(line.channel("jawOpen").max() > 0.1 for line in lines), "the sample speaks"
        bpy.ops.facewright.rank_act(action="TAKE_0")
        bpy.ops.facewright.rank_end()
    finally:
        sitting.end()
        jobs.shut_down()
        tasks.close_worker()
    with Store.open(tmp_path / "data" / "votes", read_only=True) as store:
        (vote,) = store.votes()
        take = store.takes([vote.takes[0]])[vote.takes[0]]
        assert len(take.model) == 64 and take.end - take.start == pytest.approx(2.0, abs=0.1)
        assert set(take.controls) == {"jaw", "lips", "articulation"}
    assert list((tmp_path / "data" / "votes" / "heard").glob("*.npz")), "so that votes can tune when the sound is gone"
