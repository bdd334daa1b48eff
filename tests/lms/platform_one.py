"""A real LTI 1.3 Advantage platform as a process: `python -m tests.lms.platform_one` prints its address.

It is built on lti1p3platform, which signs launches, checks the tool's assertions and knows the services' messages.
Added here: what a platform stores, dynamic registration, the pages of a browser, and what the specifications demand and
the package leaves to a platform. It is as strict as Canvas, and can be bad in many ways. Tests control it by the routes
under `/control`, which `tests/lms/platforms.py` calls.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import secrets
import socket
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, NoReturn
from urllib.parse import parse_qsl, urlencode, urlsplit

import jwt
import uvicorn
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.responses import HTMLResponse, JSONResponse
from fastapi.responses import Response as HttpResponse
from lti1p3platform import exceptions
from lti1p3platform import request as package_request
from lti1p3platform.ltiplatform import LTI1P3PlatformConfAbstract
from lti1p3platform.membership import Context as ContextClaim
from lti1p3platform.message_launch import LTIAdvantageMessageLaunchAbstract
from lti1p3platform.oidc_login import OIDCLoginAbstract
from lti1p3platform.registration import Registration
from lti1p3platform.response import Response, generate_next_link
from lti1p3platform.score import UpdateScoreStatus
from lti1p3platform.service_connector import AssignmentsGradesService, NamesRoleProvisioningService
from uvicorn.protocols.http.h11_impl import H11Protocol

from tests.lms import pages

CLAIM = "https://purl.imsglobal.org/spec/lti/claim/"
DEEP_LINKING = "https://purl.imsglobal.org/spec/lti-dl/claim/"
PLATFORM = "https://purl.imsglobal.org/spec/lti-platform-configuration"
TOOL = "https://purl.imsglobal.org/spec/lti-tool-configuration"
ROLE = "http://purl.imsglobal.org/vocab/lis/v2/membership#"
AGS = "https://purl.imsglobal.org/spec/lti-ags/scope/"
MEMBERS = "https://purl.imsglobal.org/spec/lti-nrps/scope/contextmembership.readonly"
SCOPES = [AGS + "lineitem", AGS + "lineitem.readonly", AGS + "result.readonly", AGS + "score", MEMBERS]
SCORE_TYPE = "application/vnd.ims.lis.v1.score+json"
LINE_ITEM_TYPE = "application/vnd.ims.lis.v2.lineitem+json"


# ── what a platform stores ───────────────────────────────────────────────────────────────────────────


@dataclass
class Person:
    id: str
    name: str
    email: str = ""
    is_test_student: bool = False
    """Canvas shows its Test Student to the tool, and answers its scores with 422."""


@dataclass
class Tool:
    """A registration of a tool."""

    client_id: str
    login_url: str
    launch_url: str
    redirect_uris: list[str]
    jwks_uri: str
    deep_link_url: str
    scopes: list[str]
    deployments: list[str]
    messages: list[dict[str, Any]] = field(default_factory=list)
    """As the tool has registered them."""


@dataclass
class Course:
    """A context."""

    id: str
    title: str
    deployment: str
    members: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By person: `roles` and `status`."""
    links: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By id: `title`, `url`, `custom`, and `line_item`, the id of its only one."""
    line_items: dict[str, dict[str, Any]] = field(default_factory=dict)
    results: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    """By line item and person."""


@dataclass
class Launch:
    """What a link or a button of the platform stands for, until the tool asks for it."""

    person: str
    course: str
    link: str = ""
    """A resource link; empty for deep linking."""
    target: str = "iframe"
    claims: dict[str, Any] = field(default_factory=dict)
    """Claims that replace those of the token; null removes one."""
    header: dict[str, Any] = field(default_factory=dict)
    alg: str = ""
    key: Any = "current"
    """For a forged token, see `forge`."""


@dataclass
class Fault:
    """How to answer the next requests to a service."""

    at: str
    """scores, lineitems, results, members, token, jwks or configuration."""
    times: int = 1
    seconds: float = 0
    """Wait before anything else."""
    status: int = 0
    """Answer so, and do nothing."""
    headers: dict[str, str] = field(default_factory=dict)
    drop: bool = False
    """Do it, and drop the connection instead of an answer."""


class Key:
    """A key of the platform, in the forms that the package wants."""

    def __init__(self) -> None:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        self.public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
        self.jwk = Registration.get_jwk(self.public)


class State:
    """Everything, in memory."""

    def __init__(self) -> None:
        self.issuer = ""
        self.lock = threading.RLock()
        self.key = Key()
        self.published = [self.key]
        self.withdrawn = Key()
        self.numbers = itertools.count(1)
        self.people: dict[str, Person] = {}
        self.tools: dict[str, Tool] = {}
        self.courses: dict[str, Course] = {}
        self.launches: dict[str, Launch] = {}
        self.registration_tokens: set[str] = set()
        self.nonces: set[str] = set()
        self.assertions: set[str] = set()
        self.faults: list[Fault] = []
        self.scores: list[dict[str, Any]] = []
        self.members_on_page = 50
        self.storage_target = "_parent"

    def new_id(self, kind: str) -> str:
        return f"{kind}-{next(self.numbers)}"

    def tool_of(self, course: Course) -> Tool:
        return next(tool for tool in self.tools.values() if course.deployment in tool.deployments)

    def fault(self, at: str) -> Fault:
        with self.lock:
            for fault in self.faults:
                if fault.at == at and fault.times:
                    fault.times -= 1
                    return fault
        return Fault(at)

    def items_url(self, course: Course) -> str:
        return f"{self.issuer}/courses/{course.id}/line_items"

    def item_url(self, course: Course, item: str) -> str:
        return f"{self.items_url(course)}/{item}"

    def members_url(self, course: Course) -> str:
        return f"{self.issuer}/courses/{course.id}/members"

    def add_line_item(self, course: Course, fields: dict[str, Any]) -> dict[str, Any]:
        """Two with the same resource are two, as everywhere."""
        item = self.new_id("item")
        course.line_items[item] = {**fields, "id": self.item_url(course, item)}
        return course.line_items[item]

    def add_link(self, course: Course, content: dict[str, Any]) -> dict[str, Any]:
        """Add a resource link from an item of deep linking."""
        link = self.new_id("link")
        course.links[link] = {
            "id": link,
            "title": content.get("title", ""),
            "url": content.get("url") or self.tool_of(course).launch_url,
            "custom": content.get("custom", {}),
            "line_item": "",
        }
        declared = content.get("lineItem")
        if declared:
            fields = {"label": content.get("title", ""), **declared, "resourceLinkId": link}
            course.links[link]["line_item"] = self.add_line_item(course, fields)["id"]
        return course.links[link]


state = State()


# ── the package's parts ──────────────────────────────────────────────────────────────────────────────


class Asked(package_request.Request):
    """A request, as the package reads it. Query parameters that count are numbers."""

    def build_metadata(self, request: dict[str, Any]) -> package_request.TRequest:
        query = {k: int(v) if k in ("page", "limit") else v for k, v in request["query"].items()}
        return {
            "method": request["method"],
            "form_data": request["form"],
            "get_data": query,
            "headers": request["headers"],
            "content_type": request["headers"].get("content-type"),
            "path": request["path"],
            "json": request["json"],
        }


class Platform(LTI1P3PlatformConfAbstract):
    """One registration of a tool, in one deployment."""

    def init_platform_config(self, **kwargs: Any) -> None:
        self.tool: Tool = kwargs["tool"]
        self.deployment: str = kwargs["deployment"]
        self._registration = (
            Registration()
            .set_iss(state.issuer)
            .set_client_id(self.tool.client_id)
            .set_deployment_id(self.deployment)
            .set_oidc_login_url(self.tool.login_url)
            .set_launch_url(self.tool.launch_url)
            .set_deeplink_launch_url(self.tool.deep_link_url)
            .set_tool_key_set_url(self.tool.jwks_uri)
            .set_platform_public_key(state.key.public)
            .set_platform_private_key(state.key.private)
        )

    def get_registration_by_params(self, **kwargs: Any) -> Registration:
        assert self._registration is not None
        return self._registration

    def get_access_token(self, token_request_data: dict[str, Any]) -> Any:
        """Check what the package does not, and give the scopes that the tool registered for."""
        claims = self.tool_validate_and_decode(token_request_data["client_assertion"])
        audience = claims.get("aud")
        told = audience if isinstance(audience, list) else [audience]
        if claims.get("iss") != self.tool.client_id or claims.get("sub") != self.tool.client_id:
            raise exceptions.LtiException("iss and sub of an assertion are the client_id")
        if f"{state.issuer}/token" not in told:
            raise exceptions.LtiException("The audience of an assertion is the token endpoint")
        if not {"exp", "iat", "jti"} <= set(claims) or claims["jti"] in state.assertions:
            raise exceptions.LtiException("An assertion has exp, iat and a jti, and is used once")
        state.assertions.add(claims["jti"])
        scopes = [scope for scope in token_request_data["scope"].split() if scope in self.tool.scopes]
        return super().get_access_token({**token_request_data, "scope": " ".join(scopes)})

    def validate_token(self, token: str, allowed_scopes: Any = None, audience: Any = None) -> bool:
        """Ask the published keys too, and for the scope of this request."""
        for key in state.published:
            self.get_registration().set_platform_public_key(key.public)
            try:
                return super().validate_token(token, allowed_scopes, audience)
            except (jwt.PyJWTError, exceptions.LtiException):
                continue
        return False


class Login(OIDCLoginAbstract):
    def set_lti_message_hint(self, **kwargs: Any) -> None:
        self._lti_message_hint = kwargs["launch"]

    def get_redirect(self, url: str) -> str:
        return url


class MessageLaunch(LTIAdvantageMessageLaunchAbstract):
    """The message of a `Launch`."""

    def __init__(self, request: Asked, platform_config: Platform, launch: Launch, launch_id: str) -> None:
        super().__init__(request, platform_config)
        self.launch = launch
        self.launch_id = launch_id

    def prepare_launch(self, preflight_response: dict[str, Any]) -> None:
        course, person = state.courses[self.launch.course], state.people[self.launch.person]
        member = course.members.get(person.id, {"roles": []})
        self.set_user_data(person.id, member["roles"], person.name, person.email)
        self.set_launch_context_claim(course.id, [ROLE.replace("membership#", "course#CourseOffering")], course.title)
        self.set_launch_presentation_claim(self.launch.target)
        self.set_nrps(state.members_url(course))
        link = course.links.get(self.launch.link)
        self.set_ags(state.items_url(course), link["line_item"] if link else None)
        if link:
            self.set_launch_url(link["url"])
            self.set_resource_link_claim(link["id"], title=link["title"])
            self.set_custom_parameters_claim(link["custom"])
        else:
            returns = f"{state.issuer}/deep_linking/{self.launch_id}"
            self.set_dl(returns, accept_types={"ltiResourceLink"}, extra_data=f"data of {self.launch_id}")

    def generate_launch_request(self) -> Any:
        data = super().generate_launch_request()
        if self.launch.claims or self.launch.header or self.launch.alg or self.launch.key != "current":
            claims = jwt.decode(data["id_token"], options={"verify_signature": False})
            data["id_token"] = forge(replaced(claims, self.launch.claims), self.launch)
        return data

    def render_launch_form(self, launch_data: dict[str, Any], **kwargs: Any) -> str:
        fields = {"id_token": launch_data["id_token"], "state": launch_data["state"]}
        return pages.page("Launch", pages.form(launch_data["launch_url"], fields))


class Grades(AssignmentsGradesService):
    """Assignment and Grade Services of one course."""

    def __init__(self, asked: Asked, platform: Platform, course: Course, item: str, scopes: list[str]) -> None:
        self.course, self.scopes = course, scopes
        super().__init__(asked, platform, state.items_url(course), state.item_url(course, item))

    @property
    def allowed_scopes(self) -> list[str]:
        return self.scopes

    def _item(self, item: str) -> dict[str, Any]:
        if item not in self.course.line_items:
            raise exceptions.LineItemNotFoundException
        return self.course.line_items[item]

    def find_lineitems(self, page: int = 1, limit: int | None = None, **filters: Any) -> Any:
        names = {"resource_id": "resourceId", "resource_link_id": "resourceLinkId", "tag": "tag"}
        wanted = {names[key]: value for key, value in filters.items() if key in names}
        items = [i for i in self.course.line_items.values() if all(i.get(k) == v for k, v in wanted.items())]
        return paged(items, page, limit)

    def find_lineitem(self, line_item_id: str) -> Any:
        return self._item(line_item_id)

    def create_lineitem(self, creation_data: Any) -> Any:
        self._check_item(creation_data)
        with state.lock:
            return state.add_line_item(self.course, dict(creation_data))

    def update_lineitem(self, update_data: Any) -> Any:
        self._check_item(update_data)
        item = self._item(update_data["id"])
        item.update({**update_data, "id": item["id"]})
        return item

    def _check_item(self, fields: Any) -> None:
        if self.request.content_type != LINE_ITEM_TYPE:
            raise exceptions.LtiServiceException(f"A line item is {LINE_ITEM_TYPE}", 415)
        if not fields.get("label") or not isinstance(fields.get("scoreMaximum"), (int, float)):
            raise exceptions.LtiServiceException("A line item has a label and a scoreMaximum", 400)
        if fields["scoreMaximum"] <= 0:
            raise exceptions.LtiServiceException("scoreMaximum must be positive", 400)

    def delete_lineitem(self, line_item_id: str) -> None:
        with state.lock:
            self._item(line_item_id)
            del self.course.line_items[line_item_id]

    def update_score(self, line_item_id: str, score: Any) -> UpdateScoreStatus:
        with state.lock:
            item = self._item(line_item_id)
            moment = self._checked(score)
            result = self.course.results.setdefault((line_item_id, score["userId"]), {})
            if "timestamp" in result and moment <= datetime.fromisoformat(result["timestamp"]):
                return UpdateScoreStatus.OLD_TIMESTAMP
            given = score.get("scoreGiven")
            # Without a number there is no score any more, as the specification says: also none that a person gave.
            share = None if given is None else given / score["scoreMaximum"] * item["scoreMaximum"]
            result.update(score, score=share, by="tool")
            return UpdateScoreStatus.SUCCESS

    def _checked(self, score: dict[str, Any]) -> datetime:
        """Return the timestamp."""
        if self.request.content_type != SCORE_TYPE:
            raise exceptions.LtiServiceException(f"A score is {SCORE_TYPE}", 415)
        if not {"userId", "timestamp", "activityProgress", "gradingProgress"} <= set(score):
            raise exceptions.LtiServiceException("userId, timestamp, activityProgress or gradingProgress missing", 400)
        if score.get("scoreGiven") is not None and not (score["scoreGiven"] >= 0 and score.get("scoreMaximum", 0) > 0):
            raise exceptions.LtiServiceException("scoreGiven needs a positive scoreMaximum", 400)
        moments = [score["timestamp"], score.get("submission", {}).get("submittedAt", score["timestamp"])]
        if any("." not in moment or datetime.fromisoformat(moment).tzinfo is None for moment in moments):
            raise exceptions.LtiServiceException("A time has fractions of seconds and a zone", 400)
        person, member = state.people.get(score["userId"]), self.course.members.get(score["userId"])
        if person is None or person.is_test_student or member is None or ROLE + "Learner" not in member["roles"]:
            raise exceptions.LtiServiceException("User not found in course or is not a student", 422)
        return datetime.fromisoformat(score["timestamp"])

    def get_results(self, line_item_id: str, page: int = 1, limit: int | None = None, user_id: Any = None) -> Any:
        item = self._item(line_item_id)
        results = [
            {
                "id": f"{item['id']}/results/{person}",
                "scoreOf": item["id"],
                "userId": person,
                "resultScore": result["score"],
                "resultMaximum": item["scoreMaximum"],
                "comment": result.get("comment"),
            }
            for (of, person), result in self.course.results.items()
            if of == line_item_id and user_id in (None, person)
        ]
        return paged(results, page, limit)


class Members(NamesRoleProvisioningService):
    """Names and Role Provisioning Services of one course."""

    def __init__(self, asked: Asked, platform: Platform, course: Course) -> None:
        super().__init__(asked, platform, state.members_url(course))
        self.course = course

    def get_context_by_id(self) -> ContextClaim:
        return ContextClaim(self.course.id, self.course.id, self.course.title)

    def is_resource_link_valid(self, context_id: str, resource_link_id: str) -> bool:
        return resource_link_id in self.course.links

    def get_member_data_page(self, page: int = 1, limit: int | None = None, role: str | None = None, **_: Any) -> Any:
        members = []
        for person, member in sorted(self.course.members.items()):
            if role is None or role in member["roles"]:
                who = state.people[person]
                known = {"user_id": who.id, "name": who.name, "email": who.email}
                members.append({k: v for k, v in known.items() if v} | member)
        return paged(members, page, limit)


def paged(content: list[Any], page: int, limit: int | None) -> dict[str, Any]:
    size = limit or len(content) + 1
    return {"content": content[(page - 1) * size : page * size], "has_next": page * size < len(content)}


# ── tokens that no honest platform would send ────────────────────────────────────────────────────────


def replaced(claims: dict[str, Any], replacements: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in {**claims, **replacements}.items() if value is not None}


def forge(claims: dict[str, Any], how: Launch) -> str:
    """Return a token with any header, claims and signature.

    `how.key` is "current"; "withdrawn", a key that is not published; "public", the current public key as the secret of
    an HMAC; or a PEM or a secret.
    """
    keys = {"current": state.key.private, "withdrawn": state.withdrawn.private, "public": state.key.public}
    key = keys.get(how.key, how.key)
    alg = how.alg or "RS256"
    header = replaced({"alg": alg, "typ": "JWT", "kid": state.key.jwk["kid"]}, how.header)
    parts = [json.dumps(part).encode() for part in (header, claims)]
    signed = ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)
    if alg == "none":
        return f"{signed}."
    algorithm = jwt.algorithms.get_default_algorithms()[alg]
    # An HMAC takes any secret here, also those that the package's check of secrets refuses.
    prepared = key.encode() if alg.startswith("HS") else algorithm.prepare_key(key)
    signature = base64.urlsafe_b64encode(algorithm.sign(signed.encode(), prepared)).rstrip(b"=").decode()
    return f"{signed}.{signature}"


# ── the routes that tools and browsers use ───────────────────────────────────────────────────────────


async def read(request: Request) -> dict[str, Any]:
    """Return what the package and the routes need of a request."""
    body = await request.body()
    is_json = request.headers.get("content-type", "").endswith("json")
    loop = asyncio.get_running_loop()
    abort = request.scope["abort"]
    return {
        "method": request.method,
        "path": request.url.path,
        "query": dict(request.query_params),
        "form": {} if is_json else dict(await request.form()),
        "json": json.loads(body) if is_json and body else None,
        "headers": dict(request.headers) | {"Authorization": request.headers.get("authorization", "")},
        "drop": lambda: loop.call_soon_threadsafe(abort),
    }


Read = Annotated[dict[str, Any], Depends(read)]


def served(request: dict[str, Any], at: str, answer: Callable[[], HttpResponse]) -> HttpResponse:
    """Answer, unless a fault says otherwise."""
    fault = state.fault(at)
    time.sleep(fault.seconds)
    if fault.status:
        return JSONResponse({"errors": "as the test wants"}, fault.status, fault.headers)
    response = answer()
    if fault.drop:
        request["drop"]()
    return response


def as_http(response: Response) -> HttpResponse:
    """Return the package's response, with the link to the next page in its header."""
    if response.code == 204:
        return HttpResponse(status_code=204)
    if response.code >= 400:
        return JSONResponse({"errors": {"type": response.message}}, response.code)
    result = response.result
    next_page = result.pop("next", None) if isinstance(result, dict) else None
    content = result["content"] if isinstance(result, dict) and "content" in result else result
    headers = {"Link": generate_next_link(next_page)} if next_page else {}
    return JSONResponse(content, response.code, headers, response.media_type)


