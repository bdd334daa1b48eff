"""Certification of an assignment by grading specimens, which are submissions with a known correct result.

The reference solution and the files in variants/ (other right solutions) must earn all points. Every fault (a wrong
solution in faults/) has a header with checks and words: it must lose points in exactly these checks, and one of the
report's reasons must contain these words. The reference with a known mistake in it must be diagnosed as having that
mistake. The handout's own file, an empty file, a syntax error and a table of the reference's results must earn nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from grader.assignments.catalogue import Assignment
from grader.assignments.seeds import Seed
from grader.authoring.processes import Tick, run, silent
from grader.authoring.replay import replay_of
from grader.engine.grade import Scope, grade, grade_code
from grader.errors import BadAssignment
from grader.intake.receive import receive, receive_path
from grader.kit import testing
from grader.kit.claim import covers
from grader.kit.compare import ALIGNED
from grader.kit.mistake import KnownMistake
from grader.model import CheckResult, Report, Submission, show_points
from grader.sandbox.contract import Sandbox


@dataclass(frozen=True)
class Specimen:
    """A submission with a known correct result."""

    name: str
    """Name in messages, such as "reference", "variants/loops", "faults/no_decay" or "empty file"."""
    submission: Submission
    loses: frozenset[str] = frozenset()
    """Ids of the checks that must lose points. All other checks must keep their points."""
    says: str = ""
    """Words that the reason of at least one check must contain."""
    loses_long: frozenset[str] = frozenset()
    """Ids of the long checks that must lose points."""
    is_work: bool = True
    """False if the specimen must earn no points, also in long checks."""
    own_sandbox: Callable[[], Sandbox] | None = None
    """Function that creates the specimen's sandbox; None for that of the others."""


@dataclass(frozen=True)
class Certified:
    """The result of grading a specimen."""

    name: str
    failed: frozenset[str]
    """Ids of the checks that lost points."""
    problems: tuple[str, ...]
    """A sentence for each difference from the expected result; empty if the specimen passes."""
    seed: str

    @property
    def holds(self) -> bool:
        return not self.problems


def specimens(assignment: Assignment) -> list[Specimen]:
    """Return the assignment's specimens: the reference, variants and faults."""
    file = assignment.files[0]
    right = [Specimen("reference", receive_path(assignment.reference, file))]
    for path in _entries(assignment.folder / "variants"):
        right.append(Specimen(f"variants/{path.stem}", receive_path(path, file)))
    return right + [_read_fault(path, assignment) for path in _entries(assignment.folder / "faults")]


def without_work(assignment: Assignment) -> list[Specimen]:
    """Return the specimens that must earn nothing: the handout's file with the starter code of the graded class or
    functions (if there is one), a file without code, a syntax error, and a replay (`grader.authoring.replay`)."""
    submissions = {"empty file": _submission(assignment, b"pass\n"), "syntax error": _submission(assignment, b"def\n")}
    enough = any if assignment.entry_points.of_class else all  # a class may have one of several names
    folder = assignment.folder / "handout"
    for path in [*sorted(folder.glob("*.ipynb")), *sorted(folder.glob("*.py"))]:
        defined = _DEFINED.findall(path.read_text("utf-8"))
        if enough(name in defined for name in assignment.entry_points.names):
            submissions["handout"] = receive_path(path, assignment.files[0])
    everything = frozenset(assignment.check_points)
    specimens = [Specimen(name, file, everything, is_work=False) for name, file in submissions.items()]
    replay = Specimen(
        "replay",
        _submission(assignment, testing.STAND_IN),
        everything,
        is_work=False,
        own_sandbox=lambda: testing.InProcess(replay_of(assignment)),
    )
    return [*specimens, replay]


def _submission(assignment: Assignment, content: bytes) -> Submission:
    """Return the submission of a Python file with this content."""
    file = assignment.files[0]
    return receive(file, content, file)


