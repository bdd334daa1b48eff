"""Routes for courses, their assignments, extensions and rosters."""

from __future__ import annotations

from typing import Annotated, Any, Self

from fastapi import APIRouter, File, UploadFile
from pydantic import AwareDatetime, Field

from grader.api.assignments import ForStaff, known_course, known_member, known_offering
from grader.api.identity import Caller, TheCaller, TheService, require_admin, require_member, require_staff
from grader.api.openapi import problem_response
from grader.api.problems import HttpProblem, not_found
from grader.api.schemas import AssignmentId, CourseId, In, Login, Out
from grader.assignments.catalogue import Assignment
from grader.course import csv_people, roster
from grader.course import offerings as offers
from grader.course.late import checked_date
from grader.store import offerings, people
from grader.store.database import Tx
from grader.store.records import Counts, Course, Member, Offering, Role

router = APIRouter(prefix="/api/v1", tags=["courses"])


class CourseOut(Out):
    id: str
    title: str
    role: Role | None
    """The caller's role in the course; null for an admin who is not a member."""

    @classmethod
    def of(cls, course: Course, caller: Caller) -> Self:
        return cls(id=course.id, title=course.title, role=caller.roles.get(course.id))


class NewCourse(In):
    id: str = Field(pattern=roster.COURSE_ID)
    """Used in URLs."""
    title: str = Field(min_length=1, max_length=200)


@router.get("/courses", summary="List the caller's courses; for an admin, all courses")
def list_courses(caller: TheCaller, service: TheService) -> list[CourseOut]:
    with service.store.read() as tx:
        return [CourseOut.of(c, caller) for c in people.all_courses(tx) if caller.is_member(c.id)]


@router.post(
    "/courses",
    summary="Create a course (admins)",
    status_code=201,
    responses={409: problem_response("The course exists")},
)
def create_course(caller: TheCaller, service: TheService, new: NewCourse) -> CourseOut:
    require_admin(caller)
    course = Course(new.id, roster.name_of(new.title))
    with service.store.write() as tx:
        if people.course(tx, course.id):
            raise HttpProblem(409, "exists", "The course exists", f"choose an id other than {course.id}")
        people.add_course(tx, course)
    return CourseOut.of(course, caller)


@router.get("/courses/{course}", summary="One course")
def get_course(caller: TheCaller, service: TheService, course: CourseId) -> CourseOut:
    require_member(caller, course)
    with service.store.read() as tx:
        return CourseOut.of(known_course(tx, course), caller)


# ── assignments of a course ──────────────────────────────────────────────────────────────────────────


class OfferingIn(In):
    """All settings of an assignment in a course. A field that is left out gets its default."""

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
    hidden: list[str] = Field([], max_length=500)
    """Parts or checks whose results are hidden from students."""


class OfferingOut(Out):
    course: str
    assignment: str
    title: str
    points: float
    opens_at: AwareDatetime | None
    due_at: AwareDatetime | None
    extension: AwareDatetime | None
    """The caller's extended due date, if any."""
    closes_at: AwareDatetime | None
    late: dict[str, Any]
    counts: Counts
    attempts_per_hour: int | None
    held: bool
    hidden: list[str] | None
    """Null for students."""

    @classmethod
    def of(cls, tx: Tx, offering: Offering, assignment: Assignment, caller: Caller) -> Self:
        own = offerings.extension(tx, offering.course, offering.assignment, caller.person.id)
        hidden = offering.hidden if caller.is_staff(offering.course) else None
        return cls.model_validate(
            vars(offering)
            | {"title": assignment.title, "points": assignment.points, "extension": own, "hidden": hidden}
        )


@router.get("/courses/{course}/assignments", summary="List the assignments of a course")
def list_assignments(caller: TheCaller, service: TheService, course: CourseId) -> list[OfferingOut]:
    require_member(caller, course)
    with service.store.read() as tx:
        known_course(tx, course)
        known = [o for o in offerings.offerings_of(tx, course) if o.assignment in service.assignments]
        return [OfferingOut.of(tx, o, service.assignments[o.assignment], caller) for o in known]


@router.get("/courses/{course}/assignments/{assignment}", summary="One assignment")
def get_assignment(caller: TheCaller, service: TheService, course: CourseId, assignment: AssignmentId) -> OfferingOut:
    require_member(caller, course, "assignment")
    with service.store.read() as tx:
        offering = known_offering(tx, service, course, assignment)
        return OfferingOut.of(tx, offering, service.assignments[assignment], caller)


