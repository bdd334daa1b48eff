"""Processes that grade one submission after another. Each process keeps a sandbox ready.

Grading uses a whole core. Because it runs in a separate process, it does not slow down the service, and a crash affects
only one grading.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field
from functools import cache
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import NoReturn

from grader.assignments import catalogue
from grader.assignments.catalogue import Assignment
from grader.assignments.seeds import Seed
from grader.engine.grade import Progress, Scope, grade
from grader.errors import GraderError
from grader.intake.receive import receive_all, with_known_names
from grader.model import CheckResult, Report
from grader.render.text import one_line
from grader.sandbox.choose import another
from grader.sandbox.contract import Sandbox, cpu_clock
from grader.sandbox.launch import COMMON_IMPORTS, imports_of
from grader.workers.events import CheckEvent, Event
from grader.workers.periodic import Periodic

TICK_SECONDS = 1.0
"""Interval at which the CPU time of a training run is reported."""
CLOCK_SECONDS = 0.5
"""Interval at which the CPU clock of a grading process is read."""
WAKE_SECONDS = CLOCK_SECONDS / 5
"""Interval at which a grading process uses a little CPU time, even while it waits. Its CPU clock therefore stands still
only while the process is stopped (SIGSTOP)."""
NICENESS = 5
"""Niceness of grading processes, that is, their reduced CPU priority. It keeps the service responsive."""
_spawn = multiprocessing.get_context("spawn")  # fork would copy locks that threads of the service hold


@dataclass(frozen=True)
class Plan:
    """The settings of grading processes."""

    assignments: Path | None
    """The folder that contains the assignments; None for the default folder."""
    runtime: Path
    """The Python environment for students' code."""
    sandbox: str
    folders: Mapping[str, Path] = field(default_factory=dict)
    """Folders of assignments that are outside the folder `assignments`, by assignment id."""
    core: int | None = None
    """Number of the core on which the process and its sandboxes run; None for any core."""
    most_still_readings: int = 60
    """A process counts as stopped if this many readings of its CPU clock in a row show no progress."""


@dataclass(frozen=True)
class Job:
    """A submission to grade."""

    grading: str
    """Id of the grading."""
    assignment: str
    files: tuple[tuple[str, bytes], ...]
    scope: Scope
    secret: bytes | None
    """The secret from which the seeds of random test problems are derived; None for the public seed."""


@dataclass(frozen=True)
class Failed:
    """A grading that failed through a fault of the grader, not of the student's code."""

    why: str


WorkerMessage = Event | Report | Failed