_DEFINED = re.compile(r'(?:^|"|\\n)(?:class|def) (\w+)', re.MULTILINE)
"""Matches a definition at the beginning of a line of a Python file or notebook cell."""


def certify(
    chosen: Sequence[Specimen],
    assignment: Assignment,
    sandbox: Sandbox,
    *,
    long: bool,
    workers: int,
    tick: Tick = silent,
) -> list[Certified]:
    """Grade every specimen once, with the public seed.

    Args:
        chosen: The specimens.
        assignment: The assignment.
        sandbox: The sandbox.
        long: True to run long checks too: on specimens that must earn all points, and on faults whose headers name long
            checks. On specimens that must earn nothing they always run, because these soon raise.
        workers: Number of threads.
        tick: Called with 1 after each specimen.

    Returns:
        One result for each specimen.
    """

    def certify_one(specimen: Specimen) -> Certified:
        may_run_long = long and (not specimen.loses or bool(specimen.loses_long))
        scope = Scope(code_only=not may_run_long) if specimen.is_work else Scope(quick=True)
        if specimen.own_sandbox:
            replay, without_lines = specimen.own_sandbox(), replace(assignment, targets=lambda _check: ())
            report = grade(specimen.submission, without_lines, replay, Seed(b"replay"), scope)
        else:
            report = grade(specimen.submission, assignment, sandbox, Seed(), scope)
        tick(1)
        row = _compare(specimen, report, assignment)
        if row.problems and specimen.name.startswith("variants/"):
            remedies = _remedies(specimen, row.failed, assignment, sandbox)
            row = replace(row, problems=(*row.problems, *remedies))
        return row

    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(certify_one, chosen))


def certify_seeds(
    chosen: Sequence[Specimen],
    assignment: Assignment,
    choose: Callable[[], Sandbox],
    *,
    seeds: int,
    workers: int,
    tick: Tick = silent,
) -> list[Certified]:
    """Grade every specimen many times, with different secret seeds and without the long checks.

    The gradings run in several processes, each with a separate sandbox, because judging takes as much CPU time as
    running the code.

    Args:
        chosen: The specimens.
        assignment: The assignment.
        choose: Function that creates a sandbox in each process.
        seeds: Number of seeds.
        workers: Number of processes.
        tick: Called with the number of gradings done since the last call.

    Returns:
        All results with problems; if there are none, one result for each specimen.
    """
    jobs = []
    for specimen in chosen:
        for start in range(0, seeds, BLOCK):
            end = min(start + BLOCK, seeds)
            job = partial(_certify_on_seeds, specimen, assignment, choose, range(start, end))
            jobs.append(job)
    blocks = run(jobs, workers, lambda block: tick(len(block)))
    rows = [row for block in blocks for row in block]
    wrong = [row for row in rows if not row.holds]
    return wrong or rows[::seeds]


BLOCK = 25
"""Largest number of seeds that are graded in one session."""


def _certify_on_seeds(
    specimen: Specimen, assignment: Assignment, choose: Callable[[], Sandbox], numbers: range
) -> list[Certified]:
    """Grade a specimen with several secret seeds in one session of a new sandbox."""
    names = [f"certify {number}" for number in numbers]
    seeds = [Seed(name.encode()) for name in names]
    with closing(choose()) as sandbox:
        reports = grade_code(specimen.submission, assignment, sandbox, seeds)
        return [_compare(specimen, report, assignment, name) for name, report in zip(names, reports, strict=True)]


def _remedies(variant: Specimen, failed: frozenset[str], assignment: Assignment, sandbox: Sandbox) -> Iterator[str]:
    """Yield a sentence for each value of `up_to` with which a right solution would pass some of its failed checks, and
    then a sentence that says what the author can do."""
    for up_to in ALIGNED:
        lenient = replace(assignment, checks=tuple(replace(check, up_to=up_to) for check in assignment.checks))
        report = grade(variant.submission, lenient, sandbox, Seed(), Scope(code_only=True))
        passed = ", ".join(sorted(failed - testing.failed(report)))
        if passed:
            yield f'{passed}: would pass with up_to="{up_to}" of expect'
    yield (
        "if this solution is right, the task has several right answers: pass up_to= to expect if all answers that "
        "differ in this way are right, otherwise require by expect.that what the task says "
        "(docs/write-an-assignment.md, 'Several right answers, and long checks')"
    )


