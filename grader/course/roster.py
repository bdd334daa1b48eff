"""Import a course's roster from a CSV file. An import never removes people."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from grader.course import csv_people
from grader.errors import BadCall
from grader.store import people
from grader.store.database import Tx
from grader.store.records import Member, Person, Role

LOGIN = r"""^[^\s\x00-\x20\x7f/\\?#%<>"',;:]{1,200}$"""
COURSE_ID = r"^[a-z0-9][a-z0-9._-]{0,31}$"

_LOGIN = (*csv_people.LOGINS, *csv_people.EMAILS, *csv_people.IDS)
"""Titles of columns that may contain the login. The first one in the file is used."""
_ROLES = dict.fromkeys(csv_people.STUDENTS, Role.STUDENT) | dict.fromkeys(csv_people.STAFF, Role.STAFF)


@dataclass(frozen=True)
class RosterRow:
    """One line of a roster: a person and their role."""

    line: int
    login: str
    name: str
    """The person's name; empty if the file contains none."""
    role: Role
    labels: tuple[str, ...] | None = None
    """The person's labels; None if the file has no column for them."""
    identifiers: Mapping[str, str] | None = None
    """Cells of the columns `csv_people.PLATFORM_COLUMNS`; None if the file has none of them."""


@dataclass(frozen=True)
class RosterChanges:
    """The changes that importing a roster would make to a course."""

    added: tuple[RosterRow, ...]
    changed: tuple[tuple[Member, RosterRow], ...]
    """(member before the import, line of the roster) for each member with a new name or role, or new labels."""
    unchanged: int
    missing: tuple[Member, ...]
    """Members of the course who are not in the file. They stay in the course."""
    kept_names: tuple[RosterRow, ...] = ()
    """Lines whose name is not used, because other courses use the person's present name."""


def login_of(text: str) -> str:
    """Return a login as the database stores it, in lower case. Raise `BadCall` if it is not valid."""
    written = text.strip()
    login = written.lower()
    is_another_letter = login.isascii() and not written.isascii()  # the Kelvin sign becomes k
    if is_another_letter or not login.isprintable() or not re.fullmatch(LOGIN, login):
        raise BadCall(f"{login[:60]!r} is not a valid login: write an e-mail address or an account name")
    return login


def course_of(text: str) -> str:
    """Return the course id unchanged. Raise `BadCall` if it is not valid."""
    if not re.fullmatch(COURSE_ID, text) or text == "new":  # the page /courses/new
        raise BadCall(f"{text[:60]!r} is not a valid course id: write lower-case letters and digits, such as ml101")
    return text


def read(content: bytes) -> list[RosterRow]:
    """Parse a roster in CSV. Return one row for each person.

    Raises:
        BadCall: If the file is not a roster. The message lists at most ten wrong lines.
    """
    lines = csv_people.lines(content)  # (number of the line, its cells)
    header = lines[0][1] if lines else []
    titles = csv_people.titles(header)
    is_of_canvas = {"Student", "ID"} <= set(header)
    login_titles = [title for title in _LOGIN if title in titles]
    if not login_titles:
        raise BadCall(
            "line 1: there is no column login, email or id: the first line must name the columns (login,name,role)"
        )
    rows: dict[str, RosterRow] = {}
    wrong: list[str] = []
    for number, cells in lines[1:]:
        by_title = csv_people.cells_by_title(titles, cells)
        if csv_people.is_points_possible(by_title) or (is_of_canvas and not by_title["student"]):
            continue  # a line about the assignments
        try:
            row = _roster_row(number, by_title, login_titles[0])
            if is_of_canvas or "Identifier" in header:
                row = replace(row, identifiers=_identifiers(header, cells))
            if row.login in rows:
                raise BadCall(f"{row.login} is already in line {rows[row.login].line}: remove one of the lines")
            rows[row.login] = row
        except BadCall as error:
            wrong.append(f"line {number}: {error}")
    csv_people.require_none_wrong(wrong)
    if not rows:
        raise BadCall("the roster is empty: add a line for each person below the first line")
    return list(rows.values())


def _identifiers(header: Sequence[str], cells: Sequence[str]) -> dict[str, str]:
    """Return the cells of a line by which a learning platform identifies the person."""
    line = dict(zip(header, cells, strict=False))
    return {column: line[column] for column in csv_people.PLATFORM_COLUMNS if line.get(column)}


def lines_of(content: bytes, numbers: Collection[int]) -> str:
    """Return the first line of a roster and the lines with these numbers, as CSV."""
    excerpt = io.StringIO()
    writer = csv.writer(excerpt)
    for position, (number, cells) in enumerate(csv_people.lines(content)):
        if position == 0 or number in numbers:
            writer.writerow(cells)
    return excerpt.getvalue()


def _roster_row(number: int, cells: Mapping[str, str], login_title: str) -> RosterRow:
    """Convert a line of the file. `cells` maps column titles to cells; the login is in the column `login_title`."""

    def cell(titles: Sequence[str]) -> str:
        return next((cells[title] for title in titles if title in cells), "")

    role_name = cell(csv_people.ROLE)
    role = _ROLES.get(role_name.lower())
    if role is None:
        raise BadCall(f"{role_name[:40]!r} is not a role: write student or staff")
    name = cell(csv_people.NAME) or f"{cell(csv_people.GIVEN)} {cell(csv_people.FAMILY)}"
    labels = None
    if not cells.keys().isdisjoint(csv_people.LABELS):
        labels = labels_of(cell(csv_people.LABELS))
    return RosterRow(number, login_of(cells[login_title]), name_of(name), role, labels)


def labels_of(text: str) -> tuple[str, ...]:
    """Return the labels in a cell of a roster, which are separated by semicolons."""
    labels = {name_of(label) for label in text.split(";")}
    return tuple(sorted(labels - {""}))


def name_of(text: str) -> str:
    """Return a name of a person, course or label without extra spaces. Raise `BadCall` if it is longer than 200
    characters or has control characters."""
    name = " ".join(text.split())
    if not name.isprintable() or len(name) > 200:
        raise BadCall(f"{name[:60]!r} is not a valid name: remove control characters, and use at most 200 characters")
    return name


def compare(tx: Tx, course: str, rows: Sequence[RosterRow], editor: Person | None = None) -> RosterChanges:
    """Compare a roster with a course's members. Return the changes that `enrol` would make.

    Args:
        tx: The transaction.
        course: Id of the course.
        rows: The roster.
        editor: The person who changes the roster; None for an operator, who may do what admins may. Only admins may
            change the names of admins and of members of other courses. The present names of these people stay.

    Raises:
        BadCall: If the roster takes the role of staff from `editor`, who would lose access to the course.
    """
    kept_names: list[RosterRow] = []
    if editor is not None and not editor.admin:
        rows, kept_names = _without_names_of_others(tx, course, rows)
        for row in rows:
            if row.login == editor.login and row.role is not Role.STAFF:
                raise BadCall("you cannot give up your own role of staff: ask another member of staff")
    members = {member.person.login: member for member in people.roster(tx, course)}
    missing = dict(members)
    added: list[RosterRow] = []
    changed: list[tuple[Member, RosterRow]] = []
    for row in rows:
        missing.pop(row.login, None)
        member = members.get(row.login)
        if member is None:
            added.append(row)
            continue
        if row.identifiers is not None:  # another platform's identifiers stay
            row = replace(row, identifiers={**member.identifiers, **row.identifiers})
        is_same_person = member.role == row.role and row.name in ("", member.person.name)
        has_same_labels = row.labels in (None, member.labels)
        if not (is_same_person and has_same_labels and row.identifiers in (None, member.identifiers)):
            changed.append((member, row))
    unchanged = len(rows) - len(added) - len(changed)
    return RosterChanges(tuple(added), tuple(changed), unchanged, tuple(missing.values()), tuple(kept_names))


def _without_names_of_others(tx: Tx, course: str, rows: Sequence[RosterRow]) -> tuple[list[RosterRow], list[RosterRow]]:
    """Return the rows with the present names of people whose names the course's staff may not change, and the rows in
    which such a name differs."""
    names = people.names_of_others(tx, course, [row.login for row in rows])
    allowed, renaming = [], []
    for row in rows:
        present = names.get(row.login, row.name)
        if row.name not in ("", present):
            renaming.append(row)
        allowed.append(replace(row, name=present))
    return allowed, renaming


def remove(tx: Tx, course: str, person: Person, editor: Person) -> None:
    """Remove a person from a course; their submissions stay. Raise `BadCall` if staff would remove themselves, because
    they could not come back."""
    if person.id == editor.id and not editor.admin:
        raise BadCall("you cannot remove yourself: ask another member of staff")
    people.remove_member(tx, course, person.id)


def enrol(tx: Tx, course: str, changes: RosterChanges) -> None:
    """Add and update members of the course according to `changes`. Create accounts for new people."""
    rows = [*changes.added]
    rows += [row for _, row in changes.changed]
    for row in rows:
        person = people.put_person(tx, row.login, row.name)
        people.put_member(tx, course, person.id, row.role, row.labels, row.identifiers)
