"""Groups that submit an assignment together: students form them, and staff set them."""

from __future__ import annotations

import json
from typing import Annotated

from fastapi import APIRouter, File, Form, Query, UploadFile
from pydantic import Field, Json
from starlette.responses import RedirectResponse, Response

from grader.api.files import read_csv
from grader.api.identity import require_scope
from grader.api.lookup import ForMember, ForStaff
from grader.api.schemas import TEXT, FromForm, In, Out, PersonOut
from grader.course.groups import GroupAction, act, assign, read
from grader.errors import BadCall
from grader.store import groups
from grader.store.records import Role, TokenScope

router = APIRouter(prefix="/api/v1/courses/{course}/assignments/{assignment}", tags=["courses"])
pages = APIRouter(prefix="/courses/{course}/assignments/{assignment}", include_in_schema=False)

SHOWN = 100
"""Largest number of groups or changes on one page."""

Target = Annotated[str, Field(max_length=200, pattern=TEXT)]


class StudentGroupOut(Out):
    name: str
    members: list[PersonOut]
    invited: list[str]
    """Logins that were invited and have not answered, whether there are such people or not."""


class GroupActionIn(In):
    change: GroupAction
    target: Target = ""
    """The login to invite, or whose invitation to withdraw; the name of the group to accept or decline."""


class GroupActionForm(GroupActionIn, extra="ignore"):
    """A change on the page of an assignment."""


@router.post("/group")
def change_group(member: ForMember, new: GroupActionIn) -> list[StudentGroupOut]:
    """Invite to the caller's group, answer an invitation, or leave (students).

    The answer to an invitation is the same for every login. Return the caller's group, and groups that have invited the
    caller. A submission counts for all who are members when it arrives.
    """
    caller = member.caller
    require_scope(caller, TokenScope.SUBMIT)
    with member.write() as (tx, offering):
        if caller.roles.get(member.course) is not Role.STUDENT:
            raise BadCall("only students form groups: set groups on the page Groups of the assignment")
        act(tx, offering, caller.person, new.change, new.target)
        return StudentGroupOut.all(groups.groups_of(tx, offering, caller.person.login))


@pages.post("/group")
def send_group(
    member: ForMember,
    new: FromForm[GroupActionForm],
) -> Response:
    change_group(member, new)
    return RedirectResponse(f"/courses/{member.course}/assignments/{member.assignment}#group", 303)


# ── for staff ────────────────────────────────────────────────────────────────────────────────────────


class GroupChangeOut(Out):
    login: str
    before: str
    """Name of the group; empty for none."""
    after: str


@router.get("/groups")
def list_student_groups(staff: ForStaff) -> list[StudentGroupOut]:
    """List the groups (staff)."""
    with staff.read() as (tx, offering):
        return StudentGroupOut.all(groups.groups_of(tx, offering))


@router.put("/groups")
def put_groups(staff: ForStaff, group_by_login: dict[str, str], dry_run: bool = False) -> list[GroupChangeOut]:
    """Move students to groups (staff).

    The body has a group's name for each login; "" removes a student from their group. Others stay in their groups. If
    one of them is wrong, nothing changes. Return the changes; with `dry_run`, make none.
    """
    with staff.write() as (tx, offering):
        return GroupChangeOut.all(assign(tx, offering, group_by_login, dry_run=dry_run))


@pages.get("/groups")
def show_groups(staff: ForStaff, start: Annotated[int, Query(ge=0, le=1_000_000)] = 0) -> Response:
    """Show the groups in pages, from the position `start`."""
    return _groups_page(staff, start=start)


@pages.post("/groups")
def send_groups(
    staff: ForStaff,
    file: Annotated[UploadFile | None, File()] = None,
    rows: Annotated[Json[dict[str, str]] | None, Form()] = None,
) -> Response:
    """Show what a CSV file changes, or make the changes that were shown."""
    if rows is not None:
        put_groups(staff, rows)
        return RedirectResponse(staff.request.url.path, 303)
    content = read_csv(file) if file else b""
    return _groups_page(staff, put_groups(staff, read(content), dry_run=True))


def _groups_page(staff: ForStaff, changes: list[GroupChangeOut] | None = None, start: int = 0) -> Response:
    with staff.read() as (tx, offering):
        return staff.render(
            tx,
            "groups.html",
            offering,
            groups=groups.groups_of(tx, offering),
            start=start,
            most=SHOWN,
            changes=changes,
            rows=json.dumps({change.login: change.after for change in changes or ()}),
        )
