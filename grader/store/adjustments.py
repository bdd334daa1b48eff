"""Holds and releases of the results of single students, and adjustments of their scores."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import delete, insert, select

from grader.model import Points
from grader.model.grouping import grouped
from grader.store import outbox
from grader.store.database import Tx, among, fetch_pairs, now, record_of, remembered, upsert
from grader.store.people import person_of, select_with_person
from grader.store.records import Adjustment, new_id
from grader.store.rubrics import require_hundredths
from grader.store.tables import adjustments, holds

# ── holds ────────────────────────────────────────────────────────────────────────────────────────────


def put_hold(tx: Tx, course: str, assignment: str, person: str, held: bool | None) -> None:
    """Hide an assignment's results from one student, or release them to this student.

    Args:
        tx: A transaction that writes.
        course: Id of the course.
        assignment: Id of the assignment.
        person: Id of the student.
        held: True to hide, False to release; None to do as for all students.
    """
    key = {"course": course, "assignment": assignment, "person": person}
    if held is None:
        tx.execute(delete(holds).filter_by(**key))
    else:
        upsert(tx, holds, key | {"held": held})
    outbox.tell_when_released(tx, course, assignment, person)


def holds_of(tx: Tx, course: str, person: str) -> dict[str, bool]:
    """Return, by assignment, whether the results are hidden from a student, for assignments with a setting of the
    student's own."""
    query = select(holds.c.assignment, holds.c.held)
    return fetch_pairs(tx, query.filter_by(course=course, person=person))


def held_from(tx: Tx, course: str, persons: Collection[str]) -> set[tuple[str, str]]:
    """Return (assignment, person id) for each of these people from whom staff hold results back."""
    query = select(holds.c.assignment, holds.c.person).filter_by(course=course, held=True)
    rows = tx.execute(query.where(among(tx, holds.c.person, persons)))
    return {(row.assignment, row.person) for row in rows}


# ── adjustments ──────────────────────────────────────────────────────────────────────────────────────


def add_adjustment(tx: Tx, course: str, assignment: str, person: str, points: Points, reason: str, staff: str) -> None:
    """Add points to a student's score for an assignment, or subtract some.

    Args:
        tx: A transaction that writes.
        course: Id of the course.
        assignment: Id of the assignment.
        person: Id of the student.
        points: The points to add; negative to subtract.
        reason: The reason, for the student.
        staff: Id of the person who decides.

    Raises:
        BadCall: If the points are not a multiple of 1/100.
    """
    require_hundredths(points)
    row = {"id": new_id(), "course": course, "assignment": assignment, "person": person, "points": points}
    tx.execute(insert(adjustments).values(row | {"reason": reason, "by": staff, "at": now()}))


@remembered
def adjustments_of(
    tx: Tx, course: str, persons: Collection[str] | None = None
) -> dict[tuple[str, str], list[Adjustment]]:
    """Return the adjustments of scores by assignment and person id, the oldest first.

    Args:
        tx: The transaction.
        course: Id of the course.
        persons: Ids of the people; None for all.
    """
    query = select_with_person(*adjustments.c, person=adjustments.c.by)
    query = query.where(adjustments.c.course == course)
    if persons is not None:
        query = query.where(among(tx, adjustments.c.person, persons))
    rows = tx.execute(query.order_by(adjustments.c.id))
    return grouped(((row.assignment, row.person), record_of(row, Adjustment, by=person_of(row))) for row in rows)
