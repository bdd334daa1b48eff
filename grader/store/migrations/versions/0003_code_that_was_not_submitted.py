"""Add submissions.code_submitted, true for existing submissions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column(
        "submissions", sa.Column("code_submitted", sa.Boolean(), nullable=False, server_default=sa.text("true"))
    )
