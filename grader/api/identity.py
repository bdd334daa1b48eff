"""Who is asking, and what they may see.

`Identify` finds out before a body is read. Routes then ask for `TheCaller` (or `MaybeCaller`), and for a course by
`require_member` or `require_staff`. Programs send a bearer token; browsers a session's cookie, and with it, wherever
something changes, proof that the request comes from a page of ours.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated
from urllib.parse import quote, urlsplit

from fastapi import Depends
from fastapi.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as AsgiScope

from grader.api import problems
from grader.api.entrance import is_upload
from grader.api.limits import REQUESTS, address, limit
from grader.api.problems import HttpProblem, is_for_a_person, not_found
from grader.api.wiring import service_of
from grader.errors import GraderError
from grader.settings import Settings
from grader.store import people
from grader.store.records import Person, Role, Scope, Token, TokenKind

SAFE = ("GET", "HEAD", "OPTIONS")
_ASKS_NOBODY = ("/static/", "/healthz", "/readyz", "/metrics")
"""Paths that need no identity; /metrics has a token of its own."""
_LOGIN = "/login"


@dataclass(frozen=True)
class Caller:
    person: Person
    roles: Mapping[str, Role]
    """Course → role."""
    token: Token
    """The session in a browser, or a program's token."""

    @property
    def kind(self) -> TokenKind:
        return self.token.kind

    @property
    def is_admin(self) -> bool:
        return self.person.admin

    @property
    def is_staff_somewhere(self) -> bool:
        return self.is_admin or Role.STAFF in self.roles.values()

    def is_staff(self, course: str) -> bool:
        """Admins are, of every course, even of one that does not exist."""
        return self.is_admin or self.roles.get(course) is Role.STAFF

    def is_member(self, course: str) -> bool:
        return self.is_admin or course in self.roles


# ── what routes ask ──────────────────────────────────────────────────────────────────────────────────


async def maybe_caller(request: Request) -> Caller | None:
    """Who is asking, if anybody has said so. Raises 403 where another site's page may have sent the request."""
    caller: Caller | None = request.state.caller
    if caller and caller.kind is TokenKind.SESSION and request.method not in SAFE:
        await _require_csrf_token(request)
    return caller


MaybeCaller = Annotated[Caller | None, Depends(maybe_caller)]


async def caller(request: Request, who: MaybeCaller) -> Caller:
    """Who is asking. Raises 401, in pages the way to the login."""
    if who is None:
        raise log_in_first(request)
    return who


TheCaller = Annotated[Caller, Depends(caller)]


def require_member(caller: Caller, course: str, what: str = "course") -> None:
    """Raises the 404 that a course which does not exist gives. `what` is what was asked for."""
    if not caller.is_member(course):
        raise not_found(what)


def require_staff(caller: Caller, course: str, what: str = "course") -> None:
    if not caller.is_staff(course):
        raise not_found(what)


def require_admin(caller: Caller, what: str = "page") -> None:
    if not caller.is_admin:
        raise not_found(what)


def require_scope(caller: Caller, scope: Scope) -> None:
    """Raise 403 if the caller's token lacks the scope. Without STAFF, `caller` has no staff role to begin with."""
    if scope not in caller.token.scopes:
        detail = f"this needs the scope {scope}: make a token that has it, under /settings or by `grader admin token`"
        challenge = {"WWW-Authenticate": f'Bearer realm="grader", error="insufficient_scope", scope="{scope}"'}
        raise HttpProblem(403, "scope", "The token does not allow this", detail, challenge)


def log_in_first(request: Request) -> HttpProblem:
    if not is_for_a_person(request):
        detail = (
            "send a token in the header Authorization: Bearer …; make one under /settings or by `grader admin token`"
        )
        return _unauthorized("Log in first", detail, 'Bearer realm="grader"')
    path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    back = f"?next={quote(path, safe='')}" if request.method == "GET" and path != "/" else ""
    return HttpProblem(
        303, "log-in", "Log in first", "this page is for those who have logged in", {"Location": _LOGIN + back}
    )


