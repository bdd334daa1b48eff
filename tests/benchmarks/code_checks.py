"""`python -m tests.benchmarks.code_checks`: all code checks of a submission, MNIST aside, in a warm sandbox.

150 ms are wanted on one core of a two-core machine for a vectorised submission. Printed beside it: what of that time
the student's own code and guest took, and how many empty sessions it would make, as a measure of the machine.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from grader.assignments import catalogue
from grader.assignments.seeds import Seed
from grader.engine.grade import Scope, grade
from grader.intake.receive import receive_path
from grader.model import Limits, Report
from grader.sandbox.choose import choose
from grader.settings import Settings

ROOT = Path(__file__).parents[2]
ROUNDS = 40


def main() -> None:
    os.sched_setaffinity(0, {0})  # template and sessions inherit it
    task = catalogue.load(ROOT / "reference/ps4")
    submission = receive_path(ROOT / "submissions/perfect", "mlp.py")
    room, _ = choose("bubblewrap", Settings().runtime)

    def one(number: int) -> Report:
        return grade(submission, task, room, Seed(f"bench {number}".encode()), Scope(code_only=True))

    one(0)
    walls, inside, parent, empty = [], [], [], []
    for number in range(1, ROUNDS + 1):
        before = time.process_time()
        wall, report = took(lambda number=number: one(number))  # type: ignore[misc]
        walls.append(wall)
        parent.append(1000 * (time.process_time() - before))
        inside.append(1000 * sum(used.cpu_seconds for used in report.usage.values()))
        empty.append(took(lambda: room.session(Limits(), {}).close())[0])
    room.close()
    middle = statistics.median
    print(f"all code checks on one core: median {middle(walls):.0f} ms (150 is wanted), ", end="")
    print(f"of it inside {middle(inside):.0f} ms, verdicts outside {middle(parent):.0f} ms CPU; ", end="")
    print(f"{middle(w / e for w, e in zip(walls, empty, strict=True)):.1f} times an empty session")


def took(act: Callable[[], Any]) -> tuple[float, Any]:
    """Milliseconds, and what came of it."""
    started = time.perf_counter()
    done = act()
    return 1000 * (time.perf_counter() - started), done


if __name__ == "__main__":
    main()
