# SPDX-License-Identifier: GPL-3.0-or-later
"""The worker's owner against real worker processes, well-behaved and not: every trouble is a sentence, and the next job works."""
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from facewright.core.errors import Cancelled, UserError
from facewright.inference.breaker import Breaker
from facewright.inference.client import Deadlines, WorkerClient
from facewright.inference.protocol import LINE_LIMIT, PROTOCOL, ProtocolError

posix = pytest.mark.skipif(sys.platform == "win32", reason="signals and shell scripts")
QUICK = Deadlines(hello=10.0, silence=1.5, cancel=0.5, terminate=0.5)


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended but was not reaped does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def gone_within(seconds: float, pid: int) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not alive(pid):
            return True
        time.sleep(0.02)
    return False


def ping(client: WorkerClient) -> dict:
    return client.wait(client.submit("ping", {"echo": "still here"}), timeout=20)


def run(client: WorkerClient, verb: str, params: dict | None = None, **options) -> dict:
    return client.wait(client.submit(verb, params or {}, **options), timeout=20)


def until(client: WorkerClient, condition, seconds: float = 10) -> None:
    """Poll as Blender's timer does."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        client.poll()
        time.sleep(0.01)


def fake_python(tmp_path: Path, script: str) -> str:
    path = tmp_path / "python"
    path.write_text(script)
    path.chmod(0o755)
    return str(path)


# The ordinary way


def test_a_job_with_progress_stages_and_an_estimate(client: WorkerClient) -> None:
    seen = []
    job = client.submit("ping", {"delay": 1.2, "echo": {"ä": [1, None, "\ud800"]}})
    assert job.state == "queued" and job.eta is None
    result = client.wait(job, on_progress=lambda j: seen.append((j.progress, j.stage, j.eta)))
    assert result["echo"] == {"ä": [1, None, "\ud800"]}
    assert job.state == "done" and job.progress == 1.0 and job.eta == 0.0 and not client.busy
    fractions = [fraction for fraction, _, _ in seen]
    assert fractions == sorted(fractions) and len(fractions) > 10
    assert "Waiting" in {stage for _, stage, _ in seen}
    estimates = [abs(eta - 1.2 * (1 - fraction)) for fraction, _, eta in seen if eta is not None and 0.5 < fraction < 1]
    assert estimates and max(estimates) < 0.4


def test_the_worker_stays_warm_and_says_who_it_is(client: WorkerClient) -> None:
    first, second = ping(client), ping(client)
    assert first["pid"] == second["pid"] == client.hello.pid
    assert client.hello.protocol == PROTOCOL and client.hello.python == first["python"]


def test_jobs_run_in_order(client: WorkerClient) -> None:
    jobs = [client.submit("ping", {"delay": 0.05, "echo": i}) for i in range(5)]
    until(client, lambda: not client.busy)
    assert [job.result["echo"] for job in jobs] == list(range(5))


def test_a_thousand_quick_pings(client: WorkerClient) -> None:
    ping(client)
    start = time.monotonic()
    for i in range(1000):
        assert client.wait(client.submit("ping", {"echo": i}))["echo"] == i
    assert time.monotonic() - start < 10


def test_submit_and_poll_return_at_once_whatever_the_worker_does(make_client) -> None:
    client = make_client(deadlines=QUICK)
    slowest = 0.0
    job = client.submit("hold_the_lock", {"ballast": "x" * 4_000_000})  # more than a pipe holds
    while not job.ended:
        start = time.monotonic()
        client.poll()
        slowest = max(slowest, time.monotonic() - start)
        time.sleep(0.005)
    assert slowest < 0.05
    assert "hung" in job.error.message


def test_a_flood_of_progress_does_not_delay_the_result(client: WorkerClient) -> None:
    job = client.submit("flood_of_progress", {"count": 50_000})
    time.sleep(1.0)  # nobody polls meanwhile
    until(client, lambda: job.ended)
    assert job.result == {"count": 50_000}


def test_unknown_verb(client: WorkerClient) -> None:
    with pytest.raises(UserError, match="does not know the job 'sing'"):
        run(client, "sing")


def test_params_that_are_not_json_are_refused_at_once(client: WorkerClient) -> None:
    with pytest.raises(ProtocolError):
        client.submit("ping", {"echo": object()})


def test_params_that_are_too_large_are_refused_in_a_sentence(client: WorkerClient) -> None:
    with pytest.raises(UserError, match="'ping' is too large for the worker") as caught:
        client.submit("ping", {"echo": "x" * LINE_LIMIT})
    assert caught.value.hint and not client.busy
    assert ping(client)["echo"] == "still here"


def test_threads_are_limited_before_anything_is_loaded(make_client, tmp_path: Path) -> None:
    handlers = tmp_path / "threads.py"
    handlers.write_text("import os\nHANDLERS = {'threads': lambda params, report: {n: v for n, v in os.environ.items()}}\n")
    client = make_client(env={"FACEWRIGHT_THREADS": "3"}, arguments=("--handlers", str(handlers)))
    assert run(client, "threads")["OMP_NUM_THREADS"] == "3"


def test_another_pythons_variables_do_not_leak_into_the_worker(make_client, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("PYTHONHOME", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert ping(make_client())["echo"] == "still here"


# Cancelling


def test_cancel_frees_the_caller_at_once_and_keeps_the_worker(client: WorkerClient, tmp_path: Path) -> None:
    pid = ping(client)["pid"]
    folder = tmp_path / "job"
    folder.mkdir()
    job = client.submit("writes_slowly", {"folder": folder}, folder=folder)
    until(client, lambda: (folder / "half.npz").exists())
    start = time.monotonic()
    client.cancel(job)
    assert job.state == "cancelled" and time.monotonic() - start < 0.05
    assert ping(client)["pid"] == pid
    assert not folder.exists()


def test_cancel_from_within_wait(client: WorkerClient) -> None:
    def give_up(job) -> None:
        if job.progress > 0.01:
            raise Cancelled

    start = time.monotonic()
    job = client.submit("ping", {"delay": 30})
    with pytest.raises(Cancelled):
        client.wait(job, on_progress=give_up)
    assert job.state == "cancelled" and time.monotonic() - start < 2
    ping(client)


def test_a_worker_that_ignores_cancel_is_ended_and_nothing_is_left(make_client, tmp_path: Path) -> None:
    client = make_client(deadlines=QUICK)
    pid = ping(client)["pid"]
    folder = tmp_path / "job"
    folder.mkdir()
    job = client.submit("writes_slowly", {"folder": folder, "reports": False}, folder=folder)
    until(client, lambda: (folder / "half.npz").exists())
    start = time.monotonic()
    client.cancel(job)
    assert time.monotonic() - start < 0.05
    assert ping(client)["pid"] != pid
    assert not folder.exists() and not alive(pid)


@posix
def test_a_worker_that_ignores_cancel_is_ended_even_if_nobody_polls(make_client, tmp_path: Path) -> None:
    client = make_client(deadlines=QUICK)
    started = tmp_path / "started"
    job = client.submit("never_reports", {"started": started})
    until(client, lambda: started.exists() and started.read_text())
    client.cancel(job)
    assert gone_within(3, int(started.read_text()))


def test_cancel_of_a_waiting_job_leaves_the_running_one_alone(client: WorkerClient) -> None:
    running, waiting, last = (client.submit("ping", {"delay": 0.3}) for _ in range(3))
    client.cancel(waiting)
    assert client.wait(last) and running.state == "done" and waiting.state == "cancelled"
    client.cancel(running)
    assert running.state == "done"


def test_cancel_before_the_worker_is_up(client: WorkerClient) -> None:
    job = client.submit("ping", {"delay": 30})
    client.cancel(job)
    assert job.state == "cancelled" and not client.busy
    ping(client)


def test_a_timeout_stops_the_job(client: WorkerClient) -> None:
    job = client.submit("ping", {"delay": 30})
    with pytest.raises(UserError, match=r"longer than 0\.3 s"):
        client.wait(job, timeout=0.3)
    ping(client)


# Trouble inside the worker, which survives


@pytest.mark.parametrize(
    ("verb", "sentence", "is_bug"),
    [
        ("user_error", "The file is empty. Choose another one.", False),
        ("out_of_memory", "not enough memory", False),
        ("lacks_a_package", "lacks the package 'a_package_that_nobody_has'", False),
        ("bug", "IndexError", True),
        ("leave", "a library wanted to leave", True),
        ("not_json", "cannot be sent", True),
        ("too_large", "cannot be sent", True),
    ],
)
def test_a_failed_job_is_a_sentence_and_the_worker_lives(client: WorkerClient, verb: str, sentence: str, is_bug: bool) -> None:
    pid = ping(client)["pid"]
    job = client.submit(verb, {})
    with pytest.raises(UserError) as caught:
        client.wait(job, timeout=20)
    assert sentence in str(caught.value)
    assert bool(job.details) == is_bug
    assert ping(client)["pid"] == pid


def test_torch_out_of_memory_is_a_sentence(client: WorkerClient) -> None:
    ping(client)
    if client.hello.torch is None:
        pytest.skip("this worker's Python has no torch")
    with pytest.raises(UserError, match="not enough memory"):
        run(client, "torch_out_of_memory")
    assert run(client, "devices")["devices"][0]["id"] == "cpu"


def test_prints_of_libraries_go_to_the_log(client: WorkerClient) -> None:
    assert run(client, "print_garbage") == {"read": ""}
    client.close()
    log = client.log.path.read_text(errors="replace")
    assert "a library says hello" in log and "and its child, too" in log


def test_megabytes_on_stderr_neither_block_nor_fill_the_disk(client: WorkerClient) -> None:
    assert run(client, "fill_stderr", {"megabytes": 20}) == {}
    client.close()
    sizes = [p.stat().st_size for p in client.log.path.parent.iterdir()]
    assert len(sizes) == 4 and max(sizes) <= 1024 * 1024


# Trouble that takes the worker with it


@posix
@pytest.mark.parametrize(
    ("verb", "sentence"),
    [
        ("crash_with_status", "ended with status 7"),
        ("segfault", "segmentation fault"),
        ("kill_self", "killed by the system, most likely because memory ran out"),
    ],
)
def test_a_crash_is_a_sentence_with_the_log_and_the_next_job_works(client: WorkerClient, verb: str, sentence: str, tmp_path: Path) -> None:
    folder = tmp_path / "job"
    folder.mkdir()
    job = client.submit(verb, {}, folder=folder)
    with pytest.raises(UserError) as caught:
        client.wait(job, timeout=20)
    assert sentence in caught.value.message and str(client.log.path) in caught.value.hint
    assert not folder.exists()
    assert ping(client)["echo"] == "still here"


@posix
def test_a_segfaults_traceback_is_in_the_details(client: WorkerClient) -> None:
    job = client.submit("segfault", {})
    with pytest.raises(UserError):
        client.wait(job, timeout=20)
    assert "misbehaving.py" in job.details


@posix
def test_killed_from_outside_in_mid_job_while_others_wait(client: WorkerClient) -> None:
    first, second = client.submit("ping", {"delay": 30}), client.submit("ping", {"echo": 2})
    until(client, lambda: first.state == "running")
    os.kill(client.hello.pid, signal.SIGKILL)
    assert client.wait(second, timeout=20)["echo"] == 2
    assert first.state == "failed" and "killed" in first.error.message


@posix
def test_killed_while_idle_is_not_noticed_by_the_user(client: WorkerClient) -> None:
    pid = ping(client)["pid"]
    os.kill(pid, signal.SIGKILL)
    assert gone_within(3, pid)
    time.sleep(0.2)  # the reading thread hears of it
    assert ping(client)["pid"] != pid
    assert not client.stopped


@posix
@pytest.mark.parametrize("verb", ["stop_self", "hold_the_lock"])
def test_a_hang_is_noticed_and_the_next_job_works(make_client, verb: str) -> None:
    client = make_client(deadlines=QUICK)
    pid = ping(client)["pid"]
    with pytest.raises(UserError, match=r"hung: nothing was heard of it for 1\.5 s"):
        run(client, verb)
    assert ping(client)["pid"] != pid
    assert gone_within(3, pid)


def test_a_busy_job_that_never_reports_is_no_hang(make_client, tmp_path: Path) -> None:
    client = make_client(deadlines=Deadlines(silence=1.0, cancel=0.2))
    job = client.submit("never_reports", {"started": tmp_path / "started"})
    with pytest.raises(UserError, match="longer than 2 s"):
        client.wait(job, timeout=2)


def test_a_job_without_progress_can_have_a_limit(make_client, tmp_path: Path) -> None:
    client = make_client(deadlines=QUICK)
    with pytest.raises(UserError, match="no progress for 1 s"):
        run(client, "never_reports", {"started": tmp_path / "started"}, stall=1.0)
    ping(client)


def test_silence_does_not_count_while_nobody_polls(make_client) -> None:
    """A computer that slept, or a Blender busy with a render, must not take its worker for dead."""
    client = make_client(deadlines=Deadlines(silence=1.5))
    job = client.submit("ping", {"delay": 1})
    until(client, lambda: job.state == "running")
    for owner, name in ((client._child, "heard"), (client, "_watched"), (client, "_polled")):
        setattr(owner, name, getattr(owner, name) - 1000)  # the clock went on while the computer slept
    client.poll()
    assert job.state == "running"
    assert client.wait(job, timeout=20)


# Workers that never become one


@posix
def test_a_python_that_never_says_hello(make_client, tmp_path: Path) -> None:
    client = make_client(fake_python(tmp_path, "#!/bin/sh\nsleep 60\n"), deadlines=Deadlines(hello=0.5))
    with pytest.raises(UserError, match=r"did not start within 0\.5 s"):
        ping(client)


@posix
def test_another_version_of_the_protocol(make_client, tmp_path: Path) -> None:
    hello = '{"type":"hello","protocol":99,"package":"9.0.0","python":"3.99","torch":null,"pid":1}'
    client = make_client(fake_python(tmp_path, f"#!/bin/sh\necho '{hello}'\ncat >/dev/null\n"))
    with pytest.raises(UserError, match=r"version 99 of the protocol, this add-on version 1\. .*restart Blender"):
        ping(client)


@posix
def test_some_garbage_at_the_start_is_skipped(make_client, worker_python: str, tmp_path: Path) -> None:
    client = make_client(fake_python(tmp_path, f'#!/bin/sh\necho "Welcome to your Python"; echo "{{}}"\nexec "{worker_python}" "$@"\n'))
    assert ping(client)["echo"] == "still here"
    assert "Welcome to your Python" in client.log.path.read_text()


@posix
@pytest.mark.parametrize("flood", ["yes", "cat /dev/zero"])
def test_endless_garbage_is_no_worker(make_client, tmp_path: Path, flood: str) -> None:
    client = make_client(fake_python(tmp_path, f"#!/bin/sh\n{flood}\n"))
    with pytest.raises(UserError, match="bytes that are no messages"):
        ping(client)


@pytest.mark.parametrize("python", ["no/such/python", __file__])
def test_a_python_that_cannot_be_run(make_client, python: str) -> None:
    with pytest.raises(UserError, match="could not be started"):
        ping(make_client(python))


@posix
def test_a_program_that_ends_at_once(make_client) -> None:
    with pytest.raises(UserError, match="ended with status 1"):
        ping(make_client("/bin/false"))


# The breaker


@posix
def test_the_breaker_stops_a_crash_loop_and_can_be_reset(make_client) -> None:
    client = make_client(breaker=Breaker(limit=3, window=60))
    for _ in range(3):
        with pytest.raises(UserError, match="status 7"):
            run(client, "crash_with_status")
    assert client.stopped
    started = client.log.path.read_text().count("started")
    with pytest.raises(UserError, match="not started again") as caught:
        ping(client)
    assert str(client.log.path) in caught.value.hint
    assert client.log.path.read_text().count("started") == started
    client.reset()
    assert ping(client)["echo"] == "still here"


# Ends


def test_close_ends_the_worker_and_cancels_jobs(make_client, tmp_path: Path) -> None:
    client = make_client()
    pid = ping(client)["pid"]
    folder = tmp_path / "job"
    folder.mkdir()
    running = client.submit("writes_slowly", {"folder": folder}, folder=folder)
    waiting = client.submit("ping", {})
    until(client, lambda: (folder / "half.npz").exists())
    start = time.monotonic()
    client.close()
    assert time.monotonic() - start < 2
    assert running.state == waiting.state == "cancelled" and not folder.exists() and not client.busy
    assert not alive(pid)
    client.close()
    with pytest.raises(RuntimeError):
        client.submit("ping", {})


@posix
def test_close_kills_a_worker_that_does_not_listen(make_client) -> None:
    client = make_client(deadlines=Deadlines(bye=0.2, terminate=0.3))
    job = client.submit("stop_self", {})
    until(client, lambda: job.state == "running")
    pid = client.hello.pid
    time.sleep(0.2)
    client.close()
    assert not alive(pid)


OWNER = """
import importlib.util, os, sys, time
spec = importlib.util.spec_from_file_location("entry", sys.argv[1])
entry = importlib.util.module_from_spec(spec)
spec.loader.exec_module(entry)
entry.load_package()
from facewright.inference.client import WorkerClient
client = WorkerClient(sys.argv[2], sys.argv[3], arguments=("--handlers", sys.argv[4]))
job = client.submit(sys.argv[5], {"delay": 60, "started": sys.argv[3] + ".started"})
while job.state != "running":
    client.poll()
    time.sleep(0.01)
