"""The queue of a batch: of a database in its output folder, which this process empties, or of a service.

Names of students are not stored: all submissions are those of one person, "grader batch", in a course of its own.
"""

from __future__ import annotations

import hashlib
import queue
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

import structlog

from grader.assignments.catalogue import Assignment
from grader.batch.folder import DATABASE, GRADED
from grader.engine.grade import Scope
from grader.errors import StoreUnavailable
from grader.model import Report
from grader.render import as_json
from grader.sandbox import selftest
from grader.store import gradings, offerings, people, submissions, workers
from grader.store.database import Store, Tx
from grader.store.queue import Queue
from grader.store.records import Course, Grading, Kind, Offering, Person, Priority, Role, State
from grader.store.submissions import NewSubmission
from grader.workers.compatibility import StoreQueue
from grader.workers.events import Event
from grader.workers.grading_process import Plan
from grader.workers.local import LocalWorkers, cores_here

COURSE = Course("batch", "Batches")
LOGIN, NAME = "grader-batch", "grader batch"
LOOK_SECONDS = 0.5
TOGETHER_SECONDS = 0.05
"""Changes within this time are read together: a worker's next grading begins when its last one is done."""
LOOK_AT_ALL_SECONDS = 10.0
"""How often all gradings are read from the database, whether or not events say that they changed."""
TRY_AGAIN_SECONDS = 1.0

T = TypeVar("T")
Files = tuple[tuple[str, bytes], ...]


@dataclass(frozen=True)
class Rules:
    """All that a report depends on besides the submission."""

    compatibility_key: str
    digest: str
    """Of the assignment."""
    scope: str
    seed: str
    """Its label."""
    sandbox: str
    """Empty where workers of a service grade."""

    def key(self, content: str = "") -> str:
        """Return a hash of the rules and of a submission's content."""
        return hashlib.sha256("\n".join((*asdict(self).values(), content)).encode()).hexdigest()


@dataclass(frozen=True)
class Received:
    content: str
    """A hash of all that a report takes from the submission: equal submissions have the same one."""
    digest: str
    missing: str = ""
    """Message about code that was not submitted; empty if it was."""


@dataclass(frozen=True)
class Changes:
    """The news of some gradings."""

    running: frozenset[str]
    """Ids of gradings that run. Some may have been reported before."""
    final: tuple[Grading, ...]


class BatchQueue:
    """Submissions of one batch in a queue. A batch that was killed finds what it had queued."""

    def __init__(self, store: Store, queue: Queue, task: Assignment, rules: Rules, scope: Scope) -> None:
        self.rules = rules
        self._store = store
        self._queue = queue
        self._task = task
        self._scope = {name: value for name, value in asdict(scope).items() if value != getattr(Scope(), name)}
        with store.write() as tx:
            self._person = _prepared(tx, task)

    def start(self) -> None:
        """Start whoever grades, unless it is started. Called when there is something to grade."""

    def submit(self, new: Sequence[tuple[Received, Files]]) -> dict[str, Grading]:
        """Queue submissions in one transaction.

        What was queued before is not queued again: it keeps its grading, which waits again if it was broken or
        cancelled.

        Returns:
            Gradings by content.
        """
        contents = [received.content for received, _ in new]
        while True:
            try:
                with self._store.write() as tx:
                    submissions.lock_person(tx, self._person.id)
                    known = self._found(tx, contents)
                    for received, files in new:
                        before = known.get(received.content)
                        if before is None:
                            id = self._add(tx, received, files)
                            self._queue.enqueue(
                                tx, id, self._task.id, self._person.id, Priority.BATCH, scope=self._scope
                            )
                        elif before.state is State.BROKEN:
                            self._queue.retry(tx, before.id, self._task.id)
                        elif before.state is State.CANCELLED:
                            gradings.resume(tx, before.id)
                    found = self._found(tx, contents)
                self._queue.wake()
                return found
            except StoreUnavailable as gone:
                self._wait_for_the_database(gone)

    def changes(self, ids: Collection[str], seconds: float) -> Changes:
        """Wait for changes of these gradings, at most so long, and return them."""
        time.sleep(seconds)
        return self._look(ids)

    def trouble(self) -> str:
        """Return why nothing that waits is graded; empty if it is."""
        unserved = self._read(workers.unserved)
        return next((u.why for u in unserved if u.compatibility_key == self.rules.compatibility_key), "")

    def report(self, content: str) -> Report | None:
        """Return the report on a submission; None if it is not graded."""

        def act(tx: Tx) -> str | None:
            found = self._found(tx, [content]).get(content)
            return gradings.report(tx, found.id) if found and found.state is State.GRADED else None

        text = self._read(act)
        return as_json.loads(text) if text else None

    def _add(self, tx: Tx, received: Received, files: Files) -> str:
        me, key = self._person.id, self.rules.key(received.content)
        new = NewSubmission(
            COURSE.id,
            self._task.id,
            Kind.SUBMISSION,
            "batch",
            received.digest,
            me,
            (me,),
            files,
            code_submitted=not received.missing,
        )
        id = submissions.add(tx, new)
        submissions.remember_key(tx, me, key, key, id)
        return id

    def _found(self, tx: Tx, contents: Sequence[str]) -> dict[str, Grading]:
        keys = {self.rules.key(content): content for content in contents}
        by_key = submissions.of_keys(tx, self._person.id, list(keys))
        of = gradings.of_submissions(tx, list(by_key.values()))
        return {keys[key]: of[submission] for key, submission in by_key.items()}

    def _look(self, ids: Collection[str]) -> Changes:
        found = self._read(lambda tx: gradings.several(tx, list(ids))).values()
        running = frozenset(grading.id for grading in found if grading.state is State.RUNNING)
        return Changes(running, tuple(grading for grading in found if grading.state.is_final))

    def _read(self, query: Callable[[Tx], T]) -> T:
        while True:
            try:
                with self._store.read() as tx:
                    return query(tx)
            except StoreUnavailable as gone:
                self._wait_for_the_database(gone)

    def _wait_for_the_database(self, gone: StoreUnavailable) -> None:
        """Wait for the database of a service, whose workers go on later too. Raise for the batch's own database."""
        if self._store.is_sqlite:
            raise gone
        time.sleep(TRY_AGAIN_SECONDS)


