"""People of learning platforms: who somebody is here, and which course they belong to."""

from __future__ import annotations

import hashlib
from contextlib import suppress

from grader.course.roster import login_of
from grader.errors import BadCall
from grader.render.text import one_line
from grader.store import lti, people
from grader.store.database import Tx
from grader.store.lti import LinkedContext, Platform
from grader.store.records import Person, Role


def person_for(tx: Tx, platform: Platform, subject: str, email: str | None, name: str | None) -> Person:
    """Return the person whom a platform calls `subject`; create an account if needed.

    The person is the one that the platform has called so before. Otherwise the login is the e-mail address, if the
    platform is trusted with addresses of its domain, or else made of the subject. So no platform can name people of
    another one.
    """
    person = lti.person_of_subject(tx, platform.id, subject)
    if person:
        return person
    login = f"lti-{hashlib.sha256(f'{platform.id} {subject}'.encode()).hexdigest()[:24]}"
    with suppress(BadCall):
        address = login_of(email or "")
        local, _, domain = address.rpartition("@")
        if local and domain in platform.domains:
            login = address
    return people.person_by_login(tx, login) or people.put_person(tx, login, one_line(name or login, 190))


def admit(tx: Tx, context: LinkedContext, person: Person, subject: str, role: Role | None) -> None:
    """Add a person of a platform to the course that is linked. A student may become staff, but staff keep their role:
    only the roster lowers it. Raise `BadCall` if the person has no role in either course."""
    present = people.roles(tx, person.id).get(context.course)
    if role is None and present is None:
        raise BadCall("you are neither a learner nor an instructor of this course in your learning platform")
    if role is not None and present is not Role.STAFF:
        people.put_member(tx, context.course, person.id, role)
    lti.put_subject(tx, context.id, subject, person.id)
