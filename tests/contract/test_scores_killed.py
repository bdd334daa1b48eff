"""Scores reach a learning platform once in effect, and none after a hold, whatever is killed meanwhile."""

from __future__ import annotations

import signal
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import func, insert, select, update

from grader.model import Points
from grader.store import adjustments, people
from grader.store.database import Store, now
from grader.store.recording import Author
from grader.store.records import Channel
from grader.store.tables import lti_line_items, outbox
from tests.conftest import TOY_SOLUTION
from tests.contract.test_dispatch import wait_until_final
from tests.lms.linked import put_context, put_platform, put_students
from tests.lms.platforms import Platform, platform_one
from tests.running import VERIFY, WAIT_SECONDS, running, seeded

pytestmark = pytest.mark.long
KILLS = 50
STUDENTS = ("s0", "s1", "s2")
HELD = "s2"
TEACHER = Author(None, "test")


def link(store: Store, platform: Platform, url: str) -> str:
    """Link a course of the platform, with a column for the assignment. Return the column's URL."""
    id, deployment = put_platform(store, platform, f"{url}/lti/jwks.json", url)
    platform.add_course("ml", "Machine learning", deployment)
    context = put_context(store, id, deployment, "ml", "", f"{platform.issuer}/courses/ml/line_items")
    with store.read() as tx:
        persons = {member.person.login: member.person.id for member in people.roster(tx, "ml")}
    put_students(store, platform, context, "ml", persons)
    item = {"scoreMaximum": 5.5, "resourceId": "ml/toy"}
    line_item = str(platform.add_link("ml", "Toy", lineItem=item)["line_item"])
    with store.write() as tx:
        tx.execute(insert(lti_line_items).values(context=context, assignment="toy", url=line_item))
    return line_item


def hold(store: Store, held: bool | None) -> None:
    with store.write(TEACHER) as tx:
        person = people.person_by_login(tx, HELD)
        assert person
        adjustments.put_hold(tx, "ml", "toy", person.id, held)


def wait_until_sent(store: Store) -> None:
    """Wait until no message waits. Claims of services that were killed, and delays, end first."""
    deadline = time.monotonic() + WAIT_SECONDS
    waiting = select(func.count()).select_from(outbox).filter_by(channel=Channel.PLATFORM)
    with store.write() as tx:
        tx.execute(update(outbox).where(outbox.c.due_at.is_not(None)).values(due_at=now()))
    while True:
        with store.read() as tx:
            if not tx.scalar(waiting):
                return
        assert time.monotonic() < deadline
        time.sleep(0.5)


def wait_for_requests(platform: Platform, count: int) -> None:
    """Wait until the platform gets some more requests; they do not come if the scores have been sent before."""
    received, deadline = len(platform.scores()), time.monotonic() + 5
    while len(platform.scores()) < received + count and time.monotonic() < deadline:
        time.sleep(0.01)


def accepted(platform: Platform, login: str) -> list[dict[str, Any]]:
    """The numbers that the platform has accepted for a student."""
    bodies = [score["body"] for score in platform.scores() if score["status"] == 200]
    return [body for body in bodies if body["userId"] == f"lti-{login}" and "scoreGiven" in body]


def adjust(store: Store) -> None:
    """Change the scores of all students."""
    with store.write(TEACHER) as tx:
        for member in people.roster(tx, "ml"):
            person = member.person.id
            adjustments.add_adjustment(tx, "ml", "toy", person, Points("0.01"), "found later", person)


def test_scores_are_sent_once_in_effect_and_none_after_a_hold_whatever_is_killed(tmp_path: Path) -> None:
    moments = seeded()
    with running(tmp_path, students=len(STUDENTS), GRADER_WORKERS="1") as service, platform_one() as platform:
        service.options = ("--sandbox", "plain")  # without the self-test, starts take a fraction of the time
        service.start()
        store = service.open_store()
        line_item = link(store, platform, service.url)
        for token in service.tokens:
            files = {"files": ("mlp.py", TOY_SOLUTION.encode())}
            headers = {"Authorization": f"Bearer {token}"}
            url = f"{service.url}/api/v1/courses/ml/assignments/toy/submissions"
            assert httpx.post(url, files=files, headers=headers, verify=VERIFY).status_code == 202
        wait_until_final(store, len(STUDENTS))
        numbers_before_hold = 0
        for kill in range(KILLS):
            service.send(signal.SIGKILL)
            if kill == KILLS // 2:
                hold(store, held=True)
                numbers_before_hold = len(accepted(platform, HELD))
            adjust(store)
            with store.write() as tx:  # claims of the process that was killed end
                tx.execute(update(outbox).where(outbox.c.due_at.is_not(None)).values(due_at=now()))
            service.start()
            wait_for_requests(platform, moments.randint(0, 2))
            time.sleep(moments.uniform(0.0, 0.1))  # the answer comes, and is recorded
        wait_until_sent(store)
        assert len(accepted(platform, HELD)) == numbers_before_hold, "a number has left after the hold"
        hold(store, held=None)
        wait_until_sent(store)
        numbers = {login: accepted(platform, login) for login in STUDENTS}
        for login, bodies in numbers.items():
            points = [body["scoreGiven"] for body in bodies]
            assert points == sorted(points), "an older score has replaced a newer one"
            assert platform.grade_of("ml", line_item, f"lti-{login}") == points[-1] == 4 + KILLS / 100
        assert {score["status"] for score in platform.scores()} <= {200, 409}
        print(
            f"{len(platform.scores())} requests, numbers { {login: len(bodies) for login, bodies in numbers.items()} }"
        )
        assert len(numbers["s0"]) > KILLS / 5, "the kills have left no time to send anything"
        store.close()
