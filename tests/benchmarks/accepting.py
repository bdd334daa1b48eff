"""The time in which submissions are accepted beside work that hinders, each beside the same alone in the same run.

    python -m tests.benchmarks.accepting [NAME …]

First `MANY` distinct submissions come within a minute to a service that grades them meanwhile. Wanted: a p99 of at most
`TIMES_OF_SINGLE` times the median of submissions that come one at a time, when the last one has been graded. Then, for
each hindrance, a new service on loopback accepts `SUBMISSIONS` submissions within `SECONDS`, first with nothing else,
then beside the hindrance: pre-checks that sleep, nested zips with many names, a regrade of 5,000 submissions, logins at
a provider that does not answer. Wanted: a p99 of at most `TIMES` times the one alone. Clients, service and gradings
share the machine, and other work on it is in the figures: the load is printed.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import socket
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path

import httpx

from tests.classes import zipped
from tests.conftest import TOY_SOLUTION
from tests.running import VERIFY, Running, add_graded, running

MANY = 200
SINGLE = 40
SINGLE_SECONDS = 1.5
"""Between two submissions that come one at a time."""
TIMES_OF_SINGLE = 4
SUBMISSIONS = 300
SECONDS = 60.0
STUDENTS = 100
TIMES = 2
PRECHECKS = 20
ZIPS = 40
REGRADED = 5_000
LOGINS = 120
ZIPPED_NAMES = 100_000
COURSE = "/api/v1/courses/ml/assignments/toy"

Hindrance = Callable[[Running], AbstractAsyncContextManager[None]]


def main() -> None:
    hindrances: dict[str, Hindrance] = {
        "prechecks": sleeping_prechecks,
        "zips": nested_zips,
        "regrade": regrade,
        "logins": hanging_logins,
    }
    for name in sys.argv[1:] or ["many", *hindrances]:
        with tempfile.TemporaryDirectory() as folder, silent_provider() as issuer:
            settings = {
                "GRADER_OIDC_ISSUER": issuer,
                "GRADER_OIDC_CLIENT_ID": "grader",
                "GRADER_OIDC_CLIENT_SECRET": "x" * 32,
            }
            with running(Path(folder), STUDENTS + ZIPS, **settings) as service:
                teacher = add_graded(service, REGRADED if name == "regrade" else 0)
                service.start()
                if name == "many":
                    asyncio.run(compare_with_single(service))
                else:
                    asyncio.run(compare(replace(service, tokens=[*service.tokens, teacher]), name, hindrances[name]))


async def compare_with_single(service: Running) -> None:
    """Print the time of accepting one submission at a time, and that of accepting many."""
    await accepting(service, "warm-up", MANY // 10, SECONDS / 10)
    single = []
    for number in range(SINGLE):
        await asyncio.sleep(SINGLE_SECONDS)
        single.append(await submit(service, "single", number, 0))
    many = await accepting(service, "many", MANY, SECONDS)
    ratio = p99(many) / statistics.median(single)
    verdict = "as wanted" if ratio <= TIMES_OF_SINGLE else f"more than the {TIMES_OF_SINGLE} that are wanted"
    print(
        f"one at a time: p50 {1000 * statistics.median(single):.0f} ms, p99 {1000 * p99(single):.0f} ms; "
        f"{MANY} in a minute: p50 {1000 * statistics.median(many):.0f} ms, p99 {1000 * p99(many):.0f} ms; "
        f"p99 is {ratio:.1f} times the median of one at a time: {verdict}; load {os.getloadavg()[0]:.1f}",
        flush=True,
    )


async def compare(service: Running, name: str, hindrance: Hindrance) -> None:
    """Print the time of accepting alone and beside a hindrance."""
    await accepting(service, "warm-up", SUBMISSIONS // 10, SECONDS / 10)
    alone = await accepting(service, "alone", SUBMISSIONS, SECONDS)
    async with hindrance(service):
        beside = await accepting(service, "beside", SUBMISSIONS, SECONDS)
    ratio = p99(beside) / p99(alone)
    verdict = "as wanted" if ratio <= TIMES else f"more than the {TIMES} that are wanted"
    print(
        f"{name}: alone p50 {1000 * statistics.median(alone):.0f} ms, p99 {1000 * p99(alone):.0f} ms; "
        f"beside p50 {1000 * statistics.median(beside):.0f} ms, p99 {1000 * p99(beside):.0f} ms; "
        f"{statistics.median(beside) / statistics.median(alone):.2f} and {ratio:.2f} times: {verdict}; "
        f"load {os.getloadavg()[0]:.1f}",
        flush=True,
    )


def p99(seconds: list[float]) -> float:
    return statistics.quantiles(seconds, n=100)[98]


async def accepting(service: Running, name: str, count: int, seconds: float) -> list[float]:
    """Return the seconds of accepting each of `count` submissions, which come at random moments of `seconds`."""
    moments = random.Random(0)
    students = [submit(service, name, number, moments.uniform(0, seconds)) for number in range(count)]
    return await asyncio.gather(*students)


async def submit(service: Running, name: str, number: int, moment: float) -> float:
    await asyncio.sleep(moment)
    files = {"files": ("mlp.py", f"{TOY_SOLUTION}# {name} {number}\n".encode())}
    async with client_of(service, number % STUDENTS) as client:
        started = time.monotonic()
        answer = await client.post(f"{COURSE}/submissions", files=files)
        ended = time.monotonic()
    assert answer.status_code == 202, answer.text
    return ended - started


def client_of(service: Running, number: int) -> httpx.AsyncClient:
    headers = {"Authorization": f"Bearer {service.tokens[number]}"}
    return httpx.AsyncClient(base_url=service.url, headers=headers, timeout=300, verify=VERIFY)


# ── hindrances ───────────────────────────────────────────────────────────────────────────────────────


@asynccontextmanager
async def sleeping_prechecks(service: Running) -> AsyncIterator[None]:
    """Each of another student. They sleep until their time is over, and each student sends the next one then."""
    source = TOY_SOLUTION.replace("return a + b", "import time; time.sleep(3600)")

    async def precheck(number: int) -> None:
        files = {"files": ("mlp.py", f"{source}# {number}\n".encode())}
        async with client_of(service, STUDENTS + number) as client:
            answer = await client.post(f"{COURSE}/submissions", files=files, data={"kind": "precheck"})
            assert answer.status_code == 202, answer.text

    await asyncio.gather(*(precheck(number) for number in range(PRECHECKS)))
    yield


@asynccontextmanager
async def nested_zips(service: Running) -> AsyncIterator[None]:
    """All at once, three seconds after the beginning, and again ten seconds after each answer."""
    body = zip_of_zips()
    statuses: Counter[int] = Counter()

    async def upload(number: int) -> None:
        request = upload_of(body, service.tokens[STUDENTS + number])
        await asyncio.sleep(3)
        while True:
            statuses[await send(service, request)] += 1
            await asyncio.sleep(10)

    async with cancelled_at_the_end([upload(number) for number in range(ZIPS)]):
        yield
    print(f"answers to zips of {len(body)} bytes: {dict(statuses)}")


def upload_of(body: bytes, token: str) -> bytes:
    """Return a request that submits a zip."""
    head = b'--x\r\nContent-Disposition: form-data; name="files"; filename="all.zip"\r\n\r\n'
    form = head + body + b"\r\n--x--\r\n"
    lines = (
        f"POST {COURSE}/submissions HTTP/1.1",
        "Host: x",
        "Connection: close",
        "Content-Type: multipart/form-data; boundary=x",
        f"Content-Length: {len(form)}",
        f"Authorization: Bearer {token}",
    )
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + form


async def send(service: Running, request: bytes) -> int:
    """Send a request over a connection of its own, without the time that httpx takes, and return the status."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(service.url.rpartition(":")[2]))
    try:
        writer.write(request)
        await writer.drain()
        status = await reader.readline()
        return int(status.split()[1])
    finally:
        writer.close()


