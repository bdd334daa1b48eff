"""Start and control a template process, which forks sessions. The process itself runs guest/template.py. An `OuterWall`
is the command that starts it."""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from tempfile import TemporaryDirectory
from typing import Any

from grader.errors import SandboxUnavailable
from grader.sandbox.filter import filter_program

START_SECONDS, ANSWER_SECONDS, END_SECONDS = 180.0, 60.0, 30.0
"""Timeouts in seconds for starting a template process, for its answers, and for ending a session or the process. A
timeout counts as a fault of the grader."""
MAX_MESSAGE_BYTES = 1 << 16
FOLDER = "/tmp"  # noqa: S108  each session with namespaces mounts a separate one
DEVICES = ("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom")


class TemplateGone(SandboxUnavailable):
    """Raised if the template process has ended, so that it cannot start sessions."""


@dataclass(frozen=True)
class Fork:
    """A session's process, forked by a template process."""

    pid: int
    """The process id inside the template's PID namespace."""
    pidfd: int

    @property
    def host_pid(self) -> int:
        """The process id in the grader's PID namespace."""
        with open(f"/proc/self/fdinfo/{self.pidfd}") as rows:
            fields = dict(row.split(":", 1) for row in rows)
        return int(fields["Pid"])

    def gone_within(self, seconds: float) -> bool:
        """Wait at most `seconds` for the process to end. Return whether it has ended."""
        ended = select.poll()
        ended.register(self.pidfd, select.POLLIN)
        return bool(ended.poll(seconds * 1000))


class TemplateProcess:
    """A process that has imported `COMMON_IMPORTS` and forks a process for each session."""

    def __init__(self, command: Sequence[str], plan: Mapping[str, Any], environment: Mapping[str, str]) -> None:
        """Start the process and return before it is ready; `fork` waits until it is.

        Args:
            command: The command to run. The descriptor of the control socket is appended as the last argument.
            plan: The first message to the process: its imports, and the system-call filter and folders of sessions.
            environment: The environment variables of the command.
        """
        self._control, end_of_process = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with end_of_process:
            self._process = subprocess.Popen(
                [*command, str(end_of_process.fileno())],
                pass_fds=[end_of_process.fileno()],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
            )
        self._asking = threading.Lock()
        self._ended: dict[int, int] = {}
        """pid → exit status, for each ended session whose status `end` has not returned yet."""
        self._ready = False
        self.living = 0
        """Number of running sessions."""
        with contextlib.suppress(OSError):  # if the process has ended already, `fork` raises with the reason
            self._control.send(json.dumps(plan).encode())

    def fork(self, opening: Mapping[str, Any], descriptors: Sequence[int]) -> Fork:
        """Fork a session.

        Args:
            opening: The session's first message: limits, shared arrays and folder.
            descriptors: The session's end of the channel, then the files of the shared arrays.

        Returns:
            The session's process.

        Raises:
            TemplateGone: If the template process has ended.
            SandboxUnavailable: If the template process cannot start a session.
        """
        with self._asking:
            self._wait_until_ready()
            try:
                socket.send_fds(self._control, [json.dumps(opening).encode()], list(descriptors))
            except OSError:
                raise TemplateGone("the sandbox's template process ended") from None
            while True:
                message, fds = self._receive(ANSWER_SECONDS)
                if "session" in message:
                    self.living += 1
                    return Fork(message["session"], fds[0])
                if "failed" in message:
                    raise SandboxUnavailable(f"the sandbox cannot start a session: {message['failed']}")
                self._note(message)

    def end(self, fork: Fork) -> int | None:
        """Kill a session's whole process tree and wait until it is gone.

        Returns:
            The exit status; negative for a signal. None if the template process has ended too.

        Raises:
            SandboxUnavailable: If the session does not end.
        """
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(fork.pidfd, signal.SIGKILL)
        if not fork.gone_within(END_SECONDS):
            raise SandboxUnavailable("a session cannot be ended: check for a stuck disk or file system")
        os.close(fork.pidfd)
        with self._asking:
            self.living -= 1
            with contextlib.suppress(TemplateGone):
                while fork.pid not in self._ended:
                    self._note(self._receive(END_SECONDS)[0])  # (message, descriptors)
            return self._ended.pop(fork.pid, None)

    def close(self) -> None:
        """End the template process and all its sessions."""
        self._control.close()
        try:
            self._process.wait(timeout=END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stderr:
            self._process.stderr.close()

    def _wait_until_ready(self) -> None:
        """Receive the process's first message, unless it was received before. If the process has ended instead, raise
        `SandboxUnavailable` with the last line that it wrote to its standard error."""
        if self._ready:
            return
        try:
            message, _ = self._receive(START_SECONDS)
        except TemplateGone:
            with contextlib.suppress(subprocess.TimeoutExpired):
                _, complaint = self._process.communicate(timeout=5)
                lines = complaint.decode(errors="replace").strip().splitlines()
                why = lines[-1] if lines else "no message"
                raise SandboxUnavailable(f"the sandbox did not start: {why}") from None
            raise
        if "ready" not in message:
            raise SandboxUnavailable(f"the sandbox did not start: its first message is {message}")
        self._ready = True

    def _receive(self, seconds: float) -> tuple[dict[str, Any], list[int]]:
        """Return the next message of the process, and the file descriptors that came with it."""
        self._control.settimeout(seconds)
        try:
            message, fds, _, _ = socket.recv_fds(self._control, MAX_MESSAGE_BYTES, 1)
        except TimeoutError:
            raise TemplateGone(f"the sandbox's template process did not answer for {seconds:g} seconds") from None
        except OSError:
            message, fds = b"", []
        if not message:
            raise TemplateGone("the sandbox's template process ended")
        return json.loads(message), list(fds)

    def _note(self, message: Mapping[str, Any]) -> None:
        """Note the exit status of a session that has ended. Such messages may arrive while another answer is
        awaited."""
        self._ended[message["ended"]] = message["status"]


@dataclass(frozen=True)
class OuterWall:
    """The command that starts template processes in isolation, and the folders of their sessions."""

    name: str
    command: Callable[[], Sequence[str]]
    """Function that returns the command that starts a template process."""
    environment: Mapping[str, str]
    """The environment variables for `command`."""
    readable: Sequence[str]
    """The folders that a session may read and execute, by their paths inside the sandbox."""
    temporary: TemporaryDirectory[str] | None = None
    """The folder on the host that contains the sessions' folders. None for sessions with namespaces."""

    @property
    def namespaces(self) -> bool:
        """True if each session gets separate namespaces, and mounts a private /tmp as its folder."""
        return self.temporary is None

    def folder(self) -> str:
        """Return the folder that a new session may write to, by its path inside the sandbox."""
        if self.temporary is None:
            return FOLDER
        return tempfile.mkdtemp(dir=self.temporary.name)

    def start(self, imports: Sequence[str]) -> TemplateProcess:
        """Start a template process, and return before it is ready."""
        plan = {
            "namespaces": self.namespaces,
            "readable": self.readable,
            "usable": DEVICES,
            "filter": filter_program(mounts=self.namespaces).hex(),
            "imports": imports,
        }
        return TemplateProcess(self.command(), plan, self.environment)

    def clear(self, folder: str) -> None:
        """Remove the folder of a session that has ended. A private /tmp disappears with the session."""
        if self.temporary:
            shutil.rmtree(folder, ignore_errors=True)
