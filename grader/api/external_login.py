"""Login at another service, by OAuth's authorization code flow with PKCE and state.

`grader.api.oidc` and `grader.api.jupyterhub` have the services. The state of a login attempt is kept in a signed cookie
for ten minutes, so that any replica can finish the login.
"""

from __future__ import annotations

import asyncio
import contextvars
import hmac
import secrets
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, TypeVar

import httpx2
import structlog
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import OAuth2Client
from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from grader.api.identity import TheService, cookie_name, set_cookie
from grader.api.problems import RETRY_SECONDS, HttpProblem, not_found
from grader.api.rendering import local_path
from grader.api.sessions import begin_session
from grader.errors import BadCall
from grader.lms.openid import WAIT_SECONDS, NoAnswer, is_safe, seal, tls, unseal
from grader.render.text import one_line
from grader.service import Service, secret_of
from grader.settings import Settings
from grader.store import people
from grader.store.records import LoginMethod, Person

log = structlog.get_logger()
pages = APIRouter(include_in_schema=False)

_PURPOSE = "login attempts"
_ATTEMPT_SECONDS = 600
_COOKIE_SUFFIX = "-login"
_LOGIN_SECONDS = 10.0
"""Longest time of one step of a login, with the wait for a thread."""
_THREADS = 4
"""Number of login steps at the same time. They have threads of their own: a service that does not answer must not take
the threads that serve other requests."""

T = TypeVar("T")


@dataclass(frozen=True)
class LoginAttempt:
    """The parameters of one login, kept until the other service redirects the browser back."""

    provider: str
    """Name of the login service."""
    state: str
    nonce: str
    verifier: str
    next: str


@dataclass(frozen=True)
class Account:
    """A person as the other service knows them."""

    login: str
    """The person's login here."""
    name: str


class LoginService(ABC):
    """A service at which people log in. The page `/login/NAME` starts a login there. Register the redirect URI,
    GRADER_URL and `/login/NAME/back`, at the service."""

    name: str
    method: LoginMethod
    client_settings: tuple[str, str, str]
    """Names of the settings with the URL of the service, and with the id and the secret of its client."""
    scope: str | None = None
    """Scopes to ask for; None for those that the service gives by default."""
    auth_method = "client_secret_basic"
    """How the service expects the secret of its client (OAuth's token endpoint authentication method)."""

    def __init__(self, settings: Settings) -> None:
        self.url, self._client_id, self._client_secret = (getattr(settings, name) for name in self.client_settings)
        self._settings = settings
        self._threads = ThreadPoolExecutor(_THREADS, "login")

    @classmethod
    def is_set_up(cls, settings: Settings) -> bool:
        """Return whether the settings name such a service. Raise `BadCall` if they are incomplete."""
        values = [getattr(settings, name) for name in cls.client_settings]
        if any(values) and not all(values):
            names = ", GRADER_".join(cls.client_settings)
            raise BadCall(f"set all of GRADER_{names.upper()}, or none")
        if all(values) and not is_safe(values[0]):
            name = cls.client_settings[0].upper()
            raise BadCall(f"GRADER_{name} must be an https address, or http on this machine (localhost)")
        return all(values)

    @abstractmethod
    def _endpoint(self, name: str) -> str:
        """Return the URL of the "authorization_endpoint" or the "token_endpoint"."""

    @abstractmethod
    def _account(self, client: OAuth2Client, token: Mapping[str, Any], attempt: LoginAttempt) -> Account:
        """Return the account of the person who logged in. `token` is the response of the token endpoint."""

    def login_url(self, attempt: LoginAttempt) -> str:
        """Return the URL at the other service that starts a login."""
        with self._client() as client:
            url, _ = client.create_authorization_url(
                self._endpoint("authorization_endpoint"),
                state=attempt.state,
                nonce=attempt.nonce,
                code_verifier=attempt.verifier,
            )
        return str(url)

    def account(self, code: str, attempt: LoginAttempt) -> Account:
        """Exchange an authorization code for the account of the person who logged in. Raise 403 if the code or the
        service's response is not valid, and 503 if there is no response."""
        url = self._endpoint("token_endpoint")
        with self._client() as client, requests_to_provider():
            token = client.fetch_token(url, grant_type="authorization_code", code=code, code_verifier=attempt.verifier)
            return self._account(client, token, attempt)

    async def in_thread(self, step: Callable[[], T]) -> T:
        """Call a step of a login, which sends requests to the other service, in a thread for logins. Raise 503 if it
        takes too long."""
        return await in_thread(self._threads, step)

    def _client(self) -> OAuth2Client:
        """Return a new client for one exchange with the service. Code challenges are hashed (PKCE method S256)."""
        return OAuth2Client(
            self._client_id,
            self._client_secret,
            token_endpoint_auth_method=self.auth_method,
            scope=self.scope,
            redirect_uri=f"{self._settings.url.rstrip('/')}/login/{self.name}/back",
            code_challenge_method="S256",
            timeout=WAIT_SECONDS,
            verify=tls(),
        )


