"""Login at the university's OpenID Connect provider, by the authorization code flow with PKCE, state and nonce.

The state of a login attempt is kept in a signed cookie for ten minutes, so that any replica can finish the login.
"""

from __future__ import annotations

import asyncio
import contextvars
import hmac
import secrets
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

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
from grader.course.roster import login_of
from grader.errors import BadCall, OurFailure
from grader.lms.openid import WAIT_SECONDS, NoAnswer, PublicKeys, fetch_json, is_safe, seal, tls, unseal, verified
from grader.render.text import one_line
from grader.service import Service, secret_of
from grader.settings import Settings
from grader.store import people
from grader.store.records import LoginMethod, Person

log = structlog.get_logger()
pages = APIRouter(include_in_schema=False)

BACK = "/login/oidc/back"
"""Path of the redirect URI. Register the redirect URI, GRADER_URL followed by this path, at the provider."""
_NEEDED = ("authorization_endpoint", "token_endpoint", "jwks_uri")
_ATTEMPT_SECONDS = 600
_COOKIE_SUFFIX = "-login"
_PURPOSE = "login attempts"
_METADATA_SECONDS = 3600
_LOGIN_SECONDS = 10.0
"""Longest time of one step of a login, with the wait for a thread."""
_THREADS = 4
"""Number of login steps at the same time. They have threads of their own: a provider that does not answer must not take
the threads that serve other requests."""


@dataclass(frozen=True)
class LoginAttempt:
    """The parameters of one login, kept until the provider redirects the browser back."""

    state: str
    nonce: str
    verifier: str
    next: str


class Provider:
    """An OpenID Connect provider."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._issuer = settings.oidc_issuer
        self._cached_metadata: Mapping[str, Any] = {}
        """The provider's metadata; empty until they are fetched."""
        self._cached_at = 0.0
        """Time at which the metadata were fetched, by the monotonic clock."""
        self._keys = PublicKeys("")
        """The provider's public keys, at the URL in the metadata."""
        self._threads = ThreadPoolExecutor(_THREADS, "login")

    async def in_thread(self, step: Callable[[], Response]) -> Response:
        """Call a step of a login, which sends requests to the provider, in one of the provider's threads. Raise 503 if
        it takes too long."""
        loop = asyncio.get_running_loop()
        context = contextvars.copy_context()  # the request's id, for the log
        try:
            async with asyncio.timeout(_LOGIN_SECONDS):
                return await loop.run_in_executor(self._threads, context.run, step)
        except (TimeoutError, NoAnswer) as late:
            raise _no_answer(late) from None

    def login_url(self, attempt: LoginAttempt) -> str:
        """Return the URL at the provider that starts a login."""
        with self._client() as client:
            url, _ = client.create_authorization_url(
                self._metadata()["authorization_endpoint"],
                state=attempt.state,
                nonce=attempt.nonce,
                code_verifier=attempt.verifier,
            )
        return str(url)

    def claims(self, code: str, attempt: LoginAttempt) -> Mapping[str, Any]:
        """Exchange an authorization code for the claims of the person who logged in. Raise 403 if the code or the
        provider's response is not valid."""
        metadata = self._metadata()
        with self._client() as client:
            try:
                token = client.fetch_token(
                    metadata["token_endpoint"],
                    grant_type="authorization_code",
                    code=code,
                    code_verifier=attempt.verifier,
                )
                client_id = self._settings.oidc_client_id
                claims = verified(token["id_token"], self._keys, self._issuer, client_id, attempt.nonce)
                userinfo_url = metadata.get("userinfo_endpoint")
                if userinfo_url and self._settings.oidc_login_claim not in claims:
                    claims |= self._userinfo(client, userinfo_url, claims["sub"])
                return claims
            except (OAuthError, BadCall, KeyError, ValueError) as wrong:
                log.warning("a login failed", why=f"{type(wrong).__name__}: {one_line(str(wrong))}")
                raise _failed("the provider's response is not valid or has expired") from wrong
            except httpx2.HTTPError as gone:
                raise _no_answer(gone) from gone

    def _userinfo(self, client: OAuth2Client, url: str, subject: str) -> dict[str, Any]:
        """Return the claims at the provider's user info endpoint. Raise 403 if they are not about `subject`, the person
        in the ID token."""
        response = client.get(url)
        response.raise_for_status()
        claims: dict[str, Any] = response.json()
        if claims.get("sub") != subject:
            raise _failed("the provider's ID token and user info belong to different people")
        return claims

    def _client(self) -> OAuth2Client:
        """Return a new client for one exchange with the provider. Code challenges are hashed (PKCE method S256)."""
        settings = self._settings
        redirect_uri = settings.url.rstrip("/") + BACK
        return OAuth2Client(
            settings.oidc_client_id,
            settings.oidc_client_secret,
            scope="openid email profile",
            redirect_uri=redirect_uri,
            code_challenge_method="S256",
            timeout=WAIT_SECONDS,
            verify=tls(),
        )

    def _metadata(self) -> Mapping[str, Any]:
        """Return the provider's metadata (OpenID Connect Discovery): the URLs of its endpoints. They are fetched again
        after `_METADATA_SECONDS`. Raise `OurFailure` if they belong to another issuer or lack an endpoint."""
        if self._cached_metadata and time.monotonic() - self._cached_at < _METADATA_SECONDS:
            return self._cached_metadata
        metadata = fetch_json(self._issuer.rstrip("/") + "/.well-known/openid-configuration")
        issuer = metadata.get("issuer")
        if issuer != self._issuer:
            raise OurFailure(f"GRADER_OIDC_ISSUER is {self._issuer}, but must be the provider's issuer, {issuer}")
        for name in _NEEDED:
            if name not in metadata:
                raise OurFailure(f"the metadata of the university's login service lacks {name}")
        # the keys belong to the metadata, so they are fetched again too
        self._cached_metadata, self._cached_at = metadata, time.monotonic()
        self._keys = PublicKeys(metadata["jwks_uri"])
        return metadata


