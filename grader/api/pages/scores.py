"""The scores page for staff: every student's score and the distribution of scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean, median
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from starlette.responses import Response

from grader.api.assignments import ForStaff, known_member
from grader.api.counting import counting_submissions
from grader.api.identity import Caller
from grader.api.pages.history import attempts
from grader.api.schemas import Login
from grader.api.views import SubmissionView, views_of
from grader.model import Points, show_points
from grader.service import Service
from grader.store import offerings, people, submissions
from grader.store.database import Tx
from grader.store.records import Offering, Page, Person, Role

router = APIRouter(include_in_schema=False)

MOST_OF_ONE = 200
"""Largest number of submissions that are listed for one student."""
BINS = 10

Order = Literal["name", "score", "time"]


@dataclass(frozen=True)
class ScoreRow:
    """One student's row in the table of scores."""

    person: Person
    attempts: int
    counting: SubmissionView | None

    @property
    def final(self) -> Points | None:
        return self.counting.score.final if self.counting and self.counting.score else None


@dataclass(frozen=True)
class Bin:
    """A bin of the histogram. It contains scores s with low ≤ s < high; the last bin also contains `high`."""

    low: str
    high: str
    count: int
    share: float
    """Height of the bin divided by the height of the highest bin."""


@dataclass(frozen=True)
class Spread:
    """The distribution of scores."""

    bins: tuple[Bin, ...]
    of: Points
    scored: int
    median: float
    mean: float

    @property
    def sentence(self) -> str:
        """The number of scores in each bin, as a sentence."""
        counts = ", ".join(f"{b.count} from {b.low} to {b.high}" for b in self.bins if b.count)
        return f"Scores of {self.scored} students: {counts}."


_PATH = "/courses/{course}/assignments/{assignment}"


@router.get(_PATH + "/scores")
def show_scores(staff: ForStaff, by: Annotated[Order, Query()] = "name") -> Response:
    with staff.read() as (tx, offering):
        rows = rows_of(tx, staff.service, staff.caller, offering)
        return staff.render(
            tx,
            "scores.html",
            offering,
            rows=sorted(rows, key=_ORDER[by]),
            spread=spread(rows),
            submitted=sum(row.attempts > 0 for row in rows),
            late=sum(bool(row.counting and row.counting.late.is_late) for row in rows),
            by=by,
        )


@router.get(_PATH + "/students/{login}")
def show_student(staff: ForStaff, login: Login) -> Response:
    """Show all submissions of one student."""
    with staff.read() as (tx, offering):
        course, assignment = staff.course, staff.assignment
        student = known_member(tx, course, login)
        own = submissions.of_offering(tx, course, assignment, author=student.id, kind=None, page=Page(MOST_OF_ONE))
        views = views_of(tx, staff.service, staff.caller, own)
        counts = counting_submissions(tx, staff.service, staff.caller, offering, student.id).get(student.id)
        return staff.render(
            tx,
            "student.html",
            offering,
            student=student,
            extension=offerings.extension(tx, course, assignment, student.id),
            attempts=attempts(tx, staff.caller, views, counts),
        )


def rows_of(tx: Tx, service: Service, caller: Caller, offering: Offering) -> list[ScoreRow]:
    """Return a row for every student of the course, and for every other person who submitted."""
    who = {m.person.id: m.person for m in people.roster(tx, offering.course) if m.role is Role.STUDENT}
    attempts: dict[str, int] = {}
    for person, count in submissions.attempts_of_each(tx, offering.course, offering.assignment):
        who.setdefault(person.id, person)
        attempts[person.id] = count
    counting = counting_submissions(tx, service, caller, offering)
    return [ScoreRow(person, attempts.get(id, 0), counting.get(id)) for id, person in who.items()]


_ORDER = {
    "name": lambda row: (row.person.name.lower(), row.person.login),
    "score": lambda row: (row.final is None, -(row.final or 0), row.person.name.lower()),
    "time": lambda row: (row.counting is None, row.counting.submission.id if row.counting else ""),
}


def spread(rows: Sequence[ScoreRow]) -> Spread | None:
    """Return the distribution of scores; None if there are no scores."""
    scored = [row.counting.score for row in rows if row.counting and row.counting.score]
    finals = [score.final for score in scored if score.final is not None]
    of = max((score.decided for score in scored), default=Points(0))
    if not finals or not of:
        return None
    counts = [0] * BINS
    for final in finals:
        counts[min(BINS - 1, int(final * BINS / of))] += 1
    edges = [show_points(of * n / BINS) for n in range(BINS + 1)]
    bins = tuple(Bin(edges[n], edges[n + 1], count, count / max(counts)) for n, count in enumerate(counts))
    return Spread(bins, of, len(finals), float(median(finals)), float(mean(finals)))
