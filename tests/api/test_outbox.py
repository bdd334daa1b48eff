"""Messages about submissions, results and requests: when they are added, who gets them, and how they are sent."""

from __future__ import annotations

import contextlib
import datetime as dt
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Empty, Queue
from typing import Any

import pytest
from sqlalchemy import Select, select, update
from standardwebhooks import Webhook as Verifier

from grader.api import sender
from grader.api.sender import POLL_SECONDS
from grader.api.webhooks import Webhook
from grader.errors import BadCall
from grader.settings import Settings
from grader.store import adjustments, installation, outbox, people, regrades
from grader.store.database import now
from grader.store.records import Channel, EventKind, Role, TokenKind, Which
from grader.store.tables import outbox as table
from grader.store.tables import people as people_table
from tests.api.mail_server import MailServer, mail_server
from tests.api.test_limits import client
from tests.api.world import ASSIGNMENT, COURSE, WRONG, World

SECRET = "whsec_" + "c2VjcmV0" * 5
ADA, GRACE = "ada@example.edu", "grace@example.edu"
OFFERED = f"/api/v1/courses/{COURSE}/assignments/{ASSIGNMENT}"
STUDENTS = f"/courses/{COURSE}/assignments/{ASSIGNMENT}/students"
GRADED, RELEASED = ("graded", ADA), ("released", ADA)