def bad_token() -> HttpProblem:
    detail = "the header must be Authorization: Bearer …, with a token that has neither expired nor been revoked"
    return _unauthorized("The token is not valid", detail, 'Bearer realm="grader", error="invalid_token"')


def _unauthorized(title: str, detail: str, challenge: str) -> HttpProblem:
    return HttpProblem(401, "unauthorized", title, detail, {"WWW-Authenticate": challenge})


# ── requests that other sites make a browser send ────────────────────────────────────────────────────


def csrf_token(request: Request) -> str:
    """For the hidden field `csrf` of every form, or the header X-CSRF-Token. Empty without a session."""
    secret = session_secret(request)
    return hmac.new(secret.encode(), b"csrf", hashlib.sha256).hexdigest() if secret else ""


async def _require_csrf_token(request: Request) -> None:
    sent = request.headers.get("x-csrf-token")
    if sent is None and "form" in request.headers.get("content-type", ""):
        sent = str((await request.form()).get("csrf", ""))
    if not hmac.compare_digest((sent or "").encode(), csrf_token(request).encode()):
        detail = "the form is older than your login, or is not ours: load the page again, and send it once more"
        raise HttpProblem(403, "csrf", "The form cannot be trusted", detail)


def _require_same_site(request: Request, url: str) -> None:
    """Browsers say where a request comes from. What says nothing is no browser, and has no cookie to be abused."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site in ("same-origin", "none"):
        return
    if site is None and origin in (None, _origin(url), _origin(str(request.url))):
        return
    raise HttpProblem(403, "cross-site", "The request comes from another site", "send it from a page of this service")


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()


# ── who is asking ────────────────────────────────────────────────────────────────────────────────────


class Identify:
    """Finds who is asking, as `request.state.caller`, before any body is read."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            request = Request(scope)
            try:
                request.state.caller = await _identified(request)
            except (HTTPException, GraderError) as error:  # the application's handlers stand further in
                response = await problems.answer(request, error)
                await response(scope, receive, send)
                return
        await self._app(scope, receive, send)


async def _identified(request: Request) -> Caller | None:
    if request.url.path.startswith(_ASKS_NOBODY):
        return None
    unsafe = request.method not in SAFE
    found = await run_in_threadpool(holder, request)
    limit(request, REQUESTS, found.person.id if found else address(request))
    if found is None and "authorization" in request.headers:
        raise bad_token()
    if unsafe and (found is None or found.kind is TokenKind.SESSION):
        _require_same_site(request, service_of(request).settings.url)
    if unsafe and found is None and (request.url.path != _LOGIN or is_upload(request.headers)):
        raise log_in_first(request)
    if found and not unsafe:
        require_scope(found, Scope.READ)
    return found


def holder(request: Request) -> Caller | None:
    """Look up the caller in the database. Return None without a valid token or session."""
    return _by_bearer(request) if "authorization" in request.headers else _by_cookie(request)


def _by_bearer(request: Request) -> Caller | None:
    scheme, _, secret = request.headers["authorization"].partition(" ")
    return _holder(request, secret.strip(), TokenKind.PROGRAM) if scheme.lower() == "bearer" else None


def _by_cookie(request: Request) -> Caller | None:
    secret = session_secret(request)
    return _holder(request, secret, TokenKind.SESSION) if secret else None


def _holder(request: Request, secret: str, kind: TokenKind) -> Caller | None:
    with service_of(request).store.read() as tx:
        found = people.holder(tx, secret, [kind])
        if found is None:
            return None
        person, token = found
        roles = people.roles(tx, person.id)
    if Scope.STAFF in token.scopes:
        return Caller(person, roles, token)
    return Caller(replace(person, admin=False), dict.fromkeys(roles, Role.STUDENT), token)


def session_secret(request: Request) -> str:
    """What the browser sends to be known again; empty without."""
    return request.cookies.get(cookie_name(service_of(request).settings), "")


def is_https(settings: Settings) -> bool:
    return settings.url.lower().startswith("https:")


def cookie_name(settings: Settings) -> str:
    """Browsers take a __Host- cookie only over https, from this very host and for all of its paths."""
    return "__Host-grader" if is_https(settings) else "grader"
