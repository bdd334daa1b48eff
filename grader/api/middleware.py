"""Middleware that every request passes: request ids, limits on bodies and concurrent requests, internal
errors, and security headers."""

from __future__ import annotations

import asyncio
import datetime as dt
import re
import secrets
import tempfile
import time
from abc import ABC, abstractmethod
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from grader.api import problems
from grader.api.limits import UPLOADS, limit
from grader.api.problems import HttpProblem
from grader.bounds import (
    MAX_REQUESTS_AT_ONCE,
    MAX_REQUESTS_WAITING,
    MAX_SMALL_UPLOADS_IN_MEMORY,
    MAX_UPLOAD_BYTES,
    MAX_UPLOADS_AT_ONCE,
    MAX_UPLOADS_IN_MEMORY,
    MIB,
    MIN_BYTES_PER_SECOND,
    PIECE_BYTES,
    SMALL_UPLOAD_BYTES,
    STALLED_SECONDS,
)
from grader.errors import GraderError, StoreUnavailable
from grader.intake.turns import Turns
from grader.render.text import one_line
from grader.store.database import now

MAX_BODY_BYTES = MIB
"""Size limit of a request without files, in bytes. The limit of a request with files is larger by
`MAX_UPLOAD_BYTES`."""
MAX_LAUNCH_BYTES = MIB // 16
"""Size limit of a launch of a learning platform, which comes without login."""
MAX_TEXT_BYTES = MAX_BODY_BYTES - 10_000
"""Largest text, encoded as in a form, that a page can send again with its other fields."""

LONGEST_UPLOAD = dt.timedelta(minutes=10)
"""An upload counts from the arrival of its head, but at most this long before its last byte. Without this limit, a slow
upload could be written long after the due date."""

_STREAM = re.compile(r"/api/v1/submissions/[^/]+/events")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")

_CLOSE = {"Connection": "close"}
"""Header of error responses that are sent before the request's body is read."""
_RETRY = _CLOSE | {"Retry-After": "5"}

log = structlog.get_logger()


class HttpMiddleware(ABC):
    """Base class of middleware that handles HTTP requests only. Other events, such as the start of the application, are
    passed on."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        await self.handle(scope, receive, send)

    @abstractmethod
    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request, usually by calling `self._app`. To refuse the request, raise an `HttpProblem`."""


class Requests(HttpMiddleware):
    """Middleware that gives every request an id, and answers exceptions that other middleware raises.

    The id is in the header X-Request-Id and in the log. An id from a proxy is kept. Unexpected exceptions are logged,
    and answered with a 500 without details.
    """

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, log its status and duration, and answer exceptions. `status` stays 0 until a response has
        started; then it is too late for an error response."""
        request = Request(scope)
        id = request.headers.get("x-request-id", "")
        if not _REQUEST_ID.fullmatch(id):
            id = secrets.token_hex(12)
        request.state.request_id = id
        status = 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-Id"] = id
            await send(message)

        with structlog.contextvars.bound_contextvars(request=id):
            started = time.monotonic()
            try:
                await self._app(scope, receive, send_with_id)
            except Exception as error:
                if not isinstance(error, (HTTPException, GraderError)):
                    log.exception("internal error", method=request.method, path=request.url.path)
                if status:
                    raise  # a part of the response was sent, so the server must close the connection
                response = await problems.answer(request, error)  # FastAPI's handlers do not cover middleware
                await response(scope, receive, send_with_id)
            finally:
                seconds = round(time.monotonic() - started, 4)
                route = scope.get("route")  # set by the router
                request.app.state.metrics.request(getattr(route, "path", "other"), seconds)
                caller = scope["state"].get("caller")
                log.info(
                    "request",
                    method=request.method,
                    path=one_line(request.url.path),
                    status=status,
                    seconds=seconds,
                    person=caller.person.id if caller else None,
                )


class BodyLimit(HttpMiddleware):
    """Middleware that limits the bodies of requests. The response is 413 if a body is too large, 411 if the body is
    chunked, and 408 if the body arrives too slowly."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a body that is too large or chunked, and limit the time in which other bodies must arrive."""
        headers = Headers(scope=scope)
        limit = MAX_UPLOAD_BYTES + MIB if is_upload(headers) else MAX_BODY_BYTES
        if scope["path"].startswith("/lti/"):
            limit = MAX_LAUNCH_BYTES
        length = headers.get("content-length", "")
        if length.isdecimal() and int(length[:20]) > limit:  # int() raises for thousands of digits
            detail = (
                f"the request has more than {limit / MIB:.2g} MiB: leave out data sets, and clear a notebook's outputs"
            )
            raise HttpProblem(413, "too-large", "The request is too large", detail, _CLOSE)
        if "transfer-encoding" in headers:
            detail = "the request has a chunked body: send it with a Content-Length"
            raise HttpProblem(411, "unknown-length", "The length is unknown", detail, _CLOSE)
        await self._app(scope, _Timed(receive), send)


