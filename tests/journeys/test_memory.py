"""The service's own process needs a bounded amount of memory, whatever slow clients do."""

from __future__ import annotations

import asyncio
import os
import re
import socket
from pathlib import Path

import httpx
import pytest

from grader.bounds import MAX_REQUESTS_AT_ONCE, MAX_SERVICE_BYTES, MAX_UPLOADS_AT_ONCE, MIB
from tests.conftest import TOY_SOLUTION
from tests.running import VERIFY, Running, running

pytestmark = pytest.mark.long

STUDENTS = 20
"""Each has as many slow downloads and uploads as one person may have."""
COMPLETED = 10
"""So many of the uploads are completed, all at once."""
SIZE = 15 * MIB
HELD_BYTES = 400_000
BYTES_A_SECOND = 2_000
SUBMISSIONS = "/api/v1/courses/ml/assignments/toy/submissions"


def test_slow_downloads_and_held_uploads_cost_bounded_memory(tmp_path: Path) -> None:
    with running(tmp_path, STUDENTS) as service:
        service.start()
        idle = peak_bytes(service)
        statuses = asyncio.run(slow_clients(service))
        peak = peak_bytes(service)
    print(f"{idle / MIB:.0f} MiB before, {peak / MIB:.0f} MiB at most; the bound is {MAX_SERVICE_BYTES / MIB:.0f} MiB")
    assert statuses == [202] * COMPLETED
    assert peak <= MAX_SERVICE_BYTES


async def slow_clients(service: Running) -> list[int]:
    """160 downloads of 15 MB that are hardly read, beside 80 uploads of 15 MB that are held before their last bytes.
    Return the statuses of the completed uploads."""
    filling = os.urandom(SIZE)
    files = [submitted(service, token, filling) for token in service.tokens]
    may_end = asyncio.Event()
    async with asyncio.TaskGroup() as clients:
        beginnings = []
        for path, token in zip(files, service.tokens, strict=True):
            for _ in range(MAX_REQUESTS_AT_ONCE):
                beginnings.append(asyncio.Event())
                clients.create_task(download(service, path, token, beginnings[-1], may_end))
        uploads = []
        for number in range(STUDENTS * MAX_UPLOADS_AT_ONCE):
            beginnings.append(asyncio.Event())
            request = upload_request(service.tokens[number % STUDENTS], filling)
            is_completed = number < COMPLETED
            uploads.append(clients.create_task(upload(service, request, beginnings[-1], may_end, is_completed)))
        for beginning in beginnings:
            await beginning.wait()
        may_end.set()
    return [task.result() for task in uploads if task.result()]


def submitted(service: Running, token: str, filling: bytes) -> str:
    """Submit a large file and return the path from which it is downloaded."""
    files = [("files", ("mlp.py", TOY_SOLUTION.encode())), ("files", ("data.npy", filling))]
    headers = {"Authorization": f"Bearer {token}"}
    answer = httpx.post(service.url + SUBMISSIONS, files=files, headers=headers, timeout=120, verify=VERIFY)
    return f"{answer.headers['location']}/files/1"


def upload_request(token: str, filling: bytes) -> bytes:
    files = [("files", ("mlp.py", TOY_SOLUTION.encode())), ("files", ("data.npy", filling))]
    headers = {"Authorization": f"Bearer {token}"}
    request = httpx.Request("POST", f"http://x{SUBMISSIONS}", files=files, headers=headers)
    lines = [f"{name}: {value}" for name, value in request.headers.items()]
    head = "\r\n".join([f"POST {SUBMISSIONS} HTTP/1.1", *lines])
    return head.encode() + b"\r\n\r\n" + request.read()


async def download(service: Running, path: str, token: str, beginning: asyncio.Event, may_end: asyncio.Event) -> None:
    """Read a file slowly."""
    reader, writer = await connected(service)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
    assert (await reader.readline()).split()[1] == b"200"
    while not may_end.is_set():
        assert await reader.read(BYTES_A_SECOND)
        beginning.set()
        await asyncio.sleep(1)
    writer.close()


async def upload(
    service: Running, request: bytes, beginning: asyncio.Event, may_end: asyncio.Event, is_completed: bool
) -> int:
    """Send a request slowly towards its end. Return the status, or 0 if it is not completed."""
    reader, writer = await connected(service)
    writer.write(request[:-HELD_BYTES])
    await writer.drain()
    rest = request[-HELD_BYTES:]
    while not may_end.is_set():
        writer.write(rest[:BYTES_A_SECOND])
        await writer.drain()
        rest = rest[BYTES_A_SECOND:]
        beginning.set()
        await asyncio.sleep(1)
    if not is_completed:
        writer.close()
        return 0
    writer.write(rest)
    status = await reader.readline()
    writer.close()
    return int(status.split()[1])


async def connected(service: Running) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    connection = socket.socket()
    connection.setblocking(False)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    await asyncio.get_running_loop().sock_connect(connection, ("127.0.0.1", int(service.url.rpartition(":")[2])))
    return await asyncio.open_connection(sock=connection, limit=4096)


def peak_bytes(service: Running) -> int:
    """Return the largest resident size of the service's own process so far."""
    assert service.process is not None
    status = Path(f"/proc/{service.process.pid}/status").read_text("ascii")
    (kibibytes,) = re.findall(r"VmHWM:\s*(\d+) kB", status)
    return int(kibibytes) << 10
