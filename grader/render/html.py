"""Render a report as one self-contained HTML file, without scripts and without requests to a network."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

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
    awaiting,
    caret,
    counted,
    fixes,
    judged,
    kernels,
    late_penalty,
    plain,
    reason_phrase,
    scope,
    suggestion,
)
from grader.render.plots import Plot, plots
from grader.render.text import clean, one_line
from grader.render.translation import current_language, gettext, ngettext

_HERE = Path(__file__).parent

MAX_WITH_CODE = 8
"""With more fixes than this, the lines of code are left out, so that the fixes fit on one screen."""


MAX_REASON = 1_000
"""Number of characters after which a reason or remark is cut."""


@dataclass(frozen=True)
class Segment:
    """A segment of the progress bar."""

    status: Status
    start: str
    """Distance from the left, in percent of all points."""
    width: str
    """Width, in percent of all points."""


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
    late: Points = ZERO
    """Points that the late penalty takes."""

    @property
    def lost(self) -> Points:
        return self.decided - self.earned - self.late

    @property
    def waiting(self) -> Points:
        return self.possible - self.decided - self.absent

    @property
    def segments(self) -> list[Segment]:
        """The segments of the progress bar."""
        segments = []
        start = ZERO
        by_status = {Status.PASSED: self.earned, Status.FAILED: self.lost + self.late, Status.WAITING: self.waiting}
        for status, points in by_status.items():
            if points > 0:
                segments.append(Segment(status, self._percent(start), self._percent(points)))
                start += points
        return segments

    def _percent(self, points: Points) -> str:
        percent = 100 * points / self.possible
        return f"{float(percent):.2f}"


def html(report: Report) -> str:
    """Return a report as the content of an HTML file."""
    drawn = plots(report.evidence)
    return _TEMPLATE.render(context(report, drawn))


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
    return Totals(
        number=number,
        words=words,
        earned=report.points,
        decided=report.decided,
        possible=report.possible,
        absent=report.absent,
    )


def title(fix: Fix) -> str:
    """Return the heading of a fix: the titles of its checks, or "5 checks" if there are more than 3."""
    titles = dict.fromkeys(check.title for check in fix.checks)
    if len(fix.checks) > MAX_LISTED:
        return gettext("%(count)s checks", count=len(fix.checks))
    return "; ".join(titles)


def where(fix: Fix) -> str:
    """Return the ids of a fix's checks, for example "q2.2.W1, q2.2.b1" or "q2.2.W1, q2.2.b1 and 3 more"."""
    ids = [check.id for check in fix.checks]
    most = MAX_LISTED
    if len(ids) > MAX_LISTED:
        most = 2
    return _first_names(ids, most)


def total(report: Report) -> str:
    """Return the line with a report's totals, such as "37.5 of 40 autograded · 40 points await marking"."""
    results: list[CheckResult | Written] = [*report.checks, *report.written]
    for_markers = sum((result.possible for result in results if result.status is Status.WAITING), ZERO)
    after_submission = report.waiting - for_markers - report.absent
    phrases = []
    if report.code_absent:
        phrases.append(gettext("Code not submitted"))
    if report.decided or not report.code_absent:
        points = {"points": show_points(report.points), "possible": show_points(report.decided)}
        phrases.append(gettext("%(points)s of %(possible)s autograded", **points))
    if after_submission:
        phrases.append(gettext("%(points)s graded after you submit", points=counted(after_submission)))
    if for_markers:
        phrases.append(awaiting(for_markers))
    if report.absent:
        phrases.append(gettext("%(points)s not submitted", points=counted(report.absent)))
    return " · ".join(phrases)


def differing(report: Report) -> list[str]:
    """Return the ids of the written questions whose answer has a formula that differs from the expected one."""
    ids = []
    for written in report.written:
        if written.opinion is None:
            continue
        comparisons = [judgement.comparison for judgement in written.opinion.judgements]
        if Comparison.DIFFERS in comparisons:
            ids.append(written.id)
    return ids


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
    results = [_progress(check.status, check.points, check.possible) for check in part.checks]
    results += [answer_progress(written, marks) for written in part.written]
    points = decided = waiting = absent = ZERO
    for result in results:
        points += result.points
        decided += result.decided
        waiting += result.waiting
        absent += result.absent
    status = _combined_status({result.status for result in results})
    return PartProgress(status, points, decided, waiting, absent)


