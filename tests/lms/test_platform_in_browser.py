"""The platform's pages in Chromium: a launch in a frame, with the platform's storage, and one in a new window."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, sync_playwright

from tests.journeys.test_report_in_browser import CHROMIUM, FLAGS
from tests.lms.platforms import platform_one
from tests.lms.tool import HandMade, hand_made

pytestmark = pytest.mark.long

STORING = """
<p>The tool</p><output></output>
<script>
addEventListener("message", ({data, origin}) => {
  if (data.subject === "lti.put_data.response")
    store.postMessage({subject: "lti.get_data", message_id: "2", key: "state"}, "*");
  if (data.subject === "lti.get_data.response")
    document.querySelector("output").textContent = `${data.value} ${origin}`;
});
const store = STORE;
store.postMessage({subject: "lti.put_data", message_id: "1", key: "state", value: "kept"}, "*");
</script>
"""
"""The tool's page: it keeps a value at the platform, asks for it, and shows it."""


@pytest.fixture(scope="module")
def tool() -> Iterator[HandMade]:
    with platform_one() as platform, hand_made(platform) as made:
        made.add_by_hand()
        platform.add_course("ml", "Machine learning", made.deployment)
        platform.add_person("ann")
        platform.put_member("ml", "ann", "Learner")
        yield made


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser.new_page()
        browser.close()


def opened(tool: HandMade, page: Page, **how: Any) -> None:
    link = tool.platform.add_link("ml", "Toy")
    page.goto(tool.platform.launch("ann", "ml", link["id"], **how)["page"])


@pytest.mark.parametrize(
    ("target", "store"), [("_parent", "window.parent"), ("storage", 'window.parent.frames["storage"]')]
)
def test_a_tool_in_a_frame_keeps_its_data_at_the_platform(tool: HandMade, page: Page, target: str, store: str) -> None:
    tool.platform.set(storage_target=target)
    tool.page = STORING.replace("STORE", store)
    opened(tool, page)
    output = page.frame_locator("iframe[name=tool]").locator("output", has_text="kept")
    output.wait_for()
    assert output.text_content() == f"kept {tool.platform.issuer}"
    assert tool.logins[-1]["lti_storage_target"] == target


def test_a_tool_opens_in_a_new_window(tool: HandMade, page: Page) -> None:
    tool.page = "<p>The tool</p>"
    opened(tool, page, target="window")
    with page.expect_popup() as window:
        page.get_by_role("button", name="Open the tool").click()
    window.value.get_by_text("The tool").wait_for()
    assert tool.claims()["sub"] == "ann"
