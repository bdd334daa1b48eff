"""What the machines of one service say to each other, and what they need."""

from __future__ import annotations

import asyncio
import datetime as dt
import subprocess
import sys
from collections.abc import Iterator

import pytest

from grader.model import Status
from grader.store import notices
from grader.store.database import Store
from grader.store.queue import StoreQueue
from grader.workers.events import CheckEvent, Event
from grader.workers.server_tasks import ServerTasks
from grader.workers.shared_events import SharedHub, decode, encode
from tests.conftest import ROOT, Command
from tests.postgres import Cluster

pytestmark = pytest.mark.long

LEASE = dt.timedelta(seconds=30)
LONG = Event(
    "g", "section", "q1", True, tuple(CheckEvent(f"q1.{'x' * 90}{n}", Status.PASSED, 1.0, 1.0) for n in range(200))
)


@pytest.fixture
def stores(migrated_postgres_url: str) -> Iterator[tuple[Store, Store]]:
    """Of two machines."""
    mine, theirs = Store(migrated_postgres_url), Store(migrated_postgres_url)
    yield mine, theirs
    mine.close()
    theirs.close()


@pytest.fixture
def door(stores: tuple[Store, Store]) -> Iterator[SharedHub]:
    hub = SharedHub(stores[0])
    tasks = ServerTasks(stores[0], StoreQueue({}), hub, LEASE)
    tasks.start()
    yield hub
    tasks.stop(0)


async def heard(hub: SharedHub, store: Store, event: Event) -> Event:
    """What comes of an event that another machine publishes until it is heard: who begins to listen misses a few."""
    async with hub.watch(event.grading) as queue:
        for _ in range(600):
            await asyncio.to_thread(SharedHub(store).publish, event)
            try:
                return await asyncio.wait_for(queue.get(), 0.1)
            except TimeoutError:
                continue
    raise AssertionError("nothing is heard")


def test_events_of_a_worker_reach_every_replica_even_after_an_outage(
    door: SharedHub, stores: tuple[Store, Store], postgres: Cluster
) -> None:
    event = Event("g", "section", "q1", True, (CheckEvent("q1.a", Status.PASSED, 1.0, 2.0),))
    assert asyncio.run(heard(door, stores[1], event)) == event
    with postgres.gone():
        SharedHub(stores[1]).publish(event)  # nobody hears it, and nothing breaks
    training = Event("h", "training", "q2", cpu_seconds=1.5, limit=300.0)
    assert asyncio.run(heard(door, stores[1], training)) == training


def test_a_long_event_is_split_without_loss() -> None:
    parts = encode(LONG)
    assert all(len(words.encode()) <= notices.MOST_BYTES for words in parts)
    assert tuple(check for words in parts for check in decode(words).checks) == LONG.checks


# ── what is needed ───────────────────────────────────────────────────────────────────────────────────

WITHOUT = """\
import sys
for name in ("psycopg", "psycopg_pool", "procrastinate"):
    sys.modules[name] = None
import grader.cli.grading, grader.cli.worker
from grader.errors import BadCall
from grader.store.database import Store
from grader.store.queue import StoreQueue
Store("sqlite://").close()
try:
    Store("postgresql://somewhere/grader")
except BadCall as clear:
    print(clear)
"""


def test_sqlite_needs_no_postgresql_libraries_and_missing_ones_are_named() -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT], cwd=ROOT, capture_output=True, text=True)
    assert "pip install '.[postgres]'" in done.stdout, done.stderr


def test_a_worker_reports_problems_with_its_database(grader: Command) -> None:
    """One that is not reachable is waited for: tests/journeys/test_operating.py."""
    done = grader("worker", "--sandbox", "plain", "--database", "sqlite:///grader.db")
    assert (done.returncode, done.stdout) == (2, "")
    assert "--database postgresql://" in done.stderr