@router.put(
    "/courses/{course}/assignments/{assignment}",
    summary="Offer an assignment, or change its settings (staff)",
)
def set_assignment(
    caller: TheCaller, service: TheService, course: CourseId, assignment: AssignmentId, settings: OfferingIn
) -> OfferingOut:
    require_staff(caller, course, "assignment")
    task = service.assignments.get(assignment)
    if task is None:
        raise not_found("assignment")
    new = offers.checked(Offering(course, assignment, **settings.model_dump()), task)
    with service.store.write() as tx:
        known_course(tx, course)
        offerings.put_offering(tx, new)
        return OfferingOut.of(tx, new, task, caller)


# ── extensions ───────────────────────────────────────────────────────────────────────────────────────


class ExtensionIn(In):
    due_at: AwareDatetime


class ExtensionOut(Out):
    login: str
    name: str
    due_at: AwareDatetime


_EXTENSIONS = "/courses/{course}/assignments/{assignment}/extensions"


@router.get(_EXTENSIONS, summary="List extensions (staff)")
def list_extensions(staff: ForStaff) -> list[ExtensionOut]:
    with staff.read() as (tx, _):
        dates = offerings.extensions_of(tx, staff.course, staff.assignment)
        members = (member.person for member in people.roster(tx, staff.course))
        return [ExtensionOut.model_validate(vars(p) | {"due_at": dates[p.id]}) for p in members if p.id in dates]


@router.put(_EXTENSIONS + "/{login}", summary="Give a student an extension (staff)")
def set_extension(staff: ForStaff, login: Login, new: ExtensionIn) -> ExtensionOut:
    with staff.write() as (tx, _):
        person = known_member(tx, staff.course, login)
        offerings.put_extension(tx, staff.course, staff.assignment, person.id, checked_date(new.due_at))
    return ExtensionOut.model_validate(vars(person) | {"due_at": new.due_at})


@router.delete(_EXTENSIONS + "/{login}", summary="Remove an extension (staff)", status_code=204)
def remove_extension(staff: ForStaff, login: Login) -> None:
    with staff.write() as (tx, _):
        person = known_member(tx, staff.course, login)
        offerings.put_extension(tx, staff.course, staff.assignment, person.id, None)


# ── the roster ───────────────────────────────────────────────────────────────────────────────────────


class MemberOut(Out):
    login: str
    name: str
    role: Role

    @classmethod
    def of(cls, member: Member) -> Self:
        return cls(login=member.person.login, name=member.person.name, role=member.role)

    @classmethod
    def of_row(cls, row: roster.RosterRow, name: str = "") -> Self:
        return cls(login=row.login, name=row.name or name or row.login, role=row.role)


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

    @classmethod
    def of(cls, changes: roster.RosterChanges, dry_run: bool) -> Self:
        return cls(
            dry_run=dry_run,
            added=[MemberOut.of_row(row) for row in changes.added],
            changed=[
                MemberChange(before=MemberOut.of(old), after=MemberOut.of_row(new, old.person.name))
                for old, new in changes.changed
            ],
            unchanged=changes.unchanged,
            missing=[MemberOut.of(member) for member in changes.missing],
        )


@router.get("/courses/{course}/roster", summary="List the members of a course (staff)")
def get_roster(caller: TheCaller, service: TheService, course: CourseId) -> list[MemberOut]:
    require_staff(caller, course)
    with service.store.read() as tx:
        known_course(tx, course)
        return [MemberOut.of(member) for member in people.roster(tx, course)]


@router.put(
    "/courses/{course}/roster",
    summary="Add and update people from a CSV file (admins)",
    description="The first line names the columns: login (or email, or id), and optionally name and role. "
    "Members who are not in the file are reported and stay in the course.",
)
def put_roster(
    caller: TheCaller,
    service: TheService,
    course: CourseId,
    file: Annotated[UploadFile, File(description="login,name,role")],
    dry_run: bool = False,
) -> RosterOut:
    require_admin(caller, "course")
    rows = roster.read(file.file.read(csv_people.MOST_BYTES + 1))
    with service.store.write() as tx:
        known_course(tx, course)
        changes = roster.compare(tx, course, rows)
        if not dry_run:
            roster.enrol(tx, course, changes)
    return RosterOut.of(changes, dry_run)


@router.delete(
    "/courses/{course}/members/{login}",
    summary="Remove a person from a course; their submissions stay (admins)",
    status_code=204,
)
def remove_member(caller: TheCaller, service: TheService, course: CourseId, login: Login) -> None:
    require_admin(caller, "course")
    with service.store.write() as tx:
        people.remove_member(tx, course, known_member(tx, course, login).id)
