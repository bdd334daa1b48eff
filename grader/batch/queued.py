"""A pool that is the service's queue: workers on any machine grade, and this process waits for what they make of it.

Names of students stay here. All hand-ins are those of one person, "grader batch", in a course of its own.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import TypeVar

from grader.batch.pool import Begun, Done, Notice, Said
from grader.catalogue import Assignment
from grader.errors import StoreUnavailable
from grader.intake import receive_all
from grader.model import Report
from grader.render import as_json
from grader.store import gradings, offerings, people, submissions, workers
from grader.store.database import Store, Tx
from grader.store.records import Course, Grading, Kind, Offering, Person, Priority, Role, State
from grader.store.submissions import NewSubmission
from grader.workers.compatibility import StoreQueue
from grader.workers.grading_process import Failed, Job

COURSE = Course("batch", "Batches")
LOGIN, NAME = "grader-batch", "grader batch"
MOST_WAITING = 256
"""So many are in the queue at once, so that a class of thousands neither fills it nor this process's memory."""
LOOK_SECONDS = 0.5
TRY_AGAIN_SECONDS = 1.0

T = TypeVar("T")


class Queued:
    """A `grader.batch.pool.Pool`. Killed, the next one finds what this one had queued."""

    def __init__(self, store: Store, task: Assignment, lane: str) -> None:
        self._store = store
        self._task = task
        self._lane = lane
        self._queue = StoreQueue({task.id: lane})
        with store.write() as tx:
            self._person = _prepared(tx, task)

    def grade(self, jobs: Iterator[Job]) -> Iterator[Said]:
        waiting: dict[str, str] = {}
        begun: set[str] = set()
        more = True
        while more or waiting:
            while more and len(waiting) < MOST_WAITING:
                job = next(jobs, None)
                more = job is not None
                if job is not None:
                    waiting[self._queued(job)] = job.grading
            yield from self._news(waiting, begun)
            if waiting:
                time.sleep(LOOK_SECONDS)

    def _queued(self, job: Job) -> str:
        """Its grading: a new one, or the one that an earlier batch has queued."""
        files = tuple((name.encode("utf-8", "replace").decode(), content) for name, content in job.files)
        received = receive_all(files, self._task.files[0])
        key = hashlib.sha256(f"{self._lane}\n{job.grading}".encode()).hexdigest()
        new = NewSubmission(
            COURSE.id,
            self._task.id,
            Kind.SUBMISSION,
            "batch",
            received.digest,
            self._person.id,
            (self._person.id,),
            files,
            code_submitted=not self._task.missing(received),
        )
        return self._patiently(self._store.write, lambda tx: self._once(tx, new, key))

    def _once(self, tx: Tx, new: NewSubmission, key: str) -> str:
        submissions.lock_person(tx, self._person.id)
        before = submissions.repeated(tx, self._person.id, key)
        if before is None:
            id = submissions.add(tx, new)
            submissions.remember_key(tx, self._person.id, key, key, id)
            return self._queue.enqueue(tx, id, new.assignment, new.by, Priority.BATCH)
        grading = gradings.of_submissions(tx, [before.submission])[before.submission]
        if grading.state is State.BROKEN:
            self._queue.retry(tx, grading.id, new.assignment)
        return grading.id

    def _news(self, waiting: dict[str, str], begun: set[str]) -> Iterator[Said]:
        found = self._patiently(self._store.read, lambda tx: gradings.several(tx, list(waiting)))
        for id, grading in found.items():
            if grading.state is State.RUNNING and id not in begun:
                begun.add(id)
                yield Begun(waiting[id])
            elif grading.state.is_final:
                yield Done(waiting.pop(id), self._outcome(grading))
        if waiting:
            unserved = self._patiently(self._store.read, workers.unserved)
            yield Notice(next((u.why for u in unserved if u.compatibility_key == self._lane), ""))

    def _outcome(self, grading: Grading) -> Report | Failed:
        if grading.state is not State.GRADED:
            return Failed(grading.why or f"its grading is {grading.state}")
        text = self._patiently(self._store.read, lambda tx: gradings.report(tx, grading.id))
        return as_json.loads(text) if text else Failed("its report is gone")

    def _patiently(self, transaction: Callable[[], AbstractContextManager[Tx]], act: Callable[[Tx], T]) -> T:
        """Workers go on while the database is away, and so does this."""
        while True:
            try:
                with transaction() as tx:
                    return act(tx)
            except StoreUnavailable:
                time.sleep(TRY_AGAIN_SECONDS)


def _prepared(tx: Tx, task: Assignment) -> Person:
    """The course, its assignment, and who hands in."""
    if people.course(tx, COURSE.id) is None:
        people.add_course(tx, COURSE)
    if offerings.offering(tx, COURSE.id, task.id) is None:
        offerings.put_offering(tx, Offering(COURSE.id, task.id))
    person = people.put_person(tx, LOGIN, NAME)
    people.put_member(tx, COURSE.id, person.id, Role.STAFF)
    return person
