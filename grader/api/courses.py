"""Courses and their rosters, and the start page with the caller's courses and assignments."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Self

from fastapi import APIRouter, File, UploadFile
from pydantic import AfterValidator, Field, StringConstraints
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from grader.api.assignments import Card, cards_of
from grader.api.files import read_csv
from grader.api.identity import Caller, TheCaller, require_admin, require_member
from grader.api.lookup import ForCourse, known_course, known_member, known_offerings
from grader.api.openapi import problem_response
from grader.api.problems import HttpProblem
from grader.api.rendering import page
from grader.api.schemas import CourseId, FromForm, In, Login, Out
from grader.course import roster
from grader.errors import BadCall
from grader.store import people
from grader.store.database import Tx
from grader.store.records import Course, CourseSetup, Member, Role

router = APIRouter(prefix="/api/v1", tags=["courses"])
pages = APIRouter(include_in_schema=False)


class CourseOut(Out):
    id: str
    title: str
    role: Role | None
    """The caller's role in the course; null for an admin who is not a member."""
    late_days: int
    """Late days of each student, before grants."""

    @classmethod
    def of(cls, course: Course, caller: Caller) -> Self:
        return cls.model_validate(vars(course) | {"role": caller.roles.get(course.id)})


class NewCourse(In):
    id: Annotated[str, StringConstraints(strip_whitespace=True), AfterValidator(roster.course_of)]
    """Used in URLs."""
    title: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1), AfterValidator(roster.name_of)]


class NewCourseForm(NewCourse, extra="ignore"):
    """The page for a new course."""


@router.get("/courses")
def list_courses(caller: TheCaller) -> list[CourseOut]:
    """List the caller's courses; for an admin, all courses."""
    with caller.read() as tx:
        return [CourseOut.of(course, caller) for course in _own_courses(tx, caller)]


@router.post(
    "/courses",
    status_code=201,
    responses={409: problem_response("The course exists")},
)
def create_course(caller: TheCaller, new: NewCourse) -> CourseOut:
    """Create a course (admins)."""
    require_admin(caller)
    course = Course(new.id, new.title)
    with caller.write() as tx:
        if people.course(tx, course.id):
            raise HttpProblem(409, "exists", "The course exists", f"choose an id other than {course.id}")
        people.add_course(tx, course)
    return CourseOut.of(course, caller)


@router.get("/courses/{course}")
def get_course(caller: TheCaller, course: CourseId) -> CourseOut:
    """Get a course."""
    require_member(caller, course)
    with caller.read() as tx:
        return CourseOut.of(known_course(tx, course), caller)


# ── the roster ───────────────────────────────────────────────────────────────────────────────────────


class MemberOut(Out):
    login: str
    name: str
    role: Role
    labels: list[str]
    """Labels such as a section, by which staff extend due dates."""

    @classmethod
    def of(cls, member: Member) -> Self:
        return cls(login=member.person.login, name=member.person.name, role=member.role, labels=list(member.labels))

    @classmethod
    def of_row(cls, row: roster.RosterRow, name: str = "", labels: Sequence[str] = ()) -> Self:
        labels = labels if row.labels is None else row.labels
        return cls(login=row.login, name=row.name or name or row.login, role=row.role, labels=list(labels))


class MemberChange(Out):
    before: MemberOut
    after: MemberOut


class RosterOut(Out):
    """The changes that a roster file makes to the members of a course. With `dry_run`, the changes are only
    reported."""

    dry_run: bool
    added: list[MemberOut]
    changed: list[MemberChange]
    unchanged: int
    missing: list[MemberOut]
    """Members who are not in the file; they stay."""
    kept_names: list[MemberOut]
    """People in the file whose name in the file is not used: they are admins or members of other courses, and only
    admins may change their names."""


@router.get("/courses/{course}/roster")
def get_roster(staff: ForCourse) -> list[MemberOut]:
    """List the members of a course (staff)."""
    with staff.read() as (tx, course):
        return [MemberOut.of(member) for member in people.roster(tx, course.id)]


@router.put(
    "/courses/{course}/roster",
)
def put_roster(
    staff: ForCourse,
    file: Annotated[UploadFile, File(description="login,name,role")],
    dry_run: bool = False,
) -> RosterOut:
    """Add and update people from a CSV file (staff).

    The first line names the columns: login (or email, or id), and optionally name, role and labels, which semicolons
    separate. Members who are not in the file are reported and stay in the course.
    """
    changes = import_roster(staff, read_csv(file), dry_run=dry_run)
    added = [MemberOut.of_row(row) for row in changes.added]
    missing = [MemberOut.of(member) for member in changes.missing]
    changed = []
    for member, row in changes.changed:
        new = MemberOut.of_row(row, member.person.name, member.labels)
        changed.append(MemberChange(before=MemberOut.of(member), after=new))
    return RosterOut(
        dry_run=dry_run,
        added=added,
        changed=changed,
        unchanged=changes.unchanged,
        missing=missing,
        kept_names=[MemberOut.of_row(row) for row in changes.kept_names],
    )


