"""The platform of the tests keeps to the specifications."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from tests.lms.platforms import platform_one
from tests.lms.tool import AGS, ENDPOINT, MEMBERS, NAMES_AND_ROLES, HandMade, hand_made

CLAIM = "https://purl.imsglobal.org/spec/lti/claim/"
DEEP_LINKING = "https://purl.imsglobal.org/spec/lti-dl/claim/"
TOOL = "https://purl.imsglobal.org/spec/lti-tool-configuration"
LINE_ITEM_TYPE = "application/vnd.ims.lis.v2.lineitem+json"


def register(tool: HandMade, url: str) -> httpx.Response:
    asked = dict(parse_qsl(urlsplit(url).query))
    configuration = tool.client.get(asked["openid_configuration"]).json()
    content = {
        "application_type": "web",
        "grant_types": ["implicit", "client_credentials"],
        "response_types": ["id_token"],
        "redirect_uris": [f"{tool.url}/launch"],
        "initiate_login_uri": f"{tool.url}/login",
        "client_name": "Hand made",
        "jwks_uri": f"{tool.url}/jwks",
        "token_endpoint_auth_method": "private_key_jwt",
        "scope": " ".join([AGS + "lineitem", AGS + "score", AGS + "result.readonly", MEMBERS]),
        TOOL: {
            "domain": urlsplit(tool.url).netloc,
            "target_link_uri": f"{tool.url}/launch",
            "claims": ["iss", "sub", "name"],
            "messages": [{"type": "LtiDeepLinkingRequest", "target_link_uri": f"{tool.url}/launch"}],
        },
    }
    headers = {"Authorization": f"Bearer {asked['registration_token']}"}
    return tool.client.post(configuration["registration_endpoint"], json=content, headers=headers)


@pytest.fixture(scope="module")
def tool() -> Iterator[HandMade]:
    with platform_one() as platform, hand_made(platform) as made:
        registered = register(made, platform.registration_url(f"{made.url}/register")).json()
        made.client_id, made.deployment = registered["client_id"], registered[TOOL]["deployment_id"]
        made.endpoints = made.client.get(f"{platform.issuer}/.well-known/openid-configuration").json()
        platform.add_course("ml", "Machine learning", made.deployment)
        for person, role in (("ann", "Learner"), ("bob", "Learner"), ("teacher", "Instructor")):
            platform.add_person(person, email=f"{person}@example.org")
            platform.put_member("ml", person, role)
        yield made


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
    assert [register(tool, url).status_code for _ in range(2)] == [201, 401]


@pytest.mark.parametrize("changes", [{"aud": "http://elsewhere"}, {"sub": "client-0"}, {"iss": "me"}, {"exp": 1}])
def test_a_wrong_assertion_gets_no_token(tool: HandMade, changes: dict[str, Any]) -> None:
    assert tool.token(AGS + "score").status_code == 200
    assert tool.token(AGS + "score", **changes).status_code in (400, 401)


def test_the_roster_comes_in_pages(tool: HandMade) -> None:
    tool.platform.set(members_on_page=2)
    claims = tool.launch("teacher", "ml", "")
    url = claims[NAMES_AND_ROLES]["context_memberships_url"]
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