class GradingProcess:
    """Passes jobs to a grading process, and starts the process if it is not running. Not thread-safe."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._sending: threading.Thread | None = None
        self._started: tuple[SpawnProcess, Connection] | None = None
        """The process and the connection to it."""

    @property
    def pid(self) -> int:
        """The process id; 0 before the process is started."""
        return self._started[0].pid or 0 if self._started else 0

    @property
    def alive(self) -> bool:
        return self._started is not None and self._started[0].is_alive()

    def grade(self, job: Job, poll_seconds: float) -> Iterator[WorkerMessage | None]:
        """Grade a submission. Yield events, and finally a `Report` or `Failed`.

        If the process is dead, restart it first. If it is stopped (SIGSTOP) during the grading, restart it and yield
        `Failed`.

        Args:
            poll_seconds: Yield None each time that this many seconds pass without a message.
        """
        process, channel = self.start()
        try:
            self._sending = threading.Thread(target=_send, args=(channel, job), daemon=True)
            self._sending.start()  # in a thread, since sending blocks if the process is stopped
            clock = _Clock(self.pid)
            while True:
                if not channel.poll(poll_seconds):
                    if clock.still_readings() >= self._plan.most_still_readings:
                        self.restart()
                        yield Failed("the grading process was stopped")
                        return
                    yield None
                    continue
                message: WorkerMessage = channel.recv()
                yield message
                if not isinstance(message, Event):
                    return
        except (EOFError, OSError):
            process.join()
            yield Failed(f"the grading process ended with {_exit_phrase(process.exitcode)}")

    def start(self) -> tuple[SpawnProcess, Connection]:
        """Start the process if it is not running. Return the process and the connection to it."""
        if self._started is None or not self.alive:
            self.end()
            channel, end_of_process = _spawn.Pipe()
            process = _spawn.Process(target=_main, args=(end_of_process, self._plan), daemon=True, name="grading")
            process.start()
            end_of_process.close()
            self._started = process, channel
        return self._started

    def restart(self) -> None:
        """Kill the process and start another one."""
        self.end()
        self.start()

    def end(self) -> None:
        """Kill the process. Its sandboxes end with it."""
        if self._started is None:
            return
        process, channel = self._started
        process.kill()
        process.join()
        if self._sending is not None:
            self._sending.join()
        channel.close()
        self._started = None


def _send(channel: Connection, job: Job) -> None:
    """Send a job to the grading process."""
    with suppress(OSError):  # the process has ended, which the reader of the channel handles
        channel.send(job)


class _Clock:
    """The CPU clock of a process, not counting child processes. The clock stands still while the process is stopped."""

    def __init__(self, pid: int) -> None:
        self._clock = cpu_clock(pid)
        self._last_reading: float | None = None
        self._still = 0
        self._next = 0.0

    def still_readings(self) -> int:
        """Read the clock if the last reading is `CLOCK_SECONDS` old. Return the number of readings since the clock last
        advanced."""
        moment = time.monotonic()
        if moment >= self._next:
            self._next = moment + CLOCK_SECONDS
            reading = -1.0  # if the process has ended
            with suppress(OSError):
                reading = self._clock()
            self._still = self._still + 1 if reading == self._last_reading else 0
            self._last_reading = reading
        return self._still


def _exit_phrase(code: int | None) -> str:
    """Return "signal 9" or "exit code 1" for the exit code of a process."""
    return f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"


# ── inside the process ───────────────────────────────────────────────────────────────────────────────


def _main(channel: Connection, plan: Plan) -> None:
    """Run a grading process: grade the jobs that arrive on the channel, until the channel is closed."""
    os.setsid()  # Ctrl-C in the terminal must reach only the service
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    _lower_priority()
    if plan.core is not None:
        os.sched_setaffinity(0, {plan.core})
    threading.Thread(target=_end_with_parent, daemon=True).start()
    threading.Thread(target=_look_alive_while_waiting, daemon=True).start()
    sending = threading.Lock()

    def send(message: WorkerMessage) -> None:
        with sending:
            channel.send(message)

    @cache
    def assignment_of(id: str) -> Assignment:
        return catalogue.find(str(plan.folders.get(id, id)), plan.assignments)

    with suppress(EOFError, OSError), ExitStack() as sandboxes:

        @cache
        def sandbox_of(runtime: Path, imports: Sequence[str]) -> Sandbox:
            return sandboxes.enter_context(closing(another(plan.sandbox, runtime, imports)))

        with suppress(GraderError):  # the first job tries again and reports the failure
            sandbox_of(plan.runtime, COMMON_IMPORTS)
        while True:
            job: Job = channel.recv()
            try:
                task = assignment_of(job.assignment)
                submission = receive_all(job.files, task.files[0])
                with _ProgressEvents(job.grading, task, submission.names, send) as progress:
                    imports = imports_of(submission.files, submission.notebooks)
                    # sessions start in two thirds of the time if the template process has imported fewer modules
                    sandbox = sandbox_of(task.runtime(plan.runtime), COMMON_IMPORTS if imports else ())
                    outcome: Report | Failed = grade(submission, task, sandbox, Seed(job.secret), job.scope, progress)
            except Exception as bug:  # noqa: BLE001  an internal error fails this grading, and is reported to staff
                outcome = Failed(f"{type(bug).__name__}: {bug}")
            send(outcome)


def _lower_priority() -> None:
    """Lower the CPU priority of this process and of the sandboxes that it starts."""
    os.nice(NICENESS)
    with suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(NICENESS))


def _end_with_parent() -> None:
    """Wait until the parent process ends, then exit at once. Run this in a thread."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _look_alive_while_waiting() -> NoReturn:
    """Use a little CPU time every `WAKE_SECONDS`, so that this process does not look stopped while it waits for a
    sandbox."""
    while True:
        time.sleep(WAKE_SECONDS)


class _ProgressEvents:
    """Sends an `Event` when a section starts or finishes. Also sends the CPU time of training runs every second."""

    def __init__(self, grading: str, task: Assignment, names: Mapping[str, str], send: Callable[[Event], None]) -> None:
        """Create the sender for one grading.

        Args:
            names: Internal file name → the student's file name, for renamed files.
            send: Function that sends an event.
        """
        self._grading = grading
        self._names = names
        self._limits = {section: long.cpu_seconds for long in task.manifest.long for section in long.sections}
        self._send = send
        self._trainings: dict[str, Callable[[], float | None]] = {}
        self._decided: set[str] = set()
        self._periodic = Periodic(TICK_SECONDS, self._report_cpu_time)

    def __call__(self, progress: Progress) -> None:
        """Send the progress of a section. A training run that starts is only remembered; its CPU time is sent every
        second."""
        section = progress.section
        if progress.long and not progress.done:
            self._trainings[section] = progress.cpu_seconds
            return
        self._trainings.pop(section, None)
        if section in self._decided:  # reported a second time with lines of code, which events do not contain
            return
        if progress.done:
            self._decided.add(section)
        checks = tuple(self._check_event(check) for check in progress.checks)
        self._send(Event(self._grading, "section", section, progress.done, checks))

    def _check_event(self, check: CheckResult) -> CheckEvent:
        """Return the result of a check as a part of an event."""
        reason = ""
        if check.status.loses_points:
            where = f"{check.place}: " if check.place else ""
            reason = with_known_names(where + one_line(check.cause or check.reason), self._names)
        return CheckEvent(check.id, check.status, float(check.points), float(check.possible), reason)

    def _report_cpu_time(self) -> None:
        """Send the CPU time of each training run so far."""
        for section, cpu_seconds in list(self._trainings.items()):
            used = cpu_seconds()
            self._send(Event(self._grading, "training", section, cpu_seconds=used, limit=self._limits.get(section)))

    def __enter__(self) -> _ProgressEvents:
        self._periodic.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._periodic.stop()
