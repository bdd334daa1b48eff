"""Assignments that courses offer, and extensions of due dates."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict

from sqlalchemy import ColumnElement, Table, and_, delete, insert, select

from grader.store.database import AnyRow, Tx, upsert
from grader.store.records import Offering
from grader.store.tables import extensions, offerings


def put_offering(tx: Tx, offering: Offering) -> None:
    """Create or update an offering."""
    row = asdict(offering) | {"late": dict(offering.late), "hidden": list(offering.hidden)}
    upsert(tx, offerings, row)


def offering(tx: Tx, course: str, assignment: str) -> Offering | None:
    """Return the offering of an assignment in a course; None if the course does not offer it."""
    row = tx.execute(select(offerings).where(_is(offerings, course, assignment))).one_or_none()
    return _offering(row) if row else None


def offerings_of(tx: Tx, course: str) -> list[Offering]:
    """Return the offerings of a course in the order of the assignments' ids."""
    rows = tx.execute(select(offerings).where(offerings.c.course == course).order_by(offerings.c.assignment))
    return [_offering(row) for row in rows]


def put_extension(tx: Tx, course: str, assignment: str, person: str, due_at: dt.datetime | None) -> None:
    """Set a person's extended due date. If `due_at` is None, remove the extension."""
    where = and_(_is(extensions, course, assignment), extensions.c.person == person)
    tx.execute(delete(extensions).where(where))
    if due_at is not None:
        tx.execute(insert(extensions).values(course=course, assignment=assignment, person=person, due_at=due_at))


def extension(tx: Tx, course: str, assignment: str, person: str) -> dt.datetime | None:
    """Return a person's extended due date; None if the person has no extension."""
    where = and_(_is(extensions, course, assignment), extensions.c.person == person)
    return tx.execute(select(extensions.c.due_at).where(where)).scalar_one_or_none()


def extensions_of(tx: Tx, course: str, assignment: str) -> dict[str, dt.datetime]:
    """Return the extended due dates by person id."""
    rows = tx.execute(select(extensions).where(_is(extensions, course, assignment)))
    return {row.person: row.due_at for row in rows}


def _is(table: Table, course: str, assignment: str) -> ColumnElement[bool]:
    return and_(table.c.course == course, table.c.assignment == assignment)


def _offering(row: AnyRow) -> Offering:
    return Offering(**dict(row._mapping) | {"hidden": tuple(row.hidden)})