def import_roster(staff: ForCourse, content: bytes, *, dry_run: bool) -> roster.RosterChanges:
    """Add and update members of a course from a CSV file. Return the changes. With `dry_run`, change nothing."""
    rows = roster.read(content)
    with staff.write() as (tx, course):
        changes = roster.compare(tx, course.id, rows, staff.caller.person)
        if not dry_run:
            roster.enrol(tx, course.id, changes)
    return changes


class MemberIn(In):
    name: str = Field("", max_length=200)
    """Unchanged if left out. Only admins can change the names of admins and of members of other courses."""
    role: Role = Role.STUDENT
    labels: Annotated[str | None, Field(max_length=1_000)] = None
    """Labels such as a section, separated by semicolons; unchanged if left out."""


@router.put("/courses/{course}/members/{login}")
def put_member(staff: ForCourse, login: Login, new: MemberIn) -> MemberOut:
    """Add a person to a course, or change their name, role or labels (staff)."""
    labels = None if new.labels is None else roster.labels_of(new.labels)
    row = roster.RosterRow(1, roster.login_of(login), roster.name_of(new.name), new.role, labels)
    with staff.write() as (tx, course):
        changes = roster.compare(tx, course.id, [row], staff.caller.person)
        if changes.kept_names:
            raise BadCall(f"{row.login} is in other courses or an admin, so only admins may change their name")
        roster.enrol(tx, course.id, changes)
        return MemberOut.of(known_member(tx, course.id, row.login))


@router.delete(
    "/courses/{course}/members/{login}",
    status_code=204,
)
def remove_member(staff: ForCourse, login: Login) -> None:
    """Remove a person from a course; their submissions stay (staff)."""
    with staff.write() as (tx, course):
        person = known_member(tx, course.id, login).person
        roster.remove(tx, course.id, person, staff.caller.person)


# ── the start page ───────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class CourseCards:
    """A course on the start page, with its assignments."""

    course: Course
    cards: list[Card]
    setup: CourseSetup | None
    """None unless the caller is staff of the course."""


@pages.get("/")
def show_home(request: Request, caller: TheCaller) -> Response:
    with caller.read() as tx:
        cards = _course_cards(tx, caller, _own_courses(tx, caller))
    return _home_page(request, cards, "My courses")


@pages.get("/courses/new")
def show_new_course(request: Request, caller: TheCaller) -> Response:
    """Show the form for a new course (admins)."""
    require_admin(caller)
    return page(request, "new_course.html")


@pages.post("/courses/new")
def send_new_course(caller: TheCaller, new: FromForm[NewCourseForm]) -> Response:
    create_course(caller, new)
    return RedirectResponse(f"/courses/{new.id}", 303)


@pages.get("/courses/{course}")
def show_course(request: Request, course: CourseId, caller: TheCaller) -> Response:
    """Show the start page with this course only."""
    require_member(caller, course)
    with caller.read() as tx:
        shown_course = known_course(tx, course)
        cards = _course_cards(tx, caller, [shown_course])
    return _home_page(request, cards, shown_course.title)


def _home_page(request: Request, courses: list[CourseCards], title: str) -> Response:
    url = str(request.base_url).rstrip("/")
    return page(request, "home.html", courses=courses, title=title, app_state=request.app.state, url=url)


def _own_courses(tx: Tx, caller: Caller) -> list[Course]:
    return [course for course in people.all_courses(tx) if caller.is_member(course.id)]


def _course_cards(tx: Tx, caller: Caller, courses: list[Course]) -> list[CourseCards]:
    setups = people.setups(tx, [course.id for course in courses if caller.is_staff(course.id)])
    course_cards = []
    for course in courses:
        offered = known_offerings(tx, caller, course.id)
        cards = cards_of(tx, caller, offered, caller.person.id)
        cards.sort(key=_soonest_first)
        course_cards.append(CourseCards(course, cards, setups.get(course.id)))
    return course_cards


def _soonest_first(card: Card) -> tuple[bool, dt.datetime, str]:
    """Return the sort key of a card: by due date, and closed assignments and those without a due date last."""
    latest = dt.datetime.max.replace(tzinfo=dt.UTC)
    is_over = card.window == "closed" or card.due_at is None
    return is_over, card.due_at or latest, card.offering.assignment
