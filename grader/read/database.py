"""The service's database as the place that answers come from and points go to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from grader.catalogue import Assignment
from grader.errors import BadCall
from grader.model import Points
from grader.read.sheet import Given, Line
from grader.reading.papers import Paper, papers
from grader.service import open_store
from grader.settings import Settings
from grader.store import offerings, people, readings
from grader.store.database import Store, Tx
from grader.store.records import Offering, Person, Role
from grader.store.rubrics import Question


@dataclass(frozen=True)
class Course:
    """One course's answers, for one of its staff."""

    assignment: Assignment
    course: str
    reader: str
    """A login."""

    def lines(self, wanted: Mapping[str, Points]) -> list[Line]:
        """In the reader's own order. `wanted`: question → points."""
        with _opened() as store, store.read() as tx:
            offering, reader = self._offering(tx), self._reader(tx)
            return [
                _line(question, paper, worth, reader)
                for question, worth in wanted.items()
                for paper in self._papers(tx, offering, reader, question, worth)
            ]

    def keep(self, given: Iterable[Given]) -> int:
        """All or nothing; returns how many have changed."""
        with _opened() as store, store.write() as tx:
            offering, reader = self._offering(tx), self._reader(tx)
            worth = {id: points for part in self.assignment.parts for id, points in part.written.items()}
            several = list(given)
            known = {
                (question, paper.digest): paper
                for question in dict.fromkeys(one.question for one in several)
                for paper in self._papers(tx, offering, reader, question, worth[question])
            }
            return sum(self._put(tx, g, known[g.question, g.digest], reader, worth[g.question]) for g in several)

    def _put(self, tx: Tx, given: Given, paper: Paper, reader: Person, worth: Points) -> bool:
        """A reading that gives the same already is left as it is, with its rubric items."""
        own = paper.reading_of(reader.id)
        if own and (own.points(worth), own.comment.strip()) == (given.points, given.comment):
            return False
        question = Question(self.course, self.assignment.id, given.question)
        new = readings.Given((), given.points, given.comment, paper.would_moderate(reader.id))
        readings.put(tx, question, given.digest, reader.id, new)
        return True

    def _papers(self, tx: Tx, offering: Offering, reader: Person, question: str, worth: Points) -> list[Paper]:
        return papers(tx, Question(self.course, self.assignment.id, question), worth, reader.id, offering.counts)

    def _offering(self, tx: Tx) -> Offering:
        found = offerings.offering(tx, self.course, self.assignment.id)
        if found is None:
            raise BadCall(f"the course {self.course!r} does not offer {self.assignment.id}: grader admin courses")
        return found

    def _reader(self, tx: Tx) -> Person:
        found = people.person_by_login(tx, self.reader)
        if found is None or not (found.admin or people.role_of(tx, self.course, found.id) is Role.STAFF):
            raise BadCall(f"{self.reader!r} is not staff of {self.course}: --reader names who has read")
        return found


@contextmanager
def _opened() -> Iterator[Store]:
    store = open_store(Settings())
    try:
        yield store
    finally:
        store.close()


def _line(question: str, paper: Paper, worth: Points, reader: Person) -> Line:
    own = paper.reading_of(reader.id)
    points, comment = (own.points(worth), own.comment) if own else (None, "")
    return Line(question, paper.digest, paper.students, paper.text, paper.suggestion, points, comment)
