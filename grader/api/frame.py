"""Rendering of HTML pages: the frame that all pages share, and template filters for dates, durations and points."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from grader import __version__
from grader.api.identity import Caller, csrf_token
from grader.api.problems import HttpProblem
from grader.model import Points, show_points
from grader.render.html import environment
from grader.store.database import now

_TEMPLATES = environment(Path(__file__).parent / "templates")


def page(request: Request, name: str, status: int = 200, **shown: Any) -> HTMLResponse:
    """Render a template in the frame that all pages share.

    Args:
        name: Name of the template, for example "problem.html".
        shown: Variables of the template.
    """
    caller: Caller | None = getattr(request.state, "caller", None)
    frame = {
        "me": caller.person if caller else None,
        "is_staff": caller is not None and caller.is_staff_somewhere,
        "csrf": csrf_token(request) if caller else "",
        "version": __version__,
        "now": now(),
    }
    return HTMLResponse(_TEMPLATES.get_template(name).render(frame | shown), status)


def problem_page(request: Request, problem: HttpProblem) -> Response:
    """Return an error response as a page. The page links back to the form that was sent. A 404 page has no such link,
    because it must be the same for missing and for forbidden resources."""
    back = "" if problem.status_code == 404 else _form_page(request)
    answer = page(request, "problem.html", problem.status_code, problem=problem, back=back)
    answer.headers.update(problem.headers or {})
    return answer


def _form_page(request: Request) -> str:
    """Return the path of the page from which a form was sent; "" if the request is not a form of this service."""
    sent_from = urlsplit(request.headers.get("referer", ""))
    is_ours = sent_from.netloc == request.headers.get("host", "")
    path = local_path(sent_from.path) if is_ours and request.method == "POST" else "/"
    return path if path != "/" else ""


def local_path(path: str) -> str:
    """Return the path if it is safe to redirect to, or "/" if it could lead to another origin."""
    return path if re.fullmatch(r"/(?![/\\])[!-~]*", path) and "\\" not in path else "/"


# ── filters ──────────────────────────────────────────────────────────────────────────────────────────


def utc(moment: dt.datetime) -> str:
    """Return a time in UTC as text, such as "Fri 27 Nov 2026, 22:10 UTC"."""
    return f"{moment.astimezone(dt.UTC):%a %-d %b %Y, %H:%M} UTC"


_UNITS = (("day", 86_400), ("hour", 3_600), ("minute", 60))


def distance(moment: dt.datetime, now: dt.datetime) -> str:
    """Return how far `moment` is from `now`, such as "in 3 days" or "2 hours ago"."""
    seconds = abs((moment - now).total_seconds())
    name, length = next(((name, length) for name, length in _UNITS if seconds >= length), ("minute", 60))
    count = round(seconds / length)
    if count == 0:
        return "now"
    words = f"{count} {name}{'' if count == 1 else 's'}"
    return f"in {words}" if moment > now else f"{words} ago"


def duration(seconds: float) -> str:
    """Return a duration as text, such as "40 s" or "3 min"."""
    return f"{max(1, round(seconds))} s" if seconds < 90 else f"{round(seconds / 60)} min"


def signed(points: Points | float) -> str:
    """Return points as text with a sign, such as "+2" or "−6"."""
    return f"{'−' if points < 0 else '+'}{show_points(abs(Points(points)))}"


_TEMPLATES.filters |= {
    "utc": utc,
    "distance": distance,
    "duration": duration,
    "signed": signed,
}
