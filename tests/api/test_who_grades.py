"""Staff see who grades, and what waits in vain."""

from __future__ import annotations

import datetime as dt

from grader.store import workers
from grader.store.database import now
from grader.store.records import Worker
from tests.api.world import LANE, World


def test_staff_see_the_live_workers_and_what_none_of_them_takes(world: World) -> None:
    world.hand_in("ada")
    with world.service.store.write() as tx:
        workers.beat(tx, Worker("host:42", ("another key",), 3, "bubblewrap", now()), dt.timedelta(minutes=1))
    shown = world.client.get("/api/v1/queue", headers=world.headers("grace")).json()
    assert [(worker["name"], worker["compatibility_keys"]) for worker in shown["workers"]] == [
        ("host:42", ["another key"])
    ]
    assert [(found["compatibility_key"], found["gradings"]) for found in shown["unserved"]] == [(LANE, 1)]
    assert LANE in shown["unserved"][0]["why"]
    browser = world.headers("grace") | {"Accept": "text/html"}
    page = " ".join(world.client.get("/queue", headers=browser).text.split())
    assert "<dt>at a time</dt><dd>2</dd>" in page  # as serve says it; the third is for pre-checks alone
    assert "each worker has one process for pre-checks alone" in page
