"""Certification of an assignment by grading specimens, which are submissions with a known correct result.

The reference solution and the files in variants/ (other right solutions) must earn all points. Every fault (a wrong
solution in faults/) has a header with checks and words: it must lose points in exactly these checks, and one of the
report's reasons must contain these words. The reference with a known mistake in it must be diagnosed as having that
mistake.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from grader.assignments.catalogue import Assignment
from grader.assignments.seeds import Seed
from grader.authoring.processes import run
from grader.engine.grade import Scope, grade, grade_code
from grader.errors import BadAssignment
from grader.intake.receive import receive, receive_path
from grader.kit import testing
from grader.kit.claim import covers
from grader.kit.mistake import KnownMistake
from grader.model import Report, Submission, show_points
from grader.sandbox.contract import Sandbox


@dataclass(frozen=True)
class Specimen:
    """A submission with a known correct result."""

    name: str
    """Name in messages, such as "reference", "variants/loops", "faults/no_decay" or "handout"."""
    submission: Submission
    loses: frozenset[str] = frozenset()
    """Ids of the checks that must lose points. All other checks must keep their points."""
    says: str = ""
    """Words that the reason of at least one check must contain."""
    loses_long: frozenset[str] = frozenset()
    """Ids of the long checks that must lose points."""
    is_handout: bool = False
    """True for the handout's starter file, which must earn no points."""


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


def handout(assignment: Assignment) -> list[Specimen]:
    """Return a list with one specimen: the handout's file with the starter code of the graded class or functions.
    Return [] if there is no such file."""
    enough = any if assignment.entry_points.of_class else all  # a class may have one of several names
    files = [p for p in sorted((assignment.folder / "handout").glob("*")) if p.suffix in (".py", ".ipynb")]
    for path in sorted(files, key=lambda p: (p.name not in assignment.files, p.suffix != ".py")):
        defined = _DEFINED.findall(path.read_text("utf-8"))
        if enough(name in defined for name in assignment.entry_points.names):
            checks = frozenset(check for part in assignment.parts for check in part.points_of_checks)
            return [Specimen("handout", receive_path(path, assignment.files[0]), checks, is_handout=True)]
    return []


_DEFINED = re.compile(r'(?:^|"|\\n)(?:class|def) (\w+)', re.MULTILINE)
"""Matches a definition at the beginning of a line of a Python file or notebook cell."""


def certify(
    chosen: Sequence[Specimen],
    assignment: Assignment,
    sandbox: Sandbox,
    *,
    long: bool,
    workers: int,
    tick: Callable[[int], None] = lambda _count: None,
) -> list[Certified]:
    """Grade every specimen once, with the public seed.

    Args:
        chosen: The specimens.
        assignment: The assignment.
        sandbox: The sandbox.
        long: True to run long checks too: on specimens that must earn all points, and on faults whose headers name long
            checks.
        workers: Number of threads.
        tick: Called with 1 after each specimen.

    Returns:
        One result for each specimen.
    """

    def certify_one(specimen: Specimen) -> Certified:
        with_long = long and (not specimen.loses or bool(specimen.loses_long))
        report = grade(specimen.submission, assignment, sandbox, Seed(), Scope(code_only=not with_long))
        tick(1)
        return _compare(specimen, report)

    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(certify_one, chosen))


