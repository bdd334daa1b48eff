"""Courses, people, their roles and their tokens."""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields, replace
from typing import Any

from sqlalchemy import (
    ColumnElement,
    ScalarSelect,
    Select,
    delete,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    tuple_,
    update,
)

from grader.store.database import (
    AnyRow,
    Tx,
    among,
    change,
    fetch,
    fetch_one,
    fetch_pairs,
    insert_new,
    now,
    one_at_a_time,
    record_of,
    remembered,
    upsert,
)
from grader.store.records import (
    EVERY_SCOPE,
    AccessToken,
    Course,
    CourseSetup,
    LoginMethod,
    Member,
    Person,
    Role,
    TokenKind,
    TokenScope,
    new_id,
)
from grader.store.tables import courses, group_members, members, people, submissions, tokens

PERSON = [people.c[field.name].label(f"person_{field.name}") for field in fields(Person)]
"""The SQL columns for the fields of a `Person`."""


def select_with_person(*columns: ColumnElement[Any], person: ColumnElement[str]) -> Select[Any]:
    """Select columns, and the columns `PERSON` of the person whose id is in the column `person`."""
    query = select(*columns, *PERSON)
    return query.join(people, people.c.id == person)


def person_of(row: AnyRow) -> Person:
    """Return the person in a row that has the columns `PERSON`."""
    return Person(row.person_id, row.person_login, row.person_name, row.person_admin)


# ── courses ──────────────────────────────────────────────────────────────────────────────────────────


def add_course(tx: Tx, course: Course) -> None:
    """Create a course."""
    row = {**asdict(course), "created_at": now()}
    tx.execute(insert(courses).values(row))


def put_course(tx: Tx, course: Course) -> None:
    """Create a course, or change its title."""
    renaming = update(courses).filter_by(id=course.id).values(title=course.title)
    if not change(tx, renaming):
        add_course(tx, course)


@remembered
def course(tx: Tx, id: str) -> Course | None:
    """Return the course with this id; None if there is none."""
    query = select(courses).filter_by(id=id)
    return fetch_one(tx, query, Course)


def all_courses(tx: Tx) -> list[Course]:
    """Return all courses in the order of their ids."""
    query = select(courses).order_by(courses.c.id)
    return fetch(tx, query, Course)


def setups(tx: Tx, ids: Iterable[str]) -> dict[str, CourseSetup]:
    """Return how far each of these courses is set up, by course id."""
    students = select(func.count()).select_from(members).filter_by(role=Role.STUDENT)
    count = students.where(members.c.course == courses.c.id).scalar_subquery().label("students")
    submitted = exists().where(submissions.c.course == courses.c.id).label("has_submissions")
    query = select(courses.c.id, count, submitted).where(courses.c.id.in_(ids))
    return {row.id: record_of(row, CourseSetup) for row in tx.execute(query)}


# ── people and roles ─────────────────────────────────────────────────────────────────────────────────


def put_person(tx: Tx, login: str, name: str, *, admin: bool | None = None) -> Person:
    """Return the person with this login; create or update them if needed.

    Args:
        tx: The transaction.
        login: E-mail address or account name; case does not matter.
        name: Name to show; empty keeps the current name.
        admin: Grant or revoke administrator rights; None leaves them unchanged.
    """
    login = login.strip().lower()
    current = person_by_login(tx, login)
    if current is None:
        new = Person(new_id(), login, name or login, bool(admin))
        if insert_new(tx, people, asdict(new) | {"created_at": now()}):
            return new
        current = person_by_login(tx, login)  # created by a concurrent transaction
        assert current is not None
    is_admin = current.admin if admin is None else admin
    changed = replace(current, name=name or current.name, admin=is_admin)
    if changed != current:
        values = {"name": changed.name, "admin": changed.admin}
        account = update(people).filter_by(id=current.id)
        tx.execute(account.values(values))
    return changed


def person_by_login(tx: Tx, login: str) -> Person | None:
    """Return the person with this login; None if there is none."""
    login = login.strip().lower()
    return fetch_one(tx, select(people).filter_by(login=login), Person)


def person(tx: Tx, id: str) -> Person | None:
    """Return the person with this id; None if there is none."""
    query = select(people).filter_by(id=id)
    return fetch_one(tx, query, Person)


def names_of_others(tx: Tx, course: str, logins: Sequence[str]) -> dict[str, str]:
    """Return the names that the staff of a course may not change, by login: those of admins and of members of other
    courses.

    Args:
        tx: The transaction.
        course: Id of the course.
        logins: The logins to look up, in lower case.
    """
    elsewhere = select(members.c.person).where(members.c.course != course)
    query = select(people.c.login, people.c.name).where(among(tx, people.c.login, logins))
    return fetch_pairs(tx, query.where(or_(people.c.admin, people.c.id.in_(elsewhere))))


