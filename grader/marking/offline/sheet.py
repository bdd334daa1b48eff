"""Answers as CSV, wherever they come from: what goes out, and what a marker sends back."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from grader.batch import cells
from grader.course.csv_people import lines as lines_of
from grader.errors import BadCall
from grader.marking.shelves import TITLES
from grader.model import ZERO, Points, Shelf, show_points
from grader.model.answers import Ground, Suggestion

if TYPE_CHECKING:  # a folder of reports needs no database
    from grader.store.rubrics import RubricItem

WHOLE = "whole group"
"""Column; anything in it gives a row's mark to all answers of its group that wait and whose rows are empty."""
COLUMNS = (
    "question", "answer", "shelf", "group", "text", "students", "suggested", "by machine", "points", "comment", WHOLE,
)  # fmt: skip
"""Before those of the rubric's items. Who wrote an answer is not in the file."""
_NEEDED = ("question", "answer", "points", "comment")
MOST_BYTES = 32 << 20
MOST_COMMENT = 10_000
_MOST_NAMED = 10
"""So many wrong lines are named in one message."""
_ITEM = re.compile(r"\[([0-9a-zA-Z_-]{1,40})\] .*", re.DOTALL)
_POINTS = re.compile(r"\d{1,4}([.,]\d{1,2})?", re.ASCII)
"""2.5, or 2,5 as half of Europe's spreadsheets write it."""

Row = tuple[int, Mapping[str, str]]
"""(line, heading → cell)"""


@dataclass(frozen=True)
class Asked:
    """A question whose answers are marked."""

    place: str
    """ "COURSE ASSIGNMENT q1.6" in the service's database, "q1.6" in a folder of reports."""
    worth: Points
    items: Sequence[RubricItem] = ()
    phrases: Sequence[str] = ()
    """Of the comment bank."""

    @property
    def question(self) -> str:
        return self.place.rpartition(" ")[2]


@dataclass(frozen=True)
class Line:
    """One answer, and what its marker has given so far."""

    asked: Asked
    digest: str
    text: str
    students: int
    suggestion: Suggestion | None
    points: Points | None = None
    """Of the whole answer; None where it is not marked, and where they are what the items come to."""
    items: frozenset[str] = frozenset()
    """Ids of those that are ticked."""
    comment: str = ""
    shelf: Shelf = Shelf.UNREAD
    group: int = 0
    """Number of its group of answers that mean the same."""
    waits: bool = True
    """Its marker's mark is wanted."""

    @property
    def is_marked(self) -> bool:
        return self.points is not None or bool(self.items)


@dataclass(frozen=True)
class Filled:
    """What came back for one answer."""

    place: str
    digest: str
    items: tuple[str, ...]
    adjustment: Points
    """Added to the items' points: where there are no items, the points."""
    comment: str


def write(lines: Sequence[Line]) -> bytes:
    """With a mark that lets spreadsheets know its encoding."""
    items = list(dict.fromkeys(item for line in lines for item in line.asked.items))
    rows = [[*COLUMNS, *map(heading, items)], *(_cells(line, items) for line in lines)]
    return cells.dumps(rows).encode("utf-8-sig", "replace")


def heading(item: RubricItem) -> str:
    """Of its column."""
    return f"[{item.id}] {show_points(item.points)} {item.text}"


def _cells(line: Line, items: Iterable[RubricItem]) -> Sequence[str]:
    suggested = line.suggestion.points if line.suggestion else None
    return (
        line.asked.place,
        line.digest,
        TITLES[line.shelf],
        str(line.group),
        line.text.replace("\0", ""),
        str(line.students),
        "" if suggested is None else show_points(suggested),
        because(line.suggestion),
        "" if line.points is None else show_points(line.points),
        line.comment,
        "",
        *("x" if item.id in line.items else "" for item in items),
    )


def because(suggestion: Suggestion | None) -> str:
    """Why the machine suggests what it suggests, on a few lines."""
    return "\n".join(map(_ground, suggestion.grounds)) if suggestion else ""


