"""For staff: who loses points where, and why."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from grader.api.courses import known_course, known_offering
from grader.api.frame import page
from grader.api.identity import TheCaller, require_staff
from grader.api.pages.scores import rows_of
from grader.api.schemas import AssignmentId, CourseId
from grader.api.wiring import TheService
from grader.model import ZERO, CheckResult, Points, Status
from grader.render.phrases import cause, reason_phrase
from grader.store import gradings
from grader.store.records import Person, Result

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True)
class Verdicts:
    """What one student's submission that counts was found to be."""

    person: Person
    submission: str
    results: tuple[Result, ...]


@dataclass(frozen=True)
class Loser:
    """Who has lost points to one thing, and how many."""

    person: Person
    submission: str
    points: Points


@dataclass(frozen=True)
class Diagnosis:
    sentence: str
    mistake: str
    """The id of the known mistake; empty where it is none."""
    checks: tuple[tuple[str, int], ...]
    """(check, students), the most first."""
    losers: tuple[Loser, ...]

    @property
    def points(self) -> Points:
        return sum((loser.points for loser in self.losers), ZERO)


@dataclass(frozen=True)
class CheckRow:
    check: str
    held: int
    partly: int
    lost: int
    losers: tuple[Loser, ...]

    @property
    def all(self) -> int:
        return self.held + self.partly + self.lost


@router.get("/courses/{course}/assignments/{assignment}/failures")
def show_failures(
    request: Request, course: CourseId, assignment: AssignmentId, service: TheService, caller: TheCaller
) -> Response:
    require_staff(caller, course, "assignment")
    with service.store.read() as tx:
        offering = known_offering(tx, service, course, assignment)
        counting = [(row.person, row.counting) for row in rows_of(tx, service, caller, offering) if row.counting]
        checks = gradings.results_of(tx, [seen.grading.id for _, seen in counting])
        known = known_course(tx, course)
    verdicts = [
        Verdicts(person, seen.submission.id, tuple(checks[seen.grading.id]))
        for person, seen in counting
        if seen.grading.id in checks
    ]
    return page(
        request,
        "failures.html",
        course=known,
        offering=offering,
        task=service.assignments[assignment],
        students=len(verdicts),
        diagnoses=diagnoses(verdicts),
        checks=by_check(verdicts),
    )


def diagnoses(verdicts: Sequence[Verdicts]) -> list[Diagnosis]:
    """What most students have lost points to comes first."""
    groups: dict[object, list[tuple[Verdicts, Result]]] = {}
    for one in verdicts:
        for result in one.results:
            if result.status in (Status.LOST, Status.PARTLY):
                groups.setdefault(_diagnosis(result), []).append((one, result))
    found = [_of(lost) for lost in groups.values()]
    return sorted(found, key=lambda d: (-len(d.losers), -d.points, d.sentence))


def _diagnosis(result: Result) -> object:
    """Equal for what is the same thing to mend: numbers, names and lines of one student's code are left out."""
    if result.mistake:
        return result.mistake
    reason = cause(_check(result))
    return re.sub(r"`[^`]*`|'[^']*'|[\w./]+\.(?:py|ipynb):\d+|[-+]?\d[\d.,e+-]*", "…", str(reason))


def _of(lost: Sequence[tuple[Verdicts, Result]]) -> Diagnosis:
    checks = Counter(result.check for _, result in lost)
    sentence, _ = Counter(_sentence(result) for _, result in lost).most_common(1)[0]
    return Diagnosis(sentence, lost[0][1].mistake, tuple(checks.most_common()), _losers(lost))


def _sentence(result: Result) -> str:
    """Of a known mistake without the numbers, which are each student's own."""
    said, numbers, _ = result.reason.partition(". (")
    return f"{said}." if numbers and result.mistake else reason_phrase(_check(result))


def _losers(lost: Sequence[tuple[Verdicts, Result]]) -> tuple[Loser, ...]:
    """By name; who has lost points at several checks is there once."""
    points: dict[str, Points] = {}
    who = {one.person.id: one for one, _ in lost}
    for one, result in lost:
        points[one.person.id] = points.get(one.person.id, ZERO) + result.possible - result.points
    found = [Loser(one.person, one.submission, points[id]) for id, one in who.items()]
    return tuple(sorted(found, key=lambda loser: (loser.person.name.lower(), loser.person.login)))


def _check(result: Result) -> CheckResult:
    status = Status(result.status)
    return CheckResult(
        result.check, "", result.points, result.possible, status, reason=result.reason, mistake=result.mistake
    )


def by_check(verdicts: Sequence[Verdicts]) -> list[CheckRow]:
    """In the report's order."""
    groups: dict[str, list[tuple[Verdicts, Result]]] = {}
    for one in verdicts:
        for result in one.results:
            groups.setdefault(result.check, []).append((one, result))
    return [_row(check, found) for check, found in groups.items()]


def _row(check: str, found: Sequence[tuple[Verdicts, Result]]) -> CheckRow:
    count = Counter(result.status for _, result in found)
    lost = [(one, result) for one, result in found if result.status in (Status.LOST, Status.PARTLY)]
    return CheckRow(check, count[Status.HELD], count[Status.PARTLY], count[Status.LOST], _losers(lost))
