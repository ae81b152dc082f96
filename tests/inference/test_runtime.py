# SPDX-License-Identifier: GPL-3.0-or-later
"""Which Python runs the worker, in which order, with which sentence when there is none; and making one from local packages."""
import os
import subprocess
import sys
import threading
import time
import zipfile
from pathlib import Path

import pytest

from facewright.core.errors import Cancelled, UserError
from facewright.inference import runtime
from facewright.inference.runtime import find_python, install, interpreter, runtime_folder

posix = pytest.mark.skipif(sys.platform == "win32", reason="stands in for interpreters with shell scripts")


@pytest.fixture(autouse=True)
def a_clean_slate(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.delenv("FACEWRIGHT_PYTHON", raising=False)
    monkeypatch.setattr(runtime, "ROOT", tmp_path / "checkout")
    monkeypatch.setattr(runtime, "_known", {})


def pretend_python(folder: Path, found: tuple[str, ...] = runtime.NEEDED, version: str = "[3, 11, 7]", torch: str = "2.13.0") -> Path:
    """An environment whose python answers the probe as told, after some chatter, and counts how often it was asked."""
    (folder / "bin").mkdir(parents=True)
    python = folder / "bin" / "python"
    have = ", ".join(f'"{name}": "{torch if name == "torch" else "1"}"' for name in found)
    answer = f'{{"version": {version}, "found": {{{have}}}}}'
    python.write_text(f"#!/bin/sh\necho asked >> '{folder}/asked'\necho chatter\necho '{answer}'\n")
    python.chmod(0o755)
    return python


@posix
def test_the_order(tmp_path: Path, monkeypatch) -> None:
    data = tmp_path / "data"
    folders = (tmp_path / "mine", tmp_path / "named", data / "runtime", tmp_path / "blender", tmp_path / "checkout/.venv")
    mine, named, made, blender, launcher = (pretend_python(folder) for folder in folders)
    monkeypatch.setenv("FACEWRIGHT_PYTHON", str(named))
    order = []
    for python, source in ((mine, "preference"), (named, "environment"), (made, "runtime"), (blender, "blender"), (launcher, "launcher")):
        found = find_python(str(mine) if mine.exists() else "", data, str(blender))
        order.append((found.python, found.source) == (python, source))
        assert found.torch_version == "2.13.0"
        python.unlink()
        if python == named:
            monkeypatch.delenv("FACEWRIGHT_PYTHON")
    assert all(order)
    with pytest.raises(UserError, match="No Python with torch"):
        find_python("", data, str(blender))


@posix
def test_blenders_own_without_torch_is_passed_over(tmp_path: Path) -> None:
    blender = pretend_python(tmp_path / "blender", found=("numpy",))
    launcher = pretend_python(tmp_path / "checkout/.venv")
    assert find_python("", tmp_path, str(blender)).python == launcher


@posix
def test_when_there_is_none_the_sentence_says_what_was_looked_at_and_what_to_do(tmp_path: Path) -> None:
    blender = pretend_python(tmp_path / "blender", found=("numpy", "soxr"))
    with pytest.raises(UserError) as caught:
        find_python("", tmp_path, str(blender))
    assert f"{blender} lacks torch, soundfile, safetensors" in caught.value.hint
    assert "preferences" in caught.value.hint and "./facewright" in caught.value.hint


@posix
@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda python: python.unlink(), "does not exist"),
        (lambda python: python.chmod(0o644), "cannot be run"),
        (lambda python: python.write_text("#!/bin/sh\necho hello\n"), "is not a working Python"),
        (lambda python: python.write_text("#!/bin/sh\nexit 3\n"), "is not a working Python"),
        (lambda python: python.write_text("#!/bin/sh\nexec sleep 60\n"), "did not answer"),
        (lambda python: python.write_text("""#!/bin/sh\necho '{"version": [3, 9, 1], "found": {}}'\n"""), "is Python 3.9.1, but 3.11"),
    ],
)
def test_a_preference_that_does_not_work_is_an_error_not_a_reason_to_take_another(tmp_path: Path, monkeypatch, change, why: str) -> None:
    monkeypatch.setattr(runtime, "PROBE_DEADLINE", 0.5)
    pretend_python(tmp_path / "checkout/.venv")
    python = pretend_python(tmp_path / "mine")
    change(python)
    with pytest.raises(UserError, match=why) as caught:
        find_python(str(python), tmp_path)
    assert str(python) in caught.value.message


@posix
def test_it_is_run_once_until_it_changes_and_failures_are_looked_at_again(tmp_path: Path, monkeypatch) -> None:
    python = pretend_python(tmp_path / "mine")

    def asked() -> int:
        return len((tmp_path / "mine/asked").read_text().splitlines())

    for _ in range(3):
        find_python(str(python), tmp_path)
    assert asked() == 1
    os.utime(python, (1, 1))
    find_python(str(python), tmp_path)
    assert asked() == 2

    monkeypatch.setattr(runtime, "FAILURE_KEPT", 0.0)
    poor = pretend_python(tmp_path / "poor", found=("numpy",))
    for _ in range(2):
        with pytest.raises(UserError):
            find_python(str(poor), tmp_path)
    assert len((tmp_path / "poor/asked").read_text().splitlines()) == 2


def test_a_real_python_is_looked_into_without_loading_torch(tmp_path: Path, worker_python: str) -> None:
    look = runtime._look_at(interpreter(worker_python), ("json", "no_such_module"))
    assert look.version[0] == 3 and look.why_not(("json", "no_such_module")) == "lacks no_such_module"


