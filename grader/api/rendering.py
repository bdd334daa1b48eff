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
from grader.model import show_signed
from grader.render.html import environment
from grader.render.translation import CATALOGUES, current_language, gettext, ngettext, spoken
from grader.store.database import now

_TEMPLATES = environment(Path(__file__).parent / "templates")
_ACCEPTED = re.compile(r"\b([a-z]{2})(?:-[\w-]+)?(?:;q=([01](?:\.\d*)?))?\s*(?:,|$)")
"""A language of the header Accept-Language, and its quality."""


def page(request: Request, name: str, status: int = 200, **variables: Any) -> HTMLResponse:
    """Render a template in the frame that all pages share.

    Args:
        name: Name of the template, for example "problem.html".
        variables: Variables of the template.
    """
    caller: Caller | None = getattr(request.state, "caller", None)
    frame = {"version": __version__, "now": now(), "csrf": "", "me": None, "is_staff": False}
    if caller:
        frame |= {"csrf": csrf_token(request), "me": caller.person, "is_staff": caller.is_staff_somewhere}
    template = _TEMPLATES.get_template(name)
    with spoken(reader_language(request)):
        headers = {"Content-Language": current_language.get(), "Vary": "Accept-Language"}
        return HTMLResponse(template.render(frame | variables), status, headers)


def reader_language(request: Request) -> str:
    """Return the language of the pages that the browser prefers, such as "de" for "de-AT,de;q=0.9,en;q=0.8"; English if
    it prefers none."""
    qualities = dict(reversed(_ACCEPTED.findall(request.headers.get("accept-language", ""))))
    return max(CATALOGUES, key=lambda language: float(qualities.get(language, "0") or 1))


def mail_texts(**variables: Any) -> list[str]:
    """Return the subject and the text of an e-mail: the two paragraphs of the template."""
    return _TEMPLATES.get_template("mail.txt").render(variables).split("\n\n", 1)


def problem_page(request: Request, problem: HttpProblem) -> Response:
    """Return an error response as a page. The page links back to the form that was sent. A 404 page has no such link,
    because it must be the same for missing and for forbidden resources."""
    status = problem.status_code
    back = "" if status == 404 else _form_page(request)
    response = page(request, "problem.html", status, problem=problem, back=back)
    response.headers.update(problem.headers or {})
    return response


def _form_page(request: Request) -> str:
    """Return the path of the page from which a form was sent; "" if the request is not a form of this service."""
    referer = urlsplit(request.headers.get("referer", ""))
    if request.method != "POST" or referer.netloc != request.headers.get("host", ""):
        return ""
    path = local_path(referer.path)
    return "" if path == "/" else path


def local_path(path: str) -> str:
    """Return the path if it is safe to redirect to, or "/" if it could lead to another origin."""
    is_safe = re.fullmatch(r"/(?!/)[!-\[\]-~]*", path)
    return path if is_safe else "/"


# ── filters ──────────────────────────────────────────────────────────────────────────────────────────


def utc(moment: dt.datetime) -> str:
    """Return a time in UTC as text, such as "Fri 27 Nov 2026, 22:10 UTC"."""
    return moment.astimezone(dt.UTC).strftime(gettext("%%a %%-d %%b %%Y, %%H:%%M UTC"))


UNITS = (("minute", 60), ("hour", 3_600), ("day", 86_400))
COMING, PAST = "in %(num)s {}", "%(num)s {} ago"


def distance(moment: dt.datetime, now: dt.datetime) -> str:
    """Return how far `moment` is from `now`, such as "in 3 days" or "2 hours ago"."""
    seconds = abs((moment - now).total_seconds())
    unit, unit_seconds = UNITS[0]
    for name, length in UNITS:
        if seconds >= length:
            unit, unit_seconds = name, length
    count = round(seconds / unit_seconds)
    if count == 0:
        return gettext("now")
    pattern = COMING if moment > now else PAST
    return ngettext(pattern.format(unit), pattern.format(f"{unit}s"), count)


def duration(seconds: float) -> str:
    """Return a duration as text, such as "40 s" or "3 min"."""
    if seconds >= 90:
        return f"{round(seconds / 60)} min"
    return f"{max(1, round(seconds))} s"


_TEMPLATES.filters |= {
    "utc": utc,
    "distance": distance,
    "duration": duration,
    "signed": show_signed,
}
