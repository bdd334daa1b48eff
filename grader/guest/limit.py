"""CPU time for a part of the student's code, after which what it has reached can still be looked at."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class SoftLimit(BaseException):
    """Raised inside the student's code when its CPU time is used up; not an Exception, so that few will catch it."""


@contextmanager
def soft_limit(seconds: float) -> Iterator[None]:
    """0 is none. Windows has none either: there only the parent's own limit counts."""
    if not seconds or not hasattr(signal, "setitimer"):
        yield
        return

    def stop(_signal: int, _frame: Any) -> None:
        raise SoftLimit(seconds)

    signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
