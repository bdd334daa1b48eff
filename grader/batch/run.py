"""The run: every hand-in is received, graded where nobody has graded its bytes before, and kept at once."""

from __future__ import annotations

import datetime as dt
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from grader.batch.export import Export, HandIn
from grader.batch.journal import Journal, key_of
from grader.batch.pool import Begun, Done, Notice, Pool
from grader.catalogue import Assignment
from grader.errors import Refused
from grader.intake import receive_all
from grader.model import Points, Report
from grader.pipeline import Scope
from grader.workers.events import Event
from grader.workers.grading_process import Failed, Job

_LAST = dt.datetime.max.replace(tzinfo=dt.UTC)


@dataclass(frozen=True)
class Unreadable:
    """Nothing of it can be graded: a person must look."""

    why: str


@dataclass(frozen=True)
class Received:
    key: str
    """In the journal. Who has handed in the same has the same one."""
    digest: str
    missing: str = ""
    """Message about code that was not submitted; empty if it was."""


Receipt = Received | Unreadable


@dataclass(frozen=True)
class Order:
    """What to grade, and how."""

    assignment: str
    scope: Scope
    secret: bytes
    task: Assignment
    wanted: Callable[[HandIn], bool]
    """Others are received, and what is known of them is shown."""


class Became(StrEnum):
    GRADED = "graded"
    KNOWN = "known"
    """Graded before, in an earlier run or for somebody else."""
    UNREADABLE = "unreadable"
    FAILED = "failed"
    """Our failure."""


@dataclass(frozen=True)
class Settled:
    """What has become of some hand-ins of the same bytes."""

    places: tuple[str, ...]
    became: Became
    points: Points | None = None
    why: str = ""


def longest_waiting_first(hand_ins: Iterable[HandIn]) -> list[HandIn]:
    """Where the export does not say when they came, in its own order, after the others."""
    return sorted(hand_ins, key=lambda hand_in: hand_in.submitted_at or _LAST)


def receive(export: Export, hand_in: HandIn, task: Assignment) -> tuple[Receipt, tuple[tuple[str, bytes], ...]]:
    """And its files, as they are graded."""
    try:
        files = tuple(export.content(hand_in))
        submission = receive_all(files, task.files[0])
    except Refused as why:
        return Unreadable(str(why)), ()
    return Received(key_of(submission), submission.digest, task.missing(submission)), files


class Run:
    """One batch. The pool's threads take jobs from it while its own thread writes down what comes out."""

    def __init__(self, export: Export, order: Order, journal: Journal) -> None:
        self.receipts: dict[str, Receipt] = {}
        """By the hand-in's place."""
        self.failed: dict[str, str] = {}
        """Key → why we could not grade it."""
        self._export = export
        self._order = order
        self._journal = journal
        self._lock = threading.Lock()
        self._places: dict[str, list[str]] = {}
        self._decided: dict[str, Settled] = {}
        self._news: deque[Settled] = deque()

    def grade(self, pool: Pool) -> Iterator[Begun | Event | Notice | Settled]:
        """Says what happens. Whatever ends it, what it has said to be graded is kept."""
        for said in pool.grade(self._jobs()):
            if isinstance(said, Done):
                self._finish(said.grading, said.outcome)
            else:
                yield said
            yield from self._told()
        yield from self._told()

    def places(self, key: str) -> tuple[str, ...]:
        """The hand-ins with these bytes, so far."""
        return tuple(self._places.get(key, ()))

    def _jobs(self) -> Iterator[Job]:
        for hand_in in longest_waiting_first(self._export.hand_ins):
            receipt, files = receive(self._export, hand_in, self._order.task)
            self.receipts[hand_in.place] = receipt
            if not self._order.wanted(hand_in):
                continue
            if isinstance(receipt, Unreadable):
                self._news.append(Settled((hand_in.place,), Became.UNREADABLE, why=receipt.why))
            elif not self._is_known(receipt.key, hand_in.place):
                yield Job(receipt.key, self._order.assignment, files, self._order.scope, self._order.secret)

    def _is_known(self, key: str, place: str) -> bool:
        """Whether it has been graded, or is about to be."""
        with self._lock:
            self._places.setdefault(key, []).append(place)
            if len(self._places[key]) > 1:
                if key in self._decided:
                    self._news.append(replace(self._decided[key], places=(place,)))
                return True
        report = self._journal.report(key)
        if report is not None:
            self._decide(key, Settled((), Became.KNOWN, report.points))
        return report is not None

    def _finish(self, key: str, outcome: Report | Failed) -> None:
        match outcome:
            case Report():
                self._journal.keep(key, outcome)
                self._decide(key, Settled((), Became.GRADED, outcome.points))
            case Failed(why):
                self.failed[key] = why
                self._decide(key, Settled((), Became.FAILED, why=why))

    def _decide(self, key: str, settled: Settled) -> None:
        with self._lock:
            self._decided[key] = settled
            self._news.append(replace(settled, places=tuple(self._places[key])))

    def _told(self) -> Iterator[Settled]:
        while self._news:
            yield self._news.popleft()
