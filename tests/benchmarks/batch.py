"""`python -m tests.benchmarks.batch`: a whole class, on all cores.

The handout's four checks of 100 honest submissions: at least 5 times gradescope-utils (fresh processes, one for each
core, one BLAS thread, no isolation) and 0.7 of the floor (a student's own computing and one isolated session each) are
wanted. All code checks without MNIST: 12 a second on two cores. Full MNIST (--mnist): the cores busy at 95 %, and the
wall time within 5 % of the student's own CPU time over the cores.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from grader.assignments import catalogue
from grader.assignments.seeds import Seed
from grader.batch.folder import GRADED
from grader.batch.queue import Received, Rules, local_queue
from grader.engine.grade import Scope
from grader.model import NOTHING_USED, Limits
from grader.sandbox.choose import choose
from grader.settings import Settings
from grader.store.records import State
from grader.workers.compatibility import compatibility_key, numpy_of
from grader.workers.grading_process import Plan
from grader.workers.local import available_cores
from tests.benchmarks.handout_checks import OTHERS, ROOT, command, floor, lay_out, took

CORES = len(available_cores())
PERFECT = (ROOT / "submissions" / "perfect" / "mlp.py").read_bytes()
SECRET = b"benchmark"
WARMING = 6
"""Submissions before the clock is started: processes and sandboxes have then been made."""

out = Console(highlight=False)


@dataclass(frozen=True)
class Timed:
    count: int
    wall_seconds: float
    cpu_seconds: float
    """The students' own."""
    busy: float
    """The part of the time that the cores were busy, with whatever."""

    @property
    def rate(self) -> float:
        return self.count / self.wall_seconds


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        handout(Path(folder))
    code = graded(60, Scope(code_only=True))
    inside, whole = 1000 * code.cpu_seconds / code.count, 1000 * CORES / code.rate
    out.print(f"all code checks: {code.rate:.1f} a second (12 wanted)")
    out.print(f"    {whole:.0f} ms of a core each, {inside:.0f} ms of them inside; cores busy {code.busy:.0%}")
    if "--mnist" in sys.argv:
        full = graded(2 * CORES, Scope(), warming=0)
        ratio = full.wall_seconds * CORES / full.cpu_seconds
        out.print(f"full MNIST: {ratio:.3f} of the students' own CPU time over {CORES} cores (1.05 wanted)")
        out.print(f"    cores busy {full.busy:.1%} (95 % wanted), from the start of the grading processes on")


def handout(place: Path) -> None:
    lay_out(place)
    alone = statistics.median(took(floor(place)) for _ in range(60))
    session = statistics.median(each_session())
    ours = graded(100, Scope(only="handout"))
    best = 1000 * CORES / (alone + session)
    out.print(f"the handout's checks: {ours.rate:.1f} a second, {ours.rate / best:.2f} of the floor (0.7 wanted)")
    out.print(f"    the floor is {alone:.1f} ms of computing and {session:.1f} ms for a session; busy {ours.busy:.0%}")
    theirs = together(command(place, OTHERS / "python", "run_gradescope.py"), 20)
    out.print(f"    {ours.rate / theirs:.1f} times gradescope-utils, {theirs:.1f} a second (5 wanted)")


def each_session() -> Iterator[float]:
    """Milliseconds from asking for an empty session until nothing of it is left."""
    room, _ = choose("bubblewrap", Settings().runtime)
    for _ in range(40):
        yield took(lambda: room.session(Limits(), {}).close())
    room.close()


def graded(count: int, scope: Scope, warming: int = WARMING) -> Timed:
    """By the batch's own queue: different bytes, so that nothing is known. From the first to the last."""
    settings, task = Settings(), catalogue.load(ROOT / "reference" / "ps4")
    key = compatibility_key(task, numpy_of(task.runtime(settings.runtime)), Seed(SECRET))
    rules = Rules(key, task.digest, scope.reported(task).label, "benchmark", "bubblewrap")
    plan = Plan(settings.assignments, settings.runtime, "bubblewrap")
    new = {Received(str(n), str(n)): (("mlp.py", PERFECT + f"# {n}\n".encode()),) for n in range(count + warming)}
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / GRADED).mkdir()
        with local_queue(Path(folder), task, rules, scope, plan, SECRET) as queue:
            waiting = {grading.id for grading in queue.submit(new).values()}
            started, before = time.perf_counter(), jiffies()
            queue.start()
            while waiting:
                time.sleep(queue.look_seconds)
                final = [grading for grading in queue.current(waiting) if grading.state.is_final]
                assert all(grading.state is State.GRADED for grading in final), final
                waiting -= {grading.id for grading in final}
                if warming and len(waiting) <= count:
                    warming, started, before = 0, time.perf_counter(), jiffies()
            wall, after = time.perf_counter() - started, jiffies()
            reports = [queue.report(received.content) for received in list(new)[-count:]]
    used = sum((usage for report in reports if report for usage in report.usage.values()), NOTHING_USED)
    return Timed(count, wall, used.cpu_seconds, (after[0] - before[0]) / max(1, after[1] - before[1]))


def jiffies() -> tuple[int, int]:
    """(busy, all) of this machine."""
    numbers = [int(n) for n in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    return sum(numbers) - numbers[3] - numbers[4], sum(numbers)


def together(act: Callable[[], object], count: int) -> float:
    """A second, as many at a time as there are cores."""
    left = iter(range(count))
    lock = threading.Lock()

    def work() -> None:
        while True:
            with lock:
                if next(left, None) is None:
                    return
            act()

    threads = [threading.Thread(target=work) for _ in range(CORES)]
    seconds = took(lambda: ([t.start() for t in threads], [t.join() for t in threads])) / 1000
    return count / seconds


if __name__ == "__main__":
    main()
