"""The grader is graded: an assignment's reference and variants must earn everything, and every fault must lose
exactly what its header says, and say it in the header's words."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.util import Finalize
from pathlib import Path

from grader.catalogue import Assignment, load
from grader.errors import BadAssignment
from grader.intake import receive, receive_path
from grader.model import CheckResult, Report, Status, Submission
from grader.pipeline import Scope, grade, grade_code
from grader.sandbox.contract import Sandbox
from grader.seeds import Seed


@dataclass(frozen=True)
class Specimen:
    """One submission of which we know what it must earn."""

    name: str
    """ "reference", "variants/loops", "faults/no_decay"."""
    submission: Submission
    loses: frozenset[str] = frozenset()
    """Ids of the checks that must lose points; all others must earn theirs."""
    says: str = ""
    """Words that a lost check's reason must contain."""
    loses_on_mnist: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Certified:
    specimen: Specimen
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
    return [reference, *variants, *(_fault(p, file) for p in _entries(folder / "faults"))]


def certify(
    chosen: Sequence[Specimen],
    assignment: Assignment,
    sandbox: Sandbox,
    *,
    mnist: bool,
    workers: int,
    tick: Callable[[int], None] = lambda _count: None,
) -> list[Certified]:
    """Grades every specimen once, under the public seed. With `mnist`, what must earn everything trains as well, and
    so do the faults whose headers say what they lose there: an accuracy is evidence of one side only."""

    def one(specimen: Specimen) -> Certified:
        trains = mnist and (not specimen.loses or bool(specimen.loses_on_mnist))
        report = grade(specimen.submission, assignment, sandbox, Seed(), Scope(code_only=not trains))
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
    rows.sort(key=lambda row: ([s.name for s in chosen].index(row.specimen.name), row.seed))
    return [row for row in rows if not row.holds] or rows[::seeds]


BLOCK = 25
"""Seeds that one session is used for."""

_room: list[tuple[Assignment, Sandbox]] = []
"""A worker process's own assignment and sandbox."""


def _enter(folder: Path, choose: Callable[[], Sandbox]) -> None:
    sandbox = choose()
    _room.append((load(folder), sandbox))
    Finalize(None, sandbox.close, exitpriority=1)


def _on_seeds(specimen: Specimen, numbers: range) -> list[Certified]:
    assignment, sandbox = _room[0]
    secrets = [Seed(f"certify {number}".encode()) for number in numbers]
    reports = grade_code(specimen.submission, assignment, sandbox, secrets)
    return [_compare(specimen, report, f"certify {n}") for n, report in zip(numbers, reports, strict=True)]


def necessity(rows: Iterable[Certified], checks: Iterable[str]) -> dict[str, list[str]]:
    """Check → the faults that it alone catches. A check without one might as well not be there."""
    alone: dict[str, list[str]] = {check: [] for check in checks}
    for row in rows:
        if len(row.lost) == 1:
            alone.setdefault(next(iter(row.lost)), []).append(row.specimen.name)
    return alone


def _compare(specimen: Specimen, report: Report, seed: str = "public") -> Certified:
    decided = [c for c in report.checks if c.status is not Status.WAITING]
    lost = frozenset(c.id for c in decided if c.points < c.possible)
    expected = specimen.loses | specimen.loses_on_mnist
    judged = frozenset(c.id for c in decided)
    problems = [f"loses {id}, which it should earn: {_reason(decided, id)}" for id in sorted(lost - expected)]
    problems += [f"earns {id}, which it should lose" for id in sorted((expected & judged) - lost)]
    reasons = _words(" ".join(c.reason for c in decided))
    if specimen.says and _words(specimen.says) not in reasons:
        problems.append(
            f"never says {specimen.says!r} but: {'; '.join(dict.fromkeys(c.reason for c in decided if c.reason))}"
        )
    return Certified(specimen, lost, tuple(problems), seed)


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


def _fault(path: Path, file: str) -> Specimen:
    """A complete .py, or a .fault that patches variants/textbook.py; its first comment lines are the header."""
    text = path.read_text("utf-8")
    header = dict(re.findall(r"^# (loses on mnist|loses|says):[ \t]*(.*)$", text, re.MULTILINE))
    if not header.get("loses"):
        raise BadAssignment(f"faults/{path.name} does not begin with '# loses: …'")
    source = _patched(path, text) if "# --- replace" in text else text
    return Specimen(
        f"faults/{path.stem}",
        receive(file, source.encode(), file),
        frozenset(header["loses"].split()),
        header.get("says", ""),
        frozenset(header.get("loses on mnist", "").split()),
    )


def _patched(path: Path, text: str) -> str:
    """textbook.py with whole lines of it replaced, each block found in the file as it was."""
    source = "\n" + (path.parent.parent / "variants" / "textbook.py").read_text("utf-8")
    spans: list[tuple[int, int, str]] = []
    for block in text.rstrip("\n").split("# --- replace\n")[1:]:
        before, mark, after = block.rstrip("\n").partition("# --- by")
        old = "\n" + before
        if not mark or source.count(old) != 1:
            raise BadAssignment(f"faults/{path.name}: its '# --- replace' text must stand in textbook.py exactly once")
        start = source.index(old)
        spans.append((start, start + len(old), f"{after}\n" if after else "\n"))
    for start, end, new in sorted(spans, reverse=True):
        source = source[:start] + new + source[end:]
    return source[1:]
