"""Login links by e-mail, through a real mail server."""

from __future__ import annotations

import datetime as dt
import queue
import re
import time
from collections.abc import Iterator

import pytest
from httpx2 import Response
from starlette.testclient import TestClient

from grader.api.mail import mailer_of
from grader.errors import BadCall
from grader.settings import Settings
from grader.store import people
from grader.store.records import Role, TokenKind
from tests.api.mail_server import WAIT_SECONDS, MailServer, mail_server
from tests.api.test_limits import application_of, client
from tests.api.world import COURSE, World

ADDRESS = "dora@example.edu"
FROM = "grader@example.edu"


@pytest.fixture
def server() -> Iterator[MailServer]:
    with mail_server(refuses=b"full@example.edu") as server:
        yield server


@pytest.fixture
def browser(world: World, server: MailServer) -> Iterator[TestClient]:
    """Of a service that sends mail, with dora, whose login is an e-mail address, and somebody with a full mailbox."""
    with world.service.store.write() as tx:
        for login in (ADDRESS, "full@example.edu"):
            person = people.put_person(tx, login, "Dora")
            people.put_member(tx, COURSE, person.id, Role.STUDENT)
            world.people[login] = person
    url = f"smtp://us%40er:p%2Fw@127.0.0.1:{server.port}"
    with client(world, smtp_url=url, mail_from=f"Grader <{FROM}>", url="http://testserver") as browser:
        yield browser


def ask(browser: TestClient, login: str, next: str = "/") -> Response:
    return browser.post("/login/link", data={"login": login, "next": next}, follow_redirects=False)


def test_a_known_address_gets_a_link_that_logs_in_once(browser: TestClient, server: MailServer) -> None:
    ask(browser, f" {ADDRESS.upper()} ", "/settings?a=b")
    message = server.next()
    assert (message["To"], message["From"]) == (ADDRESS, f"Grader <{FROM}>")
    assert server.logins == [b"\0us@er\0p/w"]
    (link,) = re.findall(r"http://\S+", message.get_content())
    assert link.startswith("http://testserver/login?next=%2Fsettings%3Fa%3Db#token=")
    answers = [browser.post("/login", data={"token": link}, follow_redirects=False).status_code for _ in range(2)]
    assert answers == [303, 403]
    assert browser.get("/api/v1/me").json()["login"] == ADDRESS


def test_the_link_lasts_half_an_hour(world: World, browser: TestClient, server: MailServer) -> None:
    ask(browser, ADDRESS)
    server.next()
    with world.service.store.read() as tx:
        (token,) = people.tokens_of(tx, world.people[ADDRESS].id)
    assert token.expires_at is not None
    assert (token.kind, token.expires_at - token.created_at) == (TokenKind.LOGIN, dt.timedelta(minutes=30))


@pytest.mark.parametrize("login", ["nobody@example.edu", "ada"])
def test_who_has_no_address_gets_the_same_answer_and_no_mail(
    browser: TestClient, server: MailServer, login: str
) -> None:
    known, unknown = ask(browser, ADDRESS), ask(browser, login)
    same = ("location", "content-length", "content-type", "cache-control")
    assert (known.status_code, known.content) == (unknown.status_code, unknown.content)
    assert [known.headers.get(name) for name in same] == [unknown.headers.get(name) for name in same]
    assert "a login link is on its way" in browser.get(known.headers["location"]).text
    assert server.next()["To"] == ADDRESS
    with pytest.raises(queue.Empty):
        server.messages.get(timeout=0.3)


def test_the_answer_does_not_wait_for_the_mail_server(world: World) -> None:
    """It comes although the server that takes the connection says nothing."""
    import socket

    with world.service.store.write() as tx:
        people.put_person(tx, ADDRESS, "Dora")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"smtp://127.0.0.1:{silent.getsockname()[1]}"
        with client(world, smtp_url=url, mail_from=FROM) as browser:
            assert ask(browser, ADDRESS).status_code == 303
            connection, _ = silent.accept()
            connection.close()


