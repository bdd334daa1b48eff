"""What befalls a service in operation: a full disk, a database that goes away, settings that are wrong. Real ones."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.conftest import TOY_SOLUTION, Command
from tests.postgres import Cluster
from tests.running import SLOW, VERIFY, WAIT_SECONDS, Running, free_port, running, until_final

pytestmark = pytest.mark.long

IN_ITS_OWN = ("unshare", "--mount") if os.geteuid() == 0 else ("unshare", "-Um", "--map-current-user", "--keep-caps")
SMALL_DISK = (
    *IN_ITS_OWN,
    "sh",
    "-euc",
    'mount -t tmpfs -o size=8m tmpfs "$DISK"; cp "$GRADER_HOME/grader.db" "$DISK"; GRADER_HOME="$DISK"; exec "$@"',
    "sh",
    *(() if os.geteuid() == 0 else ("setpriv", "--ambient-caps=-all", "--inh-caps=-all")),  # bubblewrap wants none
)
"""Starts a command whose GRADER_HOME is a file system of its own, which nobody else sees and which ends with it."""


class Student:
    def __init__(self, service: Running) -> None:
        self._service = service
        self._client = httpx.Client(headers={"Authorization": f"Bearer {service.tokens[0]}"}, timeout=60)

    def hand_in(self, source: str, **headers: str) -> httpx.Response:
        return self._client.post(
            f"{self._service.url}/api/v1/courses/ml/assignments/toy/submissions",
            files={"files": ("mlp.py", source.encode())},
            headers=headers,
        )

    def get(self, path: str, timeout: float = 60) -> httpx.Response:
        return self._client.get(f"{self._service.url}{path}", timeout=timeout)

    def kept(self) -> set[str]:
        return {row["id"] for row in self.get("/api/v1/courses/ml/assignments/toy/submissions").json()}

    def graded(self, receipt: httpx.Response) -> str:
        """The state in which it ends."""
        assert receipt.status_code == 202, receipt.text
        return until_final(self._client, f"{self._service.url}{receipt.headers['location']}")

    def close(self) -> None:
        self._client.close()


def says_when_to_come_back(refused: httpx.Response) -> str:
    """Why it was refused."""
    problem = refused.json()
    assert (refused.status_code, problem["type"]) == (503, "/problems/unavailable")
    assert int(refused.headers["retry-after"]) > 0
    return str(problem["detail"])


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """`grader serve`, whose folder is a disk of 8 MiB."""
    folder = tmp_path_factory.mktemp("service")
    disk = folder / "disk"
    disk.mkdir()
    with running(folder, students=1, GRADER_WORKERS="1", DISK=str(disk)) as service:
        service.within = SMALL_DISK
        service.start()
        yield service


@pytest.fixture
def student(service: Running) -> Iterator[Student]:
    student = Student(service)
    yield student
    student.close()


def disk_of(service: Running) -> Path:
    """As the service itself sees it."""
    assert service.process is not None
    return Path(f"/proc/{service.process.pid}/root{service.environment['DISK']}")


def write_for_ever(file: Path) -> None:
    with file.open("wb", buffering=0) as filler:
        while True:
            filler.write(b"\0" * 4096)


@contextmanager
def full(disk: Path) -> Iterator[None]:
    filler = disk / "filler"
    with pytest.raises(OSError, match="No space left"):
        write_for_ever(filler)
    try:
        yield
    finally:
        filler.unlink()


@contextmanager
def away(database: Path) -> Iterator[None]:
    hidden = database.with_name("away")
    database.rename(hidden)
    try:
        yield
    finally:
        hidden.rename(database)


def test_a_full_disk_takes_nothing_half_and_what_was_taken_is_graded_when_there_is_room(
    service: Running, student: Student
) -> None:
    before = student.hand_in(SLOW)
    with full(disk_of(service)):
        refused = student.hand_in(f"{TOY_SOLUTION}# {os.urandom(100_000).hex()}")
        unready, kept = student.get("/readyz"), student.kept()
    after = student.hand_in(f"{TOY_SOLUTION}# there is room again")
    assert "try again in a moment" in says_when_to_come_back(refused)
    assert (unready.status_code, unready.json()["parts"]["database"]["ok"]) == (503, False)
    assert kept == {before.json()["submission"]}
    assert (student.graded(before), student.graded(after)) == ("graded", "graded")
    assert len(student.kept()) == len(kept) + 1


def test_a_database_file_that_goes_away_is_missed_and_used_again_when_it_is_back(
    service: Running, student: Student
) -> None:
    file = disk_of(service) / "grader.db"
    with away(file):
        refused = student.hand_in(f"{TOY_SOLUTION}# nobody takes this")
        assert not file.exists(), "no empty database takes its place"
        assert student.get("/healthz").status_code == 200
    says_when_to_come_back(refused)
    assert student.graded(student.hand_in(f"{TOY_SOLUTION}# it is back")) == "graded"
    assert student.get("/readyz").status_code == 200


def test_logs_tell_of_a_request_and_its_submission_to_its_grading(service: Running, student: Student) -> None:
    receipt = student.hand_in(f"{TOY_SOLUTION}# to be found in the log", **{"X-Request-Id": "from-the-proxy-1"})
    submission = receipt.json()["submission"]
    assert student.graded(receipt) == "graded"
    lines = [json.loads(line) for line in service.log().splitlines() if line.startswith("{")]
    mine = [line for line in lines if line.get("submission") == submission]
    assert [(line["event"], line.get("request")) for line in mine] == [
        ("submitted", "from-the-proxy-1"),
        ("graded", None),
    ]
    assert [line["status"] for line in lines if line.get("request") == "from-the-proxy-1" and "status" in line] == [202]


def test_addresses_that_a_client_on_this_machine_claims_do_not_pass_by_the_limit_of_logins(service: Running) -> None:
    guesses = []
    for number in range(21):
        claimed = {"X-Forwarded-For": f"203.0.113.{number}"}
        guess = httpx.post(f"{service.url}/login", data={"token": "guess"}, headers=claimed, timeout=60, verify=VERIFY)
        guesses.append(guess.status_code)
    assert guesses == [403] * 20 + [429]


def test_without_its_postgresql_an_api_process_says_when_to_come_back_and_recovers(
    tmp_path: Path, postgres: Cluster, postgres_url: str
) -> None:
    with running(tmp_path, students=1, GRADER_DATABASE_URL=postgres_url) as door:
        door.start()
        student = Student(door)
        assert student.hand_in(TOY_SOLUTION).status_code == 202
        with postgres.gone():
            says_when_to_come_back(student.hand_in(TOY_SOLUTION))
            assert student.get("/healthz").status_code == 200
            assert student.get("/readyz").json()["parts"]["database"]["ok"] is False
        assert student.hand_in(TOY_SOLUTION).status_code == 202
        ready = student.get("/readyz")
        student.close()
        assert door.send(signal.SIGTERM) == 0
    assert (ready.status_code, ready.json()["ok"]) == (200, True)
    assert "no worker is alive" in ready.json()["parts"]["workers"]["why"]


@pytest.mark.parametrize("kind", ["door", "worker"])
def test_what_is_started_before_its_postgresql_waits_for_it(
    kind: str, tmp_path: Path, postgres: Cluster, postgres_url: str
) -> None:
    with running(tmp_path, students=1, GRADER_DATABASE_URL=postgres_url, GRADER_WORKERS="1") as door:
        started = door if kind == "door" else door.worker()
        try:
            with postgres.gone():
                started.launch()
                deadline = time.monotonic() + WAIT_SECONDS
                while '"event": "waiting for the database"' not in started.log():
                    assert time.monotonic() < deadline, started.log()
                    assert started.process is not None
                    assert started.process.poll() is None, started.log()
                    time.sleep(0.05)
                if kind == "door":  # another door may be there for its clients
                    with pytest.raises(httpx.ConnectError):
                        httpx.get(f"{door.url}/healthz", timeout=5, verify=VERIFY)
            started.wait()
            assert started.send(signal.SIGTERM) == 0
            assert started.log().count("waiting for the database") <= 3, "it says so once for each reason"
        finally:
            started.end()


@pytest.mark.parametrize("address", ["notify", "@notify"], ids=["file", "abstract"])
def test_systemd_is_told_when_the_service_answers_and_not_before(address: str, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager, running(tmp_path, students=0) as service:
        name = f"{address[:-6]}{tmp_path}/notify"
        manager.bind(name.replace("@", "\0"))
        manager.settimeout(WAIT_SECONDS)
        service.environment = service.environment | {"NOTIFY_SOCKET": name, "GRADER_WORKERS": "1"}
        service.launch()
        assert manager.recv(100) == b"READY=1"
        assert httpx.get(f"{service.url}/healthz", verify=VERIFY).status_code == 200


def test_systemd_is_told_when_a_worker_grades(tmp_path: Path, postgres_url: str) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(f"{tmp_path}/notify")
        manager.settimeout(WAIT_SECONDS)
        settings = {"GRADER_WORKERS": "1", "NOTIFY_SOCKET": f"{tmp_path}/notify"}
        with running(tmp_path, students=0, GRADER_DATABASE_URL=postgres_url, **settings) as door:
            worker = door.worker()
            worker.launch()
            try:
                assert manager.recv(100) == b"READY=1"
                worker.wait()
            finally:
                worker.end()


def test_settings_that_are_wrong_end_it_with_one_sentence(tmp_path: Path, grader: Command) -> None:
    wrong = {"GRADER_HOME": str(tmp_path), "GRADER_WORKERS": "none"}
    done = grader("serve", "--port", str(free_port()), **wrong)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert "GRADER_WORKERS=none" in done.stderr
