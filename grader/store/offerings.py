"""Assignments that courses offer, and extensions of due dates."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict

from sqlalchemy import delete, insert, select

from grader.store.database import Tx, fetch, fetch_one, fetch_pairs, upsert
from grader.store.records import Offering
from grader.store.tables import extensions, offerings


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
