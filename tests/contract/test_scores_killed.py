"""Scores reach a learning platform once in effect, and none after a hold, whatever is killed meanwhile."""

from __future__ import annotations

import signal
import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, insert, select, update

from grader.store import adjustments, people
from grader.store.database import Store, now
from grader.store.recording import Author
from grader.store.records import Channel
from grader.store.tables import lti_line_items, outbox, submissions
from tests.contract.test_dispatch import wait_until_final
from tests.lms.linked import put_context, put_platform, put_students
from tests.lms.platforms import Platform, platform_one
from tests.running import WAIT_SECONDS, Load, running, seeded

pytestmark = pytest.mark.long
KILLS = 50
STUDENTS = ("s0", "s1", "s2")
HELD = "s2"


def link(store: Store, platform: Platform, url: str) -> str:
    """Link a course of the platform, with a column for the assignment. Return the column's URL."""
    id, deployment = put_platform(store, platform, f"{url}/lti/jwks.json", url)
    platform.add_course("ml", "Machine learning", deployment)
    context = put_context(store, platform, id, deployment, "ml")
    with store.read() as tx:
        persons = {member.person.login: member.person.id for member in people.roster(tx, "ml")}
    put_students(store, platform, context, "ml", persons)
    item = {"scoreMaximum": 5.5, "resourceId": "ml/toy"}
    line_item = str(platform.add_link("ml", "Toy", lineItem=item)["line_item"])
    with store.write() as tx:
        tx.execute(insert(lti_line_items).values(context=context, assignment="toy", url=line_item))
    return line_item


def hold(store: Store, held: bool | None) -> None:
    with store.write(Author(None, "test")) as tx:
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


def accepted(platform: Platform, login: str) -> list[dict[str, Any]]:
    """The numbers that the platform has accepted for a student."""
    bodies = [score["body"] for score in platform.scores() if score["status"] == 200]
    return [body for body in bodies if body["userId"] == f"lti-{login}" and "scoreGiven" in body]


def newest(store: Store, login: str) -> str:
    """The time of a student's newest submission."""
    with store.read() as tx:
        person = people.person_by_login(tx, login)
        assert person
        moment = tx.scalar(select(func.max(submissions.c.received_at)).filter_by(by=person.id))
        assert moment
    return moment.isoformat(timespec="milliseconds")


def test_scores_are_sent_once_in_effect_and_none_after_a_hold_whatever_is_killed(tmp_path: Path) -> None:
    moments = seeded()
    with running(tmp_path, students=len(STUDENTS), GRADER_WORKERS="1") as service, platform_one() as platform:
        service.options = ("--sandbox", "plain")  # without the self-test, starts take a fraction of the time
        service.start()
        store = service.open_store()
        line_item = link(store, platform, service.url)
        numbers_before_hold = 0
        with Load([service.url], service.tokens) as load:
            for kill in range(KILLS):
                time.sleep(moments.uniform(0.0, 1.0))
                service.send(signal.SIGKILL)
                if kill == KILLS // 2:
                    hold(store, held=True)
                    numbers_before_hold = len(accepted(platform, HELD))
                service.start()
        wait_until_final(store, len(load.acknowledged))
        wait_until_sent(store)
        assert load.refused == []
        assert len(accepted(platform, HELD)) == numbers_before_hold, "a number has left after the hold"
        hold(store, held=None)
        wait_until_sent(store)
        for login in STUDENTS:
            times = [body["submission"]["submittedAt"] for body in accepted(platform, login)]
            assert times == sorted(times), "an older score has replaced a newer one"
            assert times[-1] == newest(store, login), "the newest score is lost"
            assert platform.grade_of("ml", line_item, f"lti-{login}") == 4
        assert {score["status"] for score in platform.scores()} <= {200, 409}
        counts = {login: len(accepted(platform, login)) for login in STUDENTS}
        print(f"{len(load.acknowledged)} submissions, {len(platform.scores())} requests, numbers {counts}")
        store.close()
