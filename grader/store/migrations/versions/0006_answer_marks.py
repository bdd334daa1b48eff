"""Rename the tables `readings` to `answer_marks` and `ticks` to `mark_items`, and columns `reader` to `marker`. Add the
tables `regroupings` and `marking_actions`."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_COLUMNS = "id, course, assignment, question, digest, {by}, adjustment, comment, moderates, at"


def _question(table: str) -> list[sa.schema.SchemaItem]:
    return [
        sa.Column("course", sa.String(length=32), nullable=False),
        sa.Column("assignment", sa.String(length=64), nullable=False),
        sa.Column("question", sa.String(length=100), nullable=False),
        sa.ForeignKeyConstraint(
            ["course", "assignment"], ["offerings.course", "offerings.assignment"], name=f"fk_{table}_course"
        ),
    ]


def upgrade() -> None:
    op.create_table(
        "answer_marks",
        sa.Column("id", sa.String(length=32), nullable=False),
        *_question("answer_marks"),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("marker", sa.String(length=32), nullable=False),
        sa.Column("adjustment", sa.Integer(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("moderates", sa.Boolean(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["marker"], ["people.id"], name="fk_answer_marks_marker"),
        sa.PrimaryKeyConstraint("id", name="pk_answer_marks"),
        sa.UniqueConstraint("course", "assignment", "question", "digest", "marker", name="uq_answer_marks_course"),
    )
    op.create_table(
        "mark_items",
        sa.Column("mark", sa.String(length=32), nullable=False),
        sa.Column("item", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["item"], ["rubric.id"], name="fk_mark_items_item"),
        sa.ForeignKeyConstraint(["mark"], ["answer_marks.id"], name="fk_mark_items_mark"),
        sa.PrimaryKeyConstraint("mark", "item", name="pk_mark_items"),
    )
    op.create_index("ix_mark_items_item", "mark_items", ["item"])
    new, old = _COLUMNS.format(by="marker"), _COLUMNS.format(by="reader")
    op.execute(f"INSERT INTO answer_marks ({new}) SELECT {old} FROM readings")  # noqa: S608
    op.execute("INSERT INTO mark_items (mark, item) SELECT reading, item FROM ticks")
    op.drop_table("ticks")
    op.drop_table("readings")
    with op.batch_alter_table("questions") as questions:
        questions.alter_column("readers", new_column_name="markers")
    op.create_table(
        "regroupings",
        *_question("regroupings"),
        sa.Column("key", sa.String(length=32), nullable=False),
        sa.Column("into", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("course", "assignment", "question", "key", name="pk_regroupings"),
    )
    op.create_table(
        "marking_actions",
        sa.Column("id", sa.String(length=32), nullable=False),
        *_question("marking_actions"),
        sa.Column("marker", sa.String(length=32), nullable=False),
        sa.Column("before", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["marker"], ["people.id"], name="fk_marking_actions_marker"),
        sa.PrimaryKeyConstraint("id", name="pk_marking_actions"),
    )
    columns = ["course", "assignment", "question", "marker"]
    op.create_index("ix_marking_actions_question", "marking_actions", columns)