def test_a_message_that_the_server_refuses_is_logged(
    browser: TestClient, server: MailServer, capsys: pytest.CaptureFixture[str]
) -> None:
    ask(browser, "full@example.edu")
    ask(browser, ADDRESS)
    assert server.next()["To"] == ADDRESS
    said = ""
    while "a login link was not sent" not in said:
        said += capsys.readouterr().out
    assert "550" in said


@pytest.mark.parametrize("login", ["dora@", "dora@[b"])
def test_an_address_of_which_no_message_can_be_made_is_logged(
    world: World, browser: TestClient, capsys: pytest.CaptureFixture[str], login: str
) -> None:
    with world.service.store.write() as tx:
        people.put_person(tx, login, "Dora")
    assert ask(browser, login).status_code == 303
    output = ""
    deadline = time.monotonic() + WAIT_SECONDS
    while "a login link was not sent" not in output:
        assert time.monotonic() < deadline
        time.sleep(0.05)
        output += capsys.readouterr().out


def test_links_are_limited_by_account_and_by_address(world: World, server: MailServer) -> None:
    settings = {"smtp_url": f"smtp://127.0.0.1:{server.port}", "mail_from": FROM}
    application = application_of(world, rate_limit_account="1/day", **settings)
    statuses = []
    for number in range(11):
        with TestClient(application, client=(f"192.0.2.{number}", 50000)) as browser:
            statuses.append(ask(browser, "nobody@example.edu").status_code)
            assert ask(browser, f"{number}@example.edu").status_code == 303
    assert statuses == [303] * 10 + [429]
    with client(world, rate_limit_account="2/day", **settings) as browser:
        assert [ask(browser, "nobody@example.edu").status_code for _ in range(3)] == [303, 303, 429]
        assert ask(browser, ADDRESS).status_code == 303
    with client(world, rate_limit_links="2/day", **settings) as browser:
        assert [ask(browser, f"{n}@example.edu").status_code for n in range(3)] == [303, 303, 429]


def test_without_a_mail_server_there_is_no_form(world: World, browser: TestClient) -> None:
    assert "Send a login link" in browser.get("/login").text
    assert "Send a login link" not in world.client.get("/login").text
    assert ask(world.client, ADDRESS).status_code == 404


@pytest.mark.parametrize("login", ["", "a b", "x@y\r\nBcc: z@y"])
def test_what_is_no_login_is_refused(browser: TestClient, login: str) -> None:
    assert ask(browser, login).status_code == 422


def test_a_path_that_no_page_has_is_not_put_into_a_link(browser: TestClient) -> None:
    assert ask(browser, ADDRESS, "/" + "a" * 1000).status_code == 422


@pytest.mark.parametrize(
    "url", ["http://mail", "smtp://", "smtp://mail:port", "smtp://us:er@ma@il", "smtps://u:hunter2@"]
)
def test_a_wrong_address_of_the_mail_server_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(BadCall, match="GRADER_SMTP_URL") as refused:
        mailer_of(Settings(smtp_url=url, mail_from=FROM))
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "starts_tls"),
    [
        ("smtp://us:er@mail.example.edu", True),
        ("smtp://mail.example.edu", None),
        ("smtp://us:er@localhost:25", False),
        ("smtps://us:er@mail.example.edu", False),
    ],
)
def test_a_password_goes_to_another_machine_only_with_tls(url: str, starts_tls: bool | None) -> None:
    """True requires STARTTLS, None leaves it to the server; smtps begins with TLS."""
    mailer = mailer_of(Settings(smtp_url=url, mail_from=FROM))
    assert mailer is not None
    assert mailer._starts_tls() is starts_tls


@pytest.mark.parametrize("sender", ["", "grader", "a@b\nBcc: c"])
def test_a_mail_server_needs_a_sender(sender: str) -> None:
    with pytest.raises(BadCall, match="GRADER_MAIL_FROM"):
        mailer_of(Settings(smtp_url="smtp://mail", mail_from=sender))