class LocalBatchQueue(BatchQueue):
    """A queue that grading processes of this machine empty, one a core."""

    def __init__(self, store: Store, task: Assignment, rules: Rules, scope: Scope, plan: Plan, secret: bytes) -> None:
        self._plan = plan
        self._is_started = False
        self._events = _StateEvents()
        self._look_at_all = 0.0
        self._workers = LocalWorkers(
            store,
            self._events,
            plan,
            secret,
            cores_here(),
            {task.id: rules.compatibility_key},
            prechecks=False,
        )
        with store.write() as tx:  # what an earlier run has left waits again once this run asks for it
            gradings.recover(tx, everything=True)
            gradings.cancel_all(tx)
        super().__init__(store, self._workers, task, rules, scope)

    def start(self) -> None:
        """Start the workers. Raise `SandboxUnavailable` where a promise of the sandbox does not hold."""
        if not self._is_started:
            selftest.prove(self._plan.sandbox, self._plan.runtime)
            self._workers.start(warm=False)  # a small batch needs only a few
            self._is_started = True

    def stop(self) -> None:
        """Put what runs back into the queue."""
        if self._is_started:
            self._workers.stop(0)

    def changes(self, ids: Collection[str], seconds: float) -> Changes:
        told = self._events.wait(seconds)
        if time.monotonic() >= self._look_at_all:  # a grading that ended its process too often is broken in silence
            self._look_at_all = time.monotonic() + LOOK_AT_ALL_SECONDS
            return self._look(ids)
        final = {event.grading for event in told if event.done}.intersection(ids)
        running = frozenset(event.grading for event in told if event.name == State.RUNNING)
        return Changes(running.intersection(ids), self._look(final).final if final else ())

    def trouble(self) -> str:
        return ""


class _StateEvents:
    """The `grader.workers.events.Events` of local workers. It keeps the changes of gradings' states."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[Event] = queue.SimpleQueue()

    def publish(self, event: Event) -> None:
        if event.kind == "state":
            self._queue.put(event)

    def wait(self, seconds: float) -> list[Event]:
        """Return the events since the last call. Wait at most so long if there is none."""
        found: list[Event] = []
        try:
            found.append(self._queue.get(timeout=seconds))
            time.sleep(TOGETHER_SECONDS)
            while True:
                found.append(self._queue.get_nowait())
        except queue.Empty:
            return found


@contextmanager
def local_queue(
    out: Path, task: Assignment, rules: Rules, scope: Scope, plan: Plan, secret: bytes
) -> Iterator[BatchQueue]:
    """The queue in the output folder, and the workers that empty it."""
    folder = out / GRADED
    store = Store(f"sqlite:///{(folder / DATABASE).absolute()}")
    with _logged_to(folder / "log"):
        try:
            store.migrate()
            found = LocalBatchQueue(store, task, rules, scope, plan, secret)
            try:
                yield found
            finally:
                found.stop()
        finally:
            store.close()


@contextmanager
def service_queue(store: Store, task: Assignment, rules: Rules, scope: Scope) -> Iterator[BatchQueue]:
    """The queue of a service on many machines, whose workers grade."""
    try:
        yield BatchQueue(store, StoreQueue({task.id: rules.compatibility_key}), task, rules, scope)
    finally:
        store.close()


@contextmanager
def _logged_to(file: Path) -> Iterator[None]:
    """Have the workers' log lines in a file: the terminal is for progress."""
    before = structlog.get_config()
    with file.open("a", encoding="utf-8") as log:
        structlog.configure(
            processors=[
                structlog.processors.add_log_level,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                structlog.processors.format_exc_info,
                structlog.processors.JSONRenderer(),
            ],
            logger_factory=structlog.WriteLoggerFactory(log),
        )
        try:
            yield
        finally:
            structlog.configure(**before)


def _prepared(tx: Tx, task: Assignment) -> Person:
    """Return who submits, once their course has the assignment."""
    if people.course(tx, COURSE.id) is None:
        people.add_course(tx, COURSE)
    if offerings.offering(tx, COURSE.id, task.id) is None:
        offerings.put_offering(tx, Offering(COURSE.id, task.id))
    person = people.put_person(tx, LOGIN, NAME)
    people.put_member(tx, COURSE.id, person.id, Role.STAFF)
    return person
