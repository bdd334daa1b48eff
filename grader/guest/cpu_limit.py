"""A CPU limit that interrupts the student's code with an exception, so that the objects in the process can still be
inspected."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from time import process_time
from typing import Any


class SoftLimit(BaseException):
    """Raised inside the student's code at the CPU limit. Not an `Exception`, so that `except Exception` does not catch
    it."""


@contextmanager
def soft_limit(seconds: float) -> Iterator[None]:
    """Raise `SoftLimit` in the `with` block after this many CPU seconds; 0 means no limit. On Windows, `SoftLimit` is
    never raised, and only the grader's limit on the whole process applies."""
    if not seconds or not hasattr(signal, "setitimer"):
        yield
        return

    deadline = process_time() + seconds

    def stop(_signal: int, _frame: Any) -> None:
        # The kernel counts this timer in whole ticks, which on a busy machine may be nearly twice the time used.
        seconds_left = deadline - process_time()
        if seconds_left > 0:
            signal.setitimer(signal.ITIMER_PROF, seconds_left)
        else:
            raise SoftLimit(seconds)

    signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
