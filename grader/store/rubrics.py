"""Settings for marking written questions: rubrics, comment banks, and the number of people who mark each answer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass

from sqlalchemy import delete, func, insert, select, update

from grader.errors import BadCall
from grader.model import Points
from grader.store.database import Tx, change, fetch, fetch_pairs, remembered, upsert
from grader.store.records import new_id
from grader.store.tables import mark_items, phrases, questions, rubric


@dataclass(frozen=True)
class OfferedQuestion:
    """A written question of an assignment in one course."""

    course: str
    assignment: str
    id: str

    @property
    def columns(self) -> dict[str, str]:
        """The values of the columns that identify the question in tables."""
        return {"course": self.course, "assignment": self.assignment, "question": self.id}


@dataclass(frozen=True)
class RubricItem:
    """A reason for points, such as a common mistake, that markers apply to answers."""

    id: str
    question: str
    text: str
    points: Points
    """Points added to an answer that the item is applied to; negative for a deduction."""


@dataclass(frozen=True)
class Phrase:
    """A comment of the comment bank."""

    id: str
    text: str


def require_hundredths(points: Points) -> None:
    """Raise `BadCall` unless the points are a multiple of 1/100."""
    if (points * 100).denominator != 1:
        raise BadCall(f"{points} is not a valid number of points: use a multiple of 1/100")


# ── rubric ───────────────────────────────────────────────────────────────────────────────────────────


def items(tx: Tx, question: OfferedQuestion) -> list[RubricItem]:
    """Return a question's rubric items in their order."""
    query = select(rubric).filter_by(**question.columns)
    query = query.order_by(rubric.c.position, rubric.c.id)
    return fetch(tx, query, RubricItem)


def add_item(tx: Tx, question: OfferedQuestion, text: str, points: Points) -> RubricItem:
    """Add an item at the end of a rubric.

    Raises:
        BadCall: If the points are not a multiple of 1/100.
    """
    require_hundredths(points)
    positions = select(rubric.c.position).filter_by(**question.columns)
    last_position = max(tx.scalars(positions), default=0)
    item = RubricItem(new_id(), question.id, text, points)
    row = {**question.columns, **asdict(item), "position": last_position + 1}
    tx.execute(insert(rubric).values(row))
    return item


def change_item(tx: Tx, question: OfferedQuestion, id: str, text: str, points: Points) -> bool:
    """Change a rubric item's text and points, and thereby the marks that apply it. Return whether the item exists.

    Raises:
        BadCall: If the points are not a multiple of 1/100.
    """
    require_hundredths(points)
    item = update(rubric).filter_by(**question.columns, id=id)
    return change(tx, item.values(text=text, points=points)) > 0


def order_items(tx: Tx, question: OfferedQuestion, ids: Iterable[str]) -> None:
    """Set the order of a question's rubric items."""
    for position, id in enumerate(ids, 1):
        item = update(rubric).filter_by(**question.columns, id=id)
        tx.execute(item.values(position=position))


def uses(tx: Tx, question: OfferedQuestion) -> dict[str, int]:
    """Return the number of marks that apply each rubric item, by item id."""
    items_of_question = select(rubric.c.id).filter_by(**question.columns)
    query = select(mark_items.c.item, func.count())
    query = query.where(mark_items.c.item.in_(items_of_question))
    query = query.group_by(mark_items.c.item)
    return fetch_pairs(tx, query)


def remove_item(tx: Tx, question: OfferedQuestion, id: str) -> bool:
    """Remove a rubric item. Return whether it existed.

    Raises:
        BadCall: If marks apply the item, since removing it would silently change their points.
    """
    count = uses(tx, question).get(id)
    if count:
        raise BadCall(f"the item is used in {count} marks: set its points to 0, or remove it from these marks first")
    return change(tx, delete(rubric).filter_by(**question.columns, id=id)) > 0


# ── comment bank ─────────────────────────────────────────────────────────────────────────────────────


def phrases_of(tx: Tx, question: OfferedQuestion) -> list[Phrase]:
    """Return a question's comment bank, the oldest first."""
    query = select(phrases).filter_by(**question.columns)
    query = query.order_by(phrases.c.id)
    return fetch(tx, query, Phrase)


def add_phrase(tx: Tx, question: OfferedQuestion, text: str) -> Phrase:
    """Add a comment to the bank, unless the bank has it already. Return the comment."""
    for phrase in phrases_of(tx, question):
        if phrase.text == text:
            return phrase
    phrase = Phrase(new_id(), text)
    tx.execute(insert(phrases).values(**question.columns, **asdict(phrase)))
    return phrase


def remove_phrase(tx: Tx, question: OfferedQuestion, id: str) -> None:
    """Remove a comment from the bank."""
    tx.execute(delete(phrases).filter_by(**question.columns, id=id))


# ── number of markers ─────────────────────────────────────────────────────────────────────────────────


def markers(tx: Tx, question: OfferedQuestion) -> int:
    """Return the number of people who mark each answer, 1 or 2. If two markers disagree, a moderator decides."""
    return markers_of(tx, question.course).get(question.assignment, {}).get(question.id, 1)


@remembered
def markers_of(tx: Tx, course: str) -> dict[str, dict[str, int]]:
    """Return assignment → question id → number of markers, for the questions for which a number was set."""
    rows = tx.execute(select(questions).filter_by(course=course))
    markers: dict[str, dict[str, int]] = {}
    for row in rows:
        markers.setdefault(row.assignment, {})[row.question] = row.markers
    return markers


def set_markers(tx: Tx, question: OfferedQuestion, count: int) -> None:
    """Set the number of people who mark each answer.

    Raises:
        BadCall: If the number is neither 1 nor 2.
    """
    if count not in (1, 2):
        raise BadCall(f"{count} is not a valid number of markers: use 1 or 2")
    upsert(tx, questions, {**question.columns, "markers": count})
