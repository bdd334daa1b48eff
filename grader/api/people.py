"""People and the caller's tokens, and the settings page with the caller's tokens and browser logins."""

from __future__ import annotations

import datetime as dt
from functools import partial
from typing import Annotated, Literal

from fastapi import APIRouter, Form
from pydantic import AwareDatetime, BeforeValidator, Field
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from grader.api.external_login import login_service, person_with
from grader.api.identity import (
    HUB_TOKENS,
    Caller,
    TheCaller,
    TheService,
    bad_token,
    has_fresh_login,
    has_own_session,
    require_admin,
    require_scope,
)
from grader.api.jupyterhub import JupyterHub
from grader.api.openapi import problem_response
from grader.api.problems import HttpProblem, not_found
from grader.api.rendering import page
from grader.api.schemas import FromForm, In, Login, Out, TokenId
from grader.course import roster
from grader.errors import BadCall
from grader.service import Service
from grader.store import outbox, passwords, people
from grader.store.database import Tx
from grader.store.records import (
    STUDENT_SCOPES,
    AccessToken,
    EventKind,
    LoginMethod,
    Role,
    TokenKind,
    TokenScope,
)

router = APIRouter(prefix="/api/v1", tags=["people"])
pages = APIRouter(include_in_schema=False)

MOST_TOKENS = 50
HUB_TOKEN_DURATION = dt.timedelta(minutes=5)
"""Lifetime of a token for a command in a notebook server: long enough to answer the question about late days."""


class AccountOut(Out):
    login: str
    name: str
    admin: bool


class Me(AccountOut):
    roles: dict[str, Role]
    """The caller's roles, by course id."""


@router.get("/me")
def get_me(caller: TheCaller) -> Me:
    """Get the caller's account."""
    fields = vars(caller.person) | {"roles": caller.roles}
    return Me.model_validate(fields)


class PersonIn(In):
    name: str = Field("", max_length=200)
    """Unchanged if left out."""
    admin: bool | None = None
    """Unchanged if left out."""


@router.put("/people/{login}")
def put_person(caller: TheCaller, login: Login, new: PersonIn) -> AccountOut:
    """Add a person, or change one (admins)."""
    require_admin(caller, "person")
    login, name = roster.login_of(login), roster.name_of(new.name)
    with caller.write() as tx:
        person = people.put_person(tx, login, name, admin=new.admin)
        if not people.has_admin(tx):
            raise BadCall("the last admin cannot be removed: make another person an admin first")
    return AccountOut.model_validate(person)


# ── the caller's tokens ──────────────────────────────────────────────────────────────────────────────


class TokenOut(Out):
    id: str
    kind: TokenKind
    label: str
    created_at: AwareDatetime
    expires_at: AwareDatetime | None
    scopes: Annotated[list[TokenScope], BeforeValidator(sorted)]
    parent: str | None
    """Id of the token that created this one; revoking it revokes both."""


class CreatedToken(TokenOut):
    token: str
    """Shown only once."""


class NewToken(In):
    label: str = Field(min_length=1, max_length=200)
    """Purpose of the token."""
    expires_in_days: int | None = Field(None, ge=1, le=3660)
    """If left out, the token never expires."""
    scopes: set[TokenScope] | None = Field(None, min_length=1)
    """Permissions of the token; by default those of the token that sends this request."""


@router.get("/tokens")
def list_tokens(caller: TheCaller) -> list[TokenOut]:
    """List the caller's tokens, including browser logins."""
    with caller.read() as tx:
        tokens = people.tokens_of(tx, caller.person.id)
    return TokenOut.all(tokens)


@router.post(
    "/tokens",
    status_code=201,
    responses={409: problem_response("The caller has too many tokens")},
)
def create_token(caller: TheCaller, new: NewToken) -> CreatedToken:
    """Create a token for programs.

    If the caller used an API token for this request or to log in, revoking that token also revokes the new one.
    """
    label = roster.name_of(new.label)
    scopes = new.scopes or caller.token.scopes
    _require_more_than_reading(caller)
    for scope in scopes:
        require_scope(caller, scope)
    with caller.write() as tx:
        programs = [token for token in people.tokens_of(tx, caller.person.id) if token.kind is TokenKind.PROGRAM]
        if len(programs) >= MOST_TOKENS:
            detail = f"you have {MOST_TOKENS} tokens already: revoke one first"
            raise HttpProblem(409, "too-many-tokens", "Too many tokens", detail)
        lasts = dt.timedelta(days=new.expires_in_days) if new.expires_in_days else None
        parent = _parent(tx, caller)
        method = caller.token.method if caller.token.method is LoginMethod.PLATFORM else None
        secret = people.new_token(tx, caller.person.id, TokenKind.PROGRAM, label, lasts, scopes, parent, method)
        token = people.token_by_secret(tx, secret)
    return CreatedToken.model_validate(vars(token) | {"token": secret})


class HubToken(In):
    token: str = Field(min_length=1, max_length=200, pattern="^[!-~]+$")
    """The token in JUPYTERHUB_API_TOKEN of a notebook server."""


class HubTokenOut(Out):
    token: str
    """A token with the scopes read and submit, valid for five minutes."""


