"""What there is to read of one question: each answer once, whoever wrote it, without names, in an order that is each
reader's own and stays."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from grader.model import Points
from grader.model.answers import Suggestion, decided_of_all, suggestion_of_all
from grader.reading.agreement import Agreement, agreement
from grader.reading.standing import Stage, Standing, standing
from grader.store import answers, readings, rubrics
from grader.store.answers import Handed
from grader.store.database import Tx
from grader.store.readings import Reading
from grader.store.records import Counts
from grader.store.rubrics import Question


@dataclass(frozen=True)
class Paper:
    """One answer, as all who wrote it wrote it."""

    number: int
    """In the reader's order, from 1."""
    digest: str
    text: str
    students: int
    suggestion: Suggestion | None
    decided: Points | None
    """What the machine has given."""
    readings: tuple[Reading, ...]
    standing: Standing
    read_before: bool
    """Another answer of one of them had been read, before they changed it."""

    @property
    def is_done(self) -> bool:
        return self.standing.stage is Stage.READ or self.decided is not None

    def reading_of(self, reader: str) -> Reading | None:
        return next((reading for reading in self.readings if reading.reader.id == reader), None)

    def waits_for(self, reader: str) -> bool:
        """Whether this reader can bring it further: nobody moderates what they have read themselves."""
        return not self.is_done and self.reading_of(reader) is None

    def would_moderate(self, reader: str) -> bool:
        """Whoever comes to an answer that two see differently decides about it."""
        own = self.reading_of(reader)
        return own.moderates if own else self.standing.stage is Stage.MODERATOR

    def shown_readings(self, reader: str) -> tuple[Reading, ...]:
        """Others', once nobody has to read it without knowing them."""
        open_ = self.standing.stage in (Stage.READ, Stage.MODERATOR)
        return tuple(r for r in self.readings if r.reader.id != reader) if open_ else ()


@dataclass(frozen=True)
class Progress:
    answers: int
    done: int
    students: int
    absent: int
    """Students without an answer."""
    stages: dict[Stage, int]
    readers: Agreement
    """Between two readers."""
    machine: Agreement
    """Between who has decided and what the machine had suggested."""


def papers(tx: Tx, question: Question, worth: Points, reader: str, counts: Counts) -> list[Paper]:
    """Of everybody's submissions that count; where the best counts that may be any of them, so all are read."""
    handed = answers.of_question(tx, question.course, question.assignment, question.id)
    wanted = handed if counts is Counts.BEST else _latest(handed)
    groups = _same(h for h in wanted if h.answer.is_there)
    digests = {h.answer.digest for h in handed}
    read = readings.of_answers(tx, question.course, question.assignment, digests)
    of_question = {digest: tuple(given) for (id, digest), given in read.items() if id == question.id}
    readers = rubrics.readers(tx, question)
    order = sorted(groups, key=lambda digest: _place(reader, question.id, digest))
    changed = _changed(handed, of_question)
    return [
        _paper(number, groups[digest], of_question.get(digest, ()), readers, worth, changed)
        for number, digest in enumerate(order, 1)
    ]


def _latest(handed: Sequence[Handed]) -> list[Handed]:
    """Of each student, the newest."""
    newest = {author: h for h in handed for author in h.authors}
    return list({h.submission: h for h in newest.values()}.values())


def _same(handed: Iterable[Handed]) -> dict[str, list[Handed]]:
    groups: dict[str, list[Handed]] = {}
    for one in handed:
        groups.setdefault(one.answer.digest, []).append(one)
    return groups


def _place(reader: str, question: str, digest: str) -> bytes:
    return hashlib.sha256(f"{reader} {question} {digest}".encode()).digest()


def _changed(handed: Sequence[Handed], read: dict[str, tuple[Reading, ...]]) -> set[str]:
    """Students one of whose answers has been read."""
    return {author for h in handed if h.answer.digest in read for author in h.authors}


def _paper(
    number: int,
    group: Sequence[Handed],
    given: tuple[Reading, ...],
    readers: int,
    worth: Points,
    changed: set[str],
) -> Paper:
    written = [handed.answer for handed in group]
    newest = written[-1]
    students = {author for handed in group for author in handed.authors}
    return Paper(
        number,
        newest.digest,
        newest.text,
        len(students),
        suggestion_of_all(written),
        decided_of_all(written),
        given,
        standing(given, readers, worth),
        read_before=not given and bool(students & changed),
    )


def next_for(found: Sequence[Paper], reader: str, after: int = 0) -> Paper | None:
    """The first that waits for this reader behind the paper of this number, else from the start."""
    waiting = [paper for paper in found if paper.waits_for(reader)]
    return next((paper for paper in waiting if paper.number > after), waiting[0] if waiting else None)


def progress(tx: Tx, question: Question, worth: Points, found: Sequence[Paper]) -> Progress:
    handed = _latest(answers.of_question(tx, question.course, question.assignment, question.id))
    return Progress(
        answers=len(found),
        done=sum(paper.is_done for paper in found),
        students=len({author for h in handed for author in h.authors}),
        absent=len({author for h in handed if not h.answer.is_there for author in h.authors}),
        stages={stage: sum(paper.standing.stage is stage for paper in found) for stage in Stage},
        readers=agreement([pair for paper in found if (pair := _two(paper, worth))]),
        machine=agreement([pair for paper in found if (pair := _with_machine(paper, worth))]),
    )


def _two(paper: Paper, worth: Points) -> tuple[Points, Points] | None:
    blind = sorted((r for r in paper.readings if not r.moderates), key=lambda r: r.reader.id)
    return (blind[0].points(worth), blind[1].points(worth)) if len(blind) > 1 else None


def _with_machine(paper: Paper, worth: Points) -> tuple[Points, Points] | None:
    suggested = paper.suggestion.points if paper.suggestion else None
    decides = paper.standing.decides
    return (decides.points(worth), suggested) if decides and suggested is not None else None
