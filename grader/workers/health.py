"""Tests of the sandbox while a worker pool runs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import structlog

from grader.sandbox import selftest
from grader.sandbox.choose import choose

FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 60.0
"""Pauses between attempts after a failed self-test. Each pause is twice as long as the one before."""

log = structlog.get_logger()


class SandboxHealth:
    """The result of the last test of this machine's sandbox. Workers take no jobs after a failed one. Thread-safe."""

    def __init__(self, sandbox: str, runtime: Path) -> None:
        self.trouble = ""
        """Why the last test failed; empty if it passed, and before the first one."""
        self._sandbox = sandbox
        self._runtime = runtime
        self._testing = threading.Lock()
        self._tested_at = 0.0
        self._pause_seconds = FIRST_PAUSE_SECONDS

    def is_ready(self) -> bool:
        """Return whether the last test passed. If it failed and its pause is over, run the whole self-test first."""
        with self._testing:
            if self.trouble and time.monotonic() >= self._tested_at + self._pause_seconds:
                self._pause_seconds = min(2 * self._pause_seconds, LONGEST_PAUSE_SECONDS)
                self._test(self._prove)
            return not self.trouble

    def starts_now(self) -> bool:
        """Return whether the sandbox can start a session. Test it unless another thread has done so since this call.
        The whole self-test would take longer than a lease on a busy machine."""
        called_at = time.monotonic()
        with self._testing:
            if self._tested_at < called_at:
                self._test(self._start)
            return not self.trouble

    def _start(self) -> None:
        with closing(choose(self._sandbox, self._runtime)[0]):
            pass

    def _prove(self) -> None:
        selftest.prove(self._sandbox, self._runtime)

    def _test(self, test: Callable[[], None]) -> None:
        """Run a test and record its result."""
        trouble = ""
        try:
            test()
        except Exception as failure:  # noqa: BLE001  a test that cannot run has not passed
            trouble = str(failure) or type(failure).__name__
            log.error("self-test failed: no jobs are taken", why=trouble)
        if not trouble:
            self._pause_seconds = FIRST_PAUSE_SECONDS
            if self.trouble:
                log.info("self-test passed: jobs are taken again")
        self.trouble = trouble
        self._tested_at = time.monotonic()
