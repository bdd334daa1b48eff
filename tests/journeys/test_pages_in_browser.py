"""The pages as people meet them, in Chromium, against a real service that really trains on MNIST.

Where GRADER_TEST_PICTURES names a folder, pictures of the pages are written to it; those in docs/pictures are made so.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.conftest import ROOT
from tests.journeys.classroom import ASSIGNMENT, COURSE, Classroom, classroom
from tests.journeys.test_report_in_browser import CHROMIUM, DESK, FLAGS, PHONE

pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason="needs Debian's chromium: apt-get install chromium")

PICTURES = os.environ.get("GRADER_TEST_PICTURES", "")
GRADED_WITHIN = 240_000
"""Milliseconds, on a loaded machine."""
OF_ASSIGNMENT = f"/courses/{COURSE}/assignments/{ASSIGNMENT}"


@dataclass
class Visitor:
    page: Page
    url: str
    complaints: list[str] = field(default_factory=list)

    def goes(self, path: str) -> None:
        self.page.goto(self.url + path)

    def photographs(self, name: str, *, whole: bool = False) -> None:
        """On a desk by day and by night, and on a phone, where pictures are asked for."""
        if not PICTURES:
            return
        Path(PICTURES).mkdir(parents=True, exist_ok=True)
        for kind, size, scheme in (("", DESK, "light"), ("-dark", DESK, "dark"), ("-phone", PHONE, "light")):
            self.page.set_viewport_size({"width": size[0], "height": size[1]})
            self.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            self.page.screenshot(path=Path(PICTURES, f"{name}{kind}.png"), full_page=whole)
        self.page.set_viewport_size({"width": DESK[0], "height": DESK[1]})
        self.page.emulate_media(color_scheme="light")


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Classroom]:
    with classroom(tmp_path_factory.mktemp("classroom")) as room:
        yield room


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


def logged_in(browser: Browser, room: Classroom, person: Any, **options: Any) -> Visitor:
    context = browser.new_context(viewport={"width": DESK[0], "height": DESK[1]}, reduced_motion="reduce", **options)
    page = context.new_page()
    visitor = Visitor(page, room.url)
    page.on("console", lambda message: visitor.complaints.append(message.text))
    page.on("pageerror", lambda error: visitor.complaints.append(str(error)))
    page.goto(room.link(person))
    page.wait_for_function("!location.hash")
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(f"{room.url}/")
    return visitor


@pytest.fixture(scope="module")
def ada(browser: Browser, room: Classroom) -> Iterator[Visitor]:
    visitor = logged_in(browser, room, room.ada)
    yield visitor
    visitor.page.context.close()


def test_a_student_hands_in_sees_progress_move_and_gets_the_report(ada: Visitor) -> None:
    page = ada.page
    page.get_by_role("link", name="A two-layer perceptron").click()
    page.get_by_label("Drop your files here").set_input_files(ROOT / "submissions" / "perfect" / "mlp.py")
    ada.photographs("assignment")
    page.get_by_role("button", name="Hand in").click()
    page.wait_for_url("**/submissions/*")
    used = page.locator(".figures").first
    expect(used).to_contain_text("CPU seconds used", timeout=60_000)
    ada.photographs("progress")
    before = used.inner_text()
    page.wait_for_function(
        "before => { const f = document.querySelector('.figures'); return !f || f.innerText !== before; }",
        arg=before,
        timeout=30_000,
    )
    expect(page.get_by_role("heading", name="Nothing to fix")).to_be_visible(timeout=GRADED_WITHIN)
    assert page.locator(".total").inner_text().startswith("40 of 40 points")
    assert page.get_by_role("img").count() == 5
    ada.photographs("report")
    ada.photographs("report-whole", whole=True)
    assert ada.complaints == []
