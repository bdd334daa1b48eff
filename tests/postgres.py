"""A PostgreSQL server of the tests' own: made when first needed, reached through a socket, gone at the end."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

MISSING = "These tests start a PostgreSQL server, and none is installed: sudo apt-get install postgresql"
DEBIAN = Path("/usr/lib/postgresql")  # each version has a folder of its own there, and none is in PATH
START_SECONDS = 60  # it takes one; a loaded machine is no bug

# It syncs as it would in earnest, since tests kill what writes to it; the rest is small.
SETTINGS = {
    "listen_addresses": "",
    "fsync": "on",
    "synchronous_commit": "on",
    "shared_buffers": "32MB",
    "max_connections": "100",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "256MB",
}


class Cluster:
    """One server and its folder. It may be stopped and started again, and ends with whoever started it."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        self._settings = SETTINGS | settings
        self._names = (f"test_{number}" for number in itertools.count(1))
        self._server: subprocess.Popen[bytes] | None = None
        arguments = ["--username=grader", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-instructions"]
        made = subprocess.run(
            [binaries() / "initdb", "--pgdata", folder / "data", "--no-sync", *arguments],
            capture_output=True,
            text=True,
            **_as_whom(folder),
        )
        if made.returncode:
            raise RuntimeError(f"initdb failed: {made.stderr}")

    def start(self) -> None:
        """Returns when the server answers."""
        options = [f"--{name}={value}" for name, value in self._settings.items()]
        place = [f"--unix_socket_directories={self.folder}"]
        with (self.folder / "log").open("ab") as log:
            # Also where the tests are killed: then the kernel tells the server to end at once.
            self._server = subprocess.Popen(
                ["setpriv", "--pdeathsig=QUIT", binaries() / "postgres", "-D", self.folder / "data", *options, *place],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                **_as_whom(self.folder),
            )
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if self._server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL did not start: {(self.folder / 'log').read_text('utf-8')}")
            time.sleep(0.02)

    @property
    def pid(self) -> int:
        assert self._server is not None
        return self._server.pid

    def stop(self) -> None:
        """At once, as if the machine had lost its power: the next start recovers what was committed."""
        if self._server:
            self._server.send_signal(signal.SIGQUIT)
            self._server.wait(START_SECONDS)
            self._server = None

    @contextmanager
    def gone(self) -> Iterator[None]:
        """There is no server meanwhile."""
        self.stop()
        try:
            yield
        finally:
            self.start()

    def url(self, database: str) -> str:
        return f"postgresql://grader@/{database}?host={self.folder}"

    @staticmethod
    def name(url: str) -> str:
        """Of the database at this URL."""
        return urlsplit(url).path.removeprefix("/")

    @contextmanager
    def database(self, template: str = "template1") -> Iterator[str]:
        """A new database, a copy of `template`, to which nobody may be connected. Gives its URL."""
        name = next(self._names)
        self.run(sql.SQL("CREATE DATABASE {} TEMPLATE {}"), name, template)
        try:
            yield self.url(name)
        finally:
            self.run(sql.SQL("DROP DATABASE {} WITH (FORCE)"), name)

    def run(self, statement: sql.SQL, *names: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement.format(*map(sql.Identifier, names)))

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url("postgres")).close()
        except psycopg.OperationalError:
            return False
        return True


@contextmanager
def cluster(**settings: str) -> Iterator[Cluster]:
    """A running server, and afterwards neither server nor folder. The settings are PostgreSQL's, beside `SETTINGS`."""
    # In /tmp whatever TMPDIR says: a socket's path is short, and another user than root must get there.
    with tempfile.TemporaryDirectory(prefix="grader-postgres-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres", "postgres")
        made = Cluster(Path(folder), **settings)
        made.start()
        try:
            yield made
        finally:
            made.stop()


def binaries() -> Path:
    """Where the newest server is."""
    found = sorted(DEBIAN.glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    elsewhere = shutil.which("initdb")
    if not found and not elsewhere:
        raise RuntimeError(MISSING)
    return found[-1].parent if found else Path(str(elsewhere)).resolve().parent


def _as_whom(folder: Path) -> dict[str, object]:
    """PostgreSQL refuses to be root. Nothing of this shell's own settings (PGDATA, PGPORT) reaches it."""
    environment = {"cwd": folder, "env": {"PATH": os.defpath, "LC_ALL": "C.UTF-8"}}
    root = {"user": "postgres", "group": "postgres", "extra_groups": []}
    return environment | (root if os.geteuid() == 0 else {})
