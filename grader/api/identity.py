"""Authentication and permissions.

The middleware `Identify` finds the caller before a body is read. Routes depend on `TheService` and on `TheCaller` or
`MaybeCaller`, and check access to a course with `require_member` or `require_staff`. Programs send a bearer token.
Browsers send a session cookie and, with requests that change something, a CSRF token.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
from collections.abc import Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field, replace
from typing import Annotated
from urllib.parse import quote, urlsplit

from fastapi import Depends
from fastapi.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from grader.api.limits import REQUESTS, limit
from grader.api.middleware import HttpMiddleware, is_upload
from grader.api.problems import HttpProblem, is_for_a_person, not_found
from grader.errors import StoreUnavailable
from grader.service import Service
from grader.settings import Settings
from grader.store import people
from grader.store.database import Tx, now
from grader.store.recording import Author
from grader.store.records import AccessToken, LoginMethod, Person, Role, TokenKind, TokenScope

SAFE = ("GET", "HEAD", "OPTIONS")
_PUBLIC_PATHS = ("/static/", "/healthz", "/readyz", "/metrics", "/.well-known/")
"""Path prefixes that need no login. The path /metrics checks GRADER_METRICS_TOKEN itself."""
_LOGIN = "/login"
HUB_TOKENS = "/api/v1/tokens/jupyterhub"
_LAUNCHES = ("/lti/login", "/lti/launch")
"""Paths of the forms that learning platforms send, from their sites."""
_LOGIN_FORMS = (_LOGIN, "/login/link", "/login/password", HUB_TOKENS, "/lti/course", "/lti/deep-link", *_LAUNCHES)
"""Paths of the requests that may be sent without login."""
SESSION_DURATION = dt.timedelta(days=30)
"""A session that is not used for this time ends."""
LONGEST_SESSION = dt.timedelta(days=180)
"""A session ends after this time, even if it is used."""
FRESH_LOGIN = dt.timedelta(minutes=30)
"""For this time after a login by a link or the university's account, a password can be set without the old one."""
RENEWAL_INTERVAL = dt.timedelta(days=1)
"""Least time between two renewals of a session, so that few requests write to the database."""


@dataclass(frozen=True)
class Caller:
    """The person who sends a request, with their roles and token, and the service that they use."""

    person: Person
    roles: Mapping[str, Role]
    """Roles by course id."""
    token: AccessToken
    """The token of the browser's session, or the program's API token."""
    service: Service
    request_at: dt.datetime = field(default_factory=now)
    """Time at which the headers of the request arrived; of an upload, at most `LONGEST_UPLOAD` before its last byte."""
    request_id: str = ""

    def read(self) -> AbstractContextManager[Tx]:
        """Begin a read-only transaction of the service's database."""
        return self.service.store.read()

    def write(self) -> AbstractContextManager[Tx]:
        """Begin a read-write transaction of the service's database, whose changes are recorded in the audit."""
        return self.service.store.write(Author(self.person.id, self.request_id))

    @property
    def is_staff_somewhere(self) -> bool:
        return self.person.admin or Role.STAFF in self.roles.values()

    def is_staff(self, course: str) -> bool:
        """Return whether the caller is staff of the course. Admins count as staff of any course."""
        return self.person.admin or self.roles.get(course) is Role.STAFF

    def is_member(self, course: str) -> bool:
        return self.person.admin or course in self.roles


# ── dependencies and checks for routes ───────────────────────────────────────────────────────────────


def service_of(request: HTTPConnection) -> Service:
    """Return the service of the application."""
    service: Service = request.app.state.service
    return service


TheService = Annotated[Service, Depends(service_of)]


async def maybe_caller(request: Request) -> Caller | None:
    """Return the caller; None for a request without login. Raise 403 if a browser's POST, PUT or DELETE lacks a valid
    CSRF token."""
    caller: Caller | None = request.state.caller
    if caller and caller.token.kind is TokenKind.SESSION and request.method not in SAFE:
        await _require_csrf_token(request)
    return caller


MaybeCaller = Annotated[Caller | None, Depends(maybe_caller)]


async def caller(request: Request, who: MaybeCaller) -> Caller:
    """Return the caller. Without login, raise 401 or, if a browser requests a page, redirect to the login."""
    if who is None:
        raise log_in_first(request)
    return who


