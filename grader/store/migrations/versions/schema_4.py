"""Equal submissions are found by their digest. Without this index each grading would read all submissions."""

from __future__ import annotations

from alembic import op

revision = "schema_4"
down_revision = "schema_3"


def upgrade() -> None:
    op.create_index("ix_submissions_digest", "submissions", ["digest"])
