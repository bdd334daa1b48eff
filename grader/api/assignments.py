"""Assignments of a course: their settings and extensions, and the page of an assignment with its dates, the form to
submit, and earlier submissions."""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

from fastapi import APIRouter, File, Form, Query, UploadFile
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, ValidationError
from starlette.responses import RedirectResponse, Response

from grader.api.attempts import attempts
from grader.api.files import read_csv
from grader.api.groups import StudentGroupOut
from grader.api.identity import Caller, TheCaller, require_member
from grader.api.late_days import OwnLateDays
from grader.api.lookup import ForCourse, ForMember, ForStaff, known_course, known_member, known_offerings, known_task
from grader.api.schemas import ID, TEXT, AssignmentId, CourseId, FromForm, In, Out
from grader.api.scores import AT_ONCE, counting_submissions, submission_batches
from grader.api.submitting import SubmitRequest, attempts_left, submit
from grader.api.views import SubmissionView, views_of
from grader.api.visibility import precheck_detail, seen_by
from grader.assignments.catalogue import Assignment
from grader.course import csv_people, roster
from grader.course import offerings as offers
from grader.course.late import MOST_DAYS, checked_date, extended, read_policy
from grader.errors import BadCall
from grader.model import Points
from grader.model.grouping import grouped
from grader.store import groups, offerings, people, submissions
from grader.store.database import Tx, now
from grader.store.records import Counts, Kind, Offering, Page, PrecheckDetail

router = APIRouter(prefix="/api/v1", tags=["courses"])
pages = APIRouter(include_in_schema=False)

SHOWN = 25
"""Number of attempts on one page of an assignment."""
_ASSIGNMENT = "/courses/{course}/assignments/{assignment}"


class OfferingSettings(BaseModel):
    """Settings of an assignment in a course that staff may change and students may see."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    opens_at: AwareDatetime | None = None
    due_at: AwareDatetime | None = None
    closes_at: AwareDatetime | None = None
    """No submissions are accepted after this date."""
    late: dict[str, Any] = Field({})
    """Late penalty; empty for none."""
    counts: Counts = Counts.LATEST
    """Which of a student's submissions counts."""
    attempts_per_hour: int | None = None
    held: bool = False
    """Hide points and reasons from students until release."""
    release_at: AwareDatetime | None = None
    """The time at which a held assignment is released; if left out, staff release it by hand."""
    requests_until: AwareDatetime | None = None
    """Students cannot ask for regrades after this date; null if they always can."""
    group_size: int = 1
    """Most students who submit together; 1 for no groups."""
    prechecks_per_day: int | None = None
    """Pre-checks of a student in 24 hours; null for no limit."""
    precheck_detail: PrecheckDetail = PrecheckDetail.LINES
    """How much pre-checks tell students until their due date."""


class OfferingIn(In, OfferingSettings):
    """All settings of an assignment in a course. A field that is left out gets its default."""

    hidden: list[str] = Field([], max_length=500)
    """Parts or checks whose results are hidden from students."""


class OfferingOut(Out, OfferingSettings):
    course: str
    assignment: str
    title: str
    points: float
    extension: AwareDatetime | None
    """The caller's extended due date, if any."""
    hidden: list[str] | None
    """Null for students."""
    late_days: OwnLateDays | None = None
    """Null in lists, and if the late policy has no late days."""
    prechecks_left: int | None = None
    """The pre-checks that the caller has left at the moment; null in lists, and if they are not limited."""
    groups: list[StudentGroupOut] = []
    """The caller's group, and groups that have invited the caller; empty in lists."""
    load: str = ""
    """Estimated grading time of one submission of every student, and the wait; in the response of PUT only."""
    rubrics: str = ""
    """The number of rubrics that were added from rubric.toml; in the response of the first PUT only."""

    @classmethod
    def of(cls, tx: Tx, offering: Offering, caller: Caller) -> Self:
        """Return the body for an assignment of a course, as the caller may see it."""
        task = caller.service.assignments[offering.assignment]
        fields = vars(offering) | {"title": task.title, "points": task.points}
        fields["extension"] = offerings.extension(tx, offering.course, offering.assignment, caller.person.id)
        if not caller.is_staff(offering.course):
            (seen,) = seen_by(tx, caller, [offering])
            fields |= {"hidden": None, "held": seen.held}
        return cls.model_validate(fields)