def refuse(message: str, status: int = 400) -> NoReturn:
    raise HTTPException(status, message)


app = FastAPI()


def platform_for(client_id: str, deployment: str = "") -> Platform:
    tool = state.tools.get(client_id) or refuse("unknown client_id", 401)
    return Platform(tool=tool, deployment=deployment or tool.deployments[0])


@app.exception_handler(exceptions.LtiException)
@app.exception_handler(exceptions.MissingRequiredClaim)
@app.exception_handler(exceptions.UnsupportedGrantType)
@app.exception_handler(exceptions.PreflightRequestValidationException)
@app.exception_handler(exceptions.LtiDeepLinkingResponseException)
@app.exception_handler(jwt.PyJWTError)
async def refused(_: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"error": "invalid_client", "error_description": f"{error!r}"}, 400)


@app.get("/.well-known/openid-configuration")
def configuration(request: Read) -> HttpResponse:
    messages = ["LtiResourceLinkRequest", "LtiDeepLinkingRequest"]
    content = {
        "issuer": state.issuer,
        "authorization_endpoint": f"{state.issuer}/auth",
        "registration_endpoint": f"{state.issuer}/register",
        "jwks_uri": f"{state.issuer}/jwks",
        "token_endpoint": f"{state.issuer}/token",
        "token_endpoint_auth_methods_supported": ["private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": ["RS256"],
        "scopes_supported": ["openid", *SCOPES],
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "claims_supported": ["iss", "sub", "name", "email"],
        PLATFORM: {
            "product_family_code": "tests",
            "version": "1",
            "messages_supported": [{"type": kind} for kind in messages],
            "variables": [],
        },
    }
    return served(request, "configuration", lambda: JSONResponse(content))


@app.get("/jwks")
def jwks(request: Read) -> HttpResponse:
    return served(request, "jwks", lambda: JSONResponse({"keys": [key.jwk for key in state.published]}))


@app.post("/register")
def register(request: Read) -> HttpResponse:
    token = request["headers"]["Authorization"].removeprefix("Bearer ")
    if token not in state.registration_tokens:
        refuse("The registration token is unknown or used", 401)
    client, lti = request["json"], request["json"][TOOL]
    expected = {
        "application_type": "web",
        "response_types": ["id_token"],
        "token_endpoint_auth_method": "private_key_jwt",
    }
    if any(client.get(key) != value for key, value in expected.items()):
        refuse(f"expected {expected}")
    if not {"implicit", "client_credentials"} <= set(client["grant_types"]):
        refuse("grant_types are implicit and client_credentials")
    if not lti["domain"] or not client["client_name"] or not isinstance(lti["claims"], list):
        refuse("domain, client_name or claims missing")
    state.registration_tokens.remove(token)
    for message in lti["messages"]:
        if message["type"] == "LtiDeepLinkingRequest":
            deep_link_url = message.get("target_link_uri", lti["target_link_uri"])
    tool = Tool(
        state.new_id("client"),
        client["initiate_login_uri"],
        lti["target_link_uri"],
        client["redirect_uris"],
        client["jwks_uri"],
        deep_link_url,
        client["scope"].split(),
        [state.new_id("deployment")],
        lti["messages"],
    )
    state.tools[tool.client_id] = tool
    answer = client | {"client_id": tool.client_id, TOOL: lti | {"deployment_id": tool.deployments[0]}}
    return JSONResponse(answer, 201)


@app.get("/launches/{launch_id}")
def launch_page(launch_id: str) -> HTMLResponse:
    """The platform's page with the tool in a frame, or with a button for a new window."""
    launch = state.launches[launch_id]
    fields = login_fields(launch_id)
    make = pages.windowed if launch.target == "window" else pages.framed
    return HTMLResponse(make(state.courses[launch.course].title, fields.pop(""), fields))


def login_fields(launch_id: str) -> dict[str, str]:
    """Return the fields of a login, and the tool's address for it under an empty name."""
    launch = state.launches[launch_id]
    course = state.courses[launch.course]
    platform = platform_for(state.tool_of(course).client_id, course.deployment)
    login = Login(None, platform)
    login.set_lti_message_hint(launch=launch_id)
    if launch.link:
        login.set_launch_url(course.links[launch.link]["url"])
    else:
        login.set_deeplinking_launch_url()
    fields = dict(parse_qsl(urlsplit(login.initiate_login(launch.person)).query))
    if state.storage_target:
        fields["lti_storage_target"] = state.storage_target
    return fields | {"": platform.tool.login_url}


@app.get("/storage")
def storage() -> HTMLResponse:
    return HTMLResponse(pages.storage())


@app.api_route("/auth", methods=["GET", "POST"])
def auth(request: Read) -> HTMLResponse:
    asked = request["query"] | request["form"]
    fixed = {"scope": "openid", "response_type": "id_token", "response_mode": "form_post", "prompt": "none"}
    if any(asked.get(key) != value for key, value in fixed.items()):
        refuse(f"expected {fixed}")
    launch = state.launches.get(asked.get("lti_message_hint", "")) or refuse("unknown lti_message_hint")
    course = state.courses[launch.course]
    platform = platform_for(asked.get("client_id", ""), course.deployment)
    if platform.tool is not state.tool_of(course) or asked.get("login_hint") != launch.person:
        refuse("client_id or login_hint are not those of the login")
    if asked.get("redirect_uri") not in platform.tool.redirect_uris:
        refuse("redirect_uri is not registered")
    if asked.get("nonce") in state.nonces:
        refuse("the nonce was used before")
    state.nonces.add(asked.get("nonce", ""))
    message = MessageLaunch(Asked(request | {"query": asked}), platform, launch, asked["lti_message_hint"])
    return HTMLResponse(message.lti_launch())


@app.post("/token")
def token(request: Read) -> HttpResponse:
    claims = jwt.decode(request["form"].get("client_assertion", ""), options={"verify_signature": False})
    platform = platform_for(claims.get("sub", ""))
    return served(request, "token", lambda: JSONResponse(platform.get_access_token(request["form"])))


@app.post("/deep_linking/{launch_id}")
def deep_linking(launch_id: str, request: Read) -> HTMLResponse:
    """Take the tool's response, which creates the links and their line items."""
    course = state.courses[state.launches[launch_id].course]
    platform = platform_for(state.tool_of(course).client_id, course.deployment)
    items = platform.validate_deeplinking_resp(request["form"])
    claims = jwt.decode(request["form"]["JWT"], options={"verify_signature": False})
    audience = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
    if (
        claims["iss"] != platform.tool.client_id
        or state.issuer not in audience
        or not {"exp", "iat", "nonce"} <= set(claims)
    ):
        refuse("iss, aud, exp, iat or nonce of the response are wrong")
    if claims[CLAIM + "deployment_id"] != course.deployment or claims[CLAIM + "version"] != "1.3.0":
        refuse("deployment or version of the response are wrong")
    if claims.get(DEEP_LINKING + "data") != f"data of {launch_id}":
        refuse("data is not that of the request")
    links = [state.add_link(course, item) for item in items]
    return HTMLResponse(pages.page("Added", "".join(f"<p class=link>{link['id']}</p>" for link in links)))


def course_platform(course_id: str) -> tuple[Course, Platform]:
    course = state.courses.get(course_id) or refuse("no such course", 404)
    return course, platform_for(state.tool_of(course).client_id, course.deployment)


@app.get("/courses/{course_id}/members")
def members(course_id: str, request: Read) -> HttpResponse:
    course, platform = course_platform(course_id)
    limit = min(int(request["query"].get("limit", state.members_on_page)), state.members_on_page)
    asked = Asked(request | {"query": request["query"] | {"limit": limit}})
    service = Members(asked, platform, course)
    return served(request, "members", lambda: as_http(service.handle_resp(service.handle_get_members)))


@app.api_route("/courses/{course_id}/line_items", methods=["GET", "POST"])
def line_items(course_id: str, request: Read) -> HttpResponse:
    course, platform = course_platform(course_id)
    may = [AGS + "lineitem"] + ([AGS + "lineitem.readonly"] if request["method"] == "GET" else [])
    service = Grades(Asked(request), platform, course, "", may)
    handle = service.handle_get_lineitems if request["method"] == "GET" else service.handle_create_lineitem
    return served(request, "lineitems", lambda: as_http(service.handle_resp(handle)))


@app.api_route("/courses/{course_id}/line_items/{item}", methods=["GET", "PUT", "DELETE"])
def line_item(course_id: str, item: str, request: Read) -> HttpResponse:
    course, platform = course_platform(course_id)
    may = [AGS + "lineitem"] + ([AGS + "lineitem.readonly"] if request["method"] == "GET" else [])
    service = Grades(Asked(request), platform, course, item, may)
    handle = {
        "GET": service.handle_get_lineitem,
        "PUT": service.handle_update_lineitem,
        "DELETE": service.handle_delete_lineitem,
    }[request["method"]]
    answer = lambda: as_http(service.handle_resp(handle, line_item_id=item))  # noqa: E731
    return served(request, "lineitems", answer)


@app.post("/courses/{course_id}/line_items/{item}/scores")
def scores(course_id: str, item: str, request: Read) -> HttpResponse:
    received = {"line_item": f"{state.issuer}/courses/{course_id}/line_items/{item}", "at": time.time()}
    received |= {"body": request["json"], "status": None}
    with state.lock:
        state.scores.append(received)

    def answer() -> HttpResponse:
        course, platform = course_platform(course_id)
        service = Grades(Asked(request), platform, course, item, [AGS + "score"])
        response = as_http(service.handle_resp(service.handle_update_score, line_item_id=item))
        received["status"] = response.status_code
        return response

    return served(request, "scores", answer)


@app.get("/courses/{course_id}/line_items/{item}/results")
def results(course_id: str, item: str, request: Read) -> HttpResponse:
    course, platform = course_platform(course_id)
    service = Grades(Asked(request), platform, course, item, [AGS + "result.readonly"])
    answer = lambda: as_http(service.handle_resp(service.handle_get_results, line_item_id=item))  # noqa: E731
    return served(request, "results", answer)


# ── what tests say ───────────────────────────────────────────────────────────────────────────────────


@app.post("/control/settings")
def settings(request: Read) -> None:
    """`members_on_page`, or `storage_target`: `_parent`, the frame `storage`, or empty for no storage."""
    for name, value in request["json"].items():
        setattr(state, name, value)


@app.post("/control/people")
def people(request: Read) -> None:
    person = Person(**request["json"])
    state.people[person.id] = person


@app.post("/control/registrations")
def registration(request: Read) -> dict[str, str]:
    """Return what an administrator opens in order to register the tool whose registration page is `url`."""
    token = secrets.token_urlsafe()
    state.registration_tokens.add(token)
    configuration = f"{state.issuer}/.well-known/openid-configuration"
    query = urlencode({"openid_configuration": configuration, "registration_token": token})
    url = request["json"]["url"]
    return {"url": f"{url}{'&' if '?' in url else '?'}{query}"}


@app.post("/control/tools")
def tool(request: Read) -> dict[str, Any]:
    """Register a tool by hand."""
    deployments = [state.new_id("deployment")]
    added = Tool(state.new_id("client"), **{"scopes": SCOPES, "deployments": deployments} | request["json"])
    state.tools[added.client_id] = added
    endpoints = {"authorization_endpoint": "auth", "token_endpoint": "token", "jwks_uri": "jwks"}
    return {"client_id": added.client_id, "deployments": deployments, "issuer": state.issuer} | {
        name: f"{state.issuer}/{path}" for name, path in endpoints.items()
    }


@app.get("/control/tools")
def tools() -> list[dict[str, Any]]:
    return [vars(known) for known in state.tools.values()]


@app.post("/control/deployments")
def deployment(request: Read) -> dict[str, str]:
    """Install a registered tool once more."""
    added = state.new_id("deployment")
    state.tools[request["json"]["client_id"]].deployments.append(added)
    return {"deployment_id": added}


@app.post("/control/courses")
def course(request: Read) -> None:
    added = Course(**request["json"])
    state.courses[added.id] = added


@app.get("/control/courses/{course_id}")
def show_course(course_id: str) -> dict[str, Any]:
    known = state.courses[course_id]
    results = [result | {"line_item": known.line_items[item]["id"]} for (item, _), result in known.results.items()]
    return vars(known) | {"line_items": list(known.line_items.values()), "results": results}


@app.post("/control/members")
def member(request: Read) -> None:
    """Put a person into a course; with no roles, take them out."""
    asked = request["json"]
    members = state.courses[asked["course"]].members
    members.pop(asked["person"], None)
    if asked["roles"]:
        roles = [role if ":" in role else ROLE + role for role in asked["roles"]]
        members[asked["person"]] = {"roles": roles, "status": asked["status"]}


@app.post("/control/links")
def link(request: Read) -> dict[str, Any]:
    """Add a resource link that a teacher made by hand; its fields are those of an item of deep linking."""
    asked = request["json"]
    return state.add_link(state.courses[asked.pop("course")], asked)


@app.post("/control/launches")
def launch(request: Read) -> dict[str, str]:
    launch_id = secrets.token_urlsafe()
    state.launches[launch_id] = Launch(**request["json"])
    fields = login_fields(launch_id)
    login_url = f"{fields.pop('')}?{urlencode(fields)}"
    return {"id": launch_id, "login_url": login_url, "page": f"{state.issuer}/launches/{launch_id}"}


@app.get("/control/scores")
def received() -> list[dict[str, Any]]:
    return state.scores


@app.post("/control/grades")
def grade(request: Read) -> None:
    """Set a grade as a person does in the gradebook."""
    asked = request["json"]
    result = state.courses[asked["course"]].results.setdefault(
        (asked["line_item"].rpartition("/")[2], asked["person"]), {"userId": asked["person"]}
    )
    result.update(score=asked["score"], by="person")


@app.post("/control/faults")
def faults(request: Read) -> None:
    """Replace all that is left of the earlier ones."""
    state.faults = [Fault(**fault) for fault in request["json"]]


@app.post("/control/keys")
def rotate(request: Read) -> None:
    """Sign with a new key; the old ones stay published or not."""
    state.key = Key()
    state.published = [state.key, *(state.published if request["json"]["keep"] else [])]


@app.post("/control/sign")
def sign(request: Read) -> dict[str, str]:
    """Sign claims as they are; see `forge`."""
    asked = request["json"]
    return {"token": forge(asked.pop("claims"), Launch("", "", **asked))}


# ── the process ──────────────────────────────────────────────────────────────────────────────────────


class Protocol(H11Protocol):
    """Lets a route drop its connection."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        app = self.app

        async def with_abort(scope: Any, receive: Any, send: Any) -> None:
            await app({**scope, "abort": self.transport.abort}, receive, send)

        self.app = with_abort


def main() -> None:
    """Serve under the name that is given; a browser takes `localhost` and `127.0.0.1` for two sites."""
    name = sys.argv[1] if len(sys.argv) > 1 else "localhost"
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()  # before the address is told
        state.issuer = f"http://{name}:{listener.getsockname()[1]}"
        print(state.issuer, flush=True)
        config = uvicorn.Config(app, http=Protocol, log_level="error")
        uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
