"""What every sandbox promises, and the session that they all share.

A sandbox starts a process with the guest in it and hands over three things: a socket to it, a clock of its
CPU time, and a way to end it. `Session` does the rest, the same for all: one request, one answer, limits.
Nothing that comes over the socket is believed but plain data; its end is never waited for.
"""

from __future__ import annotations

import contextlib
import select
import signal
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from grader.bounds import MAX_MESSAGE, MAX_NAME, MAX_REQUEST_HEADER_BYTES, MAX_SOURCE_LINE, cut
from grader.errors import BrokenCheck, SandboxUnavailable
from grader.guest.wire import MAX_HEADER_BYTES, PREFIX, WireError, decode, encode, pieces
from grader.model import (
    NOTHING_USED,
    Died,
    Failure,
    Limit,
    Limits,
    Place,
    Raised,
    Stopped,
    Unusable,
    Usage,
)
from grader.sandbox.budget import Budget, ProcessorQueue

GUEST = Path(__file__).parent.parent / "guest"

BOOTSTRAP = (
    "import sys; sys.path.insert(0, {home!r}); import guest.{entry}; sys.path.remove({home!r}); guest.{entry}.main()"
)
"""The guest's home leaves the path again: a student's `import wire` is the student's business."""

ENVIRONMENT = {
    "HOME": "/tmp",  # noqa: S108  inside, /tmp is the session's own
    "MPLBACKEND": "Agg",
    "MPLCONFIGDIR": "/tmp",  # noqa: S108
    "TMPDIR": "/tmp",  # noqa: S108
    "OPENBLAS_NUM_THREADS": "1",  # two threads each make two submissions at once ten times slower
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "PYTHONHASHSEED": "0",
    "LANG": "C.UTF-8",
}

IDLE_SECONDS = 20.0
START_CPU_SECONDS = 60.0

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Answered:
    """The call came back; `value` is plain data from a stranger."""

    value: Any


class Sandbox(Protocol):
    name: str
    """Goes into every report, for example "bubblewrap"."""

    def session(self, limits: Limits, shared: Mapping[str, Array]) -> Session:
        """A fresh process with the guest ready in it. Raises `SandboxUnavailable` where that is our failure."""
        ...

    def close(self) -> None: ...


class _Hung(Exception):
    def __init__(self, failure: Failure) -> None:
        self.failure = failure


@dataclass(frozen=True)
class Ended:
    """How a session's process had ended before it was ended from outside."""

    how: str = ""
    """For the student: "with exit code 0". Empty where it was running."""
    ours: str = ""
    """Why that was our failure, where it was."""


End = Callable[[bool], Ended]
"""Ends the process and all that it started, and waits until nothing of it is left. The argument: whether it seems to
have ended of itself."""


GOING_SECONDS = 0.2
"""So long may a process whose channel has closed take to be gone, where it was ending."""

CHANNEL_CLOSED = "or closed its channel to the grader"


_CRASHES = (signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGABRT)


def exit_in_words(status: int) -> str:
    """Return how a process ended and what to do about it, for `Ended.how`; `status` is what subprocess gives."""
    if status >= 0:
        return f"with exit code {status}: take out os._exit, and anything that ends or replaces the process"
    how = f"by signal {-status} ({signal.strsignal(-status)})"
    if -status in _CRASHES:
        return f"{how}: compiled code crashed; look for ctypes or a raised recursion limit"
    return f"{how}: take out whatever kills the process"


TAKE_OUT = "take out what writes to file descriptors other than standard output"


