"""Assignments that courses offer, and extensions of due dates."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import asdict

from sqlalchemy import delete, insert, literal, select

from grader.store import outbox, people, tables
from grader.store.database import Tx, among, fetch, fetch_one, now, upsert
from grader.store.records import Extension, Offering
from grader.store.tables import extensions, label_extensions, offerings


def put_offering(tx: Tx, offering: Offering) -> None:
    """Create or update an offering."""
    query = select(offerings).filter_by(course=offering.course, assignment=offering.assignment)
    earlier = fetch_one(tx, query, Offering)
    upsert(tx, offerings, asdict(offering))
    if earlier and offering.is_held(now()) and not earlier.is_held(now()):
        outbox.tell_when_released(tx, offering.course, offering.assignment)


def offering(tx: Tx, course: str, assignment: str) -> Offering | None:
    """Return the offering of an assignment in a course; None if the course does not offer it."""
    query = select(offerings).filter_by(course=course, assignment=assignment)
    return fetch_one(tx, query, Offering)


def offerings_of(tx: Tx, course: str) -> list[Offering]:
    """Return the offerings of a course in the order of the assignments' ids."""
    query = select(offerings).filter_by(course=course)
    query = query.order_by(offerings.c.assignment)
    return fetch(tx, query, Offering)


# ── extensions ───────────────────────────────────────────────────────────────────────────────────────


def put_extension(
    tx: Tx,
    course: str,
    assignment: str,
    person: str | None,
    due_at: dt.datetime | None,
    reason: str = "",
    granter: str | None = None,
    *,
    label: str = "",
) -> None:
    """Set or remove an extended due date.

    Args:
        tx: A transaction that writes.
        course: Id of the course.
        assignment: Id of the assignment.
        person: Id of the person who gets the extension; None for all members with a label.
        due_at: The extended due date; None removes the extension.
        reason: The reason, for staff.
        granter: Id of the member of staff who gives the extension.
        label: The label; empty for everyone. Members who get the label later have the extension too.
    """
    key = {"course": course, "assignment": assignment}
    key |= {"person": person} if person else {"label": label}
    table = extensions if person else label_extensions
    tx.execute(delete(table).filter_by(**key))
    if due_at is not None:
        row = {**key, "due_at": due_at, "reason": reason, "by": granter, "at": now()}
        tx.execute(insert(table).values(row))


def extension(tx: Tx, course: str, assignment: str, person: str) -> dt.datetime | None:
    """Return a person's extended due date; None if the person has no extension."""
    return extensions_of(tx, course, [person], assignment).get((assignment, person))


def extensions_of(
    tx: Tx, course: str, persons: Collection[str], assignment: str | None = None
) -> dict[tuple[str, str], dt.datetime]:
    """Return the extended due dates by assignment and person id. A person's date is the latest one of their own
    extension, of the extensions of their labels, and of everyone's.

    Args:
        tx: The transaction.
        course: Id of the course.
        persons: Ids of the people.
        assignment: Id of the assignment; None for all.
    """
    chosen = {"course": course} if assignment is None else {"course": course, "assignment": assignment}
    own = select(extensions).filter_by(**chosen).where(among(tx, extensions.c.person, persons))
    latest = {(row.assignment, row.person): row.due_at for row in tx.execute(own)}
    of_labels = tx.execute(select(label_extensions).filter_by(**chosen)).all()
    if not of_labels:
        return latest
    labels_of = people.labels_of(tx, course, persons)
    for row in of_labels:
        for person in persons:
            if row.label == "" or row.label in labels_of.get(person, ()):
                key = (row.assignment, person)
                latest[key] = max(row.due_at, latest.get(key, row.due_at))
    return latest


def stored_extensions(tx: Tx, course: str, assignment: str) -> list[Extension]:
    """Return the extensions of an assignment as staff set them: those of everyone and of labels, then those of people
    in the order of their logins."""
    granter = people.login_column(label_extensions.c.by).label("granter")
    empty = literal("")
    of_labels = select(label_extensions, empty.label("login"), empty.label("name"), granter)
    of_labels = of_labels.filter_by(course=course, assignment=assignment).order_by(label_extensions.c.label)
    granter = people.login_column(extensions.c.by).label("granter")
    account = tables.people.c
    of_people = select(extensions, account.login, account.name, empty.label("label"), granter)
    of_people = of_people.filter_by(course=course, assignment=assignment)
    of_people = of_people.join(tables.people, account.id == extensions.c.person).order_by(account.login)
    return fetch(tx, of_labels, Extension) + fetch(tx, of_people, Extension)
