"""Workers of one machine: real grading processes, real databases, and what happens when one of them goes away."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pytest

from grader.assignments import catalogue
from grader.engine.grade import Scope
from grader.intake.receive import receive
from grader.model import Points, Report
from grader.settings import Settings
from grader.store import gradings, leases, offerings, people, queue, regrades, submissions, workers
from grader.store.database import Store
from grader.store.queue import StoreQueue
from grader.store.records import Course, Grading, Kind, Offering, Priority, State, Which, Worker
from grader.store.submissions import NewSubmission
from grader.workers.compatibility import compatibility_keys
from grader.workers.events import Event, Hub
from grader.workers.grading_process import Failed, GradingProcess, Job, Plan
from grader.workers.local import LocalWorkers
from grader.workers.postgres import PostgresWorkers
from tests.conftest import TOY_SOLUTION, write_toy
from tests.running import WAIT_SECONDS

pytestmark = pytest.mark.long

SECRET = b"secret"
T = TypeVar("T")


def sleeping(seconds: float) -> str:
    """Right, and uses no CPU time while the grading process waits for each of its calls."""
    return "import time\n" + TOY_SOLUTION.replace("return a + b", f"time.sleep({seconds}); return a + b")


LONG = sleeping(60)
"""Is being graded until the calls' wall-clock limits, half a minute later: no test misses that state."""


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    folder = write_toy(tmp_path / "assignments")
    return Plan(folder.parent, Settings().runtime, "bubblewrap")


@pytest.fixture
def process(plan: Plan) -> Iterator[GradingProcess]:
    started = GradingProcess(plan)
    yield started
    started.end()


def job(source: str, *, assignment: str = "toy", secret: bytes | None = SECRET) -> Job:
    return Job("g1", assignment, (("mlp.py", source.encode()),), Scope(), secret)


def last(process: GradingProcess, job: Job) -> Report | Failed:
    deadline = time.monotonic() + WAIT_SECONDS
    messages = []
    for message in process.grade(job, 0.1):
        assert time.monotonic() < deadline
        messages.append(message)
    (end,) = [message for message in messages if isinstance(message, Report | Failed)]
    return end


# ── grading processes ────────────────────────────────────────────────────────────────────────────────


def test_a_grading_process_tells_of_each_section_and_then_reports(process: GradingProcess) -> None:
    said = [said for said in process.grade(job(TOY_SOLUTION), 60.0)]
    events = [(e.name, e.done, [c.id for c in e.checks]) for e in said if isinstance(e, Event)]
    assert events == [
        ("q1.1", False, []),
        ("q1.1", True, ["q1.1.small", "q1.1.large"]),
        ("q1.2", False, []),
        ("q1.2", True, ["q1.2.negative"]),
    ]
    assert isinstance(said[-1], Report)
    assert said[-1].points == Points(4)
    assert said[-1].seed == "secret"


@pytest.mark.parametrize("comment", ["", "# with matplotlib\n"])
def test_a_file_that_does_not_mention_matplotlib_is_run_without_it(process: GradingProcess, comment: str) -> None:
    """Its sessions, of a smaller template, start in two thirds of the time."""
    is_loaded = "('mat' + 'plotlib' in sys.modules)"  # not a mention
    solution = TOY_SOLUTION.replace("return a + b", f"return a + b if {is_loaded} == {bool(comment)} else None")
    report = last(process, job(f"import sys\n{comment}{solution}"))
    assert isinstance(report, Report)
    assert report.points == Points(4)


def test_a_process_that_is_killed_fails_one_grading_and_no_more(process: GradingProcess) -> None:
    last(process, job(TOY_SOLUTION))  # it is warm
    grading = process.grade(job(LONG), 0.1)
    next(grading)
    os.kill(process.pid, signal.SIGKILL)
    (failed,) = [said for said in grading if isinstance(said, Report | Failed)]
    assert failed == Failed("the grading process ended with signal 9")
    again = last(process, job(TOY_SOLUTION))
    assert isinstance(again, Report)
    assert again.points == Points(4)


@pytest.mark.parametrize("size", [0, 1 << 20])  # the second one is more than a pipe takes
def test_a_process_that_is_stopped_fails_one_grading_and_is_replaced(plan: Plan, size: int) -> None:
    process = GradingProcess(replace(plan, most_still_readings=6))
    last(process, job(TOY_SOLUTION))  # it is warm
    stopped = process.pid
    os.kill(stopped, signal.SIGSTOP)
    try:
        assert last(process, job(f"{TOY_SOLUTION}#{'x' * size}")) == Failed("the grading process was stopped")
        again = last(process, job(TOY_SOLUTION))
        assert isinstance(again, Report)
        assert (again.points, process.pid == stopped) == (Points(4), False)
    finally:
        process.end()


def test_a_process_that_waits_for_a_sandbox_that_sleeps_does_not_count_as_stopped(plan: Plan) -> None:
    process = GradingProcess(replace(plan, most_still_readings=2))
    report = last(process, job(sleeping(1.5)))
    assert isinstance(report, Report), report
    assert report.points == Points(4)
    process.end()


