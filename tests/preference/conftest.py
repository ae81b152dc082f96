# SPDX-License-Identifier: GPL-3.0-or-later
"""A real PostgreSQL server for the studio's tests: started from the installed package on a socket in a temporary folder, no open port."""
import itertools
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

_numbers = itertools.count(1)


def postgres_programs() -> Path | None:
    """The folder of initdb and postgres; Debian keeps them outside PATH."""
    found = [Path(path).resolve().parent for path in [shutil.which("postgres")] if path]
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((folder for folder in found if (folder / "initdb").exists() and (folder / "postgres").exists()), None)


@pytest.fixture(scope="session")
def postgres_server():
    """Connection words of a server: ``postgresql://votes@/{database}?host=FOLDER``."""
    programs = postgres_programs()
    if programs is None:
        pytest.skip("no PostgreSQL server is installed (Debian: apt-get install postgresql)")
    pytest.importorskip("sqlalchemy", reason="SQLAlchemy is in requirements/worker.txt; this environment has none")
    pytest.importorskip("psycopg", reason="psycopg is in requirements/worker.txt; this environment has none")
    folder = Path(tempfile.mkdtemp(prefix="fw-pg-", dir="/tmp"))  # short: a socket's path has at most 107 characters
    user = {}
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        import pwd

        name = next(name for name in ("postgres", "nobody") if name in {entry.pw_name for entry in pwd.getpwall()})
        entry = pwd.getpwnam(name)
        os.chown(folder, entry.pw_uid, entry.pw_gid)
        user = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    folder.chmod(0o755)
    data = folder / "data"
    words = ["--username=votes", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]
    subprocess.run([programs / "initdb", "-D", data, *words], check=True, capture_output=True, cwd=folder, **user)
    options = {"listen_addresses": "", "unix_socket_directories": folder, "fsync": "off", "max_connections": "40"}
    command = [programs / "postgres", "-D", data, *(word for name, value in options.items() for word in ("-c", f"{name}={value}"))]
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, cwd=folder, **user)
    try:
        deadline = time.monotonic() + 60
        while not (folder / ".s.PGSQL.5432").exists() or "ready to accept connections" not in (folder / "log").read_text():
            assert server.poll() is None and time.monotonic() < deadline, (folder / "log").read_text()
            time.sleep(0.05)
        yield f"postgresql://votes@/{{database}}?host={folder}"
    finally:
        server.terminate()
        server.wait(30)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def server_url(postgres_server: str):
    """A URL of an empty database of its own."""
    import psycopg

    name = f"studio_{next(_numbers)}"
    with psycopg.connect(postgres_server.format(database="postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return postgres_server.format(database=name)
