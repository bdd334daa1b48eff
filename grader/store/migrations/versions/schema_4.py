"""Late days of courses, labels of members, and extensions for labels, with reasons."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "schema_4"
down_revision = "schema_3"


def upgrade() -> None:
    op.add_column("courses", sa.Column("late_days", sa.Integer, nullable=False, server_default=sa.text("0")))
    op.add_column("submissions", sa.Column("late_days", sa.Integer, nullable=False, server_default=sa.text("0")))
    op.add_column("members", sa.Column("labels", sa.Text, nullable=False, server_default="[]"))
    op.add_column("extensions", sa.Column("reason", sa.Text, nullable=False, server_default=""))
    op.add_column("extensions", sa.Column("by", sa.String(32)))
    op.add_column("extensions", sa.Column("at", sa.DateTime))
    op.create_table(
        "label_extensions",
        sa.Column("course", sa.String(32), primary_key=True),
        sa.Column("assignment", sa.String(64), primary_key=True),
        sa.Column("label", sa.String(200), primary_key=True),
        sa.Column("due_at", sa.DateTime, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("by", sa.String(32)),
        sa.Column("at", sa.DateTime),
        sa.ForeignKeyConstraint(["course", "assignment"], ["offerings.course", "offerings.assignment"]),
    )
    op.create_table(
        "late_day_grants",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("course", sa.String(32), sa.ForeignKey("courses.id"), nullable=False),
        sa.Column("person", sa.String(32), sa.ForeignKey("people.id"), nullable=False),
        sa.Column("days", sa.Integer, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("by", sa.String(32), sa.ForeignKey("people.id"), nullable=False),
        sa.Column("at", sa.DateTime, nullable=False),
    )
    op.create_index("ix_late_day_grants_person", "late_day_grants", ["course", "person"])
