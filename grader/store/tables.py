"""The database schema, the same for SQLite and PostgreSQL. Every change needs a migration in `migrations/`."""

from __future__ import annotations

import datetime as dt
import json
import zlib
from collections.abc import Iterable
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
from grader.store.records import (
    Counts,
    Kind,
    LoginMethod,
    PrecheckDetail,
    Priority,
    RegradeState,
    Role,
    State,
    TokenKind,
    Which,
)


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
ASSIGNMENT = String(64)
QUESTION = String(100)
HASH = String(64)
SHORT = String(64)


def _required(name: str, kind: Any, **options: Any) -> Column[Any]:
    """Return a column that is never NULL. The options are those of `Column`."""
    return Column(name, kind, nullable=False, **options)


def _choice(kind: type[StrEnum], column: str | None = None) -> Enum:
    """Return the column type for a member of an enumeration, stored as text. If the column's name is given, the
    database refuses other texts."""
    is_checked = column is not None
    return Enum(kind, name=column, length=16, native_enum=False, create_constraint=is_checked, values_callable=_texts)


def _texts(members: Iterable[StrEnum]) -> list[str]:
    return [str(member) for member in members]


def _of_offering() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(["course", "assignment"], ["offerings.course", "offerings.assignment"])


facts = Table(
    "facts",
    metadata,
    Column("name", SHORT, primary_key=True),
    _required("value", Text),
)

# ── people ──────────────────────────────────────────────────────────────────────────────────────────────

people = Table(
    "people",
    metadata,
    Column("id", ID, primary_key=True),
    _required("login", NAME, unique=True),
    _required("name", NAME),
    _required("admin", Boolean, server_default=text("false")),
    _required("created_at", Moment),
)

courses = Table(
    "courses",
    metadata,
    Column("id", ID, primary_key=True),
    _required("title", NAME),
    _required("created_at", Moment),
    _required("late_days", Integer, server_default=text("0")),
)

members = Table(
    "members",
    metadata,
    Column("course", ForeignKey("courses.id"), primary_key=True),
    Column("person", ForeignKey("people.id"), primary_key=True, index=True),
    _required("role", _choice(Role, "role")),
    _required("labels", Texts, server_default="[]"),
    _required("identifiers", Data, server_default="{}"),
)

late_day_grants = Table(
    "late_day_grants",
    metadata,
    Column("id", ID, primary_key=True),
    _required("course", ForeignKey("courses.id")),
    _required("person", ForeignKey("people.id")),
    _required("days", Integer),
    _required("reason", Text),
    _required("by", ForeignKey("people.id")),
    _required("at", Moment),
    Index("ix_late_day_grants_person", "course", "person"),
)

tokens = Table(
    "tokens",
    metadata,
    Column("id", ID, primary_key=True),
    _required("hash", HASH, unique=True),
    _required("person", ForeignKey("people.id"), index=True),
    _required("kind", _choice(TokenKind, "kind")),
    _required("label", NAME),
    _required("created_at", Moment),
    Column("expires_at", Moment),
    _required("scopes", Data, server_default='["read", "staff", "submit"]'),
    Column("parent", ForeignKey("tokens.id", ondelete="CASCADE"), index=True),
    Column("method", _choice(LoginMethod)),
)

passwords = Table(
    "passwords",
    metadata,
    Column("person", ForeignKey("people.id"), primary_key=True),
    _required("hash", NAME),
    _required("changed_at", Moment),
)

# ── assignments of courses ────────────────────────────────────────────────────────────────────────────────────

offerings = Table(
    "offerings",
    metadata,
    Column("course", ForeignKey("courses.id"), primary_key=True),
    Column("assignment", ASSIGNMENT, primary_key=True),
    Column("opens_at", Moment),
    Column("due_at", Moment),
    Column("closes_at", Moment),
    _required("late", Data),
    _required("counts", _choice(Counts, "counts")),
    Column("attempts_per_hour", Integer),
    _required("held", Boolean),
    Column("release_at", Moment),
    _required("hidden", Texts),
    Column("requests_until", Moment),
    _required("group_size", Integer, server_default=text("1")),
    Column("prechecks_per_day", Integer),
    _required("precheck_detail", _choice(PrecheckDetail), server_default=PrecheckDetail.LINES),
)

