"""Messages of LTI 1.3: launches, the answer of deep linking, and dynamic registration."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from grader.bounds import TEXT
from grader.errors import BadCall
from grader.lms.openid import LEEWAY_SECONDS, NoAnswer, fetch_json, is_safe, send

LINK = "ltiResourceLink"
_TOOL = "https://purl.imsglobal.org/spec/lti-tool-configuration"
SCOPES = (
    "https://purl.imsglobal.org/spec/lti-ags/scope/lineitem",
    "https://purl.imsglobal.org/spec/lti-ags/scope/lineitem.readonly",
    "https://purl.imsglobal.org/spec/lti-ags/scope/result.readonly",
    "https://purl.imsglobal.org/spec/lti-ags/scope/score",
    "https://purl.imsglobal.org/spec/lti-nrps/scope/contextmembership.readonly",
)
"""The services of a platform that the grader uses: its gradebook, and the members of its courses."""
_CONTEXT_ROLE = re.compile(
    r"(?:http://purl\.imsglobal\.org/vocab/lis/v2/membership[#/])?(Instructor|TeachingAssistant|Learner)(?:#\w+)?"
)
"""A role in a course, or in its long form a role below it: membership/Instructor#TeachingAssistant."""
_PLACES = ("ContentArea", "https://canvas.instructure.com/lti/assignment_selection")
"""Places in which platforms offer the grader to teachers, for deep linking."""
TEST_STUDENT = "http://purl.imsglobal.org/vocab/lti/system/person#TestUser"


def _checked_url(url: str) -> str:
    if url and not is_safe(url):
        raise ValueError("this is not an https address")
    return url


Name = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=TEXT)]
Url = Annotated[str, StringConstraints(max_length=2_000, pattern=TEXT), AfterValidator(_checked_url)]
"""An https address, or http on this machine; it may be empty."""


class _Claims(BaseModel):
    model_config = ConfigDict(frozen=True, populate_by_name=False)

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, claims: Any) -> Any:
        """Leave out claims that are null: a platform that has no value for one may send it so."""
        if not isinstance(claims, Mapping):
            return claims
        return {name: value for name, value in claims.items() if value is not None}


class _Context(_Claims):
    id: Name
    title: str | None = None


class _ResourceLink(_Claims):
    id: Name


class _Presentation(_Claims):
    document_target: str | None = None
    return_url: str | None = None


class _Gradebook(_Claims):
    lineitems: Url = ""
    lineitem: Url = ""


class _Memberships(_Claims):
    context_memberships_url: Url = ""


class _DeepLinking(_Claims):
    deep_link_return_url: Url
    accept_types: list[str]
    accept_multiple: bool = True
    accept_lineitem: bool = True
    data: str | None = None


class Launch(_Claims):
    """A launch of a platform, from the claims of a token that was verified."""

    subject: Name = Field(alias="sub")
    """The platform's id of the person."""
    name: str | None = None
    email: str | None = None
    version: Literal["1.3.0"] = Field(alias="https://purl.imsglobal.org/spec/lti/claim/version")
    message: Literal["LtiResourceLinkRequest", "LtiDeepLinkingRequest"] = Field(
        alias="https://purl.imsglobal.org/spec/lti/claim/message_type"
    )
    deployment: Name = Field(alias="https://purl.imsglobal.org/spec/lti/claim/deployment_id")
    target: str = Field("", alias="https://purl.imsglobal.org/spec/lti/claim/target_link_uri")
    context: _Context = Field(alias="https://purl.imsglobal.org/spec/lti/claim/context")
    roles: list[str] = Field(alias="https://purl.imsglobal.org/spec/lti/claim/roles")
    link: _ResourceLink | None = Field(None, alias="https://purl.imsglobal.org/spec/lti/claim/resource_link")
    custom: dict[str, Any] = Field({}, alias="https://purl.imsglobal.org/spec/lti/claim/custom")
    presentation: _Presentation = Field(
        _Presentation(), alias="https://purl.imsglobal.org/spec/lti/claim/launch_presentation"
    )
    gradebook: _Gradebook = Field(_Gradebook(), alias="https://purl.imsglobal.org/spec/lti-ags/claim/endpoint")
    memberships: _Memberships = Field(
        _Memberships(), alias="https://purl.imsglobal.org/spec/lti-nrps/claim/namesroleservice"
    )
    deep_linking: _DeepLinking | None = Field(
        None, alias="https://purl.imsglobal.org/spec/lti-dl/claim/deep_linking_settings"
    )

    @property
    def role(self) -> str:
        return role_of(self.roles)

    @property
    def is_in_frame(self) -> bool:
        return self.presentation.document_target in ("iframe", "frame")


