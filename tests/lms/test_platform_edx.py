"""Open edX's packages run as a platform and as a queue."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.lms.platforms import follow_launch, platform_edx
from tests.lms.tool import AGS, ENDPOINT, MEMBERS, NAMES_AND_ROLES, HandMade, hand_made

CLAIM = "https://purl.imsglobal.org/spec/lti/claim/"
DEEP_LINKING = "https://purl.imsglobal.org/spec/lti-dl/claim/"


@pytest.fixture(scope="module")
def tool() -> Iterator[HandMade]:
    with platform_edx() as platform, hand_made(platform) as made:
        made.add_by_hand()
        for person, role in (("ann", "Learner"), ("bob", "Learner"), ("teacher", "Instructor")):
            platform.add_person(person, email=f"{person}@example.org")
            platform.put_member("", person, role)
        yield made


@pytest.fixture(scope="module")
def link(tool: HandMade) -> dict[str, Any]:
    return tool.platform.add_link("", "Toy", lineItem={"scoreMaximum": 8})


def test_a_launch_brings_the_claims_of_its_person_course_and_block(tool: HandMade, link: dict[str, Any]) -> None:
    claims = tool.launch("ann", "", link["id"])
    assert (claims["iss"], claims["aud"], claims["sub"]) == (tool.platform.issuer, tool.client_id, "ann")
    assert claims["name"] == "Ann"
    assert claims[CLAIM + "resource_link"]["id"] == link["id"]
    assert claims[ENDPOINT]["lineitem"] == link["line_item"]


def test_a_score_is_a_grade_once_it_is_final(tool: HandMade, link: dict[str, Any]) -> None:
    item, platform = link["line_item"], tool.platform
    assert tool.score(item, "ann").status_code == 201
    assert platform.grade_of("x", item, "ann") == 6
    waiting = {"scoreGiven": None, "scoreMaximum": None, "gradingProgress": "PendingManual"}
    assert tool.score(item, "ann", **waiting).status_code == 201
    assert platform.grade_of("x", item, "ann") == 6
    assert [score["status"] for score in platform.scores()] == [201, 201]


def test_the_roster_comes_in_pages_of_the_size_that_the_tool_asks_for(tool: HandMade, link: dict[str, Any]) -> None:
    url = tool.launch("teacher", "", link["id"])[NAMES_AND_ROLES]["context_memberships_url"]
    headers = tool.headers(MEMBERS)
    first = tool.client.get(url, params={"limit": 2}, headers=headers)
    second = tool.client.get(first.links["next"]["url"], headers=headers)
    members = first.json()["members"] + second.json()["members"]
    assert [(member["user_id"], member["name"]) for member in members] == [
        ("ann", "Ann"),
        ("bob", "Bob"),
        ("teacher", "Teacher"),
    ]


def test_content_is_chosen_by_deep_linking(tool: HandMade) -> None:
    launch = tool.platform.launch("teacher", "")
    assert follow_launch(tool.client, launch["login_url"]).status_code == 200
    claims = tool.claims()
    assert claims[CLAIM + "message_type"] == "LtiDeepLinkingRequest"
    response = {
        "iss": tool.client_id,
        "aud": tool.platform.issuer,
        CLAIM + "message_type": "LtiDeepLinkingResponse",
        CLAIM + "version": "1.3.0",
        CLAIM + "deployment_id": tool.deployment,
        DEEP_LINKING + "content_items": [
            {"type": "ltiResourceLink", "url": f"{tool.url}/launch", "custom": {"assignment": "toy"}}
        ],
    }
    returns = claims[DEEP_LINKING + "deep_linking_settings"]["deep_link_return_url"]
    assert tool.client.post(returns, data={"JWT": tool.sign(response)}).status_code == 200
    claims = tool.launch("ann", "", launch["link"])
    assert claims[CLAIM + "custom"] == {"assignment": "toy"}


def test_a_submission_is_offered_again_and_has_one_result(tool: HandMade) -> None:
    platform, client = tool.platform, tool.client
    url = f"{platform.issuer}/xqueue"
    client.get(f"{url}/login/")
    client.post(
        f"{url}/login/",
        data={"username": "grader", "password": "xqueue"},
        headers={"X-CSRFToken": client.cookies["csrftoken"]},
    )
    platform.xqueue_add("ml", "x = 1", files={"mlp.py": "x = 2"})

    def pull() -> Any:
        return client.get(f"{url}/get_submission/", params={"queue_name": "ml"}).json()

    first = json.loads(pull()["content"])
    assert pull()["return_code"] == 1
    platform.xqueue_age()
    assert json.loads(pull()["content"]) == first
    name, address = next(iter(json.loads(first["xqueue_files"]).items()))
    assert (name, client.get(platform.issuer + address).text) == ("mlp.py", "x = 2")
    result = {
        "xqueue_header": first["xqueue_header"],
        "xqueue_body": json.dumps({"correct": True, "score": 0.5, "msg": "<p>fine</p>"}),
    }
    headers = {"X-CSRFToken": client.cookies["csrftoken"]}
    assert client.post(f"{url}/put_result/", data=result, headers=headers).json()["return_code"] == 0
    assert client.post(f"{url}/put_result/", data=result, headers=headers).status_code == 500
    assert [(item["status"], item["score"]) for item in platform.xqueue()] == [("retired", 50)]


def test_a_token_is_for_its_scopes(tool: HandMade, link: dict[str, Any]) -> None:
    results = f"{link['line_item']}/results"
    assert tool.client.get(results, headers=tool.headers(AGS + "score")).status_code == 403
