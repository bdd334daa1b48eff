"""The database schema, the same for SQLite and PostgreSQL. Every change needs a migration in `migrations/`."""

from __future__ import annotations

import datetime as dt
import json
import zlib
from collections.abc import Iterable
from enum import StrEnum
from functools import lru_cache
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
from sqlalchemy.schema import SchemaItem

from grader.model import Points, Status
from grader.store.records import (
    Channel,
    Counts,
    EventKind,
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
        return _hundredths(value) if value is not None else None


@lru_cache(10_000)
def _hundredths(value: int) -> Points:
    return Points(value, 100)


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


def _key(name: str, kind: Any, **options: Any) -> Column[Any]:
    """Return a column of the primary key."""
    return Column(name, kind, primary_key=True, **options)


def _id() -> Column[Any]:
    return _key("id", ID)


def _person(name: str, **options: Any) -> Column[Any]:
    """Return a column with the id of a person, which is never NULL."""
    return _required(name, ForeignKey("people.id"), **options)


def _submission(**options: Any) -> Column[Any]:
    """Return a column with the id of a submission, which is never NULL."""
    return _required("submission", ForeignKey("submissions.id"), **options)


def _of_offering(*, is_key: bool = False) -> list[SchemaItem]:
    """Return the columns that identify an offering, with their foreign key. If `is_key` is true, they belong to the
    primary key."""
    columns = ["course", "assignment"]
    target = ForeignKeyConstraint(columns, ["offerings.course", "offerings.assignment"])
    return [
        _required("course", ID, primary_key=is_key),
        _required("assignment", ASSIGNMENT, primary_key=is_key),
        target,
    ]


def _question() -> list[SchemaItem]:
    """Return the columns that identify a question of an offering."""
    return [*_of_offering(), _required("question", QUESTION)]


def _unique_where(name: str, condition: str, *columns: str) -> Index:
    """Return a unique index of the rows that meet a condition in SQL."""
    where = text(condition)
    return Index(name, *columns, unique=True, sqlite_where=where, postgresql_where=where)


facts = Table(
    "facts",
    metadata,
    _key("name", SHORT),
    _required("value", Text),
)

# ── people ──────────────────────────────────────────────────────────────────────────────────────────────

people = Table(
    "people",
    metadata,
    _id(),
    _required("login", NAME, unique=True),
    _required("name", NAME),
    _required("admin", Boolean, server_default=text("false")),
    _required("created_at", Moment),
)

courses = Table(
    "courses",
    metadata,
    _id(),
    _required("title", NAME),
    _required("created_at", Moment),
    _required("late_days", Integer, server_default=text("0")),
)

members = Table(
    "members",
    metadata,
    _key("course", ForeignKey("courses.id")),
    _person("person", primary_key=True, index=True),
    _required("role", _choice(Role, "role")),
    _required("labels", Texts, server_default="[]"),
    _required("identifiers", Data, server_default="{}"),
)

late_day_grants = Table(
    "late_day_grants",
    metadata,
    _id(),
    _required("course", ForeignKey("courses.id")),
    _person("person"),
    _required("days", Integer),
    _required("reason", Text),
    _person("by"),
    _required("at", Moment),
    Index("ix_late_day_grants_person", "course", "person"),
)

tokens = Table(
    "tokens",
    metadata,
    _id(),
    _required("hash", HASH, unique=True),
    _person("person", index=True),
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
    _person("person", primary_key=True),
    _required("hash", NAME),
    _required("changed_at", Moment),
)

# ── assignments of courses ────────────────────────────────────────────────────────────────────────────────────

offerings = Table(
    "offerings",
    metadata,
    _key("course", ForeignKey("courses.id")),
    _key("assignment", ASSIGNMENT),
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
    *_of_offering(is_key=True),
    _person("person", primary_key=True),
    _required("due_at", Moment),
    _required("reason", Text, server_default=""),
    Column("by", ID),  # without a foreign key, which SQLite cannot add to a table
    Column("at", Moment),
)

label_extensions = Table(
    "label_extensions",
    metadata,
    *_of_offering(is_key=True),
    _key("label", NAME),  # "" is the extension of everyone
    _required("due_at", Moment),
    _required("reason", Text),
    Column("by", ID),
    Column("at", Moment),
)

holds = Table(
    "holds",
    metadata,
    *_of_offering(is_key=True),
    _person("person", primary_key=True),
    _required("held", Boolean),
)

adjustments = Table(
    "adjustments",
    metadata,
    _id(),
    *_of_offering(),
    _person("person"),
    _required("points", Exact),
    _required("reason", Text),
    _person("by"),
    _required("at", Moment),
    Index("ix_adjustments_person", "course", "assignment", "person"),
)

group_members = Table(
    "group_members",
    metadata,
    *_of_offering(is_key=True),
    _key("group", NAME),
    _key("login", NAME),  # of an invitation as a student wrote it: there may be no such person
    _required("accepted", Boolean),
    Index("ix_group_members_login", "course", "assignment", "login"),
    _unique_where("uq_group_members_accepted", "accepted", "course", "assignment", "login"),
)

# ── submissions ────────────────────────────────────────────────────────────────────────────────

submissions = Table(
    "submissions",
    metadata,
    _id(),
    *_of_offering(),
    _required("kind", _choice(Kind, "kind")),
    _required("interface", String(16)),
    _required("digest", HASH, index=True),
    _person("by", index=True),
    _required("received_at", Moment),
    _required("code_submitted", Boolean, server_default=text("true")),
    _required("late_days", Integer, server_default=text("0")),
    Index("ix_submissions_offering", "course", "assignment", "id"),
)

authors = Table(
    "authors",
    metadata,
    _submission(primary_key=True),
    _person("person", primary_key=True, index=True),
)

files = Table(
    "files",
    metadata,
    _submission(primary_key=True),
    _key("position", Integer),
    _required("name", String(300)),
    _required("sha256", HASH),
    _required("content", LargeBinary),
)

idempotency = Table(
    "idempotency",
    metadata,
    _person("person", primary_key=True),
    _key("key", String(255)),
    _required("fingerprint", HASH),
    _submission(),
    _required("created_at", Moment),
)

# ── gradings ─────────────────────────────────────────────────────────────────────────────────

regrades = Table(
    "regrades",
    metadata,
    _id(),
    *_of_offering(),
    _required("which", _choice(Which, "which")),
    _required("state", _choice(RegradeState, "state")),
    _person("by"),
    _required("created_at", Moment),
    Column("decided_at", Moment),
    _required("pending", Texts, server_default="[]"),  # ids of the submissions that are not queued yet
)

gradings = Table(
    "gradings",
    metadata,
    _id(),
    _submission(index=True),
    Column("regrade", ForeignKey("regrades.id"), index=True),
    _required("state", _choice(State, "state")),
    _required("counts", Boolean, default=False),
    _required("priority", PriorityNumber),
    _required("turn", Integer),
    _person("fairness_key"),
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
    _unique_where("uq_gradings_counts", "counts", "submission"),
)

workers = Table(
    "workers",
    metadata,
    _key("name", NAME),
    _required("compatibility_keys", Texts),
    _required("processes", Integer),
    _required("sandbox", String(16)),
    _required("since", Moment),
    _required("alive_until", Moment),
)

results = Table(
    "results",
    metadata,
    _key("grading", ForeignKey("gradings.id")),
    _key("check", QUESTION),
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
    _submission(primary_key=True),
    _key("question", QUESTION),
    _required("points", Exact),
    _required("comment", Text),
    _person("by"),
    _required("at", Moment),
)

requests = Table(
    "requests",
    metadata,
    _id(),
    *_of_offering(),
    _submission(),
    _required("question", QUESTION),
    _person("person"),
    _required("text", Text),
    _required("created_at", Moment),
    Column("answer", Text),
    Column("by", ForeignKey("people.id")),
    Column("answered_at", Moment),
    Column("earlier_points", Exact),
    Column("new_points", Exact),
    Index("ix_requests_submission", "submission"),
    Index("ix_requests_course", "course", "id"),
    _unique_where("uq_requests_open", "answered_at IS NULL", "submission", "question"),
)

line_comments = Table(
    "line_comments",
    metadata,
    _submission(primary_key=True),
    _key("file", Integer),  # its position: the name may tell who submitted it
    _key("line", Integer),
    _person("by", primary_key=True),
    _required("text", Text),
    _required("at", Moment),
)

# ── marking ─────────────────────────────────────────────────────────────────────────────────

answers = Table(
    "answers",
    metadata,
    _key("grading", ForeignKey("gradings.id")),
    _key("question", QUESTION),
    _required("digest", HASH),
    _required("text", Data),  # as JSON, since PostgreSQL's text cannot store all characters
    _required("opinion", Data),
    Column("decided", Exact),
    Index("ix_answers_digest", "question", "digest"),
)


questions = Table(
    "questions",
    metadata,
    *_question(),
    _required("markers", Integer),
    PrimaryKeyConstraint("course", "assignment", "question"),
)

rubric = Table(
    "rubric",
    metadata,
    _id(),
    *_question(),
    _required("position", Integer),
    _required("text", Text),
    _required("points", Exact),
    Index("ix_rubric_question", "course", "assignment", "question"),
)

phrases = Table(
    "phrases",
    metadata,
    _id(),
    *_question(),
    _required("text", Text),
    Index("ix_phrases_question", "course", "assignment", "question"),
)

answer_marks = Table(
    "answer_marks",
    metadata,
    _id(),
    *_question(),
    _required("digest", HASH),
    _person("marker"),
    _required("adjustment", Exact),
    _required("comment", Text),
    _required("moderates", Boolean),
    _required("at", Moment),
    UniqueConstraint("course", "assignment", "question", "digest", "marker"),
)

mark_items = Table(
    "mark_items",
    metadata,
    _key("mark", ForeignKey("answer_marks.id")),
    _key("item", ForeignKey("rubric.id"), index=True),
)

regroupings = Table(
    "regroupings",
    metadata,
    *_question(),
    _required("key", ID),
    _required("into", ID),  # the group that this group or single answer belongs to
    PrimaryKeyConstraint("course", "assignment", "question", "key"),
)

marking_actions = Table(
    "marking_actions",
    metadata,
    _id(),
    *_question(),
    _person("marker"),
    _required("before", Data),  # what undoing the action restores
    Index("ix_marking_actions_question", "course", "assignment", "question", "marker"),
)

# ── audit ─────────────────────────────────────────────────────────────────────────────────────────

audit = Table(  # rows are never changed, but for erasure, and deleted by retention alone; `recording` adds them
    "audit",
    metadata,
    _id(),
    _required("at", Moment),
    Column("by", ForeignKey("people.id"), index=True),  # None for a command of the operator, and for the service
    _required("request", NAME),
    Column("course", ID),  # no foreign keys from here on: a row outlives what it is about
    Column("assignment", ASSIGNMENT),
    Column("person", ID, index=True),
    Column("submission", ID, index=True),
    Column("digest", HASH, index=True),
    _required("action", SHORT),
    _required("detail", Text),
    _required("before", Data),
    _required("after", Data),
    Index("ix_audit_course", "course", "id"),
)

# ── messages ─────────────────────────────────────────────────────────────────────────────────

outbox = Table(
    "outbox",
    metadata,
    _id(),
    _required("event", _choice(EventKind)),
    _required("channel", _choice(Channel)),
    *_of_offering(),
    _submission(),
    _person("person"),
    _required("at", Moment),
    Column("due_at", Moment),  # of the next attempt; none after the last
    _required("failures", Integer, server_default=text("0")),
    Index("ix_outbox_due", "channel", "due_at"),
    _unique_where(
        "uq_outbox_pending",
        "event IN ('released', 'scored') AND due_at IS NOT NULL",
        "channel",
        "course",
        "assignment",
        "person",
    ),
)

mail_choices = Table(
    "mail_choices",
    metadata,
    _person("person", primary_key=True),
    _required("events", Texts),
)

# ── learning platforms (LTI 1.3) ───────────────────────────────────────────────────────────────

lti_platforms = Table(
    "lti_platforms",
    metadata,
    _id(),
    _required("name", NAME),
    _required("issuer", NAME),
    _required("client_id", NAME),
    _required("login_url", Text),
    _required("token_url", Text),
    _required("keys_url", Text),
    _required("audience", Text, server_default=""),
    _required("deployments", Texts),
    _required("domains", Texts),
    _required("created_at", Moment),
    UniqueConstraint("issuer", "client_id"),
)

lti_contexts = Table(  # the platform's courses that belong to a course of this service
    "lti_contexts",
    metadata,
    _id(),
    _required("platform", ForeignKey("lti_platforms.id")),
    _required("deployment", NAME),
    _required("context", NAME),
    _required("title", NAME),
    _required("course", ForeignKey("courses.id"), index=True),
    _required("memberships_url", Text),
    _required("line_items_url", Text),
    UniqueConstraint("platform", "deployment", "context"),
)

lti_members = Table(
    "lti_members",
    metadata,
    _key("context", ForeignKey("lti_contexts.id", ondelete="CASCADE")),
    _key("subject", NAME),
    _person("person", index=True),
)

lti_line_items = Table(
    "lti_line_items",
    metadata,
    _key("context", ForeignKey("lti_contexts.id", ondelete="CASCADE")),
    _key("assignment", ASSIGNMENT),
    _required("url", Text),
)

lti_scores = Table(  # what each platform has accepted last
    "lti_scores",
    metadata,
    _key("context", ForeignKey("lti_contexts.id", ondelete="CASCADE")),
    _key("assignment", ASSIGNMENT),
    _person("person", primary_key=True),
    _required("sent", Data),
    Column("sent_at", Moment),
    _required("problem", Text, server_default=""),
)

used_nonces = Table(
    "used_nonces",
    metadata,
    _key("hash", HASH),
    _required("expires_at", Moment),
)
