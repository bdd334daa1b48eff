"""Limits on the connections of the HTTP server: their number, and how long each may wait.

uvicorn limits neither the time for a request's head nor the time in which a client reads the response.
`grader.api.entrance.BodyLimit` limits the time for a body, since it can still send a response.
"""

from __future__ import annotations

import asyncio
import resource
from typing import Any

import h11
import structlog
from uvicorn.protocols.http.h11_impl import H11Protocol

from grader.bounds import (
    HEAD_SECONDS,
    MAX_CONNECTIONS,
    MAX_DESCRIPTORS,
    MIN_BYTES_PER_SECOND,
    RESERVED_DESCRIPTORS,
    STALLED_SECONDS,
)

ACCEPTED_AT_ONCE = 100
"""Connections that the event loop accepts in one iteration, before they can be counted."""
_DETAIL = (
    b'{"type":"/problems/too-many-connections","title":"Too many connections","status":503,'
    b'"detail":"every connection of the service is in use; try again in a moment"}'
)
_BUSY = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/problem+json\r\nRetry-After: 5\r\n"
    b"Connection: close\r\nContent-Length: %d\r\n\r\n%b" % (len(_DETAIL), _DETAIL)
)

log = structlog.get_logger()


def raise_descriptor_limit() -> int:
    """Raise the soft limit of open files to the hard limit, or to `MAX_DESCRIPTORS`. Return the new limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = MAX_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, MAX_DESCRIPTORS)
    limit = max(soft, most)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    return limit


def connection_limit(descriptors: int) -> int:
    """Return the number of connections that may be open. Half of the descriptors are for files: each large file of an
    upload needs one."""
    return max(1, min(MAX_CONNECTIONS, (descriptors - RESERVED_DESCRIPTORS) // 2))


class Connections:
    """The open connections of one server."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.open: dict[_Connection, None] = {}
        self.awaiting: dict[_Connection, float] = {}
        """Connections without a complete request head → since when (the event loop's clock), the oldest first."""

    def options(self) -> dict[str, Any]:
        """Return the arguments of `uvicorn.Config` that apply these limits."""
        return {
            "http": self.protocol,
            "ws": "none",
            "backlog": ACCEPTED_AT_ONCE,
            "callback_notify": self.close_stalled,
            "timeout_notify": 0,  # uvicorn calls it once a second at most
        }

    def protocol(self, **uvicorn: Any) -> asyncio.Protocol:
        """Return the protocol of a new connection."""
        return _Connection(self, **uvicorn)

    def make_room(self) -> bool:
        """Close the connection that has waited longest for its request. Return False if there is none."""
        oldest = next((connection for connection in self.awaiting if not connection.unread), None)
        if oldest is not None:
            oldest.abort()
        return oldest is not None

    async def close_stalled(self) -> None:
        """Close the connections whose request head or whose reading of an answer takes too long."""
        now = asyncio.get_running_loop().time()
        stalled = [connection for connection in self.open if connection.is_stalled(now)]
        late = [c for c, since in self.awaiting.items() if now - since > HEAD_SECONDS and not c.unread]
        for connection in [*stalled, *late]:
            connection.abort()


class _Parser(h11.Connection):
    """An HTTP parser that stops before a body in chunks: parsing a chunk of one byte costs as much as one of a
    megabyte. `grader.api.entrance.BodyLimit` answers such a request with 411 and closes the connection."""

    is_chunked = False

    def next_event(self) -> Any:
        if self.is_chunked:
            return h11.NEED_DATA
        event = super().next_event()
        if isinstance(event, h11.Request):
            self.is_chunked = any(name == b"transfer-encoding" for name, _ in event.headers)
        return event


class _Connection(H11Protocol):
    def __init__(self, all_: Connections, **uvicorn: Any) -> None:
        super().__init__(**uvicorn)
        self._all = all_
        self.conn: _Parser = _Parser(h11.SERVER)
        self._app = self.app
        self.app = self._count_sent
        self._sent = 0
        self._unread_since: tuple[float, int] | None = None
        """Time since which part of a response is unread, and number of bytes read by then."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._all.open[self] = None
        if len(self._all.open) > self._all.limit and not self._all.make_room():
            log.warning("too many connections", limit=self._all.limit)
            transport.write(_BUSY)
            transport.close()
            return
        self._all.awaiting[self] = self.loop.time()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if not self.conn.is_chunked and not self.transport.is_closing():
            super().data_received(data)
            self._note_request()

    def on_response_complete(self) -> None:
        self._all.awaiting[self] = self.loop.time()
        super().on_response_complete()  # which may start a pipelined request
        self._note_request()

    def abort(self) -> None:
        """Close at once, and drop what the client has not read."""
        self._forget()
        self.transport.abort()

    @property
    def unread(self) -> int:
        """Bytes of answers that wait to be sent."""
        return self.transport.get_write_buffer_size()

    def is_stalled(self, now: float) -> bool:
        """Return whether the client reads its answer too slowly."""
        read = self._sent - self.unread
        if self._unread_since is None:
            self._unread_since = (now, read) if self.unread else None
            return False
        if not self.unread:
            self._unread_since = None
            if self._all.awaiting.pop(self, None) is not None:
                self._all.awaiting[self] = now
            return False
        since, before = self._unread_since
        return now - since > STALLED_SECONDS + (read - before) / MIN_BYTES_PER_SECOND

    def _note_request(self) -> None:
        if self.cycle is not None and not self.cycle.response_complete:
            self._all.awaiting.pop(self, None)

    def _forget(self) -> None:
        self._all.open.pop(self, None)
        self._all.awaiting.pop(self, None)

    async def _count_sent(self, scope: Any, receive: Any, send: Any) -> None:
        async def counted(message: Any) -> None:
            await send(message)  # which may wait until the client has read some of what was sent before
            if scope["method"] != "HEAD":
                self._sent += len(message.get("body", b""))

        await self._app(scope, receive, counted)
