"""A plain subprocess without isolation, for students who check their code on their own machine. Reports state that
nothing was isolated.

The plain sandbox works on every system, including Windows: the guest connects to the grader over the loopback
interface. On Linux, CPU time is limited; elsewhere, wall time counts as CPU time.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from grader.errors import SandboxUnavailable
from grader.model import Limits
from grader.sandbox.contract import (
    CHANNEL_CLOSED,
    EXIT_GRACE_SECONDS,
    Array,
    Ended,
    Session,
    describe_exit,
)
from grader.sandbox.folder import own_folder
from grader.sandbox.kernel import environment
from grader.sandbox.launch import BOOTSTRAP, GUEST
from grader.sandbox.shared_arrays import SharedArrays

START_SECONDS = 60.0
READS_CPU_TIME = sys.platform == "linux"
"""True if this system can read the CPU time of another process."""
_KEPT = ("PATH", "SYSTEMROOT", "TEMP", "TMP", "LD_LIBRARY_PATH", "USERPROFILE")


class Plain:
    """A sandbox without isolation: each session is an ordinary Python process."""

    name = "plain"

    def __init__(self) -> None:
        self._temporary = own_folder()
        self._folder = Path(self._temporary.name)
        self._arrays = SharedArrays(self._write)

    def session(self, limits: Limits, shared: Mapping[str, Array]) -> Session:
        """Start a process, which connects to a port that this process opens on the loopback interface. The new
        process sends a random token first, because any process of this machine could connect to the port."""
        workplace = Path(tempfile.mkdtemp(dir=self._folder))
        rows = []
        for name, array in shared.items():
            file = self._arrays.share(array)
            rows.append([name, array.dtype.str, list(array.shape), str(file)])
        token = secrets.token_hex(16)
        with socket.create_server(("127.0.0.1", 0)) as server:
            process = self._start(server.getsockname()[1], token, rows, workplace)  # (host, port)
            try:
                channel = _accept_with_token(token, server)
            except OSError:
                process.kill()
                raise SandboxUnavailable("the Python process for the student's code did not start") from None

        def end(of_itself: bool) -> Ended:
            ended = _how_it_ended(process) if of_itself else Ended()
            process.kill()
            process.wait()
            shutil.rmtree(workplace, ignore_errors=True)
            return ended

        session = Session(channel, end, limits, process.pid if READS_CPU_TIME else None)
        session.welcome()
        return session

    def close(self) -> None:
        self._temporary.cleanup()

    def _write(self, array: Array) -> Path:
        """Write a shared array to a file, and return the path."""
        file = self._folder / f"shared-{id(array)}"
        file.write_bytes(array.reshape(-1).view(np.uint8).data)
        return file

    def _start(self, port: int, token: str, shared: list[Any], workplace: Path) -> subprocess.Popen[bytes]:
        """Start the Python process of a session.

        Args:
            port: The port to connect to.
            token: The token to send to this port.
            shared: The shared arrays, each as [name, dtype, shape, path].
            workplace: The folder in which the process runs.
        """
        variables = {name: os.environ[name] for name in _KEPT if name in os.environ}
        variables.update(environment())
        variables.update(HOME=str(workplace), TMPDIR=str(workplace), MPLCONFIGDIR=str(self._folder))
        bootstrap = BOOTSTRAP.format(home=str(GUEST.parent), entry="start")
        command = [sys.executable, "-I", "-B", "-c", bootstrap]
        return subprocess.Popen(
            [*command, str(port), token, json.dumps(shared)],
            env=variables,
            cwd=workplace,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )


def _how_it_ended(process: subprocess.Popen[bytes]) -> Ended:
    """Return how a process ended that has closed its channel."""
    try:
        status = process.wait(timeout=EXIT_GRACE_SECONDS)
        return Ended(describe_exit(status))
    except subprocess.TimeoutExpired:
        return Ended(CHANNEL_CLOSED)


def _accept_with_token(token: str, server: socket.socket) -> socket.socket:
    """Accept connections until one sends the token, and return that connection. Close all others."""
    server.settimeout(START_SECONDS)
    while True:
        channel, _ = server.accept()
        channel.settimeout(START_SECONDS)
        if channel.recv(16, socket.MSG_WAITALL) == bytes.fromhex(token):
            channel.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return channel
        channel.close()
