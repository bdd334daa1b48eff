"""What was acknowledged is graded, exactly once, whatever is killed meanwhile. Real processes, killed for real."""

from __future__ import annotations

import random
import signal
import time
from pathlib import Path

import pytest

from grader.store import gradings, submissions
from grader.store.database import Store
from grader.store.records import Page, State
from tests.running import WAIT_SECONDS, Load, Running, running


def wait_until_final(store: Store, count: int) -> dict[str, list[State]]:
    """Submission → the states of its gradings, once none of them waits or runs."""
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        with store.read() as tx:
            found = submissions.of_offering(tx, "ml", page=Page(100_000))
            states = {s.id: [g.state for g in gradings.of_submission(tx, s.id)] for s in found}
        if len(states) >= count and all(state.is_final for one in states.values() for state in one):
            return states
        assert time.monotonic() < deadline, f"stuck: {[id for id, s in states.items() if not s[0].is_final]}"
        time.sleep(0.2)


def check(service: Running, load: Load) -> None:
    assert load.refused == []
    store = service.open_store()
    states = wait_until_final(store, len(load.acknowledged))
    store.close()
    assert set(states) == set(load.acknowledged.values()), "each request has become one submission"
    assert len(load.acknowledged) == len(set(load.acknowledged.values()))
    assert set(map(tuple, states.values())) == {(State.GRADED,)}, "each was graded exactly once"


@pytest.mark.parametrize("kills", [5, pytest.param(50, marks=pytest.mark.proof)])
def test_a_killed_service_loses_nothing(kills: int, tmp_path: Path) -> None:
    seed = random.SystemRandom().randrange(1 << 32)
    print(f"replay with seed {seed}")
    moments = random.Random(seed)
    with running(tmp_path, students=4, GRADER_WORKERS="2") as service:
        service.start()
        with Load([service.url], service.tokens) as load:
            for _ in range(kills):
                time.sleep(moments.uniform(0.0, 2.0))
                service.send(signal.SIGKILL)
                service.start()
        check(service, load)


def test_a_service_that_is_asked_to_end_hands_back_what_runs(tmp_path: Path) -> None:
    with running(tmp_path, students=4, GRADER_WORKERS="1", GRADER_GRACE_SECONDS="0") as service:
        service.start()
        with Load([service.url], service.tokens) as load:
            time.sleep(1.5)
            assert service.send(signal.SIGTERM) == 0
            service.start()
        check(service, load)
        assert service.send(signal.SIGTERM) == 0
