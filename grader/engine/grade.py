"""grade(): one submission, one assignment, one sandbox → one report."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np

from grader.assignments.catalogue import Assignment
from grader.assignments.manifest import Manifest
from grader.assignments.seeds import Seed
from grader.engine.report import Outcome, assemble
from grader.errors import BadCall, BrokenCheck, GraderError
from grader.kit.claim import Check, Claim, Draw
from grader.kit.diagnosis import Judged, Ledger
from grader.kit.lines import FoundLine, Lines
from grader.kit.student import Student
from grader.model import Limits, Opinion, Report, Submission, Usage
from grader.notebook import answers
from grader.sandbox import environment
from grader.sandbox.budget import Budget
from grader.sandbox.contract import Array, Sandbox, Session, cpu_clock
from grader.written.opinions import opinions


@dataclass(frozen=True)
class Scope:
    """What to grade; only "full" is the grade."""

    only: str = ""
    """A part, section or check ("q2.2", "q2.2.W1"), or "handout" for the handout's own four checks."""
    quick: bool = False
    """Train on less."""
    code_only: bool = False
    """Leave the long checks out; they are reported as waiting."""

    def label(self, manifest: Manifest) -> str:
        """Return what a report says about the scope: "full", or what makes it less, separated by commas."""
        words = [f"only {self.only}" if self.only else "", "quick" if self.quick else ""]
        words += [f"without {long.name}" for long in manifest.long if self.code_only]
        return ", ".join(w for w in words if w) or "full"


def _nothing_yet() -> Report:
    raise LookupError("nothing is decided yet")


@dataclass(frozen=True)
class Progress:
    """One thing that has happened; sent to whoever watches."""

    section: str
    done: bool
    long: bool
    outcome: Outcome | None = None
    so_far: Callable[[], Report] = _nothing_yet
    """The report on what is decided by now."""
    cpu_seconds: Callable[[], float | None] = lambda: None
    """What a long check has used by now; None where that cannot be seen."""


Watcher = Callable[[Progress], None]


def grade(
    submission: Submission,
    assignment: Assignment,
    sandbox: Sandbox,
    seed: Seed,
    scope: Scope = Scope(),
    watch: Watcher = lambda _progress: None,
) -> Report:
    """Runs every check in the sandbox and forms the verdict here. Raises only for failures of our own."""
    run = _Run(submission, assignment, sandbox, seed, scope, watch)
    quick, long = run.sections()
    if assignment.missing(submission):
        return run.report({})
    with ThreadPoolExecutor(max_workers=3, thread_name_prefix="grade") as pool:  # two trainings, and the end
        trainings = {section: pool.submit(run.ask_alone, checks) for section, checks in long.items()}
        try:
            outcomes = run.code_sections(quick)
            outcomes = run.long_sections(trainings, outcomes)
        finally:
            ending = pool.submit(run.stop)
        report = run.report(outcomes)  # while the sessions end
        ending.result()
    return report


def grade_code(
    submission: Submission, assignment: Assignment, sandbox: Sandbox, seeds: Iterable[Seed]
) -> Iterator[Report]:
    """The code checks alone, once for every seed, all in one session: what a certification of a thousand seeds
    can afford."""
    student: Student | None = None
    try:
        for seed in seeds:
            run = _Run(submission, assignment, sandbox, seed, Scope(code_only=True), lambda _progress: None, student)
            student = run.student
            yield run.report(run.code_sections(run.sections()[0]))
    finally:
        if student is not None:
            student.close()


def claims_of_code(submission: Submission, assignment: Assignment, sandbox: Sandbox, seed: Seed) -> Iterator[Claim]:
    """What the code checks claim about a submission, before anything is judged."""
    run = _Run(submission, assignment, sandbox, seed, Scope(code_only=True), lambda _progress: None)
    try:
        for checks in run.sections()[0].values():
            yield from run.ask(run.student, checks)
    finally:
        run.stop()


