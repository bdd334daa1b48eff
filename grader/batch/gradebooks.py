"""Gradebooks as CSV rows, for learning platforms and for people.

A student without a score gets an empty cell, which leaves the score in the learning platform unchanged. In the files
for learning platforms, a student with undecided points gets one too, since the platform would count the points as zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from grader.batch.outcome import Result
from grader.model import Points, Report, show_points

Row = Sequence[str]

COLUMNS = (
    "student", "name", "id", "email", "login", "submission", "submitted", "points", "final", "decided", "waiting",
    "possible", "status",
)  # fmt: skip
LONG = ("student", "name", "part", "check", "points", "possible", "status", "reason", "mistake")
CANVAS = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")
MOODLE = (
    "Identifier", "Full name", "Email address", "Status", "Grade", "Maximum Grade", "Grade can be changed",
    "Last modified (submission)", "Last modified (grade)", "Feedback comments",
)  # fmt: skip


def full(results: Iterable[Result]) -> Iterator[Row]:
    """Yield a title row, and a row for each student with identifiers, submission and scores."""
    yield COLUMNS
    for result in results:
        student, submission = result.student, result.submission
        moment = result.submitted_at
        yield (
            student.key,
            student.name,
            ";".join(student.ids),
            student.email,
            student.login,
            submission.place if submission else "",
            moment.isoformat(timespec="seconds") if moment else "",
            *map(points_cell, (result.points, result.final, result.decided, result.waiting, result.possible)),
            result.status,
        )


def long_rows(result: Result, report: Report | None) -> Iterator[Row]:
    """Yield a row for each check and written answer of a student, and rows for a late penalty and an adjustment. If
    there is no report, yield one row that says why.

    Args:
        result: The student's result.
        report: The student's report; None if there is none.
    """
    student = result.student
    if report is None:
        yield (student.key, student.name, "", "", "", "", result.standing.value, result.why, "")
        return
    for part in report.parts:
        start = (student.key, student.name, part.id)
        for check in part.checks:
            earned = show_points(check.points) if check.status.is_decided else ""
            possible = show_points(check.possible)
            yield (*start, check.id, earned, possible, check.status.value, check.reason, check.mistake)
        for written in part.written:
            reason = "" if written.found else "no answer was found"
            status = written.status.value
            points = None
            if written.id in result.written:
                score = result.written[written.id]
                points = score.points
                if score.mark or score.answer_mark:
                    status = "marked"
            possible = show_points(written.possible)
            yield (*start, written.id, points_cell(points), possible, status, reason, "")
    if result.late and result.penalty:
        penalty = show_points(-result.penalty)
        yield (student.key, student.name, "", "late penalty", penalty, "", "late", result.late.sentence, "")
    if result.adjustment:
        yield (student.key, student.name, "", "adjustment", show_points(result.adjustment), "", "adjusted", "", "")


def canvas(results: Sequence[Result], title: str, possible: Points) -> Iterator[Row]:
    """Yield the rows of a gradebook that Canvas can import. A roster that was exported from Canvas supplies the columns
    ID and SIS User ID, by which Canvas identifies students.

    Args:
        results: The results of the students.
        title: Title of the score column.
        possible: Possible points of the assignment.
    """
    yield (*CANVAS, title)
    yield ("    Points Possible", "", "", "", "", show_points(possible))
    for result in results:
        if result.student.enrolled:
            student, cells = result.student, result.student.cells
            identifiers: Row = (student.shown, student.first_id, "", student.login, "")
            if "ID" in cells and "Student" in cells:
                identifiers = [cells.get(column, "") for column in CANVAS]
            yield (*identifiers, points_cell(result.settled))


def moodle(results: Sequence[Result], possible: Points) -> Iterator[Row]:
    """Yield the rows of a grading worksheet that Moodle can import. If the roster is a Moodle worksheet, all its
    columns are kept, including Identifier, by which Moodle identifies students. `possible` are the assignment's
    points."""
    worksheets = [result.student.cells for result in results if "Identifier" in result.student.cells]
    columns = list(worksheets[0]) if worksheets and "Grade" in worksheets[0] else MOODLE
    yield columns
    for result in results:
        student = result.student
        if not student.enrolled:
            continue
        id = student.first_id
        cells = {
            "Identifier": f"Participant {id}" if id.isdecimal() else id,
            "Full name": student.shown,
            "Email address": student.email,
            "Maximum Grade": show_points(possible),
            "Grade can be changed": "Yes",
        }
        if worksheets:
            cells |= student.cells
        cells |= {"Grade": points_cell(result.settled), "Feedback comments": result.status}
        yield [cells.get(column, "") for column in columns]


def points_cell(points: Points | None) -> str:
    """Return points as text; empty if there are none."""
    return "" if points is None else show_points(points)
