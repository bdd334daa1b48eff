"""People may have passwords, a session remembers how it began, and students ask for regrades."""

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
    op.add_column("offerings", sa.Column("requests_until", sa.DateTime, nullable=True))
    op.create_table(
        "requests",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("course", sa.String(32), nullable=False),
        sa.Column("assignment", sa.String(64), nullable=False),
        sa.Column(
            "submission", sa.String(32), sa.ForeignKey("submissions.id", name="fk_requests_submission"), nullable=False
        ),
        sa.Column("question", sa.String(100), nullable=False),
        sa.Column("person", sa.String(32), sa.ForeignKey("people.id", name="fk_requests_person"), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.Column("answer", sa.Text, nullable=True),
        sa.Column("by", sa.String(32), sa.ForeignKey("people.id", name="fk_requests_by"), nullable=True),
        sa.Column("answered_at", sa.DateTime, nullable=True),
        sa.Column("earlier_points", sa.Integer, nullable=True),
        sa.Column("new_points", sa.Integer, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_requests"),
        sa.ForeignKeyConstraint(
            ["course", "assignment"], ["offerings.course", "offerings.assignment"], name="fk_requests_course"
        ),
    )
    is_open = sa.text("answered_at IS NULL")
    op.create_index("ix_requests_submission", "requests", ["submission"])
    op.create_index("ix_requests_course", "requests", ["course", "id"])
    op.create_index(
        "uq_requests_open",
        "requests",
        ["submission", "question"],
        unique=True,
        sqlite_where=is_open,
        postgresql_where=is_open,
    )
