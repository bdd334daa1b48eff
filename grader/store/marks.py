"""Points that people give to a question or a check of one submission. Regrading does not change them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete, insert, select

from grader.model import Points
from grader.store.database import Tx, now
from grader.store.people import PERSON
from grader.store.records import Mark, Person
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
    """Return the marks by submission id."""
    found: dict[str, list[Mark]] = {}
    rows = tx.execute(
        select(*marks.c, *PERSON[1:])
        .join(people, people.c.id == marks.c.by)
        .where(marks.c.submission.in_(list(ids)))
        .order_by(marks.c.submission, marks.c.question)
    )
    for row in rows:
        by = Person(row.by, row.login, row.name, row.admin)
        mark = Mark(row.submission, row.question, row.points, row.comment, by, row.at)
        found.setdefault(row.submission, []).append(mark)
    return found
