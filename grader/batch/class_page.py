"""The class report as one HTML file: scores, most common mistakes, and students who need attention."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from grader.batch.class_plots import histogram, scatter
from grader.batch.outcome import Result, Standing
from grader.batch.summary import Rate, Summary
from grader.model import Status
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
    return _TEMPLATE.render(
        summary=summary,
        graded=graded,
        not_full=not summary.scope.is_full,
        attention={standing: found for standing in NEEDS_ATTENTION if (found := summary.of(standing))},
        late=[r for r in graded if r.late is not None and r.late.is_late],
        sharing=_sharing(graded),
        plots=[plot for plot in (histogram(summary), scatter(summary)) if plot is not None],
        rates=[(rate, _share(rate), list(_bar(rate))) for rate in summary.rates.values()],
        slowest=sorted(summary.costs, key=lambda cost: -cost.cpu_seconds)[:SLOWEST],
    )


def _share(rate: Rate) -> str:
    decided = sum(n for status, n in rate.counts.items() if status.is_decided)
    return f"{rate.counts[Status.PASSED] / decided:.0%}" if decided else "—"


def _bar(rate: Rate) -> Iterator[tuple[Status, float, float]]:
    """Yield (status, start, width) of each segment of a check's bar; start and width are percentages of the bar."""
    total, left = sum(rate.counts.values()) or 1, 0.0
    for status, count in rate.counts.items():
        yield status, left, 100 * count / total
        left += 100 * count / total


def _sharing(results: list[Result]) -> list[tuple[str, ...]]:
    """Return the names of the students who submitted equal files, one tuple for each set of equal files."""
    groups = {r.digest: [x.student.shown for x in results if x.digest == r.digest] for r in results if r.shares_with}
    return [tuple(names) for names in groups.values()]


_TEMPLATE = environment(Path(__file__).parent).get_template("class.html.j2")
