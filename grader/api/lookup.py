"""Find the course, assignment or member that a request names, and check that the caller is staff of the course."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends
from starlette.requests import Request
from starlette.responses import Response

from grader.api.identity import Caller, TheCaller, require_member, require_staff
from grader.api.problems import not_found
from grader.api.rendering import page
from grader.api.schemas import AssignmentId, CourseId
from grader.assignments.catalogue import Assignment
from grader.store import offerings, people
from grader.store.database import Tx
from grader.store.records import Course, Member, Offering


def known_course(tx: Tx, id: str) -> Course:
    """Return the course with this id. Raise 404 if there is none."""
    course = people.course(tx, id)
    if course is None:
        raise not_found("course")
    return course


def known_offering(tx: Tx, caller: Caller, course: str, assignment: str) -> Offering:
    """Return the offering of an assignment in a course. Raise 404 if the course does not offer the assignment."""
    offering = offerings.offering(tx, course, assignment)
    if offering is None or assignment not in caller.service.assignments:
        raise not_found("assignment")
    return offering


def known_offerings(tx: Tx, caller: Caller, course: str) -> list[Offering]:
    """Return the offerings of a course, except those whose assignment's folder was removed."""
    tasks = caller.service.assignments
    return [offering for offering in offerings.offerings_of(tx, course) if offering.assignment in tasks]


def known_member(tx: Tx, course: str, login: str) -> Member:
    """Return the member of a course with this login. Raise 404 if there is none."""
    member = people.member(tx, course, login)
    if member is None:
        raise not_found("member of the course")
    return member


@dataclass(frozen=True)
class CourseRequest:
    """A request about a course, for staff only. The constructor raises 404 unless the caller is staff of the course."""

    request: Request
    caller: TheCaller
    course: CourseId

    def __post_init__(self) -> None:
        require_staff(self.caller, self.course)

    @contextmanager
    def read(self) -> Iterator[tuple[Tx, Course]]:
        """Begin a read-only transaction. Yield the transaction and the course. Raise 404 unless the course exists."""
        with self.caller.read() as tx:
            yield tx, known_course(tx, self.course)

    @contextmanager
    def write(self) -> Iterator[tuple[Tx, Course]]:
        """Begin a read-write transaction. Yield the transaction and the course, as `read` does."""
        with self.caller.write() as tx:
            yield tx, known_course(tx, self.course)


def known_task(staff: CourseRequest, assignment: str) -> Assignment:
    """Return an assignment. Raise 404 if the service does not know it."""
    tasks = staff.caller.service.assignments
    if assignment not in tasks:
        raise not_found("assignment")
    return tasks[assignment]


ForCourse = Annotated[CourseRequest, Depends()]


@dataclass(frozen=True)
class MemberRequest:
    """A request about an assignment of a course, for its members. The constructor raises 404 unless the caller is a
    member of the course."""

    request: Request
    caller: TheCaller
    course: CourseId
    assignment: AssignmentId

    def __post_init__(self) -> None:
        require_member(self.caller, self.course, "assignment")

    @property
    def is_by_staff(self) -> bool:
        return self.caller.is_staff(self.course)

    @contextmanager
    def read(self) -> Iterator[tuple[Tx, Offering]]:
        """Begin a read-only transaction. Yield the transaction and the offering. Raise 404 unless the course offers the
        assignment."""
        with self.caller.read() as tx:
            yield tx, known_offering(tx, self.caller, self.course, self.assignment)

    @contextmanager
    def write(self) -> Iterator[tuple[Tx, Offering]]:
        """Begin a read-write transaction. Yield the transaction and the offering, as `read` does."""
        with self.caller.write() as tx:
            yield tx, known_offering(tx, self.caller, self.course, self.assignment)

    @property
    def task(self) -> Assignment:
        return self.caller.service.assignments[self.assignment]

    def render(self, tx: Tx, template: str, offering: Offering, **variables: Any) -> Response:
        """Render a template with the variables `course`, `offering`, `task` and those in `variables`."""
        course = known_course(tx, self.course)
        return page(self.request, template, course=course, offering=offering, task=self.task, **variables)


class StaffRequest(MemberRequest):
    """A request about an assignment of a course, for staff only. The constructor raises 404 unless the caller is staff
    of the course."""

    def __post_init__(self) -> None:
        require_staff(self.caller, self.course, "assignment")


ForMember = Annotated[MemberRequest, Depends()]
ForStaff = Annotated[StaffRequest, Depends()]
