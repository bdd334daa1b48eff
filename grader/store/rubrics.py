"""Rubrics, comment banks and number of markers of written questions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Table, delete, func, insert, select, update

from grader.errors import BadCall
from grader.model import Points
from grader.store.database import AnyRow, Tx
from grader.store.records import new_id
from grader.store.tables import mark_items, phrases, questions, rubric


@dataclass(frozen=True)
class OfferedQuestion:
    """A written question of an assignment, as one course sets it."""

    course: str
    assignment: str
    id: str


@dataclass(frozen=True)
class RubricItem:
    id: str
    question: str
    text: str
    points: Points
    """Added where it is ticked; below zero takes off."""


@dataclass(frozen=True)
class Phrase:
    """A comment of the comment bank."""

    id: str
    text: str


def is_of(table: Table, question: OfferedQuestion) -> ColumnElement[bool]:
    return (
        (table.c.course == question.course)
        & (table.c.assignment == question.assignment)
        & (table.c.question == question.id)
    )


def place(question: OfferedQuestion) -> dict[str, str]:
    """Return the columns that name a question."""
    return {"course": question.course, "assignment": question.assignment, "question": question.id}


# ── rubric ───────────────────────────────────────────────────────────────────────────────────────────


def items(tx: Tx, question: OfferedQuestion) -> list[RubricItem]:
    """In the order in which they are shown, and numbered."""
    rows = tx.execute(select(rubric).where(is_of(rubric, question)).order_by(rubric.c.position, rubric.c.id))
    return [_item(row) for row in rows]


def items_by_id(tx: Tx, ids: Iterable[str]) -> dict[str, RubricItem]:
    rows = tx.execute(select(rubric).where(rubric.c.id.in_(list(ids))).order_by(rubric.c.position, rubric.c.id))
    return {row.id: _item(row) for row in rows}


def _item(row: AnyRow) -> RubricItem:
    return RubricItem(row.id, row.question, row.text, row.points)


def add_item(tx: Tx, question: OfferedQuestion, text: str, points: Points) -> RubricItem:
    """Add an item behind the others."""
    _printable(points)
    last = tx.scalar(select(func.max(rubric.c.position)).where(is_of(rubric, question)))
    item = RubricItem(new_id(), question.id, text, points)
    row = {"id": item.id, "position": (last or 0) + 1, "text": text, "points": points}
    tx.execute(insert(rubric).values(place(question) | row))
    return item


def change_item(tx: Tx, question: OfferedQuestion, id: str, text: str, points: Points) -> bool:
    """Every total that it is ticked in follows, since points are added up whenever somebody looks."""
    _printable(points)
    where = is_of(rubric, question) & (rubric.c.id == id)
    return bool(tx.execute(update(rubric).where(where).values(text=text, points=points)).rowcount)


def order_items(tx: Tx, question: OfferedQuestion, ids: Iterable[str]) -> None:
    for position, id in enumerate(ids, 1):
        tx.execute(update(rubric).where(is_of(rubric, question), rubric.c.id == id).values(position=position))


def uses(tx: Tx, question: OfferedQuestion) -> dict[str, int]:
    """Item → how many answer_marks have it ticked."""
    rows = tx.execute(
        select(mark_items.c.item, func.count().label("n"))
        .join(rubric, rubric.c.id == mark_items.c.item)
        .where(is_of(rubric, question))
        .group_by(mark_items.c.item)
    )
    return {row.item: row.n for row in rows}


def remove_item(tx: Tx, question: OfferedQuestion, id: str) -> bool:
    """Raises `BadCall` where it is ticked: points would vanish from totals unseen."""
    used = tx.scalar(select(func.count()).select_from(mark_items).where(mark_items.c.item == id)) or 0
    if used:
        raise BadCall(f"the item is ticked {used} times: set its points to 0, or untick it first")
    return bool(tx.execute(delete(rubric).where(is_of(rubric, question), rubric.c.id == id)).rowcount)


def _printable(points: Points) -> None:
    if (points * 100).denominator != 1:
        raise BadCall(f"points are multiples of 1/100, which {points} is not")


# ── comment bank ─────────────────────────────────────────────────────────────────────────────────────


def phrases_of(tx: Tx, question: OfferedQuestion) -> list[Phrase]:
    rows = tx.execute(select(phrases).where(is_of(phrases, question)).order_by(phrases.c.id))
    return [Phrase(row.id, row.text) for row in rows]


def add_phrase(tx: Tx, question: OfferedQuestion, text: str) -> Phrase:
    """The one that there is, where the same has been said before."""
    known = next((phrase for phrase in phrases_of(tx, question) if phrase.text == text), None)
    if known:
        return known
    phrase = Phrase(new_id(), text)
    tx.execute(insert(phrases).values(place(question) | {"id": phrase.id, "text": text}))
    return phrase


def remove_phrase(tx: Tx, question: OfferedQuestion, id: str) -> None:
    tx.execute(delete(phrases).where(is_of(phrases, question), phrases.c.id == id))


# ── how many markers ─────────────────────────────────────────────────────────────────────────────────


def markers(tx: Tx, question: OfferedQuestion) -> int:
    """How many people mark each answer: one, or two and a moderator where they differ."""
    return tx.scalar(select(questions.c.markers).where(is_of(questions, question))) or 1


def markers_of(tx: Tx, course: str, assignment: str) -> dict[str, int]:
    """Question → how many, where that has been set."""
    where = (questions.c.course == course) & (questions.c.assignment == assignment)
    rows = tx.execute(select(questions.c.question, questions.c.markers).where(where))
    return {row.question: row.markers for row in rows}


def set_markers(tx: Tx, question: OfferedQuestion, count: int) -> None:
    if count not in (1, 2):
        raise BadCall("an answer has one marker, or two")
    if not tx.execute(update(questions).where(is_of(questions, question)).values(markers=count)).rowcount:
        tx.execute(insert(questions).values(place(question) | {"markers": count}))
