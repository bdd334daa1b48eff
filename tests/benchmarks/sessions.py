"""`python -m tests.benchmarks.sessions`: what an empty session costs, from asking for it to its end being reaped.

A raw clone is timed in turn: clone(2) by ctypes from this process, with the namespaces of a session, of a child that
exits at once, and waiting for it. No process can be isolated by namespaces for less. At most twice its time at the
median is wanted, and at least 0.55 of its rate on all cores; a file that imports matplotlib pays nothing for it.
Processor time counts the grader, the template and its sessions; a busy machine changes it less than the times.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import statistics
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np

from grader.guest.walls import NAMESPACES, SYS_CLONE
from grader.model import Limits
from grader.sandbox.choose import choose
from grader.sandbox.contract import Sandbox
from grader.sandbox.launch import COMMON_IMPORTS
from grader.settings import Settings

ROUNDS, BLOCKS, SECONDS = 100, 5, 1.0
TICK = 1 / os.sysconf("SC_CLK_TCK")
EMPTY = b"class Net: pass\n"
PLOTTING = b"import matplotlib.pyplot as plt\nimport scipy.special\nclass Net: pass\n"
CLONE = SYS_CLONE[os.uname().machine]
FLAGS = ctypes.c_ulong(sum(NAMESPACES.values()) | signal.SIGCHLD)
LIBC = ctypes.PyDLL(None, use_errno=True)


def main() -> None:
    cores = os.cpu_count() or 1
    for files, imports in (("numpy alone", ()), ("matplotlib and scipy", COMMON_IMPORTS)):
        print(f"sessions for files that import {files}")
        with closing(choose("bubblewrap", Settings().runtime, cores, imports)[0]) as room:
            compare(room, cores)
    with closing(choose("bubblewrap", Settings().runtime)[0]) as room:
        bare, plotting = in_turn(lambda: loaded(room, EMPTY), lambda: loaded(room, PLOTTING), 30)
        print(f"a file loaded: {bare:.1f} ms; with matplotlib and scipy {plotting:.1f} ms, ratio {plotting / bare:.2f}")


def compare(room: Sandbox, cores: int) -> None:
    """Print time, processor time and rate of empty sessions beside those of raw clones."""
    session, raw = in_turn(lambda: empty(room), raw_clone, ROUNDS)
    print(f"  a session {session:.1f} ms, a raw clone {raw:.1f} ms, ratio {session / raw:.2f} (at most 2)")
    session, raw = processor_time(room)
    print(f"  processor time: {session:.1f} ms, a raw clone {raw:.1f} ms, ratio {session / raw:.2f}")
    pairs = [(sustained(room, cores), clones(cores)) for _ in range(BLOCKS)]
    rate, raw_rate = (statistics.median(side) for side in zip(*pairs, strict=True))
    ratio = rate / raw_rate
    print(f"  on {cores} cores {rate:.0f} a second, {raw_rate:.0f} raw clones, ratio {ratio:.2f} (at least 0.55)")


def took(act: Callable[[], object]) -> float:
    """Milliseconds."""
    started = time.perf_counter()
    act()
    return 1000 * (time.perf_counter() - started)


def in_turn(a: Callable[[], object], b: Callable[[], object], rounds: int) -> tuple[float, float]:
    """Medians, in milliseconds, of two things done in turn, so that a drifting machine wrongs neither."""
    pairs = [(took(a), took(b)) for _ in range(rounds)]
    return statistics.median(x for x, _ in pairs), statistics.median(y for _, y in pairs)


def empty(room: Sandbox) -> None:
    room.session(Limits(), {}).close()


def loaded(room: Sandbox, source: bytes) -> None:
    with room.session(Limits(), {}) as session:
        session.request(
            ["load", {"mlp.py": np.frombuffer(source, np.uint8)}, [], ["class", ["Net"], []], ["mlp.py"], {}, 0.0], 20
        )


def raw_clone() -> None:
    pid = LIBC.syscall(ctypes.c_long(CLONE), FLAGS, None, None, None, None)
    if pid == 0:
        os._exit(0)
    assert pid > 0, os.strerror(ctypes.get_errno())
    os.waitpid(pid, 0)


def processor_time(room: Sandbox) -> tuple[float, float]:
    """Milliseconds of a session and of a raw clone, each with all processes that it takes part in."""
    templates = templates_of(room)
    session = raw = 0.0
    for _ in range(BLOCKS):
        started = seconds_used(templates)
        for _ in range(ROUNDS):
            empty(room)
        between = seconds_used(templates)
        for _ in range(ROUNDS):
            raw_clone()
        session += between - started
        raw += seconds_used(templates) - between
    return 1000 * session / ROUNDS / BLOCKS, 1000 * raw / ROUNDS / BLOCKS


def templates_of(room: Sandbox) -> set[int]:
    """The parents of sessions that run at the same time."""
    sessions = [room.session(Limits(), {}) for _ in range(2 * (os.cpu_count() or 1))]
    statuses = [Path(f"/proc/{session.pid}/status").read_text() for session in sessions]
    for session in sessions:
        session.close()
    return {int(status.partition("PPid:")[2].split()[0]) for status in statuses}


def seconds_used(templates: set[int]) -> float:
    """Processor seconds of this process, of the templates, and of those of their children that have ended."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    total = time.process_time() + ended.ru_utime + ended.ru_stime
    for pid in templates:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += sum(map(int, fields[11:15])) * TICK  # proc(5): user, system, and both of ended children
    return total


def sustained(room: Sandbox, threads: int) -> float:
    deadline = time.perf_counter() + SECONDS
    counts = [0] * threads

    def work(number: int) -> None:
        while time.perf_counter() < deadline:
            empty(room)
            counts[number] += 1

    workers = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return sum(counts) / SECONDS


def clones(processes: int) -> float:
    """Raw clones a second, by processes at the same time."""
    deadline = time.perf_counter() + SECONDS
    reading, writing = os.pipe()
    workers = []
    for _ in range(processes):
        pid = os.fork()
        if pid == 0:
            count = 0
            while time.perf_counter() < deadline:
                raw_clone()
                count += 1
            os.write(writing, f"{count}\n".encode())
            os._exit(0)
        workers.append(pid)
    for pid in workers:
        os.waitpid(pid, 0)
    os.close(writing)
    with open(reading) as lines:
        return sum(map(int, lines)) / SECONDS


if __name__ == "__main__":
    main()
