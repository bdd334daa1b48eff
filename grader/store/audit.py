"""The audit: who changed what, and when. `grader.store.recording` adds the rows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, func, or_, select

from grader.store.database import Tx, fetch
from grader.store.tables import answers, audit, authors, gradings, people, questions

SHOWN = 100
"""Number of entries on one page."""
ANSWER_MARKS = ("answer marks", "mark items")
"""Beginnings of the actions that tell of marks on answers."""


@dataclass(frozen=True)
class Entry:
    """One changed row of the database."""

    id: str
    at: dt.datetime
    author: str | None
    """Login of the person who made the change; null for a command of the operator, and for the service."""
    request: str
    """Id of the HTTP request, as in its header X-Request-Id, or the command."""
    course: str | None
    assignment: str | None
    subject: str | None
    """Login of the person whom the change is about, if it is about one."""
    submission: str | None
    action: str
    """The table and the kind of change, for example "extensions added"."""
    detail: str
    """The question, label, group, login or text that the change is about."""
    before: Mapping[str, Any]
    """The changed values before; empty for something that was added."""
    after: Mapping[str, Any]
    """The changed values; empty for something that was removed."""


def entries(
    tx: Tx,
    course: str = "",
    assignment: str = "",
    person: str = "",
    by: str = "",
    action: str = "",
    before: str = "",
    marker: str = "",
) -> list[Entry]:
    """Return at most `SHOWN` entries, the newest first. Arguments that are empty do not matter.

    Args:
        tx: The transaction.
        course: Id of the course.
        assignment: Id of the assignment.
        person: A part of the login of the person whom the changes are about.
        by: A part of the login of the person who made the changes.
        action: A part of the action.
        before: Id of an entry; return those before it.
        marker: Id of a member of staff. Marks by others are left out for assignments in which two people mark the
            answers to a question without seeing each other's marks.
    """
    author, subject = people.alias(), people.alias()
    query = select(audit, author.c.login.label("author"), subject.c.login.label("subject"))
    query = query.outerjoin(author, author.c.id == audit.c.by).outerjoin(subject, subject.c.id == audit.c.person)
    for column, value in ((audit.c.course, course), (audit.c.assignment, assignment)):
        if value:
            query = query.where(column == value)
    if by:
        query = query.where(author.c.login.contains(by.lower(), autoescape=True))
    if person:
        has_login = people.c.login.contains(person.lower(), autoescape=True)
        query = query.where(is_about(select(people.c.id).where(has_login)))
    if before:
        query = query.where(audit.c.id < before)
    if marker:
        place = {"course": audit.c.course, "assignment": audit.c.assignment}
        has_two_markers = select(questions).filter_by(**place).where(questions.c.markers > 1).exists()
        is_own = func.coalesce(audit.c.by == marker, False)
        query = query.where(is_own | ~_is_answer_mark() | ~has_two_markers)
    query = query.where(audit.c.action.contains(action, autoescape=True))
    return fetch(tx, query.order_by(audit.c.id.desc()).limit(SHOWN), Entry)


def is_about(persons: Select[str] | Collection[str]) -> ColumnElement[bool]:
    """Return the SQL condition that an entry is about one of these people, one of their submissions, or one of their
    answers. `persons` are the ids."""
    own = select(authors.c.submission).where(authors.c.person.in_(persons))
    own_answers = select(answers.c.digest).join(gradings).where(gradings.c.submission.in_(own))
    return or_(audit.c.person.in_(persons), audit.c.submission.in_(own), audit.c.digest.in_(own_answers))


def _is_answer_mark() -> ColumnElement[bool]:
    """Return the SQL condition that an entry tells of a mark on an answer."""
    return or_(*(audit.c.action.startswith(table) for table in ANSWER_MARKS))
