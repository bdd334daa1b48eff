"""The first schema."""

from __future__ import annotations

from alembic import op
from sqlalchemy import (
    Boolean,
    Column,
    DateTime,
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
    UniqueConstraint,
    text,
)

revision = "schema_1"  # versions before the first release had the revisions 0001 to 0008
down_revision = None

# Every queued grading has one ticket: see grader/store/procrastinate_jobs.py.
TICKETS = """
CREATE FUNCTION grader_ticket() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.state <> 'queued' THEN
        DELETE FROM procrastinate_jobs WHERE queueing_lock = NEW.id AND status = 'todo';
    ELSIF NOT EXISTS (SELECT FROM procrastinate_jobs WHERE queueing_lock = NEW.id AND status = 'todo') THEN
        PERFORM procrastinate_defer_jobs_v1(ARRAY[ROW(
            CASE NEW.priority WHEN 0 THEN 'pre-' ELSE 'all-' END
                || left(encode(sha256(convert_to(NEW.compatibility_key, 'UTF8')), 'hex'), 32),
            'grade',
            -(NEW.priority * 100000000 + NEW.turn),
            NULL,
            NEW.id,
            jsonb_build_object('grading', NEW.id),
            NULL
        )]::procrastinate_job_to_defer_v1[]);
    END IF;
    RETURN NULL;
END $$
"""
ON_GRADINGS = """
CREATE TRIGGER grader_ticket AFTER INSERT OR UPDATE OF state ON gradings
FOR EACH ROW EXECUTE FUNCTION grader_ticket()
"""

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


def _choice(column: str, *values: str) -> Enum:
    return Enum(*values, name=column, length=16, native_enum=False, create_constraint=True)


def _of_offering() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(["course", "assignment"], ["offerings.course", "offerings.assignment"])


