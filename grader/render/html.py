"""Report → one HTML file that needs nothing else: no network, no script, no neighbour file."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
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
from grader.render.plots import Plot, plots
from grader.render.said import COMPARED, FEW, Fix, caret, failure, fixes, judged, scope, suggestion, words
from grader.render.text import clean, one_line

SYMBOLS = {Status.HELD: "✓", Status.PARTLY: "◐", Status.LOST: "✗", Status.WAITING: "◌"}
"""Shown beside the word: nothing is told by colour alone."""

_HERE = Path(__file__).parent
STATIC = _HERE / "static"

TIGHT = 8
"""Up to so many things to fix fit the first screen with their lines of code beside them."""


SENTENCES = 1_000
"""Characters of one reason or remark."""


@dataclass(frozen=True)
class Totals:
    """The line and the bar at the top."""

    number: str
    """ "37.5" """
    words: str
    """ "of 40 autograded · 40 points await marking" """
    earned: Points
    decided: Points
    possible: Points
    absent: Points = ZERO
    """Of questions without an answer."""

    @property
    def lost(self) -> Points:
        return self.decided - self.earned

    @property
    def waiting(self) -> Points:
        return self.possible - self.decided - self.absent

    @property
    def stretches(self) -> tuple[tuple[str, str, str], ...]:
        """(kind, start, width) of the bar's pieces, in percent of all points, with a thin gap between them."""
        found, start = [], ZERO
        for kind, points in (("held", self.earned), ("lost", self.lost), ("waiting", self.waiting)):
            if points > 0:
                found.append((kind, _percent(start, self.possible), _percent(points, self.possible)))
                start += points
        return tuple(found)


def _percent(points: Points, of: Points) -> str:
    return f"{float(100 * points / of):.2f}"


def html(report: Report) -> str:
    return _TEMPLATE.render(context(report, plots(report.evidence)))


def context(report: Report, drawn: Sequence[Plot]) -> dict[str, Any]:
    """What the templates in `templates/report/` ask for. A page of the service adds what people have marked."""
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
    number, words = total(report).split(" ", 1)
    return Totals(number, words, report.points, report.decided, report.possible, _absent_points(report))


def title(fix: Fix) -> str:
    titles = dict.fromkeys(c.title for c in fix.checks)
    return ", ".join(titles) if len(fix.checks) <= FEW else f"{len(fix.checks)} checks"


def where(fix: Fix) -> str:
    ids = [c.id for c in fix.checks]
    return ", ".join(ids) if len(ids) <= FEW else _names(ids, 2)


def total(report: Report) -> str:
    """ "37.5 of 40 autograded · 40 points await marking" """
    absent = _absent_points(report)
    person = _possible(w for w in report.written if not w.decided and w.found)
    later = report.waiting - person - absent
    said = [f"{show_points(report.points)} of {show_points(report.decided)} autograded"]
    if report.code_absent:
        said = ["Code not submitted", *(said if report.decided else [])]
    if later:
        said.append(f"{_counted(later)} graded after you submit")
    if person:
        said.append(f"{_counted(person)} {'awaits' if person == 1 else 'await'} marking")
    if absent:
        said.append(f"{_counted(absent)} not submitted")
    return " · ".join(said)


def differing(report: Report) -> list[str]:
    """Written questions with a formula that differs, where the report says what the machine makes of them."""
    judged = ((w.id, w.opinion.judgements) for w in report.written if w.opinion is not None)
    return [id for id, judgements in judged if any(j.comparison is Comparison.DIFFERS for j in judgements)]


class Given(Protocol):
    """What a person has given for an answer."""

    @property
    def points(self) -> Points | None: ...


@dataclass(frozen=True)
class Standing:
    """How far a part is, or one answer."""

    status: Status
    points: Points
    decided: Points
    waiting: Points
    absent: Points = ZERO
    """Of questions without an answer."""

    @property
    def is_absent(self) -> bool:
        """There is nothing else to say of it."""
        return bool(self.absent) and not (self.decided or self.waiting)


