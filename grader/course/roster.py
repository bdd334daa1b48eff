"""A course's roster as a CSV file, as registrars and learning platforms write it. Nobody is ever removed by one."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from grader.course.csv_people import EMAILS, FAMILY, GIVEN, IDS, LOGINS, NAME, ROLE, STAFF, STUDENTS, headings, lines
from grader.errors import BadCall
from grader.store import people
from grader.store.database import Tx
from grader.store.records import Member, Role

LOGIN = r"""^[^\s\x00-\x20\x7f/\\?#%<>"',;:]{1,200}$"""
COURSE_ID = r"^[a-z0-9][a-z0-9._-]{0,31}$"
_MOST_SAID = 10
"""So many wrong lines are named in one message."""

_LOGIN = (LOGINS, EMAILS, IDS)
"""The first kind that is there is taken."""
_ROLES = dict.fromkeys(STUDENTS, Role.STUDENT) | dict.fromkeys(STAFF, Role.STAFF)


@dataclass(frozen=True)
class Row:
    line: int
    login: str
    name: str
    """Empty where the file does not say."""
    role: Role


@dataclass(frozen=True)
class Changes:
    """What a roster does to a course."""

    added: tuple[Row, ...]
    changed: tuple[tuple[Member, Row], ...]
    """Before and after, where the name or the role differs."""
    unchanged: int
    missing: tuple[Member, ...]
    """In the course and not in the file: they stay."""


def login_of(text: str) -> str:
    """A login as it is kept. Raises `BadCall` for what cannot be one."""
    login = text.strip().lower()
    if not login.isprintable() or not re.fullmatch(LOGIN, login):
        raise BadCall(f"{login[:60]!r} is no login: write an e-mail address or an account's name")
    return login


def course_of(text: str) -> str:
    """A course's id. Raises `BadCall` for what cannot be one."""
    if not re.fullmatch(COURSE_ID, text):
        raise BadCall(f"{text[:60]!r} is no course's id: write small letters and digits, such as ml101")
    return text


def read(content: bytes) -> list[Row]:
    """Raises `BadCall` that names every wrong line, or the first ten of them."""
    found = lines(content)
    columns = _columns(found[0][1] if found else [])
    rows: dict[str, Row] = {}
    wrong: list[str] = []
    for number, cells in found[1:]:
        try:
            row = _row(number, columns, cells)
            if row.login in rows:
                raise BadCall(f"{row.login} stands in line {rows[row.login].line} already")
            rows[row.login] = row
        except BadCall as error:
            wrong.append(f"line {number}: {error}")
    if wrong:
        more = f"; and {len(wrong) - _MOST_SAID} more" if len(wrong) > _MOST_SAID else ""
        raise BadCall("; ".join(wrong[:_MOST_SAID]) + more)
    if not rows:
        raise BadCall("the roster names nobody: it has no line after its first one")
    return list(rows.values())


def _columns(header: Sequence[str]) -> dict[str, int]:
    """Which column is the "login", and which are "name", "given", "family" and "role", where there are any."""
    where = headings(header)
    kinds = {"name": NAME, "given": GIVEN, "family": FAMILY, "role": ROLE}
    found = {kind: _first(where, names) for kind, names in kinds.items()}
    found["login"] = next((n for names in _LOGIN if (n := _first(where, names)) is not None), None)
    if found["login"] is None:
        raise BadCall(
            "line 1: no column is called login, email or id: the first line names the columns (login,name,role)"
        )
    return {kind: n for kind, n in found.items() if n is not None}


def _first(where: Mapping[str, int], names: Sequence[str]) -> int | None:
    return next((where[name] for name in names if name in where), None)


def _row(number: int, columns: Mapping[str, int], cells: Sequence[str]) -> Row:
    def cell(kind: str) -> str:
        n = columns.get(kind)
        return " ".join(cells[n].split()) if n is not None and n < len(cells) else ""

    role = _ROLES.get(cell("role").lower())
    if role is None:
        raise BadCall(f"{cell('role')[:40]!r} is no role: write student or staff")
    name = cell("name") or f"{cell('given')} {cell('family')}".strip()
    return Row(number, login_of(cell("login")), name_of(name), role)


def name_of(text: str) -> str:
    """A person's name as it is kept. Raises `BadCall` for what cannot be shown on one line."""
    name = " ".join(text.split())
    if not name.isprintable() or len(name) > 200:
        raise BadCall(f"{name[:60]!r} is no name: it has characters that cannot be shown, or more than 200")
    return name


def compare(tx: Tx, course: str, rows: Sequence[Row]) -> Changes:
    """What `enrol` would do."""
    before = {member.person.login: member for member in people.roster(tx, course)}
    pairs = [(before[row.login], row) for row in rows if row.login in before]
    changed = [(old, new) for old, new in pairs if old.role != new.role or new.name not in ("", old.person.name)]
    named = {row.login for row in rows}
    return Changes(
        added=tuple(row for row in rows if row.login not in before),
        changed=tuple(changed),
        unchanged=len(pairs) - len(changed),
        missing=tuple(member for login, member in before.items() if login not in named),
    )


def enrol(tx: Tx, course: str, changes: Changes) -> None:
    """Puts people into the course, and makes those whom nobody knows yet."""
    for row in (*changes.added, *(new for _, new in changes.changed)):
        person = people.put_person(tx, row.login, row.name)
        people.put_member(tx, course, person.id, row.role)
