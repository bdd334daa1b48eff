"""report.html as people meet it: opened from disk in Chromium, on a desk, at night, on a phone, on paper."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from grader.model import Report
from grader.render import formulas
from tests.unit.render import samples

pytestmark = pytest.mark.long

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
DESK, PHONE = (1280, 800), (400, 800)
EVERY_SAMPLE = ["wrong", "weak", "very_wrong", "unreadable", "code_only", "quick", "precheck", "hostile"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@dataclass
class Opened:
    page: Page
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def ask(self, script: str) -> Any:
        return self.page.evaluate(script)


class Desk:
    """Opens reports from disk and remembers everything that the browser had to say about them."""

    def __init__(self, browser: Browser, folder: Path) -> None:
        self._browser = browser
        self._folder = folder

    def open(self, report: Report, size: tuple[int, int] = DESK, scheme: Any = "light") -> Opened:
        file = self._folder / "report.html"
        file.write_text(samples.drawn(report), encoding="utf-8")
        page = self._browser.new_page(
            viewport={"width": size[0], "height": size[1]}, color_scheme=scheme, reduced_motion="reduce"
        )
        opened = Opened(page)
        page.on("console", lambda message: opened.complaints.append(message.text))
        page.on("pageerror", lambda error: opened.complaints.append(str(error)))
        page.on("dialog", lambda dialog: opened.complaints.append(dialog.message))
        page.on("request", lambda request: opened.requests.append(request.url))
        page.goto(file.as_uri())
        return opened


@pytest.fixture
def desk(browser: Browser, tmp_path: Path) -> Iterator[Desk]:
    before = set(browser.contexts)
    yield Desk(browser, tmp_path)
    for context in set(browser.contexts) - before:
        context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["wrong", "weak"])
def test_the_total_and_every_reason_stand_on_the_first_screen(desk: Desk, name: str, scheme: str) -> None:
    report = getattr(samples, name)()
    opened = desk.open(report, DESK, scheme)
    assert opened.page.locator(".total").bounding_box()["y"] < 200  # type: ignore[index]
    for check in report.lost:
        box = opened.page.locator("#fix").get_by_text(check.reason, exact=True).bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= 800


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize("name", EVERY_SAMPLE)
def test_nothing_is_complained_about_loaded_or_cut_off(
    desk: Desk, name: str, size: tuple[int, int], scheme: str
) -> None:
    opened = desk.open(getattr(samples, name)(), size, scheme)
    assert opened.complaints == []
    assert [url for url in opened.requests if not url.startswith(("file:", "data:"))] == []
    assert opened.ask("document.documentElement.scrollWidth") <= size[0]
    # Words in pictures may not leave them either; the longest are the legends.
    sticking_out = """() => [...document.querySelectorAll('svg text')]
        .filter(t => t.getBoundingClientRect().right > innerWidth).map(t => t.textContent)"""
    assert opened.ask(sticking_out) == []


def test_hostile_words_do_nothing(desk: Desk) -> None:
    opened = desk.open(samples.hostile())
    opened.page.wait_for_timeout(200)
    assert opened.complaints == []
    assert opened.page.title() == "ps4: 36 of 40 autograded · 36 points await marking · 4 points not submitted"
    assert opened.ask("document.querySelectorAll('script, img, iframe, [onerror]').length") == 0
    assert opened.ask("document.querySelectorAll('h1').length") == 1
    words = opened.page.locator("body").inner_text()
    assert samples.SCRIPT in words
    assert "\\u202etxet desrever" in words
    assert "\\x1b[2J" in words
    assert not any(c in words for c in "\x1b\x9b\u202e")


CONTRASTS = """() => {
  const channels = c => c.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b]
    .map(v => v / 255).map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = e => {
    for (; e; e = e.parentElement) {
      const c = channels(getComputedStyle(e).backgroundColor);
      if (c.length === 3 || c[3] > 0) return c;
    }
  };
  const speaks = e => [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim());
  return [...document.querySelectorAll('body *:not(svg *)')].filter(speaks).map(e => {
    const [a, b] = [light(channels(getComputedStyle(e).color)), light(ground(e))];
    return [(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), e.textContent.trim().slice(0, 40)];
  }).filter(([contrast]) => contrast < 4.5);
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["quick", "precheck"])
def test_every_word_has_the_contrast_that_wcag_aa_asks_for(desk: Desk, name: str, scheme: str) -> None:
    assert desk.open(getattr(samples, name)(), DESK, scheme).ask(CONTRASTS) == []


def test_a_keyboard_reaches_everything_that_can_be_opened(desk: Desk) -> None:
    page = desk.open(samples.wrong()).page
    page.keyboard.press("Tab")
    assert page.locator(":focus").inner_text() == "To the report"
    summary = page.locator("summary")
    summary.focus()
    page.keyboard.press("Enter")
    assert page.get_by_role("table", name="Time used by each section").is_visible()


def test_landmarks_and_headings_tell_the_page_without_looking(desk: Desk) -> None:
    page = desk.open(samples.quick()).page
    for landmark in ("banner", "navigation", "main", "contentinfo", "complementary"):
        assert page.get_by_role(landmark).count() == 1
    levels = [int(h.evaluate("e => e.tagName")[1]) for h in page.locator("h1, h2, h3").all()]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    targets = page.locator("a[href^='#']").evaluate_all("links => links.map(a => a.getAttribute('href'))")
    for target in targets:
        assert page.locator(f"[id='{target[1:]}']").count() == 1


def test_on_paper_it_is_black_on_white_and_complete(desk: Desk) -> None:
    opened = desk.open(samples.wrong(), DESK, "dark")
    opened.page.emulate_media(media="print", color_scheme="dark")
    assert opened.ask("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert not opened.page.get_by_role("navigation").is_visible()
    assert opened.page.get_by_role("table", name="Time used by each section").is_visible()


def test_a_formula_that_would_crash_the_browser_stays_as_it_was_written(browser: Browser) -> None:
    static = Path(formulas.__file__).parents[1] / "api" / "static"
    nested, plain = r"\sqrt{" * 300 + "x" + "}" * 300, r"\frac{\partial L}{\partial W} = \sqrt{\sqrt{x}}"
    page = browser.new_page()
    page.set_content(
        f'<!doctype html><p class="tex" data-tex="{nested}">{nested}</p><p class="tex" data-tex="{plain}"></p>'
    )
    page.add_style_tag(path=static / "katex" / "katex.min.css")
    page.add_script_tag(path=static / "katex" / "katex.min.js")
    page.add_script_tag(path=static / "tex.js")
    assert page.locator(".tex").first.inner_text() == nested
    assert page.locator(".tex.set").count() == 1
    page.close()
