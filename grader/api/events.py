"""Server-sent events about the grading of one submission."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent
from starlette.concurrency import run_in_threadpool

from grader.api.identity import Caller, TheCaller, find_caller
from grader.api.limits import RateLimits
from grader.api.openapi import problem_response
from grader.api.schemas import SubmissionId
from grader.api.views import QueuePlace, SubmissionView, find, may_see, queue_place
from grader.api.visibility import Visibility
from grader.errors import StoreUnavailable
from grader.store import gradings
from grader.store.records import Grading, State
from grader.workers.events import Event

router = APIRouter(prefix="/api/v1", tags=["submissions"])

POLL_SECONDS = 2.0
"""Interval at which the database is queried for the place in the queue, the state of the grading, and the watcher's
permission."""
RECONNECT_MILLISECONDS = 3_000


def _view_of(id: SubmissionId, caller: TheCaller) -> SubmissionView:
    """Return the view of the submission whose grading is to be watched. Raise 404 if the caller may not see it."""
    with caller.read() as tx:
        return find(tx, caller, id)


async def _count_stream(request: Request, caller: TheCaller) -> AsyncIterator[None]:
    """Count this stream as one of the caller's open streams until it ends. Raise 429 if the caller has too many."""
    limits: RateLimits = request.app.state.limits
    async with limits.stream(caller.person.id):
        yield


@router.get(
    "/submissions/{id}/events",
    response_class=EventSourceResponse,
    dependencies=[Depends(_count_stream)],
    responses={
        429: problem_response("The caller watches too many gradings"),
        200: {
            "description": "Server-sent events: `state` (the current state, then every change), `position` in the "
            "queue, `section` when a section starts or finishes, `training` with the CPU seconds used, and `end` as "
            "the last event. If the caller loses access, the stream ends without `end`",
        },
    },
)
async def watch_submission(
    request: Request, caller: TheCaller, view: Annotated[SubmissionView, Depends(_view_of)]
) -> AsyncIterator[ServerSentEvent]:
    """Watch a grading.

    Stream the past and future events of a grading. The data of each event is a JSON object.
    """
    async with caller.service.events.watch(view.grading.id) as events:
        stream = _EventStream(request, caller, view)
        messages = await stream.poll()
        while True:
            for message in messages:
                yield message
            if stream.ended:
                return
            try:
                event = await asyncio.wait_for(events.get(), POLL_SECONDS)
            except TimeoutError:
                messages = await stream.poll()
            else:
                messages = await stream.on_event(event)


class _EventStream:
    """The server-sent events for one client that watches a grading."""

    def __init__(self, request: Request, caller: Caller, view: SubmissionView) -> None:
        self._request = request
        self._caller = caller
        self._view = view
        self._state: State | None = None
        """The state that was last sent; None before the first one."""
        self._place: QueuePlace | None = None
        """The place in the queue that was last sent."""
        self.ended = False
        """True if the stream must be closed: the grading is final, or the caller has lost access."""

    async def poll(self) -> list[ServerSentEvent]:
        """Query the database and return events if the state or the place in the queue has changed. Return no events
        while the database cannot be reached."""
        try:
            grading, place = await run_in_threadpool(self._query)
        except StoreUnavailable:
            return []
        if grading is None:
            self.ended = True
            return []
        messages = self._state_events(grading.state)
        if place and place != self._place:
            self._place = place
            messages.append(ServerSentEvent(event="position", data=vars(place)))
        return messages

    async def on_event(self, event: Event) -> list[ServerSentEvent]:
        """Convert an event of the grading to the server-sent events that the watcher may see. If the watcher has lost
        access, end the stream and return no events."""
        with suppress(StoreUnavailable):
            self.ended = not await run_in_threadpool(self._may_watch)
        if self.ended:
            return []
        if event.kind == "state":
            return self._state_events(State(event.name))
        event = Visibility(self._view.offering, self._caller).event(event)
        data: dict[str, Any] = {"section": event.name}
        if event.kind == "training":
            data |= {"cpu_seconds": event.cpu_seconds, "limit": event.limit}
        else:
            data |= {"done": event.done, "checks": [vars(check) for check in event.checks]}
        return [ServerSentEvent(event=event.kind, data=data)]

    def _query(self) -> tuple[Grading | None, QueuePlace | None]:
        """Return the grading and its place in the queue; no grading if the caller has lost access."""
        if not self._may_watch():
            return None, None
        with self._caller.read() as tx:
            grading = gradings.get(tx, self._view.grading.id)
            assert grading is not None
            return grading, queue_place(tx, self._caller, self._view)

    def _may_watch(self) -> bool:
        """Return whether the caller's token or session is still valid, and the caller may still see the submission."""
        caller = find_caller(self._request)
        if caller is None or not may_see(caller, self._view.submission):
            return False
        self._caller = caller
        return True

    def _state_events(self, state: State) -> list[ServerSentEvent]:
        """Return the event `state` if the state has changed, followed by the event `end` if it is final."""
        if state is self._state:
            return []
        self._state = state
        data = {"grading": self._view.grading.id, "state": state, "final": state.is_final}
        messages = [ServerSentEvent(event="state", data=data, retry=RECONNECT_MILLISECONDS)]
        if state.is_final:
            self.ended = True
            messages.append(ServerSentEvent(event="end", data={"state": state}))
        return messages