def is_upload(headers: Headers) -> bool:
    return headers.get("content-type", "").lower().startswith("multipart/form-data")


class _Timed:
    """A wrapper of ASGI's `receive` that raises a 408 problem if a request's body arrives too slowly.

    The client may let the service wait for `STALLED_SECONDS`. What arrives gives time back, a second for
    `MIN_BYTES_PER_SECOND` bytes, up to `STALLED_SECONDS` in all.
    """

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._seconds_left = STALLED_SECONDS
        self._complete = False

    async def __call__(self) -> Message:
        """Receive the next ASGI message. After the end of the body there is no time limit: the next message is the
        client's disconnection."""
        if self._complete:
            return await self._receive()
        started = time.monotonic()
        try:
            async with asyncio.timeout(max(0.0, self._seconds_left)):
                message = await self._receive()
        except TimeoutError:
            detail = f"the request arrived at less than {MIN_BYTES_PER_SECOND} bytes a second: use a faster connection"
            raise HttpProblem(408, "too-slow", "The request took too long", detail, _CLOSE) from None
        spent = time.monotonic() - started
        earned = len(message.get("body", b"")) / MIN_BYTES_PER_SECOND
        self._seconds_left = min(self._seconds_left - spent + earned, STALLED_SECONDS)
        self._complete = not message.get("more_body", False)
        return message


