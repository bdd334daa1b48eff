"""Add tables for marking: answers, rubrics, and marks ("readings"). Fill `answers` from the stored reports."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
import zlib

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def _question() -> list[sa.Column[str]]:
    return [
        sa.Column("course", sa.String(length=32), nullable=False),
        sa.Column("assignment", sa.String(length=64), nullable=False),
        sa.Column("question", sa.String(length=100), nullable=False),
    ]


def _of_offering(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["course", "assignment"], ["offerings.course", "offerings.assignment"], name=f"fk_{table}_course"
    )


def upgrade() -> None:
    answers = op.create_table(
        "answers",
        sa.Column("grading", sa.String(length=32), nullable=False),
        sa.Column("question", sa.String(length=100), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("opinion", sa.Text(), nullable=False),
        sa.Column("decided", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["grading"], ["gradings.id"], name="fk_answers_grading"),
        sa.PrimaryKeyConstraint("grading", "question", name="pk_answers"),
    )
    op.create_index("ix_answers_digest", "answers", ["question", "digest"])
    op.create_table(
        "questions",
        *_question(),
        sa.Column("readers", sa.Integer(), nullable=False),
        _of_offering("questions"),
        sa.PrimaryKeyConstraint("course", "assignment", "question", name="pk_questions"),
    )
    op.create_table(
        "rubric",
        sa.Column("id", sa.String(length=32), nullable=False),
        *_question(),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("points", sa.Integer(), nullable=False),
        _of_offering("rubric"),
        sa.PrimaryKeyConstraint("id", name="pk_rubric"),
    )
    op.create_index("ix_rubric_question", "rubric", ["course", "assignment", "question"])
    op.create_table(
        "phrases",
        sa.Column("id", sa.String(length=32), nullable=False),
        *_question(),
        sa.Column("text", sa.Text(), nullable=False),
        _of_offering("phrases"),
        sa.PrimaryKeyConstraint("id", name="pk_phrases"),
    )
    op.create_index("ix_phrases_question", "phrases", ["course", "assignment", "question"])
    op.create_table(
        "readings",
        sa.Column("id", sa.String(length=32), nullable=False),
        *_question(),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("reader", sa.String(length=32), nullable=False),
        sa.Column("adjustment", sa.Integer(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("moderates", sa.Boolean(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        _of_offering("readings"),
        sa.ForeignKeyConstraint(["reader"], ["people.id"], name="fk_readings_reader"),
        sa.PrimaryKeyConstraint("id", name="pk_readings"),
        sa.UniqueConstraint("course", "assignment", "question", "digest", "reader", name="uq_readings_course"),
    )
    op.create_table(
        "ticks",
        sa.Column("reading", sa.String(length=32), nullable=False),
        sa.Column("item", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["item"], ["rubric.id"], name="fk_ticks_item"),
        sa.ForeignKeyConstraint(["reading"], ["readings.id"], name="fk_ticks_reading"),
        sa.PrimaryKeyConstraint("reading", "item", name="pk_ticks"),
    )
    op.create_index("ix_ticks_item", "ticks", ["item"])
    _fill(answers)


def _fill(answers: sa.Table) -> None:
    """Fill the table `answers` from the stored reports, one at a time to save memory."""
    connection = op.get_bind()
    graded = connection.execute(
        sa.text(
            "SELECT gradings.id, gradings.submission FROM gradings JOIN submissions ON submissions.id = gradings.submission"
            " WHERE gradings.report IS NOT NULL AND submissions.kind = 'submission'"
        )
    )
    for grading, submission in graded.all():
        packed = connection.scalar(sa.text("SELECT report FROM gradings WHERE id = :id"), {"id": grading})
        rows = [_row(grading, submission, written) for part in _report(packed)["parts"] for written in part["written"]]
        if rows:
            connection.execute(answers.insert(), rows)


def _report(packed: bytes) -> dict[str, list[dict[str, list[dict[str, str]]]]]:
    return json.loads(zlib.decompress(packed))  # type: ignore[no-any-return]


def _row(grading: str, submission: str, written: dict[str, str]) -> dict[str, object]:
    answer = written["answer"]
    return {
        "grading": grading,
        "question": written["id"],
        "digest": _digest_of(answer, submission),
        "text": json.dumps(answer),
        "opinion": "null",
        "decided": None,
    }


_SHOWS = re.compile(
    r"!\[|<(img|image|picture|svg|object|embed|iframe|video)\b|attachment:|\\includegraphics", re.IGNORECASE
)


def _digest_of(text: str, owner: str) -> str:
    """Return the digest of an answer's text, as `grader.model.answers.digest_of` computed it at the time of this
    migration."""
    same = " ".join(unicodedata.normalize("NFC", text).split())
    if not same:
        return ""
    parts = (same, owner) if _SHOWS.search(same) else (same,)
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()
