"""Late days of courses, labels of members, extensions for labels, with reasons, and groups of students."""

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
    op.add_column("offerings", sa.Column("group_size", sa.Integer, nullable=False, server_default=sa.text("1")))
    op.create_table(
        "group_members",
        sa.Column("course", sa.String(32), primary_key=True),
        sa.Column("assignment", sa.String(64), primary_key=True),
        sa.Column("group", sa.String(200), primary_key=True),
        sa.Column("login", sa.String(200), primary_key=True),
        sa.Column("accepted", sa.Boolean, nullable=False),
        sa.ForeignKeyConstraint(["course", "assignment"], ["offerings.course", "offerings.assignment"]),
    )
    op.create_index("ix_group_members_login", "group_members", ["course", "assignment", "login"])
    op.create_index(
        "uq_group_members_accepted",
        "group_members",
        ["course", "assignment", "login"],
        unique=True,
        sqlite_where=sa.text("accepted"),
        postgresql_where=sa.text("accepted"),
    )
