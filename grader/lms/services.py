"""Services of learning platforms (LTI Advantage): columns of gradebooks, scores in them, and the people of courses."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import urljoin, urlsplit

import httpx2
from joserfc import jwt
from joserfc.jwk import RSAKey

from grader.errors import BadCall
from grader.lms.openid import NoAnswer, RemoteResponse, send
from grader.model import Json

_AGS = "https://purl.imsglobal.org/spec/lti-ags/scope/"
_SCORE = _AGS + "score"
_RESULTS = _AGS + "result.readonly"
_LINE_ITEMS = _AGS + "lineitem"
_MEMBERS = "https://purl.imsglobal.org/spec/lti-nrps/scope/contextmembership.readonly"
_TYPE = "application/vnd.ims."
_SCORE_TYPE = _TYPE + "lis.v1.score+json"
_RESULTS_TYPE = _TYPE + "lis.v2.resultcontainer+json"
_LINE_ITEM_TYPE = _TYPE + "lis.v2.lineitem+json"
_LINE_ITEMS_TYPE = _TYPE + "lis.v2.lineitemcontainer+json"
_MEMBERS_TYPE = _TYPE + "lti-nrps.v2.membershipcontainer+json"
_DEPLOYMENT = "https://purl.imsglobal.org/spec/lti/claim/deployment_id"
_ASSERTION_SECONDS = 60
_UNAUTHORIZED = 401
_TRY_AGAIN = (_UNAUTHORIZED, 408, 425, 429)
_SERVER_ERROR = 500
_SLOW_SECONDS = 2.0
_SILENCE_SECONDS = 60.0
_MEMBERS_OF_A_PAGE = "500"
_MOST_PAGES = 200
"""Largest number of pages of a list that are read."""


@dataclass(frozen=True)
class Access:
    """The data with which the grader gets access to the services of a platform."""

    client_id: str
    token_url: str
    deployment: str
    audience: str = ""
    """The audience of requests for access tokens; empty if it is the URL."""


class Services:
    """A client of a platform's services."""

    _tokens: ClassVar[dict[tuple[Access, str], tuple[str, float]]] = {}
    """(access, scope) → an access token, and when it expires by the monotonic clock."""
    _silent_until: ClassVar[dict[str, float]] = {}
    """Host → the time, by the monotonic clock, until which it gets no request."""

    def __init__(self, access: Access, key: RSAKey) -> None:
        """Create a client. `key` is the private key of the service."""
        self._access = access
        self._key = key

    def prepare(self) -> None:
        """Get the access token for `put_score`, so that the score can be looked up right before it is sent."""
        self._token(_SCORE)

    def put_score(self, line_item: str, body: Json) -> RemoteResponse:
        """Send a score to a column, and return the response."""
        return self._request("POST", _within(line_item, "scores"), _SCORE, _SCORE_TYPE, body)

    def has_number(self, line_item: str, subject: str) -> bool:
        """Return whether the platform shows a number for a student in a column."""
        url = _within(line_item, "results", user_id=subject)
        for result in self._pages(url, _RESULTS, _RESULTS_TYPE):
            if result.get("userId") == subject and result.get("resultScore") is not None:
                return True
        return False

    def line_item(self, line_items: str, resource: str, label: str, maximum: float) -> str:
        """Return the URL of the column for a resource. Create the column if there is none, and change its maximum if it
        has another one.

        Args:
            line_items: URL of the columns.
            resource: The grader's id of the assignment, `course/assignment`.
            label: The title of a new column.
            maximum: The points of a full score.
        """
        url = _within(line_items, resource_id=resource)
        wanted = {"resourceId": resource, "label": label, "scoreMaximum": maximum}
        for item in self._pages(url, _LINE_ITEMS, _LINE_ITEMS_TYPE):
            if item.get("resourceId") != resource:  # some platforms do not filter
                continue
            item_url = _same_origin(line_items, str(item.get("id")))
            if item.get("scoreMaximum") != maximum:
                self._put_line_item("PUT", item_url, item | {"scoreMaximum": maximum})
            return item_url
        return self._put_line_item("POST", line_items, wanted)

    def members(self, memberships: str) -> list[dict[str, Any]]:
        """Return the members of a course, as the platform describes them."""
        url = _within(memberships, limit=_MEMBERS_OF_A_PAGE)
        return list(self._pages(url, _MEMBERS, _MEMBERS_TYPE))

    def _put_line_item(self, method: str, url: str, content: Json) -> str:
        """Create or change a column, and return its URL."""
        answer = self._request(method, url, _LINE_ITEMS, _LINE_ITEM_TYPE, content)
        item = _json_of(answer)
        if not isinstance(item, dict) or not isinstance(item.get("id"), str):
            raise NoAnswer("the platform's answer names no column")
        return _same_origin(url, item["id"])

    def _pages(self, url: str, scope: str, media_type: str) -> Iterator[Json]:
        """Yield the objects of a list, which may have several pages."""
        next_url = url
        for _ in range(_MOST_PAGES):
            answer = self._request("GET", next_url, scope, media_type)
            page = _json_of(answer)
            listed = page.get("members") if isinstance(page, dict) else page
            yield from filter(lambda listing: isinstance(listing, dict), listed or ())
            link = httpx2.Response(200, headers=answer.headers).links.get("next")
            if link is None:
                return
            next_url = _same_origin(url, urljoin(next_url, link["url"]))
        raise BadCall(f"the platform's list has more than {_MOST_PAGES} pages")

    def _request(
        self, method: str, url: str, scope: str, media_type: str, content: Json | None = None
    ) -> RemoteResponse:
        """Send a request with an access token. Forget the token if the platform refuses it."""
        headers = {"authorization": f"Bearer {self._token(scope)}", "accept": media_type}
        body = None
        if content is not None:
            headers["content-type"] = media_type
            body = json.dumps(content).encode()
        answer = self._send(method, url, headers=headers, content=body)
        if answer.status == _UNAUTHORIZED:
            self._tokens.pop((self._access, scope), None)
        return answer

    def _send(self, method: str, url: str, **arguments: Any) -> RemoteResponse:
        """Send a request, unless the server was slow a moment ago: one platform must not delay the scores of others."""
        host = urlsplit(url).netloc
        started = time.monotonic()
        if started < self._silent_until.get(host, 0.0):
            raise NoAnswer(f"{host} took too long to answer a moment ago")
        try:
            return send(method, url, **arguments)
        except NoAnswer:
            if time.monotonic() - started > _SLOW_SECONDS:
                self._silent_until[host] = time.monotonic() + _SILENCE_SECONDS
            raise

    def _token(self, scope: str) -> str:
        """Return an access token for a scope."""
        key = (self._access, scope)
        token, expires = self._tokens.get(key, ("", 0.0))
        if time.monotonic() >= expires:
            token, lasts = self._new_token(scope)
            self._tokens[key] = token, time.monotonic() + lasts / 2
        return token

    def _new_token(self, scope: str) -> tuple[str, float]:
        """Return a new access token, and the seconds for which it is valid. Raise `NoAnswer` if there is none."""
        access, moment = self._access, int(time.time())
        claims = {
            "iss": access.client_id,
            "sub": access.client_id,
            "aud": access.audience or access.token_url,
            "iat": moment,
            "exp": moment + _ASSERTION_SECONDS,
            "jti": secrets.token_urlsafe(),
            _DEPLOYMENT: access.deployment,
        }
        assertion = jwt.encode({"alg": "RS256", "kid": self._key.kid}, claims, self._key)
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": assertion,
            "scope": scope,
        }
        answer = self._send("POST", access.token_url, data=form)
        token = answer.json() if answer.is_success else None
        if not isinstance(token, dict) or not isinstance(token.get("access_token"), str):
            raise NoAnswer(f"the platform gives no access token (status {answer.status})")
        lasts = token.get("expires_in")
        return token["access_token"], lasts if isinstance(lasts, int | float) else 0.0


def _same_origin(url: str, other: str) -> str:
    """Return the URL `other`. Raise `BadCall` if it is at another host than `url`: access tokens are not sent there."""
    if urlsplit(url)[:2] != urlsplit(other)[:2]:
        raise BadCall(f"the platform refers to another server: {other[:200]}")
    return other


def _json_of(answer: RemoteResponse) -> Any:
    """Return the JSON of a response. Raise `BadCall` if the platform has refused the request, and `NoAnswer` if it has
    failed."""
    if answer.is_success:
        return answer.json()
    refusal = f"the platform answers with status {answer.status}"
    raise NoAnswer(refusal) if may_succeed_later(answer.status) else BadCall(refusal)


def may_succeed_later(status: int) -> bool:
    """Return whether a request that was answered with this status may succeed when it is sent again."""
    return status in _TRY_AGAIN or status >= _SERVER_ERROR


def _within(url: str, segment: str = "", **query: str) -> str:
    """Return a URL with another segment of the path, and more parameters of the query; some platforms have parameters
    in the URLs of columns."""
    parsed = httpx2.URL(url)
    if segment:
        parsed = parsed.copy_with(path=f"{parsed.path.rstrip('/')}/{segment}")
    return str(parsed.copy_merge_params(query) if query else parsed)
