"""Reading away from the service: one question's answers as a table, and what a reader has filled in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from grader.errors import BadCall
from grader.model import ZERO, Points, show_points
from grader.reading.papers import Paper
from grader.store import readings, rubrics
from grader.store.database import Tx
from grader.store.readings import Given, Reading
from grader.store.rubrics import Question, RubricItem


@dataclass(frozen=True)
class Filled:
    """What a reader has put beside one answer."""

    row: int
    """Where, for messages."""
    digest: str
    points: Points | None
    """Of the whole answer; None: what the items come to."""
    items: tuple[str, ...]
    comment: str

    @property
    def is_blank(self) -> bool:
        return self.points is None and not self.items and not self.comment


@dataclass(frozen=True)
class BroughtIn:
    read: int
    """Set, or set anew."""
    unchanged: int
    blank: int


def bring_in(
    tx: Tx,
    question: Question,
    worth: Points,
    found: Sequence[Paper],
    reader: str,
    filled: Sequence[Filled],
    *,
    keep: bool = True,
) -> BroughtIn:
    """All of it, or with `BadCall` nothing: a file that was half taken would be hard to put right. `keep`: else it only
    says what it would do."""
    known = {item.id: item for item in rubrics.items(tx, question)}
    by_digest = {paper.digest: paper for paper in found}
    read = unchanged = 0
    marked = [line for line in filled if not line.is_blank]
    for line in marked:
        paper = by_digest.get(line.digest)
        if paper is None:
            raise BadCall(f"row {line.row}: nobody's answer to {question.id} is this one (any more): export it again")
        given = _given(line, worth, known, moderates=paper.would_moderate(reader))
        if _is_same(paper.reading_of(reader), given):
            unchanged += 1
            continue
        read += 1
        if keep:
            readings.put(tx, question, line.digest, reader, given)
    return BroughtIn(read, unchanged, len(filled) - len(marked))


def points_to_show(reading: Reading | None, worth: Points) -> str:
    """Empty where they are what the items come to: so they still follow when an item's points are changed."""
    if reading is None or (reading.items and not reading.adjustment):
        return ""
    return show_points(reading.points(worth))


def _given(line: Filled, worth: Points, known: Mapping[str, RubricItem], *, moderates: bool) -> Given:
    strange = [id for id in line.items if id not in known]
    if strange:
        raise BadCall(f"row {line.row}: {strange[0][:40]} is no item of this rubric (any more): export it again")
    if line.points is None and not line.items:
        raise BadCall(f"row {line.row}: a comment, but neither points nor an item of the rubric")
    adjustment = ZERO
    if line.points is not None:
        if not ZERO <= line.points <= worth:
            raise BadCall(
                f"row {line.row}: {show_points(line.points)} points, where 0 to {show_points(worth)} can be given"
            )
        adjustment = line.points - sum((known[id].points for id in line.items), ZERO)
    return Given(line.items, adjustment, line.comment, moderates=moderates)


def _is_same(before: Reading | None, given: Given) -> bool:
    return before is not None and (
        {item.id for item in before.items} == set(given.items)
        and before.adjustment == given.adjustment
        and before.comment == given.comment
    )
