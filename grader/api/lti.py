"""Launches of learning platforms (LTI 1.3): login, launch, linking of a course, and deep linking.

A launch comes from another site, often in a frame in which browsers send no cookies of this one. What the person sees
there needs no session: forms carry signed tokens that are valid once, and the grader itself opens in a new tab. The
browser that ends a launch must be the one that began it: it has a cookie or, if browsers block that, a value in the
platform's storage (LTI Client Side postMessages).
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import secrets
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Annotated, Any
from urllib.parse import urlencode

import structlog
from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from grader.api.assignments import Card, cards_of
from grader.api.external_login import in_thread
from grader.api.identity import Caller, TheService, cookie_name, require_same_site
from grader.api.lookup import known_offerings
from grader.api.middleware import CONTENT_SECURITY_POLICY
from grader.api.problems import HttpProblem
from grader.api.rendering import page
from grader.api.schemas import FromForm, In
from grader.api.sessions import begin_session
from grader.assignments.catalogue import Assignment
from grader.course.lti_people import admit, person_for
from grader.errors import BadCall
from grader.lms.launch import LINK, Launch, Name, deep_linking_response, read_launch
from grader.lms.openid import NoAnswer, keys_at, origin_of, seal, unseal, verified
from grader.render.text import one_line
from grader.service import Service, secret_of
from grader.store import lti, people
from grader.store.database import Tx, now
from grader.store.lti import LinkedContext, Platform
from grader.store.recording import Author
from grader.store.records import AccessToken, LoginMethod, Offering, Person, Role, TokenKind, new_id

log = structlog.get_logger()
pages = APIRouter(include_in_schema=False)

LAUNCH_LASTS = dt.timedelta(minutes=10)
CHOICE_LASTS = dt.timedelta(hours=1)
"""Time in which a form of a launch may be sent, and the grader opened from a frame."""
_THREADS = ThreadPoolExecutor(8, "launch")
"""Threads of launches, which fetch the keys of platforms. A platform that does not answer must not take the threads
that serve other requests."""
_LAUNCH, _CHOICE = "launch", "choice"


class LoginRequest(In, extra="ignore"):
    """A platform's request to begin a launch (third-party initiated login of OpenID Connect)."""

    iss: Name
    login_hint: str
    client_id: str = ""
    lti_message_hint: str = ""
    lti_storage_target: str = ""
    """The platform's frame that stores values; empty if the platform has no storage."""


@pages.get("/lti/jwks.json")
def get_tool_keys(service: TheService) -> dict[str, list[dict[str, Any]]]:
    """Get the public keys that verify the service's messages to platforms, as a JSON Web Key Set."""
    with service.store.read() as tx:
        return {"keys": lti.public_tool_keys(tx)}


@pages.get("/lti/login")
def begin_launch(request: Request, service: TheService, asked: Annotated[LoginRequest, Query()]) -> Response:
    """Redirect to the platform, which sends the launch, and bind the launch to this browser."""
    known = {"client_id": asked.client_id} if asked.client_id else {}
    with _refusals(request):
        with service.store.read() as tx:
            platforms = lti.platforms(tx, issuer=asked.iss, **known)
        if len(platforms) != 1:
            client = one_line(f"{asked.iss} with the client id {asked.client_id or '(none)'}")
            raise BadCall(f"the platform {client} is not registered here: an admin must register it under /platforms")
    (platform,) = platforms
    browser, nonce = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
    state = {"platform": platform.id, "nonce": nonce, "browser": _hash(browser), "storage": asked.lti_storage_target}
    parameters = {
        "scope": "openid",
        "response_type": "id_token",
        "response_mode": "form_post",
        "prompt": "none",
        "client_id": platform.client_id,
        "redirect_uri": f"{base_url(request)}/lti/launch",
        "login_hint": asked.login_hint,
        "state": seal(_secret(service), _LAUNCH, state, LAUNCH_LASTS.total_seconds()),
        "nonce": nonce,
    }
    if asked.lti_message_hint:
        parameters["lti_message_hint"] = asked.lti_message_hint
    separator = "&" if "?" in platform.login_url else "?"
    url = f"{platform.login_url}{separator}{urlencode(parameters)}"
    response: Response = RedirectResponse(url, 303)
    if asked.lti_storage_target:
        response = _storage_page(request, platform, state, value=browser, next=url)
    # partitioned: browsers that block other sites' cookies still send it in a frame of the same platform
    cookie = f"{_cookie(service, state)}={browser}; Path=/; Max-Age={int(LAUNCH_LASTS.total_seconds())}"
    response.headers.append("Set-Cookie", f"{cookie}; HttpOnly; Secure; SameSite=None; Partitioned")
    return response


