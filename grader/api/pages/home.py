"""The start page: the caller's courses and assignments, with due dates and scores."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Literal

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from grader.api.assignments import known_course
from grader.api.counting import counting_submission, submission_batches
from grader.api.frame import page
from grader.api.identity import Caller, TheCaller, TheService, require_member
from grader.api.schemas import CourseId
from grader.api.views import SubmissionView
from grader.model import Points
from grader.service import Service
from grader.store import offerings, people
from grader.store.database import Tx, now
from grader.store.records import Course, Offering

router = APIRouter(include_in_schema=False)


SubmissionWindow = Literal["not open yet", "open", "open, late", "closed"]
"""The state of an assignment at the moment. Submissions are accepted if it is "open" or "open, late"."""


@dataclass(frozen=True)
class Card:
    """An assignment on the start page, with the dates and the score of one person."""

    offering: Offering
    title: str
    points: Points
    due_at: dt.datetime | None
    """The person's due date, including an extension; None if there is no due date."""
    closes_at: dt.datetime | None
    has_extension: bool
    window: SubmissionWindow
    counting: SubmissionView | None
    """The submission that gives the person's score; None if there is none."""
    best: Points | None
    waiting: SubmissionView | None
    """The newest submission if it is queued or running, otherwise None."""


@dataclass(frozen=True)
class CourseCards:
    """A course on the start page, with its assignments."""

    course: Course
    is_staff: bool
    cards: tuple[Card, ...]


@router.get("/")
def show_home(request: Request, service: TheService, caller: TheCaller) -> Response:
    with service.store.read() as tx:
        mine = [course for course in people.all_courses(tx) if caller.is_member(course.id)]
        courses = [_course_cards(tx, service, caller, course) for course in mine]
    return page(request, "home.html", courses=courses, title="My courses")


@router.get("/courses/{course}")
def show_course(request: Request, course: CourseId, service: TheService, caller: TheCaller) -> Response:
    """Show the start page with this course only."""
    require_member(caller, course)
    with service.store.read() as tx:
        courses = [_course_cards(tx, service, caller, known_course(tx, course))]
    return page(request, "home.html", courses=courses, title=courses[0].course.title)


def _course_cards(tx: Tx, service: Service, caller: Caller, course: Course) -> CourseCards:
    offered = [o for o in offerings.offerings_of(tx, course.id) if o.assignment in service.assignments]
    cards = sorted((card(tx, service, caller, o) for o in offered), key=_soonest_first)
    return CourseCards(course, caller.is_staff(course.id), tuple(cards))


def _soonest_first(card: Card) -> tuple[bool, dt.datetime, str]:
    is_over = card.window == "closed" or card.due_at is None
    return is_over, card.due_at or dt.datetime.max.replace(tzinfo=dt.UTC), card.offering.assignment


def card(tx: Tx, service: Service, caller: Caller, offering: Offering) -> Card:
    """Return the card of an assignment, with the caller's dates and score."""
    assignment = service.assignments[offering.assignment]
    own = offerings.extension(tx, offering.course, offering.assignment, caller.person.id)
    due, closes = offering.due_at, offering.closes_at
    due = max(due, own or due) if due else None
    closes = max(closes, own or closes) if closes else None
    me = caller.person.id
    newest: SubmissionView | None = None
    chosen: SubmissionView | None = None
    best: Points | None = None
    for batch in submission_batches(tx, service, caller, offering, me):
        newest = newest or batch[0]
        chosen = counting_submission([*batch, *filter(None, [chosen])], offering)
        finals = [one.score.final for one in batch if one.score and one.score.final is not None]
        best = max([*finals, *([best] if best is not None else [])], default=None)
    return Card(
        offering=offering,
        title=assignment.title,
        points=assignment.points,
        due_at=due,
        closes_at=closes,
        has_extension=own is not None,
        window=_window(offering.opens_at, due, closes),
        counting=chosen,
        best=best,
        waiting=newest if newest and not newest.grading.state.is_final else None,
    )


def _window(opens: dt.datetime | None, due: dt.datetime | None, closes: dt.datetime | None) -> SubmissionWindow:
    moment = now()
    if opens and moment < opens:
        return "not open yet"
    if closes and moment >= closes:
        return "closed"
    return "open, late" if due and moment > due else "open"