Table(
    "facts",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", Text, nullable=False),
)
Table(
    "people",
    metadata,
    Column("id", ID, primary_key=True),
    Column("login", NAME, nullable=False, unique=True),
    Column("name", NAME, nullable=False),
    Column("admin", Boolean, nullable=False, server_default=text("false")),
    Column("created_at", DateTime, nullable=False),
)
Table(
    "courses",
    metadata,
    Column("id", ID, primary_key=True),
    Column("title", NAME, nullable=False),
    Column("created_at", DateTime, nullable=False),
)
Table(
    "members",
    metadata,
    Column("course", ForeignKey("courses.id"), primary_key=True),
    Column("person", ForeignKey("people.id"), primary_key=True, index=True),
    Column("role", _choice("role", "student", "staff"), nullable=False),
)
Table(
    "tokens",
    metadata,
    Column("id", ID, primary_key=True),
    Column("hash", String(64), nullable=False, unique=True),
    Column("person", ForeignKey("people.id"), nullable=False, index=True),
    Column("kind", _choice("kind", "program", "login", "session"), nullable=False),
    Column("label", NAME, nullable=False),
    Column("created_at", DateTime, nullable=False),
    Column("expires_at", DateTime),
    Column("scopes", Text, nullable=False, server_default='["read", "staff", "submit"]'),
    Column("parent", ForeignKey("tokens.id", ondelete="CASCADE"), index=True),
)
Table(
    "offerings",
    metadata,
    Column("course", ForeignKey("courses.id"), primary_key=True),
    Column("assignment", String(64), primary_key=True),
    Column("opens_at", DateTime),
    Column("due_at", DateTime),
    Column("closes_at", DateTime),
    Column("late", Text, nullable=False),
    Column("counts", _choice("counts", "latest", "best"), nullable=False),
    Column("attempts_per_hour", Integer),
    Column("held", Boolean, nullable=False),
    Column("hidden", Text, nullable=False),
)
Table(
    "extensions",
    metadata,
    Column("course", ID, primary_key=True),
    Column("assignment", String(64), primary_key=True),
    Column("person", ForeignKey("people.id"), primary_key=True),
    Column("due_at", DateTime, nullable=False),
    _of_offering(),
)
Table(
    "submissions",
    metadata,
    Column("id", ID, primary_key=True),
    Column("course", ID, nullable=False),
    Column("assignment", String(64), nullable=False),
    Column("kind", _choice("kind", "submission", "precheck"), nullable=False),
    Column("interface", String(16), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("by", ForeignKey("people.id"), nullable=False, index=True),
    Column("received_at", DateTime, nullable=False),
    Column("code_submitted", Boolean, nullable=False, server_default=text("true")),
    _of_offering(),
    Index("ix_submissions_offering", "course", "assignment", "id"),
)
Table(
    "authors",
    metadata,
    Column("submission", ForeignKey("submissions.id"), primary_key=True),
    Column("person", ForeignKey("people.id"), primary_key=True, index=True),
)
Table(
    "files",
    metadata,
    Column("submission", ForeignKey("submissions.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("name", String(300), nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("content", LargeBinary, nullable=False),
)
Table(
    "idempotency",
    metadata,
    Column("person", ForeignKey("people.id"), primary_key=True),
    Column("key", String(255), primary_key=True),
    Column("fingerprint", String(64), nullable=False),
    Column("submission", ForeignKey("submissions.id"), nullable=False),
    Column("created_at", DateTime, nullable=False),
)
Table(
    "regrades",
    metadata,
    Column("id", ID, primary_key=True),
    Column("course", ID, nullable=False),
    Column("assignment", String(64), nullable=False),
    Column("which", _choice("which", "latest", "best", "all", "one"), nullable=False),
    Column("state", _choice("state", "shadow", "applied", "discarded"), nullable=False),
    Column("by", ForeignKey("people.id"), nullable=False),
    Column("created_at", DateTime, nullable=False),
    Column("decided_at", DateTime),
    _of_offering(),
)
Table(
    "gradings",
    metadata,
    Column("id", ID, primary_key=True),
    Column("submission", ForeignKey("submissions.id"), nullable=False, index=True),
    Column("regrade", ForeignKey("regrades.id"), index=True),
    Column(
        "state", _choice("state", "queued", "running", "graded", "broken", "cancelled", "superseded"), nullable=False
    ),
    Column("counts", Boolean, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("turn", Integer, nullable=False),
    Column("fairness_key", ForeignKey("people.id"), nullable=False),
    Column("compatibility_key", String(200), nullable=False),
    Column("scope", Text, nullable=False, server_default="{}"),
    Column("queued_at", DateTime, nullable=False),
    Column("lease", String(64)),
    Column("worker", NAME),
    Column("started_at", DateTime),
    Column("lease_until", DateTime),
    Column("deadline", DateTime),
    Column("starts", Integer, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("finished_at", DateTime),
    Column("why", Text, nullable=False),
    Column("grader", String(64), nullable=False),
    Column("assignment_digest", String(64), nullable=False),
    Column("seed", String(64), nullable=False),
    Column("points", Integer),
    Column("decided", Integer),
    Column("possible", Integer),
    Column("report", LargeBinary),
    Index("ix_gradings_queue", "state", "priority", "turn", "id"),
    Index(
        "uq_gradings_counts",
        "submission",
        unique=True,
        sqlite_where=text("counts"),
        postgresql_where=text("counts"),
    ),
)
Table(
    "workers",
    metadata,
    Column("name", NAME, primary_key=True),
    Column("compatibility_keys", Text, nullable=False),
    Column("processes", Integer, nullable=False),
    Column("sandbox", String(16), nullable=False),
    Column("since", DateTime, nullable=False),
    Column("alive_until", DateTime, nullable=False),
)
Table(
    "results",
    metadata,
    Column("grading", ForeignKey("gradings.id"), primary_key=True),
    Column("check", String(100), primary_key=True),
    Column("position", Integer, nullable=False),
    Column("points", Integer, nullable=False),
    Column("possible", Integer, nullable=False),
    Column("status", String(16), nullable=False),
    Column("mistake", NAME, nullable=False),
    Column("reason", Text, nullable=False),
)
Table(
    "marks",
    metadata,
    Column("submission", ForeignKey("submissions.id"), primary_key=True),
    Column("question", String(100), primary_key=True),
    Column("points", Integer, nullable=False),
    Column("comment", Text, nullable=False),
    Column("by", ForeignKey("people.id"), nullable=False),
    Column("at", DateTime, nullable=False),
)
Table(
    "answers",
    metadata,
    Column("grading", ForeignKey("gradings.id"), primary_key=True),
    Column("question", String(100), primary_key=True),
    Column("digest", String(64), nullable=False),
    Column("text", Text, nullable=False),
    Column("opinion", Text, nullable=False),
    Column("decided", Integer),
    Index("ix_answers_digest", "question", "digest"),
)


def _question() -> list[Column[str]]:
    return [
        Column("course", ID, nullable=False),
        Column("assignment", String(64), nullable=False),
        Column("question", String(100), nullable=False),
    ]


Table(
    "questions",
    metadata,
    *_question(),
    Column("markers", Integer, nullable=False),
    _of_offering(),
    PrimaryKeyConstraint("course", "assignment", "question"),
)
Table(
    "rubric",
    metadata,
    Column("id", ID, primary_key=True),
    *_question(),
    Column("position", Integer, nullable=False),
    Column("text", Text, nullable=False),
    Column("points", Integer, nullable=False),
    _of_offering(),
    Index("ix_rubric_question", "course", "assignment", "question"),
)
Table(
    "phrases",
    metadata,
    Column("id", ID, primary_key=True),
    *_question(),
    Column("text", Text, nullable=False),
    _of_offering(),
    Index("ix_phrases_question", "course", "assignment", "question"),
)
Table(
    "answer_marks",
    metadata,
    Column("id", ID, primary_key=True),
    *_question(),
    Column("digest", String(64), nullable=False),
    Column("marker", ForeignKey("people.id"), nullable=False),
    Column("adjustment", Integer, nullable=False),
    Column("comment", Text, nullable=False),
    Column("moderates", Boolean, nullable=False),
    Column("at", DateTime, nullable=False),
    _of_offering(),
    UniqueConstraint("course", "assignment", "question", "digest", "marker"),
)
Table(
    "mark_items",
    metadata,
    Column("mark", ForeignKey("answer_marks.id"), primary_key=True),
    Column("item", ForeignKey("rubric.id"), primary_key=True, index=True),
)
Table(
    "regroupings",
    metadata,
    *_question(),
    Column("key", ID, nullable=False),
    Column("into", ID, nullable=False),
    _of_offering(),
    PrimaryKeyConstraint("course", "assignment", "question", "key"),
)
Table(
    "marking_actions",
    metadata,
    Column("id", ID, primary_key=True),
    *_question(),
    Column("marker", ForeignKey("people.id"), nullable=False),
    Column("before", Text, nullable=False),
    _of_offering(),
    Index("ix_marking_actions_question", "course", "assignment", "question", "marker"),
)


def upgrade() -> None:
    metadata.create_all(op.get_bind())
    if op.get_bind().dialect.name == "postgresql":
        op.execute(TICKETS)
        op.execute(ON_GRADINGS)
