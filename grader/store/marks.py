"""Points that people give to a question or a check of one submission. Regrading does not change them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete, insert

from grader.model import Points
from grader.model.grouping import grouped
from grader.store.database import Tx, among, now, record_of
from grader.store.people import person_of, select_with_person
from grader.store.records import Mark
from grader.store.rubrics import require_hundredths
from grader.store.tables import marks


def put(tx: Tx, submission: str, question: str, points: Points | None, comment: str, marker: str) -> None:
    """Set the mark of a question or check of a submission, or remove it.

    Args:
        tx: A transaction that writes.
        submission: Id of the submission.
        question: Id of the question or check.
        points: The points; None removes the mark.
        comment: Comment for the student.
        marker: Id of the marker.

    Raises:
        BadCall: If the points are not a multiple of 1/100.
    """
    key = {"submission": submission, "question": question}
    tx.execute(delete(marks).filter_by(**key))
    if points is None:
        return
    require_hundredths(points)
    row = {**key, "points": points, "comment": comment, "by": marker, "at": now()}
    tx.execute(insert(marks).values(row))


def of_submissions(tx: Tx, ids: Sequence[str]) -> dict[str, list[Mark]]:
    """Return the marks of each of these submissions, by submission id."""
    query = select_with_person(*marks.c, person=marks.c.by)
    query = query.where(among(tx, marks.c.submission, ids))
    query = query.order_by(marks.c.submission, marks.c.question)
    rows = tx.execute(query).all()
    return grouped((row.submission, record_of(row, Mark, by=person_of(row))) for row in rows)
