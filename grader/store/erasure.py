"""Data of one person: read all of it, or put a pseudonym in the person's place and remove what identifies them, what
they submitted, and texts about them."""

from __future__ import annotations

import datetime as dt
import secrets
from contextlib import suppress
from typing import Any

from sqlalchemy import delete, func, insert, or_, select, tuple_, update

from grader.errors import BadCall, StoreUnavailable
from grader.store import people as accounts
from grader.store.audit import is_about
from grader.store.database import Store, Tx, now
from grader.store.queue import cancel_where
from grader.store.recording import Author
from grader.store.records import Person, Role, new_id
from grader.store.tables import (
    answers,
    audit,
    authors,
    courses,
    files,
    gradings,
    group_members,
    idempotency,
    line_comments,
    lti_members,
    lti_scores,
    mail_choices,
    marking_actions,
    members,
    metadata,
    outbox,
    passwords,
    people,
    requests,
    submissions,
    tokens,
)

_PREFIX = "erased-"
_EMPTY: dict[str, Any] = {
    "after": {},
    "answer": func.substr(requests.c.answer, 1, 0),  # NULL stays NULL
    "before": {},
    "comment": "",
    "detail": "",
    "identifiers": {},
    "labels": (),
    "opinion": None,
    "reason": "",
    "report": None,
    "text": "",
    "why": "",
}
"""Values that take the place of personal data, by the name of the column."""


def rows_of(tx: Tx, person: Person) -> dict[str, list[dict[str, Any]]]:
    """Return the rows about a person by the name of their table, without secrets, and without what is part of
    submissions."""
    conditions = {table: table.c.person == person.id for table in metadata.sorted_tables if "person" in table.c}
    conditions[people] = people.c.id == person.id
    conditions[group_members] = group_members.c.login == person.login
    conditions[audit] = or_(is_about([person.id]), audit.c.by == person.id)
    rows = {}
    for table, condition in conditions.items():
        columns = [column for column in table.c if column.name != "hash"]
        rows[table.name] = [dict(row) for row in tx.execute(select(*columns).where(condition)).mappings()]
    return rows


def erase(store: Store, login: str, author: Author) -> str:
    """Erase a person, and return the pseudonym that takes the place of their login and name.

    Their submissions are cancelled, and lose files, reports and texts; their points stay. Submissions with other
    authors stay, and so do the marks and texts that the person wrote as staff.

    Args:
        store: The database.
        login: The person's login.
        author: The author of the erasure, for the audit.

    Raises:
        BadCall: If there is no such person, or if they are the only admin.
        StoreUnavailable: If the person is erased, but SQLite's log still has what was erased.
    """
    pseudonym = _erase_in_rows(store, login, author)
    try:
        store.vacuum()
    except StoreUnavailable as busy:
        advice = f"erase {pseudonym} in a minute, which clears the log"
        raise StoreUnavailable(f"{login} is erased and now {pseudonym}, but {busy}: {advice}") from busy
    return pseudonym


def _erase_in_rows(store: Store, login: str, author: Author) -> str:
    """Erase a person, but for what the files of SQLite keep of deleted rows. Return the pseudonym. Raise `BadCall` as
    `erase` does."""
    with store.write() as tx:  # without an author, since the audit must not record what is erased
        person = accounts.person_by_login(tx, login)
        if person is None:
            raise BadCall(f"there is no person {login}: check the login")
        pseudonym = _erase(tx, person, author)
        if not accounts.has_admin(tx):
            raise BadCall("the last admin cannot be erased: make another person an admin first")
    return pseudonym


def _erase(tx: Tx, person: Person, author: Author) -> str:
    """Replace a person by a pseudonym, and return it."""
    id, pseudonym = person.id, f"{_PREFIX}{secrets.token_hex(4)}"
    of_others = select(authors.c.submission).where(authors.c.person != id)
    own = select(authors.c.submission).where(authors.c.person == id, authors.c.submission.not_in(of_others))
    own_gradings = select(gradings.c.id).where(gradings.c.submission.in_(own))
    others_answers = select(answers.c.digest).where(answers.c.grading.not_in(own_gradings))
    own_answers = select(answers.c.digest).where(answers.c.digest.not_in(others_answers))
    cancel_where(tx, gradings.c.submission.in_(own))
    keys: dict[str, Any] = {"person": [id], "submission": own, "grading": own_gradings, "digest": own_answers}
    for table in metadata.sorted_tables:
        values = {name: empty for name, empty in _EMPTY.items() if name in table.c}
        for key in keys.keys() & table.c.keys() if values else ():
            tx.execute(update(table).where(table.c[key].in_(keys[key])).values(values))
    was_invited = audit.c.detail.endswith(f" {person.login}", autoescape=True)  # before there was this person
    tx.execute(update(audit).where(was_invited).values(detail="", before={}, after={}))
    for table in (files, line_comments):
        tx.execute(delete(table).where(table.c.submission.in_(own)))
    # equal to no other submission
    tx.execute(update(submissions).where(submissions.c.id.in_(own)).values(digest=submissions.c.id))
    offered = select(submissions.c.course, submissions.c.assignment).where(submissions.c.id.in_(own))
    own_actions = tuple_(marking_actions.c.course, marking_actions.c.assignment).in_(offered)
    tx.execute(delete(marking_actions).where(or_(marking_actions.c.marker == id, own_actions)))
    for table in (tokens, passwords, idempotency, mail_choices, outbox, lti_members, lti_scores):
        tx.execute(delete(table).where(table.c.person == id))
    submitted_in = select(submissions.c.course).join(authors).where(authors.c.person == id)
    tx.execute(delete(members).where(members.c.person == id, members.c.course.not_in(submitted_in)))
    tx.execute(delete(group_members).filter_by(login=person.login, accepted=False))
    tx.execute(update(group_members).filter_by(login=person.login).values(login=pseudonym))
    tx.execute(update(people).filter_by(id=id).values(login=pseudonym, name=pseudonym, admin=False))
    entry = {"id": new_id(), "at": now(), "by": author.person, "request": author.request, "person": id}
    tx.execute(insert(audit).values(**entry, action="people erased", detail="", before={}, after={}))
    return pseudonym


def apply_retention(store: Store, keep: dt.timedelta) -> list[str]:
    """Delete old entries of the audit, and erase people who have left.

    A person has left if their account and their courses are older than `keep`, they are neither admin nor staff of a
    course, and nothing was submitted in their courses for this time.

    Args:
        store: The database.
        keep: The time for which personal data is kept.

    Returns:
        The pseudonyms of the erased people.
    """
    since = now() - keep
    active = select(submissions.c.course).where(submissions.c.received_at >= since)
    in_use = or_(members.c.role == Role.STAFF, courses.c.created_at >= since, courses.c.id.in_(active))
    staying = select(members.c.person).join(courses).where(in_use)
    query = select(people.c.login).where(people.c.id.not_in(staying), people.c.created_at < since)
    query = query.where(~people.c.admin, ~people.c.login.startswith(_PREFIX))
    with store.write() as tx:
        is_cut = tx.execute(delete(audit).where(audit.c.at < since)).rowcount > 0
        logins = list(tx.scalars(query))
    pseudonyms = []
    for login in logins:
        with suppress(BadCall):  # another process has erased them meanwhile
            pseudonyms.append(_erase_in_rows(store, login, Author(None, "retention")))
    if is_cut or pseudonyms:
        store.vacuum()
    return pseudonyms