def _no_answer(why: Exception) -> HttpProblem:
    """Log that the provider cannot be reached, and return the 503 problem for it."""
    log.error("the login service does not answer", why=f"{type(why).__name__}: {one_line(str(why))}")
    detail = "the university's login service does not answer; try again in a moment"
    return HttpProblem(503, "login-unavailable", "You cannot log in now", detail, retry_seconds=RETRY_SECONDS)


def provider_of(settings: Settings) -> Provider | None:
    """Return the provider that the settings name; None if they name none. Raise `BadCall` if the provider's settings
    are incomplete, or its address is neither https nor on this machine."""
    given = (settings.oidc_issuer, settings.oidc_client_id, settings.oidc_client_secret)
    if not any(given):
        return None
    if not all(given):
        raise BadCall("set all of GRADER_OIDC_ISSUER, GRADER_OIDC_CLIENT_ID and GRADER_OIDC_CLIENT_SECRET, or none")
    if not is_safe(settings.oidc_issuer):
        raise BadCall("GRADER_OIDC_ISSUER must be an https address, or http on this machine (localhost)")
    return Provider(settings)


# ── routes ───────────────────────────────────────────────────────────────────────────────────────────


def _provider(request: Request) -> Provider:
    provider: Provider | None = request.app.state.provider
    if provider is None:
        raise not_found("page")
    return provider


TheProvider = Annotated[Provider, Depends(_provider)]


@pages.get("/login/oidc")
async def start_login(service: TheService, provider: TheProvider, next: str = "/") -> Response:
    """Redirect to the provider's login page, and store the login attempt in a cookie for `finish_login`."""
    return await provider.in_thread(partial(_start_login, service, provider, next))


def _start_login(service: Service, provider: Provider, next: str) -> Response:
    state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
    attempt = LoginAttempt(state, nonce, verifier, local_path(next))
    response = RedirectResponse(provider.login_url(attempt), 303)
    cookie = seal(secret_of(service.settings, service.store), _PURPOSE, vars(attempt), _ATTEMPT_SECONDS)
    set_cookie(response, service.settings, cookie, _ATTEMPT_SECONDS, _COOKIE_SUFFIX)
    return response


@pages.get(BACK)
async def finish_login(
    request: Request,
    service: TheService,
    provider: TheProvider,
    state: str = "",
    code: str = "",
    error: str = "",
    iss: str | None = None,
) -> Response:
    """Finish a login: the provider redirects the browser to this page with an authorization code, or an error. Begin a
    session for the person, and redirect to the page that they asked for. `iss` is the issuer, which some providers
    send."""
    return await provider.in_thread(partial(_finish_login, request, service, provider, state, code, error, iss))


def _finish_login(
    request: Request, service: Service, provider: Provider, state: str, code: str, error: str, iss: str | None
) -> Response:
    cookie = request.cookies.get(cookie_name(service.settings, _COOKIE_SUFFIX), "")
    claims = unseal(secret_of(service.settings, service.store), _PURPOSE, cookie)
    attempt = LoginAttempt(**claims) if claims else None
    # without this comparison, another site could log the browser in as another person
    if attempt is None or not hmac.compare_digest(attempt.state.encode(), state.encode()):
        raise _failed("the login was started in another browser or window, or more than ten minutes ago")
    if error or not code:
        raise _failed("the provider refused the login")
    if iss not in (None, service.settings.oidc_issuer):  # RFC 9207: detect codes of another provider
        raise _failed("the response comes from another provider")
    person = _person_of(service, provider.claims(code, attempt))
    response = begin_session(request, service, person, attempt.next, LoginMethod.PROVIDER)
    set_cookie(response, service.settings, "", 0, _COOKIE_SUFFIX)
    return response


def _person_of(service: Service, claims: Mapping[str, Any]) -> Person:
    """Return the person with the login in the claims; GRADER_OIDC_LOGIN_CLAIM names the claim. If there is no such
    person, create one if GRADER_OIDC_NEW_PEOPLE allows it, otherwise raise 403."""
    claim = service.settings.oidc_login_claim
    if claim == "email" and claims.get("email_verified") is not True:
        raise _failed("the provider has not verified your e-mail address")
    text = claims.get(claim)
    try:
        login = login_of(text if isinstance(text, str) else "")
    except BadCall:
        raise _failed(f"the provider did not send your {claim}") from None
    with service.store.read() as tx:
        person = people.person_by_login(tx, login)
    if person:
        return person
    if not service.settings.oidc_new_people:
        detail = f"you have logged in as {login}, which is in no course: ask your teachers to add that login"
        raise HttpProblem(403, "unknown-person", "There is no account for this login", detail)
    with service.store.write() as tx:
        name = str(claims.get("name") or login)
        return people.put_person(tx, login, one_line(name, 190))


def _failed(why: str) -> HttpProblem:
    """Return the 403 problem for a login that failed."""
    return HttpProblem(403, "login-failed", "The login failed", f"{why}: start again at /login")
