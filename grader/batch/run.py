"""Run a batch: read and queue the submissions of an export, and show the progress."""

from __future__ import annotations

import datetime as dt
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence

from grader.assignments.catalogue import Assignment
from grader.batch.digest import digest_of
from grader.batch.display import Display, JobOutcome
from grader.batch.export import Export, ExportedSubmission
from grader.batch.queue import BatchQueue, Files, Received
from grader.errors import Refused, StoreUnavailable
from grader.intake.receive import receive_all
from grader.store.records import State

MOST_WAITING = 256
"""Largest number of this batch's submissions in the queue at the same time."""
RECEIVE_SECONDS = 0.2
"""Submissions are read for this long, then queued together in one transaction."""
WRITING_SHARE = 0.05
"""Share of the time that writing the results of a running batch takes at most."""
_LAST = dt.datetime.max.replace(tzinfo=dt.UTC)


Receipt = Received | str
"""The receipt of a submission: a text is the reason why it cannot be read."""


def _receive(export: Export, submission: ExportedSubmission, task: Assignment) -> tuple[Receipt, Files]:
    """Read a submission. Return its receipt (whether it can be graded) and its files."""
    try:
        files = export.content(submission)
        read = receive_all(files, task.files[0])
    except Refused as why:
        return str(why), ()
    content = digest_of((read.digest, *read.remarks, *read.names.values()))  # reports show remarks and names
    missing = task.missing(read)
    receipt = Received(content, read.digest, missing)
    return receipt, files


class Run:
    """One run of a batch.

    A submission's place is its path in the export. Its content is a hash of everything that affects the report
    (`Received.content`): submissions with the same content are graded once.
    """

    def __init__(self, export: Export, task: Assignment, chosen: Collection[str], queue: BatchQueue) -> None:
        """Create a run.

        Args:
            export: The export with the submissions.
            task: The assignment.
            chosen: Places of the submissions to grade. Other submissions are only read.
            queue: The queue.
        """
        self.receipts: dict[str, Receipt] = {}
        """Place of each submission that was read → its receipt."""
        self.failed: dict[str, str] = {}
        """Content of submissions → reason why the grader failed."""
        self.queue = queue
        self._export = export
        # an iterator: every call of `_receive` goes on where the previous one stopped
        self._unread = iter(sorted(export.submissions, key=lambda submission: submission.submitted_at or _LAST))
        self._is_read = False
        """True if all submissions of the export have been read."""
        self._task = task
        self._chosen = chosen
        self._places: dict[str, list[str]] = defaultdict(list)
        """Content → places of the submissions to grade that were read so far and have this content."""
        self._open: dict[str, str] = {}
        """Id of each queued or running grading → content of its submissions."""
        self._decided: dict[str, JobOutcome] = {}
        """Content of submissions whose grading is finished → its outcome."""
        self._written = 0
        """Number of decided contents when the results were last written."""
        self._write_at = 0.0
        """Time before which the results are not written again."""

    def read(self) -> None:
        """Read all submissions without grading them."""
        for submission in self._export.submissions:
            self.receipts[submission.place], _ = _receive(self._export, submission, self._task)

    def grade(self, display: Display, write: Callable[[], object]) -> None:
        """Grade the submissions and show the progress. The oldest come first, submissions without a time last. Finished
        gradings are kept if the run is interrupted.

        Args:
            display: The progress display.
            write: Function that writes the results so far. It is called again and again while gradings end, so that a
                run that is killed leaves them.
        """
        new: dict[Received, Files] = {}
        while new or self._open or not self._is_read:
            if not new and self._has_room:
                new = self._receive(display)
            try:
                queued = self.queue.submit(new) if new else {}
                new = {}  # only after `submit`: if the database fails, they are submitted again
                for content, grading in queued.items():
                    if grading.state is State.GRADED:  # in an earlier run
                        self._decide(content, JobOutcome.KNOWN, display)
                    else:
                        self._open[grading.id] = content
                if self._open:
                    self.queue.start()
                    if self._is_read or not self._has_room:  # otherwise reading goes on meanwhile
                        time.sleep(self.queue.look_seconds)
                    self._look(display)
                    self._write_if_due(write)
            except StoreUnavailable as failure:
                self.queue.wait_for_database(failure)

    def _write_if_due(self, write: Callable[[], object]) -> None:
        """Call `write` if gradings have ended since the last call, and not more often than `WRITING_SHARE` allows."""
        started = time.monotonic()
        if len(self._decided) == self._written or started < self._write_at:
            return
        self._written = len(self._decided)
        write()
        ended = time.monotonic()
        self._write_at = ended + (ended - started) / WRITING_SHARE

    @property
    def _has_room(self) -> bool:
        """True if more submissions should be read: the queue is no more than half full."""
        return len(self._open) <= MOST_WAITING // 2

    def places(self, content: str) -> Sequence[str]:
        """Return the places of the submissions to grade that were read so far and have this content."""
        return self._places[content]

    def _receive(self, display: Display) -> dict[Received, Files]:
        """Read the next submissions of the export. Return those to grade, with their files."""
        until = time.monotonic() + RECEIVE_SECONDS
        new: dict[Received, Files] = {}
        for submission in self._unread:
            receipt, files = _receive(self._export, submission, self._task)
            self.receipts[submission.place] = receipt
            if submission.place not in self._chosen:
                continue
            if isinstance(receipt, str):
                display.finished(JobOutcome.UNREADABLE)
            elif self._is_new(receipt.content, submission.place, display):
                new[receipt] = files
            if time.monotonic() >= until or len(self._open) + len(new) >= MOST_WAITING:
                return new
        self._is_read = True
        return new

    def _is_new(self, content: str, place: str, display: Display) -> bool:
        """Register a readable submission. Return True if it must be graded because no earlier submission is equal. If
        the grading of an equal one is finished, count this one too; otherwise `_decide` will count both."""
        self._places[content].append(place)
        if content in self._decided:
            display.finished(self._decided[content])
        return len(self._places[content]) == 1

    def _look(self, display: Display) -> None:
        """Read the states of the queued and running gradings. Show those that have started, and record those that have
        ended."""
        for grading in self.queue.current(self._open):
            content = self._open[grading.id]
            if grading.state is State.RUNNING:
                display.started(content)
            if not grading.state.is_final:
                continue
            del self._open[grading.id]
            is_graded = grading.state is State.GRADED
            seconds = None
            if is_graded and grading.started_at and grading.finished_at:
                seconds = (grading.finished_at - grading.started_at).total_seconds()
            display.ended(content, seconds)
            if is_graded:
                self._decide(content, JobOutcome.GRADED, display)
            else:
                self.failed[content] = grading.why or f"the grading is {grading.state}"
                self._decide(content, JobOutcome.FAILED, display)
        display.notice(self.queue.trouble() if self._open else "")

    def _decide(self, content: str, outcome: JobOutcome, display: Display) -> None:
        """Record the outcome of a grading, and count all submissions with its content as finished."""
        places = self._places[content]
        self._decided[content] = outcome
        display.finished(outcome, len(places))
