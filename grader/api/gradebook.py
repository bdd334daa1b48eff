"""Gradebooks for staff: all scores as CSV, in the formats of `grader batch`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from fastapi import APIRouter
from starlette.responses import Response

from grader.api.files import download
from grader.api.lookup import ForStaff
from grader.api.problems import HttpProblem
from grader.api.scores import ScoreRow, rows_of
from grader.api.views import SubmissionView, stored_report, with_marked_checks
from grader.assignments.catalogue import Assignment
from grader.batch import gradebooks, safe_csv
from grader.batch.outcome import Result, Standing
from grader.batch.people import ClassStudent
from grader.course.scores import SubmissionState
from grader.model import Report
from grader.store.database import Tx

pages = APIRouter(include_in_schema=False)

Format = Literal["canvas", "moodle", "long"]


@pages.get("/courses/{course}/assignments/{assignment}/scores/{format}.csv")
def get_gradebook(staff: ForStaff, format: Format) -> Response:
    """Return all scores as a CSV file. Canvas and Moodle can import the formats `canvas` and `moodle`; the format
    `long` has a row for each check of each student."""
    with staff.read() as (tx, offering):
        scored = rows_of(tx, staff.caller, offering)
        rows = list(_gradebook_rows(tx, scored, staff.task, format))
    return download(f"{staff.course}-{staff.assignment}-{format}.csv", safe_csv.dumps(rows).encode())


def _gradebook_rows(tx: Tx, scored: Sequence[ScoreRow], task: Assignment, format: Format) -> Iterator[gradebooks.Row]:
    """Yield the rows of the CSV file: titles, then a row for each student or, in the format `long`, for each check of
    each student. The assignment's title heads the score column for Canvas."""
    results = [_gradebook_result(row) for row in scored]
    match format:
        case "canvas":
            yield from gradebooks.canvas(results, task.title, task.points)
        case "moodle":
            yield from gradebooks.moodle(results, task.points)
        case "long":
            yield gradebooks.LONG
            for row, result in zip(scored, results, strict=True):  # load one report at a time
                report = _report(tx, row.counting) if row.counting else None
                yield from gradebooks.long_rows(result, report)


def _report(tx: Tx, view: SubmissionView) -> Report | None:
    """Return the report of a submission; None if there is none, or if an older grader wrote it in another format."""
    try:
        report = stored_report(tx, view.grading)
    except HttpProblem:
        return None
    return with_marked_checks(report, view)


def _gradebook_result(row: ScoreRow) -> Result:
    """Convert a student's row in the table of scores to the result that `grader.batch.gradebooks` writes."""
    person, view = row.person, row.counting
    email = person.login if "@" in person.login else ""
    student = ClassStudent(name=person.name, email=email, login=person.login, key=person.login, cells=row.identifiers)
    if view is None:
        return Result(student, Standing.NOT_YET if row.attempts else Standing.MISSING)
    result = Result(student, _standing(view), late=view.late)
    return result.with_score(view.score) if view.score else result


def _standing(view: SubmissionView) -> Standing:
    """Return the standing of a student in a gradebook from the submission that gives the score."""
    if not view.submission.code_submitted:
        return Standing.NO_CODE
    match view.state:
        case SubmissionState.BROKEN:
            return Standing.FAILED
        case SubmissionState.PARTLY_GRADED:
            return Standing.PARTLY_GRADED
        case SubmissionState.GRADED:
            return Standing.GRADED
        case _:
            return Standing.NOT_YET