def test_interpreter_of_a_folder_a_command_and_nothing(tmp_path: Path) -> None:
    assert interpreter(Path(sys.executable).parent.parent) is not None
    assert interpreter(tmp_path) is None and interpreter("no-such-command-anywhere") is None
    if sys.platform != "win32":
        assert interpreter("sh") == Path(interpreter("sh")) and interpreter("sh").is_absolute()


# Making one


def tiny_wheel(folder: Path, name: str = "tinything") -> None:
    folder.mkdir()
    with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as wheel:
        info = f"{name}-1.0.dist-info"
        wheel.writestr(f"{name}.py", "VALUE = 42\n")
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", f"{name}.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")


@pytest.fixture
def offline(tmp_path: Path, monkeypatch) -> Path:
    """pip finds only our own wheel; returns a requirements file that asks for it."""
    tiny_wheel(tmp_path / "wheels")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheels"))
    monkeypatch.setattr(runtime, "FREE_SPACE", 1e6)
    (tmp_path / "requirements.txt").write_text("tinything==1.0\n")
    return tmp_path / "requirements.txt"


@pytest.mark.slow
def test_install_makes_a_runtime_that_works_where_it_was_moved_and_replaces_an_older_one(tmp_path: Path, offline: Path) -> None:
    data = tmp_path / "data"
    (runtime_folder(data) / "old").mkdir(parents=True)
    said = []
    python = install(data, sys.executable, said.append, lambda: False, offline)
    assert python == interpreter(runtime_folder(data)) and any("tinything" in line for line in said)
    for words in (["-c", "import tinything; print(tinything.VALUE)"], ["-m", "pip", "--version"]):
        done = subprocess.run([str(python), *words], stdout=subprocess.PIPE, text=True, check=True, env={})
        assert "42" in done.stdout or str(runtime_folder(data)) in done.stdout
    assert [p.name for p in data.iterdir()] == ["runtime"] and not (runtime_folder(data) / "old").exists()
    assert not (runtime_folder(data) / "tmp").exists()


@pytest.mark.parametrize("when", ["environment", pytest.param("packages", marks=pytest.mark.slow)])
def test_cancel_leaves_nothing_and_keeps_the_older_runtime(tmp_path: Path, offline: Path, when: str) -> None:
    data = tmp_path / "data"
    (runtime_folder(data) / "old").mkdir(parents=True)
    said, started = [], time.monotonic()

    def cancelled() -> bool:
        return time.monotonic() - started > 0.3 if when == "environment" else any("Looking in links" in line for line in said)

    with pytest.raises(Cancelled):
        install(data, sys.executable, said.append, cancelled, offline)
    assert [p.name for p in data.iterdir()] == ["runtime"] and (runtime_folder(data) / "old").exists()


def test_no_space(tmp_path: Path, offline: Path, monkeypatch) -> None:
    monkeypatch.setattr(runtime, "FREE_SPACE", 1e18)
    with pytest.raises(UserError, match="GB of free space"):
        install(tmp_path / "data", sys.executable, print, lambda: False, offline)
    assert list((tmp_path / "data").iterdir()) == []


@posix
@pytest.mark.parametrize("base", ["no/such/python", "without venv"])
def test_an_unsuitable_base(tmp_path: Path, offline: Path, base: str) -> None:
    if base == "without venv":
        base = str(pretend_python(tmp_path / "poor", found=("venv",)))
    with pytest.raises(UserError, match=r"does not exist|lacks ensurepip"):
        install(tmp_path / "data", base, print, lambda: False, offline)


def test_a_data_folder_that_cannot_be_made(tmp_path: Path, offline: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UserError, match="Cannot write"):
        install(tmp_path / "file" / "data", sys.executable, print, lambda: False, offline)


@posix
@pytest.mark.parametrize(
    ("output", "sentence"),
    [
        ("WARNING: Retrying after 'NewConnectionError(...)'\nERROR: No matching distribution found for torch", "cannot be reached"),
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", "disk filled up"),
        ("ERROR: No matching distribution found for torch==2.13.0", "does not exist for this system"),
        ("something else", "something else"),
    ],
)
def test_what_pip_says_in_words(tmp_path: Path, output: str, sentence: str) -> None:
    script = tmp_path / "pip"
    script.write_text(f"#!/bin/sh\ncat <<'END'\n{output}\nEND\nexit 1\n")
    script.chmod(0o755)
    with pytest.raises(UserError, match=sentence):
        runtime._run([script], dict(os.environ), lambda line: None, lambda: False)


@pytest.mark.slow
def test_a_package_that_is_not_there_leaves_nothing(tmp_path: Path, offline: Path) -> None:
    offline.write_text("no-such-package-anywhere==9\n")
    with pytest.raises(UserError, match="does not exist for this system"):
        install(tmp_path / "data", sys.executable, lambda line: None, lambda: False, offline)
    assert list((tmp_path / "data").iterdir()) == []


def test_a_half_made_runtime_of_a_dead_installation_is_removed_a_living_one_is_not(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(runtime, "FREE_SPACE", 0)
    for name in ("runtime.partial-dead", "runtime.partial-living", "runtime"):
        (tmp_path / name).mkdir()
    os.utime(tmp_path / "runtime.partial-dead", (1, 1))
    os.utime(tmp_path / "runtime", (1, 1))
    runtime._make_room(tmp_path / "runtime")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["runtime", "runtime.partial-living"]


def test_install_runs_in_a_thread(tmp_path: Path, offline: Path) -> None:
    """As the operator does it: nothing in it belongs to the main thread."""
    raised = []

    def work() -> None:
        try:
            install(tmp_path / "data", sys.executable, lambda line: None, lambda: True, offline)
        except Cancelled as error:
            raised.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(20)
    assert len(raised) == 1
