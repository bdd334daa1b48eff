"""Submissions are read in separate processes as in this one, whatever one of them does to its process."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import resource
import signal
import time
from collections.abc import Iterator

import pytest

from grader.assignments.catalogue import Assignment
from grader.bounds import MAX_CELLS, MIB
from grader.errors import OurFailure, Refused
from grader.intake import pool as intake_pool
from grader.intake.pool import IntakePool, SubmissionFacts, WantedCode
from grader.intake.receive import receive_all
from tests.classes import zipped
from tests.conftest import MakeNotebook

CODE = [("mlp.py", b"class MLP:\n    pass\n")]
EMPTY_LINES = [(f"{n}.py", b"\n" * (16 * MIB) + b"x = 1") for n in range(3)]
LARGE = [("mlp.py", b"x = 1\n" * (3 * MIB))]


@pytest.fixture(scope="module")
def pool() -> Iterator[IntakePool]:
    pool = IntakePool(2)
    yield pool
    pool.close()


def wanted(task: Assignment) -> WantedCode:
    return WantedCode(task.entry_points, task.files, tuple(task.modules))


def read(pool: IntakePool, ps4: Assignment, files: list[tuple[str, bytes]]) -> SubmissionFacts:
    return asyncio.run(pool.read("ada", files, wanted(ps4)))


def test_it_reads_what_intake_in_this_process_reads(
    pool: IntakePool, ps4: Assignment, make_notebook: MakeNotebook
) -> None:
    without_code = [("ps4.ipynb", make_notebook(("code", "from mlp import MLP")))]
    for files in (CODE, without_code):
        received = receive_all(files, "mlp.py")
        assert read(pool, ps4, files) == SubmissionFacts(received.digest, not ps4.missing(received))
    assert read(pool, ps4, CODE).has_code
    assert not read(pool, ps4, without_code).has_code


def test_reading_costs_the_services_own_process_little(pool: IntakePool, ps4: Assignment) -> None:
    cell = {"cell_type": "markdown", "metadata": {}, "source": "a" * 500}
    notebook = json.dumps({"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": [cell] * MAX_CELLS}).encode()
    files = [("ps4.ipynb", notebook)]
    read(pool, ps4, files)  # starts the processes
    times = []
    for reading in (lambda: read(pool, ps4, files), lambda: receive_all(files, "mlp.py")):
        before = time.process_time()
        for _ in range(10):
            reading()
        times.append(time.process_time() - before)
    there, here = times
    assert there < here / 2


def test_small_files_do_not_wait_behind_zips(pool: IntakePool, ps4: Assignment) -> None:
    zips = [("all.zip", zipped({f"{number}.txt": b"" for number in range(5_000)}))]
    ended = []

    async def read_one(person: str, files: list[tuple[str, bytes]]) -> None:
        with contextlib.suppress(Refused):
            await pool.read(person, files, wanted(ps4))
        ended.append(person)

    async def read_all() -> None:
        people = {f"{number}": zips for number in range(20)} | {"ada": CODE}
        await asyncio.gather(*(read_one(*upload) for upload in people.items()))

    asyncio.run(read_all())
    assert ended.index("ada") < 10


def test_what_is_refused_is_refused_with_the_same_words(pool: IntakePool, ps4: Assignment) -> None:
    files = [("homework.ipynb", b"{}")]
    with pytest.raises(Refused) as here:
        receive_all(files, "mlp.py")
    with pytest.raises(Refused) as there:
        read(pool, ps4, files)
    assert str(there.value) == str(here.value)


def test_a_process_that_is_killed_costs_no_submission(pool: IntakePool, ps4: Assignment) -> None:
    before = read(pool, ps4, CODE)
    pool.start()
    for pid in pool.pids:
        os.kill(pid, signal.SIGKILL)
    assert read(pool, ps4, CODE) == before


@pytest.mark.parametrize("limits", [{"cpu_seconds": 1}, {"memory_bytes": 24 * MIB}])
def test_a_submission_that_takes_too_much_is_refused_and_the_next_one_is_read(
    ps4: Assignment, limits: dict[str, int]
) -> None:
    pool = IntakePool(1, **limits)
    try:
        pool.start()
        before = pool.pids
        with pytest.raises(Refused, match="too much time or memory to read: submit"):
            read(pool, ps4, EMPTY_LINES)
        assert read(pool, ps4, CODE).has_code
        assert pool.pids != before  # what is left of it in memory may refuse nobody else
    finally:
        pool.close()


def test_what_one_submission_has_used_is_not_charged_to_the_next_one(pool: IntakePool, ps4: Assignment) -> None:
    assert read(pool, ps4, CODE).has_code
    limits = [resource.prlimit(pid, resource.RLIMIT_CPU) for pid in pool.pids]
    assert limits == [resource.getrlimit(resource.RLIMIT_CPU)] * len(limits)


@pytest.mark.parametrize("files", [CODE, LARGE])
def test_a_process_that_is_stopped_is_replaced(
    ps4: Assignment, monkeypatch: pytest.MonkeyPatch, files: list[tuple[str, bytes]]
) -> None:
    """It does not even read what is larger than the socket's buffer."""
    monkeypatch.setattr(intake_pool, "INTAKE_SECONDS", 3)
    pool = IntakePool(1)
    try:
        pool.start()
        os.kill(pool.pids[0], signal.SIGSTOP)
        with pytest.raises(OurFailure, match="could not be read in time"):
            read(pool, ps4, files)
        assert read(pool, ps4, CODE).has_code
    finally:
        pool.close()


def test_who_submits_much_waits_for_themselves_and_not_others_for_them(pool: IntakePool, ps4: Assignment) -> None:
    done: list[str] = []

    async def hand_in(person: str, files: list[tuple[str, bytes]]) -> None:
        await pool.read(person, files, wanted(ps4))
        done.append(person)

    async def all_() -> None:
        much = [asyncio.create_task(hand_in("ada", LARGE)) for _ in range(4)]
        await asyncio.sleep(0)
        await asyncio.gather(hand_in("bob", CODE), *much)

    asyncio.run(all_())
    assert sorted(done) == ["ada"] * 4 + ["bob"]
    assert done.index("bob") < 2
