"""Launches of a real learning platform, which runs as a process of its own."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from joserfc import jwt

from grader.lms import openid
from grader.lms.launch import role_of
from grader.store import audit, lti, people
from grader.store.records import Role
from tests.api.learning import DOMAIN, Learning, fields, learning
from tests.api.world import COURSE, World
from tests.conftest import Command
from tests.lms.platforms import Platform, platform_one

ROLES = "http://purl.imsglobal.org/vocab/lis/v2/"
TEST_STUDENT = "http://purl.imsglobal.org/vocab/lti/system/person#TestUser"


@pytest.fixture(scope="module")
def platform() -> Iterator[Platform]:
    with platform_one() as platform:
        yield platform


@pytest.fixture
def lms(world: World, platform: Platform) -> Iterator[Learning]:
    with learning(world, platform) as lms:
        yield lms


@pytest.fixture
def linked(lms: Learning) -> Learning:
    lms.link_course()
    return lms


def me(lms: Learning, answer: httpx.Response) -> dict[str, Any]:
    """Return the account of the session that an answer begins."""
    session = answer.headers["set-cookie"].partition(";")[0]
    return dict(httpx.get(f"{lms.url}/api/v1/me", headers={"Cookie": session}).json())


def log_in(lms: Learning, person: str, **how: Any) -> dict[str, Any]:
    """Launch in a window; return the account."""
    answer = lms.open(person, lms.link(), target="window", **how)
    assert answer.status_code == 303, answer.text
    return me(lms, answer)


def refusal(answer: httpx.Response) -> str:
    assert answer.status_code == 403, answer.text
    return str(answer.json()["detail"])


# ── courses and people ───────────────────────────────────────────────────────────────────────────────


def test_nobody_comes_in_until_an_instructor_has_linked_the_course(lms: Learning) -> None:
    assert "an instructor must open it first" in refusal(lms.open("ann", lms.link()))
    lms.link_course()
    (context,) = lms.stored()
    assert (context.title, context.context) == ("Machine learning there", lms.there)
    assert context.memberships_url.startswith(lms.platform.issuer)
    assert context.line_items_url.startswith(lms.platform.issuer)
    assert log_in(lms, "ann")["roles"] == {COURSE: "student"}
    with lms.world.service.store.read() as tx:
        (linking,) = audit.entries(tx, COURSE, action="lti contexts added")
    assert linking.author == f"tess@{DOMAIN}"


def test_an_instructor_who_is_staff_of_no_course_here_is_told_what_to_do(lms: Learning) -> None:
    lms.platform.add_person("new", email=f"new@{DOMAIN}")
    lms.platform.put_member(lms.there, "new", "Instructor")
    page = lms.open("new", lms.link()).text
    assert f"<code>new@{DOMAIN}</code>" in page
    assert 'name="course"' not in page


def test_a_course_of_which_the_person_is_no_staff_cannot_be_linked(lms: Learning) -> None:
    client = lms.browser()
    form = fields(lms.open("tess", lms.link(), client))
    assert "Link this course" in client.post(f"{lms.url}/lti/course", data=form | {"course": "other"}).text
    assert lms.stored() == []
    assert "was used before" in refusal(client.post(f"{lms.url}/lti/course", data=form | {"course": COURSE}))


@pytest.mark.parametrize(
    ("roles", "role"),
    [
        (["membership#Instructor"], "staff"),
        (["membership/Instructor#TeachingAssistant"], "staff"),
        (["membership#TeachingAssistant", "membership#Learner"], "staff"),
        (["membership#Learner"], "student"),
        (["membership/Learner#GuestLearner", "institution/person#Instructor"], "student"),
        (["institution/person#Instructor"], ""),
        (["membership#ContentDeveloper"], ""),
        (["membership#Administrator"], ""),
        (["membership#Mentor"], ""),
        (["system/person#SysAdmin"], ""),
        ([], ""),
    ],
)
def test_only_roles_in_the_course_count(roles: list[str], role: str) -> None:
    assert role_of([ROLES + name for name in roles]) == role


def test_short_names_are_roles_in_the_course_and_the_test_student_is_a_student() -> None:
    assert role_of(["Instructor"]) == "staff"
    assert role_of(["Instructor", TEST_STUDENT]) == "student"
    assert role_of([TEST_STUDENT]) == "student"


def test_a_launch_makes_a_student_staff_and_never_staff_a_student(linked: Learning) -> None:
    assert log_in(linked, "ann")["roles"] == {COURSE: "student"}
    for role in ("Instructor", "Learner"):
        linked.platform.put_member(linked.there, "ann", role)
        assert log_in(linked, "ann")["roles"] == {COURSE: "staff"}


def test_who_has_another_role_is_let_in_only_as_a_member(linked: Learning) -> None:
    linked.platform.put_member(linked.there, "ann", "Mentor")
    assert "neither a learner nor an instructor" in refusal(linked.open("ann", linked.link()))
    with linked.world.service.store.write() as tx:
        ann = people.put_person(tx, f"ann@{DOMAIN}", "Ann")
        people.put_member(tx, COURSE, ann.id, Role.STUDENT)
    assert log_in(linked, "ann")["roles"] == {COURSE: "student"}


def test_an_address_of_a_domain_is_a_login_and_others_get_one_of_the_platform(linked: Learning) -> None:
    assert log_in(linked, "ann")["login"] == f"ann@{DOMAIN}"
    assert log_in(linked, "ann", claims={"email": None})["login"] == f"ann@{DOMAIN}", "as before"
    linked.platform.add_person("bob", "Bob", email="bob@elsewhere.example")
    linked.platform.put_member(linked.there, "bob", "Learner")
    bob = log_in(linked, "bob")
    assert re.fullmatch(r"lti-[0-9a-f]{24}", bob["login"])
    assert bob["name"] == "Bob"
    assert log_in(linked, "bob", claims={"email": f"bob@{DOMAIN}"})["login"] == bob["login"], "as before"


def test_nobody_becomes_a_person_of_the_platform_by_changing_their_address(linked: Learning) -> None:
    assert log_in(linked, "tess")["login"] == f"tess@{DOMAIN}"
    linked.platform.add_person("mallory", "Mallory", email=f"tess@{DOMAIN}")
    linked.platform.put_member(linked.there, "mallory", "Learner")
    assert log_in(linked, "mallory")["login"].startswith("lti-")


def test_a_person_stays_the_same_when_the_course_is_linked_again(linked: Learning) -> None:
    linked.platform.add_person("bob", "Bob", email="bob@elsewhere.example")
    linked.platform.put_member(linked.there, "bob", "Learner")
    login = log_in(linked, "bob")["login"]
    with linked.world.service.store.write() as tx:
        lti.unlink(tx, linked.stored()[0].id)
    linked.link_course()
    assert log_in(linked, "bob", claims={"email": f"bob@{DOMAIN}"})["login"] == login


def test_claims_that_are_null_are_as_if_they_were_left_out(linked: Learning) -> None:
    names = ("lti/claim/custom", "lti/claim/launch_presentation", "lti-ags/claim/endpoint")
    claims = {f"https://purl.imsglobal.org/spec/{name}": None for name in names}
    assert linked.open("ann", linked.link(), claims=claims).status_code in (200, 303)


@pytest.mark.parametrize(
    "email", [f"root@x.{DOMAIN}", f"root@{DOMAIN}.example", DOMAIN, "root", f"@{DOMAIN}", f"a b@{DOMAIN}"]
)
def test_an_address_that_only_resembles_the_domain_is_no_login(linked: Learning, email: str) -> None:
    assert log_in(linked, "ann", claims={"email": email, "sub": email})["login"].startswith("lti-")


def test_an_admin_who_is_launched_is_no_admin_nor_are_their_tokens(linked: Learning) -> None:
    with linked.world.service.store.write() as tx:
        people.put_person(tx, f"ann@{DOMAIN}", "Ann", admin=True)
    answer = linked.open("ann", linked.link(), target="window")
    assert not me(linked, answer)["admin"]
    session = {"Cookie": answer.headers["set-cookie"].partition(";")[0]}
    page = httpx.get(f"{linked.url}/settings", headers=session).text
    (csrf, *_) = re.findall(r'name="csrf" value="(\w+)"', page)
    made = httpx.post(
        f"{linked.url}/api/v1/tokens", headers=session | {"X-CSRF-Token": csrf}, json={"label": "mine"}
    ).json()
    bearer = {"Authorization": f"Bearer {made['token']}"}
    assert httpx.get(f"{linked.url}/api/v1/me", headers=bearer).json()["admin"] is False
    again = httpx.post(f"{linked.url}/login", data={"token": made["token"]})
    assert again.status_code == 303
    assert not me(linked, again)["admin"]


# ── what a launch leads to ───────────────────────────────────────────────────────────────────────────


def test_in_a_frame_a_page_tells_the_state_and_opens_the_grader_once(linked: Learning) -> None:
    answer = linked.open("ann", linked.link())
    assert "not submitted" in answer.text
    assert "grader=" not in answer.headers.get("set-cookie", "")
    policy = answer.headers["content-security-policy"]
    assert f"frame-ancestors {linked.platform.issuer};" in policy
    form = fields(answer)
    opened = httpx.post(f"{linked.url}/login", data=form)
    assert (opened.status_code, opened.headers["location"]) == (303, "/courses/ml/assignments/toy")
    assert me(linked, opened)["login"] == f"ann@{DOMAIN}"
    assert httpx.post(f"{linked.url}/login", data=form).status_code == 403, "it works once"


def test_a_link_without_an_assignment_leads_to_the_course(linked: Learning) -> None:
    answer = linked.open("ann", linked.link("unknown"), target="window")
    assert answer.headers["location"] == "/courses/ml"


def test_a_launch_tells_the_column_of_the_gradebook(linked: Learning) -> None:
    link = linked.platform.add_link(
        linked.there, "Toy", custom={"assignment": "toy"}, lineItem={"scoreMaximum": 8, "label": "Toy"}
    )
    linked.open("ann", link["id"])
    (context,) = linked.stored()
    with linked.world.service.store.read() as tx:
        rows = tx.exec_driver_sql("SELECT context, assignment, url FROM lti_line_items").all()
    assert rows == [(context.id, "toy", link["line_item"])]


def test_an_unknown_deployment_is_refused_with_what_an_admin_has_to_add(linked: Learning) -> None:
    deployment = linked.platform.add_deployment(linked.tool["client_id"])
    linked.platform.add_course("second", "Second", deployment)
    linked.platform.put_member("second", "tess", "Instructor")
    link = linked.platform.add_link("second", "Toy")["id"]
    said = refusal(linked.platform.open(linked.browser(), "tess", "second", link))
    assert f"add the deployment id {deployment} to platform under /platforms" in said
    with linked.world.service.store.write() as tx:
        known = (*linked.tool["deployments"], deployment)
        lti.put_platform(tx, replace(linked.registered, deployments=known))
    assert "Link this course" in linked.platform.open(linked.browser(), "tess", "second", link).text


def test_a_form_of_a_deployment_that_was_removed_is_refused(lms: Learning) -> None:
    client = lms.browser()
    form = fields(lms.open("tess", lms.link(), client))
    with lms.world.service.store.write() as tx:
        lti.put_platform(tx, replace(lms.registered, deployments=()))
    assert "add the deployment id" in refusal(client.post(f"{lms.url}/lti/course", data=form | {"course": COURSE}))
    assert lms.stored() == []


def test_new_keys_of_the_platform_are_fetched(linked: Learning, monkeypatch: pytest.MonkeyPatch) -> None:
    log_in(linked, "ann")
    linked.platform.rotate_keys()
    monkeypatch.setattr(openid, "_REFETCH_SECONDS", 0)
    log_in(linked, "ann")


def test_a_platform_whose_keys_cannot_be_fetched_is_a_503(linked: Learning) -> None:
    openid.keys_at.cache_clear()
    linked.platform.misbehave({"at": "jwks", "status": 500, "times": 1})
    answer = linked.open("ann", linked.link())
    assert (answer.status_code, "does not answer" in answer.text) == (503, True)
    openid.keys_at.cache_clear()


# ── deep linking ─────────────────────────────────────────────────────────────────────────────────────


def test_an_instructor_chooses_an_assignment_and_its_link_works(linked: Learning) -> None:
    client = linked.browser()
    page = linked.open("tess", "", client)
    form = fields(page) | {"assignments": "toy"}
    sent = client.post(f"{linked.url}/lti/deep-link", data=form)
    assert f"form-action 'self' {linked.platform.issuer};" in sent.headers["content-security-policy"]
    (action,) = re.findall(r'<form method="post" action="([^"]+)"', sent.text)
    assert client.post(action, data=fields(sent)).status_code == 200
    course = linked.platform.course(linked.there)
    link = list(course["links"].values())[-1]
    (item,) = course["line_items"]
    assert (item["scoreMaximum"], item["resourceId"]) == (5.5, "ml/toy")
    assert linked.open("ann", link["id"], target="window").headers["location"] == "/courses/ml/assignments/toy"
    assert "was sent before" in refusal(client.post(f"{linked.url}/lti/deep-link", data=form))


def test_a_platform_that_takes_one_link_gets_one_without_a_column(linked: Learning) -> None:
    client = linked.browser()
    claim = "https://purl.imsglobal.org/spec/lti-dl/claim/deep_linking_settings"
    settings = {
        "deep_link_return_url": f"{linked.platform.issuer}/back",
        "accept_types": ["ltiResourceLink"],
        "accept_multiple": False,
        "accept_lineitem": False,
    }
    page = linked.open("tess", "", client, claims={claim: settings})
    assert 'type="radio"' in page.text
    sent = client.post(f"{linked.url}/lti/deep-link", data=fields(page) | {"assignments": "toy"})
    with linked.world.service.store.read() as tx:
        claims = jwt.decode(fields(sent)["JWT"], lti.tool_key(tx)).claims
    (item,) = claims["https://purl.imsglobal.org/spec/lti-dl/claim/content_items"]
    assert item["custom"] == {"assignment": "toy"}
    assert "lineItem" not in item


def test_nothing_is_sent_without_a_choice(linked: Learning) -> None:
    client = linked.browser()
    page = linked.open("tess", "", client)
    for choice in ({}, {"assignments": "unknown"}):
        form = {"token": fields(page)["token"]} | choice
        assert "no assignment was chosen" in refusal(client.post(f"{linked.url}/lti/deep-link", data=form))


# ── registration ─────────────────────────────────────────────────────────────────────────────────────


def registration_link(lms: Learning) -> str:
    page = httpx.post(f"{lms.url}/platforms/links", headers=lms.world.headers("root")).text
    (link,) = re.findall(r"http\S+/lti/register\?token=[\w.-]+", page)
    return str(link)


def opened(lms: Learning, link: str) -> httpx.Response:
    """Open a link from within the platform."""
    url = lms.platform.registration_url("x").partition("?")[2]
    return httpx.get(f"{link}&{url}", timeout=60)


def test_a_platform_registers_by_a_link_that_works_once(lms: Learning) -> None:
    link = registration_link(lms)
    answer = opened(lms, link)
    assert answer.status_code == 200, answer.text
    assert "frame-ancestors *;" in answer.headers["content-security-policy"], "Canvas shows it on another host"
    tool = lms.platform.tools()[-1]
    with lms.world.service.store.read() as tx:
        (known,) = lti.platforms(tx, client_id=tool["client_id"])
        assert list(known.deployments) == tool["deployments"]
    assert (known.issuer, known.domains) == (lms.platform.issuer, ())
    assert (tool["jwks_uri"], tool["login_url"]) == (f"{lms.url}/lti/jwks.json", f"{lms.url}/lti/login")
    again = opened(lms, link)
    assert again.status_code == 422
    assert "used before" in again.text


def test_teachers_choose_assignments_where_canvas_and_others_add_content(lms: Learning) -> None:
    """Canvas gives a place to the first message that names it; a message without places gets the one for content."""
    opened(lms, registration_link(lms))
    messages: dict[str, str] = {}
    for message in lms.platform.tools()[-1]["messages"]:
        for place in message.get("placements", ["ContentArea"]):
            messages.setdefault(place, message["type"])
    assert messages == {
        "ContentArea": "LtiDeepLinkingRequest",
        "https://canvas.instructure.com/lti/assignment_selection": "LtiDeepLinkingRequest",
    }


def test_a_forged_link_or_a_configuration_of_another_host_registers_nothing(lms: Learning) -> None:
    link = registration_link(lms)
    assert "expired" in opened(lms, link[:-4] + "AAAA").text
    elsewhere = f"{lms.platform.issuer.replace('localhost', '127.0.0.1')}/.well-known/openid-configuration"
    for configuration, why in (
        (elsewhere, "another host"),
        ("http://uni.example/configuration", "must be an https address"),
        ("file:///etc/passwd", "must be an https address"),
    ):
        answer = httpx.get(link, params={"token": link.partition("token=")[2], "openid_configuration": configuration})
        assert (answer.status_code, why in answer.text) == (422, True), answer.text
    with lms.world.service.store.read() as tx:
        assert len(lti.platforms(tx)) == 1


FORM = {"name": "Moodle", "issuer": "https://moodle.example", "client_id": "abc"} | dict.fromkeys(
    ("login_url", "token_url", "keys_url"), "https://moodle.example/lti"
)


def test_an_admin_registers_a_platform_by_hand_and_changes_it(world: World) -> None:
    root = world.headers("root")
    form = FORM | {"deployments": "1\n2", "domains": "Uni.example"}
    assert world.client.post("/platforms", data=form, headers=root, follow_redirects=False).status_code == 303
    with world.service.store.read() as tx:
        (known,) = lti.platforms(tx)
        assert (known.domains, known.deployments) == (("uni.example",), ("1", "2"))
    assert world.client.post("/platforms", data=form, headers=root).status_code == 422, "it is registered already"
    world.client.post("/platforms", data=FORM | {"id": known.id, "deployments": "3"}, headers=root)
    with world.service.store.read() as tx:
        (known,) = lti.platforms(tx)
        assert (known.domains, known.deployments) == ((), ("3",))
    page = world.client.get("/platforms", headers=root).text
    assert "http://testserver/lti/launch" in page
    assert page.count('type="url"') == 6, "browsers refuse other words before they send the form"
    assert world.client.post("/platforms", data=FORM | {"id": "unknown"}, headers=root).status_code == 404


@pytest.mark.parametrize("url", ["http://moodle.example/lti", "javascript:alert(1)", "", "https://a;script-src *"])
def test_an_address_that_is_not_https_is_refused(world: World, url: str) -> None:
    answer = world.client.post("/platforms", data=FORM | {"login_url": url}, headers=world.headers("root"))
    assert answer.status_code == 422


def test_after_a_rotation_the_old_public_key_is_still_published(world: World) -> None:
    with world.service.store.write() as tx:
        old = lti.tool_key(tx).kid
        new = lti.rotate_tool_key(tx)
        assert lti.tool_key(tx).kid == new
    keys = world.client.get("/lti/jwks.json").json()["keys"]
    assert [key["kid"] for key in keys] == [new, old]
    assert all("d" not in key for key in keys)


def test_a_command_replaces_the_key(world: World, command: Command) -> None:
    world.service.store.checkpoint()
    made = command("admin", "rotate-key", "--json", GRADER_HOME=str(world.service.settings.home))
    (key,) = world.client.get("/lti/jwks.json").json()["keys"]
    assert json.loads(made.stdout) == [{"key": key["kid"]}]
