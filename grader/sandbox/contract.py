"""The sandbox contract, and the session class that all sandboxes use.

A sandbox starts a process that runs the guest (the code in grader/guest, which loads and calls the student's code). The
sandbox provides a socket to this process, a clock of the process's CPU time, and a function that ends the process.
`Session` implements requests, answers and limits for all sandboxes. It accepts only plain data of limited size.
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
from typing import Any, Protocol

import numpy as np

from grader.bounds import MAX_MESSAGE, MAX_NAME, MAX_REQUEST_HEADER_BYTES, MAX_SOURCE_LINE, cut
from grader.errors import BrokenCheck, SandboxUnavailable
from grader.guest.wire import MAX_HEADER_BYTES, PREFIX, WireError, decode, encode, pieces
from grader.model import (
    NOTHING_USED,
    PROCESS_ENDED,
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

IDLE_SECONDS = 20.0
"""A request may take this many wall seconds plus 20 times its CPU seconds. Then the session is stopped as idle."""
START_CPU_SECONDS = 60.0

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Answered:
    """The answer to a request that succeeded."""

    value: Any
    """The returned value: plain data, from an untrusted process."""


class Sandbox(Protocol):
    """A factory of sessions, which are processes that run students' code."""

    name: str
    """The name shown in reports, for example "bubblewrap"."""

    def session(self, limits: Limits, shared: Mapping[str, Array]) -> Session:
        """Start a process that is ready to load a submission.

        Args:
            limits: CPU seconds, wall seconds and bytes that the session may use.
            shared: Read-only arrays by name. The process maps them into memory instead of copying them.

        Returns:
            The session. Close it, or use it as a context manager.

        Raises:
            SandboxUnavailable: If no session can be started on this machine.
        """
        ...

    def close(self) -> None:
        """End the sandbox and release its resources. Close its sessions first."""
        ...


class _LimitReached(Exception):
    """Raised inside of `Session` if a request reaches a limit."""

    def __init__(self, failure: Failure) -> None:
        self.failure = failure


@dataclass(frozen=True)
class Ended:
    """How a session's process ended."""

    how: str = ""
    """A phrase for the student, such as "with exit code 0". Empty if the process was still running."""
    grader_fault: str = ""
    """Why the grader is at fault, such as "the kernel killed a session". Empty if the grader is not at fault."""


EndProcess = Callable[[bool], Ended]
"""Function that kills the process and all processes that it has started, waits until they are gone, and returns how the
process ended. The argument is True if the process seems to have ended by itself."""


EXIT_GRACE_SECONDS = 0.2
"""Time to wait for the exit status of a process that has closed its channel."""

CHANNEL_CLOSED = "or closed its channel to the grader"


_CRASHES = (signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGABRT)


def describe_exit(status: int) -> str:
    """Return how a process ended, and what the student should change.

    Args:
        status: The exit status; negative for a signal, as in `subprocess.Popen.returncode`.

    Returns:
        For example "with exit code 1: remove os._exit, and any code that ends or replaces the process".
    """
    if status >= 0:
        return f"with exit code {status}: remove os._exit, and any code that ends or replaces the process"
    how = f"by signal {-status} ({signal.strsignal(-status)})"
    if -status in _CRASHES:
        return f"{how}: compiled code crashed; look for ctypes or a raised recursion limit"
    return f"{how}: remove the code that kills the process"


TAKE_OUT = "remove the code that writes to file descriptors other than standard output"


