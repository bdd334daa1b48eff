"""Render a report on a terminal: the checks with reasons, the total, and the checks to fix first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Console, ConsoleOptions, RenderResult, group
from rich.padding import Padding
from rich.text import Text

from grader.model import UNKNOWN, ZERO, CheckResult, Comparison, Part, Report, Shelf, Status, Written, show_points
from grader.model.grouping import grouped
from grader.render.phrases import COMPARED, SYMBOLS, Fix, caret, cause, fixes, judged, plain, scope, stopper
from grader.render.text import one_line

SIGNS = SYMBOLS | {Status.WAITING: "…", Status.NOT_RUN: "…"}
"""Symbols of statuses on a terminal."""
STYLES = {
    Status.PASSED: "green",
    Status.PARTIAL: "yellow",
    Status.FAILED: "red",
    Status.WAITING: "blue",
    Status.NOT_RUN: "blue",
    Status.NOT_SUBMITTED: "blue",
}
SCREEN = 30
"""Number of lines that a report may use. Remarks that do not fit are left out."""
TOP = "top"
"""Value in `told` (see `_part_lines`) for a cause that is explained at the top of the report."""


class Terminal:
    """A report that rich's `console.print` can print."""

    def __init__(self, report: Report) -> None:
        self._report = report

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        body = list(self._body())
        yield from body
        used = sum(len(console.render_lines(line, options)) for line in body)
        yield from _remark_lines(self._report, SCREEN - used, console, options)

    def _body(self) -> Iterator[Text | Padding]:
        report = self._report
        yield Text.assemble((report.assignment.id, "bold"), f" · {report.assignment.title}")
        if not report.scope.is_full:
            yield Text(f"This is not the grade: {one_line(scope(report.scope))}.", "yellow")
        told: dict[object, str] = {}
        if report.code_absent:
            yield Text.assemble(("Code not submitted: ", "bold yellow"), one_line(report.submission.missing))
        if (fix := stopper(report)) is not None:
            yield _nothing_runs(fix, whole=not report.scope.only)
            told[cause(fix.first)] = TOP
        for part in report.parts:
            if part.checks and report.submission.code_submitted:
                yield from _part_lines(part, told)
        yield from _opinions(report.written)
        yield _total(report)
        if report.late is not None:
            yield Text(one_line(report.late.words, 400), "yellow")
        yield from _first_to_fix(report)


@group()
def graded_parts(parts: Sequence[Part], *, reasons: bool) -> Iterator[Text | Padding]:
    """Return the lines of the parts graded so far, for a live display. `reasons` adds the reasons for lost points."""
    told: dict[object, str] = {}
    for part in parts:
        lines = list(_part_lines(part, told))
        yield from lines if reasons else lines[:1]


def _part_lines(part: Part, told: dict[object, str]) -> Iterator[Text | Padding]:
    """Yield the line of a part, for example "◐ q2.2  Backward pass  7/10", then the reasons for lost points.

    Args:
        part: The part.
        told: Cause → id of the part that already explains it. This function adds the causes of `part`.
    """
    statuses = {c.status for c in part.checks}
    status = statuses.pop() if len(statuses) == 1 else Status.PARTIAL
    possible = sum((c.possible for c in part.checks), ZERO)
    line = Text.assemble(
        (f"{SIGNS[status]} {part.id}", STYLES[status]),
        f"  {part.title}  ",
        (f"{show_points(part.points)}/{show_points(possible)}", "bold"),
    )
    if status is Status.PARTIAL:
        line.append("  ")
        line.append_text(_check_names(part))
    yield line
    for reason, checks in grouped((cause(check), check) for check in part.checks if check.reason).items():
        if reason not in told:
            told[reason] = part.id
            yield _arrow(checks, part.id, _explained(Fix(tuple(checks))))
        elif told[reason] != TOP:
            yield _arrow(checks, part.id, f"as in {told[reason]}")


def _check_names(part: Part) -> Text:
    """Return the names of all checks by status, for example "✗ W1  ✓ b1 W2 b2"."""
    groups = grouped((check.status, _short_id(check.id, part.id)) for check in part.checks)
    return Text("  ").join(Text(f"{SIGNS[s]} {' '.join(names)}", STYLES[s]) for s, names in groups.items())


def _arrow(checks: Sequence[CheckResult], part: str, explanation: str | Text) -> Padding:
    names = ", ".join(_short_id(c.id, part) for c in checks)
    return Padding(Text.assemble(("→ ", "bold"), (f"{names}: ", "bold"), explanation), (0, 0, 0, 4))


def _explained(fix: Fix) -> Text:
    """Return the reason of a fix, then the place and the code of its line. A `raise` statement is left out."""
    text = Text(one_line(fix.sentence, 330))
    line = fix.first.line
    if line is not None:
        text.append(f"  {one_line(str(line))}", "cyan")
        if line.column is not None:
            text.append(f"\n{caret(line.source, line.column)}", "dim")
        elif line.source and not line.source.startswith("raise "):
            text.append(f"  {one_line(line.source, 90)}", "dim")
    return text


