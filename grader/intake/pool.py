"""Read uploaded submissions in separate processes with limits on memory and CPU time, so that the API process stays
responsive.

Each process reads one submission after another. If a process dies while it reads a submission, another process tries
again. If the second process dies too, the submission is refused.
"""

from __future__ import annotations

import asyncio
import json
import queue
import resource
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from grader.bounds import INTAKE_CPU_SECONDS, INTAKE_MEMORY_BYTES, INTAKE_SECONDS, SMALL_UPLOAD_BYTES
from grader.errors import OurFailure, Refused
from grader.guest.entry_points import EntryPoints
from grader.intake.missing_code import has_code
from grader.intake.receive import receive_all
from grader.intake.turns import Turns

PROCESSES = 2
_ATTEMPTS = 2
"""Number of attempts to read a submission. There is a second attempt because the kernel may have killed the first
process when other processes used too much memory."""
_CODE = "from grader.intake.pool import main; main({}, {}, {})"
"""Python code that an intake process runs. `multiprocessing` is not used, because it would also import the API's main
module, which takes several times as long."""

Files = Sequence[tuple[str, bytes]]


@dataclass(frozen=True)
class WantedCode:
    """The attributes of an assignment that `has_code` needs to decide whether a submission contains code to grade."""

    entry_points: EntryPoints
    accepted: Sequence[str]
    handed_out: Sequence[str]


@dataclass(frozen=True)
class SubmissionFacts:
    """The facts that the service stores about a submission, besides its files."""

    digest: str
    has_code: bool


_Request = tuple[Sequence[str], WantedCode]
"""The names of a submission's files, and the wanted code. The contents of the files follow as separate messages."""
_MAX_REPLY_BYTES = 100_000


class IntakePool:
    """A pool of processes that read submissions in parallel. The submissions of one person are read one after
    another. Small files do not wait behind zips and large files."""

    def __init__(
        self,
        processes: int = PROCESSES,
        cpu_seconds: int = INTAKE_CPU_SECONDS,
        memory_bytes: int = INTAKE_MEMORY_BYTES,
    ) -> None:
        """Create a pool without starting its processes.

        Args:
            processes: Number of processes.
            cpu_seconds: Limit on the CPU time for one submission.
            memory_bytes: Memory that a process may allocate after its start.
        """
        self._fast = ThreadPoolExecutor(processes, "intake")
        self._slow = ThreadPoolExecutor(max(1, processes - 1), "intake of zips and large files")
        """The threads that wait for processes. Zips and large files leave one process to the others."""
        self._processes = [_IntakeProcess(cpu_seconds, memory_bytes) for _ in range(processes)]
        self._idle: queue.SimpleQueue[_IntakeProcess] = queue.SimpleQueue()
        for process in self._processes:
            self._idle.put(process)
        self._turns = Turns(1)

    @property
    def pids(self) -> list[int]:
        """Ids of the running processes."""
        return [process.pid for process in self._processes if process.pid]

    def start(self) -> None:
        """Start the processes. Raise `OurFailure` if a process cannot start."""
        try:
            for process in self._processes:
                process.start()
        except (EOFError, OSError) as ended:
            raise OurFailure("an intake process ended during its start: see its messages in the log") from ended

    def close(self) -> None:
        """End the processes, even while they read submissions."""
        for process in self._processes:
            process.close()
        for threads in (self._fast, self._slow):
            threads.shutdown(wait=False, cancel_futures=True)

    async def read(self, person: str, files: Files, wanted_code: WantedCode) -> SubmissionFacts:
        """Read a submission.

        Args:
            person: Id of the person who submits.
            files: (name, content) of each file.
            wanted_code: The code that the assignment asks for.

        Returns:
            The digest, and whether the submission has code.

        Raises:
            Refused: If the files cannot be graded, or take too much time or memory to read.
            OurFailure: If the process does not answer within `INTAKE_SECONDS`.
        """
        request = [name for name, _ in files], wanted_code
        contents = [content for _, content in files]
        loop = asyncio.get_running_loop()
        is_large = sum(map(len, contents)) > SMALL_UPLOAD_BYTES
        is_slow = is_large or any(name.lower().endswith(".zip") for name, _ in files)
        threads = self._slow if is_slow else self._fast
        async with self._turns.of(person):
            return await loop.run_in_executor(threads, self._ask, request, contents)

    def _ask(self, request: _Request, contents: Sequence[bytes]) -> SubmissionFacts:
        """Wait for an idle process, and read a submission in it. This runs in a thread of the pool."""
        process = self._idle.get()
        try:
            return process.ask(request, contents)
        finally:
            self._idle.put(process)


