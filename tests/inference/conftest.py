# SPDX-License-Identifier: GPL-3.0-or-later
"""Real workers for the tests: a factory of clients that are closed at the test's end."""
import os
import sys
from pathlib import Path

import pytest

from facewright.inference.client import WorkerClient


@pytest.fixture(scope="session")
def worker_python() -> str:
    """The Python that runs workers: newer Blenders' Pythons have no torch, so the one named by the environment goes first."""
    return os.environ.get("FACEWRIGHT_PYTHON") or sys.executable


@pytest.fixture
def make_client(worker_python: str, tmp_path: Path):
    clients = []

    def make(python: str = worker_python, **options) -> WorkerClient:
        options.setdefault("arguments", ("--handlers", str(Path(__file__).with_name("misbehaving.py"))))
        clients.append(WorkerClient(python, tmp_path / "log", **options))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


@pytest.fixture
def client(make_client) -> WorkerClient:
    return make_client()