def first_admin(tx: Tx, login: str, name: str) -> Person | None:
    """Create and return the first administrator. Return None if there is one already, possibly created by a concurrent
    transaction."""
    one_at_a_time(tx, "first administrator")
    if has_admin(tx):
        return None
    return put_person(tx, login, name, admin=True)


def has_admin(tx: Tx) -> bool:
    """Return whether there is an administrator."""
    admins = select(people.c.id).filter_by(admin=True)
    return tx.scalar(admins.limit(1)) is not None


def put_member(
    tx: Tx,
    course: str,
    person: str,
    role: Role,
    labels: Sequence[str] | None = None,
    identifiers: Mapping[str, str] | None = None,
) -> None:
    """Add a person to a course, or change their role. Labels and identifiers stay as they are if they are None."""
    row: dict[str, Any] = {"course": course, "person": person, "role": role}
    if labels is not None:
        row["labels"] = labels
    if identifiers is not None:
        row["identifiers"] = identifiers
    upsert(tx, members, row)
    if role is not Role.STUDENT:
        _leave_groups(tx, course, person)


def remove_member(tx: Tx, course: str, person: str) -> None:
    """Remove a person from a course. Their submissions stay."""
    tx.execute(delete(members).filter_by(course=course, person=person))
    _leave_groups(tx, course, person)


def _leave_groups(tx: Tx, course: str, person: str) -> None:
    """Remove a person from their groups in a course. Invitations stay, since they do not tell who is a student."""
    places = delete(group_members).filter_by(course=course, accepted=True)
    tx.execute(places.where(group_members.c.login == login_column(literal(person))))


def member(tx: Tx, course: str, login: str) -> Member | None:
    """Return the member of a course with this login; None if there is none."""
    query = select_with_person(*members.c, person=members.c.person)
    row = tx.execute(query.where(members.c.course == course, people.c.login == login.strip().lower())).one_or_none()
    return record_of(row, Member, person=person_of(row)) if row else None


def roles(tx: Tx, person: str) -> dict[str, Role]:
    """Return a person's roles by course id."""
    query = select(members.c.course, members.c.role)
    query = query.filter_by(person=person)
    return fetch_pairs(tx, query)


def roster(
    tx: Tx, course: str, role: Role | None = None, text: str = "", after: str = "", limit: int | None = None
) -> list[Member]:
    """Return members of a course in the order of their names.

    Args:
        tx: The transaction.
        course: Id of the course.
        role: Return only members with this role; None for all.
        text: Return only people whose name or login contains this text, in upper or lower case.
        after: Return only people after the person with this login; without such a person, those from the first one.
        limit: Largest number of members; None for all.
    """
    query = select_with_person(*members.c, person=members.c.person).where(members.c.course == course)
    if role is not None:
        query = query.where(members.c.role == role)
    if text:
        in_name = people.c.name.icontains(text, autoescape=True)
        query = query.where(or_(in_name, people.c.login.icontains(text, autoescape=True)))
    previous = person_by_login(tx, after) if after else None
    if previous is not None:
        key = tuple_(people.c.name, people.c.login)
        query = query.where(key > tuple_(previous.name, previous.login))
    query = query.order_by(people.c.name, people.c.login).limit(limit)
    rows = tx.execute(query)
    return [record_of(row, Member, person=person_of(row)) for row in rows]


def login_column(person: ColumnElement[str | None]) -> ScalarSelect[str]:
    """Return the SQL expression of the login of the person whose id is in the column `person`."""
    account = people.alias()
    return select(account.c.login).where(account.c.id == person).scalar_subquery()


def role_counts(tx: Tx, course: str) -> dict[Role, int]:
    """Return the number of members of a course by role. A role without members is left out."""
    query = select(members.c.role, func.count()).filter_by(course=course)
    return fetch_pairs(tx, query.group_by(members.c.role))


# ── tokens ───────────────────────────────────────────────────────────────────────────────────────────