extensions = Table(
    "extensions",
    metadata,
    Column("course", ID, primary_key=True),
    Column("assignment", ASSIGNMENT, primary_key=True),
    Column("person", ForeignKey("people.id"), primary_key=True),
    _required("due_at", Moment),
    _required("reason", Text, server_default=""),
    Column("by", ID),  # without a foreign key, which SQLite cannot add to a table
    Column("at", Moment),
    _of_offering(),
)

label_extensions = Table(
    "label_extensions",
    metadata,
    Column("course", ID, primary_key=True),
    Column("assignment", ASSIGNMENT, primary_key=True),
    Column("label", NAME, primary_key=True),  # "" is the extension of everyone
    _required("due_at", Moment),
    _required("reason", Text),
    Column("by", ID),
    Column("at", Moment),
    _of_offering(),
)

holds = Table(
    "holds",
    metadata,
    Column("course", ID, primary_key=True),
    Column("assignment", ASSIGNMENT, primary_key=True),
    Column("person", ForeignKey("people.id"), primary_key=True),
    _required("held", Boolean),
    _of_offering(),
)

adjustments = Table(
    "adjustments",
    metadata,
    Column("id", ID, primary_key=True),
    _required("course", ID),
    _required("assignment", ASSIGNMENT),
    _required("person", ForeignKey("people.id")),
    _required("points", Exact),
    _required("reason", Text),
    _required("by", ForeignKey("people.id")),
    _required("at", Moment),
    _of_offering(),
    Index("ix_adjustments_person", "course", "assignment", "person"),
)

group_members = Table(
    "group_members",
    metadata,
    Column("course", ID, primary_key=True),
    Column("assignment", ASSIGNMENT, primary_key=True),
    Column("group", NAME, primary_key=True),
    Column("login", NAME, primary_key=True),  # of an invitation as a student wrote it: there may be no such person
    _required("accepted", Boolean),
    _of_offering(),
    Index("ix_group_members_login", "course", "assignment", "login"),
    Index(
        "uq_group_members_accepted",
        *("course", "assignment", "login"),
        unique=True,
        sqlite_where=text("accepted"),
        postgresql_where=text("accepted"),
    ),
)

# ── submissions ────────────────────────────────────────────────────────────────────────────────

submissions = Table(
    "submissions",
    metadata,
    Column("id", ID, primary_key=True),
    _required("course", ID),
    _required("assignment", ASSIGNMENT),
    _required("kind", _choice(Kind, "kind")),
    _required("interface", String(16)),
    _required("digest", HASH, index=True),
    _required("by", ForeignKey("people.id"), index=True),
    _required("received_at", Moment),
    _required("code_submitted", Boolean, server_default=text("true")),
    _required("late_days", Integer, server_default=text("0")),
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
    _required("name", String(300)),
    _required("sha256", HASH),
    _required("content", LargeBinary),
)

idempotency = Table(
    "idempotency",
    metadata,
    Column("person", ForeignKey("people.id"), primary_key=True),
    Column("key", String(255), primary_key=True),
    _required("fingerprint", HASH),
    _required("submission", ForeignKey("submissions.id")),
    _required("created_at", Moment),
)

# ── gradings ─────────────────────────────────────────────────────────────────────────────────

regrades = Table(
    "regrades",
    metadata,
    Column("id", ID, primary_key=True),
    _required("course", ID),
    _required("assignment", ASSIGNMENT),
    _required("which", _choice(Which, "which")),
    _required("state", _choice(RegradeState, "state")),
    _required("by", ForeignKey("people.id")),
    _required("created_at", Moment),
    Column("decided_at", Moment),
    _required("pending", Texts, server_default="[]"),  # ids of the submissions that are not queued yet
    _of_offering(),
)

gradings = Table(
    "gradings",
    metadata,
    Column("id", ID, primary_key=True),
    _required("submission", ForeignKey("submissions.id"), index=True),
    Column("regrade", ForeignKey("regrades.id"), index=True),
    _required("state", _choice(State, "state")),
    _required("counts", Boolean, default=False),
    _required("priority", PriorityNumber),
    _required("turn", Integer),
    _required("fairness_key", ForeignKey("people.id")),
    _required("compatibility_key", String(200)),
    _required("scope", Data, server_default="{}"),
    _required("queued_at", Moment),
    Column("lease", SHORT),
    Column("worker", NAME),
    Column("started_at", Moment),
    Column("lease_until", Moment),
    Column("deadline", Moment),
    _required("starts", Integer, default=0),
    _required("failures", Integer, default=0),
    Column("finished_at", Moment),
    _required("why", Text, default=""),
    _required("grader", SHORT, default=""),
    _required("assignment_digest", HASH, default=""),
    _required("seed", SHORT, default=""),
    Column("points", Exact),
    Column("decided", Exact),
    Column("possible", Exact),
    Column("report", Packed),
    Index("ix_gradings_queue", "state", "turn", "id", "priority"),
    Index("ix_gradings_person", "fairness_key", "state", "turn"),
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
    _required("compatibility_keys", Texts),
    _required("processes", Integer),
    _required("sandbox", String(16)),
    _required("since", Moment),
    _required("alive_until", Moment),
)

