"""The table of a dry run: each student's submission, whether it can be graded, and why not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import compress

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from grader.batch.export import Export
from grader.batch.matching import Matching, Unclear
from grader.batch.outcome import Result, Standing
from grader.render.text import one_line

_READY = (Standing.NOT_YET, Standing.GRADED, Standing.PARTLY_GRADED)


@dataclass(frozen=True)
class PlanRow:
    """A row of the table."""

    student: str
    submission: str
    by: str
    """The kind of identifier that matched, such as "e-mail address"."""
    files: int
    submitted: str
    state: str
    """A `Standing`, "to grade", "unclear" or "replaced"."""
    notes: str


def lines(matching: Matching, results: Iterable[Result]) -> Iterator[PlanRow]:
    """Yield a row for each student, and for each submission that is not matched."""
    for result in results:
        yield _line(matching, result)
    for unclear in matching.unclear:
        yield _unmatched(unclear, "unclear")
    for unclear in matching.replaced:
        yield _unmatched(unclear, "replaced")


def _line(matching: Matching, result: Result) -> PlanRow:
    matches = matching.matches.get(result.student.key)
    submission = result.submission
    moment = result.student.submitted_at or (submission.submitted_at if submission else None)
    notes = [result.why if result.standing not in (Standing.GRADED, Standing.PARTLY_GRADED) else ""]
    notes += [result.late.sentence if result.late and result.late.is_late else ""]
    notes += [f"the same files as {', '.join(result.shares_with)}" if result.shares_with else ""]
    notes += ["not in the roster" if not result.student.enrolled else "", *(submission.notes if submission else ())]
    state = "to grade" if result.standing is Standing.NOT_YET else result.standing.value
    return PlanRow(
        student=result.student.shown,
        submission=submission.place if submission else "",
        by=matches.how if matches else "",
        files=len(submission.files) if submission else 0,
        submitted=moment.isoformat(" ", "minutes") if moment else "",
        state=state,
        notes="; ".join(note for note in notes if note),
    )


def _unmatched(unclear: Unclear, state: str) -> PlanRow:
    submission = unclear.submission
    moment = submission.submitted_at.isoformat(" ", "minutes") if submission.submitted_at else ""
    return PlanRow("", submission.place, "", len(submission.files), moment, state, unclear.why)


def shown(rows: Sequence[PlanRow]) -> Table:
    """Return the rows as a table for the terminal, without empty columns."""
    cells = [[one_line(str(cell)) for cell in asdict(row).values()] for row in rows]
    filled = [any(column) for column in zip(*cells, strict=True)]
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for title in compress(("student", "submission", "by", "files", "submitted", "state", "notes"), filled):
        table.add_column(title, overflow="fold")
    for row, line in zip(rows, cells, strict=True):
        style = "" if row.state in (s.value for s in _READY) or row.state == "to grade" else "yellow"
        table.add_row(*(Text(cell, style) for cell in compress(line, filled)))
    return table


def left_over(export: Export) -> list[str]:
    """Return the paths of the files in an export that belong to no submission."""
    return [*export.left_over, *export.tree.unsafe]


def sentence(export: Export, rows: Sequence[PlanRow]) -> str:
    """Return a summary such as "Canvas download: 48 submissions; 45 to grade, 2 missing, 1 unclear"."""
    states = dict.fromkeys(row.state for row in rows)
    counted = ", ".join(f"{sum(row.state == state for row in rows)} {state}" for state in states)
    left = left_over(export)
    over = f"; belongs to no submission: {', '.join(left[:5])}{' …' if len(left) > 5 else ''}" if left else ""
    return f"{export.format}: {len(export.submissions)} submissions; {counted}{over}"
