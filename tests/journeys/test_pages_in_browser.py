"""The pages as people meet them, in Chromium, against a real service that really trains on MNIST.

Where GRADER_TEST_PICTURES names a folder, pictures of the pages are written to it: those that it has already are made
anew, an empty folder gets all. Those of the documentation are made so (`make pictures`).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tests.conftest import ROOT
from tests.documentation import DOCUMENTATION
from tests.journeys.classroom import ASSIGNMENT, COURSE, Classroom, classroom
from tests.journeys.test_report_in_browser import CONTRASTS, DESK, PHONE, browser

pytestmark = pytest.mark.long

__all__ = ["browser"]  # a fixture

PICTURES = os.environ.get("GRADER_TEST_PICTURES", "")
MADE_BEFORE = set(Path(PICTURES).glob("*.png")) if PICTURES else set()
VIEWS = (("", DESK, "light"), ("-dark", DESK, "dark"), ("-phone", PHONE, "light"))
SUBMISSIONS = ROOT / "submissions"
GRADED_WITHIN = 1_200_000
"""Milliseconds, on a machine that grades ten times as slowly as two calm cores."""
expect.set_options(timeout=60_000)  # a loaded machine is no bug
OF_ASSIGNMENT = f"/courses/{COURSE}/assignments/{ASSIGNMENT}"


@dataclass
class Visitor:
    page: Page
    url: str
    complaints: list[str] = field(default_factory=list)

    def goes(self, path: str) -> None:
        self.page.goto(self.url + path)

    def photographs(self, name: str) -> None:
        """On a desk by day and by night, and on a phone, where pictures are asked for."""
        for kind, size, scheme in VIEWS if PICTURES else ():
            file = Path(PICTURES, f"{name}{kind}.png")
            if MADE_BEFORE and file not in MADE_BEFORE:
                continue
            self.page.set_viewport_size({"width": size[0], "height": size[1]})
            self.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            self.page.screenshot(path=file)
            Image.open(file).convert("RGB").quantize(256, kmeans=3).save(file, optimize=True)  # small
        self.page.set_viewport_size({"width": DESK[0], "height": DESK[1]})
        self.page.emulate_media(color_scheme="light")


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Classroom]:
    with classroom(tmp_path_factory.mktemp("classroom")) as room:
        yield room


def logged_in(browser: Browser, room: Classroom, person: Any, **options: Any) -> Visitor:
    context = browser.new_context(viewport={"width": DESK[0], "height": DESK[1]}, reduced_motion="reduce", **options)
    context.set_default_timeout(GRADED_WITHIN)
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


@pytest.fixture(scope="module")
def grace(browser: Browser, room: Classroom) -> Iterator[Visitor]:
    visitor = logged_in(browser, room, room.grace)
    yield visitor
    visitor.page.context.close()


# ── the way of a student, and then of her teacher; each test goes on where the one before has ended ──────────────────


def test_a_student_submits_sees_progress_move_and_gets_the_report(ada: Visitor) -> None:
    page = ada.page
    page.get_by_role("link", name="A two-layer perceptron").click()
    page.get_by_label("Drop your files here").set_input_files(SUBMISSIONS / "perfect" / "mlp.py")
    page.get_by_role("button", name="Submit").click()
    page.wait_for_url("**/submissions/*")
    used = page.locator(".figures").first
    expect(used).to_contain_text(re.compile(r"trains: ([3-9]|\d\d+) of 240 CPU seconds used"), timeout=GRADED_WITHIN)
    ada.photographs("progress")
    before = used.inner_text()
    moved = "before => { const f = document.querySelector('.figures'); return !f || f.innerText !== before; }"
    page.wait_for_function(moved, arg=before, polling=500)  # by default at every frame, beside a training
    expect(page.get_by_role("heading", name="Nothing to fix")).to_be_visible(timeout=GRADED_WITHIN)
    assert page.locator(".total").inner_text().startswith("40 of 80 points")
    assert page.get_by_role("img").count() == 5
    assert re.search(r"\d\d .*(UTC|GMT|[A-Z]{3,4})", page.locator("time").first.inner_text())
    ada.photographs("report-perfect")
    assert ada.complaints == []


def test_without_javascript_a_pre_check_refreshes_itself_until_it_is_a_report(
    browser: Browser, room: Classroom, ada: Visitor
) -> None:
    context = browser.new_context(java_script_enabled=False, storage_state=ada.page.context.storage_state())
    context.set_default_timeout(GRADED_WITHIN)
    page = context.new_page()
    page.goto(room.url + OF_ASSIGNMENT)
    page.get_by_label("Drop your files here").set_input_files(SUBMISSIONS / "partly" / "mlp.py")
    page.get_by_role("button", name="Pre-check").click()
    expect(page.get_by_role("heading", name="What to fix first")).to_be_visible(timeout=GRADED_WITHIN)
    expect(page.get_by_text("This is not the grade.")).to_be_visible()
    context.close()


def test_the_history_says_what_the_second_attempt_has_lost(ada: Visitor) -> None:
    ada.goes(OF_ASSIGNMENT)
    rows = ada.page.locator(".history tbody tr")
    expect(rows).to_have_count(2)
    second, first = rows.all()
    assert "pre-check" in second.inner_text()
    assert "q2.2.W1" in second.inner_text()
    assert "this one counts" in first.inner_text()
    ada.photographs("assignment")


def test_staff_go_from_the_spread_of_scores_to_one_student_s_formulas(grace: Visitor) -> None:
    page = grace.page
    page.get_by_role("link", name="Scores").click()
    said = page.get_by_role("img").get_attribute("aria-label") or ""
    assert re.match(r"Scores of \d+ students: 4 from 0 to 8, 2 from 16 to 24,", said)
    grace.photographs("scores")
    page.get_by_role("link", name=re.compile("^Annie Easley")).click()
    expect(page.locator("#answer-q1\\.1\\.written .katex-display")).to_be_visible()
    assert page.locator("#answer-q1\\.1\\.written math").count() == 3  # which screen readers read
    grace.photographs("report")


ATTACKS = (
    r"\href{javascript:document.title='pwned'}{x}", r"\url{javascript:document.title='pwned'}",
    r"\includegraphics{http://evil.example/x.png}", r"\htmlStyle{position: fixed; inset: 0}{x}", r"\htmlId{main}{x}",
    r"\htmlData{events=/}{x}", r"\def\a{\a\a}\a", r"\rule{9999em}{9999em}", r"<img src=x onerror=alert(1)>",
    r"\text{<script>document.title = 'pwned'</script>}", r"\class{masthead}{x}", "\\unknown{", "x" * 4_000,
)  # fmt: skip
SET_ANEW = """attacks => new Promise(done => {
  const formulas = attacks.map(tex => {
    const formula = Object.assign(document.createElement("span"), {className: "tex", textContent: tex});
    formula.dataset.tex = tex;
    return formula;
  });
  document.querySelector(".prose").replaceChildren(...formulas);
  document.head.append(Object.assign(document.createElement("script"), {src: "/static/tex.js", onload: done}));
})"""


def test_hostile_formulas_are_shown_and_do_nothing(grace: Visitor) -> None:
    page, asked = grace.page, list[str]()
    grace.goes(f"{OF_ASSIGNMENT}/scores")
    page.get_by_role("link", name=re.compile("^Annie Easley")).click()
    expect(page.locator(".katex").first).to_be_visible()
    title = page.title()
    page.on("request", lambda request: asked.append(request.url))
    page.evaluate(SET_ANEW, list(ATTACKS))
    answer = page.locator(".prose").first
    assert page.title() == title
    assert answer.locator(".tex.set").count() > 0  # the script was run on them
    # Whether Chromium asks for these anew depends on its cache.
    assert set(asked) <= {f"{grace.url}/static/{name}" for name in ("tex.js", "icon.svg")}
    assert answer.locator("a, img, script, #main, .masthead, [data-events]").count() == 0
    assert not [
        s for s in answer.locator("[style]").evaluate_all("all => all.map(e => e.style.position)") if s == "fixed"
    ]
    assert page.evaluate("document.documentElement.scrollWidth") <= DESK[0]
    assert grace.complaints == []


def test_staff_see_what_most_have_lost_points_to(grace: Visitor) -> None:
    grace.goes(f"{OF_ASSIGNMENT}/failures")
    first = grace.page.locator(".diagnoses > li").first
    first.locator("summary").click()
    assert first.get_by_role("link").count() == int(first.locator("strong").inner_text())
    grace.photographs("failures")


def test_a_regrade_is_looked_at_before_it_counts(grace: Visitor) -> None:
    page = grace.page
    grace.goes(f"{OF_ASSIGNMENT}/scores")
    page.get_by_role("link", name=re.compile("^Betty Holberton")).click()
    page.get_by_role("button", name="Grade it again").click()
    page.wait_for_url("**/regrades/*")
    expect(page.get_by_role("button", name="Apply")).to_be_visible(timeout=GRADED_WITHIN)
    assert page.get_by_role("row", name="Betty Holberton").count() == 1
    grace.photographs("regrade")
    page.get_by_role("button", name="Discard").click()
    expect(page.get_by_role("heading", name="What it would have changed")).to_be_visible()
    assert grace.complaints == []


def test_staff_see_who_grades(grace: Visitor) -> None:
    grace.page.get_by_role("link", name="Queue").click()
    expect(grace.page.get_by_role("table", name="Workers")).to_contain_text("bubblewrap")
    grace.photographs("queue")


# ── for everybody ────────────────────────────────────────────────────────────────────────────────────────────────────

PATHS = ("/", OF_ASSIGNMENT, f"{OF_ASSIGNMENT}/scores", f"{OF_ASSIGNMENT}/failures", f"{OF_ASSIGNMENT}/regrades",
         f"{OF_ASSIGNMENT}/settings", f"/courses/{COURSE}", f"/courses/{COURSE}/people", f"/courses/{COURSE}/offer",
         f"/courses/{COURSE}/history", "/queue", "/settings", "/nowhere")  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
def test_a_page_has_contrast_fits_a_phone_and_is_reached_by_keyboard(grace: Visitor, path: str) -> None:
    page = grace.page
    grace.goes(path)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        assert page.evaluate(CONTRASTS) == [], scheme
    page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
    page.set_viewport_size({"width": DESK[0], "height": DESK[1]})
    page.keyboard.press("Tab")
    assert page.locator(":focus").inner_text() == "To the content"
    assert page.get_by_role("main").count() == page.get_by_role("heading", level=1).count() == 1
    page.emulate_media(color_scheme="light")


def test_the_documentation_shows_the_pictures_that_exist() -> None:
    shown = set(re.findall(r"pictures/([\w-]+\.png)", DOCUMENTATION))
    assert shown == {file.name for file in (ROOT / "docs" / "pictures").glob("*.png")}