class PersonLimit(HttpMiddleware):
    """Middleware that limits the requests of one person, so that one person cannot occupy all threads.

    `MAX_REQUESTS_AT_ONCE` requests are served at the same time, and `MAX_REQUESTS_WAITING` more may wait. Uploads are
    limited to `MAX_UPLOADS_AT_ONCE` at the same time, and by a rate limit. Requests beyond these limits are answered
    with 429 before their bodies are read. Event streams have a separate limit (`grader.api.limits.RateLimits.stream`).

    Requires the middleware `grader.api.identity.Identify`, which sets the caller.
    """

    def __init__(self, app: ASGIApp) -> None:
        super().__init__(app)
        self._uploads = Turns(MAX_UPLOADS_AT_ONCE)
        self._requests = Turns(MAX_REQUESTS_AT_ONCE, MAX_REQUESTS_WAITING)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request when it is the caller's turn; see the class. Requests without login and event streams are not
        limited here."""
        caller = scope.get("state", {}).get("caller")
        if caller is None or _STREAM.fullmatch(scope["path"]):
            return await self._app(scope, receive, send)
        person = caller.person.id
        if is_upload(Headers(scope=scope)):
            turns = self._uploads
            if turns.is_full(person):
                uploads = f"{MAX_UPLOADS_AT_ONCE} of your uploads are in progress"
                detail = f"{uploads}: wait until one is complete, then send this again"
                raise HttpProblem(429, "uploads-at-once", "Too many uploads at once", detail, _RETRY)
            limit(Request(scope), UPLOADS, person)
        else:
            turns = self._requests
            if turns.is_full(person):
                requests = f"{MAX_REQUESTS_WAITING} of your requests are waiting"
                detail = f"{requests}: wait for their responses, then send this again"
                raise HttpProblem(429, "requests-at-once", "Too many requests at once", detail, _RETRY)
        async with turns.of(person):
            await self._app(scope, receive, send)


class SpooledUploads(HttpMiddleware):
    """Middleware that keeps the bodies of uploads on disk until they have arrived. Then a bounded number of them is
    served at the same time, one of each person, so that the memory of this process does not grow with the number of
    uploads. Small uploads do not wait for large ones.

    Requires the middleware `grader.api.identity.Identify`, which sets the caller.
    """

    def __init__(self, app: ASGIApp, folder: Path | None) -> None:
        """Create the middleware. `folder` is for the files of the bodies; None for the system's temporary folder."""
        super().__init__(app)
        self._folder = folder
        self._turns = Turns(1)
        self._small = asyncio.Semaphore(MAX_SMALL_UPLOADS_IN_MEMORY)
        self._large = asyncio.Semaphore(MAX_UPLOADS_IN_MEMORY)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request; an upload when its body has arrived and it is the caller's turn. Ignore an upload whose
        client disconnects. Raise `StoreUnavailable` if the body cannot be written."""
        if not is_upload(Headers(scope=scope)):
            return await self._app(scope, receive, send)
        caller = scope["state"]["caller"]
        try:
            # without a buffer, which would be written once more at the end
            file = tempfile.TemporaryFile(buffering=0, dir=self._folder)  # noqa: SIM115  closed below
        except OSError as full:
            raise _no_room(full) from None
        with file as body:
            if not await _has_arrived(receive, body):
                return
            person = ""
            if caller is not None:
                person = caller.person.id
                request_at = max(caller.request_at, now() - LONGEST_UPLOAD)
                scope["state"]["caller"] = replace(caller, request_at=request_at)
            in_memory = self._small if body.tell() <= SMALL_UPLOAD_BYTES else self._large
            async with self._turns.of(person), in_memory:
                await self._app(scope, _Replayed(body, receive), send)


async def _has_arrived(receive: Receive, body: BinaryIO) -> bool:
    """Write the body of a request to a file. Return False if the client disconnects before its end."""
    more_body = True
    while more_body:
        message = await receive()
        if message["type"] == "http.disconnect":
            return False
        missing = memoryview(message.get("body", b""))
        try:
            while missing:
                missing = missing[body.write(missing) :]
        except OSError as full:
            raise _no_room(full) from None
        more_body = message.get("more_body", False)
    return True


def _no_room(why: OSError) -> StoreUnavailable:
    return StoreUnavailable(f"an upload cannot be kept on disk: {why.strerror}")


class _Replayed:
    """An ASGI `receive` for a request whose body is in a file."""

    def __init__(self, body: BinaryIO, receive: Receive) -> None:
        self._body = body
        self._receive = receive
        self._left = body.tell()
        self._complete = False
        body.seek(0)

    async def __call__(self) -> Message:
        """Return the next piece of the body. After its end, wait for the client's disconnection."""
        if self._complete:
            return await self._receive()
        piece = self._body.read(PIECE_BYTES)
        self._left -= len(piece)
        self._complete = self._left <= 0
        return {"type": "http.request", "body": piece, "more_body": not self._complete}


# ── security headers ─────────────────────────────────────────────────────────────────────────────────

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; frame-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
_ALWAYS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_YEAR_SECONDS = 365 * 24 * 3600


class SecurityHeaders(HttpMiddleware):
    """Middleware that adds security headers to all responses: browsers load nothing from other origins and cache no
    personal data. A header that a route has set is not changed."""

    def __init__(self, app: ASGIApp, https: bool) -> None:
        super().__init__(app)
        self._headers = dict(_ALWAYS)
        if https:
            self._headers["Strict-Transport-Security"] = f"max-age={_YEAR_SECONDS}"

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, and add the headers to the start of the response."""
        is_static = scope["path"].startswith("/static/")

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "no-cache" if is_static else "no-store")
            await send(message)

        await self._app(scope, receive, send_with_headers)
