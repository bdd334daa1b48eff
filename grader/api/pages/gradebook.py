"""Gradebooks for staff: all scores as CSV, in the formats of `grader batch`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from fastapi import APIRouter
from starlette.responses import Response

from grader.api.assignments import ForStaff
from grader.api.files import download
from grader.api.pages.scores import ScoreRow, rows_of
from grader.api.views import SubmissionView, with_marked_checks
from grader.batch import cells, gradebooks
from grader.batch.outcome import Result, Standing
from grader.batch.people import ClassStudent
from grader.course.scores import SubmissionState
from grader.errors import BadCall
from grader.model import Points, Report
from grader.render import as_json
from grader.store import gradings
from grader.store.database import Tx
from grader.store.records import Person, State

router = APIRouter(include_in_schema=False)

Format = Literal["canvas", "moodle", "long"]


@router.get("/courses/{course}/assignments/{assignment}/scores/{format}.csv")
def get_gradebook(staff: ForStaff, format: Format) -> Response:
    """Return all scores as a CSV file. Canvas and Moodle can import the formats `canvas` and `moodle`; the format
    `long` has a row for each check of each student."""
    with staff.read() as (tx, offering):
        scored = rows_of(tx, staff.service, staff.caller, offering)
        rows = list(_gradebook_rows(tx, scored, staff.task.title, format))
    return download(f"{staff.course}-{staff.assignment}-{format}.csv", cells.dumps(rows).encode())


def _gradebook_rows(tx: Tx, scored: Sequence[ScoreRow], title: str, format: Format) -> Iterator[gradebooks.Row]:
    results = [_gradebook_result(row) for row in scored]
    match format:
        case "canvas":
            yield from gradebooks.canvas(results, title)
        case "moodle":
            yield from gradebooks.moodle(results)
        case "long":
            yield gradebooks.LONG
            for row, result in zip(scored, results, strict=True):  # load one report at a time
                yield from gradebooks.long_rows(
                    result, _stored_report(tx, row.counting), _points_by_question(row.counting)
                )


def _gradebook_result(row: ScoreRow) -> Result:
    student = _student(row.person)
    if row.counting is None:
        return Result(student, Standing.NOT_YET if row.attempts else Standing.MISSING)
    score, late = row.counting.score, row.counting.late
    if score is None or score.final is None:
        return Result(student, _standing(row.counting), late=late)
    return Result(
        student,
        _standing(row.counting),
        late=late,
        points=score.earned,
        final=score.final,
        decided=score.decided,
        waiting=score.waiting,
        possible=score.possible,
    )


def _student(person: Person) -> ClassStudent:
    email = person.login if "@" in person.login else ""
    return ClassStudent(name=person.name, email=email, login=person.login, key=person.login)


def _standing(view: SubmissionView) -> Standing:
    if not view.submission.code_submitted:
        return Standing.NO_CODE
    if view.grading.state is State.BROKEN:
        return Standing.FAILED
    if view.grading.state is not State.GRADED:
        return Standing.NOT_YET
    return Standing.PARTLY_GRADED if view.state is SubmissionState.PARTLY_GRADED else Standing.GRADED


def _stored_report(tx: Tx, view: SubmissionView | None) -> Report | None:
    """Return the report of a submission; None if there is none, or if an older grader wrote it in another format."""
    text = gradings.report(tx, view.grading.id) if view else None
    if view is None or text is None:
        return None
    try:
        return with_marked_checks(as_json.loads(text), view)
    except BadCall:
        return None


def _points_by_question(view: SubmissionView | None) -> Mapping[str, Points]:
    questions = view.score.questions if view and view.score else ()
    return {q.question: q.points for q in questions if q.points is not None}
