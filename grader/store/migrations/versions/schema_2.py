"""Pre-checks and submissions take the same turns. The turn alone, then the id, orders the queue."""

from __future__ import annotations

from alembic import op

revision = "schema_2"
down_revision = "schema_1"

TURNS_AFTER_STUDENTS = """
UPDATE gradings SET turn = turn + (priority - 1) * 100000000
WHERE priority > 1 AND state IN ('queued', 'running')
"""

# Every queued grading has one ticket: see grader/store/procrastinate_jobs.py.
TICKETS = """
CREATE OR REPLACE FUNCTION grader_ticket() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.state <> 'queued' THEN
        DELETE FROM procrastinate_jobs WHERE queueing_lock = NEW.id AND status = 'todo';
    ELSIF NOT EXISTS (SELECT FROM procrastinate_jobs WHERE queueing_lock = NEW.id AND status = 'todo') THEN
        PERFORM procrastinate_defer_jobs_v1(ARRAY[ROW(
            CASE NEW.priority WHEN 0 THEN 'pre-' ELSE 'all-' END
                || left(encode(sha256(convert_to(NEW.compatibility_key, 'UTF8')), 'hex'), 32),
            'grade',
            -NEW.turn,
            NULL,
            NEW.id,
            jsonb_build_object('grading', NEW.id),
            NULL
        )]::procrastinate_job_to_defer_v1[]);
    END IF;
    RETURN NULL;
END $$
"""
NO_TICKETS = "DELETE FROM procrastinate_jobs WHERE status = 'todo' AND task_name = 'grade'"
NEW_TICKETS = "UPDATE gradings SET state = state WHERE state = 'queued'"


def upgrade() -> None:
    op.drop_index("ix_gradings_queue", "gradings")
    op.create_index("ix_gradings_queue", "gradings", ["state", "turn", "id", "priority"])
    op.create_index("ix_gradings_person", "gradings", ["fairness_key", "state", "turn"])
    op.execute(TURNS_AFTER_STUDENTS)
    if op.get_bind().dialect.name == "postgresql":
        op.execute(TICKETS)
        op.execute(NO_TICKETS)
        op.execute(NEW_TICKETS)
