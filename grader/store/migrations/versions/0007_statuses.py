"""Rename the statuses of checks: held → passed, partly → partial, lost → failed. Waiting checks become not_run if the
scope left them out, and not_submitted if no code was submitted."""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"

_RENAMED = {"held": "passed", "partly": "partial", "lost": "failed"}
_WAITS = "UPDATE results SET status = '{}' WHERE status = 'waiting' AND {}"
_NO_CODE = """grading IN (
    SELECT gradings.id FROM gradings JOIN submissions ON submissions.id = gradings.submission
    WHERE NOT submissions.code_submitted
)"""


def upgrade() -> None:
    for before, after in _RENAMED.items():
        op.execute(f"UPDATE results SET status = '{after}' WHERE status = '{before}'")  # noqa: S608
    op.execute(_WAITS.format("not_submitted", _NO_CODE))
    op.execute(_WAITS.format("not_run", "reason = 'not run here'"))
