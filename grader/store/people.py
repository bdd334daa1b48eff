"""Courses, people, their roles and their tokens."""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import asdict, fields
from typing import Any

from sqlalchemy import delete, insert, or_, select, update

from grader.store.database import AnyRow, Tx, insert_new, now, one_at_a_time, upsert
from grader.store.records import EVERY_SCOPE, AccessToken, Course, Member, Person, Role, TokenKind, TokenScope, new_id
from grader.store.tables import courses, members, people, tokens

PERSON = [people.c[field.name].label(f"person_{field.name}") for field in fields(Person)]
"""The SQL columns for the fields of a `Person`."""


def person_of(row: AnyRow) -> Person:
    """Return the person in a row that has the columns `PERSON`."""
    return Person(row.person_id, row.person_login, row.person_name, row.person_admin)


# ── courses ──────────────────────────────────────────────────────────────────────────────────────────


def add_course(tx: Tx, course: Course) -> None:
    """Create a course."""
    tx.execute(insert(courses).values(id=course.id, title=course.title, created_at=now()))


def put_course(tx: Tx, course: Course) -> None:
    """Create a course, or change its title."""
    if not tx.execute(update(courses).where(courses.c.id == course.id).values(title=course.title)).rowcount:
        add_course(tx, course)


def course(tx: Tx, id: str) -> Course | None:
    """Return the course with this id; None if there is none."""
    row = tx.execute(select(courses).where(courses.c.id == id)).one_or_none()
    return Course(row.id, row.title) if row else None


def all_courses(tx: Tx) -> list[Course]:
    """Return all courses in the order of their ids."""
    return [Course(row.id, row.title) for row in tx.execute(select(courses).order_by(courses.c.id))]


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
    known = person_by_login(tx, login)
    if known is None:
        new = Person(new_id(), login, name or login, bool(admin))
        if insert_new(tx, people, asdict(new) | {"created_at": now()}):
            return new
        known = person_by_login(tx, login)  # created by a concurrent transaction
        assert known is not None
    changed = Person(known.id, login, name or known.name, known.admin if admin is None else admin)
    if changed != known:
        tx.execute(update(people).where(people.c.id == known.id).values(name=changed.name, admin=changed.admin))
    return changed


def person_by_login(tx: Tx, login: str) -> Person | None:
    """Return the person with this login; None if there is none."""
    row = tx.execute(select(*PERSON).where(people.c.login == login.strip().lower())).one_or_none()
    return person_of(row) if row else None


def person(tx: Tx, id: str) -> Person | None:
    """Return the person with this id; None if there is none."""
    row = tx.execute(select(*PERSON).where(people.c.id == id)).one_or_none()
    return person_of(row) if row else None


def first_admin(tx: Tx, login: str, name: str) -> Person | None:
    """Create and return the first administrator. Return None if there is one already, possibly created by a concurrent
    transaction."""
    one_at_a_time(tx, "first administrator")
    return None if has_admin(tx) else put_person(tx, login, name, admin=True)


def has_admin(tx: Tx) -> bool:
    """Return whether there is an administrator."""
    return tx.execute(select(people.c.id).where(people.c.admin).limit(1)).first() is not None


def put_member(tx: Tx, course: str, person: str, role: Role) -> None:
    """Add a person to a course, or change their role."""
    upsert(tx, members, {"course": course, "person": person, "role": role})


def remove_member(tx: Tx, course: str, person: str) -> None:
    """Remove a person from a course. Their submissions stay."""
    tx.execute(delete(members).where(members.c.course == course, members.c.person == person))


def role_of(tx: Tx, course: str, person: str) -> Role | None:
    """Return a person's role in a course; None if the person is not a member."""
    where = (members.c.course == course) & (members.c.person == person)
    return tx.scalar(select(members.c.role).where(where))


def roles(tx: Tx, person: str) -> dict[str, Role]:
    """Return a person's roles by course id."""
    rows = tx.execute(select(members.c.course, members.c.role).where(members.c.person == person))
    return {row.course: row.role for row in rows}


