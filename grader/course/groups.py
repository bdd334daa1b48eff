"""Groups that submit an assignment together: students form them by invitations, and staff set them.

An invitation is stored for the login as the student wrote it, and nothing is looked up. So the answer to an invitation
does not tell who is in the course, who is staff, and who has a group.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from grader.course import csv_people, roster
from grader.errors import BadCall
from grader.store import groups, people
from grader.store.database import Tx
from grader.store.records import Group, Offering, Person, Role, new_id


class GroupAction(StrEnum):
    """A change that a student makes to a group."""

    INVITE = "invite"
    WITHDRAW = "withdraw"
    """Withdraw an invitation of the own group."""
    ACCEPT = "accept"
    DECLINE = "decline"
    LEAVE = "leave"


def act(tx: Tx, offering: Offering, student: Person, action: GroupAction, target: str) -> None:
    """Change a student's group or invitations.

    Args:
        tx: A transaction that writes.
        offering: The assignment.
        student: The student who acts.
        action: The action. The first invitation begins a group.
        target: The login that is invited, or whose invitation is withdrawn; the name of the group whose invitation is
            accepted or declined.

    Raises:
        BadCall: If the action is not possible. The message says what to do.
    """
    groups.lock(tx, offering)
    related = groups.groups_of(tx, offering, student.login)
    own = next((group for group in related if group.has(student.login)), Group(new_id(), (student,)))
    match action:
        case GroupAction.INVITE:
            _require_place(offering, len(own.members) + len(own.invited))
            groups.put(tx, offering, {student.login: own.name})
            groups.invite(tx, offering, own.name, roster.login_of(target))
        case GroupAction.WITHDRAW:
            groups.remove_invitation(tx, offering, own.name, target)
        case GroupAction.ACCEPT:
            if len(own.members) > 1:
                raise BadCall("you are in a group already: leave it before you join another one")
            sizes = {group.name: len(group.members) for group in related}
            if target not in sizes:
                raise BadCall("this invitation does not exist any more: ask to be invited again")
            _require_place(offering, sizes[target])
            groups.put(tx, offering, {student.login: target})
        case GroupAction.DECLINE:
            groups.remove_invitation(tx, offering, target, student.login)
        case GroupAction.LEAVE:
            groups.put(tx, offering, {student.login: ""})


def _require_place(offering: Offering, taken: int) -> None:
    """Raise `BadCall` if members and invitations take all places of a group."""
    if taken >= offering.group_size:
        raise BadCall(f"the group is full: members and invitations are at most {offering.group_size}")


# ── by staff ─────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class GroupChange:
    """A student who moves to another group."""

    login: str
    before: str
    """Name of the group; empty for none."""
    after: str


def read(content: bytes) -> dict[str, str]:
    """Parse a CSV file with the columns group and login. Return login → group. An empty group is no group.

    Raises:
        BadCall: If the file is not valid. The message lists at most ten wrong lines.
    """
    lines = csv_people.lines(content, "file of groups")
    titles = csv_people.titles(lines[0][1]) if lines else []  # a line is (number, cells)
    if not {"group", "login"} <= set(titles):
        raise BadCall("line 1: there is no column group or login: the first line must name the columns (group,login)")
    group_by_login: dict[str, str] = {}
    wrong: list[str] = []
    for number, cells in lines[1:]:
        row = csv_people.cells_by_title(titles, cells)
        login = row["login"].lower()
        if login in group_by_login:
            wrong.append(
                f"line {number}: {login} is already in the group {group_by_login[login]!r}: remove one of them"
            )
        group_by_login[login] = row["group"]
    csv_people.require_none_wrong(wrong)
    return group_by_login


def assign(tx: Tx, offering: Offering, group_by_login: Mapping[str, str], *, dry_run: bool) -> list[GroupChange]:
    """Move students to groups. Others stay in their groups. Return the changes; with `dry_run`, make none.

    Raises:
        BadCall: If a person is not a student of the course, or a group would have too many members.
    """
    groups.lock(tx, offering)
    present: dict[str, str] = {}
    for group in groups.groups_of(tx, offering):
        present |= dict.fromkeys((member.login for member in group.members), group.name)
    moves = {login.lower(): roster.name_of(name) for login, name in group_by_login.items()}
    sizes = Counter((present | moves).values())
    students = {member.person.login for member in people.roster(tx, offering.course, Role.STUDENT)}
    wrong: list[str] = []
    changes: list[GroupChange] = []
    for login, name in moves.items():
        if login not in students:
            wrong.append(f"{login!r:.80} is not a student of this course: add them to the roster first")
        if name and sizes[name] > offering.group_size:
            too_many = f"{sizes[name]} members, and the group size is {offering.group_size}"
            wrong.append(f"{login!r:.80}: the group {name!r} would have {too_many}")
        if name != present.get(login, ""):
            changes.append(GroupChange(login, present.get(login, ""), name))
    csv_people.require_none_wrong(wrong)
    if not dry_run:
        groups.put(tx, offering, {change.login: change.after for change in changes})
    return changes