def _combined_status(statuses: set[Status]) -> Status:
    """Return the status of a part from those of its checks and answers: partial if some passed and some failed,
    otherwise the first of the statuses below that occurs."""
    if statuses.issuperset((Status.PASSED, Status.FAILED)):
        return Status.PARTIAL
    for status in (Status.PARTIAL, Status.FAILED, Status.PASSED, Status.WAITING, Status.NOT_RUN, Status.NOT_SUBMITTED):
        if status in statuses:
            return status
    return Status.WAITING


def answer_progress(written: Written, marks: Mapping[str, GivenPoints]) -> PartProgress:
    """Return the status and points of a written answer. A marker's points replace the automatic ones."""
    mark = marks.get(written.id)
    if mark is not None and mark.points is not None:
        status = Status.of_points(mark.points, written.possible)
        return _progress(status, mark.points, written.possible)
    return _progress(written.status, written.points, written.possible)


def lists_answers(report: Report, marks: Mapping[str, GivenPoints]) -> bool:
    """Return whether a page lists the written answers: any was found, marked or noted. Otherwise one sentence says that
    there are none."""
    return bool(marks) or any(answer.found or answer.notes for answer in report.written)


def _progress(status: Status, points: Points, possible: Points) -> PartProgress:
    """Return the progress of a single check or answer, whose possible points are decided, waiting or absent."""
    if status.is_decided:
        return PartProgress(status, points, decided=possible, waiting=ZERO)
    if status is Status.NOT_SUBMITTED:
        return PartProgress(status, points, decided=ZERO, waiting=ZERO, absent=possible)
    return PartProgress(status, points, decided=ZERO, waiting=possible)


def lost_answers(report: Report, marks: Mapping[str, GivenPoints]) -> list[tuple[Written, PartProgress]]:
    """Return the written answers that have lost points, with their points. `marks` is that of `part_progress`."""
    answers = [(written, answer_progress(written, marks)) for written in report.written]
    return [(written, answer) for written, answer in answers if answer.points < answer.decided]


def _why_no_plots(report: Report) -> str:
    """Return the sentence in place of plots, for a report that has none."""
    if not report.submission.code_submitted:
        return gettext("There is nothing to plot: the code was not submitted.")
    if not report.scope.is_full:
        return gettext(
            "There is nothing to plot: the training runs were left out (%(scope)s).", scope=report.scope.label
        )
    if not all(check.status.is_decided for check in report.checks):
        return gettext("There is nothing to plot yet: the training runs start after you submit.")
    return gettext("There is nothing to plot: no training run produced curves. The table of parts shows the reasons.")


def _first_names(items: Iterable[str], most: int = 3) -> str:
    """Return the first names as text, such as "q1, q2, q3 and 2 more"."""
    names = list(items)
    text = ", ".join(names[:most])
    left_out = len(names) - most
    return gettext("%(names)s and %(count)s more", names=text, count=left_out) if left_out > 0 else text


def _cleaned(value: Any) -> Any:
    """Escape control characters in a string that a template prints. Return other values unchanged."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return clean(value)
    return value


def _translated(function: Any, /, *texts: Any, **values: object) -> Markup:
    """Return a translated text. Its values are cleaned and escaped, as `finalize` and autoescape do elsewhere."""
    escaped = {name: escape(_cleaned(value)) for name, value in values.items()}
    return Markup(function(*texts, **escaped))  # noqa: S704  a text of the templates or the catalogue


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
        "translated": gettext,
        "line": one_line,
        "pieces": pieces,
        "mended": lambda latex: mended(latex) or latex,
        "brief": partial(clean, limit=MAX_REASON),
        "names": _first_names,
        "symbol": SYMBOLS.__getitem__,
        "standing": part_progress,
        "answer_standing": answer_progress,
        "lost_answers": lost_answers,
        "plain": plain,
        "lists_answers": lists_answers,
        "title": title,
        "where": where,
        "words": reason_phrase,
        "scope": scope,
        "kernels": kernels,
        "penalty": late_penalty,
        "caret": caret,
        "judged": judged,
        "suggestion": suggestion,
        "compared": COMPARED.__getitem__,
        "differing": differing,
    }
    environment.globals |= {
        "MAX_WITH_CODE": MAX_WITH_CODE,
        "STATUSES": tuple(Status),
        "_": partial(_translated, gettext),
        "ngettext": partial(_translated, ngettext),
        "language": current_language.get,
    }
    return environment


_TEMPLATE = environment().get_template("report.html.j2")
