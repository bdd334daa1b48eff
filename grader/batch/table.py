"""The dry run: who maps to what, and what is ambiguous, missing, late, a duplicate or unreadable."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import compress

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from grader.batch.export import Export
from grader.batch.outcome import Result, Standing
from grader.batch.whose import Attribution, Unclear
from grader.render.text import one_line

_READY = (Standing.NOT_YET, Standing.GRADED, Standing.PARTLY_GRADED)


@dataclass(frozen=True)
class Line:
    student: str
    hand_in: str
    by: str
    """What it was recognised by."""
    files: int
    submitted: str
    state: str
    """"to grade", "graded", "missing", "unclear", "unreadable"."""
    notes: str


def lines(attribution: Attribution, results: Iterable[Result]) -> Iterator[Line]:
    """A line a student, and a line for each hand-in that is nobody's."""
    for result in results:
        yield _line(attribution, result)
    for unclear in attribution.unclear:
        yield _nobodys(unclear, "unclear")
    for unclear in attribution.replaced:
        yield _nobodys(unclear, "replaced")


def _line(attribution: Attribution, result: Result) -> Line:
    claimed = attribution.claimed.get(result.student.key)
    hand_in = result.hand_in
    moment = result.student.submitted_at or (hand_in.submitted_at if hand_in else None)
    notes = [result.why if result.standing not in (Standing.GRADED, Standing.PARTLY_GRADED) else ""]
    notes += [result.late.sentence if result.late and result.late.is_late else ""]
    notes += [f"the same files as {', '.join(result.shares_with)}" if result.shares_with else ""]
    notes += ["not in the roster" if not result.student.enrolled else "", *(hand_in.notes if hand_in else ())]
    state = "to grade" if result.standing is Standing.NOT_YET else result.standing.value
    return Line(
        student=result.student.shown,
        hand_in=hand_in.place if hand_in else "",
        by=claimed.how if claimed else "",
        files=len(hand_in.files) if hand_in else 0,
        submitted=moment.isoformat(" ", "minutes") if moment else "",
        state=state,
        notes="; ".join(note for note in notes if note),
    )


def _nobodys(unclear: Unclear, state: str) -> Line:
    hand_in = unclear.hand_in
    moment = hand_in.submitted_at.isoformat(" ", "minutes") if hand_in.submitted_at else ""
    return Line("", hand_in.place, "", len(hand_in.files), moment, state, unclear.why)


def shown(rows: Sequence[Line]) -> Table:
    """Columns in which nobody has anything are left out: a terminal is 80 columns wide."""
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
    """Files of which nobody can say whose they are."""
    return [*export.left_over, *export.tree.unsafe]


def sentence(export: Export, rows: Sequence[Line]) -> str:
    """ "Canvas download: 48 submissions; 45 to grade, 2 missing, 1 unclear" """
    states = dict.fromkeys(row.state for row in rows)
    counted = ", ".join(f"{sum(row.state == state for row in rows)} {state}" for state in states)
    left = left_over(export)
    over = f"; belongs to no submission: {', '.join(left[:5])}{' …' if len(left) > 5 else ''}" if left else ""
    return f"{export.format}: {len(export.hand_ins)} submissions; {counted}{over}"
