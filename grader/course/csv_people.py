"""Read CSV files of people, such as rosters that registrars and learning platforms export."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from pathlib import Path

from grader.errors import BadCall

MOST_BYTES = 4 << 20
_MOST_NAMED = 10
"""An error message lists at most this number of wrong lines."""

LOGINS = ("login", "login id", "sis login id", "username", "user name", "user", "account")
EMAILS = ("email", "e-mail", "mail", "email address", "e-mail address")
IDS = ("id", "student id", "user id", "sis user id")
NAME = ("name", "full name", "student name", "student", "display name")
GIVEN, FAMILY = ("first name", "given name", "firstname"), ("last name", "family name", "surname", "lastname")
ROLE = ("role", "course role", "type")
LABELS = ("labels", "label", "section", "sections")
STUDENTS = ("", "student", "learner", "participant")
STAFF = ("staff", "teacher", "instructor", "lecturer", "professor", "tutor", "ta", "teaching assistant", "grader")


def content_of(file: Path) -> bytes:
    """Return the content of a file. Raise `BadCall` if it cannot be read."""
    try:
        return file.read_bytes()
    except OSError as wrong:
        raise BadCall(f"{file} cannot be read ({wrong.strerror})") from None


def lines(content: bytes, kind: str = "roster", most_bytes: int = MOST_BYTES) -> list[tuple[int, list[str]]]:
    """Return the non-empty lines of a CSV file as (line number from 1, cells).

    Args:
        content: Content of the file.
        kind: The file's name in error messages.
        most_bytes: Largest accepted size.

    Raises:
        BadCall: If the file is too large, or is not CSV in UTF-8 or UTF-16.
    """
    if len(content) > most_bytes:
        raise BadCall(f"the {kind} has more than {most_bytes >> 20} MiB")
    encoding = "utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        raise BadCall(f"the {kind} is not in UTF-8: save it as CSV UTF-8") from None
    header = text.partition("\n")[0].partition("[")[0]  # rubric texts follow after a bracket
    delimiter = max(",;\t", key=header.count)
    csv.field_size_limit(most_bytes)  # a student's answer may be long
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        return [(number, cells) for number, cells in enumerate(reader, 1) if "".join(cells).strip()]
    except csv.Error as wrong:
        raise BadCall(f"line {reader.line_num}: this is not CSV ({wrong})") from None


def require_none_wrong(wrong: Sequence[str]) -> None:
    """Raise `BadCall` with the first ten messages in `wrong`. Do nothing if it is empty."""
    if wrong:
        more = f"; and {len(wrong) - _MOST_NAMED} more" if len(wrong) > _MOST_NAMED else ""
        raise BadCall("; ".join(wrong[:_MOST_NAMED]) + more)


def titles(header: Sequence[str]) -> list[str]:
    """Return the column titles of a file in lower case, with spaces instead of underscores, such as "full name"."""
    return [" ".join(title.lower().replace("_", " ").split()) for title in header]


def cells_by_title(titles: Sequence[str], cells: Sequence[str]) -> dict[str, str]:
    """Return column title → cell of one line, without extra spaces. If two columns have the same title, the first
    counts. Cells that the line lacks are empty."""
    row: dict[str, str] = {}
    for title, cell in zip_longest(titles, cells, fillvalue=""):
        row.setdefault(title, " ".join(cell.split()))
    return row


def is_points_possible(row: Mapping[str, str]) -> bool:
    """Return whether a line, as `cells_by_title` returns it, is the second one of Canvas's gradebooks, which has the
    possible points of the assignments instead of a student."""
    return row.get("student", "").lower().startswith("points possible")
