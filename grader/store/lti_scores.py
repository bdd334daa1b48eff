"""Columns in the gradebooks of learning platforms, and the scores that the platforms have accepted."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, func, select, update

from grader.lms.services import Access
from grader.store.database import Store, Tx, fetch, fetch_pairs, record_of, upsert
from grader.store.records import Channel, Message, Role
from grader.store.tables import (
    lti_contexts,
    lti_line_items,
    lti_members,
    lti_platforms,
    lti_scores,
    members,
    outbox,
    people,
)


@dataclass(frozen=True)
class StudentColumn:
    """The place of a student's score in a platform's gradebook."""

    context: str
    """Id of the linked context."""
    access: Access
    url: str
    subject: str
    """The platform's id of the student."""
    sent: Mapping[str, Any]
    """The score that the platform has accepted; empty for none."""
    sent_at: dt.datetime | None
    """None if the score must be sent again even if it is the same."""


@dataclass(frozen=True)
class Unsent:
    """A score that a platform has not accepted."""

    assignment: str
    login: str
    name: str
    title: str
    """Title of the platform's course."""
    problem: str
    """The reason, as a sentence."""


def columns_of(tx: Tx, course: str, assignment: str, person: str) -> list[StudentColumn]:
    """Return the places of the score of a student in platforms' gradebooks; none if the person is no student."""
    context, item, platform = lti_contexts.c, lti_line_items.c, lti_platforms.c
    query = select(context.deployment, *platform["client_id", "token_url", "audience"], *item)
    query = query.add_columns(lti_members.c.subject, lti_scores.c.sent, lti_scores.c.sent_at)
    query = query.select_from(lti_contexts).join(lti_platforms).join(lti_line_items, item.context == context.id)
    query = query.join(lti_members, lti_members.c.context == context.id)
    query = query.join(members, (members.c.course == course) & (members.c.person == person))
    of_student = (lti_scores.c.person == person) & (lti_scores.c.context == context.id)
    query = query.outerjoin(lti_scores, of_student & (lti_scores.c.assignment == assignment))
    query = query.where(context.course == course, item.assignment == assignment, lti_members.c.person == person)
    rows = tx.execute(query.where(members.c.role == Role.STUDENT))
    return [record_of(row, StudentColumn, access=record_of(row, Access), sent=row.sent or {}) for row in rows]


def line_items_of(tx: Tx, course: str) -> set[tuple[str, str]]:
    """Return (id of the context, assignment) of each column of a course."""
    query = select(lti_line_items.c.context, lti_line_items.c.assignment).join(lti_contexts)
    return {(row.context, row.assignment) for row in tx.execute(query.where(lti_contexts.c.course == course))}


def record(store: Store, column: StudentColumn, message: Message, **values: Any) -> None:
    """Store the result of sending a score: the values of `sent`, `sent_at` and `problem` that have changed."""
    key = {"context": column.context, "assignment": message.assignment, "person": message.person}
    with store.write() as tx:
        upsert(tx, lti_scores, {**key, "sent": column.sent, **values})


def remove_column(store: Store, column: StudentColumn, assignment: str) -> None:
    """Remove a column that the platform has deleted, so that the next launch can name another one."""
    with store.write() as tx:
        tx.execute(delete(lti_line_items).filter_by(context=column.context, assignment=assignment, url=column.url))


def forget(tx: Tx, course: str, assignment: str, persons: Collection[str] | None) -> None:
    """Mark the scores of an assignment to be sent again though platforms have them. `persons` are ids of the students;
    None for all."""
    contexts = select(lti_contexts.c.id).filter_by(course=course)
    scores = update(lti_scores).where(lti_scores.c.context.in_(contexts), lti_scores.c.assignment == assignment)
    if persons is not None:
        scores = scores.where(lti_scores.c.person.in_(persons))
    tx.execute(scores.values(sent_at=None))


def unsent(tx: Tx, course: str) -> list[Unsent]:
    """Return the scores that platforms have not accepted, in the order of assignments and logins."""
    query = select(lti_scores, lti_contexts.c.title, people.c.login, people.c.name).join(lti_contexts).join(people)
    query = query.where(lti_contexts.c.course == course, lti_scores.c.problem != "")
    return fetch(tx, query.order_by(lti_scores.c.assignment, people.c.login), Unsent)


def accepted(tx: Tx, course: str) -> dict[str, int]:
    """Return the number of scores that platforms have accepted, by assignment."""
    query = select(lti_scores.c.assignment, func.count(lti_scores.c.sent_at)).join(lti_contexts)
    query = query.where(lti_contexts.c.course == course).group_by(lti_scores.c.assignment)
    return fetch_pairs(tx, query)


def waiting(tx: Tx, course: str) -> dict[str, int]:
    """Return the number of scores that wait to be sent, by assignment."""
    query = select(outbox.c.assignment, func.count(outbox.c.due_at))
    query = query.filter_by(course=course, channel=Channel.PLATFORM)
    return fetch_pairs(tx, query.group_by(outbox.c.assignment))