def new_token(
    tx: Tx,
    person: str,
    kind: TokenKind,
    label: str = "",
    lasts: dt.timedelta | None = None,
    scopes: Iterable[TokenScope] = EVERY_SCOPE,
    parent: AccessToken | None = None,
    method: LoginMethod | None = None,
) -> str:
    """Create a token and return its secret. The database stores only a hash of the secret.

    Args:
        tx: The transaction.
        person: Id of the person that the token belongs to.
        kind: Kind of the token.
        label: Name of the token, for people.
        lasts: Lifetime; None for a token that is valid until revoked.
        scopes: Scopes of the token. Scopes that `parent` lacks are left out.
        parent: API token that authorizes the new token. The new token ends when this one expires or is revoked.
        method: The way in which a session began.
    """
    secret = secrets.token_urlsafe(32)
    moment = now()
    expires_at = None if lasts is None else moment + lasts
    allowed_scopes = EVERY_SCOPE
    if parent is not None:
        allowed_scopes = parent.scopes
        ends = [end for end in (expires_at, parent.expires_at) if end is not None]
        expires_at = min(ends, default=None)
    row = {
        "id": new_id(),
        "hash": _hash(secret),
        "person": person,
        "kind": kind,
        "label": label,
        "created_at": moment,
        "expires_at": expires_at,
        "scopes": sorted(allowed_scopes.intersection(scopes)),
        "parent": None if parent is None else parent.id,
        "method": method,
    }
    tx.execute(insert(tokens).values(row))
    return secret


def token_holder(tx: Tx, secret: str, kinds: Iterable[TokenKind]) -> tuple[Person, AccessToken, dict[str, Role]] | None:
    """Return (owner, token, roles of the owner by course id) of the token with this secret; None if no valid token of
    these kinds has this secret."""
    query = select_with_person(*tokens.c, members.c.course, members.c.role, person=tokens.c.person)
    query = query.outerjoin(members, members.c.person == people.c.id)
    query = query.where(tokens.c.hash == _hash(secret), _not_expired())
    rows = tx.execute(query.where(tokens.c.kind.in_(kinds))).all()
    if not rows:
        return None
    return person_of(rows[0]), _token(rows[0]), {row.course: row.role for row in rows if row.course}


def end_session(tx: Tx, secret: str) -> None:
    """Delete the session with this secret. No-op if there is none."""
    tx.execute(delete(tokens).filter_by(hash=_hash(secret), kind=TokenKind.SESSION))


def tokens_of(tx: Tx, person: str) -> list[AccessToken]:
    """Return a person's tokens that have not expired, the oldest first."""
    query = select(tokens).filter_by(person=person).where(_not_expired())
    return [_token(row) for row in tx.execute(query.order_by(tokens.c.id))]


def token_by_secret(tx: Tx, secret: str) -> AccessToken:
    """Return the token with this secret. The token must exist."""
    query = select(tokens).filter_by(hash=_hash(secret))
    return _token(tx.execute(query).one())


def token_by_id(tx: Tx, id: str) -> AccessToken | None:
    """Return a token and prevent its revocation until the transaction ends. Return None if the token does not exist or
    has expired."""
    query = select(tokens).filter_by(id=id).where(_not_expired())
    query = query.with_for_update(read=True)
    row = tx.execute(query).one_or_none()
    return _token(row) if row else None


def _token(row: AnyRow) -> AccessToken:
    """Convert a row of the table `tokens`."""
    scopes = map(TokenScope, row.scopes)
    return record_of(row, AccessToken, scopes=frozenset(scopes))


def revoke_token(tx: Tx, person: str, id: str) -> bool:
    """Delete a token and all tokens created with it. Return whether the token existed."""
    revocation = delete(tokens).filter_by(id=id, person=person)
    return change(tx, revocation) > 0


def renew_session(tx: Tx, id: str, expires_at: dt.datetime) -> None:
    """Let a session last longer. No-op if it has ended, or another request has renewed it."""
    session = update(tokens).filter_by(id=id).where(tokens.c.expires_at < expires_at)
    tx.execute(session.values(expires_at=expires_at))


def end_logins(tx: Tx, person: str, but: str) -> None:
    """Delete a person's sessions and unused login links, except for the session with the id `but`."""
    logins = delete(tokens).filter_by(person=person).where(tokens.c.kind != TokenKind.PROGRAM)
    tx.execute(logins.where(tokens.c.id != but))


def forget_expired_tokens(tx: Tx) -> None:
    """Delete tokens that have expired."""
    is_expired = tokens.c.expires_at <= now()
    tx.execute(delete(tokens).where(is_expired))


def _not_expired() -> ColumnElement[bool]:
    """Return the SQL condition that a token has not expired."""
    is_valid = tokens.c.expires_at > now()
    return or_(tokens.c.expires_at.is_(None), is_valid)


def _hash(secret: str) -> str:
    """Return the hash of a token's secret, as stored. No salt is needed: the secret has 256 random bits."""
    return hashlib.sha256(secret.encode()).hexdigest()
