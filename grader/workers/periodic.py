"""Call a function at regular intervals, for example to send heartbeats."""

from __future__ import annotations

import threading
from collections.abc import Callable

import structlog

from grader.errors import StoreUnavailable

log = structlog.get_logger()


class Periodic:
    """A thread that calls a function at regular intervals, even if a call raises an exception."""

    def __init__(self, seconds: float, act: Callable[[], object]) -> None:
        self._seconds = seconds
        self._act = act
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="periodic", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        """Call the function, then wait for the interval, until `stop` is called."""
        while True:
            try:
                self._act()
            except StoreUnavailable as gone:
                log.warning("the database cannot be used", why=str(gone))
            except Exception:  # a bug must not end heartbeats
                log.exception("internal error")
            if self._stopped.wait(self._seconds):
                return
