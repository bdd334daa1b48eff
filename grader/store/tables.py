"""The database schema, the same for SQLite and PostgreSQL. Every change needs a migration in `migrations/`."""

from __future__ import annotations

import datetime as dt
import json
import zlib
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Dialect,
    Enum,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)
from sqlalchemy import DateTime as _DateTime

from grader.model import Points, Status
from grader.store.records import Counts, Kind, Priority, RegradeState, Role, State, TokenKind, Which


class Moment(TypeDecorator[dt.datetime]):
    """Column type for times with a time zone, stored in UTC."""

    impl = _DateTime
    cache_ok = True

    def process_bind_param(self, value: dt.datetime | None, dialect: Dialect) -> dt.datetime | None:
        return value.astimezone(dt.UTC).replace(tzinfo=None) if value is not None else None

    def process_result_value(self, value: dt.datetime | None, dialect: Dialect) -> dt.datetime | None:
        return value.replace(tzinfo=dt.UTC) if value is not None else None


class Exact(TypeDecorator[Points]):
    """Column type for points, stored as an integer number of hundredths."""

    impl = Integer
    cache_ok = True

    def process_bind_param(self, value: Points | None, dialect: Dialect) -> int | None:
        if value is None:
            return None
        hundredths = value * 100
        if hundredths.denominator != 1:
            raise ValueError(f"{value} points are not a multiple of 1/100")
        return int(hundredths)

    def process_result_value(self, value: int | None, dialect: Dialect) -> Points | None:
        return Points(value, 100) if value is not None else None


