"""Error responses ("problems", RFC 9457): JSON for programs, and a page with the same text for browsers."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from http import HTTPStatus

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match

from grader.errors import BadCall, GraderError, OurFailure, Refused

MEDIA_TYPE = "application/problem+json"
RETRY_SECONDS = 5
"""Seconds in the header Retry-After of responses to temporary internal failures."""

log = structlog.get_logger()


class FieldError(BaseModel):
    where: str
    what: str


class ProblemBody(BaseModel):
    """The body of an error response (RFC 9457)."""

    model_config = ConfigDict(title="Problem", use_attribute_docstrings=True)

    type: str
    """Kind of problem, for programs: /problems/…."""
    title: str
    """Kind of problem, for people."""
    status: int
    detail: str
    """Reason, and what to do."""
    request_id: str
    """Id of the request; quote it when you report the problem."""
    errors: list[FieldError] | None = None
    """Fields that are wrong; left out if there are none."""


class HttpProblem(HTTPException):
    """An exception that the application converts to an error response."""

    def __init__(
        self,
        status: int,
        slug: str,
        title: str,
        detail: str,
        headers: Mapping[str, str] | None = None,
        errors: list[FieldError] | None = None,
        retry_seconds: float | None = None,
    ) -> None:
        """Create a problem.

        Args:
            status: HTTP status.
            slug: Kind of problem for programs, such as "queue-full".
            title: Kind of problem for people.
            detail: Reason, and what to do.
            headers: Additional headers.
            errors: Fields that are wrong.
            retry_seconds: Seconds after which the same request may succeed, for the header Retry-After. None leaves out
                the header.
        """
        retry = {} if retry_seconds is None else {"Retry-After": str(max(1, math.ceil(retry_seconds)))}
        super().__init__(status, detail, {**(headers or {}), **retry})
        self.slug = slug
        self.title = title
        self.errors = errors or []


def not_found(resource: str) -> HttpProblem:
    """Return the 404 problem for a resource that does not exist or that the caller may not see."""
    detail = f"this {resource} does not exist, or you have no access to it"
    return HttpProblem(404, "not-found", "Not found", detail)


def of(error: Exception) -> HttpProblem:
    """Convert an exception to the error response to send."""
    match error:
        case HttpProblem():
            return error
        case HTTPException():
            title = HTTPStatus(error.status_code).phrase
            slug = title.lower().replace(" ", "-").replace("'", "")
            return HttpProblem(error.status_code, slug, title, f"{error.detail}", error.headers)
        case RequestValidationError():
            return _invalid(error)
        case Refused():
            return HttpProblem(422, "refused", "The submission cannot be read", str(error))
        case BadCall():
            return HttpProblem(422, "bad-call", "The request cannot be fulfilled", str(error))
        case OurFailure():
            # the reason is only logged, since it may contain names of hosts and files
            detail = "try again in a moment; confirmed submissions are not lost"
            title = "The service cannot do this now"
            return HttpProblem(503, "unavailable", title, detail, retry_seconds=RETRY_SECONDS)
    detail = "the error has been logged; quote the request id when you report it"
    return HttpProblem(500, "internal-error", "Internal error", detail)


def _invalid(error: RequestValidationError) -> HttpProblem:
    """Return the problem for invalid fields. Do not repeat the input, which may be large or malicious."""
    errors = []
    for invalid in error.errors()[:20]:
        where = " → ".join(map(str, invalid["loc"]))
        errors.append(FieldError(where=where[:200], what=invalid["msg"][:300]))
    detail = "; ".join(f"{error.where}: {error.what}" for error in errors[:3])
    return HttpProblem(422, "invalid", "The request is not valid", detail, errors=errors)


Page = Callable[[Request, HttpProblem], Response]
"""A function that renders a problem as a page."""


def is_for_a_person(request: Request) -> bool:
    """Return whether the request comes from a browser that expects a page."""
    in_pages = not request.url.path.startswith("/api/")
    return in_pages and "text/html" in request.headers.get("accept", "")


def response(request: Request, problem: HttpProblem) -> Response:
    """Return the HTTP response for a problem: a page for browsers, otherwise JSON."""
    request.app.state.metrics.problem(problem.slug)
    if is_for_a_person(request):
        page: Page = request.app.state.problem_page
        return page(request, problem)
    body = ProblemBody(
        type=f"/problems/{problem.slug}",
        title=problem.title,
        status=problem.status_code,
        detail=problem.detail,
        request_id=getattr(request.state, "request_id", ""),
        errors=problem.errors or None,
    )
    content = body.model_dump_json(exclude_none=True)
    return Response(content, problem.status_code, problem.headers, MEDIA_TYPE)


def _allowed_methods(request: Request) -> str:
    """Return the methods of all routes that match a request's path, for the header Allow. The router itself lists only
    those of the first route."""
    methods: set[str] = set()
    for route in request.app.state.routes:
        match, _ = route.matches(request.scope)
        if match is not Match.NONE:
            methods |= route.methods
    return ", ".join(sorted(methods))


async def answer(request: Request, error: Exception) -> Response:
    """Return the error response for an exception. Log failures of the grader."""
    if isinstance(error, HTTPException) and error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        error.headers = {"Allow": _allowed_methods(request)}
    if isinstance(error, GraderError) and not isinstance(error, BadCall):
        log.error("internal failure", why=str(error), kind=type(error).__name__)
    return response(request, of(error))


def install(app: FastAPI, page: Page) -> None:
    """Make the application answer exceptions with error responses.

    Args:
        page: Function that renders a problem as a page.
    """
    app.state.problem_page = page
    for kind in (HTTPException, RequestValidationError, GraderError):
        app.add_exception_handler(kind, answer)
