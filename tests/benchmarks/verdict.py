"""`python -m tests.benchmarks.verdict`: what judging a right ps4 submission costs, beside running its code.

All code checks of `submissions/perfect`, with another secret seed each time. The CPU seconds of the grading process are
compared, in turn, with those that are used inside the sandbox, and with those of the same calls made bare in this
process, where the file is loaded already and nothing is sent. At most 0.6 of the first is wanted.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from grader.assignments import catalogue
from grader.assignments.seeds import Seed
from grader.engine.grade import Scope, grade
from grader.guest.serve import Guest
from grader.intake.receive import receive_path
from grader.sandbox.choose import choose
from grader.sandbox.contract import Session
from grader.sandbox.prewarmed import PrewarmedSandbox
from grader.settings import Settings

ROOT = Path(__file__).parents[2]
ROUNDS = 20
Requests = list[list[Any]]


def main() -> None:
    assignment = catalogue.load(ROOT / "reference" / "ps4")
    submission = receive_path(ROOT / "submissions" / "perfect", "mlp.py")
    sandbox = PrewarmedSandbox(choose("bubblewrap", Settings().runtime)[0], assignment.limits)
    student_class = class_of(ROOT / "submissions" / "perfect" / "mlp.py")

    def graded(number: int) -> float:
        """Grade the submission on other problems. Return the CPU seconds that its code has used in the sandbox."""
        report = grade(submission, assignment, sandbox, Seed(b"verdict %d" % number), Scope(code_only=True))
        assert not report.lost
        return sum(usage.cpu_seconds for usage in report.usage.values())

    counts: Counter[str] = Counter()
    for number in range(2):  # warm
        graded(number)
    rows = []
    for number in range(ROUNDS):
        before = time.process_time()
        inside = graded(number)
        parent = time.process_time() - before
        with recorded(counts, assignment.reference_module.TwoLayerMLP) as frames:
            graded(number)
        before = time.process_time()
        answer_all(student_class, frames)
        rows.append((parent, inside, time.process_time() - before))
    sandbox.close()
    parents, insides, bares = zip(*rows, strict=True)
    ratio = statistics.median(parent / bare for parent, _, bare in rows)
    beside = statistics.median(parent / inside for parent, inside, _ in rows)
    both = statistics.median(parent + inside for parent, inside, _ in rows)
    parent, inside, bare = (1000 * statistics.median(seconds) for seconds in (parents, insides, bares))
    print(f"the grading process {parent:.0f} ms, inside {inside:.0f} ms, both {1000 * both:.0f} ms; bare {bare:.0f} ms")
    print(f"the grading process beside what runs inside: {beside:.2f} (at most 0.6 wanted); beside bare: {ratio:.2f}")
    print(", ".join(f"{name} {count / ROUNDS:.0f}" for name, count in sorted(counts.items())))


@contextmanager
def recorded(counts: Counter[str], reference: Any) -> Iterator[Requests]:
    """Count what a grading does, and yield the list to which it adds its requests into the sandbox."""
    requests: Requests = []
    exchange = Session._exchange

    def counted(function: Callable[..., Any], name: str) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            counts[name] += 1
            return function(*arguments, **options)

        return call

    def record(session: Session, request: list[Any], watch: Any) -> Any:
        together = request[1] if request[0] == "several" else [request]
        requests.extend(together)
        counts["frames"] += 1
        counts["requests"] += len(together)
        counts["models"] += sum(single[0] == "new" for single in together)
        return exchange(session, request, watch)

    with (
        patch.object(Session, "_exchange", record),
        patch.object(reference, "train", counted(reference.train, "reference trainings")),
        patch.object(reference, "gradients", counted(reference.gradients, "reference gradients")),
    ):
        yield requests


def answer_all(student_class: type, requests: Requests) -> None:
    """Answer requests in this process, without a sandbox or messages."""
    guest = Guest(None, {})  # type: ignore[arg-type]  nothing is sent
    guest.loaded = {student_class.__name__: student_class}
    with np.errstate(all="ignore"), redirect_stdout(StringIO()):
        for request in requests:
            if request[0] != "load":
                reply = guest.reply_to(request)
                assert reply[0] == "value", reply


def class_of(path: Path) -> type:
    """Return the class that a student's file defines."""
    sys.path.append(str(ROOT / "reference/ps4/handout"))
    namespace: dict[str, Any] = {"__name__": "mlp"}
    exec(compile(path.read_bytes(), str(path), "exec"), namespace)
    student_class: type = namespace["TwoLayerMLP"]
    return student_class


if __name__ == "__main__":
    main()