heir = os.fork() if sys.argv[6] == "fork" else 1
if heir == 0:
    time.sleep(20)
    os._exit(0)
print(client.hello.pid, heir, flush=True)
if sys.argv[6] in ("stay", "fork"):
    while True:
        client.poll()
        time.sleep(0.05)
"""


@posix
@pytest.mark.parametrize(
    ("verb", "ending", "seconds"),
    [("ping", "stay", 2.0), ("never_reports", "stay", 4.0), ("ping", "fork", 4.0), ("ping", "leave", 2.0)],
    ids=["killed", "killed while the job does not listen", "killed while a forked process holds the pipe", "ordinary exit without close"],
)
def test_the_worker_ends_with_its_owner(worker_python: str, tmp_path: Path, verb: str, ending: str, seconds: float) -> None:
    entry, handlers = Path(__file__).parents[2] / "entry.py", Path(__file__).with_name("misbehaving.py")
    command = [sys.executable, "-c", OWNER, entry, worker_python, tmp_path / "log", handlers, verb, ending]
    owner = subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, text=True)
    try:
        pid, heir = map(int, owner.stdout.readline().split())
        if ending != "leave":
            assert alive(pid)
            owner.kill()
        owner.wait(10)
        assert gone_within(seconds, pid)
        if ending == "fork":
            assert alive(heir), "the pipe was closed, so this showed nothing"
            os.kill(heir, signal.SIGKILL)
    finally:
        owner.kill()
        owner.wait()
        owner.stdout.close()


@posix
def test_ctrl_c_in_the_shell_stops_the_job_not_the_worker(client: WorkerClient) -> None:
    pid = ping(client)["pid"]
    job = client.submit("ping", {"delay": 30})

    def press(job) -> None:
        os.kill(pid, signal.SIGINT)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        client.wait(job, on_progress=press)
    assert job.state == "cancelled" and ping(client)["pid"] == pid
