"""Report → terminal: what held, what did not and why, then the total and what to fix first, on one screen."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console, ConsoleOptions, RenderResult
from rich.padding import Padding
from rich.text import Text

from grader.model import ZERO, CheckResult, Part, Report, Status, show_points
from grader.render.text import one_line

SIGNS = {Status.HELD: "✓", Status.PARTLY: "◐", Status.LOST: "✗", Status.WAITING: "…"}
STYLES = {Status.HELD: "green", Status.PARTLY: "yellow", Status.LOST: "red", Status.WAITING: "blue"}


class Terminal:
    """`console.print(Terminal(report))`. All of a student's words go through `one_line` and are never markup."""

    def __init__(self, report: Report) -> None:
        self._report = report

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        report = self._report
        yield Text.assemble((report.assignment, "bold"), f" · {report.assignment_title}")
        if report.scope != "full":
            yield Text(f"This is not the grade: {report.scope}.", "yellow")
        for part in report.parts:
            if part.checks:
                yield from _part(part)
        yield from _total(report)
        yield from _first_to_fix(report)
        yield from _remarks(report)


def _part(part: Part) -> Iterator[Text | Padding]:
    statuses = {c.status for c in part.checks}
    status = statuses.pop() if len(statuses) == 1 else Status.PARTLY
    possible = sum((c.possible for c in part.checks), ZERO)
    line = Text.assemble(
        (f"{SIGNS[status]} {part.id}", STYLES[status]),
        f"  {part.title}  ",
        (f"{show_points(part.points)}/{show_points(possible)}", "bold"),
    )
    if status is Status.PARTLY:
        line.append("  ")
        line.append_text(_names(part))
    yield line
    for reason, checks in _by_reason(part).items():
        yield _lost(reason, checks, part.id)


def _names(part: Part) -> Text:
    """Every check's sign and short name, those with one sign together."""
    groups: dict[Status, list[str]] = {}
    for check in part.checks:
        groups.setdefault(check.status, []).append(_short(check.id, part.id))
    return Text("  ").join(Text(f"{SIGNS[s]} {' '.join(names)}", STYLES[s]) for s, names in groups.items())


def _by_reason(part: Part) -> dict[str, list[CheckResult]]:
    """One mistake that costs several checks is explained once."""
    groups: dict[str, list[CheckResult]] = {}
    for check in part.checks:
        if check.reason:
            groups.setdefault(check.mistake or check.reason, []).append(check)
    return groups


def _lost(_reason: str, checks: list[CheckResult], part: str) -> Padding:
    first = checks[0]
    names = ", ".join(_short(c.id, part) for c in checks)
    text = Text.assemble(("→ ", "bold"), (f"{names}: ", "bold"), one_line(first.reason, 330))
    if first.place is not None:
        text.append(f"  {one_line(str(first.place))}", "cyan")
        if first.source:
            text.append(f"  {one_line(first.source, 90)}", "dim")
    return Padding(text, (0, 0, 0, 4))


def _total(report: Report) -> Iterator[Text]:
    total = Text.assemble(
        ("Total by machine: ", "bold"), (f"{show_points(report.points)} of {show_points(report.decided)}", "bold")
    )
    written = [w for part in report.parts for w in part.written]
    for_a_person = sum((w.possible for w in written), ZERO)
    if written:
        found = sum(w.found for w in written)
        total.append(f" · {show_points(for_a_person)} wait for a person ({found} of {len(written)} answers found)")
    if report.waiting > for_a_person:
        total.append(f" · {show_points(report.waiting - for_a_person)} not decided here")
    yield total


def _first_to_fix(report: Report) -> Iterator[Text]:
    fixes = [f"{c.id} (+{show_points(c.possible - c.points)})" for c in report.first_to_fix[:4]]
    if fixes:
        yield Text.assemble(("Fix first: ", "bold"), ", ".join(fixes))


def _remarks(report: Report) -> Iterator[Text]:
    by_remark: dict[str, list[str]] = {}
    for check in report.checks:
        for remark in check.remarks:
            by_remark.setdefault(remark, []).append(check.id)
    remarks = [*report.remarks, *(f"{', '.join(ids[:4])}: {remark}" for remark, ids in by_remark.items())]
    for remark in remarks[:6]:
        yield Text(f"· {one_line(remark, 300)}", "dim")
    environment = report.environment
    yield Text(
        f"· graded in {environment.isolation}, seed {report.seed}, "
        f"grader {environment.grader}, numpy {environment.numpy}",
        "dim",
    )


def _short(check: str, part: str) -> str:
    return check.removeprefix(f"{part}.")
