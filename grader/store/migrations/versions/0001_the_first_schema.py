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


def upgrade() -> None:
    op.create_table(
        "facts",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_facts")),
    )
    op.create_table(
        "courses",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_courses")),
    )
    op.create_table(
        "people",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("login", sa.String(length=200), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("admin", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_people")),
        sa.UniqueConstraint("login", name=op.f("uq_people_login")),
    )
    op.create_table(
        "members",
        sa.Column("course", sa.String(length=32), nullable=False),
        sa.Column("person", sa.String(length=32), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.CheckConstraint("role IN ('student', 'staff')", name=op.f("ck_members_role")),
        sa.ForeignKeyConstraint(["course"], ["courses.id"], name=op.f("fk_members_course")),
        sa.ForeignKeyConstraint(["person"], ["people.id"], name=op.f("fk_members_person")),
        sa.PrimaryKeyConstraint("course", "person", name=op.f("pk_members")),
    )
    op.create_index("ix_members_person", "members", ["person"])

    op.create_table(
        "offerings",
        sa.Column("course", sa.String(length=32), nullable=False),
        sa.Column("assignment", sa.String(length=64), nullable=False),
        sa.Column("opens_at", sa.DateTime(), nullable=True),
        sa.Column("due_at", sa.DateTime(), nullable=True),
        sa.Column("closes_at", sa.DateTime(), nullable=True),
        sa.Column("late", sa.Text(), nullable=False),
        sa.Column("counts", sa.String(length=16), nullable=False),
        sa.Column("attempts_per_hour", sa.Integer(), nullable=True),
        sa.Column("held", sa.Boolean(), nullable=False),
        sa.Column("hidden", sa.Text(), nullable=False),
        sa.CheckConstraint("counts IN ('latest', 'best')", name=op.f("ck_offerings_counts")),
        sa.ForeignKeyConstraint(["course"], ["courses.id"], name=op.f("fk_offerings_course")),
        sa.PrimaryKeyConstraint("course", "assignment", name=op.f("pk_offerings")),
    )
    op.create_table(
        "tokens",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("person", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("label", sa.String(length=200), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("expires_at", sa.DateTime(), nullable=True),
        sa.CheckConstraint("kind IN ('program', 'login', 'session')", name=op.f("ck_tokens_kind")),
        sa.ForeignKeyConstraint(["person"], ["people.id"], name=op.f("fk_tokens_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tokens")),
        sa.UniqueConstraint("hash", name=op.f("uq_tokens_hash")),
    )
    op.create_index("ix_tokens_person", "tokens", ["person"])

    op.create_table(
        "extensions",
        sa.Column("course", sa.String(length=32), nullable=False),
        sa.Column("assignment", sa.String(length=64), nullable=False),
        sa.Column("person", sa.String(length=32), nullable=False),
        sa.Column("due_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["course", "assignment"], ["offerings.course", "offerings.assignment"], name=op.f("fk_extensions_course")
        ),
        sa.ForeignKeyConstraint(["person"], ["people.id"], name=op.f("fk_extensions_person")),
        sa.PrimaryKeyConstraint("course", "assignment", "person", name=op.f("pk_extensions")),
    )
    op.create_table(
        "regrades",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("course", sa.String(length=32), nullable=False),
        sa.Column("assignment", sa.String(length=64), nullable=False),
        sa.Column("which", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("by", sa.String(length=32), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("decided_at", sa.DateTime(), nullable=True),
        sa.CheckConstraint("state IN ('shadow', 'applied', 'discarded')", name=op.f("ck_regrades_state")),
        sa.CheckConstraint("which IN ('latest', 'best', 'all', 'one')", name=op.f("ck_regrades_which")),
        sa.ForeignKeyConstraint(["by"], ["people.id"], name=op.f("fk_regrades_by")),
        sa.ForeignKeyConstraint(
            ["course", "assignment"], ["offerings.course", "offerings.assignment"], name=op.f("fk_regrades_course")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_regrades")),
    )
    op.create_table(
        "submissions",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("course", sa.String(length=32), nullable=False),
        sa.Column("assignment", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("door", sa.String(length=16), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("by", sa.String(length=32), nullable=False),
        sa.Column("received_at", sa.DateTime(), nullable=False),
        sa.CheckConstraint("kind IN ('submission', 'precheck')", name=op.f("ck_submissions_kind")),
        sa.ForeignKeyConstraint(["by"], ["people.id"], name=op.f("fk_submissions_by")),
        sa.ForeignKeyConstraint(
            ["course", "assignment"], ["offerings.course", "offerings.assignment"], name=op.f("fk_submissions_course")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_submissions")),
    )
    op.create_index("ix_submissions_by", "submissions", ["by"])
    op.create_index("ix_submissions_offering", "submissions", ["course", "assignment", "id"])

    op.create_table(
        "authors",
        sa.Column("submission", sa.String(length=32), nullable=False),
        sa.Column("person", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["person"], ["people.id"], name=op.f("fk_authors_person")),
        sa.ForeignKeyConstraint(["submission"], ["submissions.id"], name=op.f("fk_authors_submission")),
        sa.PrimaryKeyConstraint("submission", "person", name=op.f("pk_authors")),
    )
    op.create_index("ix_authors_person", "authors", ["person"])

    op.create_table(
        "files",
        sa.Column("submission", sa.String(length=32), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=300), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["submission"], ["submissions.id"], name=op.f("fk_files_submission")),
        sa.PrimaryKeyConstraint("submission", "position", name=op.f("pk_files")),
    )
    op.create_table(
        "gradings",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("submission", sa.String(length=32), nullable=False),
        sa.Column("regrade", sa.String(length=32), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("counts", sa.Boolean(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("turn", sa.Integer(), nullable=False),
        sa.Column("whose", sa.String(length=32), nullable=False),
        sa.Column("lane", sa.String(length=200), nullable=False),
        sa.Column("queued_at", sa.DateTime(), nullable=False),
        sa.Column("lease", sa.String(length=64), nullable=True),
        sa.Column("worker", sa.String(length=200), nullable=True),
        sa.Column("started_at", sa.DateTime(), nullable=True),
        sa.Column("lease_until", sa.DateTime(), nullable=True),
        sa.Column("deadline", sa.DateTime(), nullable=True),
        sa.Column("starts", sa.Integer(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("finished_at", sa.DateTime(), nullable=True),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("grader", sa.String(length=64), nullable=False),
        sa.Column("assignment_digest", sa.String(length=64), nullable=False),
        sa.Column("seed", sa.String(length=64), nullable=False),
        sa.Column("points", sa.Integer(), nullable=True),
        sa.Column("decided", sa.Integer(), nullable=True),
        sa.Column("possible", sa.Integer(), nullable=True),
        sa.Column("report", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint(
            "state IN ('queued', 'running', 'graded', 'broken', 'cancelled', 'superseded')",
            name=op.f("ck_gradings_state"),
        ),
        sa.ForeignKeyConstraint(["regrade"], ["regrades.id"], name=op.f("fk_gradings_regrade")),
        sa.ForeignKeyConstraint(["submission"], ["submissions.id"], name=op.f("fk_gradings_submission")),
        sa.ForeignKeyConstraint(["whose"], ["people.id"], name=op.f("fk_gradings_whose")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gradings")),
    )
    op.create_index("ix_gradings_queue", "gradings", ["state", "priority", "turn", "id"])
    op.create_index("ix_gradings_regrade", "gradings", ["regrade"])
    op.create_index("ix_gradings_submission", "gradings", ["submission"])
    op.create_index(
        "uq_gradings_counts",
        "gradings",
        ["submission"],
        unique=True,
        sqlite_where=sa.text("counts"),
        postgresql_where=sa.text("counts"),
    )

    op.create_table(
        "idempotency",
        sa.Column("person", sa.String(length=32), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("submission", sa.String(length=32), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["person"], ["people.id"], name=op.f("fk_idempotency_person")),
        sa.ForeignKeyConstraint(["submission"], ["submissions.id"], name=op.f("fk_idempotency_submission")),
        sa.PrimaryKeyConstraint("person", "key", name=op.f("pk_idempotency")),
    )
    op.create_table(
        "marks",
        sa.Column("submission", sa.String(length=32), nullable=False),
        sa.Column("question", sa.String(length=100), nullable=False),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("by", sa.String(length=32), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["by"], ["people.id"], name=op.f("fk_marks_by")),
        sa.ForeignKeyConstraint(["submission"], ["submissions.id"], name=op.f("fk_marks_submission")),
        sa.PrimaryKeyConstraint("submission", "question", name=op.f("pk_marks")),
    )
    op.create_table(
        "results",
        sa.Column("grading", sa.String(length=32), nullable=False),
        sa.Column("check", sa.String(length=100), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("possible", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("mistake", sa.String(length=200), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["grading"], ["gradings.id"], name=op.f("fk_results_grading")),
        sa.PrimaryKeyConstraint("grading", "check", name=op.f("pk_results")),
    )
    op.create_table(
        "workers",
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("lanes", sa.Text(), nullable=False),
        sa.Column("processes", sa.Integer(), nullable=False),
        sa.Column("sandbox", sa.String(length=16), nullable=False),
        sa.Column("since", sa.DateTime(), nullable=False),
        sa.Column("alive_until", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_workers")),
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute(TICKETS)
        op.execute(ON_GRADINGS)
