"""Assignments that courses offer, and extensions of due dates."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import asdict

from sqlalchemy import delete, insert, literal, null, select, union_all

from grader.store import outbox, people, tables
from grader.store.database import Tx, among, fetch, fetch_one, now, remembered, upsert
from grader.store.records import Extension, Offering
from grader.store.tables import extensions, label_extensions, members, offerings


def put_offering(tx: Tx, offering: Offering) -> None:
    """Create or update an offering."""
    query = select(offerings).filter_by(course=offering.course, assignment=offering.assignment)
    earlier = fetch_one(tx, query, Offering)
    upsert(tx, offerings, asdict(offering))
    if earlier and offering.is_held(now()) and not earlier.is_held(now()):
        outbox.tell_when_released(tx, offering.course, offering.assignment)


def offering(tx: Tx, course: str, assignment: str) -> Offering | None:
    """Return the offering of an assignment in a course; None if the course does not offer it."""
    for offering in offerings_of(tx, course):
        if offering.assignment == assignment:
            return offering
    return None


@remembered
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
    return extensions_of(tx, course, {person}).get((assignment, person))


@remembered
def extensions_of(tx: Tx, course: str, persons: Collection[str]) -> dict[tuple[str, str], dt.datetime]:
    """Return the extended due dates by assignment and person id. A person's date is the latest one of their own
    extension, of the extensions of their labels, and of everyone's. `persons` are the ids of the people."""
    person = tables.people.c.id
    of_labels = select(*label_extensions.c["assignment", "due_at", "label"], person.label("person"), members.c.labels)
    of_labels = of_labels.where(label_extensions.c.course == course)
    of_labels = of_labels.join_from(label_extensions, tables.people, among(tx, person, persons))
    of_labels = of_labels.outerjoin(members, (members.c.person == person) & (members.c.course == course))
    own = select(*extensions.c["assignment", "due_at"], literal(""), extensions.c.person, null())
    own = own.where(extensions.c.course == course, among(tx, extensions.c.person, persons))
    latest: dict[tuple[str, str], dt.datetime] = {}
    for row in tx.execute(union_all(of_labels, own)):
        if row.label == "" or row.label in row.labels:
            key = (row.assignment, row.person)
            latest[key] = max(row.due_at, latest.get(key, row.due_at))
    return latest


def stored_extensions(tx: Tx, course: str, assignment: str = "", person: str = "") -> list[Extension]:
    """Return extensions of a course as staff set them: those of everyone and of labels, then those of people in the
    order of their logins.

    Args:
        tx: The transaction.
        course: Id of the course.
        assignment: Id of the assignment; empty for all.
        person: Id of the person whose own extensions to return; empty for those of all people.
    """
    columns, empty, account = ("assignment", "due_at", "reason", "at"), literal(""), tables.people.c
    of_labels = select(*label_extensions.c[columns], label_extensions.c.label, empty.label("login"))
    of_labels = of_labels.add_columns(empty.label("name"), people.login_column(label_extensions.c.by).label("granter"))
    of_labels = of_labels.where(label_extensions.c.course == course)
    of_people = select(*extensions.c[columns], empty, account.login, account.name, people.login_column(extensions.c.by))
    of_people = of_people.join(tables.people, account.id == extensions.c.person).where(extensions.c.course == course)
    if assignment:
        of_labels = of_labels.where(label_extensions.c.assignment == assignment)
        of_people = of_people.where(extensions.c.assignment == assignment)
    if person:
        of_people = of_people.where(account.id == person)
    return fetch(tx, union_all(of_labels, of_people).order_by("login", "label"), Extension)
