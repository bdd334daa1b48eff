"""The platform of the tests keeps to the specifications: a small tool made by hand against it."""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

from tests.lms.platform_one import AGS, CLAIM, DEEP_LINKING, LINE_ITEM_TYPE, MEMBERS, SCORE_TYPE, TOOL
from tests.lms.platforms import VERIFY, Platform, platform_one

ENDPOINT = "https://purl.imsglobal.org/spec/lti-ags/claim/endpoint"


@dataclass
class HandMade:
    """A tool: it answers a login as it should, shows its key, and keeps the tokens that come."""

    platform: Platform
    client: httpx.Client
    url: str = ""
    client_id: str = ""
    deployment: str = ""
    auth_changes: dict[str, str] = field(default_factory=dict)
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, auto_kid=True, parameters={"alg": "RS256"}))
    tokens: list[str] = field(default_factory=list)

    def auth_url(self, login: dict[str, str]) -> str:
        fields = {
            "scope": "openid",
            "response_type": "id_token",
            "response_mode": "form_post",
            "prompt": "none",
            "client_id": login["client_id"],
            "redirect_uri": f"{self.url}/launch",
            "login_hint": login["login_hint"],
            "lti_message_hint": login["lti_message_hint"],
            "state": "state",
            "nonce": secrets.token_urlsafe(),
        }
        return f"{self.platform.issuer}/auth?{urlencode(fields | self.auth_changes)}"

    def launch(self, person: str, course: str, link: str = "", **how: Any) -> dict[str, Any]:
        """Return the checked claims."""
        assert self.platform.open(self.client, person, course, link, **how).status_code == 200
        return self.claims()

    def claims(self) -> dict[str, Any]:
        keys = KeySet.import_key_set(self.client.get(f"{self.platform.issuer}/jwks").json())
        return dict(jwt.decode(self.tokens[-1], keys, algorithms=["RS256"]).claims)

    def sign(self, claims: dict[str, Any]) -> str:
        times = {"iat": int(time.time()), "exp": int(time.time()) + 60}
        return jwt.encode({"alg": "RS256", "kid": self.key.kid}, times | claims, self.key, algorithms=["RS256"])

    def token(self, *scopes: str, **changes: Any) -> httpx.Response:
        endpoint = f"{self.platform.issuer}/token"
        claims = {"iss": self.client_id, "sub": self.client_id, "aud": endpoint, "jti": secrets.token_urlsafe()}
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": self.sign(claims | changes),
            "scope": " ".join(scopes),
        }
        return self.client.post(endpoint, data=form)

    def headers(self, *scopes: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token(*scopes).json()['access_token']}"}

    def score(self, line_item: str, person: str, **changes: Any) -> httpx.Response:
        moment = f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime())}.{time.time_ns() % 10**9:09}Z"[:26] + "Z"
        body = {
            "userId": person,
            "scoreGiven": 3,
            "scoreMaximum": 4,
            "timestamp": moment,
            "activityProgress": "Completed",
            "gradingProgress": "FullyGraded",
        }
        content = json.dumps({key: value for key, value in (body | changes).items() if value is not None})
        headers = self.headers(AGS + "score") | {"Content-Type": SCORE_TYPE}
        return self.client.post(f"{line_item}/scores", content=content, headers=headers)

    def register(self, url: str) -> httpx.Response:
        asked = dict(parse_qsl(urlsplit(url).query))
        configuration = self.client.get(asked["openid_configuration"]).json()
        content = {
            "application_type": "web",
            "grant_types": ["implicit", "client_credentials"],
            "response_types": ["id_token"],
            "redirect_uris": [f"{self.url}/launch"],
            "initiate_login_uri": f"{self.url}/login",
            "client_name": "Hand made",
            "jwks_uri": f"{self.url}/jwks",
            "token_endpoint_auth_method": "private_key_jwt",
            "scope": " ".join([AGS + "lineitem", AGS + "score", AGS + "result.readonly", MEMBERS]),
            TOOL: {
                "domain": urlsplit(self.url).netloc,
                "target_link_uri": f"{self.url}/launch",
                "claims": ["iss", "sub", "name"],
                "messages": [{"type": "LtiDeepLinkingRequest", "target_link_uri": f"{self.url}/launch"}],
            },
        }
        headers = {"Authorization": f"Bearer {asked['registration_token']}"}
        return self.client.post(configuration["registration_endpoint"], json=content, headers=headers)


