"""Browsers: a login link or a token becomes a session, and other sites' pages can do nothing with it."""

from __future__ import annotations

import asyncio
import datetime as dt
import re
import threading
from collections.abc import Iterable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from fastapi import FastAPI
from httpx2 import Response as Answer
from sqlalchemy import select, update
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from grader.api.identity import TheCaller, csrf_token
from grader.errors import StoreUnavailable
from grader.service import login_link
from grader.store import people
from grader.store.database import Tx, now
from grader.store.records import AccessToken, TokenKind
from grader.store.tables import tokens
from tests.api.world import SUBMISSIONS, World

TOKENS = "/api/v1/tokens"
A_DAY = dt.timedelta(days=1)


def link_token(world: World, login: str = "ada", lasts: dt.timedelta = A_DAY) -> str:
    with world.service.store.write() as tx:
        link = login_link(tx, world.service.settings, world.people[login], lasts)
    return link.rpartition("#token=")[2]


def log_in(world: World, token: str, **form: str) -> Answer:
    return world.client.post("/login", data={"token": token} | form, follow_redirects=False)


@pytest.fixture
def page_of_ours(world: World) -> str:
    """The address of a page that shows what its forms would hide."""

    def page(request: Request, _: TheCaller) -> Response:
        return PlainTextResponse(csrf_token(request))

    assert isinstance(world.client.app, FastAPI)
    world.client.app.add_api_route("/page-of-ours", page, response_model=None)
    return "/page-of-ours"


def test_a_link_logs_in_once(world: World) -> None:
    token = link_token(world)
    assert log_in(world, token).headers["location"] == "/"
    assert world.client.get("/api/v1/me").json()["login"] == "ada"
    world.client.cookies.clear()
    assert log_in(world, token).status_code == 403
    assert world.client.get("/api/v1/me").status_code == 401


