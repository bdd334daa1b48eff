"""Launches of a real learning platform, which runs as a process of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.api.learning import Learning, fields, learning
from tests.api.world import World
from tests.lms.platforms import Platform, platform_one


@pytest.fixture(scope="module")
def platform() -> Iterator[Platform]:
    with platform_one() as platform:
        yield platform


@pytest.fixture
def lms(world: World, platform: Platform) -> Iterator[Learning]:
    with learning(world, platform) as lms:
        yield lms


def test_an_instructor_links_the_course_and_a_student_comes_in(lms: Learning) -> None:
    lms.link_course()
    answer = lms.open("ann", lms.link(), target="window")
    assert answer.status_code == 303, answer.text
    assert answer.headers["location"] == "/courses/ml/assignments/toy"
    framed = lms.open("ann", lms.link(), target="iframe")
    assert framed.status_code == 200, framed.text
    print(framed.headers, framed.text)


def test_deep(lms: Learning) -> None:
    lms.link_course()
    client = lms.browser()
    page = lms.open("tess", "", client)
    assert page.status_code == 200, page.text
    print(page.text)
    back = client.post(f"{lms.url}/lti/deep-link", data=fields(page) | {"assignments": "toy"})
    print(back.text)
    from tests.lms.platforms import Form

    f = Form(back.text)
    added = client.post(f.action, data=f.fields)
    print(added.text)
    print(lms.platform.course(lms.there))
