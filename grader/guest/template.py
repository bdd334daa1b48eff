"""The template process, which imports the common packages once. Every session is a fork of the template. Linux only.

The template runs inside the outer isolation and never runs a student's code. The grader sends messages over a socket,
each in one packet: first the plan (settings for all sessions), then a request for each session. The template answers
the plan with `{"ready": true}`. It answers a request with `{"session": pid}` and a pidfd, or with `{"failed": why}`.
When a session has ended, the template sends `{"ended": pid, "status": …}`. When the grader closes the socket or exits,
the template and all sessions end.
"""

from __future__ import annotations

import contextlib
import gc
import importlib.util
import json
import os
import random
import select
import signal
import socket
import struct
import sys
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import numpy as np

from . import huge_pages, walls
from .serve import Guest
from .start import silence
from .versions import versions
from .wire import encode

MAX_MESSAGE_BYTES = 1 << 16
IMPORT_MEBIBYTES = 12
"""Memory for the small objects of each module that is imported in advance (matplotlib or scipy)."""
MAX_SHARED = 200
ANCILLARY_BYTES = socket.CMSG_SPACE(4 * MAX_SHARED)
"""Size in bytes of the file descriptors in a request: the session's end of the channel, then those of shared arrays."""


class Template:
    """Forks sessions on request."""

    def __init__(self, control: socket.socket, plan: Mapping[str, Any]) -> None:
        self.control = control
        self.user = os.getuid(), os.getgid()
        readable = [os.open(path, os.O_PATH) for path in plan["readable"]]
        usable = [os.open(path, os.O_PATH) for path in plan["usable"]]
        self.walls = walls.Walls(
            namespaces=plan["namespaces"],
            readable=readable,
            usable=usable,
            landlock_abi=walls.landlock_abi(),
            filter=bytes.fromhex(plan["filter"]),
        )
        self.clone = walls.Clone(plan["namespaces"])
        self.guest = Guest(control, {})
        """The guest of every session. The channel of a session takes the place of the control socket."""
        self.greeting, _ = encode(["value", versions()])  # it has no arrays
        self.opening = b""
        """The newest request for a session, for which `shared` and `isolation` have been prepared."""
        self.sessions: dict[int, int] = {}
        """pidfd → pid, for each running session."""
        self.poll = select.poll()
        self.poll.register(control, select.POLLIN)

    def serve(self) -> None:
        """Start and reap sessions until the grader closes the socket."""
        while True:
            for fd, _ in self.poll.poll():
                if fd in self.sessions:
                    self.reap(fd)
                elif not self.start_session():
                    return

    def start_session(self) -> bool:
        """Start a session. Return False if the grader has closed the socket."""
        opening, ancillary, _, _ = self.control.recvmsg(MAX_MESSAGE_BYTES, ANCILLARY_BYTES)
        if not opening:
            return False
        fds = [fd for _, _, packed in ancillary for fd in memoryview(packed).cast("i")]
        if opening != self.opening:
            self.prepare(opening)
        try:
            pid, pidfd = self.clone.run()
        except OSError as error:
            self.control.sendall(json.dumps({"failed": str(error)}).encode())
        else:
            if pid == 0:
                self.become_session(fds)
            packed = struct.pack("i", pidfd)
            self.control.sendmsg([b'{"session": %d}' % pid], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, packed)])
            self.sessions[pidfd] = pid
            self.poll.register(pidfd, select.POLLIN)
        for fd in fds:
            os.close(fd)
        return True

    def prepare(self, opening: bytes) -> None:
        """Prepare the sessions that such a request starts, so that a session itself need only make system calls."""
        settings = json.loads(opening)
        self.opening = opening
        self.shared = [(name, np.dtype(dtype), shape) for name, dtype, shape in settings["shared"]]
        self.isolation = walls.prepare(self.walls, settings["limits"], settings["folder"], self.user)
        for variable in ("HOME", "MPLCONFIGDIR", "TMPDIR"):
            os.environ[variable] = settings["folder"]

    def reap(self, pidfd: int) -> None:
        """Report to the grader how a session has ended."""
        pid = self.sessions.pop(pidfd)
        self.poll.unregister(pidfd)
        _, status = os.waitpid(pid, 0)
        os.close(pidfd)
        self.control.sendall(b'{"ended": %d, "status": %d}' % (pid, os.waitstatus_to_exitcode(status)))

    def become_session(self, fds: Sequence[int]) -> NoReturn:
        """Turn the forked process into a session: isolate it, answer requests, and exit."""
        channel_fd, *array_fds = fds
        os.dup2(channel_fd, walls.CHANNEL)
        try:
            for (name, dtype, shape), fd in zip(self.shared, array_fds, strict=True):
                self.guest.arrays[name] = walls.map_private(fd, dtype, shape)
            self.isolation.run()
        except BaseException as error:  # noqa: BLE001  no student's code has run yet: the grader reports this error
            self.guest.send(["unusable", f"{type(error).__name__}: {error}"])
            os._exit(1)
        with contextlib.suppress(BaseException):
            self.control.sendall(self.greeting)
            self.guest.serve()
        os._exit(0)


def _keep_niceness() -> None:
    """Give this process's scheduling group the niceness of the process: some kernels schedule groups, not processes."""
    with contextlib.suppress(OSError), open("/proc/self/autogroup", "w") as group:
        niceness = os.getpriority(os.PRIO_PROCESS, 0)
        group.write(str(niceness))


def main() -> None:
    """Run a template process. `sys.argv[1]` is the file descriptor of the control socket."""
    os.dup2(int(sys.argv[1]), walls.CHANNEL)
    control = socket.socket(fileno=walls.CHANNEL)
    _keep_niceness()
    plan = json.loads(control.recv(MAX_MESSAGE_BYTES))
    del sys.argv[1:]
    huge_pages.reserve_for_objects(IMPORT_MEBIBYTES * len(plan["imports"]))
    for name in plan["imports"]:
        if importlib.util.find_spec(name.partition(".")[0]) is not None:  # an assignment's environment may lack it
            importlib.import_module(name)
    template = Template(control, plan)
    random.seed(0)
    np.random.seed(0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the grader handles Ctrl-C
    silence()
    gc.collect()
    gc.freeze()  # so that the forks' garbage collectors do not touch, and thereby copy, existing objects
    huge_pages.collapse_own_memory()
    control.sendall(b'{"ready": true}')
    template.serve()