def test_a_process_ends_with_the_service_even_while_it_grades(plan: Plan) -> None:
    """As a service that is killed leaves it: nobody waits for the answer."""
    child = os.fork()
    if child == 0:
        process = GradingProcess(plan)
        grading = process.grade(job(LONG), 0.1)
        next(grading)
        Path(plan.assignments, "pid").write_text(str(process.pid))
        time.sleep(WAIT_SECONDS)
    pid = _until(lambda: _pid(plan.assignments / "pid"))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    assert _until(lambda: not Path(f"/proc/{pid}").exists())


def _pid(file: Path) -> int:
    return int(file.read_text() or 0) if file.exists() else 0


def _until(found: Callable[[], T]) -> T:
    deadline = time.monotonic() + WAIT_SECONDS
    while not (value := found()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return value


# ── workers ──────────────────────────────────────────────────────────────────────────────────────────


class Bench:
    """A service without doors."""

    def __init__(self, store: Store, plan: Plan) -> None:
        self.store = store
        self.hub = Hub()
        keys = compatibility_keys([catalogue.find("toy", plan.assignments)], plan.runtime, SECRET)
        crew = LocalWorkers if store.is_sqlite else PostgresWorkers
        self.crew: LocalWorkers | PostgresWorkers = crew(store, self.hub, plan, SECRET, (None,), keys)
        self.queue: StoreQueue = self.crew if isinstance(self.crew, LocalWorkers) else StoreQueue(keys)
        with store.write() as tx:
            people.add_course(tx, Course("ml", ""))
            offerings.put_offering(tx, Offering("ml", "toy"))
            self.ann = people.put_person(tx, "ann", "Ann").id

    def hand_in(self, source: str, kind: Kind = Kind.SUBMISSION) -> str:
        priority = Priority.PRECHECK if kind is Kind.PRECHECK else Priority.INTERACTIVE
        content = source.encode()
        digest = receive("mlp.py", content, "mlp.py").digest
        new = NewSubmission("ml", "toy", kind, "api", digest, self.ann, (self.ann,), (("mlp.py", content),))
        with self.store.write() as tx:
            submission = submissions.add(tx, new)
            grading = self.queue.enqueue(tx, submission, "toy", self.ann, priority)
        self.queue.wake()
        return grading

    def look(self, grading: str) -> Grading:
        with self.store.read() as tx:
            found = gradings.get(tx, grading)
        assert found is not None
        return found

    def wait(self, grading: str, *states: State) -> Grading:
        return _until(lambda: found if (found := self.look(grading)).state in states else None)


@pytest.fixture
def bench(plan: Plan, store: Store) -> Iterator[Bench]:
    """With SQLite the workers that a service has in itself, with PostgreSQL those of one of many machines."""
    bench = Bench(store, plan)
    bench.crew.start()
    yield bench
    bench.crew.stop(0)


def test_what_is_submitted_is_graded_and_kept(bench: Bench) -> None:
    graded = bench.wait(bench.hand_in(TOY_SOLUTION), State.GRADED)
    assert (graded.points, graded.counts, graded.seed[:6]) == (Points(4), True, "secret")
    cost = _until(lambda: bench.hub.past_events(graded.id)[-1].cost)
    assert (cost.assignment, list(cost.section_seconds), cost.deaths) == ("toy", ["q1.1", "q1.2"], ())


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)  # no word of it is about where gradings come from
def test_a_regrade_draws_other_problems(bench: Bench) -> None:
    """A reason names the numbers that were drawn."""
    first = bench.wait(bench.hand_in(TOY_SOLUTION.replace("return a + b", "return a - b")), State.GRADED)
    with bench.store.write() as tx:
        regrades.start(tx, "ml", "toy", Which.ONE, bench.ann, [first.submission])
    regrades.enqueue_pending(bench.store, bench.queue)
    with bench.store.read() as tx:
        again, _ = gradings.of_submission(tx, first.submission)
    bench.wait(again.id, State.GRADED)
    with bench.store.read() as tx:
        results = gradings.results_of(tx, [first.id, again.id])
    reasons = [results[id][0].reason for id in (first.id, again.id)]
    assert all(reasons)
    assert reasons[0] != reasons[1]


def test_a_precheck_does_not_wait_behind_gradings_and_has_the_public_seed(bench: Bench) -> None:
    slow = bench.hand_in(LONG)
    bench.wait(slow, State.RUNNING)
    quick = bench.wait(bench.hand_in(TOY_SOLUTION, Kind.PRECHECK), State.GRADED)
    assert quick.seed == "public"
    assert bench.look(slow).state is State.RUNNING


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)  # no word of it is about where gradings come from
def test_prechecks_that_sleep_do_not_stop_submissions(bench: Bench) -> None:
    sleepers = [bench.hand_in(f"{LONG}# {number}\n", Kind.PRECHECK) for number in range(3)]
    bench.wait(sleepers[0], State.RUNNING)
    bench.wait(bench.hand_in(TOY_SOLUTION), State.GRADED)
    assert {bench.look(sleeper).state for sleeper in sleepers} <= {State.RUNNING, State.QUEUED}


