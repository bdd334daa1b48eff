"""Recording of changes: every transaction with an author adds a row to the table `audit` for each row that it changed.

No function that changes data has to record anything. A transaction notes the content of the rows that a statement is
about to change, compares it with their content before the commit, and records what differs.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from sqlalchemy import Column, Connection, Delete, Insert, RowMapping, Table, Update, insert, select, true, tuple_
from sqlalchemy.engine.default import DefaultExecutionContext

from grader.store.records import new_id
from grader.store.scored import DECISIVE, tell_changes
from grader.store.tables import (
    answer_marks,
    audit,
    courses,
    gradings,
    group_members,
    lti_contexts,
    metadata,
    people,
    rubric,
    submissions,
)

_GRADED = ("answers", "results", "workers")
_SUBMITTED = ("authors", "files", "idempotency", "submissions")
_SENT = ("lti_members", "lti_scores", "outbox", "used_nonces")
UNRECORDED = (*_GRADED, *_SUBMITTED, *_SENT, "audit", "facts", "marking_actions")
"""Names of the tables whose changes are not recorded: what is submitted and graded is a record of itself, and
`marking_actions` undo marks, which are recorded. Data exchanged with other services follow from what is recorded."""
_PLACE = ("course", "assignment", "person", "submission", "digest")
"""Names of columns that the table `audit` has too."""
_DETAILS = ("question", "label", "group", "login", "text")
"""Names of columns that tell people which row has changed, besides those in `_PLACE`."""
_PARENTS = {"context": lti_contexts, "submission": submissions, "mark": answer_marks, "item": rubric}
"""Tables that tell what a row is about, by the name of the column that refers to them."""
_IDS = ("id", "course", "assignment", "person", "submission", "digest", "marker", "mark", "item")
_LEFT_OUT = (*_IDS, "hash", "at", "by", "created_at", "pending")
"""Names of columns whose values are not recorded: secrets, ids, what the audit has itself, and the queue of a
regrade."""
_OF_GRADINGS = (gradings.c.id, gradings.c.submission, gradings.c.state)
_MOST_CHARACTERS = 500
"""A longer value is cut in the audit."""
_ROWS_AT_A_TIME = 500

_Row = Mapping[str, Any]
_Key = tuple[Any, ...]


@dataclass(frozen=True)
class Author:
    """The author of a transaction."""

    person: str | None
    """Id of the person; None for a command of the operator, and for the service."""
    request: str
    """Id of the HTTP request, or the command."""


@contextmanager
def recorded(tx: Connection, author: Author | None) -> Iterator[None]:
    """Record the changes of a transaction at the end of the block. No-op without an author."""
    if author is None:
        yield
        return
    changes = _Changes(tx, author)
    tx.execution_options(changes=changes)
    yield
    changes.record()


def before_cursor_execute(
    tx: Connection, cursor: object, sql: str, parameters: object, context: DefaultExecutionContext, many: bool
) -> None:
    """Note the rows that a statement of a recorded transaction is about to change. This is a listener for SQLAlchemy's
    event of this name."""
    changes: _Changes | None = tx.get_execution_options().get("changes")
    statement = context.invoked_statement
    if changes and isinstance(statement, Insert | Update | Delete):
        changes.note(statement, context.compiled_parameters)


class _Changes:
    """The rows that a transaction has changed, as they were before."""

    def __init__(self, tx: Connection, author: Author) -> None:
        self._tx = tx
        self._author = author
        self._before: dict[Table, dict[_Key, _Row | None]] = {}

    def note(self, statement: Insert | Update | Delete, rows: Sequence[_Row]) -> None:
        """Note the rows that a statement is about to insert, update or delete. `rows` are its parameters."""
        table = metadata.tables[str(statement.table)]
        if table.name in UNRECORDED:
            return
        noted = self._before.setdefault(table, {})
        if not isinstance(statement, Insert):
            condition = true() if statement.whereclause is None else statement.whereclause
            changing = select(*_columns(table)).where(condition)
            stored = self._tx.execute(changing.with_for_update(key_share=True)).mappings()
            for key, row in _by_key(table, stored).items():
                noted.setdefault(key, row)
            return
        if table is gradings:
            return  # a submission or a regrade queues them
        keys = list(_by_key(table, rows))
        may_exist = type(statement) is not Insert  # but a dialect's, with ON CONFLICT
        stored_rows = self._stored(table, keys) if may_exist else {}
        for key in keys:
            noted.setdefault(key, stored_rows.get(key))

    def record(self) -> None:
        """Insert a row into the table `audit` for each row that differs from what it was before, and messages about
        the scores that may depend on these rows."""
        entries, decisive = [], []
        common = {"at": dt.datetime.now(dt.UTC), "by": self._author.person, "request": self._author.request}
        for table, noted in self._before.items():
            stored_rows = self._stored(table, list(noted))
            for key, before in noted.items():
                after = stored_rows.get(key)
                if before == after:
                    continue
                change = _change(before or {}, after or {})
                verb = "changed" if before and after else "added" if after else "removed"
                action = f"{table.name.replace('_', ' ')} {verb}"
                place = self._place(table, after or before or {})
                entries.append({"id": new_id(), "action": action} | common | change | place)
                if table.name in DECISIVE:
                    decisive.append(place)
        if entries:
            self._tx.execute(insert(audit), entries)
            tell_changes(self._tx, decisive)

    def _stored(self, table: Table, keys: Sequence[_Key]) -> dict[_Key, _Row]:
        """Return the stored rows with these primary keys, by key."""
        rows: dict[_Key, _Row] = {}
        for start in range(0, len(keys), _ROWS_AT_A_TIME):
            is_asked_for = tuple_(*table.primary_key).in_(keys[start : start + _ROWS_AT_A_TIME])
            query = select(*_columns(table)).where(is_asked_for)
            rows |= _by_key(table, self._tx.execute(query).mappings())
        return rows

    def _row(self, table: Table, key: str) -> _Row:
        """Return the row with this primary key as it is or, if it was deleted, as it was."""
        noted = self._before.get(table, {}).get((key,))
        return self._stored(table, [(key,)]).get((key,)) or noted or {}

    def _place(self, table: Table, row: _Row) -> dict[str, Any]:
        """Return what a row is about: the course, the assignment, the person, the submission or the answer."""
        for name, parent in _PARENTS.items():
            if name in row:
                row = {**self._row(parent, row[name]), **row}
        place = {name: row.get(name) for name in _PLACE}
        if table is courses:
            place["course"] = row["id"]
        if table is people:
            place["person"] = row["id"]
        if table is group_members:
            place["person"] = self._tx.scalar(select(people.c.id).filter_by(login=row["login"]))
        details = [str(row[name]) for name in _DETAILS if row.get(name)]
        return place | {"detail": " ".join(details)[:_MOST_CHARACTERS]}


def _columns(table: Table) -> Sequence[Column[Any]]:
    """Return the columns of a table that are compared."""
    return _OF_GRADINGS if table is gradings else list(table.c)


def _by_key(table: Table, rows: Iterable[_Row | RowMapping]) -> dict[_Key, _Row]:
    """Return rows of a table by their primary keys."""
    names = [column.name for column in table.primary_key]
    return {tuple(row[name] for name in names): dict(row) for row in rows}


def _change(before: _Row, after: _Row) -> dict[str, _Row]:
    """Return the values that differ between two contents of a row, as the columns `before` and `after` store them."""
    names = [name for name in {**before, **after} if name not in _LEFT_OUT and before.get(name) != after.get(name)]
    return {"before": _plain(before, names), "after": _plain(after, names)}


def _plain(row: _Row, names: Iterable[str]) -> _Row:
    """Return these values of a row as JSON, without those that are missing or None, and cut if they are long."""
    values = {}
    for name in names:
        value = row.get(name)
        if isinstance(value, Fraction):
            value = float(value)
        if value is not None:
            values[name] = value if isinstance(value, int | float) else str(value)[:_MOST_CHARACTERS]
    return values
