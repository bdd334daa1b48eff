"""The page of failed checks, for staff: the most common mistakes and the results of each check."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import APIRouter
from starlette.responses import Response

from grader.api.assignments import ForStaff
from grader.api.pages.scores import rows_of
from grader.model import ZERO, Points, Status
from grader.model.grouping import grouped
from grader.store import gradings
from grader.store.records import CheckRecord, Person

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True)
class StudentResult:
    """The result of one check of one student."""

    person: Person
    submission: str
    """Id of the submission that gives the student's score."""
    record: CheckRecord


@dataclass(frozen=True)
class StudentLoss:
    """A student who lost points, and the sum of the points lost to one cause or in one check."""

    person: Person
    submission: str
    points: Points


@dataclass(frozen=True)
class CommonMistake:
    """A cause of failed checks, and the students who lost points to it."""

    sentence: str
    mistake: str
    """Id of the known mistake; empty if the cause is not a known mistake."""
    checks: tuple[tuple[str, int], ...]
    """(check id, number of students who lost points to this cause in the check), the most common first."""
    students: tuple[StudentLoss, ...]

    @property
    def points(self) -> Points:
        return sum((student.points for student in self.students), ZERO)


@dataclass(frozen=True)
class CheckRow:
    """The results of one check over all students."""

    check: str
    passed: int
    partial: int
    failed: int
    students: tuple[StudentLoss, ...]

    @property
    def all(self) -> int:
        return self.passed + self.partial + self.failed


@router.get("/courses/{course}/assignments/{assignment}/failures")
def show_failures(staff: ForStaff) -> Response:
    with staff.read() as (tx, offering):
        rows = rows_of(tx, staff.service, staff.caller, offering)
        counting = [(row.person, row.counting) for row in rows if row.counting]
        checks = gradings.results_of(tx, [view.grading.id for _, view in counting])
        results = [
            StudentResult(person, view.submission.id, record)
            for person, view in counting
            for record in checks.get(view.grading.id, ())
        ]
        return staff.render(
            tx,
            "failures.html",
            offering,
            students=sum(view.grading.id in checks for _, view in counting),
            common_mistakes=common_mistakes(results),
            checks=by_check(results),
        )


def common_mistakes(results: Sequence[StudentResult]) -> list[CommonMistake]:
    """Return the causes of failed checks, the most common first."""
    groups = grouped((_cause_key(result.record), result) for result in results if result.record.status.loses_points)
    found = [_common_mistake(lost) for lost in groups.values()]
    return sorted(found, key=lambda d: (-len(d.students), -d.points, d.sentence))


def _cause_key(check: CheckRecord) -> str:
    """Return a key that is equal for results with the same cause. Numbers, names and places in the code are not part of
    the key, because they differ between students."""
    reason = re.sub(r"`[^`]*`|'[^']*'|[\w./]+\.(?:py|ipynb):\d+|[-+]?\d[\d.,e+-]*", "…", check.reason[:2_000])
    return check.mistake or reason[:400]  # as much as the page shows


def _common_mistake(lost: Sequence[StudentResult]) -> CommonMistake:
    checks = Counter(result.record.check for result in lost)
    sentence, _ = Counter(_usual_sentence(result.record) for result in lost).most_common(1)[0]
    return CommonMistake(sentence, lost[0].record.mistake, tuple(checks.most_common()), _students_who_lost(lost))


def _usual_sentence(check: CheckRecord) -> str:
    """Return the reason why a check lost points. For known mistakes, leave out the student's numbers."""
    sentence, numbers, _ = check.reason.partition(". (")
    return f"{sentence}." if numbers and check.mistake else check.reason


def _students_who_lost(lost: Sequence[StudentResult]) -> tuple[StudentLoss, ...]:
    """Return the students, each with the sum of their lost points, sorted by name."""
    found = [
        StudentLoss(of[0].person, of[0].submission, sum((r.record.possible - r.record.points for r in of), ZERO))
        for of in grouped((result.person.id, result) for result in lost).values()
    ]
    return tuple(sorted(found, key=lambda student: (student.person.name.lower(), student.person.login)))


def by_check(results: Sequence[StudentResult]) -> list[CheckRow]:
    """Return the results of each check, in the order of the report."""
    groups = grouped((result.record.check, result) for result in results)
    return [_check_row(check, found) for check, found in groups.items()]


def _check_row(check: str, found: Sequence[StudentResult]) -> CheckRow:
    count = Counter(result.record.status for result in found)
    lost = [result for result in found if result.record.status.loses_points]
    return CheckRow(check, count[Status.PASSED], count[Status.PARTIAL], count[Status.FAILED], _students_who_lost(lost))
