"""Limits on the HTTP server's connections: their number, and the time for sending a request and reading a response.

`grader.api.middleware.BodyLimit` limits the time for sending a request's body.
"""

from __future__ import annotations

import asyncio
import ipaddress
import resource
from collections.abc import Iterator
from typing import Any

import h11
import structlog
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from grader.bounds import (
    HEAD_SECONDS,
    MAX_CONNECTIONS,
    MAX_DESCRIPTORS,
    MIN_BYTES_PER_SECOND,
    RESERVED_DESCRIPTORS,
    STALLED_SECONDS,
)

ACCEPTED_AT_ONCE = 100
"""Listen backlog of the server's socket, and number of connections that asyncio accepts in one step."""
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
    """Raise the process's soft limit on open files as far as the hard limit and `MAX_DESCRIPTORS` allow. Return the new
    soft limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = MAX_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, MAX_DESCRIPTORS)
    limit = max(soft, most)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    return limit


def connection_limit(descriptors: int) -> int:
    """Return the largest number of HTTP connections for a process that may open `descriptors` files."""
    return max(1, min(MAX_CONNECTIONS, descriptors - RESERVED_DESCRIPTORS))


def network_of(host: str) -> str:
    """Return the address under which a client's requests are counted: the IPv4 address, or the /64 network of an IPv6
    address."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host or "unknown"
    if address.version == 4:
        return host
    return str(ipaddress.ip_network((address, 64), strict=False))


class Connections:
    """The open connections of one server."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._by_address: dict[str, dict[_Connection, float]] = {}
        """Address → its connections, the longest waiting first. Each connection is stored with the time, by the event
        loop's clock, at which it began to wait for a request."""

    def __len__(self) -> int:
        return sum(map(len, self._by_address.values()))

    def __iter__(self) -> Iterator[tuple[_Connection, float]]:
        for connections in self._by_address.values():
            yield from connections.items()

    def options(self) -> dict[str, Any]:
        """Return the arguments of `uvicorn.Config` with which uvicorn enforces the limits of this module."""
        return {
            "http": self.protocol,
            "ws": "none",
            "backlog": ACCEPTED_AT_ONCE,
            "callback_notify": self.close_stalled,
            "timeout_notify": 0,  # as often as uvicorn can: once a second
        }

    def protocol(self, **uvicorn: Any) -> asyncio.Protocol:
        """Create uvicorn's protocol object for a new connection."""
        return _Connection(self, **uvicorn)

    def add(self, connection: _Connection, now: float) -> None:
        """Add a new connection, or record that a known connection begins to wait for its next request at the time
        `now`."""
        connections = self._by_address.setdefault(connection.address, {})
        connections.pop(connection, None)  # so that it is inserted as the newest
        connections[connection] = now

    def remove(self, connection: _Connection) -> None:
        connections = self._by_address.get(connection.address, {})
        connections.pop(connection, None)
        if not connections:
            self._by_address.pop(connection.address, None)

    def make_room(self) -> bool:
        """Close one connection that is not in use, preferably from the address with the most connections. Return False
        if all connections are in use."""
        for connections in sorted(self._by_address.values(), key=len, reverse=True):
            for connection in connections:
                if not connection.is_in_use:
                    connection.abort()
                    return True
        return False

    async def close_stalled(self) -> None:
        """Close connections whose clients send a request or read a response too slowly."""
        now = asyncio.get_running_loop().time()
        # over a copy, since `is_stalled` may move a connection to the end
        stalled = [connection for connection, _ in [*self] if connection.is_stalled(now)]
        late = [
            connection
            for connection, since in self
            if now - since > HEAD_SECONDS and not connection.is_in_use and not connection.unread
        ]
        for connection in [*stalled, *late]:
            connection.abort()


class _Parser(h11.Connection):
    """An HTTP parser that does not read chunked bodies. If a body is chunked, `grader.api.middleware.BodyLimit` answers
    with 411 and closes the connection."""

    is_chunked = False

    def next_event(self) -> Any:
        """Return the next part of the request. After the head of a chunked request, return none."""
        if self.is_chunked:
            return h11.NEED_DATA
        event = super().next_event()
        if isinstance(event, h11.Request):
            self.is_chunked = any(name == b"transfer-encoding" for name, _ in event.headers)
        return event


