"""Every page through axe-core and on a phone, in light and dark: the pages of the service as the table of
`test_who_sees_what.py` names them, and files of reports and of a class. `docs/accessibility.md` says what this shows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from grader.cli.batch import app
from tests import classes
from tests.api.serving import serving
from tests.api.test_who_sees_what import OPEN, TABLE, WHO, Row, Scene, _parameters, scene
from tests.conftest import write_toy
from tests.journeys.test_report_in_browser import DESK, EVERY_SAMPLE, PHONE, browser
from tests.unit.render import samples

pytestmark = pytest.mark.long

__all__ = ["browser", "scene"]  # fixtures

NO_PAGES = re.compile(r"GET (/api/|/healthz|/readyz|/metrics|/login/\{name\}|/lti/|/\.well-known/|.*\.(csv|zip|toml)$)")
VISITS = [
    (row, who)
    for row in (*TABLE, Row("GET /nowhere", OPEN))
    if row.route.startswith("GET ") and not NO_PAGES.match(row.route)
    for who, mark in zip(WHO, row.who, strict=True)
    if mark == "+" and who in ("nobody", "ada", "grace", "root")
]
VIEWS = [(DESK, "light"), (DESK, "dark"), (PHONE, "light"), (PHONE, "dark")]


@pytest.fixture(scope="module")
def address(scene: Scene) -> Iterator[str]:
    with serving(scene.world) as (host, port):
        yield f"http://{host}:{port}"


def violations(page: Page) -> list[str]:
    """What axe-core and the width of a phone have to say, a line for each."""
    found = []
    for (width, height), scheme in VIEWS:
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        for violation in Axe().run(page).response["violations"]:
            found += [
                f"{width} {scheme} {violation['id']}: {node['target']} {node['html'][:160]}"
                for node in violation["nodes"]
            ]
        if page.evaluate("document.documentElement.scrollWidth") > width:
            found.append(f"{width}: wider than the window")
    return found


def require_none(browser: Browser, url: str, headers: dict[str, str] | None = None, language: str = "en-GB") -> None:
    context = browser.new_context(extra_http_headers=headers, reduced_motion="reduce", locale=language)
    page = context.new_page()
    page.goto(url)
    found = violations(page)
    context.close()
    assert not found, "\n".join(found)


@pytest.mark.parametrize(("row", "who"), VISITS, ids=lambda value: getattr(value, "route", value))
def test_axe_finds_nothing_on_a_page(browser: Browser, scene: Scene, address: str, row: Row, who: str) -> None:
    path = row.route.removeprefix("GET ").format(**_parameters(scene, row))
    headers = {} if who == "nobody" else scene.world.headers(who)
    require_none(browser, address + path, headers, "de-DE" if who == "root" else "en-GB")


# ── files ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def class_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a batch writes for a class of fifty."""
    folder = tmp_path_factory.mktemp("class")
    pupils = classes.fifty()
    export = classes.canvas(pupils, folder / "submissions.zip")
    roster = classes.roster(pupils, folder / "roster.csv")
    toy = write_toy(folder / "assignments")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADER_HOME", str(folder / "home"))
        told = [export, "-o", folder / "out", "-a", toy, "--roster", roster, "--similar"]
        assert app([str(argument) for argument in told], standalone_mode=False) in (0, None)
    return folder / "out"


@pytest.mark.parametrize("name", ["class.html", "similar.html"])
def test_axe_finds_nothing_in_the_files_of_a_class(browser: Browser, class_folder: Path, name: str) -> None:
    require_none(browser, (class_folder / name).as_uri())


@pytest.mark.parametrize("name", EVERY_SAMPLE)
def test_axe_finds_nothing_in_the_file_of_a_report(browser: Browser, tmp_path: Path, name: str) -> None:
    file = tmp_path / "report.html"
    file.write_text(samples.drawn(getattr(samples, name)()), encoding="utf-8")
    require_none(browser, file.as_uri())
