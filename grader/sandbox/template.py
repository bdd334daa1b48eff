"""A warm process, from this side: it is started once and asked for sessions. See guest/template.py."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from grader.errors import SandboxUnavailable

START_SECONDS, ANSWER_SECONDS, END_SECONDS = 180.0, 60.0, 30.0
"""For a loaded machine; each is a failure of ours."""
MAX_MESSAGE_BYTES = 1 << 16


class TemplateGone(SandboxUnavailable):
    """The warm process has ended, so there are no sessions to be had from it."""


@dataclass(frozen=True)
class Fork:
    """A session's process."""

    pid: int
    """As the template sees it."""
    pidfd: int

    @property
    def host_pid(self) -> int:
        """As we see it."""
        with open(f"/proc/self/fdinfo/{self.pidfd}") as facts:
            return int(next(line for line in facts if line.startswith("Pid:")).split()[1])

    def gone_within(self, seconds: float) -> bool:
        ended = select.poll()
        ended.register(self.pidfd, select.POLLIN)
        return bool(ended.poll(seconds * 1000))


class Template:
    def __init__(self, command: Sequence[str], plan: Mapping[str, Any], environment: Mapping[str, str]) -> None:
        """Starts the process and does not wait for it: `facts` does. The command gets a descriptor's number."""
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [*command, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
            )
        self._asking = threading.Lock()
        self._ended: dict[int, int] = {}
        self._facts: Mapping[str, Any] | None = None
        self.living = 0
        with contextlib.suppress(OSError):  # where it has ended already, `facts` says why
            self._control.send(json.dumps(plan).encode())

    @property
    def facts(self) -> Mapping[str, Any]:
        """Under what its sessions compute. Waits until it is warm."""
        with self._asking:
            if self._facts is None:
                self._facts = self._first_word()["facts"]
            return self._facts

    def fork(self, opening: Mapping[str, Any], descriptors: Sequence[int]) -> Fork:
        """A session. It has the first of the descriptors as its channel and maps the others."""
        assert self.facts
        with self._asking:
            try:
                socket.send_fds(self._control, [json.dumps(opening).encode()], list(descriptors))
            except OSError:
                raise TemplateGone("the sandbox's warm process has ended") from None
            while True:
                message, fds = self._receive(ANSWER_SECONDS)
                if "session" in message:
                    self.living += 1
                    return Fork(message["session"], fds[0])
                if "failed" in message:
                    raise SandboxUnavailable(f"the sandbox cannot start a session: {message['failed']}")
                self._note(message)

    def end(self, fork: Fork) -> int | None:
        """Kills the session's whole tree, waits until it has gone, and returns its exit status: negative for a signal,
        None where the template has gone as well."""
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(fork.pidfd, signal.SIGKILL)
        if not fork.gone_within(END_SECONDS):
            raise SandboxUnavailable("a session cannot be ended; is a disk or a file system stuck?")
        os.close(fork.pidfd)
        with self._asking:
            self.living -= 1
            with contextlib.suppress(TemplateGone):
                while fork.pid not in self._ended:
                    self._note(self._receive(END_SECONDS)[0])
            return self._ended.pop(fork.pid, None)

    def close(self) -> None:
        """Ends it and all its sessions."""
        self._control.close()
        try:
            self._process.wait(timeout=END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stderr:
            self._process.stderr.close()

    def _first_word(self) -> dict[str, Any]:
        try:
            message, _ = self._receive(START_SECONDS)
        except TemplateGone:
            with contextlib.suppress(subprocess.TimeoutExpired):
                _, complaint = self._process.communicate(timeout=5)
                words = complaint.decode(errors="replace").strip().splitlines()
                raise SandboxUnavailable(f"the sandbox did not start: {words[-1] if words else 'no word'}") from None
            raise
        return message

    def _receive(self, seconds: float) -> tuple[dict[str, Any], list[int]]:
        self._control.settimeout(seconds)
        try:
            message, fds, _, _ = socket.recv_fds(self._control, MAX_MESSAGE_BYTES, 1)
        except TimeoutError:
            raise TemplateGone(f"the sandbox's warm process has been silent for {seconds:g} seconds") from None
        except OSError:
            message, fds = b"", []
        if not message:
            raise TemplateGone("the sandbox's warm process has ended")
        return json.loads(message), list(fds)

    def _note(self, message: Mapping[str, Any]) -> None:
        self._ended[message["ended"]] = message["status"]
