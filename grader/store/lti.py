"""Learning platforms: their registrations, the courses that they are linked to, and the service's key."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any

from joserfc.jwk import RSAKey
from sqlalchemy import delete, select, update

from grader.errors import BadCall
from grader.store import installation
from grader.store.database import Tx, fetch, fetch_one, insert_new, now, one_at_a_time, upsert
from grader.store.people import PERSON, person_of
from grader.store.records import Person, Role
from grader.store.scored import tell_scores
from grader.store.tables import (
    lti_contexts,
    lti_line_items,
    lti_members,
    lti_platforms,
    lti_scores,
    members,
    people,
    used_nonces,
)

_KEYS = "tool keys"


def tool_key(tx: Tx) -> RSAKey:
    """Return the private key with which the service signs its messages to platforms. The first call creates it, in a
    read-write transaction."""
    keys = _keys(tx)
    if not keys:
        rotate_tool_key(tx)
        keys = _keys(tx)
    return RSAKey.import_key(keys[0])


def public_tool_keys(tx: Tx) -> list[dict[str, Any]]:
    """Return the public keys that verify the service's messages to platforms, as JSON Web Keys, the newest first."""
    keys = [RSAKey.import_key(key) for key in _keys(tx)]
    return [{**key.as_dict(private=False), "use": "sig", "alg": "RS256"} for key in keys]


def rotate_tool_key(tx: Tx) -> str:
    """Replace the service's key, and return the id of the new one. Of earlier keys the public parts are kept, since
    platforms may verify messages that are under way."""
    one_at_a_time(tx, "tool key")
    new = RSAKey.generate_key(2048, auto_kid=True)
    keys = [new.as_dict(private=True), *public_tool_keys(tx)]
    installation.put(tx, _KEYS, json.dumps(keys))
    return new.kid or ""


def _keys(tx: Tx) -> list[dict[str, Any]]:
    """Return the service's keys: the private one, and the public parts of earlier ones."""
    keys: list[dict[str, Any]] = json.loads(installation.fact(tx, _KEYS) or "[]")
    return keys


# ── platforms ────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Platform:
    """A registration of the service at a learning platform."""

    id: str
    name: str
    issuer: str
    client_id: str
    login_url: str
    """The URL of its authentication requests."""
    token_url: str
    keys_url: str
    deployments: tuple[str, ...]
    """Ids of the deployments from which the platform may launch."""
    domains: tuple[str, ...]
    """Domains of e-mail addresses that the platform may use as logins."""
    audience: str = ""
    """The audience of requests for access tokens; empty if it is the access token URL."""


def put_platform(tx: Tx, platform: Platform) -> None:
    """Register a platform, or change it. Raise `BadCall` if another one has its issuer and client id."""
    tool_key(tx)  # platforms fetch the service's keys
    for known in platforms(tx, issuer=platform.issuer, client_id=platform.client_id):
        if known.id != platform.id:
            raise BadCall(f"the client {platform.client_id} of {platform.issuer} is registered already: edit it")
    row = asdict(platform)
    if not insert_new(tx, lti_platforms, row | {"created_at": now()}):
        tx.execute(update(lti_platforms).filter_by(id=platform.id).values(row))


def platforms(tx: Tx, **known: str) -> list[Platform]:
    """Return the platforms with these values, for example an `issuer`, in the order of their names."""
    query = select(lti_platforms).filter_by(**known)
    return fetch(tx, query.order_by(lti_platforms.c.name, lti_platforms.c.id), Platform)


def platform(tx: Tx, id: str) -> Platform | None:
    """Return the platform with this id; None if there is none."""
    return fetch_one(tx, select(lti_platforms).filter_by(id=id), Platform)


def use_once(tx: Tx, token: str, lasts: dt.timedelta) -> bool:
    """Remember a nonce, or a token that may be used once, until it expires. Return False if it was used before."""
    moment = now()
    tx.execute(delete(used_nonces).where(used_nonces.c.expires_at < moment))
    return insert_new(tx, used_nonces, {"hash": _hash(token), "expires_at": moment + lasts})


def use_again(tx: Tx, token: str) -> None:
    """Forget that a token was used."""
    tx.execute(delete(used_nonces).filter_by(hash=_hash(token)))


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


