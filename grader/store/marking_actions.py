"""Markers' latest actions, with what undoing them restores."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import delete, insert, select

from grader.model import Json, Points
from grader.store.answer_marks import NewMark
from grader.store.database import Tx
from grader.store.records import new_id
from grader.store.rubrics import OfferedQuestion, is_of, place
from grader.store.tables import marking_actions


@dataclass(frozen=True)
class MarkChange:
    """A change of a marker's own mark of one answer."""

    before: NewMark | None
    """None if there was no mark."""
    before_at: dt.datetime | None
    after_at: dt.datetime | None
    """None if the action removed the mark."""


@dataclass(frozen=True)
class Action:
    """One action of a marker, such as marking a group."""

    marks: Mapping[str, MarkChange] = field(default_factory=dict)
    """By the answer's digest."""
    groups: Mapping[str, tuple[str | None, str | None]] = field(default_factory=dict)
    """Key of a regrouping → group before and after; None for no regrouping."""


def add(tx: Tx, question: OfferedQuestion, marker: str, action: Action) -> None:
    """Record an action as the marker's latest."""
    row = {"id": new_id(), "marker": marker, "before": _as_json(action)}
    tx.execute(insert(marking_actions).values(place(question) | row))


def latest(tx: Tx, question: OfferedQuestion, marker: str) -> tuple[str, Action] | None:
    """Return the id of a marker's latest action on a question, and the action."""
    rows = (
        select(marking_actions.c.id, marking_actions.c.before)
        .where(is_of(marking_actions, question), marking_actions.c.marker == marker)
        .order_by(marking_actions.c.id.desc())
        .limit(1)
    )
    row = tx.execute(rows).one_or_none()
    return (row.id, _from_json(row.before)) if row else None


def remove(tx: Tx, id: str) -> None:
    """Forget an action."""
    tx.execute(delete(marking_actions).where(marking_actions.c.id == id))


def _as_json(action: Action) -> Json:
    return {
        "marks": {
            digest: {
                "before": _given(change.before),
                "before_at": change.before_at and change.before_at.isoformat(),
                "after_at": change.after_at and change.after_at.isoformat(),
            }
            for digest, change in action.marks.items()
        },
        "groups": {key: list(change) for key, change in action.groups.items()},
    }


def _given(given: NewMark | None) -> Json | None:
    if given is None:
        return None
    return {
        "items": list(given.items),
        "adjustment": str(given.adjustment),
        "comment": given.comment,
        "moderates": given.moderates,
    }


def _from_json(kept: Json) -> Action:
    marks = {
        digest: MarkChange(_given_of(change["before"]), _moment(change["before_at"]), _moment(change["after_at"]))
        for digest, change in kept["marks"].items()
    }
    return Action(marks, {key: (before, after) for key, (before, after) in kept["groups"].items()})


def _given_of(kept: Json | None) -> NewMark | None:
    if kept is None:
        return None
    return NewMark(tuple(kept["items"]), Points(kept["adjustment"]), kept["comment"], kept["moderates"])


def _moment(text: str | None) -> dt.datetime | None:
    return dt.datetime.fromisoformat(text) if text else None
