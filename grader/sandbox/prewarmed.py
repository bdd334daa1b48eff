"""A sandbox that starts its next session in advance.

A submission then need not wait until a process has started or, without a template process, until it has imported the
common modules.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor

from grader.errors import SandboxUnavailable
from grader.model import Limits
from grader.sandbox.contract import Array, Sandbox, Session
from grader.sandbox.launch import COMMON_IMPORTS


class PrewarmedSandbox:
    """A wrapper of another sandbox that keeps one session ready. If a request asks for shared arrays or for other
    limits, a new session is started for it."""

    def __init__(self, inner: Sandbox, limits: Limits) -> None:
        self.name = inner.name
        self._inner = inner
        self._limits = limits
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="prewarm")
        self._next: Future[Session] = self._pool.submit(self._warm)

    def session(self, limits: Limits, shared: Mapping[str, Array]) -> Session:
        """Return the session that was started in advance, if it fits, and begin to start the next one."""
        if shared or limits != self._limits:
            return self._inner.session(limits, shared)
        ready = self._next.result()
        self._next = self._pool.submit(self._warm)
        return ready

    def close(self) -> None:
        self._pool.shutdown()
        with contextlib.suppress(SandboxUnavailable):  # the session is no longer needed, so its failure does not matter
            self._next.result().close()

    def _warm(self) -> Session:
        """Start a session that has imported the common modules."""
        session = self._inner.session(self._limits, {})
        session.request(["warm", list(COMMON_IMPORTS)], cpu_seconds=60.0)
        return session