@pytest.fixture
def told(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """A service that has a webhook and a mail server, with ada and grace, whose logins are addresses."""
    monkeypatch.setattr(sender, "POLL_SECONDS", POLL_SECONDS)  # worlds do not poll
    with world.service.store.write() as tx:
        installation.put_channels(tx, ["mail", "webhook"])
        for login, role in ((ADA, Role.STUDENT), (GRACE, Role.STAFF)):
            person = people.put_person(tx, login, login)
            people.put_member(tx, COURSE, person.id, role)
            world.people[login] = person
            world.tokens[login] = people.new_token(tx, person.id, TokenKind.PROGRAM, "tests")
    return world


def due(world: World, channel: Channel = Channel.WEBHOOK) -> list[tuple[str, str]]:
    """Remove the messages that may be sent now. Return (event, login) of each that its recipient gets."""
    messages = []
    while message := outbox.claim(world.service.store, channel):
        outbox.remove(world.service.store, message)
        if message.is_mailed or channel is Channel.WEBHOOK:
            messages.append((str(message.event), message.login))
    return sorted(messages)


def graded(world: World, report: str = "right") -> str:
    """Submit as ada, and grade. Return the id of the submission. Its messages so far are removed."""
    id = world.hand_in(ADA, WRONG if report == "wrong" else "x = 1\n")
    due(world)
    due(world, Channel.MAIL)
    world.grade_next(report)
    return id


def ask(world: World, submission: str) -> str:
    answer = world.client.post(
        f"/api/v1/submissions/{submission}/requests",
        json={"question": "q1.2.negative", "text": "Why?"},
        headers=world.headers(ADA),
    )
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


# ── events ───────────────────────────────────────────────────────────────────────────────────────────


def test_a_submission_is_told_when_it_is_received_and_when_it_is_graded(told: World) -> None:
    told.hand_in(ADA)
    assert due(told) == [("received", ADA)]
    assert due(told, Channel.MAIL) == []  # nobody has chosen these
    told.grade_next()
    assert due(told) == due(told, Channel.MAIL) == [GRADED]


def test_a_pre_check_is_not_told(told: World) -> None:
    told.hand_in(ADA, kind="precheck")
    told.grade_next()
    assert due(told) == []


def test_a_request_sent_again_with_its_key_is_told_once(told: World) -> None:
    headers = told.headers(ADA) | {"Idempotency-Key": "once"}
    for _ in range(2):
        told.client.post(f"{OFFERED}/submissions", files={"files": ("mlp.py", b"x = 1\n")}, headers=headers)
    assert due(told) == [("received", ADA)]


def test_nothing_is_added_for_a_channel_that_is_not_configured(told: World) -> None:
    with told.service.store.write() as tx:
        installation.put_channels(tx, [])
    graded(told)
    ask(told, graded(told, "wrong"))
    told.set(held=True)
    with told.service.store.read() as tx:
        assert outbox.lengths(tx) == {"waiting": 0, "given_up": 0}


def test_a_login_that_is_no_address_gets_no_mail(told: World) -> None:
    told.hand_in("ada")
    told.grade_next()
    assert due(told) == [("graded", "ada"), ("received", "ada")]
    assert due(told, Channel.MAIL) == []


def test_what_staff_are_asked_goes_to_them_and_the_answer_to_the_student(told: World) -> None:
    request = ask(told, graded(told, "wrong"))
    assert due(told, Channel.MAIL) == [("asked", GRACE), GRADED]
    assert due(told) == [("asked", ADA), GRADED]
    told.client.post(f"/api/v1/requests/{request}/answer", json={"text": "So."}, headers=told.headers("grace"))
    assert due(told) == due(told, Channel.MAIL) == [("answered", ADA)]


# ── results that are held ────────────────────────────────────────────────────────────────────────────


def release_for_all(world: World) -> None:
    world.client.put(OFFERED, json={"held": False}, headers=world.headers("grace"))


def release_for_ada(world: World) -> None:
    world.client.post(f"{STUDENTS}/{ADA}/hold", data={"hold": "released"}, headers=world.headers("grace"))


def set_date(world: World) -> None:
    moment = (now() - dt.timedelta(seconds=1)).isoformat()
    world.client.put(OFFERED, json={"held": True, "release_at": moment}, headers=world.headers("grace"))


@pytest.mark.parametrize("release", [release_for_all, release_for_ada, set_date])
def test_held_results_are_told_once_when_they_are_released(told: World, release: Any) -> None:
    told.set(held=True)
    graded(told)
    graded(told, "wrong")
    assert due(told) == due(told, Channel.MAIL) == []
    release(told)
    assert due(told) == due(told, Channel.MAIL) == [RELEASED]
    release(told)
    assert due(told) == []


def test_the_date_of_the_release_is_noticed_without_a_request(told: World) -> None:
    told.set(held=True, release_at=now() + dt.timedelta(seconds=2))
    graded(told)
    assert due(told) == []
    messages = []
    deadline = now() + dt.timedelta(seconds=30)
    while not messages and now() < deadline:
        messages = due(told)
    assert messages == [RELEASED]


def test_results_that_were_shown_and_are_held_are_told_when_they_are_released(told: World) -> None:
    graded(told)
    assert due(told) == [GRADED]
    told.set(held=True)
    assert due(told) == []
    release_for_all(told)
    assert due(told) == [RELEASED]


def test_a_student_who_is_held_back_alone_is_told_later(told: World) -> None:
    id = told.people[ADA].id
    with told.service.store.write() as tx:
        adjustments.put_hold(tx, COURSE, ASSIGNMENT, id, held=True)
    graded(told)
    assert due(told) == []
    with told.service.store.write() as tx:
        adjustments.put_hold(tx, COURSE, ASSIGNMENT, id, held=None)
    assert due(told) == [RELEASED]


def test_messages_wait_while_results_are_held(told: World) -> None:
    """The results were shown when they were graded, and held before the message left."""
    graded(told)
    told.set(held=True)
    assert due(told) == []


def test_an_answer_is_told_when_results_are_shown(told: World) -> None:
    request = ask(told, graded(told, "wrong"))
    due(told)
    told.set(held=True)
    told.client.post(f"/api/v1/requests/{request}/answer", json={"text": "So."}, headers=told.headers("grace"))
    assert due(told) == []
    release_for_all(told)
    assert due(told) == [("answered", ADA), RELEASED]


# ── results that change ──────────────────────────────────────────────────────────────────────────────


def regrade(world: World, report: str) -> None:
    """Regrade all submissions, and apply the regrade. Nothing is told before."""
    with world.service.store.write() as tx:
        chosen = regrades.chosen(tx, COURSE, ASSIGNMENT, Which.ALL)
        id = regrades.start(tx, COURSE, ASSIGNMENT, Which.ALL, world.people["grace"].id, chosen)
    regrades.enqueue_pending(world.service.store, world.service.queue)
    world.grade_next(report)
    assert due(world) == []
    with world.service.store.write() as tx:
        assert regrades.apply(tx, id)


def test_a_regrade_is_told_when_it_counts_and_has_changed_something(told: World) -> None:
    graded(told)
    due(told)
    regrade(told, "wrong")
    assert due(told) == [GRADED]
    regrade(told, "wrong")
    assert due(told) == []


def test_a_change_of_a_hidden_check_is_not_told(told: World) -> None:
    graded(told)
    due(told)
    told.set(hidden=("q1.2",))
    regrade(told, "wrong")
    assert due(told) == []


def test_a_submission_without_visible_results_is_not_told(told: World) -> None:
    told.set(hidden=("q1.1", "q1.2"))
    graded(told)
    assert due(told) == []


# ── sending ──────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class Receiver:
    """A webhook, with the requests that it was sent. It answers with the statuses in turn, then with 204."""

    url: str
    statuses: list[int]
    requests: Queue[tuple[dict[str, str], bytes]] = field(default_factory=Queue)


@contextlib.contextmanager
def receiving(*statuses: int) -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            receiver.requests.put((dict(self.headers), body))
            self.send_response(receiver.statuses.pop(0) if receiver.statuses else 204)
            self.send_header("location", receiver.url)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        receiver = Receiver(f"http://127.0.0.1:{server.server_port}/events", list(statuses))
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield receiver
        finally:
            server.shutdown()
            thread.join()


def hasten(world: World) -> None:
    """Let the time until the next attempts pass."""
    with world.service.store.write() as tx:
        tx.execute(update(table).where(table.c.due_at.is_not(None)).values(due_at=now()))


def until(condition: Select[Any], world: World) -> None:
    """Wait until a query has a row."""
    deadline = now() + dt.timedelta(seconds=30)
    while True:
        with world.service.store.read() as tx:
            if tx.execute(condition).first():
                return
        assert now() < deadline
        time.sleep(0.05)


def until_mail_is_sent(world: World) -> None:
    waiting = select(table.c.id).filter_by(channel=Channel.MAIL)
    until(select(people_table.c.id).where(~waiting.exists()), world)


@pytest.fixture
def server() -> Iterator[MailServer]:
    with mail_server(refuses=b"grace@example.edu") as server:
        yield server


def test_an_email_tells_no_points_and_links_to_the_page(told: World, server: MailServer) -> None:
    submission = graded(told)
    with told.service.store.read() as tx:
        id = tx.scalar(select(table.c.id).filter_by(channel=Channel.MAIL))
    with client(told, smtp_url=f"smtp://127.0.0.1:{server.port}", mail_from="g@example.edu", url="http://grader"):
        message = server.next()
        until_mail_is_sent(told)
    assert (message["To"], message["Message-ID"]) == (ADA, f"<{id}@127.0.0.1>")
    assert message["Subject"] == "ml, Sums: graded"
    text = message.get_content()
    assert text.splitlines()[2] == f"http://grader/submissions/{submission}"
    assert "http://grader/settings" in text
    assert "points" not in text


def test_a_webhook_gets_signed_requests(told: World) -> None:
    submission = graded(told)
    with receiving() as receiver:
        with client(told, webhook_url=receiver.url, webhook_secret=SECRET, url="http://grader"):
            headers, body = receiver.requests.get(timeout=30)
        event = Verifier(SECRET).verify(body, headers)
    assert set(event.pop("data").items()) == {
        ("course", COURSE),
        ("assignment", ASSIGNMENT),
        ("submission", submission),
        ("person", ADA),
        ("url", f"http://grader/submissions/{submission}"),
    }
    assert event.pop("type") == "submission.graded"
    assert dt.datetime.fromisoformat(event.pop("timestamp")).tzinfo
    assert event == {}


@pytest.mark.parametrize("status", [500, 302, 400])
def test_a_request_that_is_not_accepted_is_sent_again_with_the_same_id(
    told: World, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    graded(told)
    with receiving(status) as receiver, client(told, webhook_url=receiver.url, webhook_secret=SECRET):
        first, _ = receiver.requests.get(timeout=30)
        with pytest.raises(Empty):
            receiver.requests.get(timeout=POLL_SECONDS + 1)  # it waits before the next attempt
        hasten(told)
        second, _ = receiver.requests.get(timeout=30)
    assert first["webhook-id"] == second["webhook-id"]
    log = capsys.readouterr().out
    assert f"the webhook answered {status}" in log
    assert receiver.url not in log  # it may contain a secret


def test_a_message_is_given_up_after_the_last_attempt_and_operators_see_it(
    told: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "MOST_FAILURES", 2)
    graded(told)
    for _ in range(2):
        message = outbox.claim(told.service.store, Channel.WEBHOOK)
        assert message
        outbox.postpone(told.service.store, message)
        hasten(told)
    assert due(told) == []
    assert 'grader_messages{state="given_up"} 1.0' in told.client.get("/metrics").text
    assert "1 message could not be sent" in told.client.get("/queue", headers=told.headers("root")).text
    assert "could not be sent" not in told.client.get("/queue", headers=told.headers("grace")).text


def test_attempts_take_three_days() -> None:
    delays = [outbox.FIRST_DELAY * 2**n for n in range(outbox.MOST_FAILURES - 1)]
    assert dt.timedelta(days=2.5) < sum(delays, dt.timedelta()) < dt.timedelta(days=3.5)


def test_a_refused_address_does_not_stop_other_messages(told: World, server: MailServer) -> None:
    ask(told, graded(told, "wrong"))
    with client(told, smtp_url=f"smtp://127.0.0.1:{server.port}", mail_from="g@example.edu"):
        assert server.next()["To"] == ADA
        failed = select(table.c.id).filter_by(event=EventKind.ASKED, channel=Channel.MAIL)
        until(failed.where(table.c.failures > 0), told)


def test_a_claimed_message_is_claimed_again_only_after_the_lease(told: World) -> None:
    graded(told)
    first = outbox.claim(told.service.store, Channel.WEBHOOK)
    assert first
    assert outbox.claim(told.service.store, Channel.WEBHOOK) is None
    hasten(told)
    second = outbox.claim(told.service.store, Channel.WEBHOOK)
    assert second
    assert first.id == second.id


@pytest.mark.parametrize("secret", ["", "short", "whsec_" + "!" * 40, "A" * 33])
def test_a_wrong_webhook_secret_is_refused_and_not_repeated(secret: str) -> None:
    with pytest.raises(BadCall, match="GRADER_WEBHOOK_SECRET") as refused:
        Webhook(Settings(webhook_url="https://lms.example.edu/events", webhook_secret=secret))
    assert not secret or secret not in str(refused.value)


# ── choices ──────────────────────────────────────────────────────────────────────────────────────────


def test_people_choose_the_events_of_which_they_get_mail(told: World, server: MailServer) -> None:
    with told.service.store.write() as tx:
        link = people.new_token(tx, told.people[ADA].id, TokenKind.LOGIN)
    with client(told, smtp_url=f"smtp://127.0.0.1:{server.port}", mail_from="g@example.edu") as browser:
        browser.post("/login", data={"token": link})
        page = browser.get("/settings").text
        assert ticked(page) == {"graded", "released", "answered"}
        form = {"events": ["received", "released"]}
        assert browser.post("/settings/mail", data=form).status_code == 403
        (csrf,) = set(re.findall(r'name="csrf" value="(\w+)"', page))
        browser.post("/settings/mail", data=form | {"csrf": csrf})
        assert ticked(browser.get("/settings").text) == {"received", "released"}
        told.hand_in(ADA)
        assert server.next()["Subject"] == "ml, Sums: received"
        told.grade_next()
        until_mail_is_sent(told)
    assert server.messages.empty()


def ticked(page: str) -> set[str]:
    return set(re.findall(r'name="events" value="(\w+)" checked', page))


def test_without_a_mail_server_or_an_address_there_is_nothing_to_choose(told: World, server: MailServer) -> None:
    assert "/settings/mail" not in told.client.get("/settings", headers=told.headers(ADA)).text
    with client(told, smtp_url=f"smtp://127.0.0.1:{server.port}", mail_from="g@example.edu") as browser:
        assert "/settings/mail" in browser.get("/settings", headers=told.headers(ADA)).text
        assert "/settings/mail" not in browser.get("/settings", headers=told.headers("ada")).text
