"""Passwords: who may set one, what it opens, and what it tells nobody."""

from __future__ import annotations

import asyncio
import re
import threading
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

import pytest
from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from httpx2 import Response
from sqlalchemy import update
from starlette.testclient import TestClient

from grader.api import passwords as api_passwords
from grader.store import passwords
from grader.store.tables import tokens
from tests.api.test_limits import application_of, client
from tests.api.test_logging_in import age, link_token, log_in, session_of, use
from tests.api.world import World

WORDS = "correct horse battery"


def csrf_of(browser: TestClient) -> str:
    return str(re.findall(r'name="csrf" value="(\w+)"', browser.get("/settings").text)[0])


def put(browser: TestClient, password: str = WORDS, old: str = "") -> Response:
    form = {"csrf": csrf_of(browser), "password": password, "old": old}
    return browser.post("/settings/password", data=form, follow_redirects=False)


def enter(browser: TestClient, login: str = "ada", password: str = WORDS, **form: str) -> Response:
    form = {"login": login, "password": password} | form
    return browser.post("/login/password", data=form, follow_redirects=False)


@pytest.fixture
def ada(world: World) -> World:
    """A world in which ada has a password, and her browser no session."""
    log_in(world, link_token(world))
    assert put(world.client).headers["location"] == "/settings?password=set"
    world.client.cookies.clear()
    return world


@pytest.mark.parametrize("login", ["ada", " ADA "])
def test_a_password_logs_in(ada: World, login: str) -> None:
    assert enter(ada.client, login, next="/settings").headers["location"] == "/settings"
    assert ada.client.get("/api/v1/me").json()["login"] == "ada"
    assert "the password</td>" in ada.client.get("/settings").text


def test_a_letter_is_the_same_however_a_keyboard_writes_it(world: World) -> None:
    log_in(world, link_token(world))
    put(world.client, "na\u00efve na\u00efve na\u00efve")
    world.client.cookies.clear()
    assert enter(world.client, password="nai\u0308ve nai\u0308ve nai\u0308ve").status_code == 303


def test_staff_and_admins_may_have_one(world: World) -> None:
    for login in ("grace", "root"):
        log_in(world, link_token(world, login))
        assert put(world.client).status_code == 303
        world.client.cookies.clear()
        assert enter(world.client, login).status_code == 303


def _without_what_differs(answer: Response) -> tuple[int, str, list[str]]:
    return answer.status_code, answer.text, sorted(set(answer.headers) - {"x-request-id"})


def test_a_wrong_password_an_unknown_login_and_one_without_password_are_answered_alike(ada: World) -> None:
    wrong, unknown, without = (
        enter(ada.client, *form) for form in (("ada", "correct horse"), ("nobody", WORDS), ("bob", WORDS))
    )
    assert wrong.status_code == 403
    assert "set-cookie" not in wrong.headers
    assert _without_what_differs(wrong) == _without_what_differs(unknown) == _without_what_differs(without)