@router.get("/courses/{course}/assignments")
def list_assignments(caller: TheCaller, course: CourseId) -> list[OfferingOut]:
    """List the assignments of a course."""
    require_member(caller, course)
    with caller.read() as tx:
        known_course(tx, course)
        offered = known_offerings(tx, caller, course)
        return [OfferingOut.of(tx, offering, caller) for offering in offered]


@router.get(_ASSIGNMENT)
def get_assignment(member: ForMember) -> OfferingOut:
    """Get an assignment."""
    caller = member.caller
    with member.read() as (tx, offering):
        body = OfferingOut.of(tx, offering, caller)
        own = OwnLateDays.of(tx, caller, offering)
        prechecks_left = attempts_left(tx, offering, caller.person.id, Kind.PRECHECK)
        related_groups = StudentGroupOut.all(groups.groups_of(tx, offering, caller.person.login))
    update = {"late_days": own, "groups": related_groups, "prechecks_left": prechecks_left}
    return body.model_copy(update=update)


@router.put(
    _ASSIGNMENT,
)
def set_assignment(staff: ForCourse, assignment: AssignmentId, settings: OfferingIn) -> OfferingOut:
    """Offer an assignment, or change its settings (staff)."""
    task = known_task(staff, assignment)
    new = offers.checked(Offering(staff.course, assignment, **settings.model_dump()), task)
    with staff.write() as (tx, _):
        changes = offers.offer(tx, new, task)
        offering = OfferingOut.of(tx, new, staff.caller)
        load = offers.load(tx, new, staff.caller.service.settings.workers)
    return offering.model_copy(update={"load": load, "rubrics": changes.sentence})


# ── extensions ───────────────────────────────────────────────────────────────────────────────────────


CourseDate = Annotated[AwareDatetime, AfterValidator(checked_date)]


class ExtensionIn(In):
    """An extension of one person, of all members with a label or, without login and label, of everyone."""

    login: str = Field("", max_length=200, pattern=TEXT)
    label: Annotated[str, Field(max_length=200, pattern=TEXT), AfterValidator(roster.name_of)] = ""
    due_at: CourseDate | None
    """Null removes the extension."""
    reason: str = Field("", max_length=1_000, pattern=TEXT)
    """For staff."""


class ExtensionRow(ExtensionIn, extra="ignore"):
    """A line of a file of extensions. Other columns are ignored."""

    due_at: CourseDate | None = None


class ExtensionOut(Out):
    login: str
    """Empty if the extension is for a label or for everyone."""
    name: str
    label: str
    """Empty if the extension is for one person or for everyone."""
    due_at: AwareDatetime
    reason: str
    granter: str | None
    """Login of the member of staff; null for extensions that an older version stored."""
    at: AwareDatetime | None


_EXTENSIONS = _ASSIGNMENT + "/extensions"


@router.get(_EXTENSIONS)
def list_extensions(staff: ForStaff) -> list[ExtensionOut]:
    """List extensions (staff)."""
    with staff.read() as (tx, _):
        return ExtensionOut.all(offerings.stored_extensions(tx, staff.course, staff.assignment))


@router.put(_EXTENSIONS)
def set_extension(staff: ForStaff, new: ExtensionIn) -> list[ExtensionOut]:
    """Give an extension to a person, a label or everyone, or remove it (staff). Return all extensions."""
    with staff.write() as (tx, _):
        put_extension(tx, staff, new)
    return list_extensions(staff)


