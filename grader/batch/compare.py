"""Compare the scores of another gradebook with the scores of this batch, and give a reason for each difference."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from grader.batch.gradebooks import Row, points_cell
from grader.batch.matching import Recogniser
from grader.batch.outcome import Result
from grader.batch.people import ClassStudent
from grader.batch.scores import OtherScore
from grader.model import Report, show_points
from grader.render.phrases import fixes

COLUMNS = ("student", "name", "other_score", "score", "difference", "reason")


def why_lost(report: Report) -> str:
    """Return the lost points of a report with their reasons as text, such as "q2.2.W1 -3: The data term …; q2.3 -1:
    …"."""
    phrases = []
    for fix in fixes(report):
        ids = [check.id for check in fix.checks]
        lost = show_points(fix.lost)
        phrases.append(f"{', '.join(ids)} -{lost}: {fix.sentence}")
    return "; ".join(phrases)


def compared(results: Sequence[Result], losses: Mapping[str, str], old: Sequence[OtherScore]) -> Iterator[Row]:
    """Yield the rows of compare.csv: a title row, and a row for each person in either gradebook.

    Args:
        results: The results of this batch.
        losses: Key of a student → the text that `why_lost` returns.
        old: The scores of the other gradebook.
    """
    yield COLUMNS
    students = [result.student for result in results]
    recogniser = Recogniser(students)
    matched: dict[str, OtherScore] = {}
    unmatched: list[OtherScore] = []
    for other_score in old:
        student = _student_of(other_score.student, students, recogniser)
        if student is None or student.key in matched:
            unmatched.append(other_score)
        else:
            matched[student.key] = other_score
    for result in results:
        key = result.student.key
        old_score = matched.get(key)
        old_points, new_points = old_score.points if old_score else None, result.final
        difference = None if old_points is None or new_points is None else new_points - old_points
        points = map(points_cell, (old_points, new_points, difference))
        yield (key, result.student.shown, *points, _reason(result, old_score, losses.get(key, "")))
    for other_score in unmatched:
        student = other_score.student
        yield (student.key, student.shown, points_cell(other_score.points), "", "", "only in the other gradebook")


def _reason(result: Result, old_score: OtherScore | None, loss: str) -> str:
    """Return the reason why a student's score differs from the other gradebook's score. Return "" if they are
    equal."""
    old, new = old_score.points if old_score else None, result.final
    if old == new:
        return ""
    if old_score is None:
        return "not in the other gradebook"
    if old is None:
        status = f" ({old_score.status})" if old_score.status else ""
        return f"the other gradebook has no score{status}"
    if new is None:
        return f"no score here: {result.status}"
    phrases = [loss] if loss else []
    if result.late is not None and result.points is not None and new != result.points:
        phrases.append(f"late -{show_points(result.points - new)}: {result.late.sentence}")
    if result.waiting:
        phrases.append(f"{show_points(result.waiting)} points await marking and are not counted here")
    return "; ".join(phrases) or "no points were lost here"


def _student_of(row: ClassStudent, students: Sequence[ClassStudent], recogniser: Recogniser) -> ClassStudent | None:
    """Return the student to whom a row of another gradebook belongs. The row's key is compared first, then its ids,
    email, login and name, until exactly one student matches. Return None if there is no such student."""
    key = row.cells.get("student", row.key)
    for student in students:
        if student.key == key:
            return student
    for positions in recogniser.fitting(row).values():
        if len(positions) == 1:
            return students[min(positions)]
    return None
