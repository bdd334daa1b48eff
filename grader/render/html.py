"""Render a report as one self-contained HTML file, without scripts and without requests to a network."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from grader.model import (
    NOTHING_USED,
    ZERO,
    CheckResult,
    Comparison,
    Part,
    Points,
    Report,
    Status,
    Written,
    show_points,
)
from grader.render.formulas import pieces
from grader.render.latex import mended
from grader.render.phrases import (
    COMPARED,
    MAX_LISTED,
    SYMBOLS,
    Fix,
    caret,
    counted,
    fixes,
    judged,
    reason_phrase,
    scope,
    suggestion,
)
from grader.render.plots import Plot, plots
from grader.render.text import clean, one_line

_HERE = Path(__file__).parent

MAX_WITH_CODE = 8
"""With more fixes than this, the lines of code are left out, so that the fixes fit on one screen."""


MAX_REASON = 1_000
"""Number of characters after which a reason or remark is cut."""


@dataclass(frozen=True)
class Totals:
    """The total line and the progress bar at the top of a report."""

    number: str
    """The earned points, such as "37.5"."""
    words: str
    """The text after the number, such as "of 40 autograded · 40 points await marking"."""
    earned: Points
    decided: Points
    possible: Points
    absent: Points = ZERO
    """Possible points of code and answers that were not submitted."""

    @property
    def lost(self) -> Points:
        return self.decided - self.earned

    @property
    def waiting(self) -> Points:
        return self.possible - self.decided - self.absent

    @property
    def stretches(self) -> tuple[tuple[str, str, str], ...]:
        """The segments of the progress bar as ("passed", "failed" or "waiting", start, width), in percent of all
        points."""
        found, start = [], ZERO
        for kind, points in (("passed", self.earned), ("failed", self.lost), ("waiting", self.waiting)):
            if points > 0:
                found.append((kind, _percent_of(start, self.possible), _percent_of(points, self.possible)))
                start += points
        return tuple(found)


def _percent_of(points: Points, of: Points) -> str:
    return f"{float(100 * points / of):.2f}"


def html(report: Report) -> str:
    """Return a report as the content of an HTML file."""
    return _TEMPLATE.render(context(report, plots(report.evidence)))


def context(report: Report, drawn: Sequence[Plot]) -> dict[str, Any]:
    """Return the variables of the templates in `templates/report/`."""
    return {
        "report": report,
        "fixes": fixes(report),
        "plots": drawn,
        "no_plots": _why_no_plots(report),
        "totals": totals(report),
        "used": sum(report.usage.values(), NOTHING_USED),
        "marks": {},
    }


def totals(report: Report) -> Totals:
    """Return the totals of a report. Points that markers gave are not included."""
    number, words = total(report).split(" ", 1)
    return Totals(number, words, report.points, report.decided, report.possible, report.absent)


def title(fix: Fix) -> str:
    """Return the heading of a fix: the titles of its checks, or "5 checks" if there are more than 3."""
    titles = dict.fromkeys(c.title for c in fix.checks)
    return ", ".join(titles) if len(fix.checks) <= MAX_LISTED else f"{len(fix.checks)} checks"


def where(fix: Fix) -> str:
    """Return the ids of a fix's checks, for example "q2.2.W1, q2.2.b1" or "q2.2.W1, q2.2.b1 and 3 more"."""
    ids = [c.id for c in fix.checks]
    return ", ".join(ids) if len(ids) <= MAX_LISTED else _first_names(ids, 2)


def total(report: Report) -> str:
    """Return the line with a report's totals, such as "37.5 of 40 autograded · 40 points await marking"."""
    absent = report.absent
    person = _possible(c for c in report.checks if c.status is Status.WAITING)
    person += _possible(w for w in report.written if w.status is Status.WAITING)
    later = report.waiting - person - absent
    phrases = [f"{show_points(report.points)} of {show_points(report.decided)} autograded"]
    if report.code_absent:
        phrases = ["Code not submitted", *(phrases if report.decided else [])]
    if later:
        phrases.append(f"{counted(later)} graded after you submit")
    if person:
        phrases.append(f"{counted(person)} {'awaits' if person == 1 else 'await'} marking")
    if absent:
        phrases.append(f"{counted(absent)} not submitted")
    return " · ".join(phrases)


def differing(report: Report) -> list[str]:
    """Return the ids of the written questions whose answer has a formula that differs from the expected one."""
    judged = ((w.id, w.opinion.judgements) for w in report.written if w.opinion is not None)
    return [id for id, judgements in judged if any(j.comparison is Comparison.DIFFERS for j in judgements)]


