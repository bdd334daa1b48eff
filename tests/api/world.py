"""A service on a real SQLite with a course, people of every role, and a queue that nobody empties but the test."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from unittest.mock import patch

from starlette.testclient import TestClient

from grader.api import sender
from grader.api.app import create_app
from grader.assignments.catalogue import Assignment
from grader.intake.pool import IntakePool
from grader.model import Report
from grader.service import Service
from grader.settings import Settings
from grader.store import leases, offerings, people
from grader.store.database import Store
from grader.store.records import Course, Offering, Person, Role, TokenKind
from grader.workers.events import Hub
from grader.workers.grading_process import Plan
from grader.workers.local import LocalWorkers
from tests.conftest import TOY_SOLUTION

COURSE, ASSIGNMENT = "ml", "toy"
LANE = "test"
SECRET = b"tests"
SUBMISSIONS = f"/api/v1/courses/{COURSE}/assignments/{ASSIGNMENT}/submissions"
WRONG = TOY_SOLUTION.replace("return -a", "return a")


@dataclass
class World:
    """The service under test, and who is in it: ada and bob are students of "ml", grace is its staff, eve is a
    student of another course, root is an admin. `tokens` are their programs' bearer tokens."""

    service: Service
    client: TestClient
    people: dict[str, Person]
    tokens: dict[str, str]
    reports: dict[str, Report] = field(default_factory=dict)
    """Real ones, by what was handed in: "right" and "wrong"."""

    def headers(self, login: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens[login]}"}

    def set(self, **fields: object) -> None:
        """Changes how the course sets the toy assignment."""
        with self.service.store.write() as tx:
            offerings.put_offering(tx, Offering(COURSE, ASSIGNMENT, **fields))  # type: ignore[arg-type]

    def hand_in(self, login: str, source: str = TOY_SOLUTION, **form: str) -> str:
        """Through the API; returns the submission's id."""
        files = [("files", ("mlp.py", source.encode()))]
        answer = self.client.post(SUBMISSIONS, files=files, data=form, headers=self.headers(login))
        assert answer.status_code == 202, answer.text
        return str(answer.json()["submission"])

    def grade_next(self, report: str = "right") -> str:
        """What a worker does with the grading whose turn it is; returns the grading's id."""
        with self.service.store.write() as tx:
            leased = leases.claim(tx, "test worker")
            assert leased is not None
            assert leases.finish(tx, leased, self.reports[report], LANE)
        return leased.grading


def answering(report: Report, answer: str) -> Report:
    """The same report of a notebook that has this answer to q1.1.written."""
    first, *rest = report.parts
    written = replace(first.written[0], answer=answer, found=bool(answer))
    return replace(report, parts=(replace(first, written=(written,)), *rest))


@cache
def intake() -> IntakePool:
    """One for all worlds: its process takes longer to start than most tests."""
    return IntakePool(1)


@contextmanager
def living(folder: Path, toy: Assignment, reports: dict[str, Report]) -> Iterator[World]:
    """A world whose database lies in `folder`."""
    database, who, tokens = _populated()
    (folder / "grader.db").write_bytes(database)
    store = Store(f"sqlite:///{folder}/grader.db")
    settings = Settings(home=folder, assignments=toy.folder.parent)
    events = Hub()
    # its workers are not started: nobody empties it but the test
    queue = LocalWorkers(
        store, events, Plan(settings.assignments, settings.runtime, "bubblewrap"), SECRET, (None,), {ASSIGNMENT: LANE}
    )
    service = Service(store, queue, events, {ASSIGNMENT: toy}, settings, intake())
    app = create_app(service)
    # tests count queries, and the outbox is polled at any time
    with patch.object(sender, "POLL_SECONDS", 3600.0), TestClient(app, client=("127.0.0.1", 50000)) as client:
        yield World(service, client, who, tokens, reports)
    store.close()


@cache
def _populated() -> tuple[bytes, dict[str, Person], dict[str, str]]:
    """The file that every world's database begins as: migrating takes longer than most tests."""
    with tempfile.TemporaryDirectory() as folder:
        store = Store(f"sqlite:///{folder}/grader.db")
        store.migrate()
        who, tokens = populate(store)
        store.close()
        return Path(folder, "grader.db").read_bytes(), who, tokens


def populate(store: Store) -> tuple[dict[str, Person], dict[str, str]]:
    """People and tokens, by login."""
    who: dict[str, Person] = {}
    tokens: dict[str, str] = {}
    with store.write() as tx:
        people.add_course(tx, Course(COURSE, "Machine Learning"))
        people.add_course(tx, Course("other", "Another course"))
        offerings.put_offering(tx, Offering(COURSE, ASSIGNMENT))
        offerings.put_offering(tx, Offering("other", ASSIGNMENT))
        for login, course, role in (
            ("ada", COURSE, Role.STUDENT),
            ("bob", COURSE, Role.STUDENT),
            ("grace", COURSE, Role.STAFF),
            ("eve", "other", Role.STUDENT),
            ("root", None, None),
        ):
            who[login] = people.put_person(tx, login, login.title(), admin=login == "root")
            if course is not None and role is not None:
                people.put_member(tx, course, who[login].id, role)
            tokens[login] = people.new_token(tx, who[login].id, TokenKind.PROGRAM, "tests")
    return who, tokens
