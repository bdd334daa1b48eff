"""What every request passes first: it gets an id, its body a limit, and a bug of ours an answer."""

from __future__ import annotations

import re
import secrets
import time

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from grader.api import problems
from grader.api.problems import Problem
from grader.bounds import MAX_TOTAL_BYTES, MIB

MAX_UPLOAD_BYTES = MAX_TOTAL_BYTES + MIB
"""Of a multipart body: what may be handed in, and its boundaries and headers."""
MAX_BODY_BYTES = MIB
"""Of any other."""

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")

log = structlog.get_logger()


class Requests:
    """Names every request, in its answer as X-Request-Id and in every line that is logged while it is served. A proxy
    may have named it before. What nobody expected is logged, and answered as a problem without saying what it was."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        request = Request(scope, receive)
        request.state.request_id = _id_of(request.headers)
        answer = _Answer(request.state.request_id, send)
        with structlog.contextvars.bound_contextvars(request=request.state.request_id):
            started = time.monotonic()
            try:
                await self._app(scope, receive, answer)
            except Exception as bug:
                log.exception("a bug of ours", method=request.method, path=request.url.path)
                if answer.status:
                    raise  # half of it is sent: the connection has to end
                await problems.response(request, problems.of(bug))(scope, receive, answer)
            finally:
                seconds = round(time.monotonic() - started, 4)
                log.info("request", method=request.method, path=request.url.path, status=answer.status, seconds=seconds)
        return None


def _id_of(headers: Headers) -> str:
    given = headers.get("x-request-id", "")
    return given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(12)


class _Answer:
    """Sends on, and remembers what has been sent."""

    def __init__(self, request_id: str, send: Send) -> None:
        self._request_id = request_id
        self._send = send
        self.status = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            MutableHeaders(scope=message)["X-Request-Id"] = self._request_id
        await self._send(message)


class BodyLimit:
    """413 for a body that is too large: at once where its length is said, else as soon as too much has come."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        headers = Headers(scope=scope)
        is_upload = headers.get("content-type", "").lower().startswith("multipart/form-data")
        limit = MAX_UPLOAD_BYTES if is_upload else MAX_BODY_BYTES
        said = headers.get("content-length", "")
        if said.isdecimal() and int(said[:20]) > limit:
            answer = problems.response(Request(scope, receive), _too_large(limit))
            return await answer(scope, receive, send)
        return await self._app(scope, _Counted(receive, limit), send)


class _Counted:
    def __init__(self, receive: Receive, limit: int) -> None:
        self._receive = receive
        self._limit = limit
        self._bytes = 0

    async def __call__(self) -> Message:
        message = await self._receive()
        self._bytes += len(message.get("body", b""))
        if self._bytes > self._limit:
            raise _too_large(self._limit)
        return message


def _too_large(limit: int) -> Problem:
    detail = f"more than {limit // MIB} MiB are not taken: hand in the code without data sets"
    # the rest of the body is not waited for, so the connection is of no more use
    return Problem(413, "too-large", "Too much to take", detail, {"Connection": "close"})
