"""Users of learning platforms: their accounts in the grader, and their roles in linked courses."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from grader.course.roster import RosterChanges, RosterRow, compare, enrol, login_of
from grader.errors import BadCall
from grader.lms.launch import TEST_STUDENT, role_of
from grader.render.text import one_line
from grader.store import lti, people
from grader.store.database import Tx
from grader.store.lti import LinkedContext, Platform
from grader.store.records import Person, Role


def person_for(tx: Tx, platform: Platform, subject: str, email: str | None, name: str | None) -> Person:
    """Return the person whom a platform calls `subject`; create an account if needed."""
    login = login_for(tx, platform, subject, email)
    return people.person_by_login(tx, login) or people.put_person(tx, login, one_line(name or login, 190))


def login_for(tx: Tx, platform: Platform, subject: str, email: str | None) -> str:
    """Return the login of the person whom a platform calls `subject`.

    If the platform has sent this subject before, it is the same person. Otherwise the login is the e-mail address, if
    the platform is trusted with its domain, or else a login made from the platform and the subject. So a platform
    cannot log in as a person of another one.
    """
    person = lti.person_of_subject(tx, platform.id, subject)
    if person:
        return person.login
    own_login = f"lti-{hashlib.sha256(f'{platform.id} {subject}'.encode()).hexdigest()[:24]}"
    if people.person_by_login(tx, own_login):  # from a course that was unlinked
        return own_login
    with suppress(BadCall):
        address = login_of(email or "")
        local, _, domain = address.rpartition("@")
        # another user of the platform may have changed their address to that of a person whom it has named before
        if local and domain in platform.domains and not lti.has_named(tx, platform.id, address):
            return address
    return own_login


def admit(tx: Tx, context: LinkedContext, person: Person, subject: str, role: Role | None) -> None:
    """Add a person of a platform to the linked course. A student may become staff, but staff keep their role. Raise
    `BadCall` if the person has no role in either course."""
    present = people.roles(tx, person.id).get(context.course)
    if role is None and present is None:
        raise BadCall("you are neither a learner nor an instructor of this course in your learning platform")
    if role is not None and present is not Role.STAFF:
        people.put_member(tx, context.course, person.id, role)
    lti.put_subject(tx, context.id, subject, person.id)


@dataclass(frozen=True)
class PlatformRoster:
    """The members of a platform's course, compared with those of the linked course."""

    changes: RosterChanges
    logins: Mapping[str, str]
    """Logins, by the platform's ids of its users."""
    gone: Sequence[Person]
    """Students who were members of the platform's course, and are not any more."""

    @property
    def digest(self) -> str:
        return hashlib.sha256(repr(self).encode()).hexdigest()


def compare_roster(
    tx: Tx, context: LinkedContext, platform: Platform, listed: Sequence[Mapping[str, Any]], editor: Person
) -> PlatformRoster:
    """Compare the members of a platform's course with those of the linked course. Staff stay staff, regardless of
    their role in the platform. `listed` are the members as the platform describes them, and `editor` is the person who
    updates the roster."""
    present = {member.person.login: member.role for member in people.roster(tx, context.course)}
    rows: dict[str, RosterRow] = {}
    logins = {}
    for number, described in enumerate(listed):
        subject, roles = described.get("user_id"), described.get("roles") or ()
        name, email = (str(described.get(field) or "") for field in ("name", "email"))
        role = role_of(map(str, roles))
        is_active = described.get("status", "Active") == "Active"
        if not (role and is_active and isinstance(subject, str)) or TEST_STUDENT in roles:
            continue
        login = login_for(tx, platform, subject, email)
        if present.get(login) is Role.STAFF:
            role = Role.STAFF
        logins[subject] = login
        rows[login] = RosterRow(number, login, one_line(name, 190), Role(role))
    gone = [person for person in lti.students_of(tx, context) if person.login not in rows]
    return PlatformRoster(compare(tx, context.course, [*rows.values()], editor), logins, gone)


def apply_roster(tx: Tx, context: LinkedContext, roster: PlatformRoster) -> None:
    """Make the changes that `compare_roster` has found. The submissions of people who are removed stay."""
    enrol(tx, context.course, roster.changes)
    for subject, login in roster.logins.items():
        person = people.person_by_login(tx, login)
        if person:
            lti.put_subject(tx, context.id, subject, person.id)
    for person in roster.gone:
        people.remove_member(tx, context.course, person.id)
