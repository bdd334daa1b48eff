"""Login and logout with a browser.

A login link contains a token after a #. Browsers do not send this part of a link to the server. Therefore, no log
contains the token, and mail scanners that open the link do not use the token up. A script copies the token into the
login form, or the person pastes the link there. Sending the form exchanges the token for a session.
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from fastapi import APIRouter, Form
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from grader.api.identity import MaybeCaller, TheService, bad_token, session_secret, set_cookie
from grader.api.limits import LOGINS, limit
from grader.api.rendering import local_path, page
from grader.service import Service
from grader.store import people
from grader.store.records import AccessToken, Person, TokenKind

pages = APIRouter(include_in_schema=False)

SESSION_DURATION = dt.timedelta(hours=12)


@pages.get("/login")
def show_login(request: Request, next: str = "/") -> Response:
    """Show the login form. After the login, the browser is redirected to the path `next`."""
    return _login_page(request, next)


@pages.post("/login")
def log_in(
    request: Request, service: TheService, token: Annotated[str, Form()] = "", next: Annotated[str, Form()] = "/"
) -> Response:
    """Exchange the token of a login link, or an API token, for a session, and redirect to the path `next`. `token` may
    be a whole login link. If the token is not valid, show the form again and count a failed login."""
    secret = token.strip().rpartition("#token=")[2]
    # read first: invalid tokens must not make other requests wait for the write lock
    with service.store.read() as tx:
        holder = people.token_holder(tx, secret, [TokenKind.LOGIN, TokenKind.PROGRAM])
    if holder:
        person, access_token = holder
        if access_token.kind is TokenKind.PROGRAM:
            return begin_session(request, service, person, next, access_token)
        with service.store.write() as tx:  # a login link works only once, even if two requests arrive together
            is_first_use = people.use_up_token(tx, secret, TokenKind.LOGIN)
        if is_first_use:
            return begin_session(request, service, person, next)
    limit(request, LOGINS)
    problem = "This link or token is not valid or has expired: ask for a new one."
    return _login_page(request, next, problem, status=403)


def _login_page(request: Request, next: str, problem: str = "", status: int = 200) -> Response:
    has_provider = request.app.state.provider is not None
    return page(request, "login.html", status, next=local_path(next), problem=problem, provider=has_provider)


@pages.post("/logout")
def log_out(request: Request, service: TheService, who: MaybeCaller) -> Response:
    if who:
        _end_session(request, service)
    response = RedirectResponse("/login", 303)
    set_cookie(response, service.settings, "", 0)
    return response


def begin_session(
    request: Request, service: Service, person: Person, next: str, token: AccessToken | None = None
) -> Response:
    """Start a session for a person and redirect to the path `next`. End the browser's previous session.

    Args:
        token: The API token with which the person logged in, if any. The session has the token's scopes, and ends if
            the token is revoked.
    """
    _end_session(request, service)
    with service.store.write() as tx:
        people.forget_expired_tokens(tx)
        if token and people.token_by_id(tx, token.id) is None:
            raise bad_token()  # revoked after this request was authenticated
        secret = people.new_token(tx, person.id, TokenKind.SESSION, "browser", SESSION_DURATION, parent=token)
    response = RedirectResponse(local_path(next), 303)
    set_cookie(response, service.settings, secret, SESSION_DURATION.total_seconds())
    return response


def _end_session(request: Request, service: Service) -> None:
    """Delete the session of the browser that sent the request, if there is one."""
    secret = session_secret(request)
    if secret:
        with service.store.write() as tx:
            people.use_up_token(tx, secret, TokenKind.SESSION)
