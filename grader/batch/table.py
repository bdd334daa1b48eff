"""The table of a dry run: each student's submission, whether it can be graded, and why not."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass, fields

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from grader.batch.export import Export
from grader.batch.matching import Matching, Unclear
from grader.batch.outcome import Result, Standing
from grader.render.text import one_line

_TO_GRADE = "to grade"
_READY = (_TO_GRADE, Standing.GRADED, Standing.PARTLY_GRADED)


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
    """Return a student's row. The reason for the standing is a note, unless the submission is graded."""
    match = matching.matches.get(result.student.key)
    submission = result.submission
    notes = []
    if result.why and result.standing not in (Standing.GRADED, Standing.PARTLY_GRADED):
        notes.append(result.why)
    notes += result.remarks
    if submission:
        notes += submission.notes
    return PlanRow(
        student=result.student.shown,
        submission=submission.place if submission else "",
        by=match.how if match else "",
        files=len(submission.files) if submission else 0,
        submitted=_minute(result.submitted_at),
        state=_TO_GRADE if result.standing is Standing.NOT_YET else result.standing.value,
        notes="; ".join(notes),
    )


def _unmatched(unclear: Unclear, state: str) -> PlanRow:
    """Return the row of a submission that belongs to no student. `state` is "unclear" or "replaced"."""
    submission = unclear.submission
    submitted = _minute(submission.submitted_at)
    count = len(submission.files)
    return PlanRow("", submission.place, "", count, submitted, state, unclear.why)


def _minute(moment: dt.datetime | None) -> str:
    return moment.isoformat(" ", "minutes") if moment else ""


def shown(rows: Sequence[PlanRow]) -> Table:
    """Return the rows as a table for the terminal."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for field in fields(PlanRow):
        table.add_column(field.name, overflow="fold")
    for row in rows:
        style = "" if row.state in _READY else "yellow"
        cells = [one_line(str(cell)) for cell in astuple(row)]
        texts = [Text(cell, style) for cell in cells]
        table.add_row(*texts)
    return table


def sentence(export: Export, rows: Sequence[PlanRow]) -> str:
    """Return a summary such as "Canvas download: 48 submissions; 45 to grade, 2 missing, 1 unclear"."""
    states = Counter(row.state for row in rows)
    counts = ", ".join(f"{count} {state}" for state, count in states.items())
    summary = f"{export.format}: {len(export.submissions)} submissions; {counts}"
    files = export.left_over
    if not files:
        return summary
    more = " …" if len(files) > 5 else ""
    return f"{summary}; belongs to no submission: {', '.join(files[:5])}{more}"
