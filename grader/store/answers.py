"""Written answers that gradings found in submissions."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import insert, select

from grader.model import Report
from grader.model.answers import WrittenAnswer, of_report
from grader.model.grouping import grouped
from grader.render.as_json import as_json, opinion_of
from grader.store.database import AnyRow, Tx, among, record_of, remembered
from grader.store.records import Kind
from grader.store.rubrics import OfferedQuestion
from grader.store.submissions import authors_of
from grader.store.tables import answer_marks, answers, authors, gradings, submissions


@dataclass(frozen=True)
class SubmittedAnswer:
    """A written answer with the submission that contains it and the authors of that submission."""

    submission: str
    authors: tuple[str, ...]
    """Ids of the authors."""
    answer: WrittenAnswer


def add(tx: Tx, grading: str, submission: str, report: Report) -> None:
    """Store the written answers of a submission, as listed in the report of a grading."""
    rows: list[dict[str, Any]] = []
    for answer in of_report(report, submission):
        opinion = as_json(answer.suggestion) if answer.suggestion else None
        row = {"grading": grading, "question": answer.question, "digest": answer.digest, "text": answer.text}
        rows.append({**row, "opinion": opinion, "decided": answer.decided})
    if rows:
        tx.execute(insert(answers), rows)


# ── queries ──────────────────────────────────────────────────────────────────────────────────────────


def of_gradings(tx: Tx, ids: Collection[str]) -> dict[str, list[WrittenAnswer]]:
    """Return the written answers that each of these gradings found, by grading id."""
    query = select(answers).where(among(tx, answers.c.grading, ids))
    return grouped((row.grading, _answer(row)) for row in tx.execute(query))


@remembered
def of_question(tx: Tx, question: OfferedQuestion) -> list[SubmittedAnswer]:
    """Return all students' answers to a question, from the gradings that give the points, the oldest first.

    A student with several submissions has several answers.
    """
    query = select(*answers.c, gradings.c.submission).filter_by(question=question.id)
    query = query.join(gradings, gradings.c.id == answers.c.grading).filter_by(counts=True)
    # not IN: SQLite would read the answers of all courses to questions with this id
    query = query.join(submissions, submissions.c.id == gradings.c.submission)
    query = query.filter_by(course=question.course, assignment=question.assignment, kind=Kind.SUBMISSION)
    rows = tx.execute(query.order_by(submissions.c.id)).all()
    authors_by_id = authors_of(tx, [row.submission for row in rows])
    answers_of_students = []
    for row in rows:
        author_ids = tuple(author.id for author in authors_by_id[row.submission])
        answers_of_students.append(SubmittedAnswer(row.submission, author_ids, _answer(row)))
    return answers_of_students


def marked_before(tx: Tx, submission: str) -> set[str]:
    """Return the ids of the questions for which another submission of the same authors has a marked answer."""
    own_authors = select(authors.c.person).filter_by(submission=submission)
    of_same_authors = select(authors.c.submission).where(authors.c.person.in_(own_authors))
    is_other_submission = gradings.c.submission.in_(of_same_authors) & (gradings.c.submission != submission)
    is_marked = (
        (answer_marks.c.course == submissions.c.course)
        & (answer_marks.c.assignment == submissions.c.assignment)
        & (answer_marks.c.question == answers.c.question)
        & (answer_marks.c.digest == answers.c.digest)
    )
    query = select(answers.c.question).join(gradings, gradings.c.id == answers.c.grading)
    query = query.join(submissions, submissions.c.id == gradings.c.submission)
    query = query.join(answer_marks, is_marked)
    return set(tx.scalars(query.where(is_other_submission)))


def _answer(row: AnyRow) -> WrittenAnswer:
    """Convert a row of the table `answers`."""
    return record_of(row, WrittenAnswer, suggestion=opinion_of(row.opinion))
