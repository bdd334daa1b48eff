"""Pages for the people of a course: the roster, changes to it, and what one person may do and when."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import quote, quote_plus

from fastapi import APIRouter, File, Form, Query, UploadFile
from pydantic import Field
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from grader.api.assignments import Card, ExtensionIn, cards_of, put_extension
from grader.api.courses import MemberIn, import_roster, put_member, remove_member
from grader.api.files import read_csv
from grader.api.identity import TheCaller, require_admin, require_own_session
from grader.api.lookup import ForCourse, StaffRequest, known_course, known_member, known_offerings
from grader.api.middleware import MAX_TEXT_BYTES
from grader.api.offering import TypedTime
from grader.api.rendering import page
from grader.api.schemas import NAME, TEXT, CourseId, FromForm, In, Login, Reason, SearchText
from grader.api.submitting import attempts_left
from grader.api.views import late_day_accounts
from grader.course import roster
from grader.course.late import MOST_DAYS
from grader.errors import BadCall
from grader.model.grouping import grouped
from grader.service import login_link
from grader.store import late_days, offerings, people
from grader.store.records import Extension, Role

pages = APIRouter(include_in_schema=False)

SHOWN = 100
"""Number of people on one page of a roster."""
_LINK_LASTS = dt.timedelta(days=7)
_PEOPLE = "/courses/{course}/people"


class MemberForm(MemberIn, extra="ignore"):
    """A member on the member's page."""


class NewMemberForm(MemberForm):
    """A person to add to the course."""

    login: str = Field("", max_length=200)


class GrantForm(In, extra="ignore"):
    """Late days to give to a member."""

    days: int = Field(ge=-MOST_DAYS, le=MOST_DAYS)
    """Negative to take days away."""
    reason: Reason


Count = Annotated[int, Query(ge=0, le=1_000_000)]


@pages.get(_PEOPLE)
def show_people(
    staff: ForCourse,
    text: Annotated[SearchText, Query(alias="q")] = "",
    after: SearchText = "",
    added: Count = 0,
    changed: Count = 0,
    removed: Count = 0,
) -> Response:
    """Show the roster, `SHOWN` people a page. `after` is the login of the last person of the page before; the counts
    say what the last form changed."""
    with staff.read() as (tx, course):
        members = people.roster(tx, course.id, text=text.strip(), after=after, limit=SHOWN + 1)
        counts = people.role_counts(tx, course.id)
    return page(
        staff.request,
        "people.html",
        course=course,
        members=members[:SHOWN],
        next_after=members[SHOWN - 1].person.login if len(members) > SHOWN else "",
        is_first=not after,
        students=counts.get(Role.STUDENT, 0),
        staff=counts.get(Role.STAFF, 0),
        text=text,
        done={"added": added, "changed": changed, "removed": removed},
    )


@pages.post(_PEOPLE)
def send_new_member(staff: ForCourse, new: FromForm[NewMemberForm]) -> Response:
    """Add one person to the course."""
    login = roster.login_of(new.login)
    with staff.read() as (tx, course):
        if people.member(tx, course.id, login):
            raise BadCall(f"{login} is in the course already: find them under People to change their name or role")
    put_member(staff, login, new)
    return RedirectResponse(f"/courses/{course.id}/people?q={quote(login)}&added=1", 303)


@pages.post("/courses/{course}/roster")
def try_roster(staff: ForCourse, file: Annotated[UploadFile | str, File()] = "") -> Response:
    """Show the changes that a roster would make, and change nothing. The page has the lines that change something, to
    be sent again."""
    if isinstance(file, str) or not file.filename:  # some browsers send a string if no file is chosen
        raise BadCall("no file was chosen: choose a CSV file with the columns login, name and role")
    content = read_csv(file)
    changes = import_roster(staff, content, dry_run=True)
    changed_rows = [*changes.added, *(row for _, row in changes.changed)]
    rows = roster.lines_of(content, {row.line for row in changed_rows})
    if len(quote_plus(rows)) > MAX_TEXT_BYTES:
        raise BadCall(f"the file would change {len(changed_rows)} people, which is too much: upload it in parts")
    with staff.read() as (_, course):
        return page(
            staff.request, "roster.html", course=course, changes=changes, rows=rows, file=file.filename, most=SHOWN
        )