class _Connection(H11Protocol):
    """One connection of uvicorn's server, with the limits of this module. It counts the bytes of responses that were
    sent, and those that the client has read."""

    def __init__(self, all_: Connections, **uvicorn: Any) -> None:
        super().__init__(**uvicorn)
        self._all = all_
        self.conn: _Parser = _Parser(h11.SERVER)  # replaces uvicorn's parser
        self._app = self.app
        self.app = self._count_sent  # uvicorn calls `self.app`
        self._sent = 0
        """Number of response bytes that were passed to the transport."""
        self._unread_until: float | None = None
        """Time by which the client must have read more of a response; None if the client has read everything."""
        self._read = 0
        """Number of response bytes that the client had read at the last call of `is_stalled`."""
        self.address = ""
        """The client's address or network (see `network_of`)."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Register a new connection. If the limit is reached and no connection can be closed for it, answer with 503
        and close the new one."""
        super().connection_made(transport)
        self.address = network_of(self.client[0] if self.client else "")
        if len(self._all) >= self._all.limit and not self._all.make_room():
            log.warning("too many connections", limit=self._all.limit)
            transport.write(_BUSY)
            transport.close()
            return
        self._all.add(self, self.loop.time())

    def connection_lost(self, exc: Exception | None) -> None:
        self._all.remove(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Pass data to uvicorn. Discard the data of chunked bodies and of connections that are being closed."""
        if not self.conn.is_chunked and not self.transport.is_closing():
            super().data_received(data)

    def on_response_complete(self) -> None:
        """Record that the connection waits for its next request from now on."""
        self._all.add(self, self.loop.time())
        super().on_response_complete()  # may start a pipelined request

    def abort(self) -> None:
        """Close the connection immediately, and discard data that the client has not read."""
        self._all.remove(self)
        self.transport.abort()

    @property
    def unread(self) -> int:
        """Number of response bytes that are still in the write buffer."""
        return self.transport.get_write_buffer_size()

    @property
    def is_in_use(self) -> bool:
        """True while the service computes a response, and while it exchanges data with a logged-in person.
        `Connections.make_room` does not close the connection meanwhile."""
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is None:
            return False
        # the middleware `Identify` sets the caller, None without login; until then, assume a person
        by_a_person = cycle.scope["state"].get("caller", "not known yet") is not None
        if cycle.response_complete:
            return by_a_person and self.unread > 0
        return by_a_person or not (cycle.more_body or self.unread)

    def is_stalled(self, now: float) -> bool:
        """Return whether the client reads the response too slowly. `close_stalled` calls this about once a second.

        A client has `STALLED_SECONDS` to read the next bytes. What it reads gives time back, a second for
        `MIN_BYTES_PER_SECOND` bytes, up to `STALLED_SECONDS` in all.
        """
        read = self._sent - self.unread
        newly_read = read - self._read
        self._read = read
        if not self.unread:
            # the client has read a slow response to its end: the time to send the next request begins
            if self._unread_until is not None and self.cycle.response_complete:
                self._all.add(self, now)
            self._unread_until = None
        elif self._unread_until is None:
            self._unread_until = now + STALLED_SECONDS
        else:
            earned = newly_read / MIN_BYTES_PER_SECOND
            self._unread_until = min(self._unread_until + earned, now + STALLED_SECONDS)
        return self._unread_until is not None and now > self._unread_until

    async def _count_sent(self, scope: Any, receive: Any, send: Any) -> None:
        """Run the application for one request, and count the bytes of the response's body that are sent."""

        async def counted(message: Any) -> None:
            await send(message)
            if scope["method"] != "HEAD":
                self._sent += len(message.get("body", b""))
            await self.flow.drain()  # uvicorn itself does not wait until the last message is sent

        await self._app(scope, receive, counted)
