"""What goes wrong, in the form of RFC 9457: JSON for programs, and a page with the same words for browsers."""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from grader.errors import BadCall, GraderError, OurFailure, Refused

MEDIA_TYPE = "application/problem+json"
RETRY_SECONDS = 5
"""When to come back after a failure of ours, which may be over by then."""

log = structlog.get_logger()


class HttpProblem(HTTPException):
    """An answer that is not what was asked for. Raise it anywhere below a route.

    `slug` names the kind for programs ("queue-full"), `title` for people; `detail` says what to do this time.
    """

    def __init__(
        self,
        status: int,
        slug: str,
        title: str,
        detail: str,
        headers: Mapping[str, str] | None = None,
        errors: Sequence[Mapping[str, str]] = (),
    ) -> None:
        """`errors`: {"where": …, "what": …} of each field that is wrong."""
        super().__init__(status, detail, headers)
        self.slug = slug
        self.title = title
        self.errors = tuple(errors)


def unavailable(slug: str, title: str, detail: str, seconds: float) -> HttpProblem:
    """503: nothing was kept, and the same request may succeed after so long."""
    return HttpProblem(503, slug, title, detail, {"Retry-After": str(max(1, math.ceil(seconds)))})


def not_found(what: str) -> HttpProblem:
    """One answer for what does not exist and for what is not theirs to see, so that neither can be told apart."""
    return HttpProblem(404, "not-found", "Not found", f"there is no such {what} that you may see")


def of(error: Exception) -> HttpProblem:
    """Any exception as a problem."""
    match error:
        case HttpProblem():
            return error
        case HTTPException():
            title = HTTPStatus(error.status_code).phrase
            return HttpProblem(error.status_code, _slug(title), title, f"{error.detail}", error.headers)
        case RequestValidationError():
            return _invalid(error)
        case Refused():
            return HttpProblem(422, "refused", "The submission cannot be read", str(error))
        case BadCall():
            return HttpProblem(422, "bad-call", "The request cannot be done", str(error))
        case OurFailure():
            # the reason is in the log: it may name hosts and files
            detail = "nothing that was acknowledged is lost; try again in a moment"
            return unavailable("unavailable", "The service cannot do this now", detail, RETRY_SECONDS)
    detail = "this is our mistake, and it has been logged; quote the request id when you ask about it"
    return HttpProblem(500, "our-mistake", "Our mistake", detail)


def _invalid(error: RequestValidationError) -> HttpProblem:
    """What was sent is not repeated: it may be anything, and of any size."""
    errors = [
        {"where": " → ".join(str(step) for step in wrong["loc"])[:200], "what": str(wrong["msg"])[:300]}
        for wrong in error.errors()[:20]
    ]
    detail = "; ".join(f"{e['where']}: {e['what']}" for e in errors[:3])
    return HttpProblem(422, "invalid", "The request is not valid", detail, errors=errors)


def _slug(title: str) -> str:
    return title.lower().replace(" ", "-").replace("'", "")


def as_json(problem: HttpProblem, request_id: str) -> dict[str, Any]:
    found: dict[str, Any] = {
        "type": f"/problems/{problem.slug}",
        "title": problem.title,
        "status": problem.status_code,
        "detail": problem.detail,
        "request_id": request_id,
    }
    return found | ({"errors": [dict(e) for e in problem.errors]} if problem.errors else {})


Page = Callable[[Request, HttpProblem], Response]
"""Shows a problem to a person; its status and headers are those of the problem."""


def plain_page(request: Request, problem: HttpProblem) -> Response:
    title, detail = html.escape(problem.title), html.escape(problem.detail)
    text = f"<!doctype html><html lang=en><meta charset=utf-8><title>{title}</title><h1>{title}</h1><p>{detail}</p>"
    return HTMLResponse(text, problem.status_code, dict(problem.headers or {}))


def is_for_a_person(request: Request) -> bool:
    in_pages = not request.url.path.startswith("/api/")
    return in_pages and "text/html" in request.headers.get("accept", "")


def response(request: Request, problem: HttpProblem) -> Response:
    request.app.state.metrics.problem(problem.slug)
    if is_for_a_person(request):
        page: Page = request.app.state.problem_page
        return page(request, problem)
    content = as_json(problem, getattr(request.state, "request_id", ""))
    return JSONResponse(content, problem.status_code, dict(problem.headers or {}), MEDIA_TYPE)


async def answer(request: Request, error: Exception) -> Response:
    """The handler for every exception that may reach it."""
    if isinstance(error, GraderError) and not isinstance(error, BadCall):
        log.error("our failure", why=str(error), kind=type(error).__name__)
    return response(request, of(error))


def install(app: FastAPI, page: Page = plain_page) -> None:
    app.state.problem_page = page
    for kind in (HTTPException, RequestValidationError, GraderError):
        app.add_exception_handler(kind, answer)