class Session:
    """One student's process. After a death or a limit it is over, and every request says so again. One thread asks;
    any other may close it meanwhile."""

    def __init__(self, channel: socket.socket, end: End, limits: Limits, pid: int | None) -> None:
        """`pid`: where its CPU time can be read from outside; without, only wall-clock time is limited."""
        self._channel = channel
        self._incoming = _Incoming(channel)
        self._end_process = end
        self._limits = limits
        self._cpu_clock = cpu_clock(pid) if pid is not None else None
        self._queue = ProcessorQueue(pid)
        self.budget = Budget(limits)
        """The session's own; a `Student` replaces it by the one that all sessions of the submission share."""
        self.pid = pid
        self._ended: Failure | None = None
        self._asking, self._ending = threading.Lock(), threading.Lock()
        self._how: Ended | None = None
        self.used = NOTHING_USED
        self.facts: Mapping[str, Any] = {}
        """Under what the student's code computes, said before any of it was there."""
        channel.setblocking(False)

    @property
    def alive(self) -> bool:
        return self._ended is None

    def welcome(self) -> None:
        """Waits until the guest is ready. Nothing of the student's has run, so whatever goes wrong here is ours."""
        first = self._within(START_CPU_SECONDS, lambda watch: self._understand(self._receive_reply(watch)))
        if not isinstance(first, Answered) or not isinstance(first.value, dict):
            self.close()
            raise SandboxUnavailable(f"a sandbox session did not start: {first}")
        self.facts = first.value

    def request(self, request: Sequence[Any], cpu_seconds: float) -> Answered | Failure:
        """Sends one request and waits for its answer, for at most `cpu_seconds` of the guest's CPU time."""
        return self._request(list(request), cpu_seconds, self._understand)

    def request_several(self, requests: Sequence[Sequence[Any]], cpu_seconds: float) -> list[Answered | Failure]:
        """In one go, one answer each; after a failure, that failure for all the rest."""
        several = ["several", [list(request) for request in requests]]
        together = self._request(several, cpu_seconds, partial(self._understand_several, most=len(requests)))
        answers = together.value if isinstance(together, Answered) else [together]
        return answers + [answers[-1]] * (len(requests) - len(answers))

    def close(self) -> None:
        self._ended = self._ended or Died("the session was closed")
        self._end_once(of_itself=False)
        with self._asking:  # whoever asks sees the process go
            self._channel.close()

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _request(
        self, request: list[Any], cpu_seconds: float, understand: Callable[[Any], Answered | Failure]
    ) -> Answered | Failure:
        left = max(self._limits.session_cpu_seconds - self.used.cpu_seconds, 0.0)
        return self._within(min(cpu_seconds, left), lambda watch: understand(self._exchange(request, watch)))

    def _within(self, cpu_seconds: float, exchange: Callable[[_Watch], Answered | Failure]) -> Answered | Failure:
        with self._asking:
            if self._ended is not None:
                return self._ended
            wall_seconds = self._limits.call_wall_seconds(cpu_seconds)
            watch = _Watch(cpu_seconds, wall_seconds, self._cpu_clock, self.budget, self._queue)
            try:
                return exchange(watch)
            except _Hung as hung:
                return self._end(hung.failure)
            except WireError as broken:
                return self._end(Unusable(f"the process broke the protocol ({broken}): {TAKE_OUT}"))
            except ConnectionError:
                return self._end(Died("the Python process ended in the middle of the call"))
            finally:
                self.used += watch.used()

    def _end(self, failure: Failure) -> Failure:
        """Ends the process. Where it has gone of itself, finds out how, and whether that was our doing."""
        closed, self._ended = self._ended, self._ended or failure
        ended = self._end_once(of_itself=isinstance(failure, Died))
        self._channel.close()
        if isinstance(failure, Died) and closed is None:
            if ended.ours:
                raise SandboxUnavailable(ended.ours)
            self._ended = Died(f"{failure.detail} {ended.how}".strip())
        return self._ended

    def _end_once(self, *, of_itself: bool) -> Ended:
        with self._ending:
            if self._how is None:
                self._how = self._end_process(of_itself)
            return self._how

    def _exchange(self, request: list[Any], watch: _Watch) -> Any:
        self._nothing_unasked()
        try:
            header, buffers = encode(request, MAX_REQUEST_HEADER_BYTES)
        except WireError as wrong:  # the check's value, and so not the student's fault
            raise BrokenCheck(
                f"a check passes what cannot be sent ({wrong}): pass numbers, arrays, lists and dicts"
            ) from None
        for piece in pieces(header, buffers):
            self._send(piece, watch)
        return self._receive_reply(watch)

    def _nothing_unasked(self) -> None:
        """What lies in the channel before anything is asked is no answer."""
        with contextlib.suppress(BlockingIOError):
            if self._channel.recv(1, socket.MSG_PEEK):
                raise WireError("an answer before the question")

    def _receive_reply(self, watch: _Watch) -> Any:
        prefix = self._incoming.take(PREFIX.size, watch)
        header_bytes, body_bytes = PREFIX.unpack(prefix)
        if header_bytes > MAX_HEADER_BYTES or body_bytes > self._limits.memory_bytes:
            raise WireError("lengths that no answer can have")  # a guest holds what it sends, and counts its headers
        if body_bytes > self._limits.reply_bytes:
            raise _Hung(Stopped(Limit.REPLY, float(self._limits.reply_bytes)))
        self.budget.use_answer(header_bytes, body_bytes)
        if (exceeded := self.budget.exceeded) is not None:
            raise _Hung(exceeded)
        reply = decode(self._incoming.take(header_bytes, watch), self._incoming.take(body_bytes, watch))
        if self._incoming.ahead:
            raise WireError("more than an answer")
        return reply

    def _send(self, piece: memoryview, watch: _Watch) -> None:
        while piece:
            try:
                piece = piece[self._channel.send(piece) :]
            except BlockingIOError:
                watch.wait(self._channel, writing=True)

    def _understand(self, reply: Any) -> Answered | Failure:
        """Return what a reply means, its texts cut: a process that forges one may make them as long as a frame."""
        match _tagged(reply):
            case ["value", value]:
                return Answered(value)
            case ["raised", str(kind), str(message), str(file), int(line), str(source), int(caret)]:
                place = Place(cut(file, MAX_NAME), int(line)) if file else None
                source = cut(source, MAX_SOURCE_LINE)
                return Raised(cut(kind, MAX_NAME), cut(message, MAX_MESSAGE), place, source, int(caret) or None)
            case ["stopped", float(seconds)]:
                return Stopped(Limit.CPU, seconds)
            case ["unusable", str(why)]:
                return Unusable(cut(why, MAX_MESSAGE))
        raise WireError("an answer of no known kind")

    def _understand_several(self, reply: Any, most: int) -> Answered:
        match _tagged(reply):
            case ["several", [*replies]] if 1 <= len(replies) <= most:
                return Answered([self._understand(one) for one in replies])
        raise WireError("no answers to several questions")


