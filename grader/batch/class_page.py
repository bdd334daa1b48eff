"""Summary → one HTML file with the most common mistakes, the scores, and the students who need attention."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from grader.batch.class_plots import histogram, scatter
from grader.batch.outcome import Result, Standing
from grader.batch.summary import Rate, Summary
from grader.model import Status
from grader.render.html import environment

SLOWEST = 10
NEEDS_SOMEBODY = (
    Standing.FAILED,
    Standing.UNCLEAR,
    Standing.UNREADABLE,
    Standing.NO_CODE,
    Standing.MISSING,
    Standing.NOT_YET,
)


def page(summary: Summary) -> str:
    graded = summary.of(Standing.GRADED, Standing.PARTLY_GRADED)
    return _TEMPLATE.render(
        summary=summary,
        graded=graded,
        not_full=not summary.scope.is_full,
        needy={standing: found for standing in NEEDS_SOMEBODY if (found := summary.of(standing))},
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
    """(status, from, how wide) of a bar that is 100 wide."""
    total, left = sum(rate.counts.values()) or 1, 0.0
    for status, count in rate.counts.items():
        yield status, left, 100 * count / total
        left += 100 * count / total


def _sharing(results: list[Result]) -> list[tuple[str, ...]]:
    """Each circle of people with the same files once."""
    circles = {r.digest: [x.student.shown for x in results if x.digest == r.digest] for r in results if r.shares_with}
    return [tuple(names) for names in circles.values()]


_TEMPLATE = environment(Path(__file__).parent).get_template("class.html.j2")
