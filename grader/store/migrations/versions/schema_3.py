"""Regrades remember the submissions that are not queued yet."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "schema_3"
down_revision = "schema_2"


def upgrade() -> None:
    op.add_column("regrades", sa.Column("pending", sa.Text, nullable=False, server_default="[]"))
