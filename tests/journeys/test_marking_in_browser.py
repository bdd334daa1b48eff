"""A marker marks one question of a hundred students by keyboard, in Chromium, against a real service."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest
from playwright.sync_api import Browser, Page, expect

from grader.assignments import catalogue
from grader.derivations.opinions import opinions
from grader.model import Report, Written
from grader.model.answers import digest_of
from grader.settings import Settings
from grader.store import offerings, people
from grader.store.database import Tx
from grader.store.records import Course, Offering, Person, Role
from grader.workers.compatibility import compatibility_keys
from tests.conftest import ROOT
from tests.journeys.classroom import ASSIGNMENT, COURSE, SECRET, Classroom, graded, member, serving
from tests.journeys.simulated_class import QUESTION, draw
from tests.journeys.test_pages_in_browser import Visitor, browser, grace, logged_in
from tests.unit.render import samples

pytestmark = pytest.mark.long

__all__ = ["browser", "grace"]

CLASS = draw(seed=585)
KIND_OF = {answer: kind for kind, answer in CLASS}
KEY_OF = {"right": "1", "plain": "1", "column": "2", "false step": "2", "right, then more": "2"}
"""Kind of answer → key of the rubric item that it deserves, Not right for all others."""
POINTS = {"1": 5.0, "2": 2.5, "3": 0.0}
OTHER_QUESTION = "q1.1"
HOSTILE = "<script>document.title = 'owned'</script> $\\href{javascript:alert(1)}{x}$ =HYPERLINK(1)"
PLAIN = ("$$h^{(2)} - y$$", "$$\\hat y - y$$", "No idea.", "I forgot.")
"""Of the first students, to the other question."""
OF_ASSIGNMENT = f"/courses/{COURSE}/assignments/{ASSIGNMENT}"
MARKING = f"{OF_ASSIGNMENT}/marking"


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Classroom]:
    with serving(tmp_path_factory.mktemp("marking"), _populate) as room:
        yield room


def _populate(tx: Tx) -> tuple[Person, Person]:
    ps4 = catalogue.load(ROOT / "reference" / ASSIGNMENT)
    people.add_course(tx, Course(COURSE, "Machine Learning"))
    offerings.put_offering(tx, Offering(COURSE, ASSIGNMENT))
    grace = member(tx, "Grace Hopper", Role.STAFF)
    lane = compatibility_keys([ps4], Settings().runtime, SECRET.encode())[ASSIGNMENT]
    students = [member(tx, f"Student {n}", Role.STUDENT) for n in range(len(CLASS))]
    report = replace(samples.perfect(), evidence=())  # its curves would take longest
    others = dict(enumerate((HOSTILE, *PLAIN)))
    for number, (student, (_, answer)) in enumerate(zip(students, CLASS, strict=True)):
        given = {id: text for id, text in ((OTHER_QUESTION, others.get(number, "")), (QUESTION, answer)) if text}
        found = opinions(ps4.known_questions, given)
        written = [
            Written(id, "Gradient", ps4.questions[id].points, id in given, given.get(id, ""), (4,), found.get(id))
            for id in (OTHER_QUESTION, QUESTION)
        ]
        graded(tx, student, _answering(report, written), lane)
    return students[next(n for n, (kind, _) in enumerate(CLASS) if kind == "right")], grace


def _answering(report: Report, written: list[Written]) -> Report:
    parts = [replace(part, written=()) for part in report.parts]
    return replace(report, parts=(replace(parts[0], written=tuple(written)), *parts[1:]))


@dataclass
class Keyboard:
    """Counts the keys."""

    page: Page
    pressed: int = 0

    def press(self, key: str) -> None:
        """A key that stays on the page."""
        self.page.keyboard.press(key)
        self.pressed += 1

    def go(self, key: str) -> None:
        """A key that leads to another page, or to the same anew."""
        self.page.evaluate("() => { window.old = true; }")
        self.press(key)
        self.page.wait_for_function("() => !window.old && document.readyState === 'complete'")


def scores(page: Page, url: str) -> dict[str, float]:
    """Student → points, as the staff's table shows them."""
    page.goto(f"{url}{OF_ASSIGNMENT}/scores")
    found = {}
    for row in page.locator("tbody tr").all():
        name = row.locator("th").inner_text().splitlines()[0].split(" student.")[0]
        found[name.strip()] = float(row.locator("td strong").first.inner_text())
    return found


def expected(points: dict[str, float]) -> dict[str, float]:
    keys = [KEY_OF.get(kind, "3") if answer else "" for kind, answer in CLASS]
    return {f"Student {n}": 40 + points.get(key, 0) for n, key in enumerate(keys)}


