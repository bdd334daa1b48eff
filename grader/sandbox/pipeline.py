"""Requests that wait, and are sent together, in one frame, when the answer to one of them is used.

A frame wakes the sandbox's process once, however many requests it has. The process answers them in order and stops at
the first failure, so they have the effects that they would have one by one. The requests of a frame share the limits of
one request. If a frame ends its session, its requests are sent again one by one in a fresh session, in which all
earlier requests have been repeated. So each request has the limits that it would have if it were sent alone.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from grader.model import Failure, Limit, Raised, Stopped
from grader.sandbox.contract import Answered, Session

MAX_STOPPED_CALLS = 2
"""After this many calls of a method have been stopped at a time limit, it is not called again, to save time."""
MOST_TOGETHER = 100
"""Largest number of requests in a frame."""


@dataclass(eq=False)
class PendingRequest:
    """A request, and its outcome once it has been sent."""

    request: list[Any]
    cpu_seconds: float
    """Limit on the CPU seconds of the request."""
    method: str = ""
    """The student's method that the request calls; "" if it calls none."""
    conditions: Sequence[PendingRequest] = ()
    """Earlier requests. If one of them has failed, this request fails as well, and is not sent."""
    failing: str = ""
    """Phrase that names the failed call in messages of requests that fail with this one."""
    alone: bool = False
    """True if no other request may be in the same frame."""
    lasting: bool = False
    """True if the request takes so long that it is sent alone, and not repeated in a fresh session."""
    instead: Callable[[Failure], Any] | None = None
    """Function that is called if the request raises, before later requests are sent. It returns the outcome."""
    beginning: int = 0
    """Number of calls of `Pipeline.begin` before the request."""
    outcome: Any = None
    is_known: bool = False
    """True if `outcome` is the returned value or a `Failure`."""

    def settle(self, outcome: Any) -> None:
        self.outcome, self.is_known = outcome, True

    @property
    def failed_condition(self) -> Failure | None:
        """The failure of the first condition that is known to have failed."""
        for condition in self.conditions:
            failure = condition.outcome
            if condition.is_known and isinstance(failure, Failure):
                return replace(failure, before=failure.before or condition.failing)
        return None


