"""Rename gradings.whose to fairness_key, and gradings.lane and workers.lanes to compatibility_key(s). Add
gradings.scope, which means a full grading in existing rows."""

from __future__ import annotations

import importlib

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_RENAMED = (
    ("gradings", "whose", "fairness_key"),
    ("gradings", "lane", "compatibility_key"),
    ("workers", "lanes", "compatibility_keys"),
)
_FOREIGN_KEY = "ALTER TABLE gradings RENAME CONSTRAINT fk_gradings_{} TO fk_gradings_{}"
_TRIGGER = importlib.import_module("grader.store.migrations.versions.0001_the_first_schema").TICKETS.replace(
    "CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"
)


def upgrade() -> None:
    for table, before, after in _RENAMED:  # not with batch_alter_table, which would copy all reports
        op.execute(f"ALTER TABLE {table} RENAME COLUMN {before} TO {after}")
    op.add_column("gradings", sa.Column("scope", sa.Text(), nullable=False, server_default="{}"))
    if op.get_bind().dialect.name == "postgresql":
        op.execute(_FOREIGN_KEY.format("whose", "fairness_key"))
        op.execute(_TRIGGER.replace("NEW.lane", "NEW.compatibility_key"))