def zip_of_zips() -> bytes:
    """Return a zip of zips with many names that are not kept."""
    inner = zipped({f"__MACOSX/{number}": b"" for number in range(ZIPPED_NAMES // 100)})
    return zipped({f"{number}.zip": inner for number in range(100)})


@asynccontextmanager
async def regrade(service: Running) -> AsyncIterator[None]:
    """Of all submissions, each with other files, so that each is graded."""
    async with client_of(service, -1) as client:

        async def start() -> None:
            await asyncio.sleep(SECONDS / 10)
            started = time.monotonic()
            answer = await client.post(f"{COURSE}/regrades", json={"which": "all"})
            assert answer.status_code == 202, answer.text
            print(f"regrade: {time.monotonic() - started:.1f} s, then {answer.json()}")
            answer = await client.get(f"/api/v1/regrades/{answer.json()['id']}")
            print(f"regrade: its changes after {time.monotonic() - started:.1f} s, {answer.json()['progress']}")

        starting = asyncio.create_task(start())
        yield
        await starting


@asynccontextmanager
async def hanging_logins(service: Running) -> AsyncIterator[None]:
    """Each begins again when it was refused."""
    statuses: Counter[int] = Counter()

    async def login() -> None:
        while True:
            statuses[await send(service, b"GET /login/oidc HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")] += 1
            await asyncio.sleep(1)

    async with cancelled_at_the_end([login() for _ in range(LOGINS)]):
        yield
    print(f"answers to logins: {dict(statuses)}")


@contextmanager
def silent_provider() -> Iterator[str]:
    """Yield the address of a login provider that accepts connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as silent:
        yield f"http://127.0.0.1:{silent.getsockname()[1]}"


@asynccontextmanager
async def cancelled_at_the_end(clients: list[Coroutine[None, None, None]]) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(client) for client in clients]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task


if __name__ == "__main__":
    main()