def _nothing_runs(fix: Fix, *, whole: bool) -> Text:
    what = "Nothing" if whole else "Nothing of this"
    return Text.assemble((f"{what} runs yet: ", "bold red"), _explained(fix))


def _opinions(written: Sequence[Written]) -> Iterator[Text | Padding]:
    """Yield the results of comparing formulas in written answers: one line for all right answers, and a line for each
    other formula."""
    read = [(w, w.opinion) for w in written if w.opinion is not None]
    for decided, status in ((True, "given"), (False, "suggested")):
        if right := [w for w, opinion in read if opinion.shelf is Shelf.RIGHT and w.decided is decided]:
            points = show_points(sum((w.possible for w in right), ZERO))
            yield Text(f"✎ {' '.join(w.id for w in right)}  {COMPARED[Comparison.EQUAL]}: {points} {status}", "green")
    for answer, opinion in read:
        for judgement in () if opinion.shelf is Shelf.RIGHT else opinion.judgements:
            which = f" {plain(judgement.asked)}" if len(opinion.judgements) > 1 else ""
            yield Text.assemble(
                (f"✎ {answer.id}{which}  {COMPARED[judgement.comparison]}  ", "blue"), one_line(judged(judgement), 240)
            )


def _total(report: Report) -> Text:
    scored = f"{show_points(report.points)}/{show_points(report.decided)}"
    total = Text(f"Autograded {scored}" if report.decided else "Nothing graded", "bold")
    written = [w for w in report.written if not w.decided]
    for_a_person = sum((w.possible for w in written), ZERO)
    found = [w for w in written if w.found]
    absent = for_a_person - sum((w.possible for w in found), ZERO)
    if found:
        waiting = show_points(for_a_person - absent)
        total.append(f" · {waiting} points await marking ({len(found)} of {len(written)} answers found)")
    if report.waiting > for_a_person + report.code_absent:
        total.append(f" · {show_points(report.waiting - for_a_person - report.code_absent)} not run here")
    if report.code_absent:
        total.append(f" · code not submitted ({show_points(report.code_absent)})")
    if absent:
        total.append(f" · no written answers found ({show_points(absent)})")
    return total


def _first_to_fix(report: Report) -> Iterator[Text]:
    mine = [fix for fix in fixes(report) if not fix.only_follows] or list(fixes(report))
    shown = [f"{_fix_label(fix)} (+{show_points(fix.lost)})" for fix in mine[:4]]
    if shown:
        yield Text.assemble(("Fix first: ", "bold"), ", ".join(shown))


def _fix_label(fix: Fix) -> str:
    """Return a short label of a fix, for example "q2.2.W1" or "solution.py:52: q2.2.W1 and 3 more"."""
    rest = len(fix.checks) - 1
    if not rest:
        return fix.first.id
    place = f"{one_line(str(fix.first.place))}: " if fix.first.place else ""
    return f"{place}{fix.first.id} and {rest} more"


def _remark_lines(report: Report, lines: int, console: Console, options: ConsoleOptions) -> Iterator[Text]:
    """Yield as many remarks as fit in `lines`, then a line with the sandbox, the seed and the versions."""
    environment = report.environment
    numpy = f", numpy {environment.numpy}, {environment.kernels}"
    if environment.numpy == UNKNOWN:  # no code was run
        numpy = ""
    seed = "public seed" if report.seed == "public" else f"seed {report.seed}"
    last = Text(f"· Sandbox: {environment.isolation}. Problems: {seed}. Grader {environment.grader}{numpy}", "dim")
    if report.submission.graded is not None and report.submission.graded.cells:
        cells = report.submission.graded.cells
        numbers = one_line(", ".join(map(str, cells)))
        last.append(f"\n· from {one_line(report.submission.graded.source)}, cell{'s' * (len(cells) > 1)} {numbers}")
    remarks = [Text(f"· {one_line(remark, 300)}", "dim") for remark in _all_remarks(report)]
    heights = [len(console.render_lines(remark, options)) for remark in (*remarks, last)]
    shown = len(remarks)
    while shown and sum(heights[:shown]) + heights[-1] + (shown < len(remarks)) > lines:
        shown -= 1
    yield from remarks[:shown]
    if shown < len(remarks):
        yield Text(f"· {len(remarks) - shown} more remarks: --html and --json have them all", "dim")
    yield last


def _all_remarks(report: Report) -> list[str]:
    ran = (check for check in report.checks if check.failed_call is None)
    by_remark = grouped((remark, check.id) for check in ran for remark in check.remarks)
    return [*report.remarks, *(f"{', '.join(ids[:4])}: {remark}" for remark, ids in by_remark.items())]


def _short_id(check: str, part: str) -> str:
    return check.removeprefix(f"{part}.")
