"""The learning platforms of a course, for staff: columns in their gradebooks, scores in these, and the roster."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

from fastapi import APIRouter, Form
from starlette.responses import RedirectResponse, Response

from grader.api.lookup import ForCourse, known_member, known_offering, known_offerings
from grader.api.members import SHOWN
from grader.api.problems import not_found
from grader.api.rendering import page
from grader.api.schemas import NAME, FromForm
from grader.course.lti_people import apply_roster, compare_roster
from grader.errors import BadCall
from grader.lms.openid import NoAnswer
from grader.lms.scores import number
from grader.lms.services import Access, Services
from grader.store import lti, lti_scores
from grader.store.database import Tx
from grader.store.lti import LinkedContext, Platform
from grader.store.scored import tell_scores

pages = APIRouter(include_in_schema=False)

_PATH = "/courses/{course}/platform"
_CONTEXT = _PATH + "/{context}"
_LONGEST = dt.timedelta(minutes=1)
"""Longest exchange with a platform. After this time another one may begin, in case the process was killed."""


@pages.get(_PATH)
def show_platforms(staff: ForCourse) -> Response:
    """Show the platforms' courses that are linked to a course, their columns, and scores that wait or were refused."""
    with staff.read() as (tx, course):
        offered = known_offerings(tx, staff.caller, course.id)
        return page(
            staff.request,
            "platform.html",
            course=course,
            contexts=lti.contexts_of(tx, course.id),
            platforms={platform.id: platform for platform in lti.platforms(tx)},
            tasks=[staff.caller.service.assignments[offering.assignment] for offering in offered],
            columns=lti_scores.line_items_of(tx, course.id),
            accepted=lti_scores.accepted(tx, course.id),
            waiting=lti_scores.waiting(tx, course.id),
            unsent=lti_scores.unsent(tx, course.id),
            most=SHOWN,
        )


@pages.post(_PATH + "/send")
def send_again(staff: ForCourse, assignment: Annotated[str, Form(pattern=NAME)], login: FromForm[str] = "") -> Response:
    """Send the scores of an assignment again, of one student or of all, even if the platforms have them already."""
    with staff.write() as (tx, course):
        persons = [known_member(tx, course.id, login).person.id] if login else None
        lti_scores.forget(tx, course.id, assignment, persons)
        tell_scores(tx, course.id, assignment, persons)
    return _shown(staff)


@pages.post(_CONTEXT + "/unlink")
def unlink(staff: ForCourse, context: str) -> Response:
    with staff.write() as (tx, course):
        lti.unlink(tx, _known_context(tx, course.id, context).id)
    return _shown(staff)


@pages.post(_CONTEXT + "/columns")
def add_column(staff: ForCourse, context: str, assignment: Annotated[str, Form(pattern=NAME)]) -> Response:
    """Add a column for an assignment to a platform's gradebook, or bring its maximum up to date."""
    with staff.read() as (tx, course):
        known_offering(tx, staff.caller, course.id, assignment)
    task = staff.caller.service.assignments[assignment]
    with _client(staff, context) as (linked, _, services):
        if not linked.line_items_url:
            raise BadCall("this platform does not let the grader add columns: select the assignment there instead")
        resource = f"{linked.course}/{assignment}"
        url = services.line_item(linked.line_items_url, resource, task.title, number(task.points))
        with staff.write() as (tx, _):
            lti.put_line_item(tx, linked.id, assignment, url, is_chosen=True)
    return _shown(staff)


@pages.post(_CONTEXT + "/roster")
def update_roster(staff: ForCourse, context: str, seen: FromForm[str] = "") -> Response:
    """Show the changes that the platform's roster would make, and make them if they have been shown: `seen` is their
    digest."""
    with _client(staff, context) as (linked, platform, services):
        if not linked.memberships_url:
            raise BadCall("this platform does not let the grader read its members: upload a roster instead")
        listed = services.members(linked.memberships_url)
        with staff.write() as (tx, course):
            roster = compare_roster(tx, linked, platform, listed, staff.caller.person)
            added, changed, gone = map(len, (roster.changes.added, roster.changes.changed, roster.gone))
            if seen == roster.digest or not added + changed + gone:
                apply_roster(tx, linked, roster)
                done = f"added={added}&changed={changed}&removed={gone}"
                return RedirectResponse(f"/courses/{course.id}/people?{done}", 303)
    return page(
        staff.request,
        "roster.html",
        course=course,
        changes=roster.changes,
        gone=roster.gone,
        action=f"platform/{linked.id}/roster",
        rows=roster.digest,
        file=linked.title,
        most=SHOWN,
    )


@contextmanager
def _client(staff: ForCourse, context: str) -> Iterator[tuple[LinkedContext, Platform, Services]]:
    """Yield a linked context, its platform and a client of the platform. Meanwhile no other process sends requests
    about this context, so that a form that is sent twice adds one column."""
    lock = f"platform {context}"
    with staff.write() as (tx, course):
        linked = _known_context(tx, course.id, context)
        platform = lti.platform(tx, linked.platform)
        assert platform is not None
        if not lti.use_once(tx, lock, _LONGEST):
            raise BadCall("another request to the platform is running: try again in a minute")
        access = Access(platform.client_id, platform.token_url, linked.deployment, platform.audience)
        services = Services(access, lti.tool_key(tx))
    try:
        yield linked, platform, services
    except NoAnswer as gone:
        raise BadCall(f"the platform does not answer: try again in a moment ({gone})") from gone
    finally:
        with staff.write() as (tx, _):
            lti.use_again(tx, lock)


def _known_context(tx: Tx, course: str, id: str) -> LinkedContext:
    """Return the platform's course with this id that is linked to a course. Raise 404 if there is none."""
    for context in lti.contexts_of(tx, course):
        if context.id == id:
            return context
    raise not_found("course of a platform")


def _shown(staff: ForCourse) -> Response:
    return RedirectResponse(f"/courses/{staff.course}/platform", 303)