# ── courses and people ───────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class LinkedContext:
    """A course of a platform that is linked to a course of the service."""

    id: str
    platform: str
    deployment: str
    context: str
    """The platform's id of its course."""
    title: str
    course: str
    memberships_url: str
    """URL of the members in the platform; empty if it tells none."""
    line_items_url: str
    """URL of the columns of the gradebook; empty if the platform has none."""


def put_context(tx: Tx, context: LinkedContext) -> None:
    """Link a course of a platform, or change what is known about it."""
    upsert(tx, lti_contexts, asdict(context))


def context(tx: Tx, platform: str, deployment: str, context: str) -> LinkedContext | None:
    """Return the linked course of a platform; None if it is not linked."""
    query = select(lti_contexts).filter_by(platform=platform, deployment=deployment, context=context)
    return fetch_one(tx, query, LinkedContext)


def contexts_of(tx: Tx, course: str) -> list[LinkedContext]:
    """Return the courses of platforms that are linked to a course, in the order of their titles."""
    query = select(lti_contexts).filter_by(course=course)
    return fetch(tx, query.order_by(lti_contexts.c.title, lti_contexts.c.id), LinkedContext)


def unlink(tx: Tx, id: str) -> None:
    """Unlink a course of a platform, and forget its columns and what they have accepted."""
    tx.execute(delete(lti_contexts).filter_by(id=id))


def person_of_subject(tx: Tx, platform: str, subject: str) -> Person | None:
    """Return the person whom a platform calls `subject`; None if it has not been seen in a linked course."""
    query = select(*PERSON).join(lti_members, lti_members.c.person == people.c.id).join(lti_contexts)
    query = query.where(lti_contexts.c.platform == platform, lti_members.c.subject == subject)
    row = tx.execute(query.limit(1)).first()
    return person_of(row) if row else None


def has_named(tx: Tx, platform: str, login: str) -> bool:
    """Return whether a platform has named the person with this login in a linked course."""
    query = select(lti_members.c.subject).join(lti_contexts).join(people, people.c.id == lti_members.c.person)
    return tx.execute(query.where(lti_contexts.c.platform == platform, people.c.login == login)).first() is not None


def put_subject(tx: Tx, context: str, subject: str, person: str) -> None:
    """Record that the platform calls a person of a linked course `subject`. The platform gets the scores of a person
    whom it has not named before."""
    row = {"context": context, "subject": subject, "person": person}
    if tx.execute(select(lti_members).filter_by(**row)).first():
        return
    upsert(tx, lti_members, row)
    tell_scores(tx, _course_of(tx, context), persons=[person])


def students_of(tx: Tx, context: LinkedContext) -> list[Person]:
    """Return the students of the linked course whom only this course of a platform has named, by login."""
    course = members.c.course == context.course
    query = select(*PERSON).join(members, (members.c.person == people.c.id) & course).filter_by(role=Role.STUDENT)
    others = select(lti_contexts.c.id).filter_by(course=context.course).where(lti_contexts.c.id != context.id)
    named = select(lti_members.c.person).filter_by(context=context.id)
    named_elsewhere = select(lti_members.c.person).where(lti_members.c.context.in_(others))
    query = query.where(people.c.id.in_(named), people.c.id.not_in(named_elsewhere))
    return [person_of(row) for row in tx.execute(query.order_by(people.c.login))]


def put_line_item(tx: Tx, context: str, assignment: str, url: str, *, is_chosen: bool = False) -> None:
    """Record the URL of the column in the platform's gradebook for an assignment. A new column gets all scores.

    If there is another one, nothing changes unless staff have chosen this one: launches of two links to one assignment
    must not send its scores to and fro.
    """
    key = {"context": context, "assignment": assignment}
    stored = tx.scalar(select(lti_line_items.c.url).filter_by(**key))
    if stored == url or (stored and not is_chosen):
        return
    upsert(tx, lti_line_items, key | {"url": url})
    tx.execute(delete(lti_scores).filter_by(**key))
    tell_scores(tx, _course_of(tx, context), assignment)


def _course_of(tx: Tx, context: str) -> str:
    return str(tx.execute(select(lti_contexts.c.course).filter_by(id=context)).scalar_one())
