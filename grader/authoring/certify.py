"""The grader is graded: an assignment's reference and variants must earn everything, every fault must lose exactly what
its header says, and say it in the header's words, and every known mistake must be diagnosed as itself."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.util import Finalize
from pathlib import Path

from grader.assignments.catalogue import Assignment, load
from grader.assignments.seeds import Seed
from grader.engine.grade import Scope, grade, grade_code
from grader.errors import BadAssignment
from grader.intake.receive import receive, receive_path
from grader.kit import testing
from grader.kit.mistake import KnownMistake
from grader.model import CheckResult, Report, Status, Submission, show_points
from grader.sandbox.contract import Sandbox


@dataclass(frozen=True)
class Specimen:
    """One submission of which we know what it must earn."""

    name: str
    """ "reference", "variants/loops", "faults/no_decay", "handout"."""
    submission: Submission
    loses: frozenset[str] = frozenset()
    """Ids of the checks that must lose points; all others must earn theirs."""
    says: str = ""
    """Words that a lost check's reason must contain."""
    loses_long: frozenset[str] = frozenset()
    """Ids of the long checks that must lose points."""
    is_handout: bool = False
    """True where it is what students begin with, so that no check may give it any points."""


@dataclass(frozen=True)
class Certified:
    name: str
    lost: frozenset[str]
    problems: tuple[str, ...]
    seed: str

    @property
    def holds(self) -> bool:
        return not self.problems


def specimens(assignment: Assignment) -> list[Specimen]:
    """The reference, then variants, then faults."""
    folder, file = assignment.folder, assignment.files[0]
    reference = Specimen("reference", receive_path(assignment.reference, file))
    variants = [Specimen(f"variants/{p.stem}", receive_path(p, file)) for p in _entries(folder / "variants")]
    return [reference, *variants, *(_fault(p, assignment) for p in _entries(folder / "faults"))]


def handout(assignment: Assignment) -> list[Specimen]:
    """Return the handout's own file that defines what is graded, as a submission, or nothing if no file does."""
    names = assignment.entry_points.names
    wanted = any if assignment.entry_points.of_class else all  # a class may have one of several names
    files = [p for p in sorted((assignment.folder / "handout").glob("*")) if p.suffix in (".py", ".ipynb")]
    for path in sorted(files, key=lambda p: (p.name not in assignment.files, p.suffix != ".py")):
        defined = _DEFINED.findall(path.read_text("utf-8"))
        if wanted(name in defined for name in names):
            checks = frozenset(check for part in assignment.parts for check in part.points_of_checks)
            return [Specimen("handout", receive_path(path, assignment.files[0]), checks, is_handout=True)]
    return []


_DEFINED = re.compile(r'(?:^|"|\\n)(?:class|def) (\w+)', re.MULTILINE)
"""A definition at the beginning of a line, of a Python file or of a notebook's cell."""


def certify(
    chosen: Sequence[Specimen],
    assignment: Assignment,
    sandbox: Sandbox,
    *,
    long: bool,
    workers: int,
    tick: Callable[[int], None] = lambda _count: None,
) -> list[Certified]:
    """Grade every specimen once, under the public seed. With `long`, the long checks of what must earn everything run
    as well, and of the faults whose headers say what they lose there: an accuracy is evidence of one side only."""

    def one(specimen: Specimen) -> Certified:
        wholly = long and (not specimen.loses or bool(specimen.loses_long))
        report = grade(specimen.submission, assignment, sandbox, Seed(), Scope(code_only=not wholly))
        tick(1)
        return _compare(specimen, report)

    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(one, chosen))


def certify_seeds(
    chosen: Sequence[Specimen],
    assignment: Assignment,
    choose: Callable[[], Sandbox],
    *,
    seeds: int,
    workers: int,
    tick: Callable[[int], None] = lambda _count: None,
) -> list[Certified]:
    """Each specimen on many secret seeds, code checks only; returns what went wrong, and one good row each.

    In processes, each with a sandbox that it chooses for itself: judging is as much work as the student's code.
    """
    blocks = [(s, range(start, min(start + BLOCK, seeds))) for s in chosen for start in range(0, seeds, BLOCK)]
    rows: list[Certified] = []
    with ProcessPoolExecutor(workers, get_context("spawn"), _enter, (assignment.folder, choose)) as pool:
        try:
            for future in as_completed([pool.submit(_on_seeds, specimen, numbers) for specimen, numbers in blocks]):
                rows += future.result()
                tick(BLOCK)
        except BaseException:  # asked to end, too: what has not begun never does
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    rows.sort(key=lambda row: ([s.name for s in chosen].index(row.name), row.seed))
    return [row for row in rows if not row.holds] or rows[::seeds]


