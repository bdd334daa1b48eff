"""A service with GRADER_KEEP_DAYS erases people who have left, and one without it does not."""

from __future__ import annotations

import datetime as dt
import time
from pathlib import Path

from sqlalchemy import select, update

from grader.store import people
from grader.store.tables import courses
from grader.store.tables import people as accounts
from tests.running import Running, running

LONG_AGO = {"created_at": dt.datetime(2020, 1, 1, tzinfo=dt.UTC)}
SECONDS = 60


def test_people_who_have_left_are_erased_if_the_operator_sets_so(tmp_path: Path) -> None:
    with running(tmp_path, 2) as service:
        store = service.open_store()
        with store.write() as tx:
            tx.execute(update(courses).values(LONG_AGO))
            tx.execute(update(accounts).filter_by(login="s0").values(LONG_AGO))
        store.close()
        service.start()
        service.end()
        assert "retention" not in service.log()
        service.environment["GRADER_KEEP_DAYS"] = "365"
        service.start()
        _wait_for(service, "retention")
        service.end()
        store = service.open_store()
        with store.read() as tx:
            logins = list(tx.scalars(select(accounts.c.login).where(accounts.c.login.regexp_match("^(s[0-9]|erased)"))))
            roster = [member.person.login for member in people.roster(tx, "ml")]
        store.close()
    assert sorted(login.partition("-")[0] for login in logins) == ["erased", "s1"]
    assert roster == ["s1"]  # s0 has submitted nothing


def _wait_for(service: Running, event: str) -> None:
    deadline = time.monotonic() + SECONDS
    while event not in service.log():
        assert time.monotonic() < deadline, service.log()[-2000:]
        time.sleep(0.05)
