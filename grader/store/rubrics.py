"""Settings for marking written questions: rubrics, comment banks, and the number of people who mark each answer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Table, delete, func, insert, select, update

from grader.errors import BadCall
from grader.model import Points
from grader.store.database import Tx, record_of, upsert
from grader.store.records import new_id
from grader.store.tables import mark_items, phrases, questions, rubric


@dataclass(frozen=True)
class OfferedQuestion:
    """A written question of an assignment in one course."""

    course: str
    assignment: str
    id: str


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


def is_of(table: Table, question: OfferedQuestion) -> ColumnElement[bool]:
    """Return the SQL condition that a row of a table belongs to a question."""
    return (
        (table.c.course == question.course)
        & (table.c.assignment == question.assignment)
        & (table.c.question == question.id)
    )


def place(question: OfferedQuestion) -> dict[str, str]:
    """Return the course, assignment and question id of a question, by column name."""
    return {"course": question.course, "assignment": question.assignment, "question": question.id}


def require_hundredths(points: Points) -> None:
    """Raise `BadCall` unless the points are a multiple of 1/100."""
    if (points * 100).denominator != 1:
        raise BadCall(f"{points} is not a valid number of points: use a multiple of 1/100")


# ── rubric ───────────────────────────────────────────────────────────────────────────────────────────


def items(tx: Tx, question: OfferedQuestion) -> list[RubricItem]:
    """Return a question's rubric items in their order."""
    rows = tx.execute(select(rubric).where(is_of(rubric, question)).order_by(rubric.c.position, rubric.c.id))
    return [record_of(row, RubricItem) for row in rows]


def add_item(tx: Tx, question: OfferedQuestion, text: str, points: Points) -> RubricItem:
    """Add an item at the end of a rubric.

    Raises:
        BadCall: If the points are not a multiple of 1/100.
    """
    require_hundredths(points)
    last = tx.scalar(select(func.max(rubric.c.position)).where(is_of(rubric, question)))
    item = RubricItem(new_id(), question.id, text, points)
    row = {"id": item.id, "position": (last or 0) + 1, "text": text, "points": points}
    tx.execute(insert(rubric).values(place(question) | row))
    return item


def change_item(tx: Tx, question: OfferedQuestion, id: str, text: str, points: Points) -> bool:
    """Change a rubric item's text and points, and thereby the marks that apply it. Return whether the item exists.

    Raises:
        BadCall: If the points are not a multiple of 1/100.
    """
    require_hundredths(points)
    where = is_of(rubric, question) & (rubric.c.id == id)
    return bool(tx.execute(update(rubric).where(where).values(text=text, points=points)).rowcount)


def order_items(tx: Tx, question: OfferedQuestion, ids: Iterable[str]) -> None:
    """Set the order of a question's rubric items."""
    for position, id in enumerate(ids, 1):
        tx.execute(update(rubric).where(is_of(rubric, question), rubric.c.id == id).values(position=position))


def uses(tx: Tx, question: OfferedQuestion) -> dict[str, int]:
    """Return the number of marks that apply each rubric item, by item id."""
    rows = tx.execute(
        select(mark_items.c.item, func.count().label("n"))
        .join(rubric, rubric.c.id == mark_items.c.item)
        .where(is_of(rubric, question))
        .group_by(mark_items.c.item)
    )
    return {row.item: row.n for row in rows}


def remove_item(tx: Tx, question: OfferedQuestion, id: str) -> bool:
    """Remove a rubric item. Return whether it existed.

    Raises:
        BadCall: If marks apply the item, since removing it would silently change their points.
    """
    used = tx.scalar(select(func.count()).select_from(mark_items).where(mark_items.c.item == id)) or 0
    if used:
        raise BadCall(f"the item is used in {used} marks: set its points to 0, or remove it from these marks first")
    return bool(tx.execute(delete(rubric).where(is_of(rubric, question), rubric.c.id == id)).rowcount)


# ── comment bank ─────────────────────────────────────────────────────────────────────────────────────


def phrases_of(tx: Tx, question: OfferedQuestion) -> list[Phrase]:
    """Return a question's comment bank, the oldest first."""
    rows = tx.execute(select(phrases).where(is_of(phrases, question)).order_by(phrases.c.id))
    return [record_of(row, Phrase) for row in rows]


def add_phrase(tx: Tx, question: OfferedQuestion, text: str) -> Phrase:
    """Add a comment to the bank, unless the bank has it already. Return the comment."""
    known = next((phrase for phrase in phrases_of(tx, question) if phrase.text == text), None)
    if known:
        return known
    phrase = Phrase(new_id(), text)
    tx.execute(insert(phrases).values(place(question) | {"id": phrase.id, "text": text}))
    return phrase


def remove_phrase(tx: Tx, question: OfferedQuestion, id: str) -> None:
    """Remove a comment from the bank."""
    tx.execute(delete(phrases).where(is_of(phrases, question), phrases.c.id == id))


# ── number of markers ─────────────────────────────────────────────────────────────────────────────────


def markers(tx: Tx, question: OfferedQuestion) -> int:
    """Return the number of people who mark each answer, 1 or 2. If two markers disagree, a moderator decides."""
    return tx.scalar(select(questions.c.markers).where(is_of(questions, question))) or 1


def markers_of(tx: Tx, course: str, assignment: str) -> dict[str, int]:
    """Return question id → number of markers, for the questions for which a number was set."""
    where = (questions.c.course == course) & (questions.c.assignment == assignment)
    rows = tx.execute(select(questions.c.question, questions.c.markers).where(where))
    return {row.question: row.markers for row in rows}


def set_markers(tx: Tx, question: OfferedQuestion, count: int) -> None:
    """Set the number of people who mark each answer.

    Raises:
        BadCall: If the number is neither 1 nor 2.
    """
    if count not in (1, 2):
        raise BadCall(f"{count} is not a valid number of markers: use 1 or 2")
    upsert(tx, questions, place(question) | {"markers": count})