BLOCK = 25
"""Seeds that one session is used for."""

_room: list[tuple[Assignment, Sandbox | None]] = []
"""A worker process's own assignment, and its sandbox where it needs one."""


def _enter(folder: Path, choose: Callable[[], Sandbox] | None = None) -> None:
    sandbox = choose() if choose else None
    _room.append((load(folder), sandbox))
    if sandbox is not None:
        Finalize(None, sandbox.close, exitpriority=1)


def _on_seeds(specimen: Specimen, numbers: range) -> list[Certified]:
    assignment, sandbox = _room[0]
    assert sandbox is not None
    secrets = [Seed(f"certify {number}".encode()) for number in numbers]
    reports = grade_code(specimen.submission, assignment, sandbox, secrets)
    return [_compare(specimen, report, f"certify {n}") for n, report in zip(numbers, reports, strict=True)]


# ── known mistakes ───────────────────────────────────────────────────────────────────────────────────


def certify_mistakes(
    assignment: Assignment,
    *,
    workers: int,
    only: str = "",
    tick: Callable[[int], None] = lambda _count: None,
) -> list[Certified]:
    """Grade the reference with each known mistake in it, in process, by the code checks. It must lose what the mistake
    says, and be diagnosed as that mistake or as one that is declared alike."""
    chosen = [m.id for m in _with_code(assignment) if only in f"mistakes/{m.id}"]
    blocks = [chosen[start : start + BLOCK] for start in range(0, len(chosen), BLOCK)]
    rows: list[Certified] = []
    if not blocks:
        return rows
    with ProcessPoolExecutor(min(workers, len(blocks)), get_context("spawn"), _enter, (assignment.folder,)) as pool:
        for block in pool.map(_on_mistakes, blocks):
            rows += block
            tick(len(block))
    return rows


def _with_code(assignment: Assignment) -> list[KnownMistake]:
    return [m for m in assignment.mistakes if isinstance(m, KnownMistake)]


def _on_mistakes(ids: Sequence[str]) -> list[Certified]:
    assignment = _room[0][0]
    return [_diagnosed(m, assignment) for m in _with_code(assignment) if m.id in ids]


def _diagnosed(mistake: KnownMistake, assignment: Assignment) -> Certified:
    report = testing.grade(assignment, testing.specimen(assignment, mistake))
    lost, named = testing.lost(report), testing.diagnosed(report)
    kept = [id for id in mistake.fails if not any(_is_in(c, id) for c in lost)]
    problems = [f"earns {id}, which it should lose{_follows(report, id)}" for id in kept]
    if mistake.fails:
        extra = sorted(c for c in lost if not any(_is_in(c, id) for id in mistake.fails))
        problems += [f"loses {c}, which it should earn: {_reason(report.checks, c)}" for c in extra]
    if not lost:
        problems.append("loses nothing: add a problem that shows it, or remove it")
    elif not named & {mistake.id, *mistake.alike}:
        found = ", ".join(sorted(named)) or "no known mistake"
        problems.append(f"is diagnosed as {found}: register it before that one, or declare alike=")
    elif odd := named - {mistake.id, *mistake.alike}:
        problems.append(f"is also diagnosed as {', '.join(sorted(odd))}: declare alike=, or add a problem")
    return Certified(f"mistakes/{mistake.id}", lost, tuple(problems), "public")


def _is_in(check: str, id: str) -> bool:
    return f"{check}.".startswith(f"{id}.")


def necessity(rows: Iterable[Certified], checks: Iterable[str]) -> dict[str, list[str]]:
    """Check → the faults that it alone catches. A check without one might as well not be there."""
    alone: dict[str, list[str]] = {check: [] for check in checks}
    for row in rows:
        if len(row.lost) == 1:
            alone.setdefault(next(iter(row.lost)), []).append(row.name)
    return alone


