"""Columns in the gradebooks of learning platforms, and the scores that the platforms have accepted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, func, literal, select, union_all

from grader.lms.services import Access
from grader.store.database import Tx, fetch, now, record_of, upsert
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

_CONTEXT = (*lti_contexts.c, lti_platforms.c.name, lti_platforms.c.client_id, lti_platforms.c.token_url)


@dataclass(frozen=True)
class LinkedContext:
    """A course of a platform that belongs to a course of this service."""

    id: str
    platform: str
    """Id of the platform."""
    name: str
    """Name of the platform."""
    title: str
    course: str
    access: Access
    memberships_url: str
    """Empty if the platform offers no roster."""
    line_items_url: str
    """Empty if the platform offers no columns."""


@dataclass(frozen=True)
class StudentColumn:
    """The place of a student's score in a platform's gradebook."""

    context: LinkedContext
    url: str
    subject: str
    """The platform's id of the student."""
    sent: Mapping[str, Any]
    """What the platform has accepted; empty for nothing."""


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


def contexts_of(tx: Tx, course: str) -> list[LinkedContext]:
    """Return the platforms' courses that belong to a course, in the order of their titles."""
    query = select(*_CONTEXT).join(lti_platforms).filter_by(course=course)
    return [_context(row) for row in tx.execute(query.order_by(lti_contexts.c.title, lti_contexts.c.id))]


def _context(row: Any) -> LinkedContext:
    return record_of(row, LinkedContext, access=record_of(row, Access))


def columns_of(tx: Tx, course: str, assignment: str, person: str) -> list[StudentColumn]:
    """Return the places of the score of a student in platforms' gradebooks."""
    query = select(*_CONTEXT, lti_line_items.c.url, lti_members.c.subject, lti_scores.c.sent)
    query = query.select_from(lti_contexts).join(lti_platforms)
    query = query.join(lti_line_items, lti_line_items.c.context == lti_contexts.c.id)
    query = query.join(lti_members, lti_members.c.context == lti_contexts.c.id)
    is_student = and_(members.c.person == lti_members.c.person, members.c.role == Role.STUDENT)
    query = query.join(members, and_(members.c.course == lti_contexts.c.course, is_student))
    of_assignment = lti_scores.c.assignment == lti_line_items.c.assignment
    of_person = and_(lti_scores.c.person == person, lti_scores.c.context == lti_contexts.c.id)
    query = query.outerjoin(lti_scores, and_(of_assignment, of_person))
    query = query.where(lti_contexts.c.course == course, lti_members.c.person == person)
    query = query.where(lti_line_items.c.assignment == assignment)
    rows = tx.execute(query)
    return [record_of(row, StudentColumn, context=_context(row), sent=row.sent or {}) for row in rows]


def line_items_of(tx: Tx, course: str) -> dict[tuple[str, str], str]:
    """Return the URLs of the columns of a course, by (id of the context, assignment)."""
    query = select(lti_line_items).join(lti_contexts).where(lti_contexts.c.course == course)
    return {(row.context, row.assignment): row.url for row in tx.execute(query)}


def put_line_item(tx: Tx, context: str, assignment: str, url: str) -> None:
    """Store the URL of the column of an assignment."""
    upsert(tx, lti_line_items, {"context": context, "assignment": assignment, "url": url})


def accept(tx: Tx, column: StudentColumn, message: Message, sent: Mapping[str, Any]) -> None:
    """Record what a platform has accepted."""
    _put(tx, column, message, {"sent": sent, "sent_at": now(), "problem": ""})


def refuse(tx: Tx, column: StudentColumn, message: Message, problem: str) -> None:
    """Record why a platform has not accepted a score."""
    _put(tx, column, message, {"sent": column.sent, "problem": problem})


def _put(tx: Tx, column: StudentColumn, message: Message, values: Mapping[str, Any]) -> None:
    key = {"context": column.context.id, "assignment": message.assignment, "person": message.person}
    upsert(tx, lti_scores, {**key, **values})


def unsent(tx: Tx, course: str) -> list[Unsent]:
    """Return the scores that platforms have not accepted, in the order of assignments and logins."""
    query = select(lti_scores, lti_contexts.c.title, people.c.login, people.c.name).join(lti_contexts).join(people)
    query = query.where(lti_contexts.c.course == course, lti_scores.c.problem != "")
    return fetch(tx, query.order_by(lti_scores.c.assignment, people.c.login), Unsent)


def counts(tx: Tx, course: str) -> dict[str, tuple[int, int]]:
    """Return the number of scores that platforms have accepted, and of those that wait, by assignment."""
    accepted = select(lti_scores.c.assignment, literal(1).label("accepted"), literal(0).label("waiting"))
    accepted = accepted.join(lti_contexts).where(lti_contexts.c.course == course, lti_scores.c.problem == "")
    waiting = select(outbox.c.assignment, literal(0), literal(1))
    each = union_all(accepted, waiting.filter_by(course=course, channel=Channel.PLATFORM)).subquery()
    query = select(each.c.assignment, func.sum(each.c.accepted), func.sum(each.c.waiting))
    return {assignment: (sent, left) for assignment, sent, left in tx.execute(query.group_by(each.c.assignment))}
