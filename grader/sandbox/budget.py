"""Limits on the total resource usage of all sessions of one submission."""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path

from grader.bounds import HEADER_WEIGHT
from grader.model import Limit, Limits, Stopped


class Budget:
    """The wall seconds and the bytes of answers that all sessions of one submission use together. Thread-safe.

    Limits of single calls do not suffice: hundreds of calls that each sleep for 19 seconds would occupy a worker for
    hours.

    Wall seconds count only while the grader waits for the student's process. The time in which that process waits for a
    processor (`ProcessorQueue`) is subtracted. If the CPU time of all threads is larger, the CPU time counts instead.
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
        seconds_used = max(self._seconds, self._cpu_seconds)
        return self._limits.wall_seconds - seconds_used

    @property
    def exceeded(self) -> Stopped | None:
        """The failure that all further calls return if a limit is exceeded; None otherwise."""
        if self.seconds_left <= 0:
            return Stopped(Limit.WALL, self._limits.wall_seconds, whole_submission=True)
        if self._bytes > self._limits.answers_bytes:
            return Stopped(Limit.REPLY, float(self._limits.answers_bytes), whole_submission=True)
        return None

    def use_seconds(self, seconds: float, cpu_seconds: float) -> None:
        """Add time that a session has used.

        Args:
            seconds: Wall seconds minus the seconds spent waiting for a processor. Can be negative, because the waiting
                time of an earlier call may be subtracted late.
            cpu_seconds: CPU seconds of all threads in the same time.
        """
        with self._adding:
            self._seconds += seconds
            self._cpu_seconds += cpu_seconds

    def use_answer(self, header_bytes: int, body_bytes: int) -> None:
        """Add the memory that an answer with a header and a body of these sizes occupies."""
        with self._adding:
            self._bytes += HEADER_WEIGHT * header_bytes + body_bytes


class ProcessorQueue:
    """A meter of the time that a process's main thread waits for a processor. It reads /proc/PID/schedstat.

    The time is 0 if this file is not available: on systems other than Linux, or after the process has ended.
    """

    def __init__(self, pid: int | None) -> None:
        self._folder = Path(f"/proc/{pid}") if pid is not None else None
        self._seconds = 0.0

    def seconds_since_last(self) -> float:
        """Return the seconds that the process has waited for a processor since the previous call of this method. The
        first call counts from the start of the process."""
        earlier_seconds = self._seconds
        if self._folder is not None:
            with contextlib.suppress(OSError, ValueError, IndexError):
                # nanoseconds on a processor, nanoseconds of waiting for one, number of turns
                counters = (self._folder / "schedstat").read_text("ascii").split()
                self._seconds = int(counters[1]) / 1e9
        return self._seconds - earlier_seconds

    @property
    def is_ready(self) -> bool:
        """True if the process is running or waiting for a processor; False if it is sleeping."""
        if self._folder is not None:
            with contextlib.suppress(OSError):
                status = (self._folder / "stat").read_bytes()
                return status.rpartition(b")")[2].split()[:1] == [b"R"]
        return False
