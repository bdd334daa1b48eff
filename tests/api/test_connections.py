"""Clients that open connections and do not use them: a request that never comes, or an answer that nobody reads."""

from __future__ import annotations

import datetime as dt
import os
import resource
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import Table, delete

from grader.api import connections, middleware
from grader.api.connections import Connections
from grader.api.limits import RateLimits
from grader.bounds import MAX_REQUESTS_AT_ONCE, MAX_UPLOADS_AT_ONCE, SMALL_UPLOAD_BYTES
from grader.settings import Settings
from grader.store.database import now
from grader.store.tables import members, tokens
from tests.api.serving import serving
from tests.api.test_events import until
from tests.api.world import SUBMISSIONS, World
from tests.conftest import TOY_SOLUTION

HEAD = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"
FILE = b'Content-Disposition: form-data; name="files"; filename="mlp.py"\r\n\r\n'


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The real limits, shorter."""
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.5)
    monkeypatch.setattr(connections, "STALLED_SECONDS", 0.5)
    monkeypatch.setattr(middleware, "STALLED_SECONDS", 0.5)


@contextmanager
def connected(address: tuple[str, int], sent: bytes = b"", sent_from: str = "127.0.0.1") -> Iterator[socket.socket]:
    with socket.create_connection(address, timeout=20, source_address=(sent_from, 0)) as connection:
        connection.sendall(sent)
        yield connection


def ended(connection: socket.socket) -> bytes:
    """What comes until the server closes."""
    received = b""
    try:
        while piece := connection.recv(65536):
            received += piece
    except ConnectionResetError:
        pass
    return received


def upload(world: World, length: int, login: str = "ada") -> bytes:
    return (
        f"POST {SUBMISSIONS} HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=x\r\n"
        f"Content-Length: {length}\r\nAuthorization: Bearer {world.tokens[login]}\r\n\r\n--x\r\n"
    ).encode()


@pytest.mark.parametrize("sent", [b"", HEAD, HEAD + b"\r\n" + HEAD])
def test_a_connection_without_a_request_is_closed(world: World, impatient: None, sent: bytes) -> None:
    with serving(world) as address, connected(address, sent) as connection:
        answers = ended(connection)
    assert answers.count(b"HTTP/1.1 200") == sent.count(b"\r\n\r\n")


def is_closed_while(connection: socket.socket, piece: bytes) -> bool:
    """Whether the server ends the connection, without an answer, while this is sent again and again for 20 seconds."""
    connection.settimeout(0.1)
    for _ in range(200):
        try:
            connection.sendall(piece)
            return connection.recv(65536) == b""
        except TimeoutError:
            continue
        except OSError:
            return True
    return False


def test_a_head_that_drips_in_is_not_waited_for_longer(world: World, impatient: None) -> None:
    with serving(world) as address, connected(address, HEAD) as connection:
        assert is_closed_while(connection, b"X: y\r\n")


def test_a_body_that_does_not_come_is_answered_and_its_connection_closed(world: World, impatient: None) -> None:
    with serving(world) as address, connected(address, upload(world, 5000)) as connection:
        answer = ended(connection)
    assert answer.startswith(b"HTTP/1.1 408")
    assert b"/problems/too-slow" in answer


def test_a_body_that_comes_steadily_may_take_longer(world: World, impatient: None) -> None:
    body = b"--x\r\n" + FILE + b"class Sums:\n    pass\n" + b"#" * 3000 + b"\r\n--x--\r\n"
    with serving(world) as address, connected(address, upload(world, len(body)).removesuffix(b"--x\r\n")) as connection:
        started = time.monotonic()
        for start in range(0, len(body), 300):
            connection.sendall(body[start : start + 300])
            time.sleep(0.1)
        took = time.monotonic() - started
        answer = connection.recv(65536)
    assert took > connections.STALLED_SECONDS
    assert answer.startswith(b"HTTP/1.1 202")


def asks_for_16_mb(world: World) -> bytes:
    files = [("files", ("mlp.py", TOY_SOLUTION.encode())), ("files", ("data.npy", bytes(16_000_000)))]
    kept = world.client.post(SUBMISSIONS, files=files, headers=world.headers("ada")).json()["submission"]
    path = f"/api/v1/submissions/{kept}/files/1"
    return f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {world.tokens['ada']}\r\n\r\n".encode()


def test_a_response_that_the_client_does_not_read_is_dropped(world: World, impatient: None) -> None:
    """Of 16 MB the kernel takes a part, and the rest would wait for ever."""
    with serving(world) as address, connected(address, asks_for_16_mb(world)) as connection:
        assert connection.recv(12) == b"HTTP/1.1 200"
        time.sleep(3)
        assert len(ended(connection)) < 16_000_000


def test_an_answer_that_is_read_slowly_is_read_to_its_end(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "STALLED_SECONDS", 1.0)
    received = 0
    with serving(world) as address, connected(address, asks_for_16_mb(world)) as connection:
        while received < 16_000_000:
            piece = connection.recv(1_000_000)
            assert piece
            received += len(piece)
            time.sleep(0.3)


def test_a_body_in_chunks_is_refused_before_it_is_parsed(world: World) -> None:
    head = upload(world, 0).replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
    with (
        serving(world) as address,
        connected(address, head.removesuffix(b"--x\r\n") + b"1\r\nx\r\n" * 50) as connection,
    ):
        answer = ended(connection)
    assert answer.startswith(b"HTTP/1.1 411")
    assert b"Content-Length" in answer


# ── more than there may be ───────────────────────────────────────────────────────────────────────────


def test_the_oldest_idle_connection_makes_room_for_a_new_one(world: World) -> None:
    with serving(world, Connections(3)) as address, ExitStack() as open_:
        idle = [open_.enter_context(connected(address)) for _ in range(3)]
        with connected(address, HEAD + b"\r\n") as asking:
            assert asking.recv(12) == b"HTTP/1.1 200"
        assert ended(idle[0]) == b""
        idle[2].sendall(HEAD + b"\r\n")
        assert idle[2].recv(12) == b"HTTP/1.1 200"


def test_where_all_are_in_use_a_new_one_is_told_so(world: World) -> None:
    all_ = Connections(2)
    with serving(world, all_) as address, ExitStack() as open_:
        for login in ("ada", "bob"):
            open_.enter_context(connected(address, upload(world, 5000, login)))
        until(lambda: [connection.is_in_use for connection, _ in [*all_]] == [True, True])
        with connected(address, HEAD + b"\r\n") as asking:
            answer = ended(asking)
    assert answer.startswith(b"HTTP/1.1 503")
    assert b"Retry-After: 5" in answer
    head, _, body = answer.partition(b"\r\n\r\n")
    assert f"Content-Length: {len(body)}".encode() in head


def test_the_address_with_the_most_connections_makes_room(world: World) -> None:
    with serving(world, Connections(4)) as address, ExitStack() as open_:
        other = open_.enter_context(connected(address, sent_from="127.0.0.2"))
        many = [open_.enter_context(connected(address)) for _ in range(6)]
        assert [ended(connection) for connection in many[:3]] == [b""] * 3
        for connection in (other, *many[3:]):
            connection.sendall(HEAD + b"\r\n")
            assert connection.recv(12) == b"HTTP/1.1 200"


SLOW_LOGIN = (
    b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    b"Content-Length: 100000\r\n\r\n"
)


def test_an_anonymous_upload_is_closed_like_an_idle_connection_when_connections_run_out(world: World) -> None:
    """Otherwise anybody could use up all connections for a quarter of an hour, by the bodies of logins."""
    all_ = Connections(3)
    with serving(world, all_) as address, ExitStack() as open_:
        slow = [open_.enter_context(connected(address, SLOW_LOGIN + b"token=")) for _ in range(3)]
        until(lambda: not any(connection.is_in_use for connection, _ in [*all_]) and len(all_) == 3)
        with connected(address, HEAD + b"\r\n") as asking:
            assert asking.recv(12) == b"HTTP/1.1 200"
        assert ended(slow[0]) == b""


def test_an_anonymous_upload_has_the_time_of_a_request_head(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.5)
    with serving(world) as address, connected(address, SLOW_LOGIN) as connection:
        assert is_closed_while(connection, b"x" * 200)  # quick enough for people who have logged in


def test_a_body_that_comes_quickly_and_then_stops_is_not_waited_for_longer(
    world: World, impatient: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(middleware, "STALLED_SECONDS", 1.0)
    started = time.monotonic()
    with serving(world) as address, connected(address, upload(world, 200_000) + FILE + b"x" * 100_000) as connection:
        answer = ended(connection)
    assert answer.startswith(b"HTTP/1.1 408")
    assert time.monotonic() - started < 30


def test_of_answers_that_one_person_does_not_read_few_are_kept_in_memory(world: World) -> None:
    """Each is of 16 MB; others are still answered."""
    all_ = Connections(100)
    with serving(world, all_) as address, ExitStack() as open_:
        asked = asks_for_16_mb(world)
        for _ in range(3 * MAX_REQUESTS_AT_ONCE):
            connection = socket.socket()
            open_.enter_context(connection)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.connect(address)
            connection.sendall(asked)
        until(lambda: sum(connection.unread > 0 for connection, _ in [*all_]) >= MAX_REQUESTS_AT_ONCE)
        time.sleep(2)
        assert sum(connection.unread > 0 for connection, _ in [*all_]) == MAX_REQUESTS_AT_ONCE
        with connected(address, HEAD + b"\r\n") as asking:
            assert asking.recv(12) == b"HTTP/1.1 200"


def test_too_many_uploads_are_refused_before_their_bodies_come(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(world.client.app.state, "limits", RateLimits(Settings(rate_limit_uploads="1/day")))
    with serving(world) as address:
        answers = []
        for _ in range(2):
            with connected(address, upload(world, 10)) as connection:
                connection.sendall(b"--x--")
                answers.append(connection.recv(12))
        with connected(address, upload(world, 10_000_000)) as connection:
            answers.append(connection.recv(12))
    assert answers[1:] == [b"HTTP/1.1 429", b"HTTP/1.1 429"]


def test_one_person_s_uploads_at_once_are_few_and_others_go_on(world: World) -> None:
    def status(login: str) -> int:
        files = {"files": ("mlp.py", b"class Sums:\n    pass\n")}
        url = f"http://{address[0]}:{address[1]}{SUBMISSIONS}"
        return httpx2.post(url, files=files, headers=world.headers(login), timeout=20).status_code

    with serving(world) as address, ExitStack() as open_:
        for _ in range(MAX_UPLOADS_AT_ONCE):
            open_.enter_context(connected(address, upload(world, 5000)))
        until_they_have_begun = time.monotonic() + 20
        while (refused := status("ada")) != 429:
            assert time.monotonic() < until_they_have_begun
        assert (refused, status("bob")) == (429, 202)


def test_a_small_upload_waits_for_no_large_ones(world: World) -> None:
    """Large ones wait for an intake process that is stopped. The small one, of a stranger, is refused unread."""
    world.service.intake.start()
    (pid,) = world.service.intake.pids
    body = FILE + TOY_SOLUTION.encode() + b"#" * SMALL_UPLOAD_BYTES + b"\r\n--x--\r\n"
    small = FILE + TOY_SOLUTION.encode() + b"\r\n--x--\r\n"
    all_ = Connections(100)
    with serving(world, all_) as address, ExitStack() as open_:
        os.kill(pid, signal.SIGSTOP)
        try:
            for login in ("ada", "bob", "grace", "root"):
                open_.enter_context(connected(address, upload(world, len(body) + 5, login))).sendall(body)
            time.sleep(1)
            asking = open_.enter_context(connected(address, upload(world, len(small) + 5, "eve") + small))
            assert asking.recv(12) == b"HTTP/1.1 404"
        finally:
            os.kill(pid, signal.SIGCONT)


@pytest.mark.parametrize(("longest", "status"), [(dt.timedelta(minutes=10), 202), (dt.timedelta(), 403)])
def test_a_submission_counts_from_the_head_of_its_request(
    world: World, monkeypatch: pytest.MonkeyPatch, longest: dt.timedelta, status: int
) -> None:
    """It closes while the body is on its way. An upload that takes longer than `longest` gains no more time."""
    monkeypatch.setattr(middleware, "LONGEST_UPLOAD", longest)
    body = FILE + TOY_SOLUTION.encode() + b"\r\n--x--\r\n"
    all_ = Connections(100)
    with serving(world, all_) as address, connected(address, upload(world, len(body) + 5)) as connection:
        until(lambda: any(c.cycle and "caller" in c.cycle.scope["state"] for c, _ in [*all_]))
        world.set(closes_at=now())
        connection.sendall(body)
        assert f" {status} ".encode() in connection.recv(65536).partition(b"\r\n")[0]


@pytest.mark.parametrize(("table", "status"), [(tokens, 401), (members, 404)])
def test_who_loses_access_while_the_body_arrives_submits_nothing(world: World, table: Table, status: int) -> None:
    body = FILE + TOY_SOLUTION.encode() + b"\r\n--x--\r\n"
    all_ = Connections(100)
    with serving(world, all_) as address, connected(address, upload(world, len(body) + 5)) as connection:
        until(lambda: any(c.cycle and "caller" in c.cycle.scope["state"] for c, _ in [*all_]))
        with world.service.store.write() as tx:
            tx.execute(delete(table).filter_by(person=world.people["ada"].id))
        connection.sendall(body)
        assert f" {status} ".encode() in connection.recv(65536).partition(b"\r\n")[0]


# ── memory ───────────────────────────────────────────────────────────────────────────────────────────


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * resource.getpagesize()


def test_uploads_that_are_held_cost_little_memory(world: World) -> None:
    """Twenty of them wait for their last byte."""
    size = 12_000_000
    body = FILE + bytes(size - len(FILE) - 6)
    with serving(world, Connections(100)) as address, ExitStack() as open_:
        before = resident_bytes()
        for login in world.tokens:
            for _ in range(MAX_UPLOADS_AT_ONCE):
                open_.enter_context(connected(address, upload(world, size, login))).sendall(body)
        uploads = MAX_UPLOADS_AT_ONCE * len(world.tokens)
        assert (resident_bytes() - before) / (uploads * size) < 1 / 4


def test_downloads_that_nobody_reads_cost_little_memory(world: World) -> None:
    all_ = Connections(100)
    with serving(world, all_) as address, ExitStack() as open_:
        asked = asks_for_16_mb(world)
        before = resident_bytes()
        for _ in range(MAX_REQUESTS_AT_ONCE):
            open_.enter_context(connected(address, asked))
        until(lambda: sum(connection.unread > 0 for connection, _ in [*all_]) == MAX_REQUESTS_AT_ONCE)
        assert resident_bytes() - before < MAX_REQUESTS_AT_ONCE * 16_000_000 / 4