def certify_seeds(
    chosen: Sequence[Specimen],
    assignment: Assignment,
    choose: Callable[[], Sandbox],
    *,
    seeds: int,
    workers: int,
    tick: Callable[[int], None] = lambda _count: None,
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
            numbers = range(start, min(start + BLOCK, seeds))
            jobs.append(partial(_certify_on_seeds, specimen, assignment, choose, numbers))
    blocks = run(jobs, workers, lambda block: tick(len(block)))
    rows = [row for block in blocks for row in block]
    return [row for row in rows if not row.holds] or rows[::seeds]


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
        return [_compare(specimen, report, name) for name, report in zip(names, reports, strict=True)]


# ── known mistakes ───────────────────────────────────────────────────────────────────────────────────


def mistakes(assignment: Assignment) -> list[KnownMistake]:
    """Return the known mistakes that have code. Only these can be graded by `certify_mistakes`."""
    return [m for m in assignment.mistakes if isinstance(m, KnownMistake)]


def certify_mistakes(
    chosen: Sequence[KnownMistake],
    assignment: Assignment,
    *,
    workers: int,
    tick: Callable[[int], None] = lambda _count: None,
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
    diagnosed = testing.diagnosed(report)
    problems = []
    for id in mistake.fails:
        if not any(covers(id, check) for check in lost):
            problems.append(f"earns {id}, which it should lose{_follows_phrase(report, id)}")
    for check in sorted(report.lost, key=lambda check: check.id):
        if mistake.fails and not any(covers(id, check.id) for id in mistake.fails):
            problems.append(f"loses {check.id}, which it should earn: {check.reason}")
    accepted = {mistake.id, *mistake.alike}
    if not lost:
        problems.append("loses nothing: add a problem that shows the mistake, or remove the mistake")
    elif not diagnosed & accepted:
        names = ", ".join(sorted(diagnosed)) or "no known mistake"
        problems.append(f"is diagnosed as {names}: register this mistake before that one, or declare alike=")
    elif not diagnosed <= accepted:
        names = ", ".join(sorted(diagnosed - accepted))
        problems.append(f"is also diagnosed as {names}: declare alike=, or add a problem")
    return Certified(f"mistakes/{mistake.id}", lost, tuple(problems), "public")


def necessity(rows: Iterable[Certified], checks: Iterable[str]) -> dict[str, list[str]]:
    """Return check id → names of the faults that lose points only in this check. A check without such a fault may be
    redundant."""
    faults: dict[str, list[str]] = {check: [] for check in checks}
    for row in rows:
        if len(row.failed) == 1:
            (check,) = row.failed
            faults.setdefault(check, []).append(row.name)
    return faults


def _compare(specimen: Specimen, report: Report, seed: str = "public") -> Certified:
    """Return the result for a specimen, given its report."""
    compare = _problems_of_handout if specimen.is_handout else _problems
    return Certified(specimen.name, testing.failed(report), tuple(compare(specimen, report)), seed)


def _problems_of_handout(_specimen: Specimen, report: Report) -> Iterator[str]:
    """Yield a sentence for each check in which the starter code earns points."""
    for check in report.checks:
        if check.status.is_decided and check.points:
            points = f"{show_points(check.points)} of {check.id} untouched{_follows_phrase(report, check.id)}"
            yield f"earns {points}: let the check fail where nothing has been written"


def _problems(specimen: Specimen, report: Report) -> Iterator[str]:
    """Yield a sentence for each difference between a report and what a specimen should lose."""
    graded = {check.id: check for check in report.checks if check.status.is_decided}
    lost, expected = testing.failed(report), specimen.loses | specimen.loses_long
    for id in sorted(lost - expected):
        yield f"loses {id}, which it should earn: {graded[id].reason}"
    for id in sorted(expected & graded.keys() - lost):
        yield f"earns {id}, which it should lose{_follows_phrase(report, id)}"
    reasons = [check.reason for check in graded.values() if check.reason]
    if _normalised(specimen.says) not in _normalised(" ".join(reasons)):
        yield f"no reason contains {specimen.says!r}: {'; '.join(dict.fromkeys(reasons))}"


def _follows_phrase(report: Report, id: str) -> str:
    """Return a phrase such as " (follows from q2.1.loss)" if a check keeps its points because these other checks lost
    points to the same cause; otherwise ""."""
    causes: dict[str, None] = {}
    for check in report.checks:
        if covers(id, check.id):
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
    if _REPLACE in text:
        text = _patched(path, text, header.get("of", ""), assignment)
    return Specimen(
        f"faults/{path.stem}",
        receive(assignment.files[0], text.encode(), assignment.files[0]),
        loses=frozenset(header["loses"].split()),
        says=header.get("says", ""),
        loses_long=frozenset(header.get("loses long", "").split()),
    )


_REPLACE, _BY = "# --- replace\n", "# --- by"


def _patched(path: Path, text: str, of: str, assignment: Assignment) -> str:
    """Return a correct solution with the changes of a .fault file.

    Args:
        path: The .fault file, for messages.
        text: Content of the .fault file.
        of: File name of the correct solution. If empty, the first solution that contains each of the blocks to replace
            exactly once.
        assignment: The assignment.
    """
    blocks: list[tuple[str, str]] = []
    for block in text.rstrip("\n").split(_REPLACE)[1:]:
        old_lines, mark, new_lines = block.rstrip("\n").partition(_BY)
        if not mark:
            raise BadAssignment(f"faults/{path.name}: '# --- replace' must be followed by '# --- by' and the new lines")
        blocks.append((old_lines, new_lines))
    solutions = [*_entries(assignment.folder / "variants"), assignment.reference]
    if of:
        solutions = [solution for solution in solutions if solution.name == of]
        if not solutions:
            raise BadAssignment(f"faults/{path.name}: '# of: {of}' must name a file in variants/ or the reference")
    for solution in solutions:
        source = _replaced("\n" + solution.read_text("utf-8"), blocks) if solution.is_file() else None
        if source is not None:
            return source[1:]
    where = of or "one of the variants or the reference"
    raise BadAssignment(f"faults/{path.name}: the lines under '# --- replace' must occur exactly once in {where}")


def _replaced(source: str, blocks: Sequence[tuple[str, str]]) -> str | None:
    """Replace blocks of lines. `blocks` are pairs of old and new lines. Return None if the old lines of a block do not
    occur exactly once in the source, or if blocks overlap."""
    replacements = {}
    patterns = []
    for old_lines, new_lines in blocks:
        lines = f"\n{old_lines}".removesuffix("\n")
        pattern = re.escape(lines) + r"(?=\n)"  # adjacent blocks share a newline
        if len(re.findall(pattern, source)) != 1:
            return None
        replacements[lines] = new_lines
        patterns.append(pattern)
    edited, count = re.subn("|".join(patterns), lambda match: replacements[match[0]], source)
    return edited if count == len(blocks) else None
