"""Login links as people meet them, in Chromium, against a real server."""

from __future__ import annotations

import datetime as dt
import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import pytest
import uvicorn
from playwright.sync_api import Browser, sync_playwright

from grader.api.app import create_app
from grader.assignments import catalogue
from grader.service import Service, login_link
from tests.api.world import World, living
from tests.conftest import write_toy
from tests.journeys.test_report_in_browser import CHROMIUM, FLAGS

pytestmark = pytest.mark.long


@dataclass(frozen=True)
class Running:
    world: World
    service: Service
    browser: Browser

    @property
    def url(self) -> str:
        return self.service.settings.url

    def link(self, next: str = "/") -> str:
        with self.service.store.write() as tx:
            return login_link(tx, self.service.settings, self.world.people["ada"], dt.timedelta(days=1), next)


@contextmanager
def served(service: Service, listener: socket.socket) -> Iterator[None]:
    server = uvicorn.Server(uvicorn.Config(create_app(service), log_config=None))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("login")
    toy = write_toy(folder / "assignments")
    with living(folder, catalogue.load(toy), {}) as world, socket.socket() as listener, sync_playwright() as playwright:
        listener.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        service = replace(world.service, settings=world.service.settings.model_copy(update={"url": url}))
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        with served(service, listener):
            yield Running(world, service, chromium)
        chromium.close()


def test_a_link_is_one_button_and_its_token_stands_in_no_address_and_no_log(
    running: Running, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    link = running.link()
    token = link.rpartition("#token=")[2]
    with running.browser.new_context() as context:
        page = context.new_page()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(f"{request.url} {request.headers}"))
        page.goto(link)
        page.wait_for_function("!location.hash")
        assert not page.get_by_label("Your login link").is_visible()
        page.get_by_role("button", name="Log in").click()
        page.wait_for_url(lambda url: "/login" not in url)
        (cookie,) = context.cookies()
    assert (cookie["name"], cookie["httpOnly"], cookie["sameSite"]) == ("grader", True, "Lax")
    assert any("POST /login" in line for line in caplog.messages)
    assert not [line for line in (*asked, *caplog.messages) if token in line]


def test_a_link_pasted_while_the_login_page_is_open_is_taken(running: Running) -> None:
    with running.browser.new_context() as context:
        page = context.new_page()
        page.goto(f"{running.url}/login")
        page.goto(running.link())  # which loads nothing: only what is behind the # changes
        page.wait_for_function("!location.hash", timeout=5_000)
        page.get_by_role("button", name="Log in").click()
        page.wait_for_url(lambda url: "/login" not in url)
        assert [cookie["name"] for cookie in context.cookies()] == ["grader"]


def test_without_javascript_the_link_is_pasted(running: Running) -> None:
    with running.browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(running.link())
        page.get_by_label("Your login link").fill(running.link())
        page.get_by_role("button", name="Log in", exact=True).click()
        page.wait_for_url(lambda url: "/login" not in url)
        assert [cookie["name"] for cookie in context.cookies()] == ["grader"]


@pytest.mark.parametrize("javascript", [True, False])
def test_a_link_leads_to_a_password_and_the_password_logs_in(running: Running, javascript: bool) -> None:
    link = running.link("/settings")
    with running.browser.new_context(java_script_enabled=javascript) as context:
        page = context.new_page()
        page.goto(link)
        if not javascript:
            page.get_by_label("Your login link").fill(link)
        page.get_by_role("button", name="Log in", exact=True).click()
        page.wait_for_url("**/settings")
        page.get_by_label("New password").fill("correct horse battery")
        page.get_by_role("button", name="Set password").or_(page.get_by_role("button", name="Change password")).click()
        page.get_by_text("Your password is set.").wait_for()
        page.get_by_role("button", name="Log out", exact=True).click()
        page.get_by_label("Login", exact=True).fill("ada")
        page.get_by_label("Password", exact=True).fill("correct horse battery")
        page.get_by_role("button", name="Log in with a password").click()
        page.wait_for_url(lambda url: "/login" not in url)
        page.goto(f"{running.url}/settings")
        assert page.get_by_role("row").filter(has_text="this one").get_by_text("the password").is_visible()


@pytest.mark.parametrize("path", ["login", "logout"])
def test_another_sites_page_can_neither_log_a_browser_in_nor_out(running: Running, path: str) -> None:
    token = running.link().rpartition("#token=")[2]
    form = f'<form method=post action="{running.url}/{path}"><input name=token value="{token}"><button>Win</button>'
    with running.browser.new_context() as context:
        page = context.new_page()
        page.route("http://evil.example/", lambda route: route.fulfill(body=form, content_type="text/html"))
        page.goto("http://evil.example/")
        with page.expect_response(f"{running.url}/{path}") as answer:
            page.get_by_role("button").click()
        assert answer.value.status == 403
        assert context.cookies() == []