def roster(tx: Tx, course: str) -> list[Member]:
    """Return the members of a course in the order of their names."""
    rows = tx.execute(
        select(*PERSON, members.c.role)
        .join(members, members.c.person == people.c.id)
        .where(members.c.course == course)
        .order_by(people.c.name, people.c.login)
    )
    return [Member(person_of(row), row.role) for row in rows]


# ── tokens ───────────────────────────────────────────────────────────────────────────────────────────


def new_token(
    tx: Tx,
    person: str,
    kind: TokenKind,
    label: str = "",
    lasts: dt.timedelta | None = None,
    scopes: Iterable[TokenScope] = EVERY_SCOPE,
    parent: AccessToken | None = None,
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
    """
    secret = secrets.token_urlsafe(32)
    moment = now()
    ends = [end for end in (moment + lasts if lasts else None, parent.expires_at if parent else None) if end]
    row = {
        "id": new_id(),
        "hash": _hash(secret),
        "person": person,
        "kind": kind,
        "label": label,
        "created_at": moment,
        "expires_at": min(ends, default=None),
        "scopes": sorted(set(scopes) & (parent.scopes if parent else EVERY_SCOPE)),
        "parent": parent.id if parent else None,
    }
    tx.execute(insert(tokens).values(row))
    return secret


def person_of_token(tx: Tx, secret: str, kinds: Iterable[TokenKind]) -> Person | None:
    """Return the owner of the token with this secret; None if no valid token of these kinds has this secret."""
    found = token_holder(tx, secret, kinds)
    return found[0] if found else None


def token_holder(tx: Tx, secret: str, kinds: Iterable[TokenKind]) -> tuple[Person, AccessToken] | None:
    """Return (owner, token) of the token with this secret; None if no valid token of these kinds has this secret."""
    known = tx.execute(
        select(tokens).where(tokens.c.hash == _hash(secret), tokens.c.kind.in_(list(kinds)), _not_expired())
    ).one_or_none()
    if known is None:
        return None
    return person_of(tx.execute(select(*PERSON).where(people.c.id == known.person)).one()), _token(known)


def use_up_token(tx: Tx, secret: str, kind: TokenKind) -> Person | None:
    """Delete the token with this secret. Return its owner, or None if no valid token of this kind has the secret."""
    found = person_of_token(tx, secret, [kind])
    deleted = tx.execute(delete(tokens).where(tokens.c.hash == _hash(secret), tokens.c.kind == kind)).rowcount
    return found if deleted else None


def tokens_of(tx: Tx, person: str) -> list[AccessToken]:
    """Return a person's tokens that have not expired, the oldest first."""
    rows = tx.execute(select(tokens).where(tokens.c.person == person, _not_expired()).order_by(tokens.c.id))
    return [_token(row) for row in rows]


def token_by_secret(tx: Tx, secret: str) -> AccessToken:
    """Return the token with this secret. The token must exist."""
    return _token(tx.execute(select(tokens).where(tokens.c.hash == _hash(secret))).one())


def token_by_id(tx: Tx, id: str) -> AccessToken | None:
    """Return a token and prevent its revocation until the transaction ends. Return None if the token does not exist or
    has expired."""
    row = tx.execute(select(tokens).where(tokens.c.id == id, _not_expired()).with_for_update(read=True)).one_or_none()
    return _token(row) if row else None


def _token(row: AnyRow) -> AccessToken:
    scopes = frozenset(map(TokenScope, row.scopes))
    return AccessToken(row.id, row.kind, row.label, row.created_at, row.expires_at, scopes, row.parent)


def revoke_token(tx: Tx, person: str, id: str) -> bool:
    """Delete a token and all tokens created with it. Return whether the token existed."""
    return bool(tx.execute(delete(tokens).where(tokens.c.id == id, tokens.c.person == person)).rowcount)


def forget_expired_tokens(tx: Tx) -> None:
    """Delete tokens that have expired."""
    tx.execute(delete(tokens).where(tokens.c.expires_at <= now()))


def _not_expired() -> Any:
    return or_(tokens.c.expires_at.is_(None), tokens.c.expires_at > now())


def _hash(secret: str) -> str:
    """Return the hash of a token's secret, as stored. No salt is needed: the secret has 256 random bits."""
    return hashlib.sha256(secret.encode()).hexdigest()