@pytest.fixture(scope="module")
def tool() -> Iterator[HandMade]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = urlsplit(self.path)
            if path.path == "/login":
                self.send_response(302)
                self.send_header("Location", made.auth_url(dict(parse_qsl(path.query))))
                self.end_headers()
            else:
                self._answer(json.dumps({"keys": [made.key.as_dict(private=False)]}))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            made.tokens.append(parse_qs(body)["id_token"][0])
            self._answer("{}")

        def _answer(self, content: str) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(content.encode())

        def log_message(self, *_: Any) -> None:
            pass

    with (
        platform_one() as platform,
        httpx.Client(verify=VERIFY) as client,
        ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server,
    ):
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        made = HandMade(platform, client, f"http://127.0.0.1:{server.server_address[1]}")
        registered = made.register(platform.registration_url(f"{made.url}/register")).json()
        made.client_id, made.deployment = registered["client_id"], registered[TOOL]["deployment_id"]
        platform.add_course("ml", "Machine learning", made.deployment)
        for person, role in (("ann", "Learner"), ("bob", "Learner"), ("teacher", "Instructor")):
            platform.add_person(person, email=f"{person}@example.org")
            platform.put_member("ml", person, role)
        yield made
        server.shutdown()


@pytest.fixture(scope="module")
def link(tool: HandMade) -> dict[str, Any]:
    return tool.platform.add_link("ml", "Toy", lineItem={"scoreMaximum": 8, "label": "Toy", "resourceId": "toy"})


def test_a_launch_brings_the_claims_of_its_person_course_and_link(tool: HandMade, link: dict[str, Any]) -> None:
    claims = tool.launch("ann", "ml", link["id"])
    assert (claims["iss"], claims["aud"], claims["sub"]) == (tool.platform.issuer, tool.client_id, "ann")
    assert claims[CLAIM + "roles"] == ["http://purl.imsglobal.org/vocab/lis/v2/membership#Learner"]
    assert claims[CLAIM + "context"]["id"] == "ml"
    assert claims[CLAIM + "deployment_id"] == tool.deployment
    assert claims[ENDPOINT]["lineitem"] == link["line_item"]


@pytest.mark.parametrize("field", ["redirect_uri", "nonce", "login_hint", "lti_message_hint", "client_id", "prompt"])
def test_a_wrong_answer_to_a_login_is_refused(tool: HandMade, link: dict[str, Any], field: str) -> None:
    login_url = tool.platform.launch("ann", "ml", link["id"])["login_url"]
    tool.auth_changes = {field: ""}
    try:
        assert tool.client.get(login_url, follow_redirects=True).status_code in (400, 401)
    finally:
        tool.auth_changes = {}


def test_a_registration_token_is_used_once(tool: HandMade) -> None:
    url = tool.platform.registration_url(f"{tool.url}/register")
    assert [tool.register(url).status_code for _ in range(2)] == [201, 401]


@pytest.mark.parametrize("changes", [{"aud": "http://elsewhere"}, {"sub": "client-0"}, {"iss": "me"}, {"exp": 1}])
def test_a_wrong_assertion_gets_no_token(tool: HandMade, changes: dict[str, Any]) -> None:
    assert tool.token(AGS + "score").status_code == 200
    assert tool.token(AGS + "score", **changes).status_code in (400, 401)


def test_the_roster_comes_in_pages(tool: HandMade) -> None:
    tool.platform.set(members_on_page=2)
    claims = tool.launch("teacher", "ml", "")
    url = claims["https://purl.imsglobal.org/spec/lti-nrps/claim/namesroleservice"]["context_memberships_url"]
    assert tool.client.get(url, headers=tool.headers(AGS + "score")).status_code == 401
    first = tool.client.get(url, headers=tool.headers(MEMBERS))
    assert [member["user_id"] for member in first.json()["members"]] == ["ann", "bob"]
    second = tool.client.get(first.links["next"]["url"], headers=tool.headers(MEMBERS))
    assert [member["user_id"] for member in second.json()["members"]] == ["teacher"]
    assert "next" not in second.links


def test_deep_linking_makes_a_link_with_its_line_item(tool: HandMade) -> None:
    claims = tool.launch("teacher", "ml")
    assert claims[CLAIM + "message_type"] == "LtiDeepLinkingRequest"
    settings = claims[DEEP_LINKING + "deep_linking_settings"]
    content = {"type": "ltiResourceLink", "title": "Deep", "lineItem": {"scoreMaximum": 5, "resourceId": "deep"}}
    response = {
        "iss": tool.client_id,
        "aud": tool.platform.issuer,
        "nonce": "n",
        CLAIM + "message_type": "LtiDeepLinkingResponse",
        CLAIM + "version": "1.3.0",
        CLAIM + "deployment_id": tool.deployment,
        DEEP_LINKING + "data": settings["data"],
        DEEP_LINKING + "content_items": [content],
    }
    returns = settings["deep_link_return_url"]
    assert tool.client.post(returns, data={"JWT": tool.sign(response | {"aud": "x"})}).status_code == 400
    assert tool.client.post(returns, data={"JWT": tool.sign(response)}).status_code == 200
    items = [item for item in tool.platform.course("ml")["line_items"] if item.get("resourceId") == "deep"]
    assert [(item["scoreMaximum"], item["label"]) for item in items] == [(5, "Deep")]


