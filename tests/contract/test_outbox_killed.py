"""Each event is told once in effect, whatever is killed meanwhile: a message that comes again has the same id."""

from __future__ import annotations

import contextlib
import json
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from sqlalchemy import update

from grader.store import outbox
from grader.store.database import Store, now
from grader.store.tables import outbox as table
from tests.api.mail_server import mail_server
from tests.contract.test_dispatch import wait_until_final
from tests.running import WAIT_SECONDS, Load, running, seeded

pytestmark = pytest.mark.long
SECRET = "whsec_" + "c2VjcmV0" * 5

Told = tuple[str, str, str]
"""Id of a message, what it tells, and of which submission."""


@contextlib.contextmanager
def webhook(messages: list[Told]) -> Iterator[str]:
    """Yield the URL of a webhook, which adds what it is told to the list before it answers."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            event = json.loads(self.rfile.read(int(self.headers["content-length"])))
            messages.append((str(self.headers["webhook-id"]), event["type"], event["data"]["submission"]))
            with contextlib.suppress(ConnectionError):  # of a service that was killed
                self.send_response(204)
                self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


def wait_until_sent(store: Store) -> None:
    """Wait until the outbox is empty. The claims of services that were killed end first."""
    with store.write() as tx:
        tx.execute(update(table).values(due_at=now()))
    deadline = time.monotonic() + WAIT_SECONDS
    waiting = 1
    while waiting:
        assert time.monotonic() < deadline
        time.sleep(0.5)
        with store.read() as tx:
            waiting = outbox.lengths(tx)["waiting"]


def once_in_effect(messages: list[Told]) -> Counter[tuple[str, str]]:
    """Count what is told of each submission by messages with different ids."""
    told_by_id = {id: (event, submission) for id, event, submission in messages}
    assert {(id, *told) for id, told in told_by_id.items()} == set(messages), "an id always tells the same"
    return Counter(told_by_id.values())


def test_each_event_is_told_once_in_effect_whatever_is_killed(tmp_path: Path) -> None:
    moments = seeded()
    messages: list[Told] = []
    with mail_server() as server, webhook(messages) as url:
        settings = {
            "GRADER_WORKERS": "1",
            "GRADER_SMTP_URL": f"smtp://127.0.0.1:{server.port}",
            "GRADER_MAIL_FROM": "grader@example.edu",
            "GRADER_WEBHOOK_URL": url,
            "GRADER_WEBHOOK_SECRET": SECRET,
        }
        with running(tmp_path, students=3, logins="s{}@example.edu", **settings) as service:
            service.options = ("--sandbox", "plain")  # without the self-test, starts take a fraction of the time
            service.start()
            with Load([service.url], service.tokens) as load:
                for _ in range(50):
                    time.sleep(moments.uniform(0.0, 1.0))
                    service.send(signal.SIGKILL)
                    service.start()
            store = service.open_store()
            states = wait_until_final(store, len(load.acknowledged))
            wait_until_sent(store)
            store.close()
    assert load.refused == []
    assert set(states) == set(load.acknowledged.values())
    events = ("submission.received", "submission.graded")
    assert once_in_effect(messages) == Counter((event, id) for event in events for id in states)
    mails = [server.messages.get() for _ in range(server.messages.qsize())]
    told_by_mail = []
    for mail in mails:
        submission = mail.get_content().partition("/submissions/")[2][:26]
        told_by_mail.append((str(mail["Message-ID"]), "graded", submission))
    assert once_in_effect(told_by_mail) == Counter(("graded", id) for id in states)
    print(f"{len(states)} submissions, {len(messages)} requests, {len(mails)} e-mails")
