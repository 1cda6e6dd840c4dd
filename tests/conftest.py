"""Fixtures that several test files share."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from hypothesis import settings

if "PYTEST_XDIST_WORKER" in os.environ:  # a core for each process, and for those that tests start
    os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture
def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@pytest.fixture
def data() -> Path:
    """The folder of real texts; a user's machine has none."""
    folder = Path(os.environ.get("LATENTOPT_DATA", Path(__file__).parents[2] / "shared/data"))
    if not folder.is_dir():
        pytest.skip(f"no data folder at {folder}; set LATENTOPT_DATA to run this test")
    return folder


# A deadline would make a test of a busy machine: timed limits belong in benchmarks.
settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")