def _ground(ground: Ground) -> str:
    suggests = "" if ground.points is None else f"Suggests {show_points(ground.points)}."
    return " ".join(filter(None, (ground.words, ground.evidence, *ground.remarks, suggests)))


def rows(content: bytes) -> list[Row]:
    """Raises `BadCall` where it is no such CSV."""
    found = lines_of(content, "file", MOST_BYTES)
    header = [cells.as_written(cell).strip() for cell in found[0][1]] if found else []
    missing = [name for name in _NEEDED if name not in header]
    if missing:
        raise BadCall(f"line 1: the columns {', '.join(_NEEDED)} must be there; {', '.join(missing)} is not")
    blank = dict.fromkeys(header, "")  # spreadsheets leave out empty cells at the end of a line
    return [
        (number, blank | {name: cells.as_written(cell).strip() for name, cell in zip(header, row, strict=False)})
        for number, row in found[1:]
    ]


def read(rows: Sequence[Row], lines: Iterable[Line]) -> list[Filled]:
    """Return what was filled in; other rows change nothing.

    Args:
        rows: Of the file.
        lines: All that could have been filled in.

    Raises:
        BadCall: Names every wrong line, or the first ten of them.
    """
    known = {(line.asked.place, line.digest): line for line in lines}
    found: dict[tuple[str, str], Filled] = {}
    of_groups: dict[tuple[str, str], Filled] = {}
    wrong: list[str] = []
    for number, row in rows:
        try:
            filled = _filled(row, known)
            if filled is None:
                continue
            if (filled.place, filled.digest) in found:
                raise BadCall("this answer stands further up already")
            if row.get(WHOLE) and of_groups.setdefault(_group(row), filled) is not filled:
                raise BadCall("another row gives its mark to this whole group already")
            found[filled.place, filled.digest] = filled
        except BadCall as error:
            wrong.append(f"line {number}: {error}")
    if wrong:
        more = f"; and {len(wrong) - _MOST_NAMED} more" if len(wrong) > _MOST_NAMED else ""
        raise BadCall("; ".join(wrong[:_MOST_NAMED]) + more)
    rest = [(known.get((row["question"], row["answer"])), of_groups.get(_group(row))) for _, row in rows]
    for line, mark in rest:
        if line and mark and line.waits and (line.asked.place, line.digest) not in found:
            found[line.asked.place, line.digest] = replace(mark, digest=line.digest)
    return list(found.values())


def _group(row: Mapping[str, str]) -> tuple[str, str]:
    return row["question"], row.get("group", "")


def _filled(row: Mapping[str, str], known: Mapping[tuple[str, str], Line]) -> Filled | None:
    place, digest, said, comment = (row[name] for name in _NEEDED)
    ticked = tuple(dict.fromkeys(item[1] for name, cell in row.items() if cell and (item := _ITEM.fullmatch(name))))
    if not (said or ticked or comment):
        if row.get(WHOLE):
            raise BadCall("there is no mark to give to the whole group")
        return None
    line = known.get((place, digest))
    if line is None:
        raise BadCall(f"there is no answer {digest[:12]!r} to {place[:60]!r} (any more): export again")
    if not (said or ticked):
        raise BadCall("there is a comment and no points, nor an item of the rubric")
    if len(comment) > MOST_COMMENT or "\0" in comment:
        raise BadCall(f"a comment has {MOST_COMMENT} characters at most")
    asked = line.asked
    given = {item.id: item.points for item in asked.items}
    strange = [id for id in ticked if id not in given]
    if strange:
        raise BadCall(f"{strange[0]} is no item of this rubric (any more): export again")
    of_items = sum((given[id] for id in ticked), ZERO)
    return Filled(place, digest, ticked, _points(said, asked.worth) - of_items if said else ZERO, comment)


def _points(said: str, worth: Points) -> Points:
    if not _POINTS.fullmatch(said):
        raise BadCall(f"{said[:20]!r} are no points: write a number with at most two decimals")
    points = Points(said.replace(",", "."))
    if points > worth:
        raise BadCall(f"the question is worth {show_points(worth)} points; {said} are more")
    return points
