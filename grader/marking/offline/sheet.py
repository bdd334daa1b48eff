"""The sheet: a CSV file with the answers to a question, which a marker fills in."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from grader.batch import cells
from grader.course.csv_people import lines as lines_of
from grader.course.csv_people import require_none_wrong
from grader.errors import BadCall
from grader.marking.shelves import TITLES
from grader.model import ZERO, Judgement, Opinion, Points, Shelf, show_points

if TYPE_CHECKING:  # a folder of reports needs no database
    from grader.store.rubrics import RubricItem

WHOLE = "whole group"
"""Title of a column. Any text in this column copies the row's mark to other answers of the same group. They must await
marking, and their rows must be empty."""
COLUMNS = (
    "question", "answer", "shelf", "group", "text", "students", "suggested", "by machine", "points", "comment", WHOLE,
)  # fmt: skip
"""Titles of the columns. A column for each rubric item follows."""
_NEEDED = ("question", "answer", "points", "comment")
MOST_BYTES = 32 << 20
MOST_COMMENT = 10_000
_ITEM = re.compile(r"\[([0-9a-zA-Z_-]{1,40})\] .*", re.DOTALL)
_POINTS = re.compile(r"\d{1,4}([.,]\d{1,2})?", re.ASCII)
"""Points such as "2.5", or "2,5" from spreadsheets with a decimal comma."""

Row = tuple[int, Mapping[str, str]]
"""(line number, cells by column title)"""


@dataclass(frozen=True)
class SheetQuestion:
    """The question that the answers in a sheet belong to."""

    place: str
    """The text in the column `question`: "COURSE ASSIGNMENT q1.6" for the service's database, "q1.6" for a folder of
    reports."""
    worth: Points
    items: Sequence[RubricItem] = ()


@dataclass(frozen=True)
class SheetLine:
    """One answer in a sheet, with the marker's mark, if there is one."""

    asked: SheetQuestion
    digest: str
    text: str
    students: int
    suggestion: Opinion | None
    points: Points | None = None
    """Points to write into the row; None if the answer has no mark, or a mark with rubric items only."""
    items: frozenset[str] = frozenset()
    """Ids of the applied rubric items."""
    comment: str = ""
    shelf: Shelf = Shelf.UNREAD
    group: int = 0
    """Number of the answer's group, from 1."""
    waits: bool = True
    """True if the marker has yet to mark the answer."""

    @property
    def is_marked(self) -> bool:
        return self.points is not None or bool(self.items)


@dataclass(frozen=True)
class FilledRow:
    """The mark for one answer in a filled sheet."""

    place: str
    digest: str
    items: tuple[str, ...]
    adjustment: Points
    """Points to add to the points of the rubric items; can be negative."""
    comment: str


def write(lines: Sequence[SheetLine]) -> bytes:
    """Return a sheet as CSV with a byte order mark, by which spreadsheets recognize UTF-8."""
    items = list(dict.fromkeys(item for line in lines for item in line.asked.items))
    rows = [[*COLUMNS, *map(heading, items)], *(_cells(line, items) for line in lines)]
    return cells.dumps(rows).encode("utf-8-sig", "replace")


def heading(item: RubricItem) -> str:
    """Return the title of a rubric item's column, for example "[sign] 2 Wrong sign"."""
    return f"[{item.id}] {show_points(item.points)} {item.text}"


def _cells(line: SheetLine, items: Iterable[RubricItem]) -> Sequence[str]:
    suggested = line.suggestion.points if line.suggestion else None
    return (
        line.asked.place,
        line.digest,
        TITLES[line.shelf],
        str(line.group),
        line.text.replace("\0", ""),
        str(line.students),
        "" if suggested is None else show_points(suggested),
        grounds_text(line.suggestion),
        "" if line.points is None else show_points(line.points),
        line.comment,
        "",
        *("x" if item.id in line.items else "" for item in items),
    )


def grounds_text(suggestion: Opinion | None) -> str:
    """Return the comparisons of formulas behind a suggestion, one per line."""
    return "\n".join(map(_ground, suggestion.judgements)) if suggestion else ""


