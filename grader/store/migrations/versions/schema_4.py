"""People may have passwords, and a session remembers how it began."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "schema_4"
down_revision = "schema_3"


def upgrade() -> None:
    op.add_column("tokens", sa.Column("method", sa.String(16), nullable=True))
    op.create_table(
        "passwords",
        sa.Column("person", sa.String(32), sa.ForeignKey("people.id", name="fk_passwords_person"), nullable=False),
        sa.Column("hash", sa.String(200), nullable=False),
        sa.Column("changed_at", sa.DateTime, nullable=False),
        sa.PrimaryKeyConstraint("person", name="pk_passwords"),
    )
