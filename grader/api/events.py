"""Watching one submission being graded, as server-sent events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent
from starlette.concurrency import run_in_threadpool

from grader.api import visible
from grader.api.identity import Caller, TheCaller, holder
from grader.api.limits import Limits
from grader.api.schemas import SubmissionId
from grader.api.seen import Seen, find, may_see
from grader.api.waiting import Place, place
from grader.api.wiring import TheService
from grader.errors import StoreUnavailable
from grader.service import Service
from grader.store import gradings
from grader.store.records import State
from grader.workers.events import Event

router = APIRouter(prefix="/api/v1", tags=["submissions"])

LOOK_SECONDS = 2.0
"""How often the database is asked for the place in the queue, for changes by other machines, and for the watcher's
permission."""
RECONNECT_MILLISECONDS = 3_000


def _seen(id: SubmissionId, service: TheService, caller: TheCaller) -> Seen:
    """Before the stream begins, so that what is wrong is an ordinary problem."""
    with service.store.read() as tx:
        return find(tx, service, caller, id)


async def _counted(request: Request, caller: TheCaller) -> AsyncIterator[None]:
    """Count the stream for this person until it ends."""
    limits: Limits = request.app.state.limits
    async with limits.stream(caller.person.id):
        yield


_EXAMPLE = (
    'event: position\ndata: {"position": 3, "estimate_seconds": 42.0}\n\nevent: end\ndata: {"state": "graded"}\n\n'
)


@router.get(
    "/submissions/{id}/events",
    summary="Watch it being graded",
    response_class=EventSourceResponse,
    dependencies=[Depends(_counted)],
    responses={
        429: {"description": "This person watches too many gradings already"},
        200: {
            "description": "Server-sent events: `state` (first as it is now, then whenever it changes), `position` "
            "while it waits, `section` as each is begun or decided, `training` with the CPU seconds used, and `end` "
            "once nothing more will come. The stream ends without `end` if the watcher may not see it any more",
            "content": {"text/event-stream": {"example": _EXAMPLE}},
        },
    },
)
async def watch_submission(
    request: Request, service: TheService, caller: TheCaller, seen: Annotated[Seen, Depends(_seen)]
) -> AsyncIterator[ServerSentEvent]:
    """What has happened, then what happens. The data of each event is one JSON object."""
    async with service.events.watch(seen.grading.id) as happening:
        watch = _Watch(request, service, caller, seen)
        for said in await watch.look():
            yield said
        while not watch.over:
            try:
                happened = await asyncio.wait_for(happening.get(), LOOK_SECONDS)
            except TimeoutError:
                news = await watch.look()
            else:
                news = await watch.heard(happened)
            for said in news:
                yield said


@dataclass(frozen=True)
class _Look:
    state: State
    place: Place | None


class _Watch:
    """What one watcher has been told."""

    def __init__(self, request: Request, service: Service, caller: Caller, seen: Seen) -> None:
        self._request = request
        self._service = service
        self._caller = caller
        self._seen = seen
        self._state: State | None = None
        self._place: Place | None = None
        self.over = False

    async def look(self) -> list[ServerSentEvent]:
        """Return news from the database; none while it is away."""
        try:
            now = await run_in_threadpool(self._looked)
        except StoreUnavailable:
            return []
        if now is None:
            self.over = True
            return []
        news = self._state_is(now.state)
        if now.place and now.place != self._place:
            self._place = now.place
            news.insert(0 if self.over else len(news), _said("position", asdict(now.place)))
        return news

    async def heard(self, happened: Event) -> list[ServerSentEvent]:
        """Return an event as the watcher may see it. A database that is away cannot revoke the permission."""
        with suppress(StoreUnavailable):
            self.over = not await run_in_threadpool(self._may_watch)
        if self.over:
            return []
        if happened.kind == "state":
            return self._state_is(State(happened.name))
        return [_said(happened.kind, _fields(visible.event(happened, self._seen.offering, self._caller)))]

    def _looked(self) -> _Look | None:
        if not self._may_watch():
            return None
        with self._service.store.read() as tx:
            grading = gradings.get(tx, self._seen.grading.id)
            assert grading is not None
            return _Look(grading.state, place(tx, self._service, grading, self._seen.submission.kind))

    def _may_watch(self) -> bool:
        """Return whether the token or session is still valid and its person may still see the submission."""
        caller = holder(self._request)
        if caller is None or not may_see(caller, self._seen.submission):
            return False
        self._caller = caller
        return True

    def _state_is(self, state: State) -> list[ServerSentEvent]:
        if state is self._state:
            return []
        self._state = state
        said = [_said("state", {"grading": self._seen.grading.id, "state": state, "final": state.is_final})]
        if state.is_final:
            self.over = True
            said.append(_said("end", {"state": state}))
        return said


def _fields(happened: Event) -> dict[str, Any]:
    if happened.kind == "training":
        return {"section": happened.name, "cpu_seconds": happened.cpu_seconds, "limit": happened.limit}
    return {"section": happened.name, "done": happened.done, "checks": [asdict(check) for check in happened.checks]}


def _said(name: str, data: dict[str, Any]) -> ServerSentEvent:
    return ServerSentEvent(event=name, data=data, retry=RECONNECT_MILLISECONDS if name == "state" else None)
