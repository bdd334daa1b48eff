"""Scores and the roster at Open edX, whose columns are made with its blocks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import insert

from grader.api import sender
from grader.store import people
from grader.store.records import Role
from grader.store.tables import lti_line_items
from tests.api.world import ASSIGNMENT, COURSE, World
from tests.lms.linked import Linked, keys_of, put_context, put_platform, put_students
from tests.lms.platforms import Platform, platform_edx

pytestmark = pytest.mark.long
OFFERED = f"/api/v1/courses/{COURSE}/assignments/{ASSIGNMENT}"
PAGE = f"/courses/{COURSE}/platform"


@pytest.fixture
def platform() -> Iterator[Platform]:
    with platform_edx() as platform:
        yield platform


@pytest.fixture
def edx(platform: Platform, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[Linked]:
    monkeypatch.setattr(sender, "POLL_SECONDS", 3600.0)  # only the test sends
    world: World = request.getfixturevalue("world")
    store = world.service.store
    with keys_of(store) as jwks_url:
        id, deployment = put_platform(store, platform, jwks_url)
        line_item = platform.add_link("", "Toy", lineItem={"scoreMaximum": 11})["line_item"]
        line_items = line_item.rpartition("/")[0]
        memberships = f"{line_items.rpartition('/')[0]}/memberships"
        context = put_context(store, id, deployment, "course-v1:Tests+ML+2026", memberships, line_items)
        put_students(store, platform, context, "", {"ada": world.people["ada"].id})
        with store.write() as tx:
            tx.execute(insert(lti_line_items).values(context=context, assignment=ASSIGNMENT, url=line_item))
        yield Linked(world, platform, "any", context, line_item)


def test_a_score_a_regrade_a_hold_and_its_release(edx: Linked) -> None:
    world, grace = edx.world, edx.world.headers("grace")
    world.hand_in("ada")
    edx.deliver()
    assert edx.grade() is None
    world.grade_next()
    edx.deliver()
    assert edx.grade() == 8
    world.client.put(OFFERED, json={"held": True}, headers=grace)
    second = world.hand_in("ada", "x = 2")
    world.grade_next("wrong")
    edx.deliver()
    assert edx.grade() == 8
    world.client.put(OFFERED, json={"held": False}, headers=grace)
    edx.deliver()
    assert edx.grade() == 4
    world.client.put(f"/api/v1/submissions/{second}/marks/q1.2.negative", json={"points": 1}, headers=grace)
    edx.deliver()
    assert edx.grade() == 6
    assert (edx.problem(), edx.waiting()) == ("", [])


def test_the_roster_of_a_course(edx: Linked, platform: Platform) -> None:
    platform.add_person("zoe", email="zoe@example.edu")
    platform.put_member("", "zoe", "Learner")
    platform.add_person("teacher", email="teacher@example.edu")
    platform.put_member("", "teacher", "Instructor")
    headers = edx.world.headers("grace")
    page = edx.world.client.post(f"{PAGE}/{edx.context}/roster", headers=headers).text
    assert "zoe@example.edu" in page
    seen = page.partition('name="seen" value="')[2].partition('"')[0]
    edx.world.client.post(f"{PAGE}/{edx.context}/roster", data={"seen": seen}, headers=headers)
    with edx.world.service.store.read() as tx:
        members = {member.person.login: member.role for member in people.roster(tx, COURSE)}
    assert members["zoe@example.edu"] is Role.STUDENT
    assert members["teacher@example.edu"] is Role.STAFF
    assert members["ada"] is Role.STUDENT