Sections = Mapping[str, Sequence[Check]]


class _Clocked:
    """A sandbox that can be asked what its newest session has used, while that is still computing."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._clock: Callable[[], float] | None = None
        self._last: float | None = None
        self.name = sandbox.name

    def session(self, limits: Limits, shared: Mapping[str, Array]) -> Session:
        session = self._sandbox.session(limits, shared)
        self._clock = cpu_clock(session.pid) if session.pid is not None else None
        return session

    def close(self) -> None:
        self._sandbox.close()

    def cpu_seconds(self) -> float | None:
        with contextlib.suppress(OSError):  # it has just ended
            self._last = self._clock() if self._clock else None
        return self._last


class _Run:
    """One grading in progress: its students (sessions), its ledger, its watcher."""

    def __init__(
        self,
        submission: Submission,
        assignment: Assignment,
        sandbox: Sandbox,
        seed: Seed,
        scope: Scope,
        watch: Watcher,
        student: Student | None = None,
    ) -> None:
        self._submission = submission
        self._assignment = assignment
        self._sandbox = sandbox
        self._seed = seed
        self._scope = scope
        self._watch = watch
        self._public = seed.secret is None
        truths = assignment.remembered.truth if self._public else assignment.truths
        self._ledger: Ledger = assignment.ledger(truths)
        self._sharing = threading.Lock()
        self._first_truth = truths(assignment.readings[0].id, frozenset())
        self._budget = student.budget if student else Budget(assignment.limits)
        self.student = student or self._new_student(sandbox, shared=False)
        self.student.start_anew()
        self._students = [self.student]
        self._stopped = threading.Event()
        self._lines: dict[str, FoundLine] = {}
        """Check → the line that it is about, where one was found."""

    def sections(self) -> tuple[Sections, Sections]:
        """The code sections and the long ones that this scope needs. Those before a wanted one run too: what
        they find out (a reading, a mistake already charged) counts in it, so that a check alone says what it
        says in a full grading."""
        grouped: dict[str, list[Check]] = {}
        for one in self._assignment.checks:
            grouped.setdefault(one.section, []).append(one)
        if self._scope.only == "handout":
            mine = {s: [c for c in checks if c.handout] for s, checks in grouped.items()}
            return {s: checks for s, checks in mine.items() if checks}, {}
        if self._scope.only and not self._is_in_the_table(grouped):
            known = ", ".join(grouped)
            raise BadCall(f"--only {self._scope.only}: there is no such part or check (there are: handout, {known})")
        code = {s: checks for s, checks in grouped.items() if not checks[0].long}
        long = {s: checks for s, checks in grouped.items() if checks[0].long and self.wants(s)}
        last = max((i for i, s in enumerate(code) if self.wants(s)), default=-1)
        needed = len(code) if long else last + 1
        left_out = self._scope.code_only or self._assignment.recorded
        return dict(list(code.items())[:needed]), {} if left_out else long

    def _is_in_the_table(self, sections: Iterable[str]) -> bool:
        """What is asked for alone: a part, section, check or written question."""
        only = self._scope.only
        ids = {id for part in self._assignment.parts for id in (part.id, *(question.id for question in part.written))}
        ids |= {f"{s}.{name}" for s in sections for name in self._assignment.section_points(s)}
        return any(f"{id}.".startswith(f"{only}.") for id in ids)

    def wants(self, section: str) -> bool:
        """A section, a check or a written question, by id."""
        only = self._scope.only
        if only == "handout":
            return any(c.handout and f"{section}.".startswith(f"{c.section}.") for c in self._assignment.checks)
        return not only or f"{section}.".startswith(f"{only}.") or only.startswith(f"{section}.")

    def code_sections(self, sections: Sections) -> dict[str, Outcome]:
        outcomes: dict[str, Outcome] = {}
        for section, checks in sections.items():
            self._watch(Progress(section, done=False, long=False))
            before = self.student.used
            claims = self.ask(self.student, checks)
            outcome = self._judge(section, checks, claims, _since(before, self.student.used))
            if self.wants(section):
                outcomes[section] = outcome
                self._watch(self._decided(section, outcomes, long=False))
        self._find_lines(outcomes)
        return outcomes

    def _find_lines(self, outcomes: Mapping[str, Outcome]) -> None:
        """Find the lines of checks that have lost points."""
        for section, outcome in outcomes.items():
            for name, judged in outcome.judged.items():
                id, verdict = f"{section}.{name}", judged.verdict
                says_where = verdict.source.startswith("raise ")  # the student's own statement, a gap of the handout's
                if not (judged.open or verdict.holds or says_where or id in self._lines):
                    stated = [line for mistake in judged.mistakes for line in mistake.line]
                    with np.errstate(all="ignore"):  # a student's numbers may overflow where they are compared
                        found = self._finder.find(self._assignment.targets(id), stated)
                    if found:
                        self._lines[id] = found

    @cached_property
    def _finder(self) -> Lines:
        return Lines(self._submission, self.student, self._ledger.truth())

    def long_sections(
        self, asked: Mapping[str, Future[tuple[list[Claim], Usage]]], code: Mapping[str, Outcome]
    ) -> dict[str, Outcome]:
        """All outcomes. Judged only after the code sections, whose findings they need."""
        outcomes = dict(code)
        for section, future in asked.items():
            claims, used = future.result()
            checks = [c for c in self._assignment.checks if c.section == section]
            outcomes[section] = self._judge(section, checks, claims, used)
            self._watch(self._decided(section, outcomes, long=True))
        self._find_lines(outcomes)
        return outcomes

    def _decided(self, section: str, outcomes: Mapping[str, Outcome], *, long: bool) -> Progress:
        return Progress(section, True, long, outcomes[section], partial(self.report, dict(outcomes)))

    def ask_alone(self, checks: Sequence[Check]) -> tuple[list[Claim], Usage]:
        """In a session of its own, with the shared data in it."""
        clocked = _Clocked(self._sandbox)
        self._watch(Progress(checks[0].section, done=False, long=True, cpu_seconds=clocked.cpu_seconds))
        student = self._new_student(clocked, shared=True)
        self._students.append(student)
        try:
            if self._stopped.is_set():  # while its data was being prepared
                student.close()
            return self.ask(student, checks), student.used
        finally:
            student.rest()  # where an accuracy may follow from a charged gradient, it is asked once more

    def stop(self) -> None:
        self._stopped.set()
        for student in list(self._students):
            student.close()

    def report(self, outcomes: Mapping[str, Outcome]) -> Report:
        label = self._scope.label(self._assignment.manifest)
        found = self.student.environment or environment.unknown(self._sandbox.name)
        return assemble(
            self._submission,
            self._assignment,
            outcomes,
            self._seed.label,
            _own_check(label) if self._assignment.recorded else label,
            replace(found, runtime=self._assignment.runtime_name),
            self.student.loaded,
            self.wants,
            self._opinions,
            self._assignment.missing(self._submission),
            self._lines,
        )

    @cached_property
    def _opinions(self) -> Mapping[str, Opinion]:
        """On the written answers; worked out once, for every report on the way."""
        found = answers(self._submission.notebooks, self._assignment.handout, self._assignment.manifest.labels)
        return opinions(self._assignment.known_questions, {question: text for question, (text, _) in found.items()})

    def _new_student(self, sandbox: Sandbox, *, shared: bool) -> Student:
        arrays: Mapping[str, Array] = {}
        if shared:
            with self._sharing:  # both trainings want the same arrays at the same moment
                arrays = self._assignment.shared(self._scope.quick)
        task = self._assignment
        return Student(
            self._submission, sandbox, task.entry_points, task.files, task.limits, arrays, task.modules, self._budget
        )

    def ask(self, student: Student, checks: Sequence[Check]) -> list[Claim]:
        """Everything that the checks of a section claim. Whatever is raised here is ours."""
        claims: list[Claim] = []
        for one in checks:
            student.begin()
            try:
                with np.errstate(all="ignore"):  # a student's numbers may overflow where a check computes with them
                    claims += [replace(c, check=one.name, topics=one.topics) for c in self._claims_of(one, student)]
            except GraderError:
                raise
            except Exception as bug:
                raise BrokenCheck(f"{self._assignment.id}, {one.name} raised {type(bug).__name__}: {bug}") from bug
        return claims

    def _claims_of(self, check: Check, student: Student) -> Iterator[Claim]:
        if check.each is None:
            yield from check.run(student)
            return
        random = self._seed.draw(self._assignment.digest, self._submission.digest, check.name)
        draw = Draw(random, self._scope.quick)
        truth, remembered = self._first_truth, self._public and not check.long
        drawn = self._assignment.remembered.problems(check, draw, truth) if remembered else check.each(draw, truth)
        for problem in drawn:
            student.begin()
            yield from check.run(student, problem)

    def _judge(self, section: str, checks: Sequence[Check], claims: Sequence[Claim], used: Usage) -> Outcome:
        expected, yielded = set(self._assignment.section_points(section)), {c.name for c in claims}
        if expected != yielded and self._scope.only != "handout":
            raise BrokenCheck(
                f"{section} yields {sorted(yielded)} but assignment.toml gives points to {sorted(expected)}: "
                f"{_remedy(sorted(yielded - expected), sorted(expected - yielded))}"
            )
        try:
            if any(c.settles for c in checks):
                self._ledger.settle(claims)
            judged = self._ledger.judge(section, claims)
        except GraderError:
            raise
        except Exception as bug:
            raise BrokenCheck(f"{self._assignment.id}, {section} raised {type(bug).__name__}: {bug}") from bug
        return self._outcome(checks, claims, judged, used)

    def _outcome(
        self, checks: Sequence[Check], claims: Sequence[Claim], judged: Mapping[str, Judged], used: Usage
    ) -> Outcome:
        if any(c.settles for c in checks):
            judged = _remarked(judged, self._ledger.reading.remark)
        truth = self._ledger.truth()
        titles = {one.name: one.title for one in checks}
        published = {c.name for c in claims if c.shows_values}
        return Outcome(
            judged=judged,
            used=used,
            titles={c.name: titles[c.check] for c in reversed(claims)},
            evidence=tuple(c.evidence(truth) for c in claims if c.evidence is not None),
            results=frozenset(c.name for c in claims if c.outcome),
            shows_values=frozenset(published if self._seed.secret is not None else judged),
        )


def _remarked(judged: Mapping[str, Judged], remark: str) -> Mapping[str, Judged]:
    """Add a remark to the first check that holds."""
    first = next((name for name, one in judged.items() if one.verdict.holds), None)
    if first is None or not remark:
        return judged
    verdict = judged[first].verdict
    told = replace(judged[first], verdict=replace(verdict, remarks=(*verdict.remarks, remark)))
    return {**judged, first: told}


def _remedy(without_points: Sequence[str], never_claimed: Sequence[str]) -> str:
    """Return what makes the claims of a section and its points agree."""
    given = [f"give {name} points too, 0 is allowed" for name in without_points]
    return "; ".join(given + [f"claim {name} in checks.py, or take its points out" for name in never_claimed])


def _own_check(label: str) -> str:
    """A student's pack decides less, whatever the scope."""
    return "pre-check" if label == "full" else f"{label}, pre-check"


def _since(before: Usage, now: Usage) -> Usage:
    return Usage(now.cpu_seconds - before.cpu_seconds, now.wall_seconds - before.wall_seconds)
