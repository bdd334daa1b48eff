"""A real service for tests: its own process, its own folder, real grading processes; it can be killed at any moment."""

from __future__ import annotations

import contextlib
import math
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx

from grader.errors import StoreUnavailable
from grader.model import Points
from grader.store import offerings, people, submissions, workers
from grader.store.database import Store, now
from grader.store.queue import StoreQueue
from grader.store.records import Course, Kind, Offering, Priority, Role, State, TokenKind
from grader.store.tables import gradings
from tests.conftest import TOY_SOLUTION, without_settings, write_toy

GRADER = Path(sys.executable).with_name("grader")
WAIT_SECONDS = 120.0
"""For what takes a second or two; a loaded machine is no bug."""

VERIFY = False
"""Reading the system's, for a connection that has no use for them, takes ten times as long as asking."""

SLOW = TOY_SOLUTION.replace("return a + b", "n = sum(range(1_000_000)); return a + b")
"""Right, and long enough in grading for a kill to hit it."""


@dataclass
class Running:
    """`grader serve` on a folder of its own. Students s0, s1, … have the tokens in `tokens`.

    Of a service on many machines it is one door; `another` gives more, and `worker` those who grade."""

    home: Path
    assignments: Path
    url: str
    environment: dict[str, str]
    database: str
    tokens: list[str] = field(default_factory=list)
    within: tuple[str, ...] = ()
    """The command that starts it, where something has to be done before; it must `exec`."""
    options: tuple[str, ...] = ()
    """Of `grader serve`."""
    process: subprocess.Popen[bytes] | None = None

    def another(self) -> Running:
        return replace(self, url=f"http://127.0.0.1:{free_port()}", process=None)

    def worker(self) -> Running:
        return RunningWorker(self.home, self.assignments, "", self.environment, self.database, self.tokens)

    def start(self) -> None:
        """Returns when it answers."""
        self.launch()
        self.wait()

    def launch(self) -> None:
        with (self.home / "log").open("ab") as log:
            self.process = subprocess.Popen(
                # where the tests are killed, the kernel kills it too
                ["setpriv", "--pdeathsig=KILL", *self.within, str(GRADER), *self._arguments()],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def relaunch(self) -> None:
        """Where it has ended, as a supervisor does."""
        if self.process is not None and self.process.poll() is not None:
            self.launch()

    def wait(self) -> None:
        """Until it answers."""
        assert self.process is not None
        deadline = time.monotonic() + WAIT_SECONDS
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"it did not start: {self._arguments()}\n{self.log()[-3000:]}")
            time.sleep(0.05)

    def _arguments(self) -> list[str]:
        return ["serve", "--port", self.url.rpartition(":")[2], *self.options]

    def _answers(self) -> bool:
        with contextlib.suppress(httpx.HTTPError):
            return httpx.get(f"{self.url}/healthz", verify=VERIFY).status_code == 200
        return False

    def log(self) -> str:
        return (self.home / "log").read_text("utf-8")

    def send(self, number: signal.Signals) -> int:
        """To the service's own process alone; returns its exit code."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(WAIT_SECONDS)

    @contextlib.contextmanager
    def stopped(self) -> Iterator[None]:
        """Its own process does nothing meanwhile, and does not know."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)

    def end(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.send(signal.SIGKILL)

    def open_store(self) -> Store:
        return Store(self.database)


class RunningWorker(Running):
    """`grader worker` for a service on many machines."""

    def _arguments(self) -> list[str]:
        return ["worker"]

    def _answers(self) -> bool:
        """Those who read the table of workers know it."""
        assert self.process is not None
        store = self.open_store()
        try:
            with store.read() as tx:
                return any(worker.name.endswith(f":{self.process.pid}") for worker in workers.live(tx))
        except StoreUnavailable:
            return False
        finally:
            store.close()


@contextlib.contextmanager
def running(folder: Path, students: int, logins: str = "s{}", **settings: str) -> Iterator[Running]:
    """Not started yet; ended on the way out. The course "ml" sets the toy assignment to `students`."""
    home, assignments = folder / "home", folder / "assignments"
    write_toy(assignments)
    home.mkdir()
    environment = without_settings() | {"GRADER_HOME": str(home), "GRADER_ASSIGNMENTS": str(assignments)} | settings
    database = settings.get("GRADER_DATABASE_URL", f"sqlite:///{home}/grader.db")
    service = Running(home, assignments, f"http://127.0.0.1:{free_port()}", environment, database)
    service.tokens = _populated(service, students, logins)
    try:
        yield service
    finally:
        service.end()


def _populated(service: Running, students: int, logins: str) -> list[str]:
    store = service.open_store()
    store.migrate()
    with store.write() as tx:
        people.add_course(tx, Course("ml", "Machine learning"))
        offerings.put_offering(tx, Offering("ml", "toy"))
        who = [people.put_person(tx, logins.format(n), f"Student {n}") for n in range(students)]
        for person in who:
            people.put_member(tx, "ml", person.id, Role.STUDENT)
        tokens = [people.new_token(tx, person.id, TokenKind.PROGRAM) for person in who]
    store.close()
    return tokens


def add_graded(service: Running, count: int) -> str:
    """Add submissions that were graded before, each with other files. Return the token of a member of staff."""
    store = service.open_store()
    with store.write() as tx:
        students = [member.person.id for member in people.roster(tx, "ml")]
        queue = StoreQueue({"toy": "an earlier version"})
        for number in range(count):
            person = students[number % len(students)]
            files = (("mlp.py", f"{TOY_SOLUTION}# graded before {number}\n".encode()),)
            new = submissions.NewSubmission("ml", "toy", Kind.SUBMISSION, "api", f"{number}", person, (person,), files)
            queue.enqueue(tx, submissions.add(tx, new), "toy", person, Priority.INTERACTIVE)
        times = {"started_at": now(), "finished_at": now()}
        tx.execute(gradings.update().values(state=State.GRADED, counts=True, points=Points(4), **times))
        teacher = people.put_person(tx, "teacher", "Teacher")
        people.put_member(tx, "ml", teacher.id, Role.STAFF)
        token = people.new_token(tx, teacher.id, TokenKind.PROGRAM)
    store.close()
    return token


def seeded() -> random.Random:
    """Moments and choices of a test that kills things. Its seed is printed, and GRADER_TEST_SEED replays it."""
    seed = int(os.environ.get("GRADER_TEST_SEED") or random.SystemRandom().randrange(1 << 32))
    print(f"GRADER_TEST_SEED={seed}")
    return random.Random(seed)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def until_final(client: httpx.Client, submission: str) -> str:
    """Return the state in which this submission ends."""
    deadline = time.monotonic() + WAIT_SECONDS
    while (state := client.get(submission).json().get("state")) in ("queued", "running"):
        assert time.monotonic() < deadline, state
        time.sleep(0.1)
    return str(state)


# ── load ─────────────────────────────────────────────────────────────────────────────────────────────


class Load:
    """Students who hand in again and again, each request with a key of its own, and who ask again until the service
    has acknowledged it, as a careful client does."""

    def __init__(self, urls: list[str], tokens: list[str], sizes: tuple[int, int] = (0, 0)) -> None:
        """`sizes`: how many bytes an upload has at least and at most; their logarithm is evenly distributed."""
        self.acknowledged: dict[str, str] = {}
        """Idempotency-Key → submission."""
        self.refused: list[str] = []
        """Answers that a careful client would not expect."""
        self._urls = urls
        self._sizes = sizes
        self._ending = threading.Event()
        self._threads = [threading.Thread(target=self._student, args=(n, t)) for n, t in enumerate(tokens)]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Everybody still gets an answer to what they have asked."""
        self._ending.set()
        for thread in self._threads:
            thread.join()

    def _student(self, number: int, token: str) -> None:
        attempt = 0
        while not self._ending.is_set():
            attempt += 1
            self._until_acknowledged(f"{number}-{attempt}", token)
            self._ending.wait(0.3)

    def _until_acknowledged(self, key: str, token: str) -> None:
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": key}
        choice = random.Random(key)
        files = {"files": ("mlp.py", f"{SLOW}# {key}\n{self._filling(choice)}".encode())}
        while True:
            url = f"{choice.choice(self._urls)}/api/v1/courses/ml/assignments/toy/submissions"
            with contextlib.suppress(httpx.HTTPError):
                answer = httpx.post(url, files=files, headers=headers, timeout=30, verify=VERIFY)
                if answer.status_code == 202:
                    self.acknowledged[key] = answer.json()["submission"]
                    return
                if answer.status_code not in (429, 503):
                    self.refused.append(f"{answer.status_code} {answer.text}")
                    return
            time.sleep(0.1)

    def _filling(self, choice: random.Random) -> str:
        """Comments that cannot be compressed."""
        smallest, largest = self._sizes
        if not largest:
            return ""
        size = int(math.exp(choice.uniform(math.log(smallest), math.log(largest))))
        digits = choice.randbytes(size // 2).hex()
        return "".join(f"# {digits[start : start + 100]}\n" for start in range(0, len(digits), 100))
