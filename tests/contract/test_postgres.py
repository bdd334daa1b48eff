"""The server that the tests of the store run on: what it promises them."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from tests.conftest import ROOT
from tests.postgres import Cluster, cluster

KILLED_WHILE_IT_RUNS = """\
import os, signal
from tests.postgres import cluster
with cluster() as running:
    print(running.folder, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_one_test_wrote_another_does_not_see(postgres: Cluster) -> None:
    with postgres.database() as first, postgres.database() as second:
        with psycopg.connect(first) as connection:
            connection.execute("CREATE TABLE mine ()")
        with psycopg.connect(second) as connection, pytest.raises(psycopg.errors.UndefinedTable):
            connection.execute("SELECT FROM mine")


def test_what_was_committed_is_there_after_the_power_went(postgres: Cluster, postgres_url: str) -> None:
    with psycopg.connect(postgres_url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1 AS number")
    with postgres.gone(), pytest.raises(psycopg.OperationalError):
        psycopg.connect(postgres_url)
    with psycopg.connect(postgres_url) as connection:
        assert connection.execute("SELECT number FROM kept").fetchall() == [(1,)]


def test_the_server_ends_with_the_process_that_started_it() -> None:
    command = [sys.executable, "-c", KILLED_WHILE_IT_RUNS]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    folder = Path(done.stdout.strip())
    deadline = time.monotonic() + 30
    while (folder / "data" / "postmaster.pid").exists():
        assert time.monotonic() < deadline, "the server is still there"
        time.sleep(0.05)
    shutil.rmtree(folder)


def test_without_an_installed_server_the_failure_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tests.postgres.DEBIAN", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RuntimeError, match="sudo apt-get install postgresql"), cluster():
        pass
