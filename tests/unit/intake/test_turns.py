"""One person's requests wait for each other, and others' do not wait for all of them."""

from __future__ import annotations

import asyncio
from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest

from grader.api.middleware import PersonLimit, Requests
from grader.bounds import MAX_REQUESTS_AT_ONCE, MAX_REQUESTS_WAITING
from grader.intake.turns import Turns


def test_so_many_at_a_time_in_the_order_in_which_they_came() -> None:
    done: list[int] = []
    running: list[int] = []

    async def one(turns: Turns, n: int) -> None:
        async with turns.of("ada"):
            running.append(n)
            assert len(running) <= 2
            await asyncio.sleep(0)
            running.remove(n)
            done.append(n)

    async def all_() -> None:
        turns = Turns(2)
        await asyncio.gather(*(one(turns, n) for n in range(10)))

    asyncio.run(all_())
    assert done == list(range(10))


def test_who_fails_gives_the_turn_back() -> None:
    async def all_() -> None:
        turns = Turns(1)
        for _ in range(3):
            with pytest.raises(ZeroDivisionError):
                async with turns.of("ada"):
                    raise ZeroDivisionError

    asyncio.run(asyncio.wait_for(all_(), 20))


@pytest.mark.parametrize(("path", "most"), [("/api/v1/me", MAX_REQUESTS_AT_ONCE), ("/api/v1/submissions/x/events", 50)])
def test_fifty_requests_of_one_person_leave_the_service_to_others(path: str, most: int) -> None:
    running: Counter[str] = Counter()

    async def all_() -> None:
        over = asyncio.Event()

        async def app(scope: Any, receive: Any, send: Any) -> None:
            running[scope["state"]["caller"].person.id] += 1
            await over.wait()

        limited = PersonLimit(app)

        def request(person: str) -> asyncio.Task[None]:
            caller = SimpleNamespace(person=SimpleNamespace(id=person))
            scope = {"type": "http", "path": path, "headers": [], "state": {"caller": caller}}
            return asyncio.create_task(limited(scope, None, None))  # type: ignore[arg-type]

        tasks = [request("ada") for _ in range(50)] + [request("bob")]
        for _ in range(10):
            await asyncio.sleep(0)
        assert running == {"ada": most, "bob": 1}
        over.set()
        await asyncio.gather(*tasks)

    asyncio.run(all_())
    assert running == {"ada": 50, "bob": 1}


def test_of_one_person_s_requests_so_many_wait_and_further_ones_are_refused() -> None:
    """Each that waits keeps a connection open, which others need."""
    refused: list[int] = []
    problems: list[str] = []

    async def all_() -> None:
        over = asyncio.Event()

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await over.wait()

        async def send(message: Any) -> None:
            refused.extend([message["status"]] if "status" in message else [])

        limited = Requests(PersonLimit(app))
        caller = SimpleNamespace(person=SimpleNamespace(id="ada"))
        state = {"caller": caller, "request_id": "x"}
        app_ = SimpleNamespace(
            state=SimpleNamespace(metrics=SimpleNamespace(problem=problems.append, request=lambda *_: None))
        )
        scope = {"type": "http", "method": "GET", "path": "/api/v1/me", "headers": [], "state": state, "app": app_}
        tasks = [
            asyncio.create_task(limited(scope, None, send))  # type: ignore[arg-type]
            for _ in range(MAX_REQUESTS_AT_ONCE + MAX_REQUESTS_WAITING + 2)
        ]
        for _ in range(10):
            await asyncio.sleep(0)
        assert refused == [429, 429]
        over.set()
        await asyncio.gather(*tasks)

    asyncio.run(all_())
    assert refused == [429, 429]
    assert problems == ["requests-at-once"] * 2