TheCaller = Annotated[Caller, Depends(caller)]


def require_member(caller: Caller, course: str, resource: str = "course") -> None:
    """Raise 404 unless the course exists and the caller is a member of it.

    Args:
        resource: Kind of resource to name in the error message, for example "assignment".
    """
    if not caller.is_member(course):
        raise not_found(resource)


def require_staff(caller: Caller, course: str, resource: str = "course") -> None:
    """Raise 404 unless the caller is staff of the course."""
    if not caller.is_staff(course):
        raise not_found(resource)


def require_admin(caller: Caller, resource: str = "page") -> None:
    """Raise 404 unless the caller is an admin."""
    if not caller.person.admin:
        raise not_found(resource)


def require_scope(caller: Caller, scope: TokenScope) -> None:
    """Raise 403 if the caller's token lacks this scope."""
    if scope not in caller.token.scopes:
        detail = f"the scope {scope} is required: create such a token under /settings or by `grader admin token`"
        challenge = {"WWW-Authenticate": f'Bearer realm="grader", error="insufficient_scope", scope="{scope}"'}
        raise HttpProblem(403, "scope", "The token does not allow this", detail, challenge)


def has_own_session(caller: Caller) -> bool:
    """Return whether the caller uses a browser in which they did not log in with an API token."""
    return caller.token.kind is TokenKind.SESSION and caller.token.parent is None


def require_own_session(caller: Caller) -> None:
    """Raise 403 unless the caller uses a browser in which they did not log in with an API token."""
    if not has_own_session(caller):
        detail = "an API token does not allow this: log in with a link or your university account"
        raise HttpProblem(403, "own-login", "Log in yourself", detail)


def has_fresh_login(caller: Caller) -> bool:
    """Return whether the caller has just proved, without a password, that the account is theirs."""
    is_recent = now() - caller.token.created_at < FRESH_LOGIN
    return is_recent and caller.token.method in (LoginMethod.LINK, LoginMethod.PROVIDER)


def log_in_first(request: Request) -> HttpProblem:
    """Return the problem for a request without login: 401 or, if a browser requests a page, a redirect to the login."""
    if not is_for_a_person(request):
        detail = (
            "send a token in the header Authorization: Bearer …; create one under /settings or by `grader admin token`"
        )
        challenge = {"WWW-Authenticate": 'Bearer realm="grader"'}
        return HttpProblem(401, "unauthorized", "Log in first", detail, challenge)
    path = request.url.path
    if request.url.query:
        path += f"?{request.url.query}"
    login = _LOGIN
    if request.method == "GET" and path != "/":
        login += f"?next={quote(path, safe='')}"
    return HttpProblem(303, "log-in", "Log in first", "this page requires a login", {"Location": login})


def bad_token() -> HttpProblem:
    """Return the 401 problem for an invalid token."""
    detail = "the header must be Authorization: Bearer …, with a token that has neither expired nor been revoked"
    challenge = {"WWW-Authenticate": 'Bearer realm="grader", error="invalid_token"'}
    return HttpProblem(401, "unauthorized", "The token is not valid", detail, challenge)


# ── cross-site requests ──────────────────────────────────────────────────────────────────────────────


def csrf_token(request: Request) -> str:
    """Return the CSRF token of the session; "" if there is no session. Forms send the token in the field `csrf`,
    scripts in the header X-CSRF-Token."""
    secret = session_secret(request)
    if not secret:
        return ""
    return hmac.new(secret.encode(), b"csrf", hashlib.sha256).hexdigest()


async def _require_csrf_token(request: Request) -> None:
    """Raise 403 unless the request has the session's CSRF token, in the header X-CSRF-Token or in its form."""
    token = request.headers.get("x-csrf-token", "")
    if "x-csrf-token" not in request.headers and "form" in request.headers.get("content-type", ""):
        form = await request.form()
        token = str(form.get("csrf", ""))
    if not hmac.compare_digest(token.encode(), csrf_token(request).encode()):
        detail = "the form is older than your login, or from another site: reload the page and send the form again"
        raise HttpProblem(403, "csrf", "The CSRF token is not valid", detail)


