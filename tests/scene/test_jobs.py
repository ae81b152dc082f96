# SPDX-License-Identifier: GPL-3.0-or-later
"""The one running job: its states as a panel sees them, and that it always ends. The operators' tests run real ones."""
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

bpy = pytest.importorskip("bpy")

from facewright.core.errors import Cancelled, UserError  # noqa: E402
from facewright.scene import dialogs, handles, jobs, tasks  # noqa: E402

pytestmark = pytest.mark.blender


@pytest.fixture(autouse=True)
def fresh():
    yield
    jobs.shut_down()
    assert jobs.running() is None and not bpy.app.timers.is_registered(jobs.tick)


def run_to_end():
    end = time.monotonic() + 10
    while jobs.tick() is not None:
        assert time.monotonic() < end, "the job did not end"
        time.sleep(0.005)


def finish(result):
    return jobs.Outcome("done", (f"got {result['x']}",))


def test_a_job_ends_with_what_finish_says_and_is_cleaned_up():
    cleaned = []
    jobs.start("speech", "Count", tasks.ThreadTask(lambda task: {"x": 3}), finish, lambda: cleaned.append(1))
    assert bpy.app.timers.is_registered(jobs.tick)
    run_to_end()
    assert jobs.outcome("speech") == jobs.Outcome("done", ("got 3",))
    assert cleaned == [1]


def test_only_one_at_a_time():
    stop = threading.Event()
    jobs.start("speech", "First", tasks.ThreadTask(lambda task: stop.wait(10) and {"x": 1}), finish)
    with pytest.raises(UserError, match="'First' is running"):
        jobs.start("runtime", "Second", tasks.ThreadTask(lambda task: {"x": 2}), finish)
    assert jobs.busy_reason() == "'First' is running. Wait for it or cancel it."
    stop.set()
    run_to_end()
    assert jobs.busy_reason() == ""


def test_trouble_in_finish_is_told_in_its_own_words():
    def finish(result):
        raise UserError("It does not fit.", "Make it fit.")

    jobs.start("speech", "Count", tasks.ThreadTask(lambda task: {}), finish)
    run_to_end()
    assert jobs.outcome("speech") == jobs.Outcome("failed", ("It does not fit.", "Make it fit."))


@pytest.mark.parametrize("where", ["task", "finish", "poll"])
def test_a_bug_anywhere_ends_the_job_with_details(where, capsys):
    def fail(*_):
        raise ZeroDivisionError(f"in {where}")

    task = tasks.ThreadTask(fail if where == "task" else lambda task: {"x": 1})
    if where == "poll":
        task.poll = fail
    jobs.start("speech", "Count", task, fail if where == "finish" else finish)
    run_to_end()
    outcome = jobs.outcome("speech")
    assert outcome.kind == "failed" and f"in {where}" in outcome.lines[0]
    assert "Traceback" in outcome.details and "ZeroDivisionError" in outcome.details and dialogs.version() in outcome.details
    assert "ZeroDivisionError" in capsys.readouterr().err, "without a window it goes to stderr"


def test_a_cancelled_job_is_gone_at_once_and_watched_until_it_has_stopped():
    stopped, cleaned = threading.Event(), []

    def slow(task):
        while not task.cancelled():
            time.sleep(0.005)
        stopped.wait(10)
        return {"x": 1}

    jobs.start("speech", "Slow", tasks.ThreadTask(slow), finish, lambda: cleaned.append(1))
    jobs.cancel()
    assert jobs.running() is None and jobs.outcome("speech").kind == "cancelled"
    assert jobs.tick() is not None and not cleaned, "its files are still in use"
    stopped.set()
    run_to_end()
    assert cleaned == [1]
    assert jobs.outcome("speech").kind == "cancelled", "a late result is not taken"


def test_shutting_down_waits_until_a_thread_has_killed_its_child():
    children, cleaned = [], []

    def install(task):
        children.append(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]))
        while not task.cancelled():
            time.sleep(0.005)
        time.sleep(0.2)  # the look at the flag is not instant
        children[0].kill()
        children[0].wait()
        raise Cancelled

    jobs.start("runtime", "Install", tasks.ThreadTask(install), finish, lambda: cleaned.append(children[0].returncode is not None))
    end = time.monotonic() + 10
    while not children:
        assert time.monotonic() < end
        time.sleep(0.005)
    jobs.shut_down()
    assert cleaned == [True], "the child is gone, and its files are removed only then"


def test_shutting_down_does_not_wait_for_ever(monkeypatch):
    stop = threading.Event()
    monkeypatch.setattr(jobs, "STOP_SECONDS", 0.1)
    jobs.start("runtime", "Deaf", tasks.ThreadTask(lambda task: stop.wait(20) and {"x": 1}), finish)
    began = time.monotonic()
    jobs.shut_down()
    assert time.monotonic() - began < 2
    stop.set()


def test_progress_is_shown_in_words_and_redrawn_only_when_it_changes(monkeypatch):
    stop, draws = threading.Event(), []
    task = tasks.ThreadTask(lambda task: stop.wait(10) and {"x": 1})
    jobs.start("speech", "Count", task, finish)
    real = jobs.redraw
    monkeypatch.setattr(jobs, "redraw", lambda: (draws.append(1), real()))
    task.progress, task.stage, task.eta = 0.25, "Listening", 0.2
    for _ in range(5):
        jobs.tick()
    assert len(draws) == 1
    assert jobs.running().progress == 0.25 and jobs.running().text == "Listening, about 1 s left"
    task.eta = None
    assert jobs.running().text == "Listening"
    stop.set()
    run_to_end()


def test_another_file_forgets_the_last_report():
    for topic in ("speech", "video", "ranking", "learning"):
        jobs.set_outcome(topic, jobs.Outcome("done", ("of the old file",)))
    jobs.set_outcome("runtime", jobs.Outcome("done", ("not of a file",)))
    jobs.stop_before_load()
    assert not any(map(jobs.outcome, ("speech", "video", "ranking", "learning"))) and jobs.outcome("runtime") is not None


def test_handles_find_what_was_renamed_and_miss_what_is_gone(scene, make_head):
    head, teeth = make_head("Head"), make_head("Teeth")
    chosen = handles.remember(scene, [head, teeth])
    head.name = "Other"
    assert handles.find(chosen) == (scene, [head, teeth])
    scene.collection.objects.unlink(teeth)
    with pytest.raises(UserError, match="'Teeth' is gone"):
        handles.find(chosen)
    other = bpy.data.scenes.new("Other")
    chosen = handles.remember(other, [])
    bpy.data.scenes.remove(other)
    with pytest.raises(UserError, match="The scene 'Other' is gone"):
        handles.find(chosen)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends Ctrl-C to a whole console")
def test_ctrl_c_while_a_script_waits_stops_the_thread():
    """A process of its own: the signal must reach its main thread in the join."""
    code = """
import os, runpy, signal, sys, threading, time
runpy.run_path(sys.argv[1])["load_package"]()
from facewright.scene import tasks
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs inherit it as ignored
ended = threading.Event()
def work(task):
    while not task.cancelled():
        time.sleep(0.01)
    ended.set()
    return {}
task = tasks.ThreadTask(work)
threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
try:
    task.wait()
except KeyboardInterrupt:
    print("STOPPED", ended.is_set(), flush=True)
os._exit(0)
"""
    entry = Path(__file__).parents[2] / "entry.py"
    done = subprocess.run([sys.executable, "-c", code, str(entry)], capture_output=True, text=True, timeout=60, check=True)
    assert "STOPPED True" in done.stdout