async def in_thread(threads: ThreadPoolExecutor, step: Callable[[], T]) -> T:
    """Call a step of a login in one of these threads. Raise 503 if another server takes too long."""
    loop = asyncio.get_running_loop()
    context = contextvars.copy_context()  # the request's id, for the log
    try:
        async with asyncio.timeout(_LOGIN_SECONDS):
            return await loop.run_in_executor(threads, context.run, step)
    except (TimeoutError, NoAnswer) as late:
        raise no_answer(late) from None


@contextmanager
def requests_to_provider() -> Iterator[None]:
    """Turn errors of requests in a `with` block into problems: 403 if a response is not valid, 503 if there is none."""
    try:
        yield
    except (OAuthError, BadCall, KeyError, TypeError, ValueError) as wrong:
        log.warning("a login failed", why=f"{type(wrong).__name__}: {one_line(str(wrong))}")
        raise failed("the provider's response is not valid or has expired") from wrong
    except (httpx2.HTTPError, NoAnswer) as gone:
        raise no_answer(gone) from gone


def no_answer(why: Exception) -> HttpProblem:
    """Log that the other service cannot be reached, and return the 503 problem for it."""
    log.error("the login service does not answer", why=f"{type(why).__name__}: {one_line(str(why))}")
    detail = "the login service does not answer; try again in a moment"
    return HttpProblem(503, "login-unavailable", "You cannot log in now", detail, retry_seconds=RETRY_SECONDS)


def failed(why: str) -> HttpProblem:
    """Return the 403 problem for a login that failed."""
    return HttpProblem(403, "login-failed", "The login failed", f"{why}: start again at /login")


def person_with(service: Service, account: Account) -> Person:
    """Return the person with the account's login. If there is no such person, create one if GRADER_OIDC_NEW_PEOPLE
    allows it, otherwise raise 403."""
    with service.store.read() as tx:
        person = people.person_by_login(tx, account.login)
    if person:
        return person
    if not service.settings.oidc_new_people:
        detail = f"you have logged in as {account.login}, which is in no course: ask your teachers to add that login"
        raise HttpProblem(403, "unknown-person", "There is no account for this login", detail)
    with service.store.write() as tx:
        return people.put_person(tx, account.login, one_line(account.name, 190))


# ── routes ───────────────────────────────────────────────────────────────────────────────────────────


def login_service(request: Request, name: str) -> LoginService:
    """Return the login service with this name. Raise 404 if it is not set up."""
    provider: LoginService | None = request.app.state.login_services.get(name)
    if provider is None:
        raise not_found("page")
    return provider


TheLoginService = Annotated[LoginService, Depends(login_service)]


@pages.get("/login/{name}")
async def start_login(service: TheService, provider: TheLoginService, next: str = "/") -> Response:
    """Redirect to the other service's login page, and store the login attempt in a cookie for `finish_login`."""
    return await provider.in_thread(partial(_start_login, service, provider, next))


def _start_login(service: Service, provider: LoginService, next: str) -> Response:
    state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
    attempt = LoginAttempt(provider.name, state, nonce, verifier, local_path(next))
    response = RedirectResponse(provider.login_url(attempt), 303)
    secret = secret_of(service.settings, service.store)
    cookie = seal(secret, _PURPOSE, vars(attempt), _ATTEMPT_SECONDS)
    set_cookie(response, service.settings, cookie, _ATTEMPT_SECONDS, _COOKIE_SUFFIX)
    return response


@pages.get("/login/{name}/back")
async def finish_login(request: Request, service: TheService, provider: TheLoginService) -> Response:
    """Finish a login: the other service redirects the browser to this page with an authorization code, or an error.
    Begin a session for the person, and redirect to the page that they asked for."""
    return await provider.in_thread(partial(_finish_login, request, service, provider))


def _finish_login(request: Request, service: Service, provider: LoginService) -> Response:
    query = request.query_params
    cookie = request.cookies.get(cookie_name(service.settings, _COOKIE_SUFFIX), "")
    claims = unseal(secret_of(service.settings, service.store), _PURPOSE, cookie)
    attempt = LoginAttempt(**claims) if claims else None
    # without this comparison, another site could log the browser in as another person
    state = query.get("state", "").encode()
    if attempt is None or attempt.provider != provider.name or not hmac.compare_digest(attempt.state.encode(), state):
        raise failed("the login was started in another browser or window, or more than ten minutes ago")
    code = query.get("code")
    if "error" in query or not code:
        raise failed("the provider refused the login")
    if query.get("iss", provider.url) != provider.url:  # RFC 9207: detect codes of another provider
        raise failed("the response comes from another provider")
    person = person_with(service, provider.account(code, attempt))
    response = begin_session(request, service, person, attempt.next, provider.method)
    set_cookie(response, service.settings, "", 0, _COOKIE_SUFFIX)
    return response