# ── known mistakes ───────────────────────────────────────────────────────────────────────────────────


def mistakes(assignment: Assignment) -> list[KnownMistake]:
    """Return the known mistakes that have code. Only these can be graded by `certify_mistakes`."""
    return [m for m in assignment.mistakes if isinstance(m, KnownMistake)]


def certify_mistakes(
    chosen: Sequence[KnownMistake],
    assignment: Assignment,
    *,
    workers: int,
    tick: Tick = silent,
) -> list[Certified]:
    """Put each known mistake into the reference solution, and grade the result with the code checks, without a sandbox.

    The result must fail the checks in the mistake's `fails`, and be diagnosed as this mistake or one in its `alike`.

    Args:
        chosen: The mistakes.
        assignment: The assignment.
        workers: Number of processes.
        tick: Called with 1 after each mistake.

    Returns:
        One result for each mistake.
    """
    jobs = [partial(_certify_mistake, mistake, assignment) for mistake in chosen]
    return run(jobs, workers, lambda _row: tick(1))


def _certify_mistake(mistake: KnownMistake, assignment: Assignment) -> Certified:
    """Grade the reference with a known mistake, and list the differences from what the mistake declares: the checks
    that it should lose (`fails`) and its diagnosis."""
    report = testing.grade(assignment, testing.specimen(assignment, mistake))
    lost = testing.failed(report)
    problems = list(_differences(mistake.fails or lost, report))
    diagnosed = testing.diagnosed(report)
    accepted = {mistake.id, *mistake.alike}
    other_names = ", ".join(sorted(diagnosed - accepted))
    if not lost:
        problems.append("loses nothing: add a problem that shows the mistake, or remove the mistake")
    elif not diagnosed & accepted:
        names = other_names or "no known mistake"
        problems.append(f"is diagnosed as {names}: register this mistake before that one, or declare alike=")
    elif other_names:
        problems.append(f"is also diagnosed as {other_names}: declare alike=, or add a problem")
    return Certified(f"mistakes/{mistake.id}", lost, tuple(problems), "public")


def _compare(specimen: Specimen, report: Report, assignment: Assignment, seed: str = "public") -> Certified:
    """Return the result for a specimen, given its report."""
    problems = _problems(specimen, report) if specimen.is_work else _payments(specimen, report, assignment)
    return Certified(specimen.name, testing.failed(report), tuple(problems), seed)


def _payments(specimen: Specimen, report: Report, assignment: Assignment) -> Iterator[str]:
    """Yield a sentence for each check that pays a specimen without work. Only a check of a problem that the handout
    publishes may pay a replay."""
    remedy, published = "let the check fail where nothing has been written", []
    if specimen.own_sandbox:
        remedy = "all submissions get the same problems: draw them in checks.py, by each= of the check"
        published = [check.title for check in assignment.checks if check.handout]
    for check in report.checks:
        name = check.id.rpartition(".")[2]
        if check.points and check.title not in [title.replace("{name}", name) for title in published]:
            points = show_points(check.points)
            yield f"{check.id} paid the {specimen.name} {points} points{_follows_phrase([check])}: {remedy}"


def _problems(specimen: Specimen, report: Report) -> Iterator[str]:
    """Yield a sentence for each difference between a report and what a specimen should lose and be told."""
    yield from _differences(specimen.loses | specimen.loses_long, report)
    reasons = [check.reason for check in report.lost]
    if _normalised(specimen.says) not in _normalised(" ".join(reasons)):
        yield f"no reason contains {specimen.says!r}: {'; '.join(dict.fromkeys(reasons))}"