def standing(part: Part, marks: Mapping[str, Given] = MappingProxyType({}), *, code_submitted: bool = True) -> Standing:
    """`marks`: what people have decided, by question."""
    checks = (
        Standing(c.status, c.points, *_open(c.possible, c.status))
        if code_submitted
        else Standing(Status.WAITING, ZERO, ZERO, ZERO, c.possible)
        for c in part.checks
    )
    every = [*checks, *(answer_standing(w, marks) for w in part.written)]
    return Standing(
        _together({one.status for one in every}),
        points=sum((one.points for one in every), ZERO),
        decided=sum((one.decided for one in every), ZERO),
        waiting=sum((one.waiting for one in every), ZERO),
        absent=sum((one.absent for one in every), ZERO),
    )


def _together(seen: Collection[Status]) -> Status:
    if Status.PARTLY in seen or {Status.HELD, Status.LOST} <= set(seen):
        return Status.PARTLY
    return next((s for s in (Status.LOST, Status.HELD) if s in seen), Status.WAITING)


def answer_standing(written: Written, marks: Mapping[str, Given]) -> Standing:
    mark = marks.get(written.id)
    given = mark.points if mark else None
    if given is not None:
        status = Status.HELD if given == written.possible else Status.PARTLY if given else Status.LOST
        return Standing(status, given, written.possible, ZERO)
    if not written.decided and not written.found:
        return Standing(Status.WAITING, ZERO, ZERO, ZERO, written.possible)
    return Standing(written.status, written.points, *_open(written.possible, written.status))


def _open(possible: Points, status: Status) -> tuple[Points, Points]:
    """(decided, waiting)"""
    return (ZERO, possible) if status is Status.WAITING else (possible, ZERO)


def _absent(written: Iterable[Written]) -> Iterator[Written]:
    return (w for w in written if not w.decided and not w.found)


def _possible(written: Iterable[Written]) -> Points:
    return sum((w.possible for w in written), ZERO)


def _absent_points(report: Report) -> Points:
    return _possible(_absent(report.written)) + report.code_absent


def _why_no_plots(report: Report) -> str:
    if not report.code_submitted:
        return "There is nothing to plot: the code was not submitted."
    if report.scope != "full":
        return f"There is nothing to plot: the trainings that plots show were left out ({report.scope})."
    if any(c.status is Status.WAITING for c in report.checks):
        return "There is nothing to plot yet: the trainings that plots show run after you submit."
    return "There is nothing to plot: no training came far enough to leave curves. The table of parts says why."


def _counted(points: Points) -> str:
    return f"{show_points(points)} {'point' if points == 1 else 'points'}"


def _names(items: Iterable[str], most: int = 3) -> str:
    names = list(items)
    rest = len(names) - most
    return ", ".join(names) if rest <= 0 else f"{', '.join(names[:most])} and {rest} more"


def _shown(value: Any) -> Any:
    """Every word that the template prints comes through here, so that none can be forgotten."""
    return clean(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def environment(*folders: Path) -> Environment:
    """Templates of these folders and of ours. Whatever they print is cleaned and escaped."""
    environment = Environment(
        loader=FileSystemLoader([*folders, _HERE / "templates", _HERE]),
        autoescape=True,
        finalize=_shown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "points": show_points,
        "counted": _counted,
        "line": one_line,
        "pieces": pieces,
        "mended": lambda latex: mended(latex) or latex,
        "brief": partial(clean, limit=SENTENCES),
        "names": _names,
        "symbol": SYMBOLS.__getitem__,
        "sign": lambda status: SYMBOLS[Status(status)],
        "standing": standing,
        "answer_standing": answer_standing,
        "title": title,
        "where": where,
        "words": words,
        "scope": scope,
        "failure": failure,
        "caret": caret,
        "judged": judged,
        "suggestion": suggestion,
        "compared": COMPARED.__getitem__,
        "differing": differing,
    }
    environment.globals |= {"TIGHT": TIGHT, "WAITING": Status.WAITING}
    return environment


_TEMPLATE = environment().get_template("report.html.j2")