@router.put(_EXTENSIONS + ".csv")
def put_extensions(
    staff: ForStaff, file: Annotated[UploadFile, File(description="login, label, due_at, reason")]
) -> list[ExtensionOut]:
    """Set extensions from a CSV file (staff).

    The first line names the columns: login or label or both, due_at and optionally reason. Each line has either a login
    or a label. An empty due_at removes the extension. If a line is wrong, nothing changes. Return all extensions.
    """
    lines = csv_people.lines(read_csv(file), "file of extensions")
    titles = csv_people.titles(lines[0][1]) if lines else []
    if "due at" not in titles:
        raise BadCall("line 1: there is no column due_at: the first line must name the columns (login,due_at,reason)")
    wrong: list[str] = []
    rows: list[ExtensionRow] = []
    with staff.read() as (tx, _):
        logins = {member.person.login for member in people.roster(tx, staff.course)}
    for number, cells in lines[1:]:
        texts = csv_people.cells_by_title(titles, cells)
        try:
            row = ExtensionRow.model_validate({title.replace(" ", "_"): text for title, text in texts.items() if text})
            if bool(row.login) == bool(row.label):
                raise BadCall("write either a login or a label")
            if row.login and row.login.lower() not in logins:
                raise BadCall("this member of the course does not exist")
            rows.append(row)
        except ValidationError as invalid:
            wrong.append(f"line {number}: {invalid.errors()[0]['msg']}")
        except BadCall as error:
            wrong.append(f"line {number}: {error}")
    csv_people.require_none_wrong(wrong)
    with staff.write() as (tx, _):  # other writers wait, so everything is checked before
        for row in rows:
            put_extension(tx, staff, row)
    return list_extensions(staff)


def put_extension(tx: Tx, staff: ForStaff, new: ExtensionIn) -> None:
    """Set or remove an extension. Raise 404 if its person is not a member of the course."""
    if new.login and new.label:
        raise BadCall("write either a login or a label")
    person = known_member(tx, staff.course, new.login).person.id if new.login else None
    granter = staff.caller.person.id
    offerings.put_extension(
        tx, staff.course, staff.assignment, person, new.due_at, new.reason, granter, label=new.label
    )


# ── pages ────────────────────────────────────────────────────────────────────────────────────────────


SubmissionWindow = Literal["not open yet", "open", "open, late", "closed"]
"""The state of an assignment at the moment. Submissions are accepted if it is "open" or "open, late"."""


@dataclass(frozen=True)
class Card:
    """An assignment on a page, with the dates and the score of one person."""

    offering: Offering
    task: Assignment
    due_at: dt.datetime | None
    """The person's due date, including an extension; None if there is no due date."""
    closes_at: dt.datetime | None
    has_extension: bool
    window: SubmissionWindow
    submissions: int
    """Number of the person's submissions."""
    counting: SubmissionView | None
    """The submission that gives the person's score; None if there is none."""
    best: Points | None
    """The most points, without adjustments, among the person's newest submissions in the course (`scores.AT_ONCE`).
    None if none of them has points."""
    waiting: SubmissionView | None
    """The newest submission if it is queued or running, otherwise None."""


def cards_of(tx: Tx, caller: Caller, offered: Sequence[Offering], person: str) -> list[Card]:
    """Return the cards of assignments of one course with the dates and the scores of a person, as the caller may see
    them. `person` is the person's id."""
    if not offered:
        return []
    course = offered[0].course
    assignments = [offering.assignment for offering in offered]
    extensions = offerings.extensions_of(tx, course, {person})
    newest = next(submission_batches(tx, caller, course, assignments, [person]), [])
    newest_of = grouped((view.submission.assignment, view) for view in newest)
    is_complete = len(newest) < AT_ONCE
    counting = counting_submissions(tx, caller, offered, [person], newest if is_complete else None)
    attempts = {id: len(own) for id, own in newest_of.items()}
    if not is_complete:
        attempts = submissions.attempts_by_assignment(tx, course, person)
    cards = []
    for offering in seen_by(tx, caller, offered):
        key = (offering.assignment, person)
        due_at = extended(offering.due_at, extensions.get(key))
        closes_at = extended(offering.closes_at, extensions.get(key))
        own = newest_of.get(offering.assignment, [])
        finals = [view.final for view in own if view.final is not None]
        card = Card(
            offering=offering,
            task=caller.service.assignments[offering.assignment],
            due_at=due_at,
            closes_at=closes_at,
            has_extension=key in extensions,
            window=_window(offering.opens_at, due_at, closes_at),
            submissions=attempts.get(offering.assignment, 0),
            counting=counting.get(key),
            best=max(finals, default=None),
            waiting=own[0] if own and not own[0].grading.state.is_final else None,
        )
        cards.append(card)
    return cards