def test_line_items_are_made_found_and_deleted(tool: HandMade) -> None:
    headers = tool.headers(AGS + "lineitem")
    url = tool.launch("teacher", "ml")[ENDPOINT]["lineitems"]
    content = json.dumps({"label": "Two", "scoreMaximum": 2, "resourceId": "two"})
    made = [
        tool.client.post(url, content=content, headers=headers | {"Content-Type": LINE_ITEM_TYPE}) for _ in range(2)
    ]
    assert [answer.status_code for answer in made] == [201, 201]
    same = tool.client.get(url, params={"resource_id": "two", "limit": 1}, headers=headers)
    assert [item["id"] for item in same.json()] == [made[0].json()["id"]]
    assert [i["id"] for i in tool.client.get(same.links["next"]["url"], headers=headers).json()] == [
        made[1].json()["id"]
    ]
    assert tool.client.delete(made[1].json()["id"], headers=headers).status_code == 204
    assert tool.client.get(made[1].json()["id"], headers=headers).status_code == 404


def test_scores_are_kept_as_canvas_keeps_them(tool: HandMade, link: dict[str, Any]) -> None:
    item, platform = link["line_item"], tool.platform
    assert tool.score(item, "ann").status_code == 200
    assert platform.grade_of("ml", item, "ann") == 6
    body = platform.scores()[-1]["body"]
    assert tool.score(item, "ann", timestamp=body["timestamp"]).status_code == 409
    platform.grade_by_hand("ml", item, "ann", 7)
    assert platform.grade_of("ml", item, "ann") == 7
    waiting = {"scoreGiven": None, "scoreMaximum": None, "gradingProgress": "PendingManual"}
    assert tool.score(item, "ann", **waiting).status_code == 200
    assert platform.grade_of("ml", item, "ann") is None
    results = tool.client.get(f"{item}/results", headers=tool.headers(AGS + "result.readonly")).json()
    assert [(result["userId"], result["resultScore"]) for result in results] == [("ann", None)]


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"timestamp": "2026-01-01T00:00:00Z"}, 400),
        ({"timestamp": "2026-01-01T00:00:00.5"}, 400),
        ({"scoreMaximum": None}, 400),
        ({"gradingProgress": None}, 400),
        ({"userId": "teacher"}, 422),
        ({"userId": "test"}, 422),
    ],
)
def test_a_wrong_score_is_refused(tool: HandMade, link: dict[str, Any], changes: dict[str, Any], status: int) -> None:
    tool.platform.add_person("test", is_test_student=True)
    tool.platform.put_member("ml", "test", "Learner")
    assert tool.score(link["line_item"], "bob", **changes).status_code == status
    assert tool.platform.scores()[-1]["status"] == status


def test_faults_come_as_often_as_the_test_says(tool: HandMade, link: dict[str, Any]) -> None:
    item, platform = link["line_item"], tool.platform
    platform.misbehave(
        {"at": "scores", "status": 500, "times": 2},
        {"at": "scores", "status": 401},
        {"at": "scores", "drop": True},
    )
    assert [tool.score(item, "bob").status_code for _ in range(3)] == [500, 500, 401]
    with pytest.raises(httpx.RemoteProtocolError):
        tool.score(item, "bob", scoreGiven=1)
    assert platform.grade_of("ml", item, "bob") == 2
    assert tool.score(item, "bob").status_code == 200


def test_a_rotated_key_signs_and_the_old_one_is_gone(tool: HandMade, link: dict[str, Any]) -> None:
    before = tool.client.get(f"{tool.platform.issuer}/jwks").json()["keys"]
    tool.platform.rotate_keys()
    assert tool.launch("ann", "ml", link["id"])["sub"] == "ann"
    after = tool.client.get(f"{tool.platform.issuer}/jwks").json()["keys"]
    assert len(before) == len(after) == 1
    assert before != after


@pytest.mark.parametrize(
    "how",
    [
        {"alg": "none"},
        {"alg": "HS256", "key": "public"},
        {"alg": "HS256", "key": "secret"},
        {"key": "withdrawn"},
    ],
)
def test_a_forged_token_does_not_verify(tool: HandMade, link: dict[str, Any], how: dict[str, Any]) -> None:
    tool.platform.open(tool.client, "ann", "ml", link["id"], **how)
    with pytest.raises(Exception, match=r".+"):
        tool.claims()


def test_claims_of_a_launch_are_changed_and_signed(tool: HandMade, link: dict[str, Any]) -> None:
    claims = tool.launch("ann", "ml", link["id"], claims={"sub": "eve", "azp": None, "exp": 5}, header={"typ": "other"})
    assert (claims["sub"], claims["exp"], "azp" in claims) == ("eve", 5, False)