def test_as_much_is_hashed_for_an_unknown_login(ada: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The parameters of Argon2 decide what a comparison costs."""
    costs = []
    verify = PasswordHasher.verify

    def watched(hasher: PasswordHasher, hash: str, password: Any) -> bool:
        costs.append(hash.split("$")[1:4])
        return verify(hasher, hash, password)

    monkeypatch.setattr(PasswordHasher, "verify", watched)
    for login in ("ada", "nobody", "bob"):
        enter(ada.client, login, "wrong wrong wrong")
    assert costs == [["argon2id", "v=19", "m=19456,t=2,p=1"]] * 3


def test_two_passwords_are_hashed_at_a_time_and_other_requests_answered(
    ada: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each takes 19 MiB of the service's memory."""
    begun, go_on = threading.Semaphore(0), threading.Event()
    running: list[int] = []

    def slow(hasher: PasswordHasher, hash: str, password: Any) -> bool:
        running.append(1)
        begun.release()
        assert go_on.wait(60)
        running.pop()
        raise VerifyMismatchError

    monkeypatch.setattr(PasswordHasher, "verify", slow)
    with ThreadPoolExecutor(6) as browsers:
        answers = [browsers.submit(enter, ada.client, f"login{number}") for number in range(6)]
        begun.acquire()
        begun.acquire()
        assert ada.client.get("/healthz").status_code == 200
        assert not begun.acquire(timeout=0.3), "the others wait"
        assert len(running) == 2
        go_on.set()
        assert [answer.result().status_code for answer in answers] == [403] * 6


@pytest.mark.parametrize("password", ["", "elevenchars", "a" * 201])
def test_a_password_of_another_length_is_refused(world: World, password: str) -> None:
    log_in(world, link_token(world))
    answer = put(world.client, password)
    assert (answer.status_code, "12 to 200 characters" in answer.text) == (422, True)


@pytest.mark.parametrize("password", ["twelve chars", "a" * 200, "0" * 12])
def test_there_is_no_other_rule(world: World, password: str) -> None:
    log_in(world, link_token(world))
    assert put(world.client, password).status_code == 303
    world.client.cookies.clear()
    assert enter(world.client, password=password).status_code == 303
    assert enter(world.client, password=password + "x").status_code == 403


def test_the_database_has_only_a_hash(ada: World) -> None:
    with ada.service.store.read() as tx:
        stored = passwords.of_person(tx, ada.people["ada"].id)
    assert stored is not None
    assert stored.hash.startswith("$argon2id$")
    assert WORDS not in stored.hash


def test_the_old_password_is_asked_for(ada: World) -> None:
    enter(ada.client)
    assert put(ada.client, "another password").status_code == 422
    assert put(ada.client, "another password", "wrong wrong wrong").status_code == 422
    assert put(ada.client, "another password", WORDS).status_code == 303
    ada.client.cookies.clear()
    assert [enter(ada.client).status_code, enter(ada.client, password="another password").status_code] == [403, 303]


def test_a_fresh_link_replaces_a_forgotten_one_for_half_an_hour(ada: World) -> None:
    log_in(ada, link_token(ada))
    assert 'name="old"' not in ada.client.get("/settings").text
    assert put(ada.client, "another password").status_code == 303
    age(ada, 0.5 / 24 + 0.001)
    assert 'name="old"' in ada.client.get("/settings").text
    assert put(ada.client, "a third password").status_code == 422
    assert put(ada.client, "a third password", "another password").status_code == 303


def test_an_old_session_sets_no_first_password(world: World) -> None:
    """Whoever sits at a forgotten browser could keep the account with it."""
    log_in(world, link_token(world))
    age(world, 0.1)
    assert 'action="/settings/password"' not in world.client.get("/settings").text
    answer = put(world.client)
    assert (answer.status_code, "log out and in again" in answer.text) == (422, True)


def test_an_api_token_sets_no_password_that_would_outlive_it(world: World) -> None:
    answer = world.client.post("/settings/password", data={"password": WORDS}, headers=world.headers("ada"))
    assert answer.status_code == 403
    log_in(world, world.tokens["ada"])
    assert 'action="/settings/password"' not in world.client.get("/settings").text
    assert put(world.client).status_code == 403


def test_a_new_password_ends_other_sessions_and_links_and_no_program(world: World) -> None:
    log_in(world, link_token(world))
    elsewhere = world.client.cookies["grader"]
    world.client.cookies.clear()
    log_in(world, link_token(world))
    here, unused = world.client.cookies["grader"], link_token(world)
    put(world.client)
    use(world, elsewhere)
    assert world.client.get("/api/v1/me").status_code == 401
    use(world, here)
    assert world.client.get("/api/v1/me").status_code == 200
    assert world.client.get("/api/v1/me", headers=world.headers("ada")).status_code == 200
    assert log_in(world, unused).status_code == 403


def test_a_password_is_set_only_with_the_pages_csrf_token(world: World) -> None:
    log_in(world, link_token(world))
    assert world.client.post("/settings/password", data={"password": WORDS}).status_code == 403


def test_another_sites_page_cannot_log_a_browser_in(ada: World) -> None:
    headers = {"Sec-Fetch-Site": "cross-site"}
    form = {"login": "ada", "password": WORDS}
    answer = ada.client.post("/login/password", data=form, headers=headers, follow_redirects=False)
    assert (answer.status_code, "set-cookie" in answer.headers) == (403, False)


def test_guesses_are_limited_for_an_account_whatever_their_address(ada: World) -> None:
    """And so is the right password, or guessing would go on."""
    application = application_of(ada, rate_limit_account="1/day")
    attackers = [TestClient(application, client=(f"192.0.2.{number}", 50000)) for number in range(10)]
    browser = TestClient(application, client=("198.51.100.1", 50000))
    statuses = [enter(attacker, "ada", "wrong wrong wrong").status_code for attacker in attackers]
    assert [*statuses, enter(browser).status_code, enter(browser, "bob").status_code] == [403] * 10 + [429, 403]


def test_guesses_from_one_address_do_not_lock_the_person_out_elsewhere(ada: World) -> None:
    application = application_of(ada, rate_limit_account="2/day")
    attacker = TestClient(application, client=("192.0.2.1", 50000))
    statuses = [enter(attacker, "ada", "wrong wrong wrong").status_code for _ in range(25)]
    assert statuses == [403] * 2 + [429] * 23
    assert enter(TestClient(application, client=("198.51.100.1", 50000))).status_code == 303


def test_guesses_that_arrive_together_are_limited_as_well(ada: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """All have passed the first test of the limit before the first one has failed."""
    go_on = threading.Event()
    waiting: list[str] = []
    hashed: list[str] = []
    in_turn = api_passwords._in_turn

    async def together(step: Callable[[], Any]) -> Any:
        waiting.append("guess")
        if len(waiting) == 10:
            go_on.set()
        await asyncio.to_thread(go_on.wait, 60)
        return await in_turn(step)

    def watched(hasher: PasswordHasher, hash: str, password: Any) -> bool:
        hashed.append(hash)
        raise VerifyMismatchError

    monkeypatch.setattr(api_passwords, "_in_turn", together)
    monkeypatch.setattr(PasswordHasher, "verify", watched)
    with client(ada, rate_limit_logins="2/day") as browser, ThreadPoolExecutor(10) as guesses:
        answers = [guesses.submit(enter, browser, f"login{number}") for number in range(10)]
        statuses = [answer.result().status_code for answer in answers]
    assert len(hashed) <= 3, "two are hashed at a time"
    assert set(statuses) == {403, 429}


def test_a_long_text_is_cut_before_it_is_normalised(ada: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The time that this takes grows with the square of the length, and nothing else runs meanwhile."""
    lengths: list[int] = []
    normalize = unicodedata.normalize

    def watched(form: Literal["NFC", "NFD", "NFKC", "NFKD"], text: str) -> str:
        lengths.append(len(text))
        return normalize(form, text)

    enter(ada.client)
    csrf = csrf_of(ada.client)
    long = "a" + "\u0300\u0316" * 10_000
    monkeypatch.setattr(unicodedata, "normalize", watched)
    for form in ({"password": long, "old": WORDS}, {"password": WORDS, "old": long}):
        assert ada.client.post("/settings/password", data=form | {"csrf": csrf}).status_code == 422
    assert enter(ada.client, password=long).status_code == 403
    assert max(lengths) < 1000


def test_a_letter_that_is_written_as_four_is_one_of_the_two_hundred(world: World) -> None:
    letter = "\u03b1\u0313\u0300\u0345"
    log_in(world, link_token(world))
    assert [put(world.client, letter * number).status_code for number in (201, 300, 200)] == [422, 422, 303]
    world.client.cookies.clear()
    assert [enter(world.client, password=letter * number).status_code for number in (201, 200)] == [403, 303]


def test_guesses_from_one_address_are_limited_whatever_their_account(ada: World) -> None:
    with client(ada, rate_limit_logins="2/day") as browser:
        statuses = [enter(browser, login, "wrong wrong wrong").status_code for login in ("bob", "eve")]
        assert [*statuses, enter(browser).status_code] == [403, 403, 429]
    with client(ada, address="192.0.2.2", rate_limit_logins="2/day") as browser:
        assert [enter(browser).status_code for _ in range(3)] == [303] * 3, "right ones do not count"


def test_guesses_of_the_old_password_are_limited(ada: World) -> None:
    enter(ada.client)
    with client(ada, rate_limit_account="2/day") as browser:
        browser.cookies.set("grader", ada.client.cookies["grader"])
        statuses = [put(browser, "another password", "wrong wrong wrong").status_code for _ in range(3)]
    assert statuses == [422, 422, 429]


def test_an_operator_may_turn_passwords_off(ada: World) -> None:
    with client(ada, passwords=False) as browser:  # type: ignore[arg-type]
        assert "/login/password" not in browser.get("/login").text
        assert enter(browser).status_code == 404
        browser.post("/login", data={"token": link_token(ada)})
        page = browser.get("/settings").text
        assert "New password" not in page
        csrf = re.findall(r'name="csrf" value="(\w+)"', page)[0]
        assert browser.post("/settings/password", data={"csrf": csrf, "password": WORDS}).status_code == 404


def test_a_session_of_an_earlier_version_is_not_fresh(ada: World) -> None:
    log_in(ada, link_token(ada))
    with ada.service.store.write() as tx:
        tx.execute(update(tokens).filter_by(id=session_of(ada).id).values(method=None))
    assert 'name="old"' in ada.client.get("/settings").text
