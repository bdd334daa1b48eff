"""The class report as one HTML file: scores, most common mistakes, and students who need attention."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from grader.batch.class_plots import accuracies, histogram
from grader.batch.outcome import Result, Standing
from grader.batch.summary import Rate, Summary
from grader.model import Status
from grader.model.grouping import grouped
from grader.render.html import environment

SLOWEST = 10
NEEDS_ATTENTION = (
    Standing.FAILED,
    Standing.UNCLEAR,
    Standing.UNREADABLE,
    Standing.NO_CODE,
    Standing.MISSING,
    Standing.NOT_YET,
)


def page(summary: Summary) -> str:
    """Return the class report as an HTML page."""
    graded = summary.of(Standing.GRADED, Standing.PARTLY_GRADED)
    by_standing = {standing: summary.of(standing) for standing in NEEDS_ATTENTION}
    return _TEMPLATE.render(
        summary=summary,
        graded=graded,
        not_full=not summary.scope.is_full,
        attention={standing: results for standing, results in by_standing.items() if results},
        late=[result for result in graded if result.late and result.late.is_late],
        sharing=_sharing(graded),
        plots=[plot for plot in (histogram(summary), accuracies(summary)) if plot is not None],
        rates=[(rate, _share(rate), list(_bar(rate))) for rate in summary.rates.values()],
        slowest=sorted(summary.cpu_seconds, reverse=True)[:SLOWEST],
    )


def _share(rate: Rate) -> str:
    """Return the share of students who passed a check, of those for whom it is decided; "—" if there are none."""
    decided = sum(count for status, count in rate.counts.items() if status.is_decided)
    passed = rate.counts[Status.PASSED]
    return f"{passed / decided:.0%}" if decided else "—"


def _bar(rate: Rate) -> Iterator[tuple[Status, float, float]]:
    """Yield (status, start, width) of each segment of a check's bar; start and width are percentages of the bar."""
    total = sum(rate.counts.values())
    start = 0.0
    for status, count in rate.counts.items():
        width = 100 * count / total
        yield status, start, width
        start += width


def _sharing(results: list[Result]) -> list[list[str]]:
    """Return the names of the students who submitted equal files, one list for each set of equal files."""
    names = grouped((result.digest, result.student.shown) for result in results if result.shares_with)
    return list(names.values())


_TEMPLATE = environment(Path(__file__).parent).get_template("class.html.j2")
