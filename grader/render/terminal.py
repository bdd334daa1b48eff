"""Render a report on a terminal: the checks with reasons, the total, and the checks to fix first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Console, ConsoleOptions, RenderResult, group
from rich.padding import Padding
from rich.text import Text

from grader.model import UNKNOWN, ZERO, CheckResult, Comparison, Part, Report, Shelf, Status, Written, show_points
from grader.model.grouping import grouped
from grader.render.phrases import (
    COMPARED,
    SYMBOLS,
    Fix,
    caret,
    cause,
    fixes,
    judged,
    kernels,
    late_penalty,
    plain,
    scope,
    stopper,
)
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
"""Value in `explained` (see `_part_lines`) for a cause that is explained at the top of the report."""


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
        """Yield the lines of a report without its remarks: the title, a reason why nothing runs yet, the parts, the
        written answers, the total, and what to fix first."""
        report = self._report
        yield Text.assemble((report.assignment.id, "bold"), f" · {report.assignment.title}")
        if not report.scope.is_full:
            yield Text(f"This is not the grade: {one_line(scope(report.scope))}.", "yellow")
        explained: dict[object, str] = {}  # see `_part_lines`
        if report.code_absent:
            yield Text.assemble(("Code not submitted: ", "bold yellow"), one_line(report.submission.missing))
        fix = stopper(report)
        if fix is not None:
            scope_name = "Nothing of this" if report.scope.only else "Nothing"
            yield Text.assemble((f"{scope_name} runs yet: ", "bold red"), _explanation(fix))
            explained[True, cause(fix.first)] = TOP
        for part in report.parts:
            if part.checks and report.submission.code_submitted:
                yield from _part_lines(part, explained)
        yield from _opinions(report.written)
        yield _total(report)
        if report.late is not None:
            yield Text(one_line(late_penalty(report.late), 400), "yellow")
        yield from _first_to_fix(report)


@group()
def graded_parts(parts: Sequence[Part], *, reasons: bool) -> Iterator[Text | Padding]:
    """Return the lines of the parts graded so far, for a live display. `reasons` adds the reasons for lost points."""
    explained: dict[object, str] = {}
    for part in parts:
        lines = list(_part_lines(part, explained))
        yield from lines if reasons else lines[:1]


def _part_lines(part: Part, explained: dict[object, str]) -> Iterator[Text | Padding]:
    """Yield the line of a part, for example "◐ q2.2  Backward pass  7/10", then the reasons for lost points.

    Args:
        part: The part.
        explained: (is a check decided, cause) → id of the part that already explains it. This function adds the causes
            of `part`.
    """
    statuses = {check.status for check in part.checks}
    status = statuses.pop() if len(statuses) == 1 else Status.PARTIAL
    possible = sum((check.possible for check in part.checks), ZERO)
    line = Text.assemble(
        (f"{SIGNS[status]} {part.id}", STYLES[status]),
        f"  {part.title}  ",
        (f"{show_points(part.points)}/{show_points(possible)}", "bold"),
    )
    if status is Status.PARTIAL:
        line.append("  ")
        line.append_text(_check_names(part))
    yield line
    by_cause = grouped((cause(check), check) for check in part.checks if check.reason)
    for its_cause, checks in by_cause.items():
        is_decided = any(check.status.is_decided for check in checks)
        # a lost check is not explained by one that is not decided
        explained_in = explained.get((True, its_cause)) or explained.get((is_decided, its_cause))
        if explained_in is None:
            explained[is_decided, its_cause] = part.id
            yield _arrow(checks, part.id, _explanation(Fix(tuple(checks))))
        elif explained_in != TOP:
            yield _arrow(checks, part.id, f"as in {explained_in}")


def _check_names(part: Part) -> Text:
    """Return the names of all checks by status, for example "✗ W1  ✓ b1 W2 b2"."""
    by_status = grouped((check.status, _short_id(check.id, part.id)) for check in part.checks)
    groups = []
    for status, names in by_status.items():
        listed = " ".join(names)
        groups.append(Text(f"{SIGNS[status]} {listed}", STYLES[status]))
    return Text("  ").join(groups)


def _arrow(checks: Sequence[CheckResult], part: str, explanation: str | Text) -> Padding:
    """Return the line "→ W1, b1: explanation" for checks that failed for the same cause."""
    names = ", ".join(_short_id(check.id, part) for check in checks)
    text = Text.assemble((f"→ {names}: ", "bold"), explanation)
    return Padding(text, (0, 0, 0, 4))


def _explanation(fix: Fix) -> Text:
    """Return the reason of a fix, then the place and the code of its line. A `raise` statement is left out."""
    text = Text(one_line(fix.sentence, 330))
    line, column = fix.first.line, fix.first.column
    if line is None:
        return text
    place = one_line(str(fix.first.place))
    text.append(f"  {place}", "cyan")
    if column is not None:
        pointed = caret(line.source, column)
        text.append(f"\n{pointed}", "dim")
    elif line.source and not line.source.startswith("raise "):
        source = one_line(line.source, 90)
        text.append(f"  {source}", "dim")
    return text


def _opinions(written: Sequence[Written]) -> Iterator[Text | Padding]:
    """Yield the results of comparing formulas in written answers: one line for all right answers, and a line for each
    other formula."""
    right = [answer for answer in written if answer.opinion and answer.shelf is Shelf.RIGHT]
    for is_decided, status in ((True, "given"), (False, "suggested")):
        answers = [answer for answer in right if answer.decided is is_decided]
        if answers:
            ids = " ".join(answer.id for answer in answers)
            points = show_points(sum((answer.possible for answer in answers), ZERO))
            yield Text(f"✎ {ids}  {COMPARED[Comparison.EQUAL]}: {points} {status}", "green")
    for answer in written:
        if answer.opinion is None or answer in right:
            continue
        for judgement in answer.opinion.judgements:
            name = answer.id
            if len(answer.opinion.judgements) > 1:
                name += f" {plain(judgement.asked)}"
            result = (f"✎ {name}  {COMPARED[judgement.comparison]}  ", "blue")
            yield Text.assemble(result, one_line(judged(judgement), 240))


def _total(report: Report) -> Text:
    """Return the line with the total, such as "Autograded 23/33 · 40 points await marking (5 of 8 answers found)", and
    the points for which there is no score and why: not run here, code not submitted, no written answer found."""
    scored = f"{show_points(report.points)}/{show_points(report.decided)}"
    total = Text(f"Autograded {scored}" if report.decided else "Nothing graded", "bold")
    undecided = [answer for answer in report.written if not answer.decided]
    to_mark = [answer for answer in undecided if answer.found]
    undecided_points = sum((answer.possible for answer in undecided), ZERO)
    to_mark_points = sum((answer.possible for answer in to_mark), ZERO)
    not_run_points = report.waiting - undecided_points - report.code_absent
    if to_mark:
        answers = f"{len(to_mark)} of {len(undecided)} answers found"
        total.append(f" · {show_points(to_mark_points)} points await marking ({answers})")
    if not_run_points > 0:
        total.append(f" · {show_points(not_run_points)} not run here")
    if report.code_absent:
        total.append(f" · code not submitted ({show_points(report.code_absent)})")
    if undecided_points > to_mark_points:
        total.append(f" · no written answers found ({show_points(undecided_points - to_mark_points)})")
    return total


def _first_to_fix(report: Report) -> Iterator[Text]:
    """Yield a line with the first four things to fix and the points that each would win. Leave out consequences, such
    as a low accuracy, if there is anything else."""
    causes = [fix for fix in fixes(report) if not fix.only_follows] or list(fixes(report))
    labels = []
    for fix in causes[:4]:
        lost = show_points(fix.lost)
        labels.append(f"{_fix_label(fix)} (+{lost})")
    if labels:
        yield Text.assemble(("Fix first: ", "bold"), ", ".join(labels))


def _fix_label(fix: Fix) -> str:
    """Return a short label of a fix, for example "q2.2.W1" or "solution.py:52: q2.2.W1 and 3 more"."""
    label = fix.first.id
    more = len(fix.checks) - 1
    if not more:
        return label
    if fix.first.place:
        place = one_line(str(fix.first.place))
        label = f"{place}: {label}"
    return f"{label} and {more} more"


def _remark_lines(report: Report, lines: int, console: Console, options: ConsoleOptions) -> Iterator[Text]:
    """Yield as many remarks as fit in `lines`, then a line with the sandbox, the seed and the versions."""
    environment = report.environment
    numpy = f", numpy {environment.numpy}, {kernels(environment)}"
    if environment.numpy == UNKNOWN:  # no code was run
        numpy = ""
    seed = f"{report.seed} seed"
    last = Text(f"· Sandbox: {environment.isolation}. Problems: {seed}. Grader {environment.grader}{numpy}", "dim")
    if report.submission.graded is not None and report.submission.graded.cells:
        cells = report.submission.graded.cells
        numbers = one_line(", ".join(map(str, cells)))
        last.append(f"\n· from {one_line(report.submission.graded.source)}, cell{'s' * (len(cells) > 1)} {numbers}")
    remarks = [Text(f"· {one_line(remark, 300)}", "dim") for remark in _all_remarks(report)]
    heights = [len(console.render_lines(remark, options)) for remark in (*remarks, last)]
    shown = len(remarks)
    # besides the remarks shown, the last line must fit and, if remarks are left out, a line that says so
    while shown and sum(heights[:shown]) + heights[-1] + (shown < len(remarks)) > lines:
        shown -= 1
    yield from remarks[:shown]
    if shown < len(remarks):
        yield Text(f"· {len(remarks) - shown} more remarks: --html and --json have them all", "dim")
    yield last


def _all_remarks(report: Report) -> list[str]:
    """Return the remarks on the report and on its checks. A remark that several checks share is listed once."""
    completed = [check for check in report.checks if check.failed_call is None]
    by_remark = grouped((remark, check.id) for check in completed for remark in check.remarks)
    remarks = list(report.remarks)
    for remark, ids in by_remark.items():
        names = ", ".join(ids[:4])
        remarks.append(f"{names}: {remark}")
    return remarks


def _short_id(check: str, part: str) -> str:
    return check.removeprefix(f"{part}.")
