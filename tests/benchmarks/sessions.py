"""`python -m tests.benchmarks.sessions`: what an empty session costs, from asking for it to its end being reaped.

At most 12 ms at the median are wanted, and 100 a second on two cores; a file that imports matplotlib pays nothing for
it. For scale, a fresh Python that imports numpy is timed in turn.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable

import numpy as np

from grader.model import Limits
from grader.sandbox.choose import choose
from grader.sandbox.contract import Sandbox
from grader.settings import Settings

ROUNDS, SECONDS = 100, 5.0
EMPTY = b"class Net: pass\n"
PLOTTING = b"import matplotlib.pyplot as plt\nimport scipy.special\nclass Net: pass\n"


def main() -> None:
    cores = os.cpu_count() or 1
    room, _ = choose("bubblewrap", Settings().runtime, templates=cores)
    try:
        fresh, session = in_turn(fresh_python, lambda: empty(room), 10)
        print(f"a fresh Python with numpy {fresh:.1f} ms, a session {session:.1f} ms, ratio {session / fresh:.3f}")
        costs = sorted(took(lambda: empty(room)) for _ in range(ROUNDS))
        print(f"a session: median {costs[ROUNDS // 2]:.1f} ms, p90 {costs[ROUNDS * 9 // 10]:.1f} ms (at most 12)")
        bare, plotting = in_turn(lambda: loaded(room, EMPTY), lambda: loaded(room, PLOTTING), 30)
        print(f"a file loaded: {bare:.1f} ms; with matplotlib and scipy {plotting:.1f} ms, ratio {plotting / bare:.2f}")
        rate = sustained(room, cores)
        print(f"sustained on {cores} cores: {rate:.0f} empty sessions a second (at least 100 wanted)")
    finally:
        room.close()


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


def fresh_python() -> None:
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
    subprocess.run([sys.executable, "-c", "import numpy"], env=environment, check=True)


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


if __name__ == "__main__":
    main()
