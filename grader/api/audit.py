"""The audit of a course, for its staff, and of the whole service, for admins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from grader.api.identity import TheCaller, require_admin
from grader.api.lookup import ForCourse
from grader.api.rendering import page
from grader.api.schemas import ID, SearchText
from grader.store import audit
from grader.store.records import Course

router = APIRouter(prefix="/api/v1", tags=["staff"])
pages = APIRouter(include_in_schema=False)


@dataclass(frozen=True)
class ChangeFilter:
    """The changes to list. Empty texts match all changes."""

    assignment: SearchText = ""
    person: Annotated[SearchText, Query(description="A part of the login of the person concerned")] = ""
    by: Annotated[SearchText, Query(description="A part of the login of the person who made the changes")] = ""
    action: Annotated[SearchText, Query(description="A part of the action, for example extensions")] = ""
    before: Annotated[str, Query(pattern=f"^$|{ID}", description="Only changes before this one")] = ""


TheChangeFilter = Annotated[ChangeFilter, Depends()]


@router.get("/courses/{course}/history")
def list_changes(staff: ForCourse, filter: TheChangeFilter) -> list[audit.Entry]:
    """List who changed what in a course, the newest first, at most 100 (staff)."""
    with staff.read() as (tx, course):
        marker = "" if staff.caller.person.admin else staff.caller.person.id
        return audit.entries(tx, course.id, **vars(filter), marker=marker)


@router.get("/history")
def list_all_changes(caller: TheCaller, filter: TheChangeFilter) -> list[audit.Entry]:
    """List who changed what in the whole service, the newest first, at most 100 (admins)."""
    require_admin(caller)
    with caller.read() as tx:
        return audit.entries(tx, **vars(filter))


@pages.get("/courses/{course}/history")
def show_changes(staff: ForCourse, filter: TheChangeFilter) -> Response:
    with staff.read() as (_, course):
        return _page(staff.request, filter, list_changes(staff, filter), course)


@pages.get("/history")
def show_all_changes(request: Request, caller: TheCaller, filter: TheChangeFilter) -> Response:
    return _page(request, filter, list_all_changes(caller, filter))


def _page(request: Request, filter: ChangeFilter, entries: list[audit.Entry], course: Course | None = None) -> Response:
    """Render a page of changes in a course, or in the whole service."""
    next = urlencode(vars(filter) | {"before": entries[-1].id}) if len(entries) == audit.SHOWN else ""
    return page(request, "changes.html", course=course, entries=entries, filter=filter, next=next)