@pages.post("/lti/login")
def send_launch_login(request: Request, service: TheService, asked: FromForm[LoginRequest]) -> Response:
    return begin_launch(request, service, asked)


@pages.post("/lti/launch")
async def launch(
    request: Request,
    service: TheService,
    id_token: FromForm[str] = "",
    state: FromForm[str] = "",
    browser: FromForm[str] = "",
) -> Response:
    """Verify a launch, and show what it leads to. `browser` is the value in the platform's storage, which a page of
    this service sends if the browser has no cookie."""
    return await in_thread(_THREADS, partial(_launch, request, service, id_token, state, browser))


def _launch(request: Request, service: Service, id_token: str, state: str, browser: str) -> Response:
    with _refusals(request):
        begun = unseal(_secret(service), _LAUNCH, state)
        if begun is None:
            raise BadCall("it was begun more than ten minutes ago, or not by this service")
        platform = _platform(service, begun["platform"])
        cookie = request.cookies.get(_cookie(service, begun), "")
        if begun["storage"] and not cookie and not browser:
            return _storage_page(request, platform, begun, id_token=id_token, state=state)
        if browser and not cookie:  # another site could send the value of a launch that it began itself
            require_same_site(request, service.settings.url)
        if not hmac.compare_digest(_hash(cookie or browser), begun["browser"]):
            raise BadCall("it was begun in another browser, or the browser keeps no cookies in this frame")
        keys = keys_at(platform.keys_url)
        claims = verified(id_token, keys, platform.issuer, platform.client_id, begun["nonce"])
        verified_launch = read_launch(claims, base_url(request))
        _require_deployment(platform, verified_launch)
        return _enter(request, service, platform, verified_launch, begun["nonce"])


@pages.post("/lti/course")
def link_course(request: Request, service: TheService, token: FromForm[str], course: FromForm[str]) -> Response:
    """Link the platform's course of a launch to a course of which its person is staff, and go on."""
    with _refusals(request):
        platform, launch, person = _chosen(service, token)
        return _enter(request, service, platform, launch, token, course, person)


@pages.post("/lti/deep-link")
def send_links(
    request: Request, service: TheService, token: FromForm[str], assignments: FromForm[tuple[str, ...]] = ()
) -> Response:
    """Answer a launch for deep linking with the chosen assignments: a form that the browser sends to the platform."""
    with _refusals(request):
        platform, launch, person_id = _chosen(service, token)
        settings = launch.deep_linking
        with service.store.write(Author(person_id, request.state.request_id)) as tx:
            context = lti.context(tx, platform.id, launch.deployment, launch.context.id)
            person = people.person(tx, person_id)
            if context is None or settings is None or person is None or not lti.use_once(tx, token, CHOICE_LASTS):
                raise BadCall("the form was sent before")
            offered = known_offerings(tx, _caller(tx, service, person), context.course)
            chosen = [offering for offering in offered if offering.assignment in assignments]
            if not chosen or (len(chosen) > 1 and not settings.accept_multiple):
                raise BadCall("no assignment was chosen, or more than the platform accepts")
            key = lti.tool_key(tx)
        url = f"{base_url(request)}/lti/launch"
        items = []
        for offering in chosen:
            task = service.assignments[offering.assignment]
            items.append(_content_item(offering, task, url, settings.accept_lineitem))
        jwt = deep_linking_response(launch, platform.issuer, platform.client_id, items, key)
    return _framed(request, "lti_return.html", platform, launch, jwt=jwt)


# ── what a launch leads to ───────────────────────────────────────────────────────────────────────────


