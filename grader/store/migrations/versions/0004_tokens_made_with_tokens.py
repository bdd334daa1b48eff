"""Add tokens.parent and tokens.scopes. Existing tokens keep every scope, and have no parent."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    with op.batch_alter_table("tokens") as tokens:
        tokens.add_column(sa.Column("scopes", sa.Text(), nullable=False, server_default='["read", "staff", "submit"]'))
        tokens.add_column(sa.Column("parent", sa.String(length=32), nullable=True))
        tokens.create_foreign_key(op.f("fk_tokens_parent"), "tokens", ["parent"], ["id"], ondelete="CASCADE")
        tokens.create_index(op.f("ix_tokens_parent"), ["parent"])
