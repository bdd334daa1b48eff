"""Launches of a learning platform in Chromium: in a frame, in a frame without cookies, and in a window."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, sync_playwright

from grader.assignments import catalogue
from tests.api.learning import DOMAIN, Learning, learning
from tests.api.test_accessible_pages import violations
from tests.api.world import living
from tests.conftest import write_toy
from tests.journeys.test_report_in_browser import CHROMIUM, FLAGS
from tests.lms.platforms import platform_one

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def lms(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Learning]:
    folder: Path = tmp_path_factory.mktemp("lti")
    toy = write_toy(folder / "assignments")
    with living(folder, catalogue.load(toy), {}) as world, platform_one() as platform, learning(world, platform) as lms:
        lms.link_course()
        platform.set(storage_target="_parent")
        yield lms


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    with chromium.new_context() as context:
        yield context.new_page()


def opens_the_grader(page: Page) -> None:
    """In the frame there is a page with a button, which opens the assignment in a new tab."""
    frame = page.frame_locator("iframe[name=tool]")
    with page.expect_popup() as popup:
        frame.get_by_role("button", name="Open in a new tab").click()
    tab = popup.value
    tab.wait_for_url("**/courses/ml/assignments/toy")
    assert tab.get_by_role("button", name="Log out").is_visible()


def test_in_a_frame_the_grader_opens_in_a_new_tab(lms: Learning, page: Page) -> None:
    page.goto(lms.platform.launch("ann", lms.there, lms.link())["page"])
    opens_the_grader(page)


def without_cookies(page: Page) -> None:
    """Let the browser forget the service's cookie before the launch."""

    def forget(route: Route) -> None:
        page.context.clear_cookies()
        route.continue_()

    page.route("**/lti/launch", forget)


@pytest.mark.parametrize("target", ["_parent", "storage"])
def test_without_cookies_the_platforms_storage_takes_their_place(lms: Learning, page: Page, target: str) -> None:
    without_cookies(page)
    lms.platform.set(storage_target=target)
    page.goto(lms.platform.launch("ann", lms.there, lms.link())["page"])
    opens_the_grader(page)


def test_without_cookies_and_storage_the_frame_says_what_is_wrong(lms: Learning, page: Page) -> None:
    without_cookies(page)
    lms.platform.set(storage_target="")
    page.goto(lms.platform.launch("ann", lms.there, lms.link())["page"])
    frame = page.frame_locator("iframe[name=tool]")
    frame.get_by_text("the browser keeps no cookies").wait_for()
    assert frame.get_by_role("link", name="To the first page").get_attribute("target") == "_blank", "no frame shows it"


def test_in_a_window_the_assignment_is_there_at_once(lms: Learning, page: Page) -> None:
    lms.platform.set(storage_target="")
    page.goto(lms.platform.launch("ann", lms.there, lms.link(), target="window")["page"])
    with page.expect_popup() as popup:
        page.get_by_role("button", name="Open the tool").click()
    popup.value.wait_for_url("**/courses/ml/assignments/toy")
    assert popup.value.get_by_title(f"ann@{DOMAIN}").is_visible()


def test_an_instructor_adds_an_assignment_in_the_frame(lms: Learning, page: Page) -> None:
    page.goto(lms.platform.launch("tess", lms.there)["page"])
    frame = page.frame_locator("iframe[name=tool]")
    frame.get_by_label("Sums").check()
    frame.get_by_role("button", name="Add to the course").click()
    frame.get_by_role("heading", name="Added").wait_for()
    assert lms.platform.course(lms.there)["line_items"][-1]["resourceId"] == "ml/toy"


@pytest.mark.parametrize(
    ("person", "course", "heading"),
    [
        ("ann", "", "Sums"),
        ("tess", "", "Choose assignments"),
        ("tess", "unlinked", "Link this course"),
        ("ann", "unlinked", "The launch was refused"),
    ],
)
def test_axe_finds_nothing_on_a_page_of_a_frame(
    lms: Learning, page: Page, person: str, course: str, heading: str
) -> None:
    lms.platform.set(storage_target="")
    link = lms.link() if person == "ann" or course else ""
    if course:
        lms.platform.add_course(course, "Not linked", lms.tool["deployments"][0])
        lms.platform.put_member(course, person, "Learner" if person == "ann" else "Instructor")
        link = lms.platform.add_link(course, "Toy")["id"]
    page.goto(lms.platform.launch(person, course or lms.there, link)["login_url"])
    page.get_by_role("heading", name=heading).wait_for()
    assert violations(page) == []
