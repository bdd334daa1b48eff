"""The service's database as the place that answers come from and points go to: one question, as one reader reads it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from grader.assignments import catalogue
from grader.errors import BadCall
from grader.model import Points
from grader.reading.offline.sheet import Asked, Filled, Line, Row
from grader.reading.papers import Paper, papers
from grader.service import open_store
from grader.settings import Settings
from grader.store import offerings, people, readings, rubrics
from grader.store.database import Store, Tx
from grader.store.readings import Given, Reading
from grader.store.records import Person, Role
from grader.store.rubrics import Question


@dataclass(frozen=True)
class Desk:
    """What one reader may read."""

    question: Question
    title: str
    asked: Asked
    papers: Sequence[Paper]
    reader: Person

    @property
    def lines(self) -> list[Line]:
        return [_line(self.asked, paper, paper.reading_of(self.reader.id)) for paper in self.papers]


@contextmanager
def opened(settings: Settings) -> Iterator[Store]:
    store = open_store(settings)
    try:
        yield store
    finally:
        store.close()


def place_of(rows: Iterable[Row]) -> tuple[str, str, str]:
    """Course, assignment and question that all of them are of."""
    places = {row["question"] for _, row in rows}
    if not places:
        raise BadCall("the file has no answers in it")
    if len(places) != 1:
        raise BadCall("the file has answers to several questions: one file is one question")
    course, _, rest = places.pop().partition(" ")
    assignment, _, question = rest.partition(" ")
    if not question:
        raise BadCall(f"{course[:60]!r} names no course: what is from a folder of reports goes to import-reports")
    return course, assignment, question


def desk(tx: Tx, place: tuple[str, str, str], login: str, assignments: Path) -> Desk:
    """Raises `BadCall` where there is no such question, or nobody who may read it has this login."""
    question = Question(*place)
    reader = people.person_by_login(tx, login)
    if reader is None or not (reader.admin or people.role_of(tx, question.course, reader.id) is Role.STAFF):
        raise BadCall(f"{login[:60]} is not on the staff of {question.course[:60]}")
    offering = offerings.offering(tx, question.course, question.assignment)
    if offering is None:
        raise BadCall(f"{question.course[:60]} does not offer {question.assignment[:60]}")
    task = catalogue.find(question.assignment, assignments)
    if (asked := task.questions.get(question.id)) is not None:
        found = papers(tx, question, asked.points, reader.id, offering.counts)
        return Desk(question, asked.title, _asked(tx, question, asked.points), found, reader)
    known = ", ".join(task.questions)
    raise BadCall(f"{question.assignment[:60]} asks no question {question.id[:60]} in words (there are: {known})")


def _asked(tx: Tx, question: Question, worth: Points) -> Asked:
    place = f"{question.course} {question.assignment} {question.id}"
    phrases = tuple(phrase.text for phrase in rubrics.phrases_of(tx, question))
    return Asked(place, worth, tuple(rubrics.items(tx, question)), phrases)


def _line(asked: Asked, paper: Paper, own: Reading | None) -> Line:
    line = Line(asked, paper.digest, paper.text, paper.students, paper.suggestion)
    if own is None:
        return line
    follows = bool(own.items) and not own.adjustment
    points = None if follows else own.points(asked.worth)  # so they still follow when an item's points are changed
    items = frozenset(item.id for item in own.items)
    return Line(asked, paper.digest, paper.text, paper.students, paper.suggestion, points, items, own.comment)


def bring_in(tx: Tx, desk: Desk, filled: Iterable[Filled], *, keep: bool = True) -> int:
    """Returns how many have changed. `keep`: else it only says what it would do."""
    by_digest = {paper.digest: paper for paper in desk.papers}
    changed = 0
    for one in filled:
        paper = by_digest[one.digest]
        moderates = paper.would_moderate(desk.reader.id)
        given = Given(one.items, one.adjustment, one.comment, moderates=moderates)
        if _is_same(paper.reading_of(desk.reader.id), given):
            continue
        changed += 1
        if keep:
            readings.put(tx, desk.question, one.digest, desk.reader.id, given)
    return changed


def _is_same(before: Reading | None, given: Given) -> bool:
    return before is not None and (
        {item.id for item in before.items} == set(given.items)
        and before.adjustment == given.adjustment
        and before.comment == given.comment
    )
