"""Grade a submission: run it in a sandbox, judge the values that its code returns, and make the report."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import takewhile
from pathlib import Path

import numpy as np

from grader.assignments.catalogue import Assignment
from grader.assignments.seeds import Seed
from grader.derivations.locate import WrittenAnswers, locate
from grader.engine.finding import Finding, SectionResult
from grader.engine.report import assemble
from grader.errors import BadCall, BrokenCheck, GraderError
from grader.kit.claim import Check, Claim, Draw, covers
from grader.kit.diagnosis import Diagnosis, JudgedCheck
from grader.kit.lines import Lines
from grader.kit.student import Student
from grader.model import ZERO, Opinion, Report, ReportScope, Submission, Usage
from grader.model.grouping import grouped
from grader.sandbox import environment
from grader.sandbox.budget import Budget
from grader.sandbox.contract import Array, Sandbox


@dataclass(frozen=True)
class Scope:
    """The part of an assignment to grade. A report with a smaller scope than the whole assignment gives no grade."""

    only: str = ""
    """Id of a part, section or check ("q2", "q2.2", "q2.2.W1"), or "handout" for the checks that the handout lists.
    Empty to grade everything."""
    quick: bool = False
    """True to run the shorter versions of long checks, such as training on less data."""
    code_only: bool = False
    """True to leave out the long checks. The report then lists them as not run."""

    def reported(self, assignment: Assignment) -> ReportScope:
        """Return the scope in the form in which a report on `assignment` contains it."""
        without = tuple(long.name for long in assignment.manifest.long if self.code_only)
        return ReportScope(self.only, self.quick, without, precheck=assignment.recorded)


@dataclass(frozen=True)
class Progress:
    """An event of a grading: a section was started or finished."""

    section: str
    done: bool
    long: bool
    findings: tuple[Finding, ...] = ()
    """The results of the section's checks; empty until the section is finished."""
    cpu_seconds: Callable[[], float | None] = lambda: None
    """Function that returns the CPU seconds that a long check has used so far; None if they are unknown."""


Watcher = Callable[[Progress], None]


def grade(
    submission: Submission,
    assignment: Assignment,
    sandbox: Sandbox,
    seed: Seed,
    scope: Scope = Scope(),
    watch: Watcher = lambda _progress: None,
) -> Report:
    """Grade a submission: run the student's code in the sandbox and judge its answers in this process.

    Args:
        submission: The student's submission.
        assignment: The assignment.
        sandbox: The sandbox in which the student's code runs.
        seed: The seed of the random problems.
        scope: The part of the assignment to grade.
        watch: Called with each event. The calls may come from several threads.

    Returns:
        The report.

    Raises:
        GraderError: If the grader itself fails. A failure of the student's code is part of the report.
    """
    grading = _Grading(submission, assignment, sandbox, seed, scope, watch)
    code, long = grading.sections()
    if assignment.missing(submission):
        return grading.report([])
    with ThreadPoolExecutor(max_workers=3, thread_name_prefix="grade") as pool:  # two training runs, and closing
        if long:
            grading.student.begin()  # load the code first: if this fails, trainings need no data
        trainings = {section: pool.submit(grading.ask_alone, checks) for section, checks in long.items()}
        try:
            results = grading.with_lines(grading.judge_code(code))
            if trainings:
                grading.show_lines(results)
            results += grading.with_lines(grading.judge_long(trainings))
        finally:
            ending = pool.submit(grading.stop)
        report = grading.report(results)  # while the sessions end
        ending.result()
    return report


def grade_code(
    submission: Submission, assignment: Assignment, sandbox: Sandbox, seeds: Iterable[Seed]
) -> Iterator[Report]:
    """Grade a submission once for each seed, without long checks, and yield the reports. All gradings run in one
    sandbox session, which saves most of the time."""
    student: Student | None = None
    try:
        for seed in seeds:
            grading = _Grading(submission, assignment, sandbox, seed, Scope(code_only=True), student=student)
            student = grading.student
            yield grading.report(grading.with_lines(grading.judge_code(grading.sections()[0])))
    finally:
        if student is not None:
            student.close()


def claims_of_code(submission: Submission, assignment: Assignment, sandbox: Sandbox, seed: Seed) -> Iterator[Claim]:
    """Run all checks except the long ones on a submission. Yield their claims (statements to judge) without judging
    them."""
    grading = _Grading(submission, assignment, sandbox, seed, Scope(code_only=True))
    try:
        for checks in grading.sections()[0].values():
            yield from grading.ask(grading.student, checks)
    finally:
        grading.stop()