def kinds_shown(page: Page) -> list[str]:
    """Of the answers of a group."""
    return [KIND_OF[pre.text_content() or ""] for pre in page.locator(".distinct details pre").all()]


def test_a_class_of_a_hundred_is_marked_with_few_keys_and_every_total_follows_the_rubric(
    grace: Visitor, room: Classroom
) -> None:
    page, keyboard = grace.page, Keyboard(grace.page)
    page.goto(f"{room.url}{MARKING}/{QUESTION}")
    answers = len({answer for _, answer in CLASS if answer})
    expect(page.get_by_text(f"0 of {answers} answers marked")).to_be_visible()
    grace.photographs("marking")
    keyboard.go("n")
    keyboard.go("r")
    grace.photographs("marking-group")
    decisions = 0
    while "/groups/" in page.url:
        (key,) = {KEY_OF.get(kind, "3") for kind in kinds_shown(page)}  # who means the same deserves the same
        keyboard.go(key)
        decisions += 1
    expect(page.get_by_text(f"{answers} of {answers} answers marked")).to_be_visible()
    print(f"{decisions} decisions, {keyboard.pressed} keys, {answers} different answers")
    assert decisions <= 25
    assert keyboard.pressed <= 50
    assert scores(page, room.url) == expected(POINTS)

    page.goto(f"{room.url}{MARKING}/{QUESTION}/rubric")
    grace.photographs("rubric")
    page.get_by_label("Points").nth(1).fill("1.25")
    page.get_by_role("button", name="Change").nth(1).click()
    page.wait_for_load_state()
    assert scores(page, room.url) == expected(POINTS | {"2": 1.25})
    assert grace.complaints == []


def test_keys_take_out_merge_undo_and_say_what_they_cannot_do(grace: Visitor, room: Classroom) -> None:
    page, keyboard = grace.page, Keyboard(grace.page)
    said, answers = page.locator("#status"), page.locator(".distinct")
    of = f"{room.url}{MARKING}/{OTHER_QUESTION}"
    page.goto(f"{of}/{digest_of(PLAIN[0])}")
    first = page.url
    expect(answers).to_have_count(2)  # both ways to write it
    keyboard.press("d")
    expect(said).to_have_text("Markers differ about no other group.")
    keyboard.press("1")
    expect(said).to_have_text("There is no rubric yet.")
    keyboard.press("Enter")
    expect(said).to_contain_text("first")
    keyboard.press("ArrowDown")
    chosen = page.locator(".distinct[data-chosen] pre").text_content()
    keyboard.go("x")
    assert page.url == first
    expect(answers).to_have_count(1)
    assert page.locator(".distinct pre").text_content() != chosen
    keyboard.press("x")
    expect(said).to_have_text("The answer is alone in its group.")
    keyboard.go("u")
    assert page.url == first
    expect(answers).to_have_count(2)

    page.goto(f"{of}/{digest_of(PLAIN[2])}")
    keyboard.press("m")
    other = page.locator("#into option", has_text="forgot").get_attribute("value")
    page.locator("#into").select_option(other)
    keyboard.go("Enter")
    assert page.url.endswith(str(other))
    expect(answers).to_have_count(2)
    keyboard.go("r")
    expect(page.locator("fieldset .tick")).to_have_count(3)
    while "/groups/" in page.url:
        keyboard.go("3")
    expect(page.get_by_text(re.compile(r"^5 of 5 answers marked"))).to_be_visible()
    keyboard.go("u")
    assert "/groups/" in page.url
    expect(page.get_by_text(re.compile(r"^[34] of 5 answers marked"))).to_be_visible()
    assert grace.complaints == []


def test_what_a_student_wrote_is_shown_and_never_obeyed(grace: Visitor, room: Classroom) -> None:
    page = grace.page
    page.goto(f"{room.url}{MARKING}/{OTHER_QUESTION}/{digest_of(HOSTILE)}")
    assert "owned" not in page.title()
    assert page.locator("a[href^=javascript]").count() == 0
    expect(page.locator(".distinct .prose")).to_contain_text("<script>")
    assert grace.complaints == []


def test_the_student_sees_points_items_and_comment(browser: Browser, room: Classroom) -> None:
    ada = logged_in(browser, room, room.ada)
    ada.page.get_by_role("link", name="A two-layer perceptron").click()
    ada.page.locator("tbody th a").first.click()
    answer = ada.page.locator(f'[id="answer-{QUESTION}"]')
    expect(answer).to_contain_text("5 of 5 points")
    expect(answer.locator(".katex").first).to_be_visible()
    assert "By machine" not in answer.inner_text()
    ada.page.context.close()