def _enter(
    request: Request,
    service: Service,
    platform: Platform,
    launch: Launch,
    once: str,
    course: str = "",
    author: str | None = None,
) -> Response:
    """Add the person of a launch to the linked course, and show what the launch leads to.

    Args:
        request: The request.
        service: The service.
        platform: The platform.
        launch: The launch, which was verified.
        once: The nonce or the form's token, which is used up.
        course: The course to which the person links the platform's course; empty if it is not chosen yet.
        author: Id of the person who chooses it.

    Raises:
        BadCall: If the launch was used before, or its person has no access.
    """
    role = Role(launch.role) if launch.role else None
    in_frame = launch.is_in_frame or request.headers.get("sec-fetch-dest") in ("iframe", "frame")
    secret = _secret(service)  # it may be created, in a transaction
    with service.store.write(Author(author, request.state.request_id)) as tx:
        if not lti.use_once(tx, once, CHOICE_LASTS):
            raise BadCall("it was used before")
        context = lti.context(tx, platform.id, launch.deployment, launch.context.id)
        if role is not Role.STAFF and (context is None or launch.deep_linking):
            raise BadCall("an instructor must open it first, to link the course or to choose an assignment")
        person = person_for(tx, platform, launch.subject, launch.email, launch.name)
        if context is None:
            roles = people.roles(tx, person.id)
            staffed = [known for known in people.all_courses(tx) if roles.get(known.id) is Role.STAFF]
            if course not in [known.id for known in staffed]:
                token = _sealed(secret, platform, launch, person)
                return _framed(
                    request, "lti_course.html", platform, launch, token=token, courses=staffed, person=person
                )
        context = _renewed(context, platform, launch, course)
        lti.put_context(tx, context)
        admit(tx, context, person, launch.subject, role)
        caller = _caller(tx, service, person)
        offered = known_offerings(tx, caller, context.course)
        chosen = [offering for offering in offered if offering.assignment == launch.custom.get("assignment")]
        path = f"/courses/{context.course}"
        for offering in chosen:
            path += f"/assignments/{offering.assignment}"
            if launch.gradebook.lineitem:
                lti.put_line_item(tx, context.id, offering.assignment, launch.gradebook.lineitem)
        if in_frame:
            people.forget_expired_tokens(tx)
            method = LoginMethod.PLATFORM
            token = people.new_token(tx, person.id, TokenKind.LOGIN, platform.name, CHOICE_LASTS, method=method)
    if launch.deep_linking:
        variables = {"token": _sealed(secret, platform, launch, person), "cards": _cards(caller, offered)}
        return _framed(request, "lti_deep_link.html", platform, launch, **variables)
    if in_frame:
        variables = {"token": token, "next": path, "cards": _cards(caller, chosen or offered)}
        return _framed(request, "lti_launch.html", platform, launch, **variables)
    return begin_session(request, service, person, path, LoginMethod.PLATFORM)


def _renewed(context: LinkedContext | None, platform: Platform, launch: Launch, course: str) -> LinkedContext:
    """Return the linked course as a launch describes it; a new one if it was not linked before."""
    memberships_url, line_items_url = launch.memberships.context_memberships_url, launch.gradebook.lineitems
    if context is None:
        context = LinkedContext(new_id(), platform.id, launch.deployment, launch.context.id, "", course, "", "")
    return replace(
        context,
        title=one_line(launch.context.title or launch.context.id, 190),
        memberships_url=memberships_url or context.memberships_url,
        line_items_url=line_items_url or context.line_items_url,
    )


def _caller(tx: Tx, service: Service, person: Person) -> Caller:
    """Return the caller of a launch, who has no session."""
    token = AccessToken("", TokenKind.SESSION, "", now(), None, method=LoginMethod.PLATFORM)
    return Caller(replace(person, admin=False), people.roles(tx, person.id), token, service)


def _cards(caller: Caller, offered: Sequence[Offering]) -> list[Card]:
    """Return assignments of a linked course as the caller may see them."""
    with caller.read() as tx:
        return cards_of(tx, caller, offered, caller.person.id)


def _content_item(offering: Offering, task: Assignment, url: str, has_line_item: bool) -> dict[str, Any]:
    """Return the link to an assignment that a platform stores."""
    item: dict[str, Any] = {
        "type": LINK,
        "title": task.title,
        "url": url,
        "custom": {"assignment": offering.assignment},
    }
    if has_line_item:
        resource = f"{offering.course}/{offering.assignment}"
        item["lineItem"] = {"scoreMaximum": float(task.points), "label": task.title, "resourceId": resource}
    if offering.opens_at:
        item["available"] = {"startDateTime": offering.opens_at.isoformat()}
    if offering.due_at:
        item["submission"] = {"endDateTime": offering.due_at.isoformat()}
    return item


# ── pages in a frame, and their tokens ───────────────────────────────────────────────────────────────


def base_url(request: Request) -> str:
    """Return the service's URL as platforms know it."""
    service: Service = request.app.state.service
    return (service.settings.url or str(request.base_url)).rstrip("/")


