"""Limits on the total resource usage of all sessions of one submission."""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path

from grader.bounds import HEADER_WEIGHT
from grader.model import Limit, Limits, Stopped


class Budget:
    """Wall seconds and bytes of answers, shared by all sessions of one submission and safe between threads.

    Each call has limits, but a submission answers hundreds of calls. Calls that each sleep for 19 seconds would occupy
    a worker for hours; calls that each return 60 MB would fill the parent's memory. Therefore seconds and bytes are
    also summed over all calls and sessions.

    Wall seconds must not depend on the load of the machine. Therefore only the time counts in which the parent waits
    for the student's process, minus the time in which that process waits for a processor (`ProcessorQueue`). This is
    the time that the submission would take on an idle machine. If CPU time is larger, CPU time counts, because threads
    of the submission can make its main thread wait for a processor.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._adding = threading.Lock()
        self.start_anew()

    def start_anew(self) -> None:
        """Reset the usage to zero, to grade the same submission with another seed."""
        self._seconds = self._cpu_seconds = 0.0
        self._bytes = 0

    @property
    def seconds_left(self) -> float:
        """The remaining wall seconds; negative if more seconds were used than allowed."""
        return self._limits.wall_seconds - max(self._seconds, self._cpu_seconds)

    @property
    def exceeded(self) -> Stopped | None:
        """The failure that all further calls return; None while the budget is not used up."""
        if self.seconds_left <= 0:
            return Stopped(Limit.WALL, self._limits.wall_seconds, whole_submission=True)
        if self._bytes > self._limits.answers_bytes:
            return Stopped(Limit.REPLY, float(self._limits.answers_bytes), whole_submission=True)
        return None

    def use_seconds(self, seconds: float, cpu_seconds: float) -> None:
        """Add time that a session has used.

        Args:
            seconds: Wall seconds minus the seconds spent waiting for a processor. Negative if the waiting time of an
                earlier call is reported only now.
            cpu_seconds: CPU seconds of all threads in the same time.
        """
        with self._adding:
            self._seconds += seconds
            self._cpu_seconds += cpu_seconds

    def use_answer(self, header_bytes: int, body_bytes: int) -> None:
        """Add the bytes that the parent needs to hold an answer whose frame has these lengths."""
        with self._adding:
            self._bytes += HEADER_WEIGHT * header_bytes + body_bytes


class ProcessorQueue:
    """Measures how long a process has been ready to run and has waited for a processor, from the kernel's files about
    the process's main thread.

    If these files are not available (on other systems than Linux, or after the process has ended), the waiting time is
    0, so all wall time counts.
    """

    def __init__(self, pid: int | None) -> None:
        self._folder = Path(f"/proc/{pid}") if pid is not None else None
        self._seen = 0.0

    def seconds_since_last(self) -> float:
        """Return the waiting seconds since the last call of this method, or since the process started. A wait counts
        when it has ended."""
        before = self._seen
        if self._folder is not None:
            with contextlib.suppress(OSError, ValueError, IndexError):
                self._seen = int((self._folder / "schedstat").read_text("ascii").split()[1]) / 1e9
        return self._seen - before

    @property
    def is_ready(self) -> bool:
        """True if the process is running or waiting for a processor, and is not sleeping."""
        if self._folder is not None:
            with contextlib.suppress(OSError):
                return (self._folder / "stat").read_bytes().rpartition(b")")[2].split()[:1] == [b"R"]
        return False
