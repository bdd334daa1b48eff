"""A sandbox that has the next session ready before it is asked for: one submission does not wait for its session, nor
for the imports of one where there is no warm process to copy."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor

from grader.errors import SandboxUnavailable
from grader.model import Limits
from grader.sandbox.contract import Array, Sandbox, Session

COMMON_IMPORTS = ("matplotlib.pyplot", "scipy.special")
"""Most students' files begin with them, and they take a second."""


class Ahead:
    """Wraps another sandbox; sessions with shared arrays pass through as they are."""

    def __init__(self, inner: Sandbox, limits: Limits) -> None:
        self.name = inner.name
        self._inner = inner
        self._limits = limits
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="ahead")
        self._next: Future[Session] = self._pool.submit(self._warm)

    def session(self, limits: Limits, shared: Mapping[str, Array]) -> Session:
        if shared or limits != self._limits:
            return self._inner.session(limits, shared)
        ready, self._next = self._next.result(), self._pool.submit(self._warm)
        return ready

    def close(self) -> None:
        self._pool.shutdown()
        with contextlib.suppress(SandboxUnavailable):  # nobody asks for it any more
            self._next.result().close()

    def _warm(self) -> Session:
        session = self._inner.session(self._limits, {})
        session.request(["warm", list(COMMON_IMPORTS)], cpu_seconds=60.0)
        return session