results = Table(
    "results",
    metadata,
    Column("grading", ForeignKey("gradings.id"), primary_key=True),
    Column("check", QUESTION, primary_key=True),
    _required("position", Integer),
    _required("points", Exact),
    _required("possible", Exact),
    _required("status", _choice(Status)),
    _required("mistake", NAME),
    _required("reason", Text),
)

marks = Table(
    "marks",
    metadata,
    Column("submission", ForeignKey("submissions.id"), primary_key=True),
    Column("question", QUESTION, primary_key=True),
    _required("points", Exact),
    _required("comment", Text),
    _required("by", ForeignKey("people.id")),
    _required("at", Moment),
)

requests = Table(
    "requests",
    metadata,
    Column("id", ID, primary_key=True),
    _required("course", ID),
    _required("assignment", ASSIGNMENT),
    _required("submission", ForeignKey("submissions.id")),
    _required("question", QUESTION),
    _required("person", ForeignKey("people.id")),
    _required("text", Text),
    _required("created_at", Moment),
    Column("answer", Text),
    Column("by", ForeignKey("people.id")),
    Column("answered_at", Moment),
    Column("earlier_points", Exact),
    Column("new_points", Exact),
    _of_offering(),
    Index("ix_requests_submission", "submission"),
    Index("ix_requests_course", "course", "id"),
    Index(
        "uq_requests_open",
        "submission",
        "question",
        unique=True,
        sqlite_where=text("answered_at IS NULL"),
        postgresql_where=text("answered_at IS NULL"),
    ),
)

# ── marking ─────────────────────────────────────────────────────────────────────────────────

answers = Table(
    "answers",
    metadata,
    Column("grading", ForeignKey("gradings.id"), primary_key=True),
    Column("question", QUESTION, primary_key=True),
    _required("digest", HASH),
    _required("text", Data),  # as JSON, since PostgreSQL's text cannot store all characters
    _required("opinion", Data),
    Column("decided", Exact),
    Index("ix_answers_digest", "question", "digest"),
)


def _question() -> list[Column[Any]]:
    """Return the columns that identify a question."""
    course = _required("course", ID)
    assignment = _required("assignment", ASSIGNMENT)
    return [course, assignment, _required("question", QUESTION)]


questions = Table(
    "questions",
    metadata,
    *_question(),
    _required("markers", Integer),
    _of_offering(),
    PrimaryKeyConstraint("course", "assignment", "question"),
)

rubric = Table(
    "rubric",
    metadata,
    Column("id", ID, primary_key=True),
    *_question(),
    _required("position", Integer),
    _required("text", Text),
    _required("points", Exact),
    _of_offering(),
    Index("ix_rubric_question", "course", "assignment", "question"),
)

phrases = Table(
    "phrases",
    metadata,
    Column("id", ID, primary_key=True),
    *_question(),
    _required("text", Text),
    _of_offering(),
    Index("ix_phrases_question", "course", "assignment", "question"),
)

answer_marks = Table(
    "answer_marks",
    metadata,
    Column("id", ID, primary_key=True),
    *_question(),
    _required("digest", HASH),
    _required("marker", ForeignKey("people.id")),
    _required("adjustment", Exact),
    _required("comment", Text),
    _required("moderates", Boolean),
    _required("at", Moment),
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
    _required("key", ID),
    _required("into", ID),  # the group that this group or single answer belongs to
    _of_offering(),
    PrimaryKeyConstraint("course", "assignment", "question", "key"),
)

marking_actions = Table(
    "marking_actions",
    metadata,
    Column("id", ID, primary_key=True),
    *_question(),
    _required("marker", ForeignKey("people.id")),
    _required("before", Data),  # what undoing the action restores
    _of_offering(),
    Index("ix_marking_actions_question", "course", "assignment", "question", "marker"),
)