def require_same_site(request: Request, url: str) -> None:
    """Raise 403 if the headers Sec-Fetch-Site or Origin show that a page of another site sent the request."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site in ("same-origin", "none"):
        return
    if site is None and origin in (None, _origin(url), _origin(str(request.url))):
        return
    raise HttpProblem(403, "cross-site", "The request comes from another site", "send it from a page of this service")


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()


# ── authentication ───────────────────────────────────────────────────────────────────────────────────


class Identify(HttpMiddleware):
    """Middleware that sets `request.state.caller` before any body is read."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        request.state.request_at = now()
        request.state.caller = await _identified(request)
        await self._app(scope, receive, send)


async def _identified(request: Request) -> Caller | None:
    """Return the caller of a request, and count the request for the rate limit. Return None without login, and for
    public paths.

    Raises:
        HttpProblem: 401 if the token is not valid; 401, or a redirect to the login, if a request that changes something
            has no login; 403 if a token lacks the scope to read, or another site sent the request; 429 at the rate
            limit.
    """
    if request.url.path.startswith(_PUBLIC_PATHS):
        return None
    caller = await run_in_threadpool(find_caller, request)
    limit(request, REQUESTS, caller.person.id if caller else None)
    if caller is None and "authorization" in request.headers:
        raise bad_token()
    if request.method in SAFE:
        if caller:
            require_scope(caller, TokenScope.READ)
        return caller
    is_launch = request.url.path in _LAUNCHES
    if not is_launch and (caller is None or caller.token.kind is TokenKind.SESSION):  # browsers, not programs
        require_same_site(request, service_of(request).settings.url)
    # only the login forms may be sent without login, but no upload, whose body may be large
    is_login = request.url.path in _LOGIN_FORMS and not is_upload(request.headers)
    if caller is None and not is_login:
        raise log_in_first(request)
    return caller


def find_caller(request: Request) -> Caller | None:
    """Look up the caller of a request in the database. Return None if the request has no valid token or session."""
    kind, secret = TokenKind.SESSION, session_secret(request)
    if "authorization" in request.headers:
        scheme, _, bearer = request.headers["authorization"].partition(" ")
        kind, secret = TokenKind.PROGRAM, bearer.strip() if scheme.lower() == "bearer" else ""
    if not secret:
        return None
    service = service_of(request)
    with service.store.read() as tx:
        holder = people.token_holder(tx, secret, [kind])
    if holder is None:
        return None
    person, token, roles = holder
    if kind is TokenKind.SESSION:
        _renew(service, token)
    if token.method is LoginMethod.PLATFORM:  # a platform is not trusted with the whole service
        person = replace(person, admin=False)
    if TokenScope.STAFF not in token.scopes:  # with this token, even staff have only a student's rights
        person = replace(person, admin=False)
        roles = dict.fromkeys(roles, Role.STUDENT)
    return Caller(person, roles, token, service, request.state.request_at, request.state.request_id)


def _renew(service: Service, session: AccessToken) -> None:
    """Let a session that is used last longer. A session that was begun with an API token is never renewed."""
    if session.parent is not None or session.expires_at is None:
        return
    expires_at = min(now() + SESSION_DURATION, session.created_at + LONGEST_SESSION)
    if expires_at - session.expires_at >= RENEWAL_INTERVAL:
        # a database that cannot be written to must not keep people from reading
        with suppress(StoreUnavailable), service.store.write() as tx:
            people.renew_session(tx, session.id, expires_at)


def session_secret(request: Request) -> str:
    """Return the value of the session cookie; "" if the request has none."""
    name = cookie_name(service_of(request).settings)
    return request.cookies.get(name, "")


def is_https(settings: Settings) -> bool:
    """Return whether browsers reach the service over https, according to GRADER_URL."""
    return settings.url.lower().startswith("https:")


def set_cookie(response: Response, settings: Settings, value: str, seconds: float, suffix: str = "") -> None:
    """Set a cookie that scripts cannot read; see `cookie_name` for its name. If `seconds` is 0, delete the cookie."""
    name = cookie_name(settings, suffix)
    secure = is_https(settings)
    response.set_cookie(name, value, max_age=int(seconds), secure=secure, httponly=True, samesite="lax")


def cookie_name(settings: Settings, suffix: str = "") -> str:
    """Return the name of the session cookie or, with a suffix, of another cookie. With https, the name begins with
    __Host-, so that browsers accept the cookie only from this host."""
    prefix = "__Host-" if is_https(settings) else ""
    return f"{prefix}grader{suffix}"
