"""Accepting submissions while clients misuse the service, on one machine.

    python -m tests.benchmarks.attacks

In each phase 50 students watch their gradings, 200 submissions come within a minute, and /healthz is asked meanwhile:
alone, beside 500 clients that do not read what they have asked for, beside 500 uploads that come a byte a second, and
beside 500 streams that one person opens. Wanted: no error, and a p99 of accepting of at most 4 times the median of
/healthz in the same minute. Clients run on the same machine, so that what they use is in the figures; those that
misuse the service run in a process of their own, so that the others need not wait for them.

An accepted submission is on the disk, so a synced write beside the service tells what the disk alone costs. With
TMPDIR=/dev/shm there is no disk, and the figures are the service's own.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import multiprocessing
import os
import random
import resource
import socket
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path

import httpx

from tests.conftest import TOY_SOLUTION
from tests.running import VERIFY, WAIT_SECONDS, Running, running

STUDENTS = 200
SECONDS = 60.0
STREAMS = 50
MISUSING = 500
ATTACKER = STUDENTS
"""The last of the students misuses the service, and hands in nothing."""
TIMES = 4
READS_NOTHING_SECONDS = 30
"""The service drops the connection before."""
COURSE = "/api/v1/courses/ml/assignments/toy/submissions"

Client = Callable[[Counter[str]], Awaitable[None]]
"""What one client does, once. It counts what it sees."""
Misuse = Callable[[Running], Awaitable[Client]]
"""Prepares the misuse of a service, and returns the client."""


def main() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    print(f"load before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    phases: dict[str, Misuse | None] = {
        "nothing else": None,
        f"{MISUSING} slow readers": slow_readers,
        f"{MISUSING} slow uploads": slow_uploads,
        f"{MISUSING} streams of one person": streams_of_one,
    }
    with tempfile.TemporaryDirectory() as folder, running(Path(folder), STUDENTS + 1) as service:
        service.start()
        asyncio.run(phase(service, "warm-up"))
        gc.freeze()
        gc.disable()  # a collection here would be taken for a slow service
        for name, misuse in phases.items():
            with misused(service, misuse) as found:
                counts = asyncio.run(phase(service, name))
            show(name, *counts, found)


async def phase(service: Running, name: str) -> tuple[Counter[int], list[float], list[float], list[float]]:
    """Return the statuses of all requests, and the seconds of accepting, of /healthz, and of synced writes."""
    statuses: Counter[int] = Counter()
    accepting: list[float] = []
    healthy: list[float] = []
    synced: list[float] = []
    moments = random.Random(name)
    async with asyncio.TaskGroup() as group:
        ending = asyncio.Event()
        asking = group.create_task(health(service, healthy, statuses, ending))
        writing = group.create_task(asyncio.to_thread(sync, service.home / "synced", synced, ending))
        students = [
            group.create_task(
                student(service, name, n, moments.uniform(0, SECONDS), accepting, statuses, watches=n < STREAMS)
            )
            for n in range(STUDENTS)
        ]
        await asyncio.wait(students)
        ending.set()
        await asyncio.wait([asking, writing])
    return statuses, accepting, healthy, synced


def show(
    name: str,
    statuses: Counter[int],
    accepting: list[float],
    healthy: list[float],
    synced: list[float],
    found: Counter[str],
) -> None:
    p99, p99_of_health, p99_of_sync = (statistics.quantiles(of, n=100)[98] for of in (accepting, healthy, synced))
    median = statistics.median(healthy)
    errors = sum(count for status, count in statuses.items() if status not in (200, 202))
    print(
        f"{name}: {errors} errors in {sum(statuses.values())} requests; clients that misuse it: {dict(found) or 'none'}"
    )
    print(
        f"  accepting: median {1000 * statistics.median(accepting):.0f} ms, p99 {1000 * p99:.0f} ms; "
        f"/healthz: median {1000 * median:.1f} ms, p99 {1000 * p99_of_health:.0f} ms; "
        f"a synced write: median {1000 * statistics.median(synced):.1f} ms, p99 {1000 * p99_of_sync:.0f} ms"
    )
    print(f"  load: {os.getloadavg()[0]:.1f}; p99 of /healthz is {p99_of_health / median:.1f} times its own median")
    kept = "as wanted" if p99 <= TIMES * median else f"more than the {TIMES} that are wanted"
    print(f"  p99 of accepting is {p99 / median:.1f} times the median of /healthz: {kept}")


async def student(
    service: Running,
    phase: str,
    number: int,
    moment: float,
    accepting: list[float],
    statuses: Counter[int],
    *,
    watches: bool,
) -> None:
    headers = {"Authorization": f"Bearer {service.tokens[number]}"}
    async with httpx.AsyncClient(base_url=service.url, headers=headers, timeout=60, verify=VERIFY) as client:
        await asyncio.sleep(moment)
        started = time.monotonic()
        source = f"{TOY_SOLUTION}# {phase} {number}\n".encode()
        answer = await client.post(COURSE, files={"files": ("mlp.py", source)})
        accepting.append(time.monotonic() - started)
        statuses[answer.status_code] += 1
        if watches and answer.status_code == 202:
            async with client.stream("GET", f"{answer.headers['location']}/events") as events:
                statuses[events.status_code] += 1
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(WAIT_SECONDS):
                        async for _ in events.aiter_lines():
                            pass


async def health(service: Running, healthy: list[float], statuses: Counter[int], ending: asyncio.Event) -> None:
    """Each time over a new connection, as accepting is measured."""
    while not ending.is_set():
        started = time.monotonic()
        async with httpx.AsyncClient(timeout=60, verify=VERIFY) as client:
            answer = await client.get(f"{service.url}/healthz")
        healthy.append(time.monotonic() - started)
        statuses[answer.status_code] += 1
        await asyncio.sleep(0.1)


def sync(file: Path, synced: list[float], ending: asyncio.Event) -> None:
    """Append a page to a file and bring it to the disk, again and again."""
    with file.open("ab", buffering=0) as opened:
        while not ending.is_set():
            started = time.monotonic()
            opened.write(bytes(4096))
            os.fsync(opened.fileno())
            synced.append(time.monotonic() - started)
            time.sleep(0.1)


# ── misuse ───────────────────────────────────────────────────────────────────────────────────────────


async def slow_readers(service: Running) -> Client:
    """They ask for a file of 3 MB that one of them has handed in, and read nothing of it."""
    headers = {"Authorization": f"Bearer {service.tokens[ATTACKER]}"}
    async with httpx.AsyncClient(base_url=service.url, headers=headers, timeout=60, verify=VERIFY) as client:
        files = [("files", ("mlp.py", TOY_SOLUTION.encode())), ("files", ("data.npy", os.urandom(3_000_000)))]
        answer = await client.post(COURSE, files=files)
        answer.raise_for_status()
    asked = (
        f"GET {answer.headers['location']}/files/1 HTTP/1.1\r\nHost: x\r\n"
        f"Authorization: {headers['Authorization']}\r\n\r\n"
    ).encode()

    async def misuse(found: Counter[str]) -> None:
        with socket.socket() as connection:
            connection.setblocking(False)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            loop = asyncio.get_running_loop()
            await loop.sock_connect(connection, ("127.0.0.1", port(service)))
            found["opened"] += 1
            await loop.sock_sendall(connection, asked)
            await asyncio.sleep(READS_NOTHING_SECONDS)

    return misuse


async def slow_uploads(service: Running) -> Client:
    """Each of them of another student, so that no limit of one person's is met."""

    async def misuse(found: Counter[str]) -> None:
        number = found["opened"] % STUDENTS
        found["opened"] += 1
        reader, writer = await connected(service)
        try:
            writer.write(
                f"POST {COURSE} HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=x\r\n"
                f"Content-Length: 100000\r\nAuthorization: Bearer {service.tokens[number]}\r\n\r\n--x".encode()
            )
            answer = asyncio.create_task(reader.readline())
            while not answer.done():
                writer.write(b"-")
                await asyncio.wait([answer], timeout=1)
            found[answer.result().decode().partition(" ")[2].strip() or "closed"] += 1
        except ConnectionError:
            found["closed"] += 1
        finally:
            writer.close()

    return misuse


