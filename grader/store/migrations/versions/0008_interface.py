"""Rename the column `door` of submissions to `interface`."""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE submissions RENAME COLUMN door TO interface")


def downgrade() -> None:
    op.execute("ALTER TABLE submissions RENAME COLUMN interface TO door")
