"""The page of an assignment: its dates, the form to submit, and earlier submissions."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, File, Form, Query, UploadFile
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from grader.api import admission
from grader.api.assignments import known_course, known_offering
from grader.api.frame import page
from grader.api.identity import TheCaller, TheService, require_member
from grader.api.pages.history import attempts
from grader.api.pages.home import card
from grader.api.schemas import ID, AssignmentId, CourseId
from grader.api.views import views_of
from grader.course.late import read_policy
from grader.errors import BadCall
from grader.store import submissions
from grader.store.records import Kind, Page

router = APIRouter(include_in_schema=False)

PATH = "/courses/{course}/assignments/{assignment}"
SHOWN = 25


@router.get(PATH)
def show_assignment(
    request: Request,
    course: CourseId,
    assignment: AssignmentId,
    service: TheService,
    caller: TheCaller,
    before: Annotated[str | None, Query(pattern=ID)] = None,
) -> Response:
    require_member(caller, course, "assignment")
    with service.store.read() as tx:
        offering = known_offering(tx, service, course, assignment)
        own = submissions.of_offering(
            tx, course, assignment, author=caller.person.id, kind=None, page=Page(SHOWN + 1, before)
        )
        views = views_of(tx, service, caller, own)
        mine = card(tx, service, caller, offering)
        tried = attempts(tx, caller, views, mine.counting)[:SHOWN]
        return page(
            request,
            "assignment.html",
            course=known_course(tx, course),
            card=mine,
            policy=read_policy(offering.late),
            task=service.assignments[assignment],
            attempts=tried,
            older=views[SHOWN - 1].submission.id if len(views) > SHOWN else "",
            is_staff_here=caller.is_staff(course),
            once=secrets.token_hex(16),
        )


@router.post(PATH)
async def submit(
    course: CourseId,
    assignment: AssignmentId,
    service: TheService,
    caller: TheCaller,
    files: Annotated[list[UploadFile | str], File()] = [],  # noqa: B006  (some browsers send a string if no file is chosen)
    kind: Annotated[Kind, Form()] = Kind.SUBMISSION,
    once: Annotated[str, Form(pattern=r"^[0-9a-f]{32}$|^$")] = "",
) -> Response:
    """Submit the files and redirect to the submission's page.

    Every form contains a different value `once`. If a form is sent twice with the same files, for example by a double
    click, only one submission is stored.
    """
    require_member(caller, course, "assignment")
    chosen = [file for file in files if not isinstance(file, str) and file.filename]
    contents = [(file.filename or "", await file.read()) for file in chosen]
    if not contents:
        raise BadCall(f"no file was chosen: choose {service.assignments[assignment].files[0]}, your notebook, or both")
    key = _idempotency_key(once, kind, contents)
    receipt = await admission.submit(
        admission.SubmitRequest(service, caller, course, assignment, contents, kind, "page", key=key)
    )
    return RedirectResponse(f"/submissions/{receipt.view.submission.id}", 303)


def _idempotency_key(once: str, kind: Kind, contents: Sequence[tuple[str, bytes]]) -> str:
    """Return the Idempotency-Key of a form. The key is different if the same form is sent again with other files."""
    if not once:
        return ""
    digest = hashlib.sha256(kind.encode())
    for name, content in contents:
        digest.update(hashlib.sha256(name.encode("utf-8", "replace")).digest() + hashlib.sha256(content).digest())
    return f"form {once} {digest.hexdigest()}"