async def streams_of_one(service: Running) -> Client:
    """Of one grading, opened again at once where they are refused."""
    headers = {"Authorization": f"Bearer {service.tokens[ATTACKER]}"}
    async with httpx.AsyncClient(base_url=service.url, headers=headers, timeout=60, verify=VERIFY) as client:
        answer = await client.post(COURSE, files={"files": ("mlp.py", b"class Sums:\n    while True:\n        pass\n")})
        answer.raise_for_status()
        head = (
            f"GET {answer.headers['location']}/events HTTP/1.1\r\nHost: x\r\n"
            f"Authorization: {headers['Authorization']}\r\n\r\n"
        ).encode()

    async def misuse(found: Counter[str]) -> None:
        reader, writer = await connected(service)
        try:
            writer.write(head)
            found[(await reader.readline()).decode().partition(" ")[2].strip() or "closed"] += 1
            while await reader.read(65536):
                pass
        except ConnectionError:
            found["closed"] += 1
        finally:
            writer.close()

    return misuse


async def connected(service: Running) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", port(service))


def port(service: Running) -> int:
    return int(service.url.rpartition(":")[2])


@contextmanager
def misused(service: Running, misuse: Misuse | None) -> Iterator[Counter[str]]:
    """Misuse the service until the block ends, and then tell what the clients saw."""
    found: Counter[str] = Counter()
    if misuse is None:
        yield found
        return
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    clients = context.Process(target=run_clients, args=(replace(service, process=None), misuse, theirs), daemon=True)
    clients.start()
    ours.recv()
    try:
        yield found
    finally:
        ours.send("end")
        found.update(ours.recv())
        clients.join()


def run_clients(service: Running, misuse: Misuse, channel: Connection) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    asyncio.run(many(service, misuse, channel))


async def many(service: Running, misuse: Misuse, channel: Connection) -> None:
    """`MISUSING` clients at a time; one that has ended begins again after a second."""
    found: Counter[str] = Counter()
    client = await misuse(service)

    async def again() -> None:
        while True:
            with contextlib.suppress(OSError):
                await client(found)
            await asyncio.sleep(1)

    clients = [asyncio.create_task(again()) for _ in range(MISUSING)]
    await asyncio.sleep(2)
    channel.send("begun")
    await asyncio.to_thread(channel.recv)
    channel.send(found)
    for one in clients:
        one.cancel()
    await asyncio.gather(*clients, return_exceptions=True)


if __name__ == "__main__":
    main()
