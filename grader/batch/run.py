"""Run a batch: read and queue the submissions of an export, and yield events."""

from __future__ import annotations

import datetime as dt
import hashlib
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from grader.assignments.catalogue import Assignment
from grader.batch.export import Export, ExportedSubmission
from grader.batch.queue import LOOK_SECONDS, BatchQueue, Files, Received
from grader.errors import Refused
from grader.intake.receive import receive_all
from grader.model import Points, Report, Submission
from grader.store.records import Grading, State

MOST_WAITING = 256
"""Largest number of this batch's submissions in the queue at the same time."""
RECEIVE_SECONDS = 0.2
"""Submissions are read for this long, then queued together in one transaction."""
_LAST = dt.datetime.max.replace(tzinfo=dt.UTC)


@dataclass(frozen=True)
class Unreadable:
    """The receipt of a submission that cannot be read."""

    why: str


Receipt = Received | Unreadable


@dataclass(frozen=True)
class Started:
    """Event: the grading of the submissions with this content (a hash) has started."""

    content: str


@dataclass(frozen=True)
class Notice:
    """Event: the reason why no worker grades the queued submissions; "" if workers grade them."""

    words: str


class JobOutcome(StrEnum):
    """The outcome of a submission in a run, as the progress display shows it."""

    GRADED = "graded"
    KNOWN = "graded before"
    """An equal submission had been graded in an earlier run or for another student."""
    UNREADABLE = "unreadable"
    FAILED = "internal errors"
    """The grader failed."""


@dataclass(frozen=True)
class Finished:
    """Event: the submissions at these places, which have equal contents, are graded or cannot be graded."""

    places: tuple[str, ...]
    outcome: JobOutcome
    points: Points | None = None


def receive(export: Export, submission: ExportedSubmission, task: Assignment) -> tuple[Receipt, Files]:
    """Read a submission. Return its receipt (whether it can be graded) and its files."""
    try:
        # databases do not accept invalid Unicode
        files = tuple((name.encode("utf-8", "replace").decode(), data) for name, data in export.content(submission))
        read = receive_all(files, task.files[0])
    except Refused as why:
        return Unreadable(str(why)), ()
    return Received(_content_of(read), read.digest, task.missing(read)), files


def _content_of(submission: Submission) -> str:
    """Return a hash of a submission's files and of the remarks on them that its report repeats."""
    text = "\n".join((submission.digest, *submission.remarks, *submission.names.values()))
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


class Run:
    """One run of a batch."""

    def __init__(
        self, export: Export, task: Assignment, wanted: Callable[[ExportedSubmission], bool], queue: BatchQueue
    ) -> None:
        """Create a run.

        Args:
            export: The export with the submissions.
            task: The assignment.
            wanted: Returns True for submissions to grade. Other submissions are only read.
            queue: The queue.
        """
        self.receipts: dict[str, Receipt] = {}
        """Receipt of each submission that was read, by its path in the export."""
        self.failed: dict[str, str] = {}
        """Reason why the grader failed, by the content (hash) of the submissions."""
        self._export = export
        self._task = task
        self._wanted = wanted
        self._queue = queue
        self._places: dict[str, list[str]] = {}
        self._open: dict[str, str] = {}
        """Id of a queued or running grading → content of its submissions."""
        self._begun: set[str] = set()
        self._decided: dict[str, Finished] = {}
        self._finished: deque[Finished] = deque()

    def grade(self) -> Iterator[Started | Notice | Finished]:
        """Grade the submissions, the oldest first and those without a time last. Yield events. Finished gradings are
        kept if the generator is closed early."""
        submissions = iter(sorted(self._export.submissions, key=lambda one: one.submitted_at or _LAST))
        more = True
        while more or self._open:
            if more and len(self._open) <= MOST_WAITING // 2:
                new, more = self._receive(submissions)
                self._register_queued(self._queue.submit(new) if new else {})
            if self._open:
                self._queue.start()
                yield from self._events(0.0 if more and len(self._open) <= MOST_WAITING // 2 else LOOK_SECONDS)
            while self._finished:
                yield self._finished.popleft()

    def places(self, content: str) -> tuple[str, ...]:
        """Return the paths, in the export, of the submissions read so far whose content has this hash."""
        return tuple(self._places.get(content, ()))

    def report(self, content: str) -> Report | None:
        """Return the report on the submissions with this content (a hash), from this or an earlier run; None if there
        is none."""
        return self._queue.report(content)

    def _receive(self, submissions: Iterator[ExportedSubmission]) -> tuple[list[tuple[Received, Files]], bool]:
        """Read the next submissions of the export. Return those to queue, and False if none is left after them."""
        until = time.monotonic() + RECEIVE_SECONDS
        new: list[tuple[Received, Files]] = []
        for submission in submissions:
            receipt, files = receive(self._export, submission, self._task)
            self.receipts[submission.place] = receipt
            if self._wanted(submission) and self._is_new(receipt, submission.place) and isinstance(receipt, Received):
                new.append((receipt, files))
            if time.monotonic() >= until or len(self._open) + len(new) >= MOST_WAITING:
                return new, True
        return new, False

    def _register_queued(self, found: Mapping[str, Grading]) -> None:
        for content, grading in found.items():
            if grading.state is State.GRADED:
                self._decide(content, Finished((), JobOutcome.KNOWN, grading.points))
            else:
                self._open[grading.id] = content

    def _is_new(self, receipt: Receipt, place: str) -> bool:
        """Register a submission. Return True if it must be graded because it is readable and no earlier one is
        equal."""
        if isinstance(receipt, Unreadable):
            self._finished.append(Finished((place,), JobOutcome.UNREADABLE))
            return False
        self._places.setdefault(receipt.content, []).append(place)
        if receipt.content in self._decided:
            self._finished.append(replace(self._decided[receipt.content], places=(place,)))
        return len(self._places[receipt.content]) == 1

    def _events(self, seconds: float) -> Iterator[Started | Notice]:
        time.sleep(seconds)
        for grading in self._queue.gradings(self._open):
            content = self._open[grading.id]
            if grading.state is State.RUNNING and content not in self._begun:
                self._begun.add(content)
                yield Started(content)
            if grading.state.is_final:
                del self._open[grading.id]
                self._finish(content, grading)
        yield Notice(self._queue.trouble() if self._open else "")

    def _finish(self, content: str, grading: Grading) -> None:
        if grading.state is State.GRADED:
            self._decide(content, Finished((), JobOutcome.GRADED, grading.points))
            return
        self.failed[content] = grading.why or f"the grading is {grading.state}"
        self._decide(content, Finished((), JobOutcome.FAILED))

    def _decide(self, content: str, finished: Finished) -> None:
        self._decided[content] = finished
        self._finished.append(replace(finished, places=tuple(self._places[content])))