def _window(
    opens_at: dt.datetime | None, due_at: dt.datetime | None, closes_at: dt.datetime | None
) -> SubmissionWindow:
    """Return whether an assignment accepts submissions now. The dates are those of one person; None is no limit."""
    moment = now()
    if opens_at and moment < opens_at:
        return "not open yet"
    if closes_at and moment >= closes_at:
        return "closed"
    if due_at and moment > due_at:
        return "open, late"
    return "open"


@pages.get(_ASSIGNMENT)
def show_assignment(
    member: ForMember,
    older_than: Annotated[str | None, Query(pattern=ID, alias="before")] = None,
) -> Response:
    """Show an assignment with the caller's dates, score and attempts, `SHOWN` attempts a page, the newest first. If
    `older_than` is the id of a submission, show only older attempts."""
    caller, person = member.caller, member.caller.person
    with member.read() as (tx, offering):
        page = Page(SHOWN + 1, older_than)  # one more than is shown, to compare the last with
        own = submissions.of_offering(tx, member.course, [member.assignment], persons=[person.id], kind=None, page=page)
        views = views_of(tx, caller, own)
        (card,) = cards_of(tx, caller, [offering], person.id)
        rows = attempts(tx, caller, views, card.counting)
        return member.render(
            tx,
            "assignment.html",
            offering,
            card=card,
            policy=read_policy(offering.late),
            late_days=OwnLateDays.of(tx, caller, offering),
            precheck_detail=precheck_detail(offering, card.due_at),
            prechecks_left=attempts_left(tx, offering, person.id, Kind.PRECHECK),
            groups=groups.groups_of(tx, offering, person.login),
            attempts=rows[:SHOWN],
            older=views[SHOWN - 1].submission.id if len(views) > SHOWN else "",
            is_staff_here=member.is_by_staff,
            once=secrets.token_hex(16),
        )


@pages.post(_ASSIGNMENT)
async def submit_form(
    member: ForMember,
    files: Annotated[tuple[UploadFile | str, ...], File()] = (),  # some browsers send a string if no file is chosen
    kind: FromForm[Kind] = Kind.SUBMISSION,
    once: Annotated[str, Form(pattern=r"^[0-9a-f]{32}$|^$")] = "",
    late_days: Annotated[int, Form(ge=0, le=MOST_DAYS)] = 0,
) -> Response:
    """Submit the files and redirect to the submission's page.

    Every form contains a different value `once`. If a form is sent twice with the same files, for example by a double
    click, only one submission is stored.
    """
    contents = []
    for file in files:
        if not isinstance(file, str) and file.filename:
            contents.append((file.filename, await file.read()))
    if not contents:
        raise BadCall("no file was chosen: choose your Python file, your notebook, or both")
    key = _idempotency_key(once, f"{kind} {late_days}", contents)
    request = SubmitRequest(
        member.caller, member.course, member.assignment, contents, kind, "page", key=key, late_days=late_days
    )
    id = await submit(request)
    return RedirectResponse(f"/submissions/{id}", 303)


def _idempotency_key(once: str, choices: str, contents: Sequence[tuple[str, bytes]]) -> str:
    """Return the Idempotency-Key of a form. The key is different if the same form is sent again with other files or
    choices."""
    if not once:
        return ""
    digest = hashlib.sha256(choices.encode())
    for name, content in contents:
        digest.update(name.encode("utf-8", "replace"))
        digest.update(content)
    return f"form {once} {digest.hexdigest()}"