def _differences(expected: Iterable[str], report: Report) -> Iterator[str]:
    """Yield a sentence for each difference between the checks that lost points and those that should. Of the checks of
    an expected section, one must lose points."""
    decided = [check for check in report.checks if check.status.is_decided]
    for id in sorted(expected):
        covered = [check for check in decided if covers(id, check.id)]
        if covered and all(check.points == check.possible for check in covered):
            yield f"earns {id}, which it should lose{_follows_phrase(covered)}"
    for check in report.lost:
        if not any(covers(id, check.id) for id in expected):
            yield f"loses {check.id}, which it should earn: {check.reason}"


def _follows_phrase(checks: Sequence[CheckResult]) -> str:
    """Return a phrase such as " (follows from q2.1.loss)" if checks keep their points because other checks lost points
    to the same cause; otherwise ""."""
    causes: dict[str, None] = {}
    for check in checks:
        causes.update(dict.fromkeys(check.follows_from))
    return f" (follows from {', '.join(causes)})" if causes else ""


def _normalised(text: str) -> str:
    """Return a text in lower case, with single spaces and without most punctuation."""
    return " ".join(re.sub(r"[^\w\s.*/½²-]", " ", text.casefold()).split())


# ── the files ────────────────────────────────────────────────────────────────────────────────────────


def _entries(folder: Path) -> list[Path]:
    """Return the solutions in a folder: files, and folders with several files each."""
    solutions = []
    for path in folder.iterdir() if folder.is_dir() else ():
        is_package = path.is_dir() and not path.name.startswith((".", "_"))
        if is_package or path.suffix in (".py", ".fault"):
            solutions.append(path)
    return sorted(solutions)


def _read_fault(path: Path, assignment: Assignment) -> Specimen:
    """Read a file in faults/: a complete .py file, or a .fault file with changes of a correct solution. The header, in
    the file's first comment lines, says which checks must lose points."""
    text = path.read_text("utf-8")
    header = dict(re.findall(r"^# (loses long|loses|says|of):[ \t]*(.*)$", text, re.MULTILINE))
    if not header.get("loses"):
        raise BadAssignment(f"faults/{path.name} has no '# loses: …' line: add it, with the ids of the failing checks")
    if path.suffix == ".fault":
        text = _edited(path.name, text, header.get("of", ""), assignment)
    return Specimen(
        f"faults/{path.stem}",
        _submission(assignment, text.encode()),
        loses=frozenset(header["loses"].split()),
        says=header.get("says", ""),
        loses_long=frozenset(header.get("loses long", "").split()),
    )


_EDIT = re.compile(r"^# --- replace\n(.*?)^# --- by\n(.*?)(?=^# --- replace\n|\Z)", re.MULTILINE | re.DOTALL)
"""Matches the lines to replace in a .fault file, and the new lines."""


def _edited(fault: str, text: str, of: str, assignment: Assignment) -> str:
    """Return a correct solution with the edits of a .fault file.

    Args:
        fault: Name of the .fault file, for messages.
        text: Content of the .fault file.
        of: File name of the correct solution, a variant or the reference.
        assignment: The assignment.
    """
    variants = _entries(assignment.folder / "variants")
    solutions = [*variants, assignment.reference]
    sources = [solution.read_text("utf-8") for solution in solutions if solution.name == of]
    edits = _EDIT.findall(text)
    if not (sources and edits):
        raise BadAssignment(
            f"faults/{fault}: '# of: {of}' must name a file in variants/ or the reference, and lines under "
            "'# --- replace' and '# --- by' must follow"
        )
    source = sources[0]
    for old_lines, new_lines in edits:
        pattern = f"^{re.escape(old_lines)}"
        pieces = re.split(pattern, source, flags=re.MULTILINE)
        if len(pieces) != 2:
            raise BadAssignment(f"faults/{fault}: the lines under '# --- replace' must occur exactly once in {of}")
        source = new_lines.join(pieces)
    return source
