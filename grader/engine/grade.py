"""Grade a submission: run it in a sandbox, judge the values that its code returns, and make the report."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import takewhile
from pathlib import Path
from warnings import warn

import numpy as np

from grader.assignments.catalogue import Assignment
from grader.assignments.seeds import Seed
from grader.derivations.locate import WrittenAnswers, locate
from grader.engine.finding import SectionResult, check_result
from grader.engine.report import assemble
from grader.errors import BadCall, BrokenCheck, GraderError
from grader.kit.check import Check
from grader.kit.claim import Claim, covers
from grader.kit.diagnosis import Diagnosis
from grader.kit.draws import Draw
from grader.kit.lines import Lines
from grader.kit.student import Student
from grader.model import ZERO, CheckResult, Opinion, Report, ReportScope, Status, Submission, Usage
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
        long_checks = assignment.manifest.long if self.code_only else []
        without = tuple(long.name for long in long_checks)
        return ReportScope(self.only, self.quick, without, precheck=assignment.recorded)


@dataclass(frozen=True)
class Progress:
    """An event of a grading: a section was started or finished."""

    section: str
    done: bool
    long: bool
    checks: tuple[CheckResult, ...] = ()
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
            code, _ = grading.sections()
            yield grading.report(grading.with_lines(grading.judge_code(code)))
    finally:
        if student is not None:
            student.close()
            assignment.in_sandbox(sandbox).rest()


def claims_of_code(submission: Submission, assignment: Assignment, sandbox: Sandbox, seed: Seed) -> Iterator[Claim]:
    """Run all checks except the long ones on a submission. Yield their claims (statements to judge) without judging
    them."""
    grading = _Grading(submission, assignment, sandbox, seed, Scope(code_only=True))
    try:
        code, _ = grading.sections()
        for checks in code.values():
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
        assignment = assignment.in_sandbox(sandbox)
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
        self._first_truth = self._diagnosis.truth()  # draws problems, and keeps their results for judging
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
            return grouped((check.section, check) for check in self._assignment.checks if check.handout), {}
        code: dict[str, list[Check]] = {}
        long: dict[str, list[Check]] = {}
        last_wanted = 0
        for section, checks in grouped((check.section, check) for check in self._assignment.checks).items():
            if not checks[0].long:  # as all checks of the section
                code[section] = checks
            elif self.wants(section):
                long[section] = checks
            if self.wants(section):
                last_wanted = len(code)
        if long:  # a wrong accuracy may follow from a failure in any section
            last_wanted = len(code)
        needed = dict(list(code.items())[:last_wanted])
        left_out = self._scope.code_only or self._assignment.recorded
        return needed, {} if left_out else long

    def wants(self, section: str) -> bool:
        """Return whether the scope includes the section, check or written question with this id. A section is also
        included if the scope is one of its checks."""
        only = self._scope.only
        if only == "handout":
            return any(check.handout and covers(check.section, section) for check in self._assignment.checks)
        return not only or covers(only, section) or covers(section, only)

    def judge_code(self, sections: Sections) -> list[SectionResult]:
        """Run and judge sections of short checks in order. Return the results of those in the scope."""
        results = []
        for section, checks in sections.items():
            self._watch(Progress(section, done=False, long=False))
            start = self.student.used
            claims = self.ask(self.student, checks)
            end = self.student.used
            used = Usage(end.cpu_seconds - start.cpu_seconds, end.wall_seconds - start.wall_seconds)
            result = self._judge(section, checks, claims, used)
            if self.wants(section):
                results.append(result)
                self._watch(Progress(section, True, False, result.checks))
        return results

    def judge_long(self, trainings: Mapping[str, Future[tuple[list[Claim], Usage]]]) -> list[SectionResult]:
        """Judge sections of long checks. Call `judge_code` first: a wrong accuracy may follow from an earlier
        failure."""
        results = []
        for section, training in trainings.items():
            claims, used = training.result()
            checks = [check for check in self._assignment.checks if check.section == section]
            result = self._judge(section, checks, claims, used)
            results.append(result)
            self._watch(Progress(section, True, True, result.checks))
        return results

    def with_lines(self, results: Sequence[SectionResult]) -> list[SectionResult]:
        """Return the results. Add to each failed check the line of the student's code that made it fail, if it is
        found."""
        with_lines = []
        for result in results:
            checks = tuple(self._with_line(check) for check in result.checks)
            with_lines.append(replace(result, checks=checks))
        return with_lines

    def show_lines(self, results: Sequence[SectionResult]) -> None:
        """Call `watch` again with each section in which a faulty line was found. Users then see the line before the
        long checks end."""
        for result in results:
            if any(check.line for check in result.checks):
                self._watch(Progress(result.section, True, False, result.checks))

    def _with_line(self, check: CheckResult) -> CheckResult:
        """Return a failed check with the faulty line of the student's code, if the line is found. Return other checks
        unchanged."""
        fails_at_raise = check.line and check.line.source.startswith("raise ")
        if fails_at_raise or check.is_unwritten or not check.status.loses_points:
            return check
        targets = self._assignment.targets(check.id)
        mistakes = [mistake for mistake in self._assignment.mistakes if mistake.id in check.mistakes]
        descriptions = [line for mistake in mistakes for line in mistake.line]
        # the mistakes that were charged before those of this check
        earlier = takewhile(lambda id: id not in check.mistakes, self._diagnosis.charged) if mistakes else ()
        try:
            with np.errstate(all="ignore"):  # a student's numbers may overflow where they are compared
                line = self._lines.find(targets, descriptions, frozenset(earlier))
        except GraderError:
            raise
        except Exception as bug:  # noqa: BLE001  points do not depend on lines
            warn(f"no line is shown for {check.id}: the search raised {type(bug).__name__}: {bug}", stacklevel=1)
            return check
        return replace(check, line=line) if line is not None else check

    @cached_property
    def _lines(self) -> Lines:
        """The search for faulty lines, which compares the student's values with right ones."""
        return Lines(self._submission, self.student, self._diagnosis.truth)

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
        """End all sessions, also those whose large arrays are still being prepared."""
        self._stopped.set()
        for student in list(self._students):
            student.close()
        self._assignment.rest()

    def report(self, results: Sequence[SectionResult]) -> Report:
        """Make the report from the results of the sections."""
        software = self.student.environment or environment.of({}, self._sandbox.name)
        return assemble(
            self._submission,
            self._assignment,
            results,
            self._seed.label,
            self._scope.reported(self._assignment),
            replace(software, runtime=self._assignment.runtime_name),
            self.student.loaded,
            self.wants,
            self._written,
            self._opinions(),
        )

    def _opinions(self) -> Mapping[str, Opinion]:
        """Return the grader's opinions on the written answers, by question id."""
        questions = self._assignment.known_questions
        written = self._written
        if not (written.found and questions):
            return {}
        from grader.derivations.opinions import opinions  # takes a while to import

        answers = {question: text for question, (text, _) in written.found.items()}
        return opinions(questions, answers, introduction=written.introduction, elsewhere=written.elsewhere)

    @cached_property
    def _written(self) -> WrittenAnswers:
        """The written answers in the submission's notebooks."""
        written = locate(self._submission.notebooks, self._assignment.handout, self._assignment.manifest.labels)
        if not (written.by_notebook and self._assignment.known_questions):
            return written
        from grader.derivations.opinions import with_answers_elsewhere  # takes a while to import

        return with_answers_elsewhere(self._assignment.known_questions, written)

    def _new_student(self, shared: Mapping[str, Array]) -> Student:
        """Return an interface to the student's code. Its session can read the arrays `shared`."""
        task = self._assignment
        return Student(
            self._submission,
            self._sandbox,
            task.entry_points,
            task.files,
            task.limits,
            shared,
            task.modules,
            self._budget,
        )

    def ask(self, student: Student, checks: Sequence[Check]) -> list[Claim]:
        """Run the checks of a section, and return their claims.

        Raises:
            BrokenCheck: If a check raises.
        """
        claims: list[Claim] = []
        for check in checks:
            student.begin()
            try:
                with np.errstate(all="ignore"):  # a student's numbers may overflow where a check computes with them
                    claims += self._claims_of(check, student)
            except GraderError:
                raise
            except Exception as bug:
                raise self._broken(check.name, bug) from bug
            student.pipeline.send_all()
            self._require_known_methods(check, student)
        return claims

    def _require_known_methods(self, check: Check, student: Student) -> None:
        """Raise `BrokenCheck` if a check calls a function or method that the assignment does not have."""
        methods = self._assignment.methods
        unknown = sorted(student.called - methods)
        if methods and unknown:
            raise BrokenCheck(
                f"{self._assignment.id}/checks.py: {check.name} calls {unknown[0]!r}, which is neither a function in "
                "assignment.toml nor a method of the class in reference.py; correct the name"
            )

    def _broken(self, check: str, bug: Exception) -> BrokenCheck:
        """Return the error to raise if a check or judging function of an author has raised `bug`. The error's message
        names the last line of the author's code that ran."""
        folder = self._assignment.folder
        place = "checks.py"
        for frame in traceback.extract_tb(bug.__traceback__):
            if Path(frame.filename).is_relative_to(folder):
                place = f"{Path(frame.filename).name}, line {frame.lineno}"
        raised = f"{check} raised {type(bug).__name__}: {bug}"
        return BrokenCheck(f"{folder.name}/{place}: {raised}; correct this line, or the check that calls it")

    def _claims_of(self, check: Check, student: Student) -> Iterator[Claim]:
        """Run a check, once for each of its problems if it draws problems, and yield its claims."""
        if check.each is None:
            yield from check.claims(student, self._first_truth)
            return
        draw = Draw(self._seed.draw(self._assignment.digest, self._submission.digest, check.name), self._scope.quick)
        draw_problems = check.each
        if self._public and not check.long:
            draw_problems = partial(self._assignment.public_cache.problems, check)
        for problem in draw_problems(draw, self._first_truth):
            student.begin()
            yield from check.claims(student, self._first_truth, problem)

    def _judge(self, section: str, checks: Sequence[Check], claims: Sequence[Claim], used: Usage) -> SectionResult:
        """Judge the claims of a section and return the results of its checks: one for each name of a claim, such as
        "W1" for the check q2.2.W1."""
        points = self._assignment.section_points(section)
        claims_of = grouped((claim.name, claim) for claim in claims)
        expected = set(points)
        yielded = set(claims_of)
        if expected != yielded and self._scope.only != "handout":
            raise BrokenCheck(
                f"{section} yields {sorted(yielded)} but assignment.toml gives points to {sorted(expected)}: "
                f"{_remedy(sorted(yielded - expected), sorted(expected - yielded))}"
            )
        self._require_known_given(claims)
        is_open = self._diagnosis.interpretations and any(check.settles for check in checks)
        try:
            remark = self._diagnosis.choose_interpretation(section, claims) if is_open else ""
            judged = self._diagnosis.judge(section, claims)
            truth = self._diagnosis.truth()
            evidence = tuple(claim.evidence(truth) for claim in claims if claim.evidence is not None)
        except GraderError:
            raise
        except Exception as bug:
            raise self._broken(section, bug) from bug
        titles = {check.name: check.title for check in checks}
        results = []
        for name, judged_check in judged.items():
            its_claims = claims_of[name]
            result = check_result(
                id=f"{section}.{name}",
                title=titles[its_claims[0].check].replace("{name}", name),
                possible=points.get(name, ZERO),
                judged=judged_check,
                shows_values=self._public or any(claim.shows_values for claim in its_claims),
                is_outcome=any(claim.outcome for claim in its_claims),
            )
            results.append(result)
        if remark:
            _add_remark(results, remark)
        return SectionResult(section, tuple(results), used, evidence)

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
    if not only:
        return ""
    for id in assignment.ids:
        if f"{id}.".lower().startswith(f"{only}.".lower()):  # an id begins with the ids of its section and part
            return id[: len(only)]
    parts = [part.id for part in assignment.parts]
    raise BadCall(f"--only {only}: no such part or check (choose from: handout, {', '.join(parts)})")


def _add_remark(results: list[CheckResult], remark: str) -> None:
    """Add a remark to the first check that passes."""
    for i, result in enumerate(results):
        if result.status is Status.PASSED:
            results[i] = replace(result, remarks=(*result.remarks, remark))
            return


def _remedy(without_points: Sequence[str], never_claimed: Sequence[str]) -> str:
    """Return a sentence that tells the author how to make a section's claims and points agree."""
    remedies = [f"give {name} points too, 0 is allowed" for name in without_points]
    remedies += [f"claim {name} in checks.py, or remove its points" for name in never_claimed]
    return "; ".join(remedies)