def _tagged(reply: Any) -> list[Any]:
    """Return a reply that begins with its kind. Raise `WireError` for any other: an array in the kind's place would be
    compared with it element by element."""
    if type(reply) is list and reply and type(reply[0]) is str:
        return reply
    raise WireError("an answer of no known kind")


CHUNK_BYTES = 1 << 16


class _Incoming:
    """What comes over a channel, taken in pieces. A small answer takes one call of the system, a large one goes where
    it is wanted."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self.ahead = bytearray()
        """What has come and was not taken yet."""

    def take(self, size: int, watch: _Watch) -> bytearray:
        if size > CHUNK_BYTES:
            return self._take_large(size, watch)
        while len(self.ahead) < size:
            watch.wait(self._channel)
            got = self._channel.recv(CHUNK_BYTES)
            if not got:
                raise ConnectionResetError
            self.ahead += got
        taken = self.ahead[:size]
        del self.ahead[:size]
        return taken

    def _take_large(self, size: int, watch: _Watch) -> bytearray:
        data = bytearray(size)
        view = memoryview(data)
        have = min(size, len(self.ahead))
        view[:have] = self.ahead[:have]
        del self.ahead[:have]
        view = view[have:]
        while view:
            watch.wait(self._channel)
            got = self._channel.recv_into(view)
            if not got:
                raise ConnectionResetError
            view = view[got:]
        return data


def cpu_clock(pid: int) -> Callable[[], float]:
    """The kernel's clock of the process's CPU time, all threads; readable from outside in 0.5 µs."""
    clock = (~pid << 3) | 2
    return lambda: time.clock_gettime(clock)


class _Watch:
    """The limits of one request. CPU time decides; wall time only ends what sleeps."""

    def __init__(
        self,
        cpu_seconds: float,
        wall_seconds: float,
        cpu_clock: Callable[[], float] | None,
        budget: Budget,
        queue: ProcessorQueue,
    ) -> None:
        self._cpu_seconds = cpu_seconds
        self._cpu_clock = cpu_clock
        self._cpu_at_start = self._cpu_last = 0.0
        self._cpu_at_start, self._cpu_last = self._cpu(), 0.0
        self._started = self._charged_until = time.monotonic()
        self._cpu_charged = 0.0
        self._wall_seconds = wall_seconds
        self._budget, self._queue = budget, queue

    def used(self) -> Usage:
        """Return what the request has used by now, and charge the budget for it. Most requests take a millisecond, in
        which little is waited for a processor; the next that takes longer sees that."""
        self._charge(0.0)
        return Usage(self._cpu(), time.monotonic() - self._started)

    def _charge(self, queued_seconds: float) -> None:
        now, cpu = time.monotonic(), self._cpu()
        self._budget.use_seconds(now - self._charged_until - queued_seconds, cpu - self._cpu_charged)
        self._charged_until, self._cpu_charged = now, cpu

    def wait(self, channel: socket.socket, writing: bool = False) -> None:
        """Until the channel is ready; raises where a limit comes first."""
        while True:
            cpu_left = self._cpu_seconds - self._cpu()
            wall_left = self._wall_seconds - (time.monotonic() - self._started)
            if cpu_left <= 0:
                raise _Hung(Stopped(Limit.CPU, self._cpu_seconds))
            if wall_left <= 0 or self._sleeps():
                raise _Hung(Stopped(Limit.WALL, round(time.monotonic() - self._started)))
            if (exceeded := self._budget.exceeded) is not None:
                raise _Hung(exceeded)
            # One thread cannot use up more CPU time than passes, so nothing is missed by sleeping that long;
            # several can, hence the bound.
            patience = max(0.001, min(cpu_left, wall_left, self._budget.seconds_left, 0.25))
            reading, writable = ([], [channel]) if writing else ([channel], [])
            if any(select.select(reading, writable, [], patience)):
                return
            self._charge(self._queue.seconds_since_last())

    def _sleeps(self) -> bool:
        """Hardly any CPU time for long. Even a machine that is loaded twenty times over gives more."""
        waited = time.monotonic() - self._started
        return self._cpu_clock is not None and waited > IDLE_SECONDS + 20 * self._cpu_last

    def _cpu(self) -> float:
        if self._cpu_clock is not None:
            with contextlib.suppress(OSError):  # where it has just gone, the channel will say so
                self._cpu_last = self._cpu_clock() - self._cpu_at_start
        return self._cpu_last
