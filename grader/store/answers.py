"""Written answers that gradings found in submissions."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import insert, select

from grader.model import Report
from grader.model.answers import WrittenAnswer, of_report
from grader.model.grouping import grouped
from grader.render.as_json import as_json, opinion_of
from grader.store.database import AnyRow, Tx
from grader.store.records import Kind
from grader.store.rubrics import OfferedQuestion
from grader.store.tables import answer_marks, answers, gradings, submissions
from grader.store.tables import authors as authors_table


@dataclass(frozen=True)
class SubmittedAnswer:
    """A written answer with the submission that contains it and the authors of that submission."""

    submission: str
    authors: tuple[str, ...]
    """Ids of the authors."""
    answer: WrittenAnswer


def add(tx: Tx, grading: str, submission: str, report: Report) -> None:
    """Store the written answers of a submission, as listed in the report of a grading."""
    rows = [
        {
            "grading": grading,
            "question": answer.question,
            "digest": answer.digest,
            "text": answer.text,
            "opinion": as_json(answer.suggestion) if answer.suggestion else None,
            "decided": answer.decided,
        }
        for answer in of_report(report, submission)
    ]
    if rows:
        tx.execute(insert(answers), rows)


# ── queries ──────────────────────────────────────────────────────────────────────────────────────────


def of_gradings(tx: Tx, ids: Collection[str]) -> dict[str, list[WrittenAnswer]]:
    """Return the written answers that each of these gradings found, by grading id."""
    rows = tx.execute(select(answers).where(answers.c.grading.in_(ids)))
    return grouped((row.grading, _answer(row)) for row in rows)


def of_question(tx: Tx, question: OfferedQuestion) -> list[SubmittedAnswer]:
    """Return all students' answers to a question, from the gradings that give the points, the oldest first.

    A student with several submissions has several answers.
    """
    rows = tx.execute(
        select(*answers.c, submissions.c.id.label("submission"), authors_table.c.person)
        .join(gradings, gradings.c.id == answers.c.grading)
        .join(submissions, submissions.c.id == gradings.c.submission)
        .join(authors_table, authors_table.c.submission == submissions.c.id)
        .where(
            submissions.c.course == question.course,
            submissions.c.assignment == question.assignment,
            submissions.c.kind == Kind.SUBMISSION,
            gradings.c.counts,
            answers.c.question == question.id,
        )
        .order_by(submissions.c.id)
    ).all()
    people = grouped((row.submission, row.person) for row in rows)
    once = {row.submission: row for row in rows}
    return [SubmittedAnswer(id, tuple(people[id]), _answer(row)) for id, row in once.items()]


def marked_before(tx: Tx, submission: str) -> set[str]:
    """Return the ids of the questions for which another submission of the same authors has a marked answer."""
    own = authors_table.alias()
    rows = tx.execute(
        select(answers.c.question)
        .join(gradings, gradings.c.id == answers.c.grading)
        .join(submissions, submissions.c.id == gradings.c.submission)
        .join(authors_table, authors_table.c.submission == submissions.c.id)
        .join(own, (own.c.person == authors_table.c.person) & (own.c.submission == submission))
        .join(
            answer_marks,
            (answer_marks.c.course == submissions.c.course)
            & (answer_marks.c.assignment == submissions.c.assignment)
            & (answer_marks.c.question == answers.c.question)
            & (answer_marks.c.digest == answers.c.digest),
        )
        .where(submissions.c.id != submission)
    )
    return {row.question for row in rows}


def _answer(row: AnyRow) -> WrittenAnswer:
    return WrittenAnswer(row.question, row.digest, row.text, opinion_of(row.opinion), row.decided)
