"""No upload costs the process that answers everybody much more than a plain one does, from its first byte until it is
refused or graded."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from grader.bounds import MAX_CELLS, MAX_FILES, MAX_UPLOAD_BYTES, MIB
from grader.store import gradings, queue
from tests.classes import zipped
from tests.conftest import TOY_SOLUTION
from tests.running import VERIFY, Running, running

pytestmark = pytest.mark.long

MOST_TIMES = 20
PLAIN = 5
"""So many make one measurement: the kernel counts CPU time in hundredths of a second."""

Files = list[tuple[str, bytes]]
CODE = ("mlp.py", TOY_SOLUTION.encode())


def notebook(cells: int) -> bytes:
    cell = {"cell_type": "markdown", "metadata": {}, "source": "a"}
    return json.dumps({"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": [cell] * cells}).encode()


EXPENSIVE: dict[str, tuple[int, Callable[[], Files]]] = {
    "250 notebooks": (422, lambda: [("a.zip", zipped({f"{n}.ipynb": notebook(MAX_CELLS) for n in range(250)}))]),
    "as many cells as there may be": (202, lambda: [("a.ipynb", notebook(MAX_CELLS))]),
    "100,000 cells": (422, lambda: [("a.ipynb", notebook(100_000))]),
    "many lines": (202, lambda: [("mlp.py", CODE[1] + b"\n" * (15 * MIB))]),
    "many files": (202, lambda: [CODE, *((f"{n}.txt", b"x") for n in range(MAX_FILES - 1))]),
    "many bytes": (202, lambda: [CODE, *((f"{n}.npy", os.urandom((MAX_UPLOAD_BYTES - MIB) // 2)) for n in range(2))]),
    "line ends, which part multipart": (202, lambda: [CODE, ("a.npy", b"\r\n-" * (5 * MIB))]),
}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("service"), 1, GRADER_WORKERS="1", GRADER_RATE_LIMIT_UPLOADS="") as service:
        service.start()
        yield service


def cpu_seconds(service: Running) -> float:
    assert service.process is not None
    fields = Path(f"/proc/{service.process.pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def cost(service: Running, files: Files, status: int = 202) -> float:
    """CPU seconds. As a pre-check, so that its grading is soon over; each has code that was not graded before."""
    before = cpu_seconds(service)
    name, code = files[0]
    answer = httpx.post(
        f"{service.url}/api/v1/courses/ml/assignments/toy/submissions",
        files=[("files", (name, code + f"# {before}".encode() if name == "mlp.py" else code))]
        + [("files", file) for file in files[1:]],
        data={"kind": "precheck"},
        headers={"Authorization": f"Bearer {service.tokens[0]}"},
        timeout=120,
        verify=VERIFY,
    )
    assert answer.status_code == status, answer.text
    store = service.open_store()
    try:
        while True:
            with store.read() as tx:
                if not queue.waiting(tx) and not gradings.running(tx):
                    return cpu_seconds(service) - before
            time.sleep(0.05)
    finally:
        store.close()


@pytest.fixture(scope="module")
def plain(service: Running) -> float:
    cost(service, [CODE])  # the first one imports things
    return sum(cost(service, [CODE]) for _ in range(PLAIN)) / PLAIN


@pytest.mark.parametrize("name", EXPENSIVE)
def test_no_upload_costs_more_than_twenty_plain_ones(service: Running, plain: float, name: str) -> None:
    status, make = EXPENSIVE[name]
    times = cost(service, make(), status) / plain
    print(f"{name}: {times:.1f} times a plain upload ({plain * 1000:.0f} ms of CPU)")
    assert times <= MOST_TIMES