Sections = Mapping[str, Sequence[Check]]


class _Grading:
    """One grading in progress."""

    def __init__(
        self,
        submission: Submission,
        assignment: Assignment,
        sandbox: Sandbox,
        seed: Seed,
        scope: Scope,
        watch: Watcher = lambda _progress: None,
        student: Student | None = None,
    ) -> None:
        self._submission = submission
        self._assignment = assignment
        self._sandbox = sandbox
        self._seed = seed
        self._scope = replace(scope, only=_known_id(assignment, scope.only))
        self._watch = watch
        self._public = seed.secret is None
        truths = assignment.public_cache.truth if self._public else assignment.truths
        self._diagnosis = Diagnosis(truths, assignment.mistakes, assignment.interpretations)
        self._sharing = threading.Lock()
        self._first_truth = truths(assignment.interpretations[0].id, frozenset())
        self._budget = student.budget if student else Budget(assignment.limits)
        self.student = student or self._new_student({})
        self.student.start_anew()
        self._students = [self.student]
        self._stopped = threading.Event()

    def sections(self) -> tuple[Sections, Sections]:
        """Return the sections to run, first those with short checks, then those with long checks.

        Sections before those in the scope run too. They show how the student has interpreted the task and which
        mistakes were made. A check that is graded alone therefore gets the same verdict as in a full grading.
        """
        if self._scope.only == "handout":
            return grouped((c.section, c) for c in self._assignment.checks if c.handout), {}
        sections = grouped((c.section, c) for c in self._assignment.checks)
        code = {s: checks for s, checks in sections.items() if not checks[0].long}
        long = {s: checks for s, checks in sections.items() if checks[0].long and self.wants(s)}
        last = max((i for i, s in enumerate(code) if self.wants(s)), default=-1)
        needed = len(code) if long else last + 1
        left_out = self._scope.code_only or self._assignment.recorded
        return dict(list(code.items())[:needed]), {} if left_out else long

    def wants(self, section: str) -> bool:
        """Return whether the scope includes the section, check or written question with this id."""
        only = self._scope.only
        if only == "handout":
            return any(c.handout and covers(c.section, section) for c in self._assignment.checks)
        return not only or covers(only, section) or covers(section, only)

    def judge_code(self, sections: Sections) -> list[SectionResult]:
        """Run and judge sections of short checks in order. Return the results of those in the scope."""
        results = []
        for section, checks in sections.items():
            self._watch(Progress(section, done=False, long=False))
            before = self.student.used
            claims = self.ask(self.student, checks)
            result = self._judge(section, checks, claims, _used_since(before, self.student.used))
            if self.wants(section):
                results.append(result)
                self._watch(Progress(section, True, False, result.findings))
        return results

    def judge_long(self, asked: Mapping[str, Future[tuple[list[Claim], Usage]]]) -> list[SectionResult]:
        """Judge sections of long checks. Call `judge_code` first: a wrong accuracy may follow from an earlier
        failure."""
        results = []
        for section, future in asked.items():
            claims, used = future.result()
            checks = [c for c in self._assignment.checks if c.section == section]
            result = self._judge(section, checks, claims, used)
            results.append(result)
            self._watch(Progress(section, True, True, result.findings))
        return results

    def with_lines(self, results: Sequence[SectionResult]) -> list[SectionResult]:
        """Return the results. Add to each failed check the line of the student's code that made it fail, if it is
        found."""
        return [replace(result, findings=tuple(map(self._with_line, result.findings))) for result in results]

    def show_lines(self, results: Sequence[SectionResult]) -> None:
        """Call `watch` again with each section in which a faulty line was found. Users then see the line before the
        long checks end."""
        for result in results:
            if any(finding.line for finding in result.findings):
                self._watch(Progress(result.section, True, False, result.findings))

    def _with_line(self, finding: Finding) -> Finding:
        if not finding.needs_line:
            return finding
        stated = [line for mistake in finding.judged.mistakes for line in mistake.line]
        targets, own = self._assignment.targets(finding.id), {mistake.id for mistake in finding.judged.mistakes}
        earlier = frozenset(takewhile(lambda id: id not in own, self._diagnosis.charged)) if own else frozenset()
        with np.errstate(all="ignore"):  # a student's numbers may overflow where they are compared
            line = self._finder.find(targets, stated, self._diagnosis.truth(earlier)) if earlier else None
            return replace(finding, line=line or self._finder.find(targets, stated))

    @cached_property
    def _finder(self) -> Lines:
        return Lines(self._submission, self.student, self._diagnosis.truth())

    def ask_alone(self, checks: Sequence[Check]) -> tuple[list[Claim], Usage]:
        """Run checks in a new session that can read the assignment's large arrays. Return the claims and the time
        used."""
        if self.student.load_failure:  # each answer is this failure; the shared data would take seconds
            return self.ask(self.student, checks), self.student.used
        student: Student | None = None
        self._watch(
            Progress(checks[0].section, False, True, cpu_seconds=lambda: student.cpu_seconds() if student else None)
        )
        with self._sharing:  # two training runs ask for the same arrays at the same time
            student = self._new_student(self._assignment.shared(self._scope.quick))
        self._students.append(student)
        try:
            if self._stopped.is_set():  # set while the shared data was prepared
                student.close()
            return self.ask(student, checks), student.used
        finally:
            student.rest()  # not close(): judging whether an accuracy follows from a gradient may need a new session

    def stop(self) -> None:
        self._stopped.set()
        for student in list(self._students):
            student.close()

    def report(self, results: Sequence[SectionResult]) -> Report:
        """Make the report from the results of the sections."""
        found = self.student.environment or environment.of({}, self._sandbox.name)
        return assemble(
            self._submission,
            self._assignment,
            results,
            self._seed.label,
            self._scope.reported(self._assignment),
            replace(found, runtime=self._assignment.runtime_name),
            self.student.loaded,
            self.wants,
            self._written,
            self._opinions(),
        )

    def _opinions(self) -> Mapping[str, Opinion]:
        if not (self._written.found and self._assignment.known_questions):
            return {}
        from grader.derivations.opinions import opinions  # takes a while to import

        answers = {q: text for q, (text, _) in self._written.found.items()}
        questions, written = self._assignment.known_questions, self._written
        return opinions(questions, answers, introduction=written.introduction, elsewhere=written.elsewhere)

    @cached_property
    def _written(self) -> WrittenAnswers:
        written = locate(self._submission.notebooks, self._assignment.handout, self._assignment.manifest.labels)
        if not (written.by_notebook and self._assignment.known_questions):
            return written
        from grader.derivations.opinions import with_answers_elsewhere  # takes a while to import

        return with_answers_elsewhere(self._assignment.known_questions, written)

    def _new_student(self, shared: Mapping[str, Array]) -> Student:
        sandbox, task = self._sandbox, self._assignment
        return Student(
            self._submission, sandbox, task.entry_points, task.files, task.limits, shared, task.modules, self._budget
        )

    def ask(self, student: Student, checks: Sequence[Check]) -> list[Claim]:
        """Run the checks of a section, and return their claims.

        Raises:
            BrokenCheck: If a check raises.
        """
        claims: list[Claim] = []
        for one in checks:
            student.begin()
            try:
                with np.errstate(all="ignore"):  # a student's numbers may overflow where a check computes with them
                    claims += [replace(c, check=one.name, topics=one.topics) for c in self._claims_of(one, student)]
            except GraderError:
                raise
            except Exception as bug:
                raise self._broken(one.name, bug) from bug
            self._require_known_methods(one, student)
        return claims

    def _require_known_methods(self, check: Check, student: Student) -> None:
        """Raise `BrokenCheck` if a check calls a function or method that the assignment does not have."""
        known = self._assignment.methods
        if known and (unknown := sorted(student.called - known)):
            raise BrokenCheck(
                f"{self._assignment.id}/checks.py: {check.name} calls {unknown[0]!r}, which is neither a function in "
                "assignment.toml nor a method of the class in reference.py; correct the name"
            )

    def _broken(self, check: str, bug: Exception) -> BrokenCheck:
        """Return the error to raise if a check or judging function of an author has raised `bug`. The error's message
        names the last line of the author's code that ran."""
        folder = self._assignment.folder
        frames = [f for f in traceback.extract_tb(bug.__traceback__) if Path(f.filename).is_relative_to(folder)]
        place = f"{Path(frames[-1].filename).name}, line {frames[-1].lineno}" if frames else "checks.py"
        raised = f"{check} raised {type(bug).__name__}: {bug}"
        return BrokenCheck(f"{folder.name}/{place}: {raised}; correct this line, or the check that calls it")

    def _claims_of(self, check: Check, student: Student) -> Iterator[Claim]:
        if check.each is None:
            yield from check.run(student)
            return
        random = self._seed.draw(self._assignment.digest, self._submission.digest, check.name)
        draw = Draw(random, self._scope.quick)
        truth, is_cached = self._first_truth, self._public and not check.long
        drawn = self._assignment.public_cache.problems(check, draw, truth) if is_cached else check.each(draw, truth)
        for problem in drawn:
            student.begin()
            yield from check.run(student, problem)

    def _judge(self, section: str, checks: Sequence[Check], claims: Sequence[Claim], used: Usage) -> SectionResult:
        points = self._assignment.section_points(section)
        expected, yielded = set(points), {c.name for c in claims}
        if expected != yielded and self._scope.only != "handout":
            raise BrokenCheck(
                f"{section} yields {sorted(yielded)} but assignment.toml gives points to {sorted(expected)}: "
                f"{_remedy(sorted(yielded - expected), sorted(expected - yielded))}"
            )
        self._require_known_given(claims)
        settles = any(c.settles for c in checks)
        try:
            if settles:
                self._diagnosis.choose_interpretation(claims)
            judged = self._diagnosis.judge(section, claims)
            evidence = tuple(c.evidence(self._diagnosis.truth()) for c in claims if c.evidence is not None)
        except GraderError:
            raise
        except Exception as bug:
            raise self._broken(section, bug) from bug
        if settles:
            judged = _remarked(judged, self._diagnosis.interpretation.remark)
        titles = {one.name: one.title for one in checks}
        of_name = {c.name: [one for one in claims if one.name == c.name] for c in claims}
        findings = tuple(
            Finding(
                id=f"{section}.{name}",
                title=titles[of_name[name][0].check],
                possible=points.get(name, ZERO),
                judged=one,
                shows_values=self._public or any(c.shows_values for c in of_name[name]),
                is_result=any(c.outcome for c in of_name[name]),
            )
            for name, one in judged.items()
        )
        return SectionResult(section, findings, used, evidence)

    def _require_known_given(self, claims: Sequence[Claim]) -> None:
        """Raise `BrokenCheck` if the list `given` of a claim contains an id that is neither a section nor a check."""
        for claim in claims:
            for id in claim.given:
                if not any(covers(id, check) for check in self._assignment.check_points):
                    raise BrokenCheck(
                        f"{self._assignment.id}/checks.py: the claim {claim.name!r} of {claim.check} has {id!r} in "
                        "given=, which is no section or check of assignment.toml; correct the id"
                    )


