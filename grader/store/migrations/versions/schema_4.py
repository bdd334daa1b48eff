"""Holds for single students, releases by date, and adjustments of scores."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "schema_4"
down_revision = "schema_3"


def upgrade() -> None:
    op.add_column("offerings", sa.Column("release_at", sa.DateTime))
    op.create_table(
        "holds",
        sa.Column("course", sa.String(32), primary_key=True),
        sa.Column("assignment", sa.String(64), primary_key=True),
        sa.Column("person", sa.String(32), _person("holds", "person"), primary_key=True),
        sa.Column("held", sa.Boolean, nullable=False),
        _of_offering("holds"),
        sa.PrimaryKeyConstraint("course", "assignment", "person", name="pk_holds"),
    )
    op.create_table(
        "adjustments",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("course", sa.String(32), nullable=False),
        sa.Column("assignment", sa.String(64), nullable=False),
        sa.Column("person", sa.String(32), _person("adjustments", "person"), nullable=False),
        sa.Column("points", sa.Integer, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("by", sa.String(32), _person("adjustments", "by"), nullable=False),
        sa.Column("at", sa.DateTime, nullable=False),
        _of_offering("adjustments"),
        sa.PrimaryKeyConstraint("id", name="pk_adjustments"),
    )
    op.create_index("ix_adjustments_person", "adjustments", ["course", "assignment", "person"])


def _person(table: str, column: str) -> sa.ForeignKey:
    return sa.ForeignKey("people.id", name=f"fk_{table}_{column}")


def _of_offering(table: str) -> sa.ForeignKeyConstraint:
    offering = ["offerings.course", "offerings.assignment"]
    return sa.ForeignKeyConstraint(["course", "assignment"], offering, name=f"fk_{table}_course")
