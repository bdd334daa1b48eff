"""Login and logout with a browser. `grader.api.passwords` and `grader.api.external_login` have the other ways to log
in.

A login link contains a token after a #. Browsers do not send this part of a link to the server. Therefore, no log
contains the token, and mail scanners that open the link do not use the token up. A script copies the token into the
login form, or the person pastes the link there. Sending the form exchanges the token for a session.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from grader.api.identity import (
    LONGEST_SESSION,
    SESSION_DURATION,
    MaybeCaller,
    TheService,
    session_secret,
    set_cookie,
)
from grader.api.limits import LINKS, LOGINS, limit, limit_account
from grader.api.mail import Mailer, send_login_link
from grader.api.problems import not_found
from grader.api.rendering import local_path, page
from grader.api.schemas import FromForm
from grader.course.roster import login_of
from grader.service import Service
from grader.store import people
from grader.store.records import EVERY_SCOPE, STUDENT_SCOPES, AccessToken, LoginMethod, Person, TokenKind

pages = APIRouter(include_in_schema=False)

TOKEN_SESSION_DURATION = dt.timedelta(hours=12)
"""A session that was begun with an API token ends after this time, even if it is used."""
_INVALID = "This link or token is not valid or has expired: ask for a new one."
_BROWSER = re.compile(r"(Windows|Android|iPhone|iPad|Mac|Linux(?!; Android)).*?(Firefox|Chrome|Safari)")
"""The system and the browser in the header User-Agent, in which Chrome also calls itself Safari, but later."""


@pages.get("/login")
def show_login(request: Request, next: str = "/", sent: bool = False) -> Response:
    """Show the login forms. After the login, the browser is redirected to the path `next`. `sent` says that the person
    has just asked for a login link."""
    return login_page(request, next, sent=sent)


@pages.post("/login")
def log_in(request: Request, service: TheService, token: FromForm[str] = "", next: FromForm[str] = "/") -> Response:
    """Exchange the token of a login link, or an API token, for a session, and redirect to the path `next`. `token` may
    be a whole login link. If the token is not valid, show the form again and count a failed login."""
    secret = token.strip().rpartition("#token=")[2]
    # read first: invalid tokens must not make other requests wait for the write lock
    with service.store.read() as tx:
        holder = people.token_holder(tx, secret, [TokenKind.LOGIN, TokenKind.PROGRAM])
    if holder:
        person, access_token, _ = holder
        method = LoginMethod.TOKEN if access_token.kind is TokenKind.PROGRAM else LoginMethod.LINK
        method = access_token.method or method  # of a launch, or of the session that made the token
        return begin_session(request, service, person, next, method, access_token)
    limit(request, LOGINS)
    return login_page(request, next, _INVALID, status=403)


@pages.post("/login/link")
async def send_link(
    request: Request,
    service: TheService,
    login: FromForm[str] = "",
    next: Annotated[str, Form(max_length=1000)] = "/",
) -> Response:
    """Send a login link to the address `login`, if a person has it.

    The response is the same for unknown addresses, and as fast: it does not wait until the person is looked up.
    """
    mailer: Mailer | None = request.app.state.mailer
    if mailer is None:
        raise not_found("page")
    login = login_of(login)
    limit(request, LINKS)
    limit_account(request, f"link {login}")
    next = local_path(next)
    mailer.in_background(send_login_link(service, mailer, login, next))
    query = urlencode({"next": next, "sent": True})
    return RedirectResponse(f"/login?{query}", 303)


def login_page(request: Request, next: str, problem: str = "", status: int = 200, sent: bool = False) -> Response:
    """Render the login page with a form for each way to log in, and a problem of the form that was sent."""
    next = local_path(next)
    return page(request, "login.html", status, next=next, problem=problem, sent=sent, app=request.app.state)


@pages.post("/logout")
def log_out(request: Request, service: TheService, who: MaybeCaller) -> Response:
    if who:
        with service.store.write() as tx:
            people.end_session(tx, session_secret(request))
    response = RedirectResponse("/login", 303)
    set_cookie(response, service.settings, "", 0)
    return response


def begin_session(
    request: Request,
    service: Service,
    person: Person,
    next: str,
    method: LoginMethod,
    token: AccessToken | None = None,
) -> Response:
    """Start a session for a person and redirect to the path `next`. End the browser's previous session.

    Args:
        method: The way in which the person logged in. A login by JupyterHub gives the rights of a student alone, since
            the hub's admins, and code that people run there, can log in as them.
        token: The login link or the API token with which the person logged in, if any. A link is used up. If it is an
            API token, the session has its scopes, and ends if the token is revoked.
    """
    api_token = token if token and token.kind is TokenKind.PROGRAM else None
    lasts = TOKEN_SESSION_DURATION if api_token else SESSION_DURATION
    scopes = STUDENT_SCOPES if method is LoginMethod.JUPYTERHUB else EVERY_SCOPE
    match = _BROWSER.search(request.headers.get("user-agent", "")[:300])
    label = f"{match[2]} on {match[1]}" if match else "browser"
    with service.store.write() as tx:  # one transaction: a link is used up only if a session begins
        if api_token:
            is_valid = people.token_by_id(tx, api_token.id) is not None
        else:
            is_valid = token is None or people.revoke_token(tx, person.id, token.id)
        if not is_valid:  # revoked or used up after it was looked up
            return login_page(request, next, _INVALID, status=403)
        people.end_session(tx, session_secret(request))
        people.forget_expired_tokens(tx)
        secret = people.new_token(tx, person.id, TokenKind.SESSION, label, lasts, scopes, api_token, method)
    response = RedirectResponse(local_path(next), 303)
    # the database says when the session ends, so that a renewal needs no other cookie
    set_cookie(response, service.settings, secret, LONGEST_SESSION.total_seconds())
    return response