def read_launch(claims: Mapping[str, Any], url: str) -> Launch:
    """Return the launch with these claims. `url` is that of the service. Raise `BadCall` if a claim is missing or
    wrong, or the launch is for another tool."""
    try:
        launch = Launch.model_validate(claims)
    except ValidationError as wrong:
        claim = ".".join(map(str, wrong.errors()[0]["loc"]))
        raise BadCall(f"the claim {claim} is missing or not valid ({wrong.errors()[0]['msg']})") from None
    if launch.message == "LtiResourceLinkRequest":
        if launch.link is None:
            raise BadCall("the launch names no resource link")
        if not launch.target.startswith(f"{url}/"):
            raise BadCall("the launch leads to another tool (target_link_uri)")
    elif launch.deep_linking is None or LINK not in launch.deep_linking.accept_types:
        raise BadCall("the platform accepts no links to assignments here")
    return launch


def role_of(roles: Iterable[str]) -> str:
    """Return the role in the grader's course for the roles that a platform tells: "staff", "student" or "" for neither.

    Only roles in the course count: an admin of the platform, or a teacher elsewhere in the institution, is not staff.
    The Test Student of Canvas is a student.
    """
    listed = list(roles)
    matches = filter(None, map(_CONTEXT_ROLE.fullmatch, listed))
    names = {match[1] for match in matches}
    if TEST_STUDENT in listed:
        return "student"
    if names & {"Instructor", "TeachingAssistant"}:
        return "staff"
    return "student" if names else ""


def deep_linking_response(
    launch: Launch, issuer: str, client_id: str, items: Sequence[Mapping[str, Any]], key: RSAKey
) -> str:
    """Return the signed answer to a launch for deep linking: the links that were chosen."""
    assert launch.deep_linking is not None
    moment = int(time.time())
    claims = {
        "iss": client_id,
        "aud": issuer,
        "iat": moment,
        "exp": moment + 5 * LEEWAY_SECONDS,
        "nonce": secrets.token_urlsafe(),
        "https://purl.imsglobal.org/spec/lti/claim/deployment_id": launch.deployment,
        "https://purl.imsglobal.org/spec/lti/claim/message_type": "LtiDeepLinkingResponse",
        "https://purl.imsglobal.org/spec/lti/claim/version": "1.3.0",
        "https://purl.imsglobal.org/spec/lti-dl/claim/content_items": items,
    }
    if launch.deep_linking.data is not None:
        claims["https://purl.imsglobal.org/spec/lti-dl/claim/data"] = launch.deep_linking.data
    return jwt.encode({"alg": "RS256", "kid": key.kid}, claims, key)


# ── dynamic registration ─────────────────────────────────────────────────────────────────────────────


class Registration(_Claims):
    """A platform that has registered the service."""

    issuer: Name
    client_id: Name
    login_url: Url = Field(alias="authorization_endpoint")
    token_url: Url = Field(alias="token_endpoint")
    keys_url: Url = Field(alias="jwks_uri")
    audience: str = Field("", max_length=2_000, alias="authorization_server")
    deployments: tuple[Name, ...]


def register(configuration_url: str, token: str, url: str) -> Registration:
    """Register the service at a platform.

    Args:
        configuration_url: The URL of the platform's OpenID configuration.
        token: The platform's registration token; empty for none.
        url: The service's URL.

    Raises:
        BadCall: If the platform's configuration or answer is not valid.
        NoAnswer: If the platform does not answer.
    """
    if not is_safe(configuration_url):
        raise BadCall("openid_configuration must be an https address: open this link from within the platform")
    platform = fetch_json(configuration_url)
    issuer, endpoint = str(platform.get("issuer")), str(platform.get("registration_endpoint"))
    if urlsplit(issuer).netloc != urlsplit(configuration_url).netloc or not is_safe(endpoint):
        raise BadCall("the platform's configuration is of another host, or names no https address for registrations")
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    response = send("POST", endpoint, json=_metadata(url), headers=headers)
    if not response.is_success:
        raise BadCall(f"the platform refuses the registration (status {response.status}): begin again there")
    answer = response.json()
    try:
        deployment = answer.get(_TOOL, {}).get("deployment_id")
        registered = {"client_id": answer["client_id"], "deployments": [deployment] if deployment else []}
        return Registration.model_validate(platform | registered)
    except (ValidationError, KeyError, AttributeError):
        raise NoAnswer("the platform's answer to the registration is not valid") from None


def _metadata(url: str) -> dict[str, Any]:
    """Return the description of the service for platforms."""
    launch_url = f"{url}/lti/launch"
    return {
        "application_type": "web",
        "client_name": "grader",
        "client_uri": url,
        "response_types": ["id_token"],
        "grant_types": ["implicit", "client_credentials"],
        "initiate_login_uri": f"{url}/lti/login",
        "redirect_uris": [launch_url],
        "jwks_uri": f"{url}/lti/jwks.json",
        "token_endpoint_auth_method": "private_key_jwt",
        "scope": " ".join(SCOPES),
        _TOOL: {
            "domain": urlsplit(url).netloc,
            "target_link_uri": launch_url,
            "claims": ["iss", "sub", "name", "email"],
            "messages": [
                # first: Canvas gives a place to the first message that names it, or names none
                {"type": "LtiDeepLinkingRequest", "target_link_uri": launch_url, "placements": _PLACES},
                {"type": "LtiResourceLinkRequest", "target_link_uri": launch_url},
            ],
        },
    }
