"""A question's answers as CSV: what goes out, and what a reader sends back."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from grader.batch import cells
from grader.errors import BadCall
from grader.model import Points, show_points
from grader.store.answers import Suggestion

COLUMNS = ("question", "answer_id", "students", "answer", "suggested", "because", "points", "comment")
_NEEDED = ("question", "answer_id", "points", "comment")
MOST_BYTES = 32 << 20
MOST_COMMENT = 10_000
_MOST_SAID = 10
"""So many wrong lines are named in one message."""


@dataclass(frozen=True)
class Line:
    """One answer, and what its reader has given so far."""

    question: str
    digest: str
    students: int
    text: str
    suggestion: Suggestion | None
    points: Points | None = None
    comment: str = ""


@dataclass(frozen=True)
class Given:
    """What came back for one answer."""

    question: str
    digest: str
    points: Points
    comment: str


def write(lines: Iterable[Line]) -> bytes:
    """With a mark that lets spreadsheets know its encoding."""
    return cells.dumps([COLUMNS, *(_cells(line) for line in lines)]).encode("utf-8-sig", "replace")


def _cells(line: Line) -> Sequence[str]:
    suggestion = line.suggestion
    suggested = suggestion.points if suggestion else None
    return (
        line.question,
        line.digest,
        str(line.students),
        line.text.replace("\0", ""),
        "" if suggested is None else show_points(suggested),
        because(suggestion),
        "" if line.points is None else show_points(line.points),
        line.comment,
    )


def because(suggestion: Suggestion | None) -> str:
    """Why the machine suggests what it suggests, on a few lines."""
    grounds = suggestion.grounds if suggestion else ()
    return "\n".join(" ".join(part for part in (g.words, g.evidence, *g.remarks) if part) for g in grounds)


def read(content: bytes, worth: Mapping[tuple[str, str], Points]) -> list[Given]:
    """Lines with points; those without are not read yet. `worth`: (question, answer) → its points, of every answer
    that there is. Raises `BadCall` that names every wrong line, or the first ten of them."""
    found: dict[tuple[str, str], Given] = {}
    wrong: list[str] = []
    for number, row in _rows(content):
        try:
            given = _given(row, worth)
            if given and (given.question, given.digest) in found:
                raise BadCall("this answer stands further up already")
        except BadCall as error:
            wrong.append(f"line {number}: {error}")
            continue
        if given:
            found[given.question, given.digest] = given
    if wrong:
        more = f"; and {len(wrong) - _MOST_SAID} more" if len(wrong) > _MOST_SAID else ""
        raise BadCall("; ".join(wrong[:_MOST_SAID]) + more)
    return list(found.values())


def _rows(content: bytes) -> list[tuple[int, dict[str, str]]]:
    if len(content) > MOST_BYTES:
        raise BadCall(f"the file has more than {MOST_BYTES >> 20} MiB")
    text = _text(content)
    delimiter = max(",;\t", key=text.partition("\n")[0].count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        rows = [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    except csv.Error as wrong:
        raise BadCall(f"line {reader.line_num}: this is not CSV ({wrong})") from None
    header = rows[0][1] if rows else []
    missing = [name for name in _NEEDED if name not in header]
    if missing:
        raise BadCall(f"line 1: the columns {', '.join(_NEEDED)} must be there; {', '.join(missing)} is not")
    return [(number, dict(zip(header, map(cells.as_written, row), strict=False))) for number, row in rows[1:]]


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError:
        raise BadCall("the file is not in UTF-8: save it as CSV UTF-8") from None


def _given(row: Mapping[str, str], worth: Mapping[tuple[str, str], Points]) -> Given | None:
    question, digest = row.get("question", ""), row.get("answer_id", "")
    said, comment = row.get("points", "").strip(), row.get("comment", "").strip()
    if (question, digest) not in worth:
        raise BadCall(f"there is no answer {digest[:12]!r} to {question[:20]!r} (any more): export again")
    if not said:
        if comment:
            raise BadCall("there is a comment and no points")
        return None
    if len(comment) > MOST_COMMENT or "\0" in comment:
        raise BadCall(f"a comment has {MOST_COMMENT} characters at most")
    return Given(question, digest, _points(said, worth[question, digest]), comment)


def _points(said: str, worth: Points) -> Points:
    """A spreadsheet may write 2,5."""
    try:
        number = Decimal(said.replace(",", ".")) if re.fullmatch(r"\d{1,4}([.,]\d{1,4})?", said) else None
    except InvalidOperation:
        number = None
    if number is None or (Points(number) * 100).denominator != 1:
        raise BadCall(f"{said[:20]!r} are no points: write a number with at most two decimals")
    if Points(number) > worth:
        raise BadCall(f"the question is worth {show_points(worth)} points; {said} are more")
    return Points(number)
