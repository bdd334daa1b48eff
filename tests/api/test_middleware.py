"""What every request passes first."""

from __future__ import annotations

import asyncio
import re
import socket
from unittest.mock import AsyncMock

import pytest
from starlette.types import Message, Receive, Scope, Send
from structlog.testing import capture_logs

from grader.api import operations
from grader.api.middleware import MAX_BODY_BYTES, BodyLimit, Requests
from grader.bounds import MAX_UPLOAD_BYTES, MIB
from grader.errors import StoreUnavailable
from tests.api.serving import serving
from tests.api.world import SUBMISSIONS, World


def test_every_answer_has_an_id_of_its_own(world: World) -> None:
    ids = [world.client.get(path).headers["x-request-id"] for path in ("/healthz", "/nothing", "/api/v1/queue")]
    assert len(set(ids)) == 3


def test_a_proxy_s_id_is_kept_and_a_forged_line_is_not(world: World) -> None:
    given = [
        world.client.get("/healthz", headers={"X-Request-Id": id}).headers["x-request-id"]
        for id in ("abc-123.DEF", "x" * 65, "a b c d e f g", "short")
    ]
    assert given[0] == "abc-123.DEF"
    assert all(re.fullmatch("[0-9a-f]{24}", id) for id in given[1:])


def test_a_problem_quotes_the_request_s_id(world: World) -> None:
    answer = world.client.get("/api/v1/nothing")
    assert answer.json()["request_id"] == answer.headers["x-request-id"]


def test_requests_are_logged_with_their_id_and_without_their_query(world: World) -> None:
    with capture_logs() as logs:
        world.client.get("/healthz?token=secret")
    assert logs[-1]["path"] == "/healthz"
    assert "secret" not in repr(logs)


def test_an_internal_error_is_logged_and_not_revealed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def bug(*_: object) -> None:
        raise ZeroDivisionError("a secret")

    monkeypatch.setattr(operations.counts, "waiting", bug)
    with capture_logs() as logs:
        answer = world.client.get("/api/v1/queue", headers=world.headers("grace"))
    assert (answer.status_code, answer.json()["type"]) == (500, "/problems/internal-error")
    assert "secret" not in answer.text
    assert [log["event"] for log in logs] == ["internal error", "request"]


def test_a_response_that_has_started_is_not_followed_by_another(world: World) -> None:
    sent: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise StoreUnavailable("the disk is full")

    async def send(message: Message) -> None:
        sent.append(message["type"])

    scope = {"type": "http", "method": "GET", "path": "/", "headers": [], "app": world.client.app}
    with pytest.raises(StoreUnavailable):
        asyncio.run(Requests(BodyLimit(app))(scope, AsyncMock(), send))
    assert sent == ["http.response.start"]


# ── bodies that are too large ────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("kind", "limit"),
    [("application/json", MAX_BODY_BYTES), ("multipart/form-data; boundary=x", MAX_UPLOAD_BYTES + MIB)],
)
def test_a_body_with_a_too_large_content_length_is_refused_at_once(world: World, kind: str, limit: int) -> None:
    head = (
        f"POST {SUBMISSIONS} HTTP/1.1\r\nHost: x\r\nContent-Type: {kind}\r\nContent-Length: {limit + 1}\r\n"
        f"Authorization: Bearer {world.tokens['ada']}\r\n\r\n"
    )
    with serving(world) as address, socket.create_connection(address, timeout=20) as connection:
        connection.sendall(head.encode())
        answer = b"".join(iter(lambda: connection.recv(4096), b""))  # until it is closed
    assert answer.startswith(b"HTTP/1.1 413")
    assert b"application/problem+json" in answer


def test_a_body_of_the_maximum_size_is_read(world: World) -> None:
    body = b'{"points": 1, "comment": "' + b"x" * (MAX_BODY_BYTES - 28) + b'"}'
    headers = world.headers("grace") | {"Content-Type": "application/json"}
    answer = world.client.put(f"/api/v1/submissions/{'0' * 26}/marks/q1", content=body, headers=headers)
    assert (len(body), answer.status_code) == (MAX_BODY_BYTES, 422)  # a comment is shorter


def test_an_invalid_content_length_does_not_bypass_the_limit(world: World) -> None:
    answer = world.client.post("/api/v1/queue", headers=world.headers("ada") | {"Content-Length": "9" * 400})
    assert answer.status_code == 413
