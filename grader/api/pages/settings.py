"""The settings page: the caller's tokens and browser logins."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Form
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from grader.api import people as api
from grader.api.frame import page
from grader.api.identity import Caller, TheCaller, TheService
from grader.api.schemas import TokenId
from grader.errors import BadCall
from grader.service import Service
from grader.store.records import TokenScope

router = APIRouter(include_in_schema=False)


@router.get("/settings")
def show_settings(request: Request, service: TheService, caller: TheCaller) -> Response:
    return _settings_page(request, service, caller)


@router.post("/settings/tokens")
def make_token(
    request: Request,
    service: TheService,
    caller: TheCaller,
    label: Annotated[str, Form(max_length=200)] = "",
    days: Annotated[Literal["30", "180", "365", ""], Form()] = "180",
    scopes: Annotated[tuple[TokenScope, ...], Form()] = (),
) -> Response:
    """Create a token and show its secret, which cannot be shown again."""
    if not label.strip():
        raise BadCall("the token has no label: enter its purpose")
    if not scopes:
        raise BadCall("no scope is chosen: choose at least one use of the token")
    secret, _ = api.new_token(service, caller, label, int(days) if days else None, scopes)
    return _settings_page(request, service, caller, secret)


@router.post("/settings/tokens/{id}/revoke")
def revoke(id: TokenId, service: TheService, caller: TheCaller) -> Response:
    api.revoke_token(caller, service, id)
    return RedirectResponse("/settings", 303)


def _settings_page(request: Request, service: Service, caller: Caller, made: str = "") -> Response:
    offered = caller.token.scopes if caller.is_staff_somewhere else caller.token.scopes - {TokenScope.STAFF}
    scopes = [scope for scope in TokenScope if scope in offered] if api.may_make_tokens(caller) else []
    tokens, url = api.list_tokens(caller, service), str(request.base_url).rstrip("/")
    return page(request, "settings.html", tokens=tokens, scopes=scopes, made=made, url=url, courses=list(caller.roles))
