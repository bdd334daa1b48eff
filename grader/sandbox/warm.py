"""Sandboxes that fork sessions from a template process."""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import threading
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import partial

import numpy as np

from grader.guest import huge_pages
from grader.model import Limits
from grader.sandbox.cgroup import THREADS, Cgroup, Cgroups
from grader.sandbox.contract import (
    CHANNEL_CLOSED,
    EXIT_GRACE_SECONDS,
    Array,
    Ended,
    Session,
    describe_exit,
)
from grader.sandbox.launch import COMMON_IMPORTS
from grader.sandbox.shared_arrays import SharedArrays
from grader.sandbox.template import Fork, OuterWall, TemplateGone, TemplateProcess


class Warm:
    """A sandbox with one or more template processes.

    The templates are started together and are ready in a second. Sessions of different templates start in parallel;
    sessions of the same template start one after another.
    """

    def __init__(
        self,
        wall: OuterWall,
        templates: int = 1,
        imports: Sequence[str] = COMMON_IMPORTS,
        started: Sequence[TemplateProcess] = (),
    ) -> None:
        """Start the template processes, except for those of the same outer wall that have been started already."""
        self.name = wall.name
        self._wall = wall
        self._imports = imports
        self._picking = threading.Lock()
        self._arrays = SharedArrays(_memory_file)
        self._cgroups = Cgroups()
        self._templates = [*started]
        while len(self._templates) < templates:
            self._templates.append(wall.start(imports))

    def session(self, limits: Limits, shared: Mapping[str, Array]) -> Session:
        """Start a session. If the template process has ended, replace the process and try once more."""
        template = self._least_busy()
        try:
            return self._start(template, limits, shared)
        except TemplateGone:
            return self._start(self._replace(template), limits, shared)

    def close(self) -> None:
        """End the templates, and remove the sandbox's control groups, shared arrays and folders."""
        for template in self._templates:
            template.close()
        self._cgroups.close()
        for fd in self._arrays.files.values():
            os.close(fd)
        self._arrays.files.clear()
        if self._wall.temporary:
            self._wall.temporary.cleanup()

    def _least_busy(self) -> TemplateProcess:
        """Return the template with the fewest sessions."""
        with self._picking:
            return min(self._templates, key=lambda template: template.living)

    def _replace(self, gone: TemplateProcess) -> TemplateProcess:
        """Replace a template that has ended, unless another thread has done so. Return the least busy template."""
        with self._picking:
            if gone in self._templates:
                gone.close()
                self._templates.remove(gone)
                self._templates.append(self._wall.start(self._imports))
        return self._least_busy()

    def _start(self, template: TemplateProcess, limits: Limits, shared: Mapping[str, Array]) -> Session:
        """Fork a session from a template. If a step fails, undo the earlier ones."""
        with ExitStack() as undo:
            channel, end_of_session = socket.socketpair()
            undo.callback(channel.close)
            folder = self._wall.folder()
            undo.callback(self._wall.clear, folder)
            rows = [[name, array.dtype.str, list(array.shape)] for name, array in shared.items()]
            opening = {"limits": rlimits(limits), "shared": rows, "folder": folder}
            files = [self._arrays.share(array) for array in shared.values()]
            with end_of_session:
                fork = template.fork(opening, [end_of_session.fileno(), *files])
            undo.callback(template.end, fork)
            host_pid = fork.host_pid
            cgroup = self._cgroups.enclose(host_pid, limits)
            end = partial(self._end, template, fork, cgroup, folder)
            session = Session(channel, end, limits, host_pid)
            undo.pop_all()
            session.welcome()
        return session

    def _end(self, template: TemplateProcess, fork: Fork, cgroup: Cgroup, folder: str, of_itself: bool) -> Ended:
        """End a session, and return how its process ended. `of_itself` is True if it seems to have ended by itself."""
        has_ended = of_itself and fork.gone_within(EXIT_GRACE_SECONDS)
        status = template.end(fork)
        exceeded_memory = self._cgroups.release(cgroup)
        self._wall.clear(folder)
        if status is None:
            return Ended(grader_fault="the sandbox's template process ended during a session")
        if exceeded_memory:
            return Ended("because it exceeded the memory limit")
        if not has_ended:
            return Ended(CHANNEL_CLOSED if of_itself else "")
        if status == -signal.SIGKILL and self._wall.namespaces:  # process 1 cannot kill itself, nor can others
            return Ended(grader_fault="the kernel killed a session: check that the machine has enough free memory")
        return Ended(describe_exit(status))


def rlimits(limits: Limits) -> dict[str, int]:
    """Return the resource limits for a session's process, for example {"NOFILE": 256}. Memory limits do not include the
    template's memory. "disk" is not a limit of the kernel, but the size of each folder of the session in bytes."""
    cpu_seconds = int(limits.session_cpu_seconds) + 10  # in case the limit that is checked from outside fails
    memory = {"AS": limits.memory_bytes, "DATA": limits.memory_bytes, "MEMLOCK": 0, "CORE": 0}
    files = {"FSIZE": limits.disk_bytes, "NOFILE": 256, "disk": limits.disk_bytes}
    return {**memory, **files, "CPU": cpu_seconds, "NPROC": THREADS}


def _memory_file(array: Array) -> int:
    """Write an array to a file in memory, and seal it, so that no session can change the array of the others. Return
    the descriptor."""
    fd = os.memfd_create("shared", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    size = huge_pages.rounded(array.nbytes)
    os.ftruncate(fd, size)
    view = array.reshape(-1).view(np.uint8).data
    while view:
        view = view[os.write(fd, view) :]
    huge_pages.collapse_file(fd, size)
    seals = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL
    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, seals)
    return fd