@pages.post("/courses/{course}/roster/apply")
def apply_roster(staff: ForCourse, rows: FromForm[str] = "") -> Response:
    """Make the changes that `try_roster` has shown."""
    changes = import_roster(staff, rows.encode(), dry_run=False)
    done = f"added={len(changes.added)}&changed={len(changes.changed)}"
    return RedirectResponse(f"/courses/{staff.course}/people?{done}", 303)


# ── one person ───────────────────────────────────────────────────────────────────────────────────────

_PERSON = _PEOPLE + "/{login}"


@dataclass(frozen=True)
class MemberAssignment:
    """An assignment on the page of a member."""

    card: Card
    attempts_left: int | None
    """Number of attempts that are left in this hour; None without a limit."""
    extensions: list[Extension]
    """The member's own extensions, those of their labels, and those of everyone."""


@pages.get(_PERSON)
def show_member(staff: ForCourse, login: Login, saved: bool = False) -> Response:
    """Show what a person may do in a course, and when."""
    caller, course = staff.caller, staff.course
    with staff.read() as (tx, shown_course):
        member = known_member(tx, course, login)
        person = member.person
        stored = offerings.stored_extensions(tx, course, person=person.id)
        extensions = [extension for extension in stored if extension.login or extension.label in ("", *member.labels)]
        extensions_of = grouped((extension.assignment, extension) for extension in extensions)
        rows = []
        for card in cards_of(tx, caller, known_offerings(tx, caller, course), person.id):
            assignment = card.offering.assignment
            left = attempts_left(tx, card.offering, person.id)
            own = extensions_of.get(assignment, [])
            rows.append(MemberAssignment(card, left, own))
        accounts = late_day_accounts(tx, caller, course, {person.id})
        grants = late_days.grants_of(tx, course, {person.id}).get(person.id, [])
    return page(
        staff.request,
        "member.html",
        course=shown_course,
        person=person,
        role=member.role,
        labels=member.labels,
        rows=rows,
        accounts=accounts,
        grants=grants,
        saved=saved,
    )


@pages.post(_PERSON)
def send_member(staff: ForCourse, login: Login, new: FromForm[MemberForm]) -> Response:
    """Change the name or role of a member."""
    with staff.read() as (tx, course):
        known_member(tx, course.id, login)
    put_member(staff, login, new)
    return _saved(course.id, login)


@pages.post(_PERSON + "/remove")
def send_removal(staff: ForCourse, login: Login) -> Response:
    remove_member(staff, login)
    return RedirectResponse(f"/courses/{staff.course}/people?removed=1", 303)


@pages.post(_PERSON + "/extensions")
def send_extension(
    request: Request,
    course: CourseId,
    login: Login,
    caller: TheCaller,
    assignment: Annotated[str, Form(pattern=NAME)],
    due_at: FromForm[TypedTime] = None,
    reason: Annotated[str, Form(max_length=1000, pattern=TEXT)] = "",
) -> Response:
    """Set the extended due date of a member, or remove it if the field is empty."""
    staff = StaffRequest(request, caller, course, assignment)
    with staff.write() as (tx, _):
        put_extension(tx, staff, ExtensionIn(login=login, due_at=due_at, reason=reason.strip()))
    return _saved(course, login)


@pages.post(_PERSON + "/late-days")
def send_grant(staff: ForCourse, login: Login, new: FromForm[GrantForm]) -> Response:
    """Give a member late days, or take some away."""
    with staff.write() as (tx, course):
        person = known_member(tx, course.id, login).person
        late_days.grant(tx, course.id, person.id, new.days, new.reason, staff.caller.person.id)
    return _saved(staff.course, login)


@pages.post(_PERSON + "/link")
def send_link(request: Request, course: CourseId, login: Login, caller: TheCaller) -> Response:
    """Make a login link for a member and show it (admins). Staff may add anyone, and could log in as anyone."""
    require_admin(caller, "member of the course")
    require_own_session(caller)  # the link would outlive the API token and have more scopes
    with caller.write() as tx:
        shown_course = known_course(tx, course)
        person = known_member(tx, course, login).person
        link = login_link(tx, caller.service.settings, person, _LINK_LASTS)
    return page(request, "link.html", course=shown_course, person=person, link=link, days=_LINK_LASTS.days)


def _saved(course: str, login: str) -> Response:
    """Return a redirect to the page of a member, which says that a form was saved."""
    return RedirectResponse(f"/courses/{course}/people/{quote(login)}?saved=true", 303)
