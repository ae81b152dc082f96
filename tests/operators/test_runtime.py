# SPDX-License-Identifier: GPL-3.0-or-later
"""Checking and setting up the Python that runs the worker."""
import sys
import time
from pathlib import Path

import pytest

bpy = pytest.importorskip("bpy")

from facewright import preferences  # noqa: E402
from facewright.core.errors import Cancelled, UserError  # noqa: E402
from facewright.inference import runtime  # noqa: E402
from facewright.operators.bake_speech import FACEWRIGHT_OT_bake_speech as Bake  # noqa: E402
from facewright.operators.check_runtime import FACEWRIGHT_OT_check_runtime as Check  # noqa: E402
from facewright.operators.setup_runtime import FACEWRIGHT_OT_setup_runtime as SetUp  # noqa: E402
from facewright.scene import jobs, runtime_status  # noqa: E402

pytestmark = pytest.mark.blender


@pytest.fixture
def online(monkeypatch):
    """The operator's own look at Blender's switch, which scripts cannot turn."""
    monkeypatch.setattr(SetUp, "disabled_reason", classmethod(lambda cls, context: jobs.busy_reason()))


def run_to_end(seconds=10.0):
    end = time.monotonic() + seconds
    while jobs.running() is not None:
        assert time.monotonic() < end
        jobs.tick()
        time.sleep(0.01)
    return jobs.outcome("runtime")


def test_without_online_access_the_reason_says_where_to_allow_it(addon):
    if bpy.app.online_access:
        pytest.skip("this Blender was started with online access")
    assert "online access" in SetUp.disabled_reason(bpy.context)
    assert Check.disabled_reason(bpy.context) == ""


def test_no_runtime_is_a_sentence_that_names_the_cure(face, settings, sound, monkeypatch, tmp_path):
    monkeypatch.setenv("FACEWRIGHT_PYTHON", str(tmp_path / "nothing"))
    settings.sound = sound()
    with pytest.raises(RuntimeError, match="FACEWRIGHT_PYTHON"):
        bpy.ops.facewright.bake_speech()
    chosen = preferences.settings(bpy.context)
    status = runtime_status.current(chosen.python, chosen.data_folder)
    assert status.ok is False and "FACEWRIGHT_PYTHON" in status.lines[0]
    assert Bake.disabled_reason(bpy.context) == ""
    assert len(bpy.data.actions) == 0


def test_drawing_never_looks_for_a_python(addon, monkeypatch, tmp_path):
    monkeypatch.setattr(runtime, "find_python", lambda *_: pytest.fail("looked"))
    assert runtime_status.current("some other python", tmp_path).ok is None


@pytest.mark.slow
def test_check_asks_a_real_worker(addon):
    assert bpy.ops.facewright.check_runtime() == {"FINISHED"}
    chosen = preferences.settings(bpy.context)
    status = runtime_status.current(chosen.python, chosen.data_folder)
    assert status.ok is True
    assert "PyTorch" in status.lines[0] and "CPU" in status.lines[0]


def test_setting_up_shows_progress_and_uses_the_result(addon, online, monkeypatch, tmp_path):
    asked = []

    def install(folder, base, on_line, cancelled):
        asked.append((folder, base))
        on_line("Making an environment")
        on_line("Collecting torch")
        return Path(sys.executable)

    monkeypatch.setattr(runtime, "install", install)
    found = runtime.Runtime(Path(sys.executable), "runtime", "2.0")
    monkeypatch.setattr(runtime, "find_python", lambda preference, folder, own: found)
    work = SetUp.begin(None, bpy.context)
    jobs.start("runtime", "Set Up Runtime", work.task, work.finish)
    assert run_to_end().kind == "done"
    assert work.task.stage == "Downloading packages"
    assert asked == [(preferences.settings(bpy.context).data_folder, sys.executable)]
    chosen = preferences.settings(bpy.context)
    assert runtime_status.current(chosen.python, chosen.data_folder).ok is True


def test_setting_up_can_be_cancelled_and_trouble_is_told(addon, online, monkeypatch):
    ended = []

    def install(folder, base, on_line, cancelled):
        while not cancelled():
            time.sleep(0.01)
        ended.append(True)
        raise Cancelled

    monkeypatch.setattr(runtime, "install", install)
    work = SetUp.begin(None, bpy.context)
    jobs.start("runtime", "Set Up Runtime", work.task, work.finish)
    assert "is running" in Bake.disabled_reason(bpy.context)
    jobs.cancel()
    assert jobs.running() is None and jobs.outcome("runtime").kind == "cancelled"
    while jobs.tick() is not None:
        time.sleep(0.01)
    assert ended

    def fail(folder, base, on_line, cancelled):
        raise UserError("The disk is full.", "Free some space.")

    monkeypatch.setattr(runtime, "install", fail)
    work = SetUp.begin(None, bpy.context)
    jobs.start("runtime", "Set Up Runtime", work.task, work.finish)
    assert run_to_end().lines == ("The disk is full.", "Free some space.")


def test_what_pip_said_is_in_the_details_of_a_failure(addon, online, monkeypatch):
    def fail(folder, base, on_line, cancelled):
        for i in range(1000):
            on_line(f"line {i}")
        raise UserError("The runtime could not be installed: ERROR: no.", "Show Details has all that the installation said.")

    monkeypatch.setattr(runtime, "install", fail)
    work = SetUp.begin(None, bpy.context)
    jobs.start("runtime", "Set Up Runtime", work.task, work.finish)
    details = run_to_end().details
    assert details.endswith("line 999") and "line 900\n" in details and "line 1\n" not in details
