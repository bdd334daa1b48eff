"""A grader reads one question of fifty students by keyboard, in Chromium, against a real service."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from playwright.sync_api import Browser, Page, expect

from grader.assignments import catalogue
from grader.derivations.opinions import opinions
from grader.dispatch.lane import lanes_of
from grader.model import Report, Written
from grader.model.answers import digest_of
from grader.settings import Settings
from grader.store import offerings, people
from grader.store.database import Tx
from grader.store.records import Course, Offering, Person, Role
from tests.conftest import ROOT
from tests.journeys.classroom import ASSIGNMENT, COURSE, Classroom, graded, member, serving
from tests.journeys.test_pages_in_browser import Visitor, browser, logged_in
from tests.unit.render import samples

__all__ = ["browser"]

STUDENTS = 50
QUESTION = "q1.1"
OF_ASSIGNMENT = f"/courses/{COURSE}/assignments/{ASSIGNMENT}"
READING = f"{OF_ASSIGNMENT}/reading"
RIGHT = r"$$\frac{\partial J}{\partial a^{(2)}} = \hat{y} - y$$"
WRONG = r"$$\frac{\partial J}{\partial a^{(2)}} = y - \hat{y}$$"
HOSTILE = "<script>document.title = 'owned'</script> $\\href{javascript:alert(1)}{x}$ =HYPERLINK(1)"


def answer_of(number: int) -> str:
    """Three write the same; the others differ in words and in what is right."""
    if number < 3:
        return RIGHT
    if number == 3:
        return HOSTILE
    return f"With the chain rule, in {number} steps:\n\n{RIGHT if number % 2 else WRONG}"


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Classroom]:
    with serving(tmp_path_factory.mktemp("reading"), _populate) as room:
        yield room


def _populate(tx: Tx) -> tuple[Person, Person]:
    ps4 = catalogue.load(ROOT / "reference" / ASSIGNMENT)
    people.add_course(tx, Course(COURSE, "Machine Learning"))
    offerings.put_offering(tx, Offering(COURSE, ASSIGNMENT))
    grace = member(tx, "Grace Hopper", Role.STAFF)
    lane = lanes_of([ps4], Settings().runtime)[ASSIGNMENT]
    students = [member(tx, f"Student {n}", Role.STUDENT) for n in range(STUDENTS)]
    thinks = {formula: opinions(ps4.known_questions, {QUESTION: formula})[QUESTION] for formula in (RIGHT, WRONG)}
    report = replace(samples.perfect(), evidence=())  # its curves would take longest
    for number, student in enumerate(students):
        answer = answer_of(number)
        opinion = next((thinks[formula] for formula in thinks if formula in answer), None)
        written = Written(QUESTION, "Gradient", ps4.questions[QUESTION].points, True, answer, (4,), opinion)
        graded(tx, student, _answering(report, written), lane)
    return students[0], grace


def _answering(report: Report, written: Written) -> Report:
    parts = [replace(part, written=()) for part in report.parts]
    return replace(report, parts=(replace(parts[0], written=(written,)), *parts[1:]))


@pytest.fixture(scope="module")
def grace(browser: Browser, room: Classroom) -> Iterator[Visitor]:
    visitor = logged_in(browser, room, room.grace)
    yield visitor
    visitor.page.context.close()


def scores(page: Page, url: str) -> dict[str, str]:
    """Student → points, as the staff's table shows them."""
    page.goto(f"{url}{OF_ASSIGNMENT}/scores")
    found = {}
    for row in page.locator("tbody tr").all():
        name = row.locator("th").inner_text().splitlines()[0].split(" student.")[0]
        found[name.strip()] = row.locator("td strong").first.inner_text()
    return found


def arrived(page: Page, from_: str) -> None:
    page.wait_for_function("from => location.href !== from && document.readyState === 'complete'", arg=from_)


def read_everything(page: Page) -> int:
    """By keyboard alone; returns how many answers there were."""
    read = 0
    while page.url.split("/")[-2] == QUESTION:
        here = page.url
        source = page.locator("details pre").text_content() or ""
        if "agree" in [b.get_attribute("value") for b in page.locator("button[name=action]").all()]:
            page.keyboard.press("a")
        else:
            page.keyboard.press("2" if WRONG in source else "3")
            page.keyboard.press("Enter")
        arrived(page, here)
        read += 1
    return read


def test_a_grader_reads_fifty_students_by_keyboard_and_every_total_follows_the_rubric(
    grace: Visitor, room: Classroom
) -> None:
    page = grace.page
    before = scores(page, room.url)
    assert set(before.values()) == {"40"}

    page.goto(f"{room.url}{READING}/{QUESTION}")
    expect(page.get_by_text("0 read")).to_be_visible()
    page.get_by_role("button", name="begin with right").click()
    expect(page.get_by_text("Half right")).to_be_visible()
    page.wait_for_function("() => document.readyState === 'complete'")
    grace.photographs("paper")
    assert read_everything(page) == STUDENTS - 2  # three wrote the same
    expect(page.get_by_text("48 of 48")).to_be_visible()
    grace.photographs("reading")

    after = scores(page, room.url)
    wrong = [f"Student {n}" for n in range(4, STUDENTS, 2)]
    assert {after[name] for name in wrong} == {"42.5"}
    assert {after[f"Student {n}"] for n in (0, 1, 2, 5, 49)} == {"45"}

    page.goto(f"{room.url}{READING}/{QUESTION}/rubric")
    grace.photographs("rubric")
    page.get_by_label("Points").nth(1).fill("1.25")
    page.get_by_role("button", name="Change").nth(1).click()
    page.wait_for_load_state()
    changed = scores(page, room.url)
    assert {changed[name] for name in wrong} == {"41.25"}
    assert {name: changed[name] for name in after if name not in wrong} == {
        name: after[name] for name in after if name not in wrong
    }
    assert grace.complaints == []


def test_what_a_student_wrote_is_shown_and_never_obeyed(grace: Visitor, room: Classroom) -> None:
    page = grace.page
    page.goto(f"{room.url}{READING}/{QUESTION}/{digest_of(HOSTILE)}")
    assert "owned" not in page.title()
    assert page.locator("a[href^=javascript]").count() == 0
    expect(page.locator(".prose")).to_contain_text("<script>")
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
