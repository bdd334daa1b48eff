"""Written answers, as gradings have found them. Whoever wrote the same has the same digest, and is read once; an answer
with an image is its submission's own, because the same words may show another one."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, insert, select

from grader.model import ZERO, Json, Points, Status
from grader.store.database import AnyRow, Tx
from grader.store.records import Kind
from grader.store.tables import answers, gradings, readings, submissions
from grader.store.tables import authors as authors_table


@dataclass(frozen=True)
class Ground:
    """What the machine has made of one formula that is asked for."""

    asked: str
    """In LaTeX."""
    words: str
    points: Points | None
    """None where it suggests nothing."""
    formula: str = ""
    """The student's, that was looked at, in LaTeX."""
    evidence: str = ""
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Suggestion:
    """For whoever reads the answer; it decides nothing."""

    grounds: tuple[Ground, ...]

    @property
    def points(self) -> Points | None:
        """For the whole answer; None where a part of it has none."""
        given = [ground.points for ground in self.grounds if ground.points is not None]
        return sum(given, ZERO) if given and len(given) == len(self.grounds) else None


@dataclass(frozen=True)
class Answer:
    question: str
    digest: str
    """Of the text; empty where nothing was found."""
    text: str
    """As the student wrote it."""
    suggestion: Suggestion | None = None
    decided: Points | None = None
    """What the machine has given, where the assignment lets it."""

    @property
    def is_there(self) -> bool:
        return bool(self.digest)


@dataclass(frozen=True)
class Handed:
    """An answer, and whose it is."""

    submission: str
    authors: tuple[str, ...]
    """Ids of people."""
    received_at: dt.datetime
    answer: Answer


_SHOWS = re.compile(
    r"!\[|<(img|image|picture|svg|object|embed|iframe|video)\b|attachment:|\\includegraphics", re.IGNORECASE
)
"""What an answer shows that is not in its text. Where there is none after all, it is only read once more."""


def digest_of(text: str, owner: str = "") -> str:
    """The same for texts that differ in white space alone, which neither Markdown nor LaTeX shows. `owner`: of the
    submission alone; it tells apart answers that show an image."""
    same = " ".join(unicodedata.normalize("NFC", text).split())
    if not same:
        return ""
    return _hash(same, owner) if _SHOWS.search(same) else _hash(same)


def _hash(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


# ── from a report ────────────────────────────────────────────────────────────────────────────────────


def of_report(report: Json, owner: str) -> Iterator[Answer]:
    """A report as JSON → its questions, those without an answer too. `owner`: as `digest_of` wants it."""
    for part in report["parts"]:
        for written in part["written"]:
            yield _of_written(written, owner)


def _of_written(written: Json, owner: str) -> Answer:
    decided = Points(str(written["points"])) if written["status"] == Status.HELD else None
    return Answer(
        written["id"],
        digest_of(written["answer"], owner),
        written["answer"],
        suggestion_of(written.get("opinion")),
        decided,
    )


def suggestion_of(opinion: Sequence[Json] | None) -> Suggestion | None:
    """The machine's judgements as a report has them."""
    return Suggestion(tuple(_ground(judgement) for judgement in opinion)) if opinion else None


def _ground(judgement: Json) -> Ground:
    points = judgement.get("points")
    return Ground(
        asked=judgement.get("asked", ""),
        words=judgement.get("words", ""),
        points=Points(str(points)) if points is not None else None,
        formula=judgement.get("formula", ""),
        evidence=judgement.get("evidence", ""),
        remarks=tuple(judgement.get("remarks", ())),
    )


def rows_of(grading: str, submission: str, report: Json) -> list[Json]:
    """What the table keeps of a report."""
    opinions = {w["id"]: w.get("opinion") for part in report["parts"] for w in part["written"]}
    return [
        {
            "grading": grading,
            "question": answer.question,
            "digest": answer.digest,
            "text": answer.text,
            "opinion": opinions[answer.question],
            "decided": answer.decided,
        }
        for answer in of_report(report, submission)
    ]


def keep(tx: Tx, grading: str, report: Json) -> None:
    submission = tx.scalars(select(gradings.c.submission).where(gradings.c.id == grading)).one()
    rows = rows_of(grading, submission, report)
    if rows:
        tx.execute(insert(answers), rows)


# ── reading them ─────────────────────────────────────────────────────────────────────────────────────


def of_gradings(tx: Tx, ids: Iterable[str]) -> dict[str, list[Answer]]:
    found: dict[str, list[Answer]] = {}
    for row in tx.execute(select(answers).where(answers.c.grading.in_(list(ids)))):
        found.setdefault(row.grading, []).append(_answer(row))
    return found


def of_question(tx: Tx, course: str, assignment: str, question: str) -> list[Handed]:
    """Everybody's, of the gradings that count; of one who has handed in several times, all of them, the oldest
    first."""
    rows = tx.execute(_handed(course, assignment, question)).all()
    people: dict[str, list[str]] = {}
    for row in rows:
        people.setdefault(row.submission, []).append(row.person)
    once = {row.submission: row for row in rows}
    return [Handed(id, tuple(people[id]), row.received_at, _answer(row)) for id, row in once.items()]


def _handed(course: str, assignment: str, question: str) -> Select[Any]:
    return (
        select(*answers.c, submissions.c.id.label("submission"), submissions.c.received_at, authors_table.c.person)
        .join(gradings, gradings.c.id == answers.c.grading)
        .join(submissions, submissions.c.id == gradings.c.submission)
        .join(authors_table, authors_table.c.submission == submissions.c.id)
        .where(
            submissions.c.course == course,
            submissions.c.assignment == assignment,
            submissions.c.kind == Kind.SUBMISSION,
            gradings.c.counts,
            answers.c.question == question,
        )
        .order_by(submissions.c.id)
    )


def read_before(tx: Tx, submission: str) -> set[str]:
    """Questions that somebody has read of another submission of the same people, with another answer."""
    own = authors_table.alias()
    rows = tx.execute(
        select(answers.c.question)
        .join(gradings, gradings.c.id == answers.c.grading)
        .join(submissions, submissions.c.id == gradings.c.submission)
        .join(authors_table, authors_table.c.submission == submissions.c.id)
        .join(own, (own.c.person == authors_table.c.person) & (own.c.submission == submission))
        .join(
            readings,
            (readings.c.course == submissions.c.course)
            & (readings.c.assignment == submissions.c.assignment)
            & (readings.c.question == answers.c.question)
            & (readings.c.digest == answers.c.digest),
        )
        .where(submissions.c.id != submission)
    )
    return {row.question for row in rows}


def _answer(row: AnyRow) -> Answer:
    return Answer(row.question, row.digest, row.text, suggestion_of(row.opinion), row.decided)
