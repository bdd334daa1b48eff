"""Who is in the class: a roster as CSV, a Canvas gradebook or a Moodle grading worksheet, or the export itself."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from grader.batch.cells import as_written
from grader.batch.export import Who
from grader.course import csv_people
from grader.course.late import checked_date
from grader.errors import BadCall

IDS = (*csv_people.IDS, "sid", "identifier", "id number", "student number", "matriculation number")
_WHO = (*IDS, *csv_people.EMAILS, *csv_people.LOGINS, *csv_people.NAME, *csv_people.FAMILY)
_HAND_IN = ("submission", "hand-in", "hand in", "folder")
_EXTENSION = ("extension", "extended to", "extension until")
_SUBMITTED = ("submitted", "submitted at")


@dataclass(frozen=True)
class Student:
    name: str = ""
    ids: tuple[str, ...] = ()
    email: str = ""
    login: str = ""
    cells: Mapping[str, str] = field(default_factory=dict)
    """The roster's line as it stands, by its headings, for gradebooks that want their own columns back."""
    hand_in: str = ""
    """Which one is theirs, where the roster says so."""
    extension: dt.datetime | None = None
    submitted_at: dt.datetime | None = None
    """Where the roster knows; it is believed before the export."""
    enrolled: bool = True
    """Whether the roster names them, or there is none."""
    key: str = ""
    """What their folder is called: no two are the same."""

    @property
    def shown(self) -> str:
        return self.name or self.login or self.email or next(iter(self.ids), "")


def read(content: bytes) -> list[Student]:
    """A roster with at least one of id, email, login and name. Raises `BadCall` that names the lines to mend."""
    lines = csv_people.lines(content)
    header = lines[0][1] if lines else []
    where = csv_people.headings(header)
    if not any(
        name in where for name in (*IDS, *csv_people.EMAILS, *csv_people.LOGINS, *csv_people.NAME, *csv_people.FAMILY)
    ):
        raise BadCall("the roster's first line names no column id, email, login or name")
    found: list[Student] = []
    for number, cells in lines[1:]:
        row = {name: as_written(cells[n].strip()) for name, n in where.items() if n < len(cells)}
        if _is_person(row):
            raw = {title: as_written(cells[n]) for n, title in enumerate(header) if n < len(cells)}
            found.append(_student(number, row, raw))
    _without_doubles(found)
    return with_keys(found)


def _is_person(row: Mapping[str, str]) -> bool:
    """Not staff, and not the line in which Canvas's gradebooks say what can be reached."""
    points = row.get("student", "").lower().startswith("points possible")
    return not points and _first(row, csv_people.ROLE).lower() not in csv_people.STAFF


def _student(number: int, row: Mapping[str, str], raw: Mapping[str, str]) -> Student:
    name = _first(row, csv_people.NAME) or f"{_first(row, csv_people.GIVEN)} {_first(row, csv_people.FAMILY)}"
    student = Student(
        name=" ".join(name.split()),
        ids=tuple(dict.fromkeys(_id(id) for kind in IDS for id in row.get(kind, "").split(";") if id)),
        email=_first(row, csv_people.EMAILS).lower(),
        login=_first(row, csv_people.LOGINS).lower(),
        cells=raw,
        hand_in=_first(row, _HAND_IN),
        extension=_moment(number, _first(row, _EXTENSION)),
        submitted_at=_moment(number, _first(row, _SUBMITTED)),
    )
    if not student.shown:
        raise BadCall(f"the roster's line {number} names nobody")
    return student


def _id(text: str) -> str:
    """Moodle writes "Participant 123"."""
    return re.sub(r"(?i)^participant\s+(?=\d+$)", "", text)


def _first(row: Mapping[str, str], names: Sequence[str]) -> str:
    return next((row[name] for name in names if row.get(name)), "")


def _moment(number: int, text: str) -> dt.datetime | None:
    if not text:
        return None
    try:
        return checked_date(dt.datetime.fromisoformat(text)).astimezone()
    except ValueError:
        raise BadCall(f"the roster's line {number}: {text[:40]!r} is no moment: write 2026-12-01 23:59") from None


def _without_doubles(students: Sequence[Student]) -> None:
    for kind, values in (
        ("id", [id for student in students for id in student.ids]),
        ("e-mail address", [student.email for student in students if student.email]),
        ("login", [student.login for student in students if student.login]),
    ):
        doubled = [value for value, times in Counter(values).items() if times > 1]
        if doubled:
            raise BadCall(f"the roster has several people with the {kind} {', '.join(doubled[:5])}")


def outsider(who: Who, *, enrolled: bool) -> Student:
    """Somebody whom only the export names."""
    name = who.name or who.squeezed or who.anything
    ids = (who.id,) if who.id else ()
    return Student(name=name, ids=ids, email=who.email.lower(), login=who.login.lower(), enrolled=enrolled)


def with_keys(students: Iterable[Student]) -> list[Student]:
    """Keys do not depend on who else is there, but for those who would be called the same."""
    named = [(student, _slug(student)) for student in students]
    times = Counter(slug for _, slug in named)
    keyed = [replace(s, key=slug if times[slug] == 1 else f"{slug}-{_hash(s)}") for s, slug in named]
    return _told_apart(keyed)


def _told_apart(students: Sequence[Student]) -> list[Student]:
    """Of whom the roster says exactly the same, the second is a second person nevertheless."""
    seen: Counter[str] = Counter()
    apart = []
    for student in students:
        seen[student.key] += 1
        again = seen[student.key]
        apart.append(student if again == 1 else replace(student, key=f"{student.key}-{again}"))
    return apart


def _slug(student: Student) -> str:
    """Letters and digits that every file system keeps apart, or a hash where there are none."""
    text = student.login or student.email or student.name or student.shown
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9@.]+", "-", plain).strip("-.")[:60]
    return slug if re.search("[a-z0-9]", slug) else f"student-{_hash(student)}"


def _hash(student: Student) -> str:
    identity = "\n".join((student.name, *student.ids, student.email, student.login, student.hand_in))
    return hashlib.sha256(identity.encode("utf-8", "replace")).hexdigest()[:8]