class GivenPoints(Protocol):
    """The points that a marker gave to a written answer."""

    @property
    def points(self) -> Points | None:
        """The points; None before a marker has given any."""
        ...


@dataclass(frozen=True)
class PartProgress:
    """The status and points of a part or a written answer. `decided` is the sum of the possible points of all checks
    and answers that have a score. `waiting` is the sum for those that will get a score later."""

    status: Status
    points: Points
    decided: Points
    waiting: Points
    absent: Points = ZERO
    """Possible points of answers and code that were not submitted."""


def part_progress(part: Part, marks: Mapping[str, GivenPoints] = MappingProxyType({})) -> PartProgress:
    """Return the status and points of a part.

    Args:
        part: The part.
        marks: Question id → points that a marker gave.
    """
    checks = (_progress(c.status, c.points, c.possible) for c in part.checks)
    every = [*checks, *(answer_progress(w, marks) for w in part.written)]
    return PartProgress(
        _combined_status({one.status for one in every}),
        points=sum((one.points for one in every), ZERO),
        decided=sum((one.decided for one in every), ZERO),
        waiting=sum((one.waiting for one in every), ZERO),
        absent=sum((one.absent for one in every), ZERO),
    )


def _combined_status(seen: Collection[Status]) -> Status:
    if Status.PARTIAL in seen or {Status.PASSED, Status.FAILED} <= set(seen):
        return Status.PARTIAL
    most_urgent = (Status.FAILED, Status.PASSED, Status.WAITING, Status.NOT_RUN, Status.NOT_SUBMITTED)
    return next((s for s in most_urgent if s in seen), Status.WAITING)


def answer_progress(written: Written, marks: Mapping[str, GivenPoints]) -> PartProgress:
    """Return the status and points of a written answer. A marker's points replace the automatic ones."""
    mark = marks.get(written.id)
    given = mark.points if mark else None
    if given is not None:
        return _progress(Status.of_points(given, written.possible), given, written.possible)
    return _progress(written.status, written.points, written.possible)


def _progress(status: Status, points: Points, possible: Points) -> PartProgress:
    if status.is_decided:
        return PartProgress(status, points, decided=possible, waiting=ZERO)
    if status is Status.NOT_SUBMITTED:
        return PartProgress(status, points, decided=ZERO, waiting=ZERO, absent=possible)
    return PartProgress(status, points, decided=ZERO, waiting=possible)


def _possible(counted: Iterable[CheckResult | Written]) -> Points:
    return sum((one.possible for one in counted), ZERO)


def _why_no_plots(report: Report) -> str:
    if not report.submission.code_submitted:
        return "There is nothing to plot: the code was not submitted."
    if not report.scope.is_full:
        return f"There is nothing to plot: the training runs were left out ({report.scope.label})."
    if not all(c.status.is_decided for c in report.checks):
        return "There is nothing to plot yet: the training runs start after you submit."
    return "There is nothing to plot: no training run produced curves. The table of parts shows the reasons."


def _first_names(items: Iterable[str], most: int = 3) -> str:
    names = list(items)
    rest = len(names) - most
    return ", ".join(names) if rest <= 0 else f"{', '.join(names[:most])} and {rest} more"


def _cleaned(value: Any) -> Any:
    """Escape control characters in a string that a template prints. Return other values unchanged."""
    return clean(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def environment(*folders: Path) -> Environment:
    """Return a Jinja environment for the templates in these folders and in grader/render. It escapes all output."""
    environment = Environment(
        loader=FileSystemLoader([*folders, _HERE / "templates", _HERE]),
        autoescape=True,
        finalize=_cleaned,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "points": show_points,
        "counted": counted,
        "line": one_line,
        "pieces": pieces,
        "mended": lambda latex: mended(latex) or latex,
        "brief": partial(clean, limit=MAX_REASON),
        "names": _first_names,
        "symbol": SYMBOLS.__getitem__,
        "standing": part_progress,
        "answer_standing": answer_progress,
        "title": title,
        "where": where,
        "words": reason_phrase,
        "scope": scope,
        "caret": caret,
        "judged": judged,
        "suggestion": suggestion,
        "compared": COMPARED.__getitem__,
        "differing": differing,
    }
    environment.globals |= {"MAX_WITH_CODE": MAX_WITH_CODE, "STATUSES": tuple(Status)}
    return environment


_TEMPLATE = environment().get_template("report.html.j2")
