"""A course from nothing to an answered request, in Chromium, with and without JavaScript, against a real service.

After `grader serve`, no other command is run.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, FilePayload, Page, expect

from tests.api.world import WRONG
from tests.conftest import without_settings, write_toy
from tests.journeys.test_report_in_browser import CONTRASTS, DESK, PHONE, browser
from tests.running import Running, free_port

pytestmark = pytest.mark.long

__all__ = ["browser"]  # a fixture

expect.set_options(timeout=60_000)  # a loaded machine is no bug
GRADED_WITHIN = 600_000
"""Milliseconds."""
STUDENTS = "".join(f"s{number}@x.edu,Student {number}\n" for number in range(29))
ROSTER = f"login,name,role\nada@x.edu,Ada,\n{STUDENTS}"


def csv(name: str, text: str) -> FilePayload:
    return {"name": name, "mimeType": "text/csv", "buffer": text.encode()}


@contextmanager
def nothing_yet(folder: Path) -> Iterator[Running]:
    """A service that runs for the first time, and knows the toy assignment."""
    home, assignments = folder / "home", folder / "assignments"
    write_toy(assignments)
    home.mkdir()
    settings = {"GRADER_HOME": str(home), "GRADER_ASSIGNMENTS": str(assignments), "GRADER_WORKERS": "1"}
    service = Running(home, assignments, f"http://127.0.0.1:{free_port()}", without_settings() | settings, "")
    service.start()
    try:
        yield service
    finally:
        service.end()


@contextmanager
def visiting(browser: Browser, link: str, javascript: bool) -> Iterator[Page]:
    """Log in with a link, in a time zone in which 23:59 is 22:59 UTC."""
    with browser.new_context(java_script_enabled=javascript, timezone_id="Europe/Berlin") as context:
        context.set_default_timeout(60_000)
        page = context.new_page()
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(link)
        if javascript:
            page.wait_for_function("!location.hash")
        else:
            page.get_by_label("Your login link").fill(link)
        page.get_by_role("button", name="Log in", exact=True).click()
        page.wait_for_url(lambda url: "/login" not in url)
        yield page
        assert complaints == []


def accessible(page: Page, javascript: bool) -> None:
    """The page fits a phone, and has contrast, one main part and one first heading."""
    if not javascript:
        return
    page.wait_for_load_state()  # of the page to which a click leads
    assert page.evaluate(CONTRASTS) == []
    page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0], page.url
    page.set_viewport_size({"width": DESK[0], "height": DESK[1]})
    assert page.get_by_role("main").count() == page.get_by_role("heading", level=1).count() == 1


@pytest.mark.parametrize("javascript", [True, False], ids=["javascript", "no javascript"])
def test_a_course_from_nothing_to_released_points_and_an_answered_request(
    tmp_path: Path, browser: Browser, javascript: bool
) -> None:
    with nothing_yet(tmp_path) as service:
        first_link = (service.home / "first-login").read_text("utf-8").strip()
        with visiting(browser, first_link, javascript) as admin:
            student_link = _sets_up(admin, service.url, javascript)
            with visiting(browser, student_link, javascript) as ada:
                _submits(ada, javascript)
                expect(ada.get_by_text("not released").first).to_be_visible()
                _releases(admin, service.url)
                ada.goto(service.url)
                expect(ada.locator(".worth")).to_contain_text("2 of 5.5")
                _asks(ada, javascript)
                _answers(admin, service.url)
                ada.reload()
                expect(ada.get_by_text("points from 0 to 2")).to_be_visible()
                expect(ada.locator("#requests").get_by_text("You are right.")).to_be_visible()
                ada.goto(service.url)
                expect(ada.locator(".worth")).to_contain_text("4 of 5.5")


def _sets_up(page: Page, url: str, javascript: bool) -> str:
    """Make a course with people and an assignment. Return a login link for one of its students."""
    page.goto(url)
    page.get_by_role("link", name="Make a course").click()
    accessible(page, javascript)
    page.get_by_label("Title").fill("Machine Learning")
    page.get_by_label("Id", exact=True).fill("ml102")
    page.get_by_role("button", name="Make the course").click()
    page.get_by_role("link", name="Add the students and staff").click()
    page.get_by_label("Drop a CSV file here").set_input_files(csv("roster.csv", ROSTER))
    page.get_by_role("button", name="Show what would change").click()
    expect(page.get_by_role("table", name="Added").get_by_role("row")).to_have_count(31)
    accessible(page, javascript)
    page.get_by_role("button", name="Make these 30 changes").click()
    expect(page.get_by_role("status").first).to_contain_text("30 added.")
    page.get_by_label("Login", exact=True).fill("zoe@x.edu")
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_role("table", name="Roster").get_by_role("row")).to_have_count(2)
    accessible(page, javascript)
    page.get_by_role("link", name="Offer an assignment").click()
    accessible(page, javascript)
    page.get_by_role("link", name="Sums").click()
    time = "2099-12-01T23:59" if javascript else "2099-12-01T22:59"
    page.locator("#due_at").fill(time)
    page.get_by_label("Percent for each started day").fill("10")
    page.get_by_label("Hold points and reasons back").check()
    page.get_by_role("button", name="Offer it with these settings").click()
    expect(page.get_by_role("status").first).to_contain_text("Saved: due date, late penalty, release.")
    expect(page.locator("#due_at")).to_have_value(re.compile(time))
    expect(page.locator("form .note .zone")).to_have_text("Europe/Berlin" if javascript else "UTC")
    expect(page.get_by_text("one submission from each of 31 students")).to_be_visible()
    accessible(page, javascript)
    page.goto(f"{url}/courses/ml102")
    shown = "Dec 1, 2099, 11:59 PM GMT+1" if javascript else "Tue 1 Dec 2099, 22:59 UTC"
    expect(page.locator("time").first).to_have_text(shown.replace(" PM", "\u202fPM"))
    expect(page.get_by_text("Tell the students to log in at")).to_be_visible()
    page.goto(f"{url}/courses/ml102/people?q=ada")
    page.get_by_role("link", name="Ada").click()
    accessible(page, javascript)
    page.get_by_text("Login link", exact=True).click()
    page.get_by_role("button", name="Make a login link").click()
    return page.locator(".secret").inner_text()


def _submits(page: Page, javascript: bool) -> None:
    page.get_by_role("link", name="Sums").click()
    page.get_by_label("Drop your files here").set_input_files(csv("mlp.py", WRONG))
    page.get_by_role("button", name="Submit").click()
    page.wait_for_url("**/submissions/*")
    expect(page.get_by_text("your teachers release").first).to_be_visible(timeout=GRADED_WITHIN)
    page.get_by_role("link", name="My courses").click()


def _releases(page: Page, url: str) -> None:
    page.goto(f"{url}/courses/ml102/assignments/toy/scores")
    page.get_by_role("link", name="release them").click()
    page.get_by_label("Hold points and reasons back").uncheck()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status").first).to_contain_text("Saved: release.")


def _asks(page: Page, javascript: bool) -> None:
    """Ask for a regrade of the only check that has lost points."""
    page.locator(".worth a").click()
    page.get_by_label("Ask for a regrade of").select_option(index=0)
    page.get_by_label("Why should the points change?").fill("The sign is what the handout says.")
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(page.locator("#requests").get_by_text("open")).to_be_visible()
    accessible(page, javascript)


def _answers(page: Page, url: str) -> None:
    page.goto(f"{url}/courses/ml102/requests")
    page.get_by_role("table").get_by_role("link").last.click()
    page.get_by_label("Answer", exact=True).fill("You are right.")
    page.get_by_label("New points; empty if they stay").fill("2")
    page.get_by_role("button", name="Answer", exact=True).click()
    expect(page.locator("#requests").get_by_text("answered")).to_be_visible()
