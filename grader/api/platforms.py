"""Learning platforms: the page on which admins register them, and dynamic registration."""

from __future__ import annotations

import datetime as dt
import secrets
from typing import Annotated

from fastapi import APIRouter
from pydantic import AfterValidator, Field, StringConstraints
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from grader.api.identity import TheCaller, TheService, require_admin
from grader.api.lti import base_url, frame_policy
from grader.api.problems import not_found
from grader.api.rendering import page
from grader.api.schemas import FromForm, In
from grader.errors import BadCall
from grader.lms.launch import Name, Url, register
from grader.lms.openid import origin_of, seal, unseal
from grader.service import secret_of
from grader.store import lti
from grader.store.lti import Platform
from grader.store.recording import Author
from grader.store.records import new_id

pages = APIRouter(include_in_schema=False)

LINK_LASTS = dt.timedelta(days=1)
"""Time in which a platform may be registered with a link."""
_PURPOSE = "registration"
_Required = Annotated[Url, StringConstraints(strip_whitespace=True, min_length=1)]
_Words = Annotated[str, Field(max_length=10_000), AfterValidator(str.split)]
_Domains = Annotated[
    str, Field(max_length=10_000, pattern=r"^[\w.\s-]*$"), AfterValidator(str.lower), AfterValidator(str.split)
]


class PlatformForm(In, extra="ignore"):
    """The registration of a platform. Words in `deployments` and `domains` are separated by spaces or lines."""

    id: str = Field("", max_length=32)
    """Empty for a new platform."""
    name: Name
    issuer: Annotated[Name, StringConstraints(strip_whitespace=True)]
    client_id: Annotated[Name, StringConstraints(strip_whitespace=True)]
    login_url: _Required
    token_url: _Required
    keys_url: _Required
    audience: str = Field("", max_length=2_000)
    deployments: _Words = ""
    domains: _Words = ""


@pages.get("/platforms")
def show_platforms(request: Request, caller: TheCaller) -> Response:
    """Show the platforms and a form for another one, with what an admin enters at the platform (admins)."""
    return _platforms_page(request, caller)


def _platforms_page(request: Request, caller: TheCaller, link: str = "") -> Response:
    """Render the page of platforms. `link` is a new link for dynamic registration, to be shown once."""
    require_admin(caller)
    with caller.read() as tx:
        platforms = lti.platforms(tx)
    return page(request, "platforms.html", platforms=platforms, url=base_url(request), link=link)


@pages.post("/platforms")
def send_platform(caller: TheCaller, form: FromForm[PlatformForm]) -> Response:
    """Register a platform by hand, or change it (admins)."""
    require_admin(caller)
    with caller.write() as tx:
        if form.id and lti.platform(tx, form.id) is None:
            raise not_found("platform")
        fields = vars(form) | {"id": form.id or new_id(), "domains": tuple(map(str.lower, form.domains))}
        fields["deployments"] = tuple(form.deployments)
        lti.put_platform(tx, Platform(**fields))
    return RedirectResponse("/platforms", 303)


@pages.post("/platforms/links")
def send_registration_link(request: Request, caller: TheCaller) -> Response:
    """Make a link with which a platform is registered once, and show it (admins)."""
    require_admin(caller)
    claims = {"admin": caller.person.id, "once": secrets.token_hex(8)}
    secret = secret_of(caller.service.settings, caller.service.store)
    token = seal(secret, _PURPOSE, claims, LINK_LASTS.total_seconds())
    with caller.write() as tx:
        lti.tool_key(tx)  # the platform fetches the public key
    return _platforms_page(request, caller, f"{base_url(request)}/lti/register?token={token}")


@pages.get("/lti/register")
def register_platform(
    request: Request,
    service: TheService,
    token: str = "",
    openid_configuration: str = "",
    registration_token: str = "",
) -> Response:
    """Register the platform that opens this page (LTI Dynamic Registration), and close its window."""
    claims = unseal(secret_of(service.settings, service.store), _PURPOSE, token)
    if claims is None:
        raise BadCall("the link has expired: make a new one under /platforms")
    registration = register(openid_configuration, registration_token, base_url(request))
    origin = origin_of(registration.issuer)
    with service.store.write(Author(claims["admin"], request.state.request_id)) as tx:
        if not lti.use_once(tx, token, LINK_LASTS):
            raise BadCall("the link was used before: make a new one under /platforms")
        fields = vars(registration) | {"id": new_id(), "name": origin.rpartition("/")[2], "domains": ()}
        platform = Platform(**fields)
        lti.put_platform(tx, platform)
    response = page(request, "lti_registered.html", platform=platform)
    # Canvas frames it on a host that is not its issuer's; there is nothing to click
    response.headers["Content-Security-Policy"] = frame_policy("*")
    response.headers["Cross-Origin-Opener-Policy"] = "unsafe-none"  # the page tells its opener to close it
    return response