@contextmanager
def _refusals(request: Request) -> Iterator[None]:
    """Answer failures of a launch with a page that the platform can show in its frame, and log them."""
    try:
        yield
    except (BadCall, NoAnswer) as wrong:
        log.warning("launch refused", why=one_line(str(wrong)))
        headers = {"Content-Security-Policy": frame_policy("*")}
        if isinstance(wrong, NoAnswer):
            detail = "your learning platform does not answer; try again in a moment"
            raise HttpProblem(503, "platform-unavailable", "You cannot log in now", detail, headers) from None
        detail = f"{wrong}. Open it again in your learning platform"
        raise HttpProblem(403, "launch-refused", "The launch was refused", detail, headers) from None


def frame_policy(ancestors: str, form_action: str = "") -> str:
    """Return the content security policy of a page that pages of these origins may frame, and whose forms may also lead
    to another origin."""
    policy = CONTENT_SECURITY_POLICY.replace("frame-ancestors 'none'", f"frame-ancestors {ancestors}")
    return policy.replace("form-action 'self'", f"form-action 'self'{form_action}")


def _framed(request: Request, template: str, platform: Platform, launch: Launch, **variables: Any) -> Response:
    """Render a page that only the platform may show in a frame: pages of its registered URLs' origins, and of the one
    that the launch names."""
    urls = (platform.issuer, platform.login_url, launch.presentation.return_url or "")
    ancestors = " ".join({origin_of(url) for url in urls if origin_of(url)})
    to_platform = f" {origin_of(launch.deep_linking.deep_link_return_url)}" if launch.deep_linking else ""
    response = page(request, template, platform=platform, launch=launch, **variables)
    response.headers["Content-Security-Policy"] = frame_policy(ancestors, to_platform)
    return response


def _storage_page(request: Request, platform: Platform, begun: Mapping[str, str], **variables: str) -> Response:
    """Render a page that puts a value into the platform's storage, or gets it. Any page may frame it, since it shows
    nothing, and sends messages to the platform alone."""
    storage = {"target": begun["storage"], "origin": origin_of(platform.login_url), "key": f"grader-{begun['browser']}"}
    response = page(request, "lti_storage.html", storage=storage | variables)
    response.headers["Content-Security-Policy"] = frame_policy("*")
    response.headers["Cross-Origin-Opener-Policy"] = "unsafe-none"  # the platform may have opened a window
    return response


def _platform(service: Service, id: str) -> Platform:
    """Return a platform. Raise `BadCall` if it is not registered any more."""
    with service.store.read() as tx:
        platform = lti.platform(tx, id)
    if platform is None:
        raise BadCall("the platform is not registered any more")
    return platform


def _require_deployment(platform: Platform, launch: Launch) -> None:
    """Raise `BadCall` if the platform may not launch from this deployment."""
    if launch.deployment not in platform.deployments:
        deployment = one_line(launch.deployment)
        raise BadCall(f"an admin must add the deployment id {deployment} to {platform.name} under /platforms")


def _sealed(secret: bytes, platform: Platform, launch: Launch, person: Person) -> str:
    """Return the token of a form with which a person goes on with a launch."""
    claims = {"platform": platform.id, "person": person.id, "launch": launch.model_dump(by_alias=True, mode="json")}
    claims["once"] = secrets.token_hex(8)  # the forms of two pages of the same second differ
    return seal(secret, _CHOICE, claims, CHOICE_LASTS.total_seconds())


def _chosen(service: Service, token: str) -> tuple[Platform, Launch, str]:
    """Return the platform, the launch and the person's id of a form's token. Raise `BadCall` if it is not valid."""
    claims = unseal(_secret(service), _CHOICE, token)
    if claims is None:
        raise BadCall("the form is more than an hour old")
    platform, launch = _platform(service, claims["platform"]), Launch.model_validate(claims["launch"])
    _require_deployment(platform, launch)  # it may have been removed since
    return platform, launch, claims["person"]


def _secret(service: Service) -> bytes:
    return secret_of(service.settings, service.store)


def _hash(browser: str) -> str:
    return hashlib.sha256(browser.encode()).hexdigest()


def _cookie(service: Service, state: Mapping[str, str]) -> str:
    """Return the name of a launch's cookie. A page of a platform may have several frames, so each has another one."""
    return cookie_name(service.settings, f"-launch-{state['browser'][:16]}")
