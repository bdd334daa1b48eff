"""A thousand clients that connect and ask nothing, at the real command with the usual limit of open files."""

from __future__ import annotations

import resource
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest

from tests.conftest import TOY_SOLUTION
from tests.running import VERIFY, Running, running

pytestmark = pytest.mark.long

IDLE = 1100


@contextmanager
def descriptors(wanted: int) -> Iterator[None]:
    """For the test's own end of the connections."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(before[0], wanted), before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def hand_in(service: Running) -> int:
    return httpx.post(
        f"{service.url}/api/v1/courses/ml/assignments/toy/submissions",
        files={"files": ("mlp.py", TOY_SOLUTION.encode())},
        headers={"Authorization": f"Bearer {service.tokens[0]}"},
        timeout=60,
        verify=VERIFY,
    ).status_code


@pytest.mark.parametrize("limits", ["1024:4096", "1024:1024"])
def test_health_is_answered_and_work_taken_while_a_thousand_idle_connections_are_open(
    tmp_path: Path, limits: str
) -> None:
    """With a hard limit of 1,024 there is no room for all: those that wait longest are closed."""
    with running(tmp_path, 1, GRADER_WORKERS="1") as service, descriptors(IDLE + 200), ExitStack() as open_:
        service.within = ("prlimit", f"--nofile={limits}")
        service.start()
        address = ("127.0.0.1", int(service.url.rpartition(":")[2]))
        for _ in range(IDLE):
            open_.enter_context(socket.create_connection(address, timeout=60))
        statuses = [httpx.get(f"{service.url}/healthz", timeout=60, verify=VERIFY).status_code for _ in range(20)]
        assert statuses == [200] * 20
        assert hand_in(service) == 202
        lines = service.log().splitlines()
        assert len([line for line in lines if "system resource" in line or "Traceback" in line]) == 0
        assert len(lines) < 100