class Session:
    """One process that runs a student's code.

    Once the process has ended or reached a limit, every request returns the same failure. Requests of several threads
    are sent one after another; any thread may close the session.
    """

    def __init__(
        self,
        channel: socket.socket,
        end: EndProcess,
        limits: Limits,
        pid: int | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Wrap a process that has just been started.

        Args:
            channel: The socket to the process.
            end: Function that ends the process.
            limits: Limits of the session and its calls.
            pid: The id of the process whose CPU time is read; None if CPU times cannot be read.
            clock: Function that returns seconds. They count as CPU seconds if `pid` is None.
        """
        self._channel = channel
        self._end_process = end
        self._limits = limits
        self.cpu_clock = clock if pid is None else cpu_clock(pid)
        """Function that returns the process's CPU seconds, or the seconds of `clock` if `pid` is None. It raises
        OSError if the process has ended."""
        self.processor_queue = ProcessorQueue(pid)
        """The time that the process waits for a processor."""
        self.budget = Budget(limits)
        """The wall seconds and bytes used so far. `Student` sets one budget for all sessions of a submission."""
        self.pid = pid
        self._ended: Failure | None = None
        """The failure that all further requests get; None while the session can be used."""
        self._asking = threading.Lock()
        self._ending = threading.Lock()
        self._how: Ended | None = None
        """How the process ended; None while it is running."""
        self.used = NOTHING_USED
        self.versions: Mapping[str, Any] = {}
        """The versions of the process's Python, numpy and BLAS, reported before the student's code was loaded."""
        channel.setblocking(False)

    @property
    def alive(self) -> bool:
        """True until the process ends or reaches a limit."""
        return self._ended is None

    def process_cpu_seconds(self) -> float | None:
        """Return the process's CPU seconds, even while a request is pending; None if they cannot be read."""
        if self.pid is not None:
            with contextlib.suppress(OSError):  # the process has ended
                return self.cpu_clock()
        return None

    def welcome(self) -> None:
        """Wait until the process reports that it is ready, and set `versions`.

        Raises:
            SandboxUnavailable: If the process does not become ready. Students' code has not run, so the grader is at
                fault.
        """
        first = self._within(START_CPU_SECONDS, lambda watch: self._understand(self._receive_reply(watch)))
        if not isinstance(first, Answered) or not isinstance(first.value, dict):
            self.close()
            raise SandboxUnavailable(f"a sandbox session did not start: {first}")
        self.versions = first.value

    def request(self, request: Sequence[Any], cpu_seconds: float) -> Answered | Failure:
        """Send one request and wait for its answer.

        Args:
            request: The name of the request and its arguments, for example `["new", 0, [], {}]`.
            cpu_seconds: CPU seconds that the process may use for the request.

        Returns:
            The answer, or the failure of the student's code.

        Raises:
            BrokenCheck: If the request cannot be encoded.
            SandboxUnavailable: If the process ended and the grader is at fault.
        """
        return self._request(list(request), cpu_seconds, self._understand)

    def request_several(self, requests: Sequence[Sequence[Any]], cpu_seconds: float) -> list[Answered | Failure]:
        """Send several requests at once.

        Args:
            requests: The requests, as for `request`.
            cpu_seconds: CPU seconds for all requests together.

        Returns:
            One answer for each request. If a request fails, the remaining requests get the same failure.

        Raises:
            BrokenCheck: If a request cannot be encoded.
            SandboxUnavailable: If the process ended and the grader is at fault.
        """
        several = ["several", [list(request) for request in requests]]
        understand = partial(self._understand_several, most=len(requests))
        outcome = self._request(several, cpu_seconds, understand)
        answers = outcome.value if isinstance(outcome, Answered) else [outcome]
        while len(answers) < len(requests):  # the process stops at the first failure
            answers.append(answers[-1])
        return answers

    def require_budget(self) -> None:
        """Raise `_LimitReached` if the submission has used up its time or the size of its answers."""
        exceeded = self.budget.exceeded
        if exceeded is not None:
            raise _LimitReached(exceeded)

    def close(self) -> None:
        """End the process. A request that is pending in another thread returns a failure."""
        self._ended = self._ended or Died("the session was closed")
        self._end_once(of_itself=False)
        with self._asking:  # a pending request notices that the process has ended
            self._channel.close()

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _request(
        self, request: list[Any], cpu_seconds: float, understand: Callable[[Any], Answered | Failure]
    ) -> Answered | Failure:
        """Send a request, with at most the CPU seconds that the session has left. `understand` converts the reply."""
        seconds_left = max(self._limits.session_cpu_seconds - self.used.cpu_seconds, 0.0)
        cpu_seconds = min(cpu_seconds, seconds_left)
        return self._within(cpu_seconds, lambda watch: understand(self._exchange(request, watch)))

    def _within(self, cpu_seconds: float, exchange: Callable[[_LimitWatch], Answered | Failure]) -> Answered | Failure:
        """Call `exchange`, which sends and receives data, and return its result. If a limit is reached, or the process
        breaks the protocol or ends, end the session and return the failure. Only one thread at a time exchanges
        data."""
        with self._asking:
            if self._ended is not None:
                return self._ended
            watch = _LimitWatch(self, cpu_seconds, self._limits.call_wall_seconds(cpu_seconds))
            try:
                return exchange(watch)
            except _LimitReached as hung:
                return self._end(hung.failure)
            except WireError as broken:
                return self._end(Unusable(f"the process broke the protocol ({broken}): {TAKE_OUT}"))
            except ConnectionError:
                return self._end(Died(PROCESS_ENDED))
            finally:
                self.used += watch.used()

    def _end(self, failure: Failure) -> Failure:
        """End the process. Return the failure that this and all later requests get. Raise `SandboxUnavailable` if the
        process had already ended and the grader is at fault."""
        was_closed = self._ended is not None
        self._ended = self._ended or failure
        ended = self._end_once(of_itself=isinstance(failure, Died))
        self._channel.close()
        if isinstance(failure, Died) and not was_closed:
            if ended.grader_fault:
                raise SandboxUnavailable(ended.grader_fault)
            self._ended = Died(f"{failure.detail} {ended.how}".strip())
        return self._ended

    def _end_once(self, *, of_itself: bool) -> Ended:
        """End the process if it has not been ended yet. Return how it ended. `of_itself` is the argument of
        `EndProcess`."""
        with self._ending:
            if self._how is None:
                self._how = self._end_process(of_itself)
            return self._how

    def _exchange(self, request: list[Any], watch: _LimitWatch) -> Any:
        """Send a request and return the decoded reply."""
        self._require_no_data("before a request")
        try:
            header, buffers = encode(request, MAX_REQUEST_HEADER_BYTES)
        except WireError as wrong:  # the check passed the value, so the student is not at fault
            raise BrokenCheck(
                f"a check passes a value that cannot be encoded ({wrong}): pass numbers, arrays, lists and dicts"
            ) from None
        for piece in pieces(header, buffers):
            self._send(piece, watch)
        return self._receive_reply(watch)

    def _require_no_data(self, when: str) -> None:
        """Raise `WireError` if the process has sent data that no request asked for."""
        with contextlib.suppress(BlockingIOError, ConnectionError):  # the next send notices a closed channel
            if self._channel.recv(1, socket.MSG_PEEK):
                raise WireError(f"it sent data {when}")

    def _receive_reply(self, watch: _LimitWatch) -> Any:
        """Receive a frame and decode it. Check the lengths in its prefix before any memory is allocated for them."""
        prefix = self._receive(PREFIX.size, watch)
        header_bytes, body_bytes = PREFIX.unpack(prefix)
        if header_bytes > MAX_HEADER_BYTES or body_bytes > self._limits.memory_bytes:
            # a guest holds its answer in memory and bounds its header
            raise WireError("it sent impossible frame lengths")
        if body_bytes > self._limits.reply_bytes:
            raise _LimitReached(Stopped(Limit.REPLY, float(self._limits.reply_bytes)))
        self.budget.use_answer(header_bytes, body_bytes)
        self.require_budget()
        reply = decode(self._receive(header_bytes, watch), self._receive(body_bytes, watch))
        self._require_no_data("after the answer")
        return reply

    def _receive(self, size: int, watch: _LimitWatch) -> bytearray:
        """Receive `size` bytes. Raise `_LimitReached` at a limit, and ConnectionError if the process closes the
        socket."""
        data = bytearray(size)
        missing = memoryview(data)
        while missing:
            try:
                received = self._channel.recv_into(missing)
            except BlockingIOError:
                watch.wait(self._channel)
                continue
            if not received:
                raise ConnectionResetError
            missing = missing[received:]
        return data

    def _send(self, piece: memoryview, watch: _LimitWatch) -> None:
        """Send all bytes of a buffer. Raise `_LimitReached` at a limit."""
        while piece:
            try:
                piece = piece[self._channel.send(piece) :]
            except BlockingIOError:
                watch.wait(self._channel, writing=True)

    def _understand(self, reply: Any) -> Answered | Failure:
        """Convert the process's reply to an answer or a failure. Cut long texts."""
        match _tagged(reply):
            case ["value", value]:
                return Answered(value)
            case ["raised", str(kind), str(message), str(file), int(line), str(source), int(caret)]:
                place = Place(cut(file, MAX_NAME), int(line)) if file else None
                source = cut(source, MAX_SOURCE_LINE)
                message = cut(message, MAX_MESSAGE)
                return Raised(cut(kind, MAX_NAME), message, place, source, int(caret) or None)
            case ["stopped", float(seconds)]:
                return Stopped(Limit.CPU, seconds)
            case ["unusable", str(why)]:
                return Unusable(cut(why, MAX_MESSAGE))
        raise WireError("it sent an unknown kind of answer")

    def _understand_several(self, reply: Any, most: int) -> Answered:
        match _tagged(reply):
            case ["several", [*replies]] if 1 <= len(replies) <= most:
                return Answered([self._understand(reply) for reply in replies])
        raise WireError("it did not send a list of answers")


def _tagged(reply: Any) -> list[Any]:
    """Return the reply. Raise `WireError` unless it is a list that begins with a string, for example ["value", 3]."""
    if type(reply) is list and reply and type(reply[0]) is str:  # `match` cannot compare an array with a string
        return reply
    raise WireError("it sent an unknown kind of answer")


def cpu_clock(pid: int) -> Callable[[], float]:
    """Return a function that returns the CPU seconds of all threads of a process."""
    clock = (~pid << 3) | 2  # Linux's number of another process's CPU clock: clock_getcpuclockid(3)
    return lambda: time.clock_gettime(clock)


@dataclass
class _LimitWatch:
    """The CPU and wall limits of one request, and its usage. Time spent waiting for a processor does not count as
    wall time."""

    session: Session
    cpu_seconds: float
    wall_seconds: float
    cpu_used: float = 0.0
    cpu_charged: float = 0.0
    """The part of `cpu_used` that has been charged to the budget."""
    queued: float = 0.0
    """Seconds spent waiting for a processor."""

    def __post_init__(self) -> None:
        self.started = self.charged_until = time.monotonic()
        self.cpu_at_start = 0.0
        with contextlib.suppress(OSError):
            self.cpu_at_start = self.session.cpu_clock()

    def used(self) -> Usage:
        """Return the request's usage so far, and charge it to the budget."""
        self._charge(0.0)  # the wait for a processor is subtracted by the next call of `wait`
        return Usage(self._cpu(), time.monotonic() - self.started)

    def _charge(self, queued_seconds: float) -> None:
        """Charge the time since the last charge to the budget, except for the seconds spent waiting for a processor."""
        now = time.monotonic()
        cpu_used = self._cpu()
        seconds = now - self.charged_until - queued_seconds
        self.session.budget.use_seconds(seconds, cpu_used - self.cpu_charged)
        self.charged_until = now
        self.cpu_charged = cpu_used

    def wait(self, channel: socket.socket, writing: bool = False) -> None:
        """Wait until the channel can be read, or written if `writing`. Raise `_LimitReached` if a limit is reached
        first."""
        while True:
            cpu_left = self.cpu_seconds - self._cpu()
            waited = time.monotonic() - self.started - self.queued
            wall_left = self.wall_seconds - waited
            if cpu_left <= 0:
                raise _LimitReached(Stopped(Limit.CPU, self.cpu_seconds))
            idle = waited > IDLE_SECONDS + 20 * self.cpu_used
            if (wall_left <= 0 or idle) and not self.session.processor_queue.is_ready:
                raise _LimitReached(Stopped(Limit.WALL, round(waited)))
            self.session.require_budget()
            # A single thread uses no more CPU time than wall time, so it cannot exceed its CPU limit during this wait.
            # Several threads can, hence the bound of 0.25 s.
            patience = max(0.001, min(cpu_left, max(wall_left, 0.01), self.session.budget.seconds_left, 0.25))
            if writing:
                _, is_ready, _ = select.select([], [channel], [], patience)
            else:
                is_ready, _, _ = select.select([channel], [], [], patience)
            if is_ready:
                return
            queued_seconds = self.session.processor_queue.seconds_since_last()
            self.queued += queued_seconds
            self._charge(queued_seconds)

    def _cpu(self) -> float:
        """Return the CPU seconds that the request has used so far."""
        with contextlib.suppress(OSError):  # the process has just ended; the channel will report it
            self.cpu_used = self.session.cpu_clock() - self.cpu_at_start
        return self.cpu_used
