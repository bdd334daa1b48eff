"""How far a grading is: sections as they are begun and decided, and what trainings have used of their time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from grader.api import visible
from grader.api.identity import Caller
from grader.api.seen import Seen, assignment_of, place_of
from grader.api.waiting import Place
from grader.assignments.catalogue import Assignment
from grader.model import Status
from grader.service import Service
from grader.store.database import Tx
from grader.workers.events import CheckEvent, Event


class Step(StrEnum):
    AHEAD = "ahead"
    RUNNING = "running"
    DONE = "done"


@dataclass(frozen=True)
class Section:
    name: str
    step: Step
    checks: tuple[CheckEvent, ...]
    """Once it is done; what is hidden from the reader is waiting."""
    used: float | None = None
    """CPU seconds of a training."""
    limit: float | None = None


@dataclass(frozen=True)
class PartProgress:
    id: str
    title: str
    sections: tuple[Section, ...]


@dataclass(frozen=True)
class Progress:
    place: Place | None
    """In the queue; None once it runs."""
    parts: tuple[PartProgress, ...]

    @property
    def sections(self) -> tuple[Section, ...]:
        return tuple(section for part in self.parts for section in part.sections)

    @property
    def decided(self) -> int:
        return sum(section.step is Step.DONE for section in self.sections)

    @property
    def sentence(self) -> str:
        """What a screen reader says when it changes: not every second of a training."""
        if self.place:
            return f"Waiting, number {self.place.position} in the queue"
        if not self.decided:
            return "It is being graded"
        lost = sum(check.status in (Status.LOST, Status.PARTLY) for s in self.sections for check in s.checks)
        said = f"{self.decided} of {len(self.sections)} sections decided"
        return f"{said}, {lost} {'check has' if lost == 1 else 'checks have'} lost points" if lost else said


def progress_of(tx: Tx, service: Service, caller: Caller, seen: Seen) -> Progress:
    happened = [visible.event(event, seen.offering, caller) for event in service.events.so_far(seen.grading.id)]
    return Progress(place_of(tx, service, seen), _parts(assignment_of(service, seen.submission), happened))


def _parts(assignment: Assignment, happened: Sequence[Event]) -> tuple[PartProgress, ...]:
    last: Mapping[str, Event] = {event.name: event for event in happened if event.kind != "state"}
    parts = [
        PartProgress(row.id, row.title, tuple(_section(name, last.get(name)) for name in row.sections))
        for row in assignment.parts
    ]
    return tuple(part for part in parts if part.sections)


def _section(name: str, last: Event | None) -> Section:
    if last is None:
        return Section(name, Step.AHEAD, ())
    if last.kind == "training":
        return Section(name, Step.RUNNING, (), last.cpu_seconds, last.limit)
    return Section(name, Step.DONE if last.done else Step.RUNNING, last.checks)
