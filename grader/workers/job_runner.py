"""Grade a leased submission, renew the lease, and store the report."""

from __future__ import annotations

import datetime as dt
import hmac
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from typing import TypeVar

import structlog

from grader.assignments.seeds import Seed
from grader.engine.grade import Scope
from grader.errors import StoreUnavailable
from grader.model import PROCESS_ENDED, Report
from grader.render import as_json
from grader.store import gradings, leases, submissions
from grader.store.database import Store, Tx, now
from grader.store.records import Kind, Leased, State
from grader.workers.events import Event, GradingCost, Hub
from grader.workers.grading_process import Failed, GradingProcess, Job
from grader.workers.health import SandboxHealth

HEARTBEATS_IN_A_LEASE = 6
RETRY_SECONDS = 1.0
"""Seconds between attempts to reach an unavailable database."""

T = TypeVar("T")
log = structlog.get_logger()


@dataclass
class Shutdown:
    """A request to stop the workers. Gradings that still run at the time `at` are stopped and queued again."""

    at: float | None = None
    """Time of the clock `time.monotonic`; None until a shutdown is requested."""

    @property
    def requested(self) -> bool:
        return self.at is not None

    @property
    def is_due(self) -> bool:
        return self.at is not None and time.monotonic() >= self.at


@dataclass(frozen=True)
class JobRunner:
    """Grades leased submissions in one grading process, one at a time."""

    store: Store
    events: Hub
    process: GradingProcess
    secret: bytes
    """The secret from which the seeds of random test problems are derived."""
    keys: Mapping[str, str]
    """Compatibility keys by assignment id."""
    shutdown: Shutdown
    health: SandboxHealth

    def run(self, leased: Leased) -> None:
        """Grade a leased submission and store the report.

        If the grader fails or shutdown is due, queue the grading again. It counts as a failure of the grading only if
        this machine can start a sandbox afterwards. If the lease is lost, store nothing.
        """
        self._publish(leased, State.RUNNING)
        started_at = now()
        started = last_beat = time.monotonic()
        cost: GradingCost | None = None
        beat_seconds = leased.lasts.total_seconds() / HEARTBEATS_IN_A_LEASE
        state: State | None = None
        try:
            job = self._retrying(leased, self.store.read, lambda tx: self._job(tx, leased))
            # otherwise `job` is a report that needs no grading, or None if the database stayed unavailable
            messages = self.process.grade(job, min(RETRY_SECONDS, beat_seconds)) if isinstance(job, Job) else [job]
            for message in messages:
                if isinstance(message, Report | Failed):
                    state = self._store_outcome(leased, message)
                    if isinstance(message, Report) and state is State.GRADED:
                        cost = _cost_of(leased, message, started_at)
                    break
                if message is not None:
                    self.events.publish(message)
                if self.shutdown.is_due:
                    self.process.end()
                    state = self._release(leased, started=False)
                    break
                if time.monotonic() >= last_beat + beat_seconds:
                    last_beat = time.monotonic()
                    if not self._beat(leased):
                        self.process.restart()
                        break
        except Exception as bug:  # a bug must not end the worker
            log.exception("internal error", grading=leased.grading)
            with suppress(StoreUnavailable), self.store.write() as tx:  # if this fails, the lease expires
                state = leases.fail(tx, leased, f"{type(bug).__name__}: {bug}")
        if state is not None:
            self._publish(leased, state, cost)
        seconds = round(time.monotonic() - started, 3)
        event = "graded" if state is State.GRADED else "not graded"
        log.info(event, grading=leased.grading, submission=leased.submission, state=state or "lost", seconds=seconds)

    def _job(self, tx: Tx, leased: Leased) -> Job | Report:
        """Return the job to send to the grading process. If equal files were graded before, return the stored
        report instead (see `gradings.equal_report`)."""
        seed = Seed(self._secret_for(leased))
        key = self.keys[leased.assignment]
        stored_report = gradings.equal_report(tx, leased.submission, key, seed.label, leased.scope, leased.regrade)
        if stored_report is not None:
            return as_json.loads(stored_report)
        scope = Scope(code_only=True) if leased.kind is Kind.PRECHECK else Scope(**leased.scope)
        files = tuple(submissions.contents(tx, leased.submission))
        return Job(leased.grading, leased.assignment, files, scope, seed.secret)

    def _secret_for(self, leased: Leased) -> bytes | None:
        """Return the secret for the problems of a grading; None for the public seed. Each regrade draws other problems,
        so that it shows results that depend on chance."""
        if leased.kind is Kind.PRECHECK:
            return None
        if leased.regrade is None:
            return self.secret
        return hmac.digest(self.secret, leased.regrade.encode(), "sha256")

    def _store_outcome(self, leased: Leased, outcome: Report | Failed) -> State | None:
        """Store a report or a failure. Return the new state of the grading, or None if the lease was lost."""
        if isinstance(outcome, Failed):
            log.error("internal error", grading=leased.grading, submission=leased.submission, why=outcome.why)
            if self._beat(leased) and not self.health.starts_now():
                return self._release(leased, started=True)
            return self._retrying(leased, self.store.write, lambda tx: leases.fail(tx, leased, outcome.why))
        key = self.keys[leased.assignment]
        if self._retrying(leased, self.store.write, lambda tx: leases.finish(tx, leased, outcome, key)):
            return State.GRADED
        return None

    def _release(self, leased: Leased, *, started: bool) -> State | None:
        """Queue the grading again because of this machine. Return its new state, or None if the lease was lost."""
        released = self._retrying(leased, self.store.write, lambda tx: leases.release(tx, leased, started=started))
        return State.QUEUED if released else None

    def _beat(self, leased: Leased) -> bool:
        """Renew the lease. Return False if the lease is lost."""
        try:
            with self.store.write() as tx:
                return leases.renew(tx, leased)
        except StoreUnavailable as gone:  # the database may return before the lease expires
            log.warning("no heartbeat", grading=leased.grading, why=str(gone))
            return True

    def _retrying(
        self, leased: Leased, transaction: Callable[[], AbstractContextManager[Tx]], act: Callable[[Tx], T]
    ) -> T | None:
        """Call `act` in a transaction and return its result. Retry while the database is unavailable. Give up and
        return None at the grading's deadline or at a shutdown."""
        while True:
            try:
                with transaction() as tx:
                    return act(tx)
            except StoreUnavailable as gone:
                log.warning("the database cannot be used", grading=leased.grading, why=str(gone))
                if self.shutdown.is_due or now() > leased.deadline:
                    return None
                time.sleep(RETRY_SECONDS)

    def _publish(self, leased: Leased, state: State, cost: GradingCost | None = None) -> None:
        """Publish the event that a grading has a new state."""
        self.events.publish(Event(leased.grading, "state", state, done=state.is_final, cost=cost))


def _cost_of(leased: Leased, report: Report, started_at: dt.datetime) -> GradingCost:
    """Return the time that a grading took, which ends now."""
    return GradingCost(
        leased.assignment,
        leased.kind,
        waited_seconds=max(0.0, (started_at - leased.queued_at).total_seconds()),
        seconds=(now() - started_at).total_seconds(),
        section_seconds={section: usage.wall_seconds for section, usage in report.usage.items()},
        deaths=deaths(report),
    )


def deaths(report: Report) -> tuple[str, ...]:
    """Return the reasons for which processes of a student's code ended. A reason is listed once for each section of
    checks in which it occurred.

    The reasons are "died" (the process ended by itself) and the limits "cpu" (CPU time), "wall" (elapsed time) and
    "reply" (size of the return value).
    """
    ended = set()
    for check in report.checks:
        call = check.failed_call
        if call is None:
            continue
        section = check.id.rpartition(".")[0]
        if call.limit is not None:
            ended.add((section, str(call.limit)))
        if call.error.startswith(PROCESS_ENDED):
            ended.add((section, "died"))
    return tuple(reason for _, reason in sorted(ended))
