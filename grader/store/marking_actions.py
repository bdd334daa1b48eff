"""The markers' latest actions, stored so that they can be undone."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import TypeAdapter
from sqlalchemy import delete, insert, select

from grader.store.answer_marks import NewMark
from grader.store.database import Tx, next_id
from grader.store.rubrics import OfferedQuestion
from grader.store.tables import marking_actions


@dataclass(frozen=True)
class MarkChange:
    """A change that a marker made to their own mark of one answer."""

    before: NewMark | None
    """The mark before the action; None if there was none."""
    before_at: dt.datetime | None
    """Time of the mark before the action; None if there was none."""
    after_at: dt.datetime | None
    """Time of the mark after the action; None if the action removed the mark."""


@dataclass(frozen=True)
class Action:
    """One action of a marker, such as marking a group."""

    marks: Mapping[str, MarkChange] = field(default_factory=dict)
    """Digest of an answer → change of the marker's mark."""
    groups: Mapping[str, tuple[str | None, str | None]] = field(default_factory=dict)
    """Moved groups and single answers: id → (id of its group before the action, id of its group after the action). None
    is the original group."""


_ACTION = TypeAdapter(Action)


def add(tx: Tx, question: OfferedQuestion, marker: str, action: Action) -> None:
    """Store an action as the marker's latest action on a question."""
    row = {"id": next_id(tx, marking_actions), "marker": marker, "before": _ACTION.dump_python(action, mode="json")}
    tx.execute(insert(marking_actions).values(**question.columns, **row))


def latest(tx: Tx, question: OfferedQuestion, marker: str) -> tuple[str, Action] | None:
    """Return the id of a marker's latest action on a question, and the action; None if there is none."""
    query = select(marking_actions).filter_by(**question.columns, marker=marker)
    query = query.order_by(marking_actions.c.id.desc()).limit(1)
    row = tx.execute(query).one_or_none()
    if row is None:
        return None
    return row.id, _ACTION.validate_python(row.before)


def remove(tx: Tx, id: str) -> None:
    """Delete an action."""
    tx.execute(delete(marking_actions).filter_by(id=id))