@router.post(HUB_TOKENS.removeprefix(router.prefix), status_code=201, openapi_extra={"security": []})
async def create_hub_token(request: Request, service: TheService, new: HubToken) -> HubTokenOut:
    """Create a token for a notebook server of the JupyterHub at which people log in. No login is needed."""
    hub = login_service(request, JupyterHub.name)
    assert isinstance(hub, JupyterHub)
    return await hub.in_thread(partial(_hub_token, service, hub, new.token))


def _hub_token(service: Service, hub: JupyterHub, token: str) -> HubTokenOut:
    person = person_with(service, hub.owner(token))
    with service.store.write() as tx:
        people.forget_expired_tokens(tx)
        secret = people.new_token(tx, person.id, TokenKind.PROGRAM, "JupyterHub", HUB_TOKEN_DURATION, STUDENT_SCOPES)
    return HubTokenOut(token=secret)


def may_make_tokens(caller: Caller) -> bool:
    """Return whether the caller may create tokens. With a token that has only the scope `read`, they may not."""
    return caller.token.scopes != {TokenScope.READ}


def _require_more_than_reading(caller: Caller) -> None:
    """Raise 403 if the caller's token may only read. The error names the scope `submit`, the least that is missing."""
    if not may_make_tokens(caller):
        require_scope(caller, TokenScope.SUBMIT)


def _parent(tx: Tx, caller: Caller) -> AccessToken | None:
    """Return the API token that the caller used for this request or to log in; None if the caller used none. Raise 401
    if the token was revoked."""
    id = caller.token.id if caller.token.kind is TokenKind.PROGRAM else caller.token.parent
    if id is None:
        return None
    token = people.token_by_id(tx, id)
    if token is None:
        raise bad_token()  # revoked after this request was authenticated
    return token


@router.delete("/tokens/{id}", status_code=204)
def revoke_token(caller: TheCaller, id: TokenId) -> None:
    """Revoke one of the caller's tokens, and all tokens that were created with it.

    The token that sends this request must have all scopes of the revoked token. A token that has only the scope `read`
    can revoke no token but itself.
    """
    if id != caller.token.id:
        _require_more_than_reading(caller)
    with caller.write() as tx:
        tokens = {token.id: token for token in people.tokens_of(tx, caller.person.id)}
        if id not in tokens:
            raise not_found("token")
        for scope in tokens[id].scopes:
            require_scope(caller, scope)
        people.revoke_token(tx, caller.person.id, id)


# ── the settings page ────────────────────────────────────────────────────────────────────────────────


@pages.get("/settings")
def show_settings(request: Request, caller: TheCaller) -> Response:
    return _settings_page(request, caller)


@pages.post("/settings/tokens")
def send_new_token(
    request: Request,
    caller: TheCaller,
    label: Annotated[str, Form(max_length=200)] = "",
    days: FromForm[Literal["30", "180", "365", ""]] = "180",
    scopes: FromForm[tuple[TokenScope, ...]] = (),
) -> Response:
    """Create a token and show its secret, which cannot be shown again."""
    if not label.strip():
        raise BadCall("the token has no label: enter its purpose")
    if not scopes:
        raise BadCall("no scope is chosen: choose at least one use of the token")
    new = NewToken(label=label, expires_in_days=int(days) if days else None, scopes=set(scopes))
    created = create_token(caller, new)
    return _settings_page(request, caller, created.token)


@pages.post("/settings/tokens/{id}/revoke")
def send_revocation(id: TokenId, caller: TheCaller) -> Response:
    revoke_token(caller, id)
    return RedirectResponse("/settings", 303)


@pages.post("/settings/mail")
def send_mail_choice(caller: TheCaller, events: FromForm[tuple[EventKind, ...]] = ()) -> Response:
    """Set the events of which the caller gets e-mails."""
    _require_more_than_reading(caller)
    with caller.write() as tx:
        outbox.choose(tx, caller.person.id, events)
    return RedirectResponse("/settings#mail", 303)


def _settings_page(request: Request, caller: Caller, secret: str = "") -> Response:
    """Render the settings page: the caller's tokens, and a form for a new token with the scopes that the caller may
    give it. `secret` is the secret of a token that was just created, to be shown once."""
    offered = caller.token.scopes if may_make_tokens(caller) else frozenset()
    if not caller.is_staff_somewhere:
        offered -= {TokenScope.STAFF}
    scopes = [scope for scope in TokenScope if scope in offered]  # in the order of the enumeration
    with caller.read() as tx:
        tokens = people.tokens_of(tx, caller.person.id)
        password = passwords.of_person(tx, caller.person.id)
        mailed = outbox.mailed_events(tx, caller.person.id)
    return page(
        request,
        "settings.html",
        tokens=tokens,
        this=caller.token.id,
        scopes=scopes,
        made=secret,
        url=str(request.base_url).rstrip("/"),
        courses=list(caller.roles),
        may_set_password=has_own_session(caller) and caller.service.settings.passwords,
        password=password,
        fresh=has_fresh_login(caller),
        is_set="password" in request.query_params,
        has_mail=bool(caller.service.settings.smtp_url),
        mailed=mailed,
    )
