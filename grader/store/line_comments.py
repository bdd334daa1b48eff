"""Comments of staff on lines of submitted files."""

from __future__ import annotations

from sqlalchemy import delete, insert, select

from grader.errors import BadCall
from grader.store.database import Tx, fetch, now
from grader.store.records import LineComment
from grader.store.tables import line_comments, people

MOST = 200
"""Largest number of comments on one submission."""


def put(tx: Tx, submission: str, file: int, line: int, text: str, staff: str) -> None:
    """Set a person's comment on a line, or remove it.

    Args:
        tx: A transaction that writes.
        submission: Id of the submission.
        file: Position of the file in the upload, from 0.
        line: Number of the line, from 1.
        text: The comment; "" removes it.
        staff: Id of the person.

    Raises:
        BadCall: If the submission has `MOST` other comments.
    """
    key = {"submission": submission, "file": file, "line": line, "by": staff}
    tx.execute(delete(line_comments).filter_by(**key))
    if not text:
        return
    if len(of_submission(tx, submission)) >= MOST:
        raise BadCall(f"the submission has {MOST} comments on lines: remove one first")
    tx.execute(insert(line_comments).values(**key, text=text, at=now()))


def of_submission(tx: Tx, submission: str) -> list[LineComment]:
    """Return the comments on a submission by file and line, the oldest of a line first."""
    query = select(line_comments, people.c.login, people.c.name).filter_by(submission=submission)
    return fetch(tx, query.join(people).order_by("file", "line", "at"), LineComment)
