"""Common parts of the staff pages of an assignment: permission, transaction and template variables."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends
from starlette.requests import Request
from starlette.responses import Response

from grader.api.courses import known_course, known_offering
from grader.api.frame import page
from grader.api.identity import Caller, TheCaller, require_staff
from grader.api.schemas import AssignmentId, CourseId
from grader.api.wiring import TheService
from grader.service import Service
from grader.store.database import Tx
from grader.store.records import Offering


@dataclass(frozen=True)
class StaffPage:
    """A staff page of an assignment, within an open transaction."""

    request: Request
    service: Service
    caller: Caller
    tx: Tx
    offering: Offering

    def render(self, template: str, **shown: Any) -> Response:
        """Return the template rendered with `shown` and the variables `course`, `offering` and `task`."""
        course = known_course(self.tx, self.offering.course)
        task = self.service.assignments[self.offering.assignment]
        return page(self.request, template, course=course, offering=self.offering, task=task, **shown)


@dataclass(frozen=True)
class StaffRequest:
    """A request for a staff page of an assignment."""

    request: Request
    service: TheService
    caller: TheCaller
    course: CourseId
    assignment: AssignmentId

    @contextmanager
    def read(self) -> Iterator[StaffPage]:
        """Begin a read-only transaction. Raise 404 unless the caller is staff and the course offers the assignment."""
        require_staff(self.caller, self.course, "assignment")
        with self.service.store.read() as tx:
            offering = known_offering(tx, self.service, self.course, self.assignment)
            yield StaffPage(self.request, self.service, self.caller, tx, offering)


ForStaff = Annotated[StaffRequest, Depends()]
