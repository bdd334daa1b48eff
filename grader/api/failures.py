"""The page of failed checks, for staff: the most common mistakes and the results of each check."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import APIRouter
from starlette.responses import Response

from grader.api.lookup import ForStaff
from grader.api.scores import StudentResult, results_of
from grader.api.views import SubmissionView
from grader.model import UNWRITTEN, ZERO, Points, Status
from grader.model.grouping import grouped
from grader.render.phrases import NOT_BEGUN
from grader.store.records import CheckRecord, Person

pages = APIRouter(include_in_schema=False)


@dataclass(frozen=True)
class StudentLoss:
    """A student who lost points, and the sum of the points lost to one cause or in one check."""

    person: Person
    view: SubmissionView
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


@pages.get("/courses/{course}/assignments/{assignment}/failures")
def show_failures(staff: ForStaff) -> Response:
    """Show the most common mistakes and the results of each check, from the submissions that give the scores."""
    with staff.read() as (tx, offering):
        results = results_of(tx, staff.caller, offering)
        return staff.render(
            tx,
            "failures.html",
            offering,
            students=len({result.person.id for result in results}),
            common_mistakes=common_mistakes(results),
            checks=by_check(results),
        )


def common_mistakes(results: Sequence[StudentResult]) -> list[CommonMistake]:
    """Return the causes of failed checks, the most common first."""
    losses = [result for result in results if result.record.status.loses_points]
    by_cause = grouped((_cause_key(loss.record), loss) for loss in losses)
    mistakes = []
    for same_cause in by_cause.values():
        checks = Counter(loss.record.check for loss in same_cause).most_common()
        sentences = Counter(_usual_sentence(loss.record) for loss in same_cause)
        [(usual_sentence, _)] = sentences.most_common(1)
        mistake = same_cause[0].record.mistake
        mistakes.append(CommonMistake(usual_sentence, mistake, tuple(checks), _students_who_lost(same_cause)))
    mistakes.sort(key=lambda mistake: (-len(mistake.students), -mistake.points, mistake.sentence))
    return mistakes


def _cause_key(check: CheckRecord) -> str:
    """Return a key that is equal for results with the same cause. Numbers, names and places in the code are not part of
    the key, because they differ between students."""
    if check.mistake:
        return check.mistake
    reason = re.sub(r"`[^`]*`|'[^']*'|[\w./]+\.(?:py|ipynb):\d+|[-+]?\d[\d.,e+-]*", "…", check.reason[:2_000])
    return reason[:400]  # as much as the page shows


def _usual_sentence(check: CheckRecord) -> str:
    """Return the reason why a check lost points. For known mistakes, leave out the student's numbers."""
    if check.mistake == UNWRITTEN:
        return NOT_BEGUN
    sentence, numbers, _ = check.reason.partition(". (")
    if check.mistake and numbers:
        return f"{sentence}."
    return check.reason


def _students_who_lost(losses: Sequence[StudentResult]) -> tuple[StudentLoss, ...]:
    """Return the students, each with the sum of their lost points, sorted by name."""
    students: dict[str, StudentLoss] = {}
    for loss in losses:
        person, points = loss.person, loss.record.possible - loss.record.points
        if person.id in students:
            points += students[person.id].points
        students[person.id] = StudentLoss(person, loss.view, points)
    by_name = sorted(students.values(), key=lambda student: (student.person.name.lower(), student.person.login))
    return tuple(by_name)


def by_check(results: Sequence[StudentResult]) -> list[CheckRow]:
    """Return the results of each check, in the order of the report."""
    rows = []
    for check, of_check in grouped((result.record.check, result) for result in results).items():
        count = Counter(result.record.status for result in of_check)
        students = _students_who_lost([result for result in of_check if result.record.status.loses_points])
        rows.append(CheckRow(check, count[Status.PASSED], count[Status.PARTIAL], count[Status.FAILED], students))
    return rows
