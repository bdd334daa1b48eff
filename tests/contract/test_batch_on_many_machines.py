"""A batch on a service's queue: whoever is killed, the gradebook is what it would have been."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from grader.cli import batch as command
from grader.store import gradings, submissions
from grader.store.records import Kind, Page, State
from tests import classes
from tests.running import SLOW, WAIT_SECONDS, Running, running, seeded

pytestmark = pytest.mark.long

LEASE_SECONDS = 2.0
SECRET = "the same everywhere"


@contextmanager
def workers(folder: Path, url: str, count: int) -> Iterator[list[Running]]:
    settings = {
        "GRADER_DATABASE_URL": url,
        "GRADER_WORKERS": "1",
        "GRADER_LEASE_SECONDS": str(LEASE_SECONDS),
        "GRADER_SECRET": SECRET,
    }
    with running(folder, students=0, **settings) as service:
        found = [service.worker() for _ in range(count)]
        try:
            for worker in found:
                worker.launch()
            yield found
        finally:
            for worker in found:
                worker.end()


def a_class(folder: Path, students: int) -> Path:
    for n in range(students):
        source = SLOW if n % 3 else SLOW.replace("return -a", "return a")
        classes.laid_out(folder / f"s{n}", {"mlp.py": f"{source}# {n // 2 * 2}\n".encode()})
    classes.laid_out(folder / "empty", {"mlp.py": b""})
    return folder


def begin(worker: Running, class_: Path, out: Path, url: str, *more: str) -> subprocess.Popen[bytes]:
    heard = ["env", "--default-signal=INT"]  # also where these tests run in a shell's background
    command = [
        *heard,
        Path(sys.executable).with_name("grader"),
        "batch",
        class_,
        "-a",
        "toy",
        "-o",
        out,
        "--database",
        url,
        *more,
    ]
    with (worker.home / "log").open("ab") as log:
        return subprocess.Popen(
            command, env=worker.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )


def gradebooks(out: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted(out.glob("*.csv"))}


def until(worker: Running, least: int) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    with closing(worker.open_store()) as store:
        while len(classes.graded_of(store)) < least:
            assert time.monotonic() < deadline, worker.log()[-3000:]
            time.sleep(0.05)


def states_of(worker: Running) -> list[list[State]]:
    """Of each submission of the batch, the states of its gradings."""
    with closing(worker.open_store()) as store, store.read() as tx:
        found = submissions.of_offering(tx, "batch", ["toy"], kind=Kind.SUBMISSION, page=Page(1_000))
        return [[g.state for g in gradings.of_submission(tx, s.id)] for s in found]


@pytest.mark.parametrize(("count", "students", "kills"), [(1, 10, 1), pytest.param(3, 90, 12, marks=pytest.mark.proof)])
def test_after_any_kill_the_gradebook_equals_that_of_an_undisturbed_batch(
    count: int, students: int, kills: int, tmp_path: Path, migrated_postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    choice = seeded()
    class_, out = a_class(tmp_path / "class", students), tmp_path / "out"
    with workers(tmp_path, migrated_postgres_url, count) as grading:
        batch = begin(grading[0], class_, out, migrated_postgres_url)
        for kill in range(kills):
            until(grading[0], kill + 1)
            time.sleep(choice.uniform(0.0, 0.3))
            choice.choice(grading).send(signal.SIGKILL)
            batch.send_signal(signal.SIGKILL)
            batch.wait(WAIT_SECONDS)
            for worker in grading:
                worker.relaunch()
            batch = begin(grading[0], class_, out, migrated_postgres_url)
        assert batch.wait(WAIT_SECONDS) == 0, grading[0].log()[-3000:]
        states = states_of(grading[0])
    different = {file.read_bytes() for file in class_.glob("*/mlp.py")}
    assert states == [[State.GRADED]] * len(different - {b""}), "each is queued and graded once"
    monkeypatch.setenv("GRADER_SECRET", SECRET)
    alone = [str(class_), "-o", str(tmp_path / "alone"), "-a", str(tmp_path / "assignments" / "toy")]
    assert command.app(alone, standalone_mode=False) == 0
    assert gradebooks(out) == gradebooks(tmp_path / "alone")


def test_a_batch_without_a_compatible_worker_says_why_it_waits(tmp_path: Path, migrated_postgres_url: str) -> None:
    class_ = a_class(tmp_path / "class", 1)
    with running(tmp_path, students=0) as nobody:
        batch = begin(nobody, class_, tmp_path / "out", migrated_postgres_url)
        deadline = time.monotonic() + WAIT_SECONDS
        while "no live worker has the compatibility key grader" not in nobody.log() and time.monotonic() < deadline:
            time.sleep(0.1)
        batch.send_signal(signal.SIGINT)
        assert batch.wait(WAIT_SECONDS) == 130
    assert "no live worker has the compatibility key grader" in nobody.log()