def test_a_grading_that_kills_its_process_is_shown_to_staff_and_others_are_graded(bench: Bench) -> None:
    killing, honest = bench.hand_in(LONG), bench.hand_in(TOY_SOLUTION)
    process = bench.crew._runners[0].process

    def killed(failures: int) -> bool:
        """Kill the process while it grades. A kill before the job has reached it is no failure: it only restarts."""
        grading, pid = bench.look(killing), process.pid
        if _runs_again(grading, failures) and process.alive and pid:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return grading.failures > failures

    for failures in range(leases.MOST_FAILURES):
        _until(lambda n=failures: killed(n))
    assert bench.wait(killing, State.BROKEN).why == "the grading process ended with signal 9"
    assert bench.wait(honest, State.GRADED).points == Points(4)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)  # no word of it is about where gradings come from
def test_a_grading_whose_process_is_stopped_waits_again_with_a_failure_counted(store: Store, plan: Plan) -> None:
    bench = Bench(store, replace(plan, most_still_readings=10))
    bench.crew.start()
    stopped = bench.hand_in(LONG)
    bench.wait(stopped, State.RUNNING)
    os.kill(bench.crew._runners[0].process.pid, signal.SIGSTOP)
    _until(lambda: bench.look(stopped).failures == 1)
    assert bench.wait(stopped, State.RUNNING).why == "the grading process was stopped"
    bench.crew.stop(0)


def _runs_again(grading: Grading, failures: int) -> bool:
    return grading.state is State.RUNNING and grading.failures == failures


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_what_was_submitted_is_soon_in_the_databases_file_without_its_log(bench: Bench) -> None:
    grading = bench.hand_in(LONG)
    file = Path(str(bench.store.url.database))

    def is_in_the_file() -> bool:
        with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
            return (grading,) in connection.execute("SELECT id FROM gradings").fetchall()

    assert _until(is_in_the_file)


def test_a_running_grading_that_is_cancelled_stops(bench: Bench) -> None:
    running, next_one = bench.hand_in(LONG), bench.hand_in(TOY_SOLUTION)
    bench.wait(running, State.RUNNING)
    with bench.store.write() as tx:
        assert queue.cancel(tx, running)
    assert bench.wait(next_one, State.GRADED)
    assert bench.look(running).state is State.CANCELLED


def test_work_that_outlasts_the_grace_is_handed_back(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    running = bench.hand_in(LONG)
    bench.wait(running, State.RUNNING)
    bench.crew.stop(0)
    assert bench.look(running).state is State.QUEUED
    assert bench.look(running).failures == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "state=queued" in line]
    assert "not graded" in line


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)  # no word of it is about where gradings come from
def test_the_same_files_are_graded_once(bench: Bench) -> None:
    first = bench.wait(bench.hand_in(TOY_SOLUTION), State.GRADED)
    second = bench.wait(bench.hand_in(TOY_SOLUTION), State.GRADED)
    with bench.store.read() as tx:
        reports = [gradings.report(tx, g.id) for g in (first, second)]
    assert reports[0] == reports[1]  # to what each check cost


def test_jobs_wait_while_the_sandbox_of_the_machine_is_broken(
    plan: Plan, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sandbox breaks while the machine works: no template process can start, and none has failed a submission."""
    broken = tmp_path / "broken"
    bwrap = tmp_path / "bin" / "bwrap"
    bwrap.parent.mkdir()
    bwrap.write_text(f'#!/bin/sh\n[ -e {broken} ] && exit 1\nexec {shutil.which("bwrap")} "$@"\n')
    bwrap.chmod(0o755)
    monkeypatch.setenv("PATH", f"{bwrap.parent}:{os.environ['PATH']}")
    bench = Bench(store, plan)
    bench.crew.start()
    try:
        bench.wait(bench.hand_in(TOY_SOLUTION), State.GRADED)
        broken.touch()
        for runner in bench.crew._runners:
            os.kill(runner.process.pid, signal.SIGKILL)
        waiting = [bench.hand_in(f"{TOY_SOLUTION}# {number}") for number in range(6)]
        _until(lambda: bench.crew.trouble() or bench.look(waiting[-1]).state is State.BROKEN)
        _until(lambda: State.RUNNING not in [bench.look(grading).state for grading in waiting])
        assert {(bench.look(grading).state, bench.look(grading).failures) for grading in waiting} == {(State.QUEUED, 0)}
        _until(lambda: not _live_workers(store))
        broken.unlink()
        for grading in waiting:
            assert bench.wait(grading, State.GRADED).failures == 0
        assert bench.crew.trouble() == ""
    finally:
        bench.crew.stop(0)


def _live_workers(store: Store) -> list[Worker]:
    with store.read() as tx:
        return workers.live(tx)