def _compare(specimen: Specimen, report: Report, seed: str = "public") -> Certified:
    decided = [c for c in report.checks if c.status is not Status.WAITING]
    lost = frozenset(c.id for c in decided if c.points < c.possible)
    if specimen.is_handout:
        earned = [
            f"earns {show_points(c.points)} of {c.id} untouched{_follows(report, c.id)}: "
            "let the check fail where nothing has been written"
            for c in decided
            if c.points
        ]
        return Certified(specimen.name, lost, tuple(earned), seed)
    expected = specimen.loses | specimen.loses_long
    judged = frozenset(c.id for c in decided)
    problems = [f"loses {id}, which it should earn: {_reason(decided, id)}" for id in sorted(lost - expected)]
    problems += [f"earns {id}, which it should lose{_follows(report, id)}" for id in sorted((expected & judged) - lost)]
    reasons = _words(" ".join(c.reason for c in decided))
    if specimen.says and _words(specimen.says) not in reasons:
        problems.append(
            f"never says {specimen.says!r} but: {'; '.join(dict.fromkeys(c.reason for c in decided if c.reason))}"
        )
    return Certified(specimen.name, lost, tuple(problems), seed)


def _follows(report: Report, id: str) -> str:
    """Return where the cause was charged that a check or section follows from: a cause costs its points once."""
    causes = dict.fromkeys(cause for c in report.checks if _is_in(c.id, id) for cause in c.follows_from)
    return f" (follows from {', '.join(causes)})" if causes else ""


def _reason(checks: Iterable[CheckResult], id: str) -> str:
    return next(c.reason for c in checks if c.id == id)


def _words(text: str) -> str:
    return " ".join(re.sub(r"[^\w\s.*/½²-]", " ", text.casefold()).split())


# ── the files ────────────────────────────────────────────────────────────────────────────────────────


def _entries(folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        solutions = (
            p for p in folder.iterdir() if p.suffix in (".py", ".fault") or (p.is_dir() and p.name[0] not in "._")
        )
        yield from sorted(solutions)


def _fault(path: Path, assignment: Assignment) -> Specimen:
    """Return a complete .py, or a .fault that patches a right solution; the first comment lines are its header."""
    text = path.read_text("utf-8")
    header = dict(re.findall(r"^# (loses long|loses|says|of):[ \t]*(.*)$", text, re.MULTILINE))
    if old := re.search(r"^# loses on \w+:", text, re.MULTILINE):
        raise BadAssignment(f"faults/{path.name}: write '# loses long:' instead of '{old[0]}'")
    if not header.get("loses"):
        raise BadAssignment(f"faults/{path.name} must begin with '# loses: …', the ids of the checks that it loses")
    source = _patched(path, text, header.get("of", ""), assignment) if _REPLACE in text else text
    return Specimen(
        f"faults/{path.stem}",
        receive(assignment.files[0], source.encode(), assignment.files[0]),
        frozenset(header["loses"].split()),
        header.get("says", ""),
        frozenset(header.get("loses long", "").split()),
    )


_REPLACE, _BY = "# --- replace\n", "# --- by"


def _patched(path: Path, text: str, of: str, assignment: Assignment) -> str:
    """Return the text of a right solution with whole lines replaced: of the one that the header names, or of the first
    in which every block to be replaced stands exactly once."""
    blocks: list[tuple[str, str]] = []
    for block in text.rstrip("\n").split(_REPLACE)[1:]:
        before, mark, after = block.rstrip("\n").partition(_BY)
        if not mark:
            raise BadAssignment(f"faults/{path.name}: '# --- replace' without '# --- by'; add the lines to put there")
        blocks.append((before, after))
    folder = assignment.folder
    solutions = [p for p in (*_entries(folder / "variants"), assignment.reference) if p.is_file()]
    if of:
        solutions = [p for p in solutions if p.name == of]
        if not solutions:
            raise BadAssignment(f"faults/{path.name}: '# of: {of}' is no file in variants/ and not the reference")
    for solution in solutions:
        source = "\n" + solution.read_text("utf-8")
        if all(source.count("\n" + before) == 1 for before, _ in blocks):
            return _replaced(source, blocks)
    where = of or "one of the variants or the reference"
    raise BadAssignment(f"faults/{path.name}: the lines under '# --- replace' must stand exactly once in {where}")


def _replaced(source: str, blocks: Sequence[tuple[str, str]]) -> str:
    """Return the source with each block replaced, found in the text as it was."""
    spans = []
    for before, after in blocks:
        start = source.index("\n" + before)
        spans.append((start, start + 1 + len(before), f"{after}\n" if after else "\n"))
    for start, end, new in sorted(spans, reverse=True):
        source = source[:start] + new + source[end:]
    return source[1:]
