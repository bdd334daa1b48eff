"""What was acknowledged is graded, exactly once, whatever is killed meanwhile. Real processes, killed for real."""

from __future__ import annotations

import itertools
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from sqlalchemy import func, select

from grader.store import gradings, submissions
from grader.store.database import Store
from grader.store.records import Page, State
from grader.store.tables import gradings as table
from tests.postgres import Cluster
from tests.running import VERIFY, WAIT_SECONDS, Load, Running, add_graded, running, seeded

pytestmark = pytest.mark.long


def wait_until_final(store: Store, count: int) -> dict[str, list[State]]:
    """Submission → the states of its gradings, once none of them waits or runs. Stuck is where nothing moves."""
    open_before, deadline = -1, 0.0
    while True:
        with store.read() as tx:
            found = submissions.of_offering(tx, "ml", page=Page(100_000))
            states = {s.id: [g.state for g in gradings.of_submission(tx, s.id)] for s in found}
        still_open = [id for id, states_of_it in states.items() if not all(state.is_final for state in states_of_it)]
        if len(states) >= count and not still_open:
            return states
        if len(still_open) != open_before:
            open_before, deadline = len(still_open), time.monotonic() + WAIT_SECONDS
        assert time.monotonic() < deadline, f"stuck: {still_open}"
        time.sleep(0.2)


def check(service: Running, load: Load) -> None:
    assert load.refused == []
    store = service.open_store()
    states = wait_until_final(store, len(load.acknowledged))
    with store.read() as tx:
        given_up = [(g.id, g.why) for id in states for g in gradings.of_submission(tx, id) if g.state is State.BROKEN]
    store.close()
    assert given_up == []
    assert set(states) == set(load.acknowledged.values()), "each request has become one submission"
    assert len(load.acknowledged) == len(set(load.acknowledged.values()))
    assert set(map(tuple, states.values())) == {(State.GRADED,)}, "each was graded exactly once"


@pytest.mark.parametrize("sizes", [(1_000, 3_000_000)], ids=["1kB-3MB"])
@pytest.mark.parametrize("kills", [3, pytest.param(200, marks=pytest.mark.proof)])
def test_a_killed_service_loses_nothing(kills: int, sizes: tuple[int, int], tmp_path: Path) -> None:
    """`sizes`: bytes of the smallest and of the largest upload. After each kill the service starts."""
    moments = seeded()
    with running(tmp_path, students=4, GRADER_WORKERS="2") as service:
        service.start()
        with Load([service.url], service.tokens, sizes) as load:
            for _ in range(kills):
                time.sleep(moments.uniform(0.0, 2.0))
                service.send(signal.SIGKILL)
                service.start()
        check(service, load)


def test_a_regrade_whose_start_is_killed_goes_on_and_others_write_meanwhile(tmp_path: Path) -> None:
    submitted = 2_000
    with running(tmp_path, students=20) as service, ThreadPoolExecutor(1) as teacher:
        headers = {"Authorization": f"Bearer {add_graded(service, submitted)}"}
        service.start()
        url = f"{service.url}/api/v1/courses/ml/assignments/toy/regrades"
        teacher.submit(httpx.post, url, json={"which": "all"}, headers=headers, timeout=60, verify=VERIFY)
        store = service.open_store()
        queued = 0
        while not queued:
            queued = regraded(store)
        service.send(signal.SIGKILL)
        assert 0 < queued < submitted
        service.start()
        deadline = time.monotonic() + WAIT_SECONDS
        while regraded(store) < submitted:
            assert time.monotonic() < deadline
            time.sleep(0.2)
        store.close()
        (regrade,) = httpx.get(url, headers=headers, verify=VERIFY).json()
        assert sum(regrade["progress"].values()) == submitted


def regraded(store: Store) -> int:
    """The gradings of regrades, counted in a transaction that writes."""
    with store.write() as tx:
        return tx.scalar(select(func.count()).select_from(table).where(table.c.regrade.is_not(None))) or 0


def test_a_service_that_is_asked_to_end_hands_back_what_runs(tmp_path: Path) -> None:
    with running(tmp_path, students=4, GRADER_WORKERS="1", GRADER_GRACE_SECONDS="0") as service:
        service.start()
        with Load([service.url], service.tokens) as load:
            time.sleep(1.5)
            assert service.send(signal.SIGTERM) == 0
            service.start()
        check(service, load)
        assert service.send(signal.SIGTERM) == 0


# ── many machines ────────────────────────────────────────────────────────────────────────────────────

LEASE_SECONDS = 2.0


@contextmanager
def many_machines(folder: Path, url: str) -> Iterator[tuple[list[Running], list[Running]]]:
    """Two doors and three workers, which have answered."""
    settings = {
        "GRADER_DATABASE_URL": url,
        "GRADER_WORKERS": "1",
        "GRADER_LEASE_SECONDS": str(LEASE_SECONDS),
        "GRADER_RATE_LIMIT_UPLOADS": "",
    }
    with running(folder, students=3, **settings) as door:
        doors, workers = [door, door.another()], [door.worker() for _ in range(3)]
        try:
            for one in (*doors, *workers):
                one.launch()
            for one in (*doors, *workers):
                one.wait()
            yield doors, workers
        finally:
            for one in (*doors, *workers):
                one.end()


def happenings(moments: int) -> list[str]:
    """Something is killed, the database is away, and something is stopped, in turn."""
    return list(itertools.islice(itertools.cycle(("killed", "away", "stopped")), moments))


@pytest.mark.parametrize("moments", [3, pytest.param(100, marks=pytest.mark.proof)])
def test_killed_or_stopped_services_and_workers_lose_nothing(
    moments: int, tmp_path: Path, postgres: Cluster, migrated_postgres_url: str
) -> None:
    choice = seeded()
    with many_machines(tmp_path, migrated_postgres_url) as (doors, workers):
        with Load([door.url for door in doors], doors[0].tokens) as load:
            for happening in happenings(moments):
                time.sleep(choice.uniform(0.0, 2.0))
                match happening:
                    case "killed":
                        choice.choice([*doors, *workers]).send(signal.SIGKILL)
                    case "stopped":
                        with choice.choice(workers).stopped():
                            time.sleep(LEASE_SECONDS * 1.5)
                    case "away":
                        with postgres.gone():
                            time.sleep(choice.uniform(0.0, 2.0))
                for one in (*doors, *workers):
                    one.relaunch()
        check(doors[0], load)
        for one in (doors[0], workers[0]):
            one.wait()
            assert one.send(signal.SIGTERM) == 0
