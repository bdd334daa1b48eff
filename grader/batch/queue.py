"""The queue of a batch: a database in the output folder with workers on this machine, or the queue of a service.

The queue has no names of students: the person "grader batch" submits all submissions, in a separate course.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import structlog

from grader.assignments.catalogue import Assignment
from grader.batch.digest import digest_of
from grader.batch.folder import DATABASE, GRADED
from grader.engine.grade import Scope
from grader.errors import StoreUnavailable
from grader.model import Report
from grader.render import as_json
from grader.sandbox import selftest
from grader.store import gradings, leases, offerings, people, queue, submissions, workers
from grader.store.database import Store, Tx
from grader.store.queue import StoreQueue
from grader.store.records import Course, Grading, Kind, Offering, Person, Priority, Role, State
from grader.store.submissions import NewSubmission
from grader.workers.events import Hub
from grader.workers.grading_process import Plan
from grader.workers.local import LocalWorkers, available_cores

COURSE = Course("batch", "Batches")
LOGIN, NAME = "grader-batch", "grader batch"
TRY_AGAIN_SECONDS = 1.0
"""Interval between attempts to reach the database of a service."""

Files = tuple[tuple[str, bytes], ...]


@dataclass(frozen=True)
class Rules:
    """Everything that a report depends on besides the submission."""

    compatibility_key: str
    digest: str
    """The digest of the assignment."""
    scope: str
    seed: str
    """The label of the seed: "public" or "secret". The compatibility key has the fingerprint of the secret."""
    sandbox: str
    """Name of the sandbox; empty if the workers of a service do the grading."""

    def key(self, content: str = "") -> str:
        """Return a hash of the rules and of `content`, the hash of a submission."""
        return digest_of((*asdict(self).values(), content))


@dataclass(frozen=True)
class Received:
    """The receipt of a submission that could be read."""

    content: str
    """A hash of everything in the submission that affects the report. Submissions with the same hash are graded
    once."""
    digest: str
    missing: str = ""
    """Message if no code was submitted, otherwise empty."""


class BatchQueue:
    """The queue of one batch. A second run of the same batch reuses the gradings of the first."""

    look_seconds = 0.25
    """Interval at which the states of the queued and running gradings are read."""

    def __init__(self, store: Store, queue: StoreQueue, task: Assignment, rules: Rules, scope: Scope) -> None:
        self.rules = rules
        self._store = store
        self._queue = queue
        self._task = task
        # only what differs from a full grading, as the queue stores it
        self._scope = dict(asdict(scope).items() - asdict(Scope()).items())
        with store.write() as tx:
            self._person = _prepared(tx, task)

    def start(self) -> None:
        """Start the workers of this machine, if there are any and they are not running yet."""

    def submit(self, new: Mapping[Received, Files]) -> dict[str, Grading]:
        """Queue submissions in one transaction. Queue a submission a second time only if its grading is broken or
        cancelled.

        Returns:
            Content of a submission (a hash) → its grading.
        """
        contents = [received.content for received in new]
        with self._store.write() as tx:
            submissions.lock_people(tx, [self._person.id])
            earlier = self._gradings(tx, contents)
            for received, files in new.items():
                grading = earlier.get(received.content)
                if grading is None:
                    id = self._add(tx, received, files)
                    self._queue.enqueue(tx, id, self._task.id, self._person.id, Priority.BATCH, scope=self._scope)
                elif grading.state is State.BROKEN:
                    self._queue.retry(tx, grading.id, self._task.id)
                elif grading.state is State.CANCELLED:
                    queue.resume(tx, grading.id)
            queued = self._gradings(tx, contents)
        self._queue.wake()
        return queued

    def current(self, ids: Collection[str]) -> list[Grading]:
        """Return the gradings with these ids in their current states."""
        with self._store.read() as tx:
            return list(gradings.by_ids(tx, list(ids)).values())

    def trouble(self) -> str:
        """Return the reason why no worker grades the queued submissions; "" if workers grade them."""
        with self._store.read() as tx:
            reasons = {jobs.compatibility_key: jobs.why for jobs in workers.unserved(tx)}
        return reasons.get(self.rules.compatibility_key, "")

    def report(self, content: str) -> Report | None:
        """Return the report on the submissions with this content (a hash); None if they are not graded."""
        while True:
            try:
                with self._store.read() as tx:
                    grading = self._gradings(tx, [content]).get(content)
                    if grading is None or grading.state is not State.GRADED:
                        return None
                    text = gradings.report(tx, grading.id)
                return as_json.loads(text) if text else None
            except StoreUnavailable as failure:
                self.wait_for_database(failure)

    def wait_for_database(self, failure: StoreUnavailable) -> None:
        """Wait before the next attempt, after the database has failed."""
        time.sleep(TRY_AGAIN_SECONDS)

    def _add(self, tx: Tx, received: Received, files: Files) -> str:
        """Store a submission and return its id."""
        person = self._person.id
        submission = NewSubmission(
            COURSE.id,
            self._task.id,
            Kind.SUBMISSION,
            "batch",
            received.digest,
            person,
            (person,),
            files,
            code_submitted=not received.missing,
        )
        id = submissions.add(tx, submission)
        key = self.rules.key(received.content)
        submissions.remember_key(tx, person, key, key, id)
        return id

    def _gradings(self, tx: Tx, contents: Sequence[str]) -> dict[str, Grading]:
        """Return content of a submission (a hash) → its grading, for the submissions that were queued."""
        keys = {self.rules.key(content): content for content in contents}
        ids = submissions.by_keys(tx, self._person.id, list(keys))
        by_submission = gradings.of_submissions(tx, list(ids.values()))
        return {keys[key]: by_submission[id] for key, id in ids.items()}


class LocalBatchQueue(BatchQueue):
    """A queue with workers on this machine, one for each core."""

    def __init__(self, store: Store, task: Assignment, rules: Rules, scope: Scope, plan: Plan, secret: bytes) -> None:
        self._plan = plan
        self._is_started = False
        self._workers = LocalWorkers(
            store,
            Hub(),
            plan,
            secret,
            available_cores(),
            {task.id: rules.compatibility_key},
            prechecks=False,
        )
        # an interrupted run may have left gradings: cancel all, and `submit` resumes those that this run needs
        with store.write() as tx:
            leases.recover(tx, everything=True)
            queue.cancel_all(tx)
        super().__init__(store, self._workers, task, rules, scope)

    def start(self) -> None:
        """Start the workers. Raise `SandboxUnavailable` if the sandbox fails its self-test."""
        if not self._is_started:
            selftest.prove(self._plan.sandbox, self._plan.runtime)
            self._workers.start(warm=False)  # a small batch does not need all processes
            self._is_started = True

    def wait_for_database(self, failure: StoreUnavailable) -> None:
        raise failure

    def close(self) -> None:
        """Stop the workers. Running gradings are queued again."""
        if self._is_started:
            self._workers.stop(0)

    def trouble(self) -> str:
        return ""


@contextmanager
def local_queue(
    out: Path, task: Assignment, rules: Rules, scope: Scope, plan: Plan, secret: bytes
) -> Iterator[BatchQueue]:
    """Open the queue in the output folder `out`. Stop its workers at the end of the `with` block."""
    folder = out / GRADED
    with _logged_to(folder / "log"), closing(Store(f"sqlite:///{(folder / DATABASE).absolute()}")) as store:
        store.migrate()
        with closing(LocalBatchQueue(store, task, rules, scope, plan, secret)) as queue:
            yield queue


@contextmanager
def service_queue(store: Store, task: Assignment, rules: Rules, scope: Scope) -> Iterator[BatchQueue]:
    """Open the queue of a service, whose workers grade the submissions. Close `store` at the end of the `with`
    block."""
    with closing(store):
        yield BatchQueue(store, StoreQueue({task.id: rules.compatibility_key}), task, rules, scope)


@contextmanager
def _logged_to(file: Path) -> Iterator[None]:
    """Write all log messages to a file within the `with` block."""
    earlier_config = structlog.get_config()
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
            structlog.configure(**earlier_config)


def _prepared(tx: Tx, task: Assignment) -> Person:
    """Return the person who submits for all batches. Create the person, the course and the offering if they do not
    exist."""
    if people.course(tx, COURSE.id) is None:
        people.add_course(tx, COURSE)
    if offerings.offering(tx, COURSE.id, task.id) is None:
        offerings.put_offering(tx, Offering(COURSE.id, task.id))
    person = people.put_person(tx, LOGIN, NAME)
    people.put_member(tx, COURSE.id, person.id, Role.STAFF)
    return person