class _IntakeProcess:
    """A process that reads submissions. It is started when it is needed. Not thread-safe."""

    def __init__(self, cpu_seconds: int, memory_bytes: int) -> None:
        self._limits = (cpu_seconds, memory_bytes)
        self._closed = False
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: Connection | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def start(self) -> Connection:
        """Start the process if it is not running. Return the connection to it."""
        if self._process is not None and self._channel is not None and self._process.poll() is None:
            return self._channel
        self.end()
        if self._closed:
            raise OurFailure("the service is shutting down: submit the files again in a minute")
        parent_socket, child_socket = socket.socketpair()
        for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):  # a stopped process neither answers nor reads
            parent_socket.setsockopt(socket.SOL_SOCKET, option, struct.pack("ll", INTAKE_SECONDS, 0))
        self._channel = channel = Connection(parent_socket.detach())
        with child_socket:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-c", _CODE.format(child_socket.fileno(), *self._limits)],
                stdin=subprocess.DEVNULL,
                pass_fds=[child_socket.fileno()],
                start_new_session=True,  # Ctrl-C in the terminal must reach only the service
            )
        channel.recv_bytes(_MAX_REPLY_BYTES)  # "ready"
        return channel

    def ask(self, request: _Request, contents: Sequence[bytes]) -> SubmissionFacts:
        """Read one submission in the process. Start the process again if it has ended, and make a second attempt if it
        ends meanwhile, unless it ended at its limit on CPU time.

        Raises:
            Refused: If the files cannot be graded, or take too much time or memory to read.
            OurFailure: If the process does not answer in time.
        """
        for _ in range(_ATTEMPTS):
            try:
                channel = self.start()
                channel.send(request)
                for content in contents:
                    channel.send_bytes(content)
                return _facts_in(channel.recv_bytes(_MAX_REPLY_BYTES))
            except BlockingIOError:  # SO_RCVTIMEO or SO_SNDTIMEO, see `start`
                self.end()
                raise OurFailure("the files could not be read in time: submit them again") from None
            except (EOFError, OSError):  # the process has ended
                if self._exit_code() == -signal.SIGXCPU:
                    break
        raise Refused("the files take too much time or memory to read: submit the code and the notebook without data")

    def close(self) -> None:
        """End the process, and let no other thread start it again."""
        self._closed = True
        self.end()

    def end(self) -> None:
        """End the process if it is running. `start` can start it again."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        if self._channel is not None:
            self._channel.close()
        self._process = self._channel = None

    def _exit_code(self) -> int | None:
        """Return the exit code of a process that is ending, negative for a signal; None if it does not end within a
        second."""
        if self._process is None:
            return None
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(1)
        return self._process.returncode


def _facts_in(reply: bytes) -> SubmissionFacts:
    """Return the facts in the reply of a process. Raise `Refused` if the process refused the files, and RuntimeError
    for an internal error of the process."""
    match json.loads(reply):
        case ["received", str(digest), bool(has_code)]:
            return SubmissionFacts(digest, has_code)
        case ["refused", str(text)]:
            raise Refused(text)
        case ["bug", str(text)]:
            raise RuntimeError(text)
    raise RuntimeError("an intake process sent an unknown reply")


# ── inside the process ───────────────────────────────────────────────────────────────────────────────


def main(descriptor: int, cpu_seconds: int, memory_bytes: int) -> None:
    """Read submissions that arrive on a socket and send replies. Return when the socket is closed or memory runs
    out."""
    channel = Connection(descriptor)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _limit_memory(memory_bytes)
    with suppress(EOFError, OSError, MemoryError):
        channel.send_bytes(b"ready")
        while True:
            request: _Request = channel.recv()
            names, wanted_code = request
            files = [(name, channel.recv_bytes()) for name in names]
            with _cpu_limit(cpu_seconds):
                reply = _reply(files, wanted_code)
            channel.send_bytes(json.dumps(reply).encode())


def _reply(files: Files, wanted_code: WantedCode) -> list[str | bool]:
    """Read a submission in the child process. Return the facts, or the reason for a refusal, as a list for JSON.

    The parent process receives JSON, because unpickling data from a process that has read untrusted files is unsafe.
    """
    try:
        received = receive_all(files, wanted_code.accepted[0])
        contains_code = has_code(received, wanted_code.entry_points, wanted_code.accepted, wanted_code.handed_out)
        return ["received", received.digest, contains_code]
    except Refused as refused:
        return ["refused", str(refused)]
    except MemoryError:  # ends this process; a new process, with all of its memory free, tries again
        raise
    except Exception as bug:  # noqa: BLE001  reported to the service, which raises and logs it
        return ["bug", f"{type(bug).__name__}: {bug}"]


def _limit_memory(more_bytes: int) -> None:
    """Limit the address space of this process to its present size and `more_bytes`."""
    sizes = Path("/proc/self/statm").read_text("ascii").split()
    address_space_bytes = int(sizes[0]) * resource.getpagesize()  # the first number is the whole size, in pages
    limit = address_space_bytes + more_bytes
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


@contextmanager
def _cpu_limit(more_seconds: int) -> Iterator[None]:
    """Limit the CPU time of the `with` block. The kernel kills the process at the limit."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, hard_limit = resource.getrlimit(resource.RLIMIT_CPU)
    limit = int(used.ru_utime + used.ru_stime) + more_seconds  # the kernel counts from the start of the process
    resource.setrlimit(resource.RLIMIT_CPU, (limit, hard_limit))
    yield
    resource.setrlimit(resource.RLIMIT_CPU, (hard_limit, hard_limit))
