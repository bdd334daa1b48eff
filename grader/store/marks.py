"""Points that people give to a question or a check of one submission. Regrading does not change them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete, insert, select

from grader.model import Points
from grader.model.grouping import grouped
from grader.store.database import Tx, now, record_of
from grader.store.people import PERSON, person_of
from grader.store.records import Mark
from grader.store.rubrics import require_hundredths
from grader.store.tables import marks, people


def put(tx: Tx, submission: str, question: str, points: Points | None, comment: str, by: str) -> None:
    """Set the mark of a question or check of a submission, or remove it.

    Args:
        tx: A transaction that writes.
        submission: Id of the submission.
        question: Id of the question or check.
        points: The points; None removes the mark.
        comment: Comment for the student.
        by: Id of the marker.

    Raises:
        BadCall: If the points are not a multiple of 1/100.
    """
    tx.execute(delete(marks).where(marks.c.submission == submission, marks.c.question == question))
    if points is not None:
        require_hundredths(points)
        row = {"submission": submission, "question": question, "points": points, "comment": comment, "by": by}
        tx.execute(insert(marks).values(row | {"at": now()}))


def of_submissions(tx: Tx, ids: Sequence[str]) -> dict[str, list[Mark]]:
    """Return the marks of each of these submissions, by submission id."""
    rows = tx.execute(
        select(*marks.c, *PERSON)
        .join(people, people.c.id == marks.c.by)
        .where(marks.c.submission.in_(list(ids)))
        .order_by(marks.c.submission, marks.c.question)
    )
    return grouped((row.submission, record_of(row, Mark, by=person_of(row))) for row in rows)
