"""Middleware that every request passes: request ids, limits on bodies and concurrent requests, and internal errors."""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from abc import ABC, abstractmethod

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from grader.api import problems
from grader.api.limits import UPLOADS, limit
from grader.api.problems import HttpProblem
from grader.bounds import (
    MAX_REQUESTS_AT_ONCE,
    MAX_REQUESTS_WAITING,
    MAX_UPLOAD_BYTES,
    MAX_UPLOADS_AT_ONCE,
    MIB,
    MIN_BYTES_PER_SECOND,
    STALLED_SECONDS,
)
from grader.intake.turns import Turns

MAX_BODY_BYTES = MIB
"""Size limit of a request without files. Uploads may exceed the size limit of their files by this many bytes."""

_STREAM = re.compile(r"/api/v1/submissions/[^/]+/events")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")

log = structlog.get_logger()


class HttpMiddleware(ABC):
    """Base class of middleware that handles HTTP requests only. Other events, such as the start of the application, are
    passed on."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await (self.handle if scope["type"] == "http" else self._app)(scope, receive, send)

    @abstractmethod
    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request, usually by calling `self._app`."""


class Requests(HttpMiddleware):
    """Middleware that gives every request an id, for the header X-Request-Id and the log; an id set by a proxy is kept.
    Unexpected exceptions are logged and answered with a 500 without details."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        request.state.request_id = _request_id(request.headers)
        answer = _Answer(request.state.request_id, send)
        with structlog.contextvars.bound_contextvars(request=request.state.request_id):
            started = time.monotonic()
            try:
                await self._app(scope, receive, answer)
            except Exception as bug:
                log.exception("internal error", method=request.method, path=request.url.path)
                if answer.status:
                    raise  # a part of the response was sent, so the server must close the connection
                await problems.response(request, problems.of(bug))(scope, receive, answer)
            finally:
                seconds = round(time.monotonic() - started, 4)
                log.info("request", method=request.method, path=request.url.path, status=answer.status, seconds=seconds)


def _request_id(headers: Headers) -> str:
    given = headers.get("x-request-id", "")
    return given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(12)


class _Answer:
    """A wrapper of ASGI's `send` that adds the header X-Request-Id and records the response's status."""

    def __init__(self, request_id: str, send: Send) -> None:
        self._request_id = request_id
        self._send = send
        self.status = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            MutableHeaders(scope=message)["X-Request-Id"] = self._request_id
        await self._send(message)


class BodyLimit(HttpMiddleware):
    """Middleware that answers 413 if a request's body is too large, 411 if it has no Content-Length, and 408 if it
    arrives too slowly."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        limit = MAX_UPLOAD_BYTES + MIB if is_upload(headers) else MAX_BODY_BYTES
        length = headers.get("content-length", "")
        if length.isdecimal() and int(length[:20]) > limit:
            return await problems.response(Request(scope, receive), _too_large(limit))(scope, receive, send)
        if "transfer-encoding" in headers:
            return await problems.response(Request(scope, receive), _unknown_length())(scope, receive, send)
        return await self._app(scope, _Timed(receive), send)


def is_upload(headers: Headers) -> bool:
    return headers.get("content-type", "").lower().startswith("multipart/form-data")


class _Timed:
    """A wrapper of ASGI's `receive` that raises a 408 problem if a request's body arrives too slowly."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._seconds_left = STALLED_SECONDS
        self._complete = False

    async def __call__(self) -> Message:
        if self._complete:
            return await self._receive()
        started = time.monotonic()
        try:
            async with asyncio.timeout(max(0.0, self._seconds_left)):
                message = await self._receive()
        except TimeoutError:
            raise _too_slow() from None
        more = len(message.get("body", b"")) / MIN_BYTES_PER_SECOND
        self._seconds_left = min(self._seconds_left - (time.monotonic() - started) + more, STALLED_SECONDS)
        self._complete = not message.get("more_body", False)
        return message


class PersonLimit(HttpMiddleware):
    """Middleware that limits how many requests of one person are served at the same time.

    Further requests wait, so that one person cannot occupy all threads. Requests beyond `MAX_REQUESTS_WAITING`, uploads
    beyond `MAX_UPLOADS_AT_ONCE` and uploads beyond their rate limit are answered with 429 before their bodies are read.
    Event streams have a separate limit (`grader.api.limits.RateLimits.stream`).

    Requires `grader.api.identity.Identify`, which sets the caller.
    """

    def __init__(self, app: ASGIApp) -> None:
        super().__init__(app)
        self._uploads = Turns(MAX_UPLOADS_AT_ONCE)
        self._requests = Turns(MAX_REQUESTS_AT_ONCE, MAX_REQUESTS_WAITING)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        caller = scope.get("state", {}).get("caller")
        if caller is None or _STREAM.fullmatch(scope["path"]):
            return await self._app(scope, receive, send)
        uploads = is_upload(Headers(scope=scope))
        turns = self._uploads if uploads else self._requests
        request = Request(scope, receive)
        try:
            if turns.is_full(caller.person.id):
                raise _too_many_uploads() if uploads else _too_many_requests()
            if uploads:
                limit(request, UPLOADS, caller.person.id)
        except HttpProblem as refusal:
            return await problems.response(request, refusal)(scope, receive, send)
        async with turns.of(caller.person.id):
            return await self._app(scope, receive, send)


_CLOSE = {"Connection": "close"}
"""Header of error responses that are sent before the request's body is read."""
_RETRY = _CLOSE | {"Retry-After": "5"}


def _too_large(limit: int) -> HttpProblem:
    detail = f"the request has more than {limit // MIB} MiB: leave out data sets, and clear a notebook's outputs"
    return HttpProblem(413, "too-large", "The request is too large", detail, _CLOSE)


def _unknown_length() -> HttpProblem:
    detail = "the request has a chunked body: send it with a Content-Length"
    return HttpProblem(411, "unknown-length", "The length is unknown", detail, _CLOSE)


def _too_slow() -> HttpProblem:
    detail = f"the request arrived at less than {MIN_BYTES_PER_SECOND} bytes a second: use a faster connection"
    return HttpProblem(408, "too-slow", "The request took too long", detail, _CLOSE)


def _too_many_uploads() -> HttpProblem:
    detail = f"{MAX_UPLOADS_AT_ONCE} of your uploads are in progress: wait until one is complete, then send this again"
    return HttpProblem(429, "uploads-at-once", "Too many uploads at once", detail, _RETRY)


def _too_many_requests() -> HttpProblem:
    detail = f"{MAX_REQUESTS_WAITING} of your requests are waiting: wait for their responses, then send this again"
    return HttpProblem(429, "requests-at-once", "Too many requests at once", detail, _RETRY)