@dataclass
class Pipeline:
    """The requests of a submission, in one session after another.

    Args:
        start: Function that ends the session, and sets `session` to a new one in which the code is loaded.
        failure: Function that returns the failure of every further request; None while requests can be sent.
    """

    start: Callable[[], None]
    failure: Callable[[], Failure | None]
    session: Session | None = None
    stopped: dict[str, list[Stopped]] = field(default_factory=dict)
    """Method → failures of its calls that were stopped at a time limit."""
    _waiting: list[PendingRequest] = field(default_factory=list)
    _beginnings: int = 0
    _ended_at: int = 0
    """`PendingRequest.beginning` of the request that has ended the session."""
    _sent: list[tuple[list[Any], float]] | None = field(default_factory=list)
    """The requests sent in this session, with their limits; None if they cannot be repeated."""
    _one_by_one: bool = False
    """True after a frame of several requests has ended its session."""
    _sending: threading.RLock = field(default_factory=threading.RLock)
    """Held while requests are sent: threads of long checks share the pipeline of code that cannot be loaded."""

    @property
    def is_alive(self) -> bool:
        return self.session is not None and self.session.alive

    def begin(self) -> None:
        """Start a session if none is running. Requests that wait keep the old session: if they end it, requests that
        are added after this call get a fresh one."""
        self._beginnings += 1
        if not self._waiting:
            self._restart()

    def start_anew(self) -> None:
        """Send all requests that wait. Then forget them and the stopped calls, since later requests do not depend on
        them."""
        self.send_all()
        self.stopped.clear()
        if self._sent is not None:
            self._sent.clear()

    def add(self, pending: PendingRequest) -> PendingRequest:
        """Let a request wait until `send_all` is called."""
        pending.beginning = self._beginnings
        pending.alone = pending.alone or pending.lasting
        self.stopped.setdefault(pending.method, [])
        self._waiting.append(pending)
        return pending

    def result(self, pending: PendingRequest) -> Any:
        """Return the value or failure of a request. Send all that wait if it has not been sent."""
        with self._sending:
            if not pending.is_known:
                self.send_all()
        return pending.outcome

    def send_all(self) -> None:
        """Send all requests that wait."""
        with self._sending:
            waiting, self._waiting = self._waiting, []
            while waiting:
                waiting = waiting[self._send_first(waiting) :]

    def _restart(self) -> None:
        if not self.is_alive and self.failure() is None:
            self._sent = []
            self.start()

    def _send_first(self, waiting: Sequence[PendingRequest]) -> int:
        """Send the first requests that wait. Return how many of them have their outcome."""
        first = waiting[0]
        if first.beginning > self._ended_at:
            self._restart()
        failure = self._known_failure(first)
        if failure is not None:
            first.settle(failure)
            return 1
        assert self.session is not None, "begin() comes first"
        session, frame = self.session, self._frame(waiting)
        was_alive, used_before = session.alive, session.used
        if len(frame) == 1:
            answers = [session.request(first.request, first.cpu_seconds)]
        else:
            answers = session.request_several([pending.request for pending in frame], first.cpu_seconds)
        if was_alive and not session.alive:
            self._ended_at = first.beginning
            if len(frame) > 1 and self.failure() is None:
                self._repeat()
                wall_seconds = session.used.wall_seconds - used_before.wall_seconds
                cpu_seconds = session.used.cpu_seconds - used_before.cpu_seconds
                session.budget.use_seconds(-wall_seconds, -cpu_seconds)  # each request is paid for once
                return 0
        known = 0
        for pending, answer in zip(frame, answers, strict=True):
            known += 1
            pending.settle(answer.value if isinstance(answer, Answered) else answer)
            if not isinstance(answer, Answered):
                self._note_stopped(pending, answer, was_alive)
                break
        if first.lasting:
            self._sent = None
        elif self._sent is not None:
            self._sent += [(pending.request, pending.cpu_seconds) for pending in frame[:known]]
        self._replace_failure(frame[known - 1])
        return known

    def _replace_failure(self, pending: PendingRequest) -> None:
        """If a request has raised, call its `instead`. Requests that this function adds count as made at the same
        beginning."""
        if pending.instead is None or not isinstance(pending.outcome, Raised):
            return
        beginnings, self._beginnings = self._beginnings, pending.beginning
        pending.settle(pending.instead(pending.outcome))
        self._beginnings = beginnings

    def _known_failure(self, pending: PendingRequest) -> Failure | None:
        """Return the failure of a request that is not sent; None if it is to be sent."""
        failure = self.failure() or pending.failed_condition
        stopped = self.stopped[pending.method]
        if failure is None and len(stopped) >= MAX_STOPPED_CALLS:
            return replace(stopped[-1], given_up=True)
        return failure

    def _frame(self, waiting: Sequence[PendingRequest]) -> list[PendingRequest]:
        """Return the first requests that wait and may be sent together."""
        frame = [waiting[0]]
        if self._one_by_one or self._sent is None or waiting[0].alone:
            return frame
        for pending in waiting[1:MOST_TOGETHER]:
            if pending.alone or self._known_failure(pending) is not None:
                break
            frame.append(pending)
        return frame

    def _note_stopped(self, pending: PendingRequest, failure: Failure, was_alive: bool) -> None:
        """Note a call of a method that was stopped at a time limit. An ended session repeats its failure."""
        if not (isinstance(failure, Stopped) and was_alive and pending.method):
            return
        if failure.limit is not Limit.REPLY and not failure.whole_submission:
            self.stopped[pending.method].append(failure)

    def _repeat(self) -> None:
        """Repeat the requests of a session that has ended in a fresh one. From now on, requests are sent one by one."""
        self._one_by_one = True
        repeated = self._sent or []
        self._restart()
        if self.session is not None:
            for request, cpu_seconds in repeated:
                self.session.request(request, cpu_seconds)
            used = self.session.used
            self.session.budget.use_seconds(-used.wall_seconds, -used.cpu_seconds)
        self._sent = repeated
