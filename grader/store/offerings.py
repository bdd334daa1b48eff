"""Assignments that courses offer, and what staff decide for single students: extensions, holds and adjustments."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict

from sqlalchemy import delete, insert, select

from grader.model import Points
from grader.model.grouping import grouped
from grader.store.database import Tx, fetch, fetch_one, fetch_pairs, now, record_of, upsert
from grader.store.people import person_of, select_with_person
from grader.store.records import Adjustment, Offering, new_id
from grader.store.rubrics import require_hundredths
from grader.store.tables import adjustments, extensions, holds, offerings


def put_offering(tx: Tx, offering: Offering) -> None:
    """Create or update an offering."""
    upsert(tx, offerings, asdict(offering))


def offering(tx: Tx, course: str, assignment: str) -> Offering | None:
    """Return the offering of an assignment in a course; None if the course does not offer it."""
    query = select(offerings).filter_by(course=course, assignment=assignment)
    return fetch_one(tx, query, Offering)


def offerings_of(tx: Tx, course: str) -> list[Offering]:
    """Return the offerings of a course in the order of the assignments' ids."""
    query = select(offerings).filter_by(course=course)
    query = query.order_by(offerings.c.assignment)
    return fetch(tx, query, Offering)


def put_extension(tx: Tx, course: str, assignment: str, person: str, due_at: dt.datetime | None) -> None:
    """Set a person's extended due date. If `due_at` is None, remove the extension."""
    key = {"course": course, "assignment": assignment, "person": person}
    tx.execute(delete(extensions).filter_by(**key))
    if due_at is not None:
        tx.execute(insert(extensions).values(**key, due_at=due_at))


def extension(tx: Tx, course: str, assignment: str, person: str) -> dt.datetime | None:
    """Return a person's extended due date; None if the person has no extension."""
    return extensions_of(tx, course, assignment, person).get(person)


def extensions_of(tx: Tx, course: str, assignment: str, person: str | None = None) -> dict[str, dt.datetime]:
    """Return the extended due dates by person id.

    Args:
        tx: The transaction.
        course: Id of the course.
        assignment: Id of the assignment.
        person: Return only the extension of this person; None for all.
    """
    query = select(extensions.c.person, extensions.c.due_at)
    query = query.filter_by(course=course, assignment=assignment)
    if person is not None:
        query = query.filter_by(person=person)
    return fetch_pairs(tx, query)


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


def holds_of(tx: Tx, course: str, assignment: str) -> dict[str, bool]:
    """Return, by person id, whether the results are hidden from a student, for students with a setting of their own."""
    query = select(holds.c.person, holds.c.held)
    return fetch_pairs(tx, query.filter_by(course=course, assignment=assignment))


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


def adjustments_of(tx: Tx, course: str, assignment: str, person: str | None = None) -> dict[str, list[Adjustment]]:
    """Return the adjustments of scores for an assignment by person id, the oldest first.

    Args:
        tx: The transaction.
        course: Id of the course.
        assignment: Id of the assignment.
        person: Return only the adjustments of this person; None for all.
    """
    query = select_with_person(*adjustments.c, person=adjustments.c.by)
    query = query.where(adjustments.c.course == course, adjustments.c.assignment == assignment)
    if person is not None:
        query = query.where(adjustments.c.person == person)
    rows = tx.execute(query.order_by(adjustments.c.id))
    return grouped((row.person, record_of(row, Adjustment, by=person_of(row))) for row in rows)