def _ground(ground: Judgement) -> str:
    suggests = "" if ground.points is None else f"Suggests {show_points(ground.points)}."
    return " ".join(filter(None, (ground.words, ground.evidence, *ground.remarks, suggests)))


def rows(content: bytes) -> list[Row]:
    """Parse a sheet, and return its rows.

    Raises:
        BadCall: If the content is not CSV or a column is missing.
    """
    found = lines_of(content, "file", MOST_BYTES)
    header = [cells.unescaped(cell).strip() for cell in found[0][1]] if found else []
    missing = [name for name in _NEEDED if name not in header]
    if missing:
        raise BadCall(f"line 1: missing columns: {', '.join(missing)}")
    blank = dict.fromkeys(header, "")  # spreadsheets leave out empty cells at the end of a line
    return [
        (number, blank | {name: cells.unescaped(cell).strip() for name, cell in zip(header, row, strict=False)})
        for number, row in found[1:]
    ]


def read(rows: Sequence[Row], lines: Iterable[SheetLine]) -> list[FilledRow]:
    """Return the marks in a filled sheet.

    Args:
        rows: The rows of the sheet.
        lines: The answers that were exported.

    Raises:
        BadCall: If a row is wrong. The message names the first ten wrong rows.
    """
    known = {(line.asked.place, line.digest): line for line in lines}
    found: dict[tuple[str, str], FilledRow] = {}
    of_groups: dict[tuple[str, str], FilledRow] = {}
    wrong: list[str] = []
    for number, row in rows:
        try:
            filled = _filled(row, known)
            if filled is None:
                continue
            if (filled.place, filled.digest) in found:
                raise BadCall("an earlier row marks this answer already")
            if row.get(WHOLE) and of_groups.setdefault(_group(row), filled) is not filled:
                raise BadCall("an earlier row marks this whole group already")
            found[filled.place, filled.digest] = filled
        except BadCall as error:
            wrong.append(f"line {number}: {error}")
    require_none_wrong(wrong)
    rest = [(known.get((row["question"], row["answer"])), of_groups.get(_group(row))) for _, row in rows]
    for line, mark in rest:
        if line and mark and line.waits and (line.asked.place, line.digest) not in found:
            found[line.asked.place, line.digest] = replace(mark, digest=line.digest)
    return list(found.values())


def _group(row: Mapping[str, str]) -> tuple[str, str]:
    return row["question"], row.get("group", "")


def _filled(row: Mapping[str, str], known: Mapping[tuple[str, str], SheetLine]) -> FilledRow | None:
    place, digest, points, comment = (row[name] for name in _NEEDED)
    ticked = [item[1] for name, cell in row.items() if cell and (item := _ITEM.fullmatch(name))]
    if not (points or ticked or comment):
        if row.get(WHOLE):
            raise BadCall("the row marks a whole group, but has no points and no rubric item: fill in one of them")
        return None
    line = known.get((place, digest))
    if line is None:
        raise BadCall(f"{place[:60]!r} has no answer {digest[:12]!r}: export the sheet again")
    if not (points or ticked):
        raise BadCall("the row has a comment, but no points and no rubric item: fill in one of them")
    if len(comment) > MOST_COMMENT or "\0" in comment:
        raise BadCall(f"a comment may have at most {MOST_COMMENT} characters")
    asked = line.asked
    given = {item.id: item.points for item in asked.items}
    unknown = [id for id in ticked if id not in given]
    if unknown:
        raise BadCall(f"the rubric has no item {unknown[0]}: export the sheet again")
    applied = tuple(id for id in given if id in ticked)  # in the order of the rubric
    of_items = sum((given[id] for id in applied), ZERO)
    return FilledRow(place, digest, applied, _points(points, asked.worth) - of_items if points else ZERO, comment)


def _points(text: str, worth: Points) -> Points:
    if not _POINTS.fullmatch(text):
        raise BadCall(f"{text[:20]!r} is not a number of points: write a number with at most two decimals")
    points = Points(text.replace(",", "."))
    if points > worth:
        raise BadCall(f"the question is worth {show_points(worth)} points, less than {text}")
    return points
