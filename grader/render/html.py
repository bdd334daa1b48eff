"""Report → one HTML file that needs nothing else: no network, no script, no neighbour file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from grader.model import (
    NOTHING_USED,
    ZERO,
    Part,
    Points,
    Report,
    Status,
    show_points,
)
from grader.render.formulas import pieces
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
    """ "of 40 by machine · 40 points wait for a person" """
    earned: Points
    decided: Points
    possible: Points

    @property
    def lost(self) -> Points:
        return self.decided - self.earned

    @property
    def waiting(self) -> Points:
        return self.possible - self.decided

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
    return Totals(number, words, report.points, report.decided, report.possible)


def title(fix: Fix) -> str:
    titles = dict.fromkeys(c.title for c in fix.checks)
    return ", ".join(titles) if len(fix.checks) <= FEW else f"{len(fix.checks)} checks"


def where(fix: Fix) -> str:
    ids = [c.id for c in fix.checks]
    return ", ".join(ids) if len(ids) <= FEW else _names(ids, 2)


def total(report: Report) -> str:
    """ "37.5 of 40 by machine · 40 points wait for a person" """
    person = sum((w.possible for w in report.written if not w.decided), ZERO)
    hand_in = report.waiting - person
    said = [f"{show_points(report.points)} of {show_points(report.decided)} by machine"]
    if hand_in:
        said.append(f"{_counted(hand_in)} {'is' if hand_in == 1 else 'are'} decided at hand-in")
    if person:
        said.append(f"{_counted(person)} {'waits' if person == 1 else 'wait'} for a person")
    return " · ".join(said)


def part_status(part: Part) -> Status:
    seen = {c.status for c in part.checks} | {w.status for w in part.written if w.decided}
    if Status.PARTLY in seen or {Status.HELD, Status.LOST} <= seen:
        return Status.PARTLY
    return next((s for s in (Status.LOST, Status.HELD) if s in seen), Status.WAITING)


def decided(part: Part) -> Points:
    by_checks = sum((c.possible for c in part.checks if c.status is not Status.WAITING), ZERO)
    return by_checks + sum((w.possible for w in part.written if w.decided), ZERO)


def _why_no_plots(report: Report) -> str:
    if report.scope != "full":
        return f"There is nothing to plot: the trainings that plots show were left out ({report.scope})."
    if any(c.status is Status.WAITING for c in report.checks):
        return "There is nothing to plot yet: the trainings that plots show run at hand-in."
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
        "brief": partial(clean, limit=SENTENCES),
        "names": _names,
        "symbol": SYMBOLS.__getitem__,
        "sign": lambda status: SYMBOLS[Status(status)],
        "status": part_status,
        "decided": decided,
        "title": title,
        "where": where,
        "words": words,
        "scope": scope,
        "failure": failure,
        "caret": caret,
        "judged": judged,
        "suggestion": suggestion,
        "compared": COMPARED.__getitem__,
    }
    environment.globals |= {"TIGHT": TIGHT, "WAITING": Status.WAITING}
    return environment


_TEMPLATE = environment().get_template("report.html.j2")
