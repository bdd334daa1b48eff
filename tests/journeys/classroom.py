"""A course in the middle of its term: ps4 is due, most have handed in, and a real service runs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from grader.assignments import catalogue
from grader.intake.receive import receive
from grader.model import Points, Report, Status
from grader.service import login_link
from grader.settings import Settings
from grader.store import leases, offerings, people, submissions
from grader.store.database import Tx, now
from grader.store.queue import StoreQueue
from grader.store.records import Course, Kind, Offering, Person, Priority, Role
from grader.workers.compatibility import compatibility_keys
from tests.conftest import ROOT, without_settings
from tests.running import Running, free_port
from tests.unit.render import samples

COURSE, ASSIGNMENT = "ml101", "ps4"
SECRET = "the secret of the pages"
OTHERS = (
    "Adele Goldberg", "Alan Kay", "Annie Easley", "Barbara Liskov", "Betty Holberton", "Carol Shaw", "Donald Knuth",
    "Dorothy Vaughan", "Edsger Dijkstra", "Evelyn Boyd", "Frances Allen", "Hedy Lamarr", "Jean Bartik", "Joan Clarke",
    "John Backus", "Karen Jones", "Katherine Johnson", "Kathleen Booth", "Margaret Hamilton", "Mary Keller",
    "Radia Perlman", "Rozsa Peter", "Sophie Wilson", "Tony Hoare",
)  # fmt: skip


@dataclass
class Classroom:
    service: Running
    ada: Person
    """A student who has not handed in yet."""
    grace: Person
    """The course's staff."""

    @property
    def url(self) -> str:
        return self.service.url

    def link(self, person: Person) -> str:
        store = self.service.open_store()
        try:
            with store.write() as tx:
                return login_link(tx, Settings(url=self.url), person, dt.timedelta(hours=1))
        finally:
            store.close()


def classroom(folder: Path) -> AbstractContextManager[Classroom]:
    return serving(folder, _populate)


@contextmanager
def serving(folder: Path, populate: Callable[[Tx], tuple[Person, Person]]) -> Iterator[Classroom]:
    """`populate` makes the course, and returns a student and its staff."""
    home = folder / "home"
    home.mkdir()
    environment = without_settings() | {"GRADER_HOME": str(home), "GRADER_SECRET": SECRET}
    database = f"sqlite:///{home}/grader.db"
    service = Running(home, ROOT / "reference", f"http://127.0.0.1:{free_port()}", environment, database)
    store = service.open_store()
    store.migrate()
    with store.write() as tx:
        ada, grace = populate(tx)
    store.close()
    service.start()
    try:
        yield Classroom(service, ada, grace)
    finally:
        service.end()


def _populate(tx: Tx) -> tuple[Person, Person]:
    people.add_course(tx, Course(COURSE, "Machine Learning"))
    due = now() + dt.timedelta(days=3, hours=4)
    offerings.put_offering(
        tx, Offering(COURSE, ASSIGNMENT, due_at=due, late={"per_day": "10%", "grace_minutes": 15, "most_days": 5})
    )
    grace = member(tx, "Grace Hopper", Role.STAFF)
    ada = member(tx, "Ada Lovelace", Role.STUDENT)
    lane = compatibility_keys([catalogue.load(ROOT / "reference" / ASSIGNMENT)], Settings().runtime, SECRET.encode())[
        ASSIGNMENT
    ]
    known = _reports()
    right = (ROOT / "submissions" / "perfect" / "mlp.py").read_text("utf-8")
    unfinished = right.replace("def train(self,", "def train(self, *_, **__):\n        pass\n\n    def old(self,")
    assert unfinished != right  # graded again, it trains nothing, and so takes a second
    for n, name in enumerate(OTHERS):
        student = member(tx, name, Role.STUDENT)
        for report in (known[n % len(known)], known[n * n % len(known)])[: 1 + n % 2]:
            graded(tx, student, report, lane, unfinished)
    member(tx, "Konrad Zuse", Role.STUDENT)  # who has not begun
    return ada, grace


def member(tx: Tx, name: str, role: Role) -> Person:
    login = name.lower().replace(" ", ".") + "@example.edu"
    person = people.put_person(tx, login, name)
    people.put_member(tx, COURSE, person.id, role)
    return person


def graded(tx: Tx, student: Person, report: Report, lane: str, source: str = "# kept\n") -> None:
    """Handed in and graded, as a worker writes it."""
    new = submissions.NewSubmission(
        COURSE,
        ASSIGNMENT,
        Kind.SUBMISSION,
        "page",
        receive("mlp.py", source.encode(), "mlp.py").digest,
        student.id,
        (student.id,),
        (("mlp.py", source.encode()),),
    )
    id = submissions.add(tx, new)
    StoreQueue({ASSIGNMENT: lane}).enqueue(tx, id, ASSIGNMENT, student.id, Priority.INTERACTIVE)
    leased = leases.claim(tx, "host:1 0")
    assert leased is not None
    leases.finish(tx, leased, report, lane)


def _reports() -> list[Report]:
    """What came out for others: many make the same few mistakes."""
    wrong = samples.WRONG
    some = [dict(list(wrong.items())[:2]), dict(list(wrong.items())[1:]), {"q2.2.W1": wrong["q2.2.W1"]}]
    found = [samples.perfect(), *(samples.losing(losses) for losses in some), samples.wrong(), samples.weak()]
    return [samples.perfect(), *found, samples.unreadable(), _half(samples.very_wrong())]


def _half(report: Report) -> Report:
    """The second half of its checks held."""
    ids = {check.id for check in report.checks[len(report.checks) // 2 :]}
    parts = tuple(
        replace(
            part,
            checks=tuple(
                replace(c, points=Points(c.possible), status=Status.PASSED, reason="", line=None) if c.id in ids else c
                for c in part.checks
            ),
        )
        for part in report.parts
    )
    return replace(report, parts=parts)
