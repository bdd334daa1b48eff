"""Rename the column `door` of submissions to `interface`."""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.execute("ALTER TABLE submissions RENAME COLUMN door TO interface")
