# SPDX-License-Identifier: GPL-3.0-or-later
"""Enabling and disabling: quick, light, complete, repeatable, and safe at the interpreter's end."""
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

bpy = pytest.importorskip("bpy")

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.blender

PRELUDE = f"""
import importlib.util, os, sys, time
spec = importlib.util.spec_from_file_location("entry", {str(ROOT / "entry.py")!r})
entry = importlib.util.module_from_spec(spec)
spec.loader.exec_module(entry)
entry.load_package()
import bpy
"""


def fresh(code: str, **variables: str) -> str:
    """Runs the code in an interpreter of its own after ``import bpy``; returns what it printed. The interpreter must end well."""
    environment = {**os.environ, **variables}
    done = subprocess.run(
        [sys.executable, "-c", PRELUDE + textwrap.dedent(code)], capture_output=True, text=True, timeout=120, env=environment
    )
    assert done.returncode == 0, f"status {done.returncode}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
    return done.stdout


def test_enabling_is_quick_and_light(tmp_path):
    """The best of five fresh interpreters, in processor time; compiled files are kept between them, as Blender keeps them.

    It takes 20 to 30 ms (the bar is 50), and more than twice that where other programs share the processor's caches. A module that is
    heavy costs 100 ms and more, besides being named here.
    """
    code = """
        before = set(sys.modules)
        began = time.process_time()
        import facewright
        facewright.register()
        took = time.process_time() - began
        new = {name.partition(".")[0] for name in set(sys.modules) - before}
        print("\\n", took, *sorted(new & {"torch", "numpy", "scipy", "soundfile", "subprocess", "multiprocessing"}))
        facewright.unregister()
        """
    best = 9.0
    for _ in range(5):
        said = fresh(code, PYTHONDONTWRITEBYTECODE="", PYTHONPYCACHEPREFIX=str(tmp_path))
        took, *heavy = said.strip().splitlines()[-1].split()  # Blender 5.2 prints as well
        assert heavy == []
        best = min(best, float(took))
    assert best < 0.1, f"enabling took {best * 1000:.0f} ms"


def test_everything_is_taken_back_and_it_can_be_done_again():
    said = fresh(
        """
        import facewright
        def state():
            names = {name for name in dir(bpy.types) if "FACEWRIGHT" in name.upper()}
            menus = [len(m._dyn_ui_initialize()) for m in (bpy.types.TOPBAR_MT_file_import, bpy.types.TOPBAR_MT_file_export)]
            return names, menus, hasattr(bpy.types.Scene, "facewright"), len(bpy.app.handlers.load_pre)
        before = state()
        for _ in range(3):
            facewright.register()
            assert state() != before
            assert len(state()[0]) >= 16, state()
            facewright.unregister()
            assert state() == before, (state(), before)
        facewright.unregister()
        print("\\nwell")
        """
    )
    assert "well" in said


def test_disabling_ends_the_worker_and_the_timer():
    said = fresh(
        """
        import facewright
        from pathlib import Path
        import tempfile
        facewright.register()
        from facewright.scene import jobs, tasks
        client = tasks.worker(sys.executable, tempfile.mkdtemp())
        job = client.submit("ping", {"delay": 60})
        jobs.start("speech", "Wait", tasks.WorkerTask(client, job), print)
        while job.state != "running":
            jobs.tick()
            time.sleep(0.01)
        pid = client.hello.pid
        assert bpy.app.timers.is_registered(jobs.tick)
        began = time.monotonic()
        facewright.unregister()
        assert time.monotonic() - began < 4
        assert not bpy.app.timers.is_registered(jobs.tick)
        assert job.state == "cancelled"
        try:
            os.kill(pid, 0)
            print("\\nalive")
        except ProcessLookupError:
            print("\\ngone")
        """
    )
    assert "gone" in said


def test_the_interpreter_ends_well_with_the_add_on_enabled():
    assert "end" in fresh("import facewright; facewright.register(); print('\\nend')")


def test_the_command_runs_the_shells_verbs(capsys):
    from facewright import registration

    assert registration._command(["--help"]) == 0
    assert "bake" in capsys.readouterr().out