class Data(TypeDecorator[Any]):
    """Column type for lists, dictionaries and plain values, stored as JSON text."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str:
        return json.dumps(value, sort_keys=True)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        return json.loads(value) if value is not None else None


class Texts(TypeDecorator[tuple[str, ...]]):
    """Column type for a tuple of texts, stored as a JSON list."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: tuple[str, ...] | None, dialect: Dialect) -> str:
        return json.dumps(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> tuple[str, ...]:
        return tuple(json.loads(value or "[]"))


class PriorityNumber(TypeDecorator[Priority]):
    """Column type for a priority, stored as its number."""

    impl = Integer
    cache_ok = True

    def process_bind_param(self, value: Priority | None, dialect: Dialect) -> int | None:
        return int(value) if value is not None else None

    def process_result_value(self, value: int | None, dialect: Dialect) -> Priority | None:
        return Priority(value) if value is not None else None


class Packed(TypeDecorator[str]):
    """Column type for long text, stored compressed."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> bytes | None:
        return zlib.compress(value.encode()) if value is not None else None

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> str | None:
        return zlib.decompress(value).decode() if value is not None else None


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

ID = String(32)
NAME = String(200)


def _choice(kind: type[StrEnum], column: str | None = None) -> Enum:
    """Return the column type for a member of an enumeration, stored as text. If the column's name is given, the
    database refuses other texts."""
    return Enum(
        kind,
        name=column,
        length=16,
        native_enum=False,
        create_constraint=column is not None,
        values_callable=lambda members: [str(member) for member in members],
    )


def _of_offering() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(["course", "assignment"], ["offerings.course", "offerings.assignment"])


facts = Table(
    "facts",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", Text, nullable=False),
)

# ── people ──────────────────────────────────────────────────────────────────────────────────────────────

people = Table(
    "people",
    metadata,
    Column("id", ID, primary_key=True),
    Column("login", NAME, nullable=False, unique=True),
    Column("name", NAME, nullable=False),
    Column("admin", Boolean, nullable=False, server_default=text("false")),
    Column("created_at", Moment, nullable=False),
)

courses = Table(
    "courses",
    metadata,
    Column("id", ID, primary_key=True),
    Column("title", NAME, nullable=False),
    Column("created_at", Moment, nullable=False),
)

members = Table(
    "members",
    metadata,
    Column("course", ForeignKey("courses.id"), primary_key=True),
    Column("person", ForeignKey("people.id"), primary_key=True, index=True),
    Column("role", _choice(Role, "role"), nullable=False),
)

tokens = Table(
    "tokens",
    metadata,
    Column("id", ID, primary_key=True),
    Column("hash", String(64), nullable=False, unique=True),
    Column("person", ForeignKey("people.id"), nullable=False, index=True),
    Column("kind", _choice(TokenKind, "kind"), nullable=False),
    Column("label", NAME, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("expires_at", Moment),
    Column("scopes", Data, nullable=False, server_default='["read", "staff", "submit"]'),
    Column("parent", ForeignKey("tokens.id", ondelete="CASCADE"), index=True),
)

# ── assignments of courses ────────────────────────────────────────────────────────────────────────────────────

offerings = Table(
    "offerings",
    metadata,
    Column("course", ForeignKey("courses.id"), primary_key=True),
    Column("assignment", String(64), primary_key=True),
    Column("opens_at", Moment),
    Column("due_at", Moment),
    Column("closes_at", Moment),
    Column("late", Data, nullable=False),
    Column("counts", _choice(Counts, "counts"), nullable=False),
    Column("attempts_per_hour", Integer),
    Column("held", Boolean, nullable=False),
    Column("hidden", Texts, nullable=False),
)

extensions = Table(
    "extensions",
    metadata,
    Column("course", ID, primary_key=True),
    Column("assignment", String(64), primary_key=True),
    Column("person", ForeignKey("people.id"), primary_key=True),
    Column("due_at", Moment, nullable=False),
    _of_offering(),
)

# ── submissions ────────────────────────────────────────────────────────────────────────────────

submissions = Table(
    "submissions",
    metadata,
    Column("id", ID, primary_key=True),
    Column("course", ID, nullable=False),
    Column("assignment", String(64), nullable=False),
    Column("kind", _choice(Kind, "kind"), nullable=False),
    Column("interface", String(16), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("by", ForeignKey("people.id"), nullable=False, index=True),
    Column("received_at", Moment, nullable=False),
    Column("code_submitted", Boolean, nullable=False, server_default=text("true")),
    _of_offering(),
    Index("ix_submissions_offering", "course", "assignment", "id"),
)

authors = Table(
    "authors",
    metadata,
    Column("submission", ForeignKey("submissions.id"), primary_key=True),
    Column("person", ForeignKey("people.id"), primary_key=True, index=True),
)

files = Table(
    "files",
    metadata,
    Column("submission", ForeignKey("submissions.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("name", String(300), nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("content", LargeBinary, nullable=False),
)

idempotency = Table(
    "idempotency",
    metadata,
    Column("person", ForeignKey("people.id"), primary_key=True),
    Column("key", String(255), primary_key=True),
    Column("fingerprint", String(64), nullable=False),
    Column("submission", ForeignKey("submissions.id"), nullable=False),
    Column("created_at", Moment, nullable=False),
)

# ── gradings ─────────────────────────────────────────────────────────────────────────────────

regrades = Table(
    "regrades",
    metadata,
    Column("id", ID, primary_key=True),
    Column("course", ID, nullable=False),
    Column("assignment", String(64), nullable=False),
    Column("which", _choice(Which, "which"), nullable=False),
    Column("state", _choice(RegradeState, "state"), nullable=False),
    Column("by", ForeignKey("people.id"), nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("decided_at", Moment),
    _of_offering(),
)

gradings = Table(
    "gradings",
    metadata,
    Column("id", ID, primary_key=True),
    Column("submission", ForeignKey("submissions.id"), nullable=False, index=True),
    Column("regrade", ForeignKey("regrades.id"), index=True),
    Column("state", _choice(State, "state"), nullable=False),
    Column("counts", Boolean, nullable=False, default=False),
    Column("priority", PriorityNumber, nullable=False),
    Column("turn", Integer, nullable=False),
    Column("fairness_key", ForeignKey("people.id"), nullable=False),
    Column("compatibility_key", String(200), nullable=False),
    Column("scope", Data, nullable=False, server_default="{}"),
    Column("queued_at", Moment, nullable=False),
    Column("lease", String(64)),
    Column("worker", NAME),
    Column("started_at", Moment),
    Column("lease_until", Moment),
    Column("deadline", Moment),
    Column("starts", Integer, nullable=False, default=0),
    Column("failures", Integer, nullable=False, default=0),
    Column("finished_at", Moment),
    Column("why", Text, nullable=False, default=""),
    Column("grader", String(64), nullable=False, default=""),
    Column("assignment_digest", String(64), nullable=False, default=""),
    Column("seed", String(64), nullable=False, default=""),
    Column("points", Exact),
    Column("decided", Exact),
    Column("possible", Exact),
    Column("report", Packed),
    Index("ix_gradings_queue", "state", "priority", "turn", "id"),
    Index(
        "uq_gradings_counts",
        "submission",
        unique=True,
        sqlite_where=text("counts"),
        postgresql_where=text("counts"),
    ),
)

workers = Table(
    "workers",
    metadata,
    Column("name", NAME, primary_key=True),
    Column("compatibility_keys", Texts, nullable=False),
    Column("processes", Integer, nullable=False),
    Column("sandbox", String(16), nullable=False),
    Column("since", Moment, nullable=False),
    Column("alive_until", Moment, nullable=False),
)

results = Table(
    "results",
    metadata,
    Column("grading", ForeignKey("gradings.id"), primary_key=True),
    Column("check", String(100), primary_key=True),
    Column("position", Integer, nullable=False),
    Column("points", Exact, nullable=False),
    Column("possible", Exact, nullable=False),
    Column("status", _choice(Status), nullable=False),
    Column("mistake", NAME, nullable=False),
    Column("reason", Text, nullable=False),
)

marks = Table(
    "marks",
    metadata,
    Column("submission", ForeignKey("submissions.id"), primary_key=True),
    Column("question", String(100), primary_key=True),
    Column("points", Exact, nullable=False),
    Column("comment", Text, nullable=False),
    Column("by", ForeignKey("people.id"), nullable=False),
    Column("at", Moment, nullable=False),
)

# ── marking ─────────────────────────────────────────────────────────────────────────────────

answers = Table(
    "answers",
    metadata,
    Column("grading", ForeignKey("gradings.id"), primary_key=True),
    Column("question", String(100), primary_key=True),
    Column("digest", String(64), nullable=False),
    Column("text", Data, nullable=False),  # as JSON, since PostgreSQL's text cannot store all characters
    Column("opinion", Data, nullable=False),
    Column("decided", Exact),
    Index("ix_answers_digest", "question", "digest"),
)


def _question() -> list[Column[str]]:
    return [
        Column("course", ID, nullable=False),
        Column("assignment", String(64), nullable=False),
        Column("question", String(100), nullable=False),
    ]


questions = Table(
    "questions",
    metadata,
    *_question(),
    Column("markers", Integer, nullable=False),
    _of_offering(),
    PrimaryKeyConstraint("course", "assignment", "question"),
)

rubric = Table(
    "rubric",
    metadata,
    Column("id", ID, primary_key=True),
    *_question(),
    Column("position", Integer, nullable=False),
    Column("text", Text, nullable=False),
    Column("points", Exact, nullable=False),
    _of_offering(),
    Index("ix_rubric_question", "course", "assignment", "question"),
)

phrases = Table(
    "phrases",
    metadata,
    Column("id", ID, primary_key=True),
    *_question(),
    Column("text", Text, nullable=False),
    _of_offering(),
    Index("ix_phrases_question", "course", "assignment", "question"),
)

answer_marks = Table(
    "answer_marks",
    metadata,
    Column("id", ID, primary_key=True),
    *_question(),
    Column("digest", String(64), nullable=False),
    Column("marker", ForeignKey("people.id"), nullable=False),
    Column("adjustment", Exact, nullable=False),
    Column("comment", Text, nullable=False),
    Column("moderates", Boolean, nullable=False),
    Column("at", Moment, nullable=False),
    _of_offering(),
    UniqueConstraint("course", "assignment", "question", "digest", "marker"),
)

mark_items = Table(
    "mark_items",
    metadata,
    Column("mark", ForeignKey("answer_marks.id"), primary_key=True),
    Column("item", ForeignKey("rubric.id"), primary_key=True, index=True),
)

regroupings = Table(
    "regroupings",
    metadata,
    *_question(),
    Column("key", ID, nullable=False),
    Column("into", ID, nullable=False),  # the group that this group or single answer belongs to
    _of_offering(),
    PrimaryKeyConstraint("course", "assignment", "question", "key"),
)

marking_actions = Table(
    "marking_actions",
    metadata,
    Column("id", ID, primary_key=True),
    *_question(),
    Column("marker", ForeignKey("people.id"), nullable=False),
    Column("before", Data, nullable=False),  # what undoing the action restores
    _of_offering(),
    Index("ix_marking_actions_question", "course", "assignment", "question", "marker"),
)
