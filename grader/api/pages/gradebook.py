"""CSV files of all scores, for staff, in the formats of `grader batch`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal, get_args

from fastapi import APIRouter
from starlette.responses import Response

from grader.api.courses import known_offering
from grader.api.files import download
from grader.api.identity import Caller, TheCaller, require_staff
from grader.api.pages.scores import ScoreRow, rows_of
from grader.api.schemas import AssignmentId, CourseId
from grader.api.views import SubmissionView, with_marked_checks
from grader.api.wiring import TheService
from grader.batch import cells, gradebooks
from grader.batch.outcome import Result, Standing
from grader.batch.people import Student
from grader.course.scores import SubmissionState
from grader.errors import BadCall
from grader.model import Points, Report
from grader.render import as_json
from grader.service import Service
from grader.store import gradings
from grader.store.database import Tx
from grader.store.records import Offering, Person, State

router = APIRouter(include_in_schema=False)

Format = Literal["canvas", "moodle", "long"]
FORMATS: tuple[Format, ...] = get_args(Format)


@router.get("/courses/{course}/assignments/{assignment}/scores/{format}.csv")
def get_gradebook(
    course: CourseId, assignment: AssignmentId, format: Format, service: TheService, caller: TheCaller
) -> Response:
    """Return the scores page as a file: `canvas` and `moodle` to import, `long` with a row for each check."""
    require_staff(caller, course, "assignment")
    with service.store.read() as tx:
        offering = known_offering(tx, service, course, assignment)
        rows = list(_gradebook_rows(tx, service, caller, offering, format))
    return download(f"{course}-{assignment}-{format}.csv", cells.dumps(rows).encode())


def _gradebook_rows(
    tx: Tx, service: Service, caller: Caller, offering: Offering, format: Format
) -> Iterator[gradebooks.Row]:
    scored = rows_of(tx, service, caller, offering)
    results = [_gradebook_result(row) for row in scored]
    match format:
        case "canvas":
            yield from gradebooks.canvas(results, service.assignments[offering.assignment].title)
        case "moodle":
            yield from gradebooks.moodle(results)
        case "long":
            yield gradebooks.LONG
            for row, result in zip(scored, results, strict=True):  # one report in memory at a time
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


def _student(person: Person) -> Student:
    email = person.login if "@" in person.login else ""
    return Student(name=person.name, email=email, login=person.login, key=person.login)


def _standing(seen: SubmissionView) -> Standing:
    if not seen.submission.code_submitted:
        return Standing.NO_CODE
    if seen.grading.state is State.BROKEN:
        return Standing.FAILED
    if seen.grading.state is not State.GRADED:
        return Standing.NOT_YET
    return Standing.PARTLY_GRADED if seen.state is SubmissionState.PARTLY_GRADED else Standing.GRADED


def _stored_report(tx: Tx, seen: SubmissionView | None) -> Report | None:
    """Return the report; None if there is none, or if an older version wrote it."""
    text = gradings.report(tx, seen.grading.id) if seen else None
    try:
        return with_marked_checks(as_json.loads(text), seen) if seen and text is not None else None
    except BadCall:
        return None


def _points_by_question(seen: SubmissionView | None) -> Mapping[str, Points]:
    questions = seen.score.questions if seen and seen.score else ()
    return {q.question: q.points for q in questions if q.points is not None}
