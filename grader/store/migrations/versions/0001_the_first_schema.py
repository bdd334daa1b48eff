"""The first schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

# Every queued grading has one ticket: see grader/store/tickets.py.
TICKETS = """
CREATE FUNCTION grader_ticket() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.state <> 'queued' THEN
        DELETE FROM procrastinate_jobs WHERE queueing_lock = NEW.id AND status = 'todo';
    ELSIF NOT EXISTS (SELECT FROM procrastinate_jobs WHERE queueing_lock = NEW.id AND status = 'todo') THEN
        PERFORM procrastinate_defer_jobs_v1(ARRAY[ROW(
            CASE NEW.priority WHEN 0 THEN 'pre-' ELSE 'all-' END
                || left(encode(sha256(convert_to(NEW.lane, 'UTF8')), 'hex'), 32),
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

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)
ID = sa.String(32)


def _of_offering() -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["course", "assignment"], ["offerings.course", "offerings.assignment"])


sa.Table(
    "facts",
    metadata,
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)
sa.Table(
    "courses",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("title", sa.String(200), nullable=False),
    sa.Column("created_at", sa.DateTime, nullable=False),
)
sa.Table(
    "people",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("login", sa.String(200), nullable=False, unique=True),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("admin", sa.Boolean, server_default=sa.text("false"), nullable=False),
    sa.Column("created_at", sa.DateTime, nullable=False),
)
sa.Table(
    "members",
    metadata,
    sa.Column("course", sa.ForeignKey("courses.id"), primary_key=True),
    sa.Column("person", sa.ForeignKey("people.id"), primary_key=True, index=True),
    sa.Column("role", sa.String(16), nullable=False),
    sa.CheckConstraint("role IN ('student', 'staff')", name="role"),
)
sa.Table(
    "offerings",
    metadata,
    sa.Column("course", sa.ForeignKey("courses.id"), primary_key=True),
    sa.Column("assignment", sa.String(64), primary_key=True),
    sa.Column("opens_at", sa.DateTime),
    sa.Column("due_at", sa.DateTime),
    sa.Column("closes_at", sa.DateTime),
    sa.Column("late", sa.Text, nullable=False),
    sa.Column("counts", sa.String(16), nullable=False),
    sa.Column("attempts_per_hour", sa.Integer),
    sa.Column("held", sa.Boolean, nullable=False),
    sa.Column("hidden", sa.Text, nullable=False),
    sa.CheckConstraint("counts IN ('latest', 'best')", name="counts"),
)
sa.Table(
    "tokens",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("hash", sa.String(64), nullable=False, unique=True),
    sa.Column("person", sa.ForeignKey("people.id"), nullable=False, index=True),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("label", sa.String(200), nullable=False),
    sa.Column("created_at", sa.DateTime, nullable=False),
    sa.Column("expires_at", sa.DateTime),
    sa.CheckConstraint("kind IN ('program', 'login', 'session')", name="kind"),
)
sa.Table(
    "extensions",
    metadata,
    sa.Column("course", ID, primary_key=True),
    sa.Column("assignment", sa.String(64), primary_key=True),
    sa.Column("person", sa.ForeignKey("people.id"), primary_key=True),
    sa.Column("due_at", sa.DateTime, nullable=False),
    _of_offering(),
)
sa.Table(
    "regrades",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("course", ID, nullable=False),
    sa.Column("assignment", sa.String(64), nullable=False),
    sa.Column("which", sa.String(16), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("by", sa.ForeignKey("people.id"), nullable=False),
    sa.Column("created_at", sa.DateTime, nullable=False),
    sa.Column("decided_at", sa.DateTime),
    _of_offering(),
    sa.CheckConstraint("state IN ('shadow', 'applied', 'discarded')", name="state"),
    sa.CheckConstraint("which IN ('latest', 'best', 'all', 'one')", name="which"),
)
sa.Table(
    "submissions",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("course", ID, nullable=False),
    sa.Column("assignment", sa.String(64), nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("door", sa.String(16), nullable=False),
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("by", sa.ForeignKey("people.id"), nullable=False, index=True),
    sa.Column("received_at", sa.DateTime, nullable=False),
    _of_offering(),
    sa.CheckConstraint("kind IN ('submission', 'precheck')", name="kind"),
    sa.Index("ix_submissions_offering", "course", "assignment", "id"),
)
sa.Table(
    "authors",
    metadata,
    sa.Column("submission", sa.ForeignKey("submissions.id"), primary_key=True),
    sa.Column("person", sa.ForeignKey("people.id"), primary_key=True, index=True),
)
sa.Table(
    "files",
    metadata,
    sa.Column("submission", sa.ForeignKey("submissions.id"), primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True),
    sa.Column("name", sa.String(300), nullable=False),
    sa.Column("sha256", sa.String(64), nullable=False),
    sa.Column("content", sa.LargeBinary, nullable=False),
)
sa.Table(
    "gradings",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("submission", sa.ForeignKey("submissions.id"), nullable=False, index=True),
    sa.Column("regrade", sa.ForeignKey("regrades.id"), index=True),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("counts", sa.Boolean, nullable=False),
    sa.Column("priority", sa.Integer, nullable=False),
    sa.Column("turn", sa.Integer, nullable=False),
    sa.Column("whose", sa.ForeignKey("people.id"), nullable=False),
    sa.Column("lane", sa.String(200), nullable=False),
    sa.Column("queued_at", sa.DateTime, nullable=False),
    sa.Column("lease", sa.String(64)),
    sa.Column("worker", sa.String(200)),
    sa.Column("started_at", sa.DateTime),
    sa.Column("lease_until", sa.DateTime),
    sa.Column("deadline", sa.DateTime),
    sa.Column("starts", sa.Integer, nullable=False),
    sa.Column("failures", sa.Integer, nullable=False),
    sa.Column("finished_at", sa.DateTime),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("grader", sa.String(64), nullable=False),
    sa.Column("assignment_digest", sa.String(64), nullable=False),
    sa.Column("seed", sa.String(64), nullable=False),
    sa.Column("points", sa.Integer),
    sa.Column("decided", sa.Integer),
    sa.Column("possible", sa.Integer),
    sa.Column("report", sa.LargeBinary),
    sa.CheckConstraint("state IN ('queued', 'running', 'graded', 'broken', 'cancelled', 'superseded')", name="state"),
    sa.Index("ix_gradings_queue", "state", "priority", "turn", "id"),
    sa.Index(
        "uq_gradings_counts",
        "submission",
        unique=True,
        sqlite_where=sa.text("counts"),
        postgresql_where=sa.text("counts"),
    ),
)
sa.Table(
    "idempotency",
    metadata,
    sa.Column("person", sa.ForeignKey("people.id"), primary_key=True),
    sa.Column("key", sa.String(255), primary_key=True),
    sa.Column("fingerprint", sa.String(64), nullable=False),
    sa.Column("submission", sa.ForeignKey("submissions.id"), nullable=False),
    sa.Column("created_at", sa.DateTime, nullable=False),
)
sa.Table(
    "marks",
    metadata,
    sa.Column("submission", sa.ForeignKey("submissions.id"), nullable=False),
    sa.Column("question", sa.String(100), nullable=False),
    sa.Column("points", sa.Integer, nullable=False),
    sa.Column("comment", sa.Text, nullable=False),
    sa.Column("by", sa.ForeignKey("people.id"), nullable=False),
    sa.Column("at", sa.DateTime, nullable=False),
    sa.PrimaryKeyConstraint("submission", "question"),
)
sa.Table(
    "results",
    metadata,
    sa.Column("grading", sa.ForeignKey("gradings.id"), primary_key=True),
    sa.Column("check", sa.String(100), primary_key=True),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("points", sa.Integer, nullable=False),
    sa.Column("possible", sa.Integer, nullable=False),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("mistake", sa.String(200), nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
)
sa.Table(
    "workers",
    metadata,
    sa.Column("name", sa.String(200), primary_key=True),
    sa.Column("lanes", sa.Text, nullable=False),
    sa.Column("processes", sa.Integer, nullable=False),
    sa.Column("sandbox", sa.String(16), nullable=False),
    sa.Column("since", sa.DateTime, nullable=False),
    sa.Column("alive_until", sa.DateTime, nullable=False),
)


def upgrade() -> None:
    metadata.create_all(op.get_bind())
    if op.get_bind().dialect.name == "postgresql":
        op.execute(TICKETS)
        op.execute(ON_GRADINGS)
