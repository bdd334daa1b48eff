"""The story of one lease: grade what it is for, keep it alive meanwhile, keep the report."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from typing import TypeVar

import structlog

from grader.assignments.seeds import Seed
from grader.engine.grade import Scope
from grader.errors import StoreUnavailable
from grader.model import Report
from grader.render import as_json
from grader.store import gradings, submissions
from grader.store.database import Store, Tx, now
from grader.store.records import Kind, Leased, State
from grader.workers.events import Event, Events
from grader.workers.grading_process import Failed, GradingProcess, Job

BEATS_IN_A_LEASE = 6
TRY_AGAIN_SECONDS = 1.0

T = TypeVar("T")
log = structlog.get_logger()


@dataclass
class Ending:
    """Set by who wants the workers to end: from `at` on (time.monotonic) running work is handed back."""

    at: float | None = None

    @property
    def asked(self) -> bool:
        return self.at is not None

    @property
    def now(self) -> bool:
        return self.at is not None and time.monotonic() >= self.at


@dataclass(frozen=True)
class JobRunner:
    """A grading process, and what it takes to use it for leases."""

    store: Store
    events: Events
    process: GradingProcess
    secret: bytes
    compatibility_key: Callable[[str], str]
    """Assignment → compatibility_key."""
    ending: Ending

    def run(self, leased: Leased) -> None:
        """Ends with the grading finished, failed, handed back, or left to whoever has the lease by then."""
        try:
            self._perform(leased)
        except Exception as bug:  # a worker that a bug ends would be missed by everybody who waits
            log.exception("internal error", grading=leased.grading)
            why = f"{type(bug).__name__}: {bug}"
            with suppress(StoreUnavailable), self.store.write() as tx:  # else its lease runs out
                gradings.fail(tx, leased, why)

    def _perform(self, leased: Leased) -> None:
        self._tell(leased, State.RUNNING)
        started = time.monotonic()
        state = self._performed(leased)
        if state is not None:
            self._tell(leased, state)
        seconds = round(time.monotonic() - started, 3)
        log.info("graded", grading=leased.grading, submission=leased.submission, state=state or "lost", seconds=seconds)

    def _performed(self, leased: Leased) -> State | None:
        """Grade, and return the new state; None if the lease was lost."""
        if (known := self._known(leased)) is not None:
            return self._finished(leased, known)
        outcome = self._graded(leased)
        match outcome:
            case Report():
                return self._finished(leased, outcome)
            case Failed(why):
                log.error("our failure", grading=leased.grading, submission=leased.submission, why=why)
                return self._kept(leased, lambda tx: gradings.fail(tx, leased, why))
            case None:
                return None
            case State():
                return outcome

    def _known(self, leased: Leased) -> Report | None:
        """The same files have been graded before by the same rules: nothing would come out differently."""
        key, seed = self.compatibility_key(leased.assignment), self._seed(leased)
        known = self._patiently(
            leased,
            self.store.read,
            lambda tx: gradings.same_before(tx, leased.submission, key, seed, leased.scope),
        )
        return as_json.loads(known) if known is not None else None

    def _graded(self, leased: Leased) -> Report | Failed | State | None:
        beaten, beat_seconds = time.monotonic(), leased.lasts.total_seconds() / BEATS_IN_A_LEASE
        job = self._job(leased)
        if job is None:
            return None
        for said in self.process.grade(job, min(TRY_AGAIN_SECONDS, beat_seconds)):
            match said:
                case Report() | Failed():
                    return said
                case Event():
                    self.events.publish(said)
                case None:
                    pass
            if self.ending.now:
                self.process.end()
                handed_back = self._kept(leased, lambda tx: gradings.hand_back(tx, leased))
                return State.QUEUED if handed_back else None
            if time.monotonic() - beaten >= beat_seconds:
                beaten = time.monotonic()
                if not self._beat(leased):
                    self.process.restart()
                    return None
        raise AssertionError("a grading process says in the end what came out")

    def _beat(self, leased: Leased) -> bool:
        try:
            with self.store.write() as tx:
                return gradings.beat(tx, leased)
        except StoreUnavailable as gone:  # it may be back before the lease has run out
            log.warning("no heartbeat", grading=leased.grading, why=str(gone))
            return True

    def _finished(self, leased: Leased, report: Report) -> State | None:
        key = self.compatibility_key(leased.assignment)
        return State.GRADED if self._kept(leased, lambda tx: gradings.finish(tx, leased, report, key)) else None

    def _kept(self, leased: Leased, write: Callable[[Tx], T]) -> T | None:
        return self._patiently(leased, self.store.write, write)

    def _patiently(
        self, leased: Leased, transaction: Callable[[], AbstractContextManager[Tx]], act: Callable[[Tx], T]
    ) -> T | None:
        """As soon as the database can be used: what has been worked out is not thrown away, and a database that is
        gone is no failure of this grading. None where that takes longer than the grading may."""
        while True:
            try:
                with transaction() as tx:
                    return act(tx)
            except StoreUnavailable as gone:
                log.warning("the database cannot be used", grading=leased.grading, why=str(gone))
                if self.ending.now or now() > leased.deadline:
                    return None
                time.sleep(TRY_AGAIN_SECONDS)

    def _job(self, leased: Leased) -> Job | None:
        precheck = leased.kind is Kind.PRECHECK
        files = self._patiently(leased, self.store.read, lambda tx: submissions.contents(tx, leased.submission))
        if files is None:
            return None
        secret = None if precheck else self.secret
        scope = Scope(code_only=True) if precheck else Scope(**leased.scope)
        return Job(leased.grading, leased.assignment, tuple(files), scope, secret)

    def _seed(self, leased: Leased) -> str:
        return Seed(None if leased.kind is Kind.PRECHECK else self.secret).label

    def _tell(self, leased: Leased, state: State) -> None:
        self.events.publish(Event(leased.grading, "state", state, done=state.is_final))
