"""The students of a class, as read from a roster: a CSV file, a Canvas gradebook or a Moodle grading worksheet."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from grader.batch.digest import digest_of
from grader.batch.safe_csv import unescaped
from grader.course import csv_people
from grader.course.late import checked_date
from grader.errors import BadCall

IDS = (*csv_people.IDS, "sid", "identifier", "id number", "student number", "matriculation number")
_WHO = {*IDS, *csv_people.EMAILS, *csv_people.LOGINS, *csv_people.NAME, *csv_people.FAMILY}
"""Columns that identify a student."""
_SUBMISSION = ("submission", "hand-in", "hand in", "folder")
_EXTENSION = ("extension", "extended to", "extension until")
_SUBMITTED = ("submitted", "submitted at")


@dataclass(frozen=True)
class ClassStudent:
    """A student of the class, or the author of a submission. Facts that a roster or an export lacks are empty."""

    name: str = ""
    ids: tuple[str, ...] = ()
    email: str = ""
    login: str = ""
    label: str = ""
    """The name of a submission's folder or file. It may be an id, e-mail address, login or name of the student."""
    cells: Mapping[str, str] = field(default_factory=dict, hash=False)
    """The student's row in the roster: column → cell. Some gradebooks keep the columns of the roster."""
    submission: str = ""
    """The place of the student's submission in the export, if the roster names it."""
    extension: dt.datetime | None = None
    """The student's extended due date; None without an extension."""
    submitted_at: dt.datetime | None = None
    """The time of submission in the roster, which overrides the time in the export; None if the roster has none."""
    enrolled: bool = True
    """True if the student is in the roster, or if there is no roster."""
    key: str = ""
    """The unique name of the student's folder in the output folder."""

    @property
    def first_id(self) -> str:
        return self.ids[0] if self.ids else ""

    @property
    def shown(self) -> str:
        return self.name or self.label or self.login or self.email or self.first_id


def read(content: bytes) -> list[ClassStudent]:
    """Return the students of a roster. A roster needs at least one of the columns id, email, login and name.

    Raises:
        BadCall: If the roster cannot be read. The message names the line to fix."""
    lines = csv_people.lines(content)  # (number of the line, its cells)
    header = lines[0][1] if lines else []
    titles = csv_people.titles(header)
    if _WHO.isdisjoint(titles):
        raise BadCall("the roster's first line must name one of the columns id, email, login and name")
    students: list[ClassStudent] = []
    for number, escaped_cells in lines[1:]:
        cells = [unescaped(cell) for cell in escaped_cells]
        row = csv_people.cells_by_title(titles, cells)
        if csv_people.is_points_possible(row):
            continue
        if _first(row, csv_people.ROLE).lower() in csv_people.STAFF:
            continue
        try:
            student = _student(row, dict(zip(header, cells, strict=False)))
        except BadCall as wrong:
            raise BadCall(f"the roster's line {number}: {wrong}") from None
        if not student.shown:
            raise BadCall(f"the roster's line {number} has no name, id, e-mail address or login: fill in one of them")
        students.append(student)
    _require_distinct(students)
    return with_keys(students)


def _student(row: Mapping[str, str], cells: Mapping[str, str]) -> ClassStudent:
    """Return the student in a line of a roster.

    Args:
        row: The line by titles in lower case, as `csv_people.cells_by_title` returns it.
        cells: The line by the roster's own titles.

    Raises:
        BadCall: If a date is not valid.
    """
    name = _first(row, csv_people.NAME) or f"{_first(row, csv_people.GIVEN)} {_first(row, csv_people.FAMILY)}"
    ids: list[str] = []
    for title in IDS:
        ids += row.get(title, "").split(";")
    extension, submitted = _first(row, _EXTENSION), _first(row, _SUBMITTED)
    return ClassStudent(
        name=name.strip(),
        ids=tuple(dict.fromkeys(_id(id) for id in ids if id)),
        email=_first(row, csv_people.EMAILS).lower(),
        login=_first(row, csv_people.LOGINS).lower(),
        cells=cells,
        submission=_first(row, _SUBMISSION),
        extension=local_date(extension) if extension else None,
        submitted_at=local_date(submitted) if submitted else None,
    )


def _id(text: str) -> str:
    """Return an id without the word "Participant", which Moodle puts before it."""
    return re.sub(r"(?i)^participant\s+(?=\d+$)", "", text)


def _first(row: Mapping[str, str], names: Sequence[str]) -> str:
    """Return the first cell that is not empty in the columns `names`; "" if there is none."""
    for name in names:
        if row.get(name):
            return row[name]
    return ""


def local_date(text: str) -> dt.datetime:
    """Return the date in a text. A date without a time zone is local. Raise `BadCall` if it is not valid."""
    try:
        date = dt.datetime.fromisoformat(text)
    except ValueError:
        raise BadCall(f"{text[:40]!r} is not a valid date: write 2026-12-01 23:59") from None
    return checked_date(date).astimezone()


def _require_distinct(students: Sequence[ClassStudent]) -> None:
    """Raise `BadCall` if two students have the same id, e-mail address or login. Names may be equal."""
    identifiers = {
        "id": [id for student in students for id in student.ids],
        "e-mail address": [student.email for student in students],
        "login": [student.login for student in students],
    }
    for kind, texts in identifiers.items():
        doubled = [text for text, times in Counter(texts).items() if text and times > 1]
        if doubled:
            raise BadCall(f"several people in the roster have the {kind} {', '.join(doubled[:5])}: make it unique")


def with_keys(students: Sequence[ClassStudent]) -> list[ClassStudent]:
    """Return the students with unique keys. A student's key depends only on that student and on students with the same
    name."""
    slugs = [_slug(student) for student in students]
    slug_counts = Counter(slugs)
    key_counts: Counter[str] = Counter()
    keyed = []
    for student, slug in zip(students, slugs, strict=True):
        key = slug if slug_counts[slug] == 1 else f"{slug}-{_hash(student)}"
        key_counts[key] += 1
        if key_counts[key] > 1:  # equal students, or a slug that looks like another one with a hash
            key = f"{key}-{key_counts[key]}"
        keyed.append(replace(student, key=key))
    return keyed


def _slug(student: ClassStudent) -> str:
    """Return a folder name for a student, such as "ada-lovelace". It is made from the login, e-mail address or name, or
    else from a hash."""
    text = student.login or student.email or student.name or student.shown
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9@.]+", "-", plain).strip("-.")[:60]
    return slug if re.search("[a-z0-9]", slug) else f"student-{_hash(student)}"


def _hash(student: ClassStudent) -> str:
    """Return a short hash of everything that identifies a student."""
    identity = digest_of((student.name, *student.ids, student.email, student.login, student.submission))
    return identity[:8]
