"""The run: every submission is received and queued, and what becomes of it is told."""

from __future__ import annotations

import datetime as dt
import hashlib
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from grader.assignments.catalogue import Assignment
from grader.batch.export import Export, HandIn
from grader.batch.queue import LOOK_SECONDS, BatchQueue, Files, Received
from grader.errors import Refused
from grader.intake.receive import receive_all
from grader.model import Points, Report, Submission
from grader.store.records import Grading, State

MOST_WAITING = 256
"""So many are in the queue at once, so that a class of thousands fills neither a service's queue nor this process."""
RECEIVE_SECONDS = 0.2
"""After so long the submissions that have been read are queued, in one transaction."""
_LAST = dt.datetime.max.replace(tzinfo=dt.UTC)


@dataclass(frozen=True)
class Unreadable:
    """Nothing of it can be graded: a person must look."""

    why: str


Receipt = Received | Unreadable


@dataclass(frozen=True)
class Begun:
    """The grading of a submission is running."""

    content: str


@dataclass(frozen=True)
class Notice:
    """Why nothing is graded at the moment; empty once something is."""

    words: str


class Became(StrEnum):
    GRADED = "graded"
    KNOWN = "known"
    """Graded before, in an earlier run or for somebody else."""
    UNREADABLE = "unreadable"
    FAILED = "failed"
    """Our failure."""


@dataclass(frozen=True)
class Settled:
    """What has become of some submissions of the same content."""

    places: tuple[str, ...]
    became: Became
    points: Points | None = None
    why: str = ""


def longest_waiting_first(hand_ins: Iterable[HandIn]) -> list[HandIn]:
    """Where the export does not say when they came, in its own order, after the others."""
    return sorted(hand_ins, key=lambda hand_in: hand_in.submitted_at or _LAST)


def receive(export: Export, hand_in: HandIn, task: Assignment) -> tuple[Receipt, Files]:
    """Return what is known of a submission before it is graded, and its files."""
    try:
        files = tuple((_storable(name), content) for name, content in export.content(hand_in))
        submission = receive_all(files, task.files[0])
    except Refused as why:
        return Unreadable(str(why)), ()
    return Received(_content_of(submission), submission.digest, task.missing(submission)), files


def _storable(name: str) -> str:
    """Replace what is no Unicode in a file's name, which no database keeps."""
    return name.encode("utf-8", "replace").decode()


def _content_of(submission: Submission) -> str:
    """The same for the same files, as long as intake has the same to say about them."""
    said = "\n".join((submission.digest, *submission.remarks, *submission.names.values()))
    return hashlib.sha256(said.encode("utf-8", "replace")).hexdigest()


class Run:
    """One batch."""

    def __init__(self, export: Export, task: Assignment, wanted: Callable[[HandIn], bool], queue: BatchQueue) -> None:
        """`wanted`: which submissions are graded. Others are received, and what is known of them is shown."""
        self.receipts: dict[str, Receipt] = {}
        """By the submission's place."""
        self.failed: dict[str, str] = {}
        """Content → why we could not grade it."""
        self._export = export
        self._task = task
        self._wanted = wanted
        self._queue = queue
        self._places: dict[str, list[str]] = {}
        self._open: dict[str, str] = {}
        """Grading that waits or runs → content."""
        self._begun: set[str] = set()
        self._decided: dict[str, Settled] = {}
        self._settled: deque[Settled] = deque()

    def grade(self) -> Iterator[Begun | Notice | Settled]:
        """Grade, and yield what happens. What has been graded is kept even if this is interrupted."""
        hand_ins = iter(longest_waiting_first(self._export.hand_ins))
        more = True
        while more or self._open:
            if more and len(self._open) <= MOST_WAITING // 2:
                new, more = self._receive(hand_ins)
                self._note_queued(self._queue.submit(new) if new else {})
            if self._open:
                self._queue.start()
                yield from self._news(0.0 if more and len(self._open) <= MOST_WAITING // 2 else LOOK_SECONDS)
            while self._settled:
                yield self._settled.popleft()

    def places(self, content: str) -> tuple[str, ...]:
        """The submissions with this content, so far."""
        return tuple(self._places.get(content, ()))

    def report(self, content: str) -> Report | None:
        """The report on submissions with this content, whichever run has graded them."""
        return self._queue.report(content)

    def _receive(self, hand_ins: Iterator[HandIn]) -> tuple[list[tuple[Received, Files]], bool]:
        """Read the next submissions. Return those to be queued, and whether there may be more."""
        until = time.monotonic() + RECEIVE_SECONDS
        new: list[tuple[Received, Files]] = []
        for hand_in in hand_ins:
            receipt, files = receive(self._export, hand_in, self._task)
            self.receipts[hand_in.place] = receipt
            if self._wanted(hand_in) and self._is_new(receipt, hand_in.place) and isinstance(receipt, Received):
                new.append((receipt, files))
            if time.monotonic() >= until or len(self._open) + len(new) >= MOST_WAITING:
                return new, True
        return new, False

    def _note_queued(self, found: Mapping[str, Grading]) -> None:
        for content, grading in found.items():
            if grading.state is State.GRADED:
                self._decide(content, Settled((), Became.KNOWN, grading.points))
            else:
                self._open[grading.id] = content

    def _is_new(self, receipt: Receipt, place: str) -> bool:
        """Note whose submission it is. Return False if nothing more need be done about it."""
        if isinstance(receipt, Unreadable):
            self._settled.append(Settled((place,), Became.UNREADABLE, why=receipt.why))
            return False
        self._places.setdefault(receipt.content, []).append(place)
        if receipt.content in self._decided:
            self._settled.append(replace(self._decided[receipt.content], places=(place,)))
        return len(self._places[receipt.content]) == 1

    def _news(self, seconds: float) -> Iterator[Begun | Notice]:
        changes = self._queue.changes(self._open, seconds)
        for content in {self._open[id] for id in changes.running} - self._begun:
            self._begun.add(content)
            yield Begun(content)
        for grading in changes.final:
            self._finish(self._open.pop(grading.id), grading)
        yield Notice(self._queue.trouble() if self._open else "")

    def _finish(self, content: str, grading: Grading) -> None:
        if grading.state is State.GRADED:
            self._decide(content, Settled((), Became.GRADED, grading.points))
            return
        why = grading.why or f"its grading is {grading.state}"
        self.failed[content] = why
        self._decide(content, Settled((), Became.FAILED, why=why))

    def _decide(self, content: str, settled: Settled) -> None:
        self._decided[content] = settled
        self._settled.append(replace(settled, places=tuple(self._places[content])))