def _known_id(assignment: Assignment, only: str) -> str:
    """Return the id of a part, section, check or question, spelled as in the assignment: "q2.2.W1" for "Q2.2.w1".

    Raises:
        BadCall: If the assignment has nothing with this id.
    """
    parts = [part.id for part in assignment.parts]
    sections = dict.fromkeys(check.section for check in assignment.checks)
    ids = ["handout", *parts, *(question.id for part in assignment.parts for question in part.written)]
    ids += [f"{section}.{name}" for section in sections for name in assignment.section_points(section)]
    found = next((id for id in ids if f"{id}.".lower().startswith(f"{only}.".lower())), None)
    if only and found is None:
        raise BadCall(f"--only {only}: no such part or check (choose from: handout, {', '.join(parts)})")
    return found[: len(only)] if found else ""


def _remarked(judged: dict[str, JudgedCheck], remark: str) -> dict[str, JudgedCheck]:
    """Return the judged checks with a remark added to the first check that passes."""
    first = next((name for name, one in judged.items() if one.verdict.holds), None)
    if first is None or not remark:
        return judged
    verdict = judged[first].verdict
    told = replace(judged[first], verdict=replace(verdict, remarks=(*verdict.remarks, remark)))
    return {**judged, first: told}


def _remedy(without_points: Sequence[str], never_claimed: Sequence[str]) -> str:
    """Return a sentence that tells the author how to make a section's claims and points agree."""
    given = [f"give {name} points too, 0 is allowed" for name in without_points]
    return "; ".join(given + [f"claim {name} in checks.py, or remove its points" for name in never_claimed])


def _used_since(before: Usage, now: Usage) -> Usage:
    return Usage(now.cpu_seconds - before.cpu_seconds, now.wall_seconds - before.wall_seconds)