def test_a_link_of_two_requests_at_once_logs_one_in(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both have looked it up before one uses it up."""
    token = link_token(world)
    both = threading.Barrier(2)
    lookup = people.token_holder

    def together(tx: Tx, secret: str, kinds: Iterable[TokenKind]) -> object:
        holder = lookup(tx, secret, kinds)
        if TokenKind.LOGIN in kinds:
            both.wait(10)
        return holder

    monkeypatch.setattr(people, "token_holder", together)
    with ThreadPoolExecutor(2) as browsers:
        answers = browsers.map(lambda _: log_in(world, token).status_code, range(2))
    assert sorted(answers) == [303, 403]


def test_a_link_is_kept_if_no_session_begins(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    token = link_token(world)

    def full(*_: object, **__: object) -> str:
        raise StoreUnavailable("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(people, "new_token", full)
        assert log_in(world, token).status_code == 503
    assert log_in(world, token).status_code == 303


def test_following_a_link_does_not_use_it_up(world: World) -> None:
    token = link_token(world)
    for address in ("/login", f"/login?token={token}"):  # a scanner may make a query of it
        assert world.client.get(address).status_code == 200
    assert log_in(world, token).status_code == 303


def test_the_whole_link_may_be_pasted(world: World) -> None:
    assert log_in(world, f"  http://127.0.0.1:8000/login#token={link_token(world)}\n").status_code == 303


def test_a_programs_token_may_be_pasted_and_stays(world: World) -> None:
    for _ in range(2):
        assert log_in(world, world.tokens["ada"]).status_code == 303
    assert world.client.get("/api/v1/me", headers=world.headers("ada")).status_code == 200


@pytest.mark.parametrize("token", ["", "x", "a" * 5000, "\x00", "é"])
def test_an_invalid_token_is_refused(world: World, token: str) -> None:
    answer = log_in(world, token)
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


def test_an_old_link_is_refused(world: World) -> None:
    assert log_in(world, link_token(world, lasts=dt.timedelta(seconds=-1))).status_code == 403


def test_a_session_is_no_bearer_token_and_a_bearer_token_no_session(world: World) -> None:
    log_in(world, link_token(world))
    session = world.client.cookies["grader"]
    world.client.cookies.clear()
    assert world.client.get("/api/v1/me", headers={"Authorization": f"Bearer {session}"}).status_code == 401
    world.client.cookies.set("grader", world.tokens["ada"])
    assert world.client.get("/api/v1/me").status_code == 401


def test_the_cookie_is_out_of_reach_for_scripts_and_other_sites(world: World) -> None:
    cookie = log_in(world, link_token(world)).headers["set-cookie"]
    assert re.search(r"; HttpOnly; Max-Age=15552000; Path=/; SameSite=lax$", cookie)


def test_a_login_does_not_reuse_a_session_that_was_planted_in_the_browser(world: World) -> None:
    log_in(world, link_token(world, "eve"))
    planted = world.client.cookies["grader"]
    log_in(world, link_token(world, "ada"))
    assert world.client.cookies["grader"] != planted
    world.client.cookies.clear()
    world.client.cookies.set("grader", planted)
    assert world.client.get("/api/v1/me").status_code == 401


def test_logging_out_ends_the_session_and_not_only_the_cookie(world: World, token_of_page: str) -> None:
    session = world.client.cookies["grader"]
    answer = world.client.post("/logout", data={"csrf": token_of_page}, follow_redirects=False)
    assert answer.headers["location"] == "/login"
    assert "grader" not in world.client.cookies
    world.client.cookies.set("grader", session)
    assert world.client.get("/api/v1/me").status_code == 401


def session_of(world: World, login: str = "ada") -> AccessToken:
    """Of the browser in which ada has logged in last."""
    with world.service.store.read() as tx:
        tokens = people.tokens_of(tx, world.people[login].id)
    return [token for token in tokens if token.kind is TokenKind.SESSION][-1]


def age(world: World, days: float) -> None:
    """Makes all tokens older, as if the time had passed."""
    with world.service.store.write() as tx:
        for row in tx.execute(select(tokens)).all():
            earlier = {"created_at": row.created_at - dt.timedelta(days=days)}
            if row.expires_at:
                earlier["expires_at"] = row.expires_at - dt.timedelta(days=days)
            tx.execute(update(tokens).filter_by(id=row.id).values(**earlier))


def use(world: World, session: str) -> None:
    """Makes the client the browser that has this session."""
    world.client.cookies.clear()
    world.client.cookies.set("grader", session)


def days_left(token: AccessToken) -> float:
    assert token.expires_at is not None
    return (token.expires_at - now()) / A_DAY


def test_a_session_ends_after_thirty_days_without_use(world: World) -> None:
    log_in(world, link_token(world))
    assert 29.9 < days_left(session_of(world)) <= 30
    age(world, 30.1)
    assert world.client.get("/api/v1/me").status_code == 401


def test_a_session_that_is_used_is_renewed_at_most_once_a_day(world: World) -> None:
    log_in(world, link_token(world))
    age(world, 0.9)
    world.client.get("/api/v1/me")
    assert 29 < days_left(session_of(world)) < 29.2
    age(world, 20)
    assert world.client.get("/api/v1/me").status_code == 200
    assert 29.9 < days_left(session_of(world)) <= 30


def test_a_session_ends_after_half_a_year_however_often_it_is_used(world: World) -> None:
    log_in(world, link_token(world))
    for _ in range(7):
        age(world, 25)
        assert world.client.get("/api/v1/me").status_code == 200
    assert 4.9 < days_left(session_of(world)) <= 5
    age(world, 5.1)
    assert world.client.get("/api/v1/me").status_code == 401


def test_a_session_of_a_token_ends_after_twelve_hours_and_is_not_renewed(world: World) -> None:
    log_in(world, world.tokens["ada"])
    age(world, 0.4)
    assert world.client.get("/api/v1/me").status_code == 200
    age(world, 0.11)
    assert world.client.get("/api/v1/me").status_code == 401


def test_where_the_database_cannot_be_written_a_session_is_read_and_not_renewed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    log_in(world, link_token(world))
    age(world, 10)

    def full() -> None:
        raise StoreUnavailable("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(world.service.store, "write", full)
        assert world.client.get("/api/v1/me").status_code == 200
    assert days_left(session_of(world)) < 21


def test_the_settings_page_lists_browsers_and_ends_them(world: World) -> None:
    world.client.headers["User-Agent"] = "Mozilla/5.0 (Windows NT 10.0; rv:140.0) Gecko/20100101 Firefox/140.0"
    log_in(world, link_token(world))
    elsewhere = world.client.cookies["grader"]
    world.client.cookies.clear()
    log_in(world, link_token(world))
    page = world.client.get("/settings").text
    assert page.count('Firefox on Windows <span class="badge">this one') == 1
    _, other = page.split("Firefox on Windows</th>")
    (csrf, *_), (id, *_) = re.findall(r'name="csrf" value="(\w+)"', page), re.findall(r"/tokens/(\w+)/revoke", other)
    assert world.client.post(f"/settings/tokens/{id}/revoke", data={"csrf": csrf}).status_code == 200, "it goes on"
    use(world, elsewhere)
    assert world.client.get("/api/v1/me").status_code == 401


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36", "Chrome on Linux"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Mac"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1", "Safari on iPhone"),
        ("Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36", "Chrome on Android"),
        ("curl/8.0", "browser"),
    ],
)
def test_a_browser_has_a_name(world: World, agent: str, name: str) -> None:
    world.client.headers["User-Agent"] = agent
    log_in(world, link_token(world))
    assert f'{name} <span class="badge">this one' in world.client.get("/settings").text


@pytest.mark.parametrize(
    ("next", "leads_to"),
    [
        ("/submissions/1?a=b", "/submissions/1?a=b"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("/a\\b", "/"),
        ("https://evil.example", "/"),
        ("/a\r\nSet-Cookie: x=y", "/"),
        ("javascript:alert(1)", "/"),
        ("", "/"),
    ],
)
def test_the_login_redirects_only_to_paths_of_the_service(world: World, next: str, leads_to: str) -> None:
    assert log_in(world, link_token(world), next=next).headers["location"] == leads_to


def test_a_page_sends_to_the_login_and_back(world: World, page_of_ours: str) -> None:
    answer = world.client.get(f"{page_of_ours}?a=b", headers={"Accept": "text/html"}, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/login?next=%2Fpage-of-ours%3Fa%3Db")


def test_the_login_page_shows_nothing_that_it_was_given_as_code(world: World) -> None:
    assert "<script>x" not in world.client.get("/login?next=/<script>x").text


# ── requests that other sites make a browser send ────────────────────────────────────────────────────


@pytest.fixture
def token_of_page(world: World, page_of_ours: str) -> str:
    """What a page's hidden field has for ada, who has logged in."""
    log_in(world, link_token(world))
    return world.client.get(page_of_ours).text


NEW = {"label": "x"}


def test_a_session_alone_changes_nothing(world: World, token_of_page: str) -> None:
    answer = world.client.post(TOKENS, json=NEW)
    assert (answer.status_code, answer.json()["type"]) == (403, "/problems/csrf")


def test_a_session_with_its_pages_token_does(world: World, token_of_page: str) -> None:
    assert world.client.post(TOKENS, json=NEW, headers={"X-CSRF-Token": token_of_page}).status_code == 201


def test_the_token_of_an_earlier_session_is_worth_nothing(world: World, token_of_page: str) -> None:
    log_in(world, link_token(world))
    assert world.client.post(TOKENS, json=NEW, headers={"X-CSRF-Token": token_of_page}).status_code == 403


@pytest.mark.parametrize("wrong", ["", "0" * 64, "é"])
def test_a_wrong_token_is_worth_nothing(world: World, token_of_page: str, wrong: str) -> None:
    assert world.client.post("/logout", data={"csrf": wrong}).status_code == 403


@pytest.mark.parametrize(
    "says",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://testserver"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ],
)
def test_even_with_it_another_sites_page_changes_nothing(
    world: World, token_of_page: str, says: dict[str, str]
) -> None:
    answer = world.client.post(TOKENS, json=NEW, headers={"X-CSRF-Token": token_of_page} | says)
    assert (answer.status_code, answer.json()["type"]) == (403, "/problems/cross-site")


@pytest.mark.parametrize(
    "says",
    [{"Sec-Fetch-Site": "same-origin"}, {"Origin": "http://testserver"}, {"Sec-Fetch-Site": "none", "Origin": "null"}],
)
def test_our_own_pages_may(world: World, token_of_page: str, says: dict[str, str]) -> None:
    answer = world.client.post(TOKENS, json=NEW, headers={"X-CSRF-Token": token_of_page} | says)
    assert answer.status_code == 201


def test_another_sites_page_cannot_log_a_browser_in(world: World) -> None:
    form = {"token": link_token(world, "eve")}
    answer = world.client.post("/login", data=form, headers={"Sec-Fetch-Site": "cross-site"}, follow_redirects=False)
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


def test_a_program_needs_none_of_this(world: World) -> None:
    headers = world.headers("ada") | {"Origin": "https://notebook.example", "Sec-Fetch-Site": "cross-site"}
    assert world.client.post(TOKENS, json=NEW, headers=headers).status_code == 201


@pytest.mark.parametrize("header", ["Bearer", "Bearer x", "Basic YWRhOng=", "Token x", ""])
def test_a_wrong_authorization_header_is_refused_even_with_a_valid_cookie(
    world: World, token_of_page: str, header: str
) -> None:
    answer = world.client.get("/api/v1/me", headers={"Authorization": header})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer ")


@pytest.mark.parametrize("authorization", ["Bearer nonsense", ""])
def test_the_caller_is_identified_before_a_body_is_read(world: World, authorization: str) -> None:
    """A body that is asked for fails the request."""
    sent: list[MutableMapping[str, Any]] = []
    headers = [(b"content-type", b"multipart/form-data; boundary=x"), (b"authorization", authorization.encode())]
    scope = {
        "type": "http", "method": "POST", "path": SUBMISSIONS, "raw_path": SUBMISSIONS.encode(), "query_string": b"",
        "headers": headers, "client": ("192.0.2.1", 1), "server": ("localhost", 80), "scheme": "http",
        "http_version": "1.1", "root_path": "",
    }  # fmt: skip

    async def receive() -> MutableMapping[str, Any]:
        raise AssertionError("the body was asked for")

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    asyncio.run(world.client.app(scope, receive, send))
    assert sent[0]["status"] == 401


def test_uploads_require_a_login(world: World) -> None:
    """A form with files may be as large as an upload."""
    answer = world.client.post("/login", files={"token": ("t", world.tokens["ada"])}, follow_redirects=False)
    assert answer.status_code == 401
