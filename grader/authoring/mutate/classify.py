"""Classify mutants in processes with limits, because a mutated loop may never end and arrays may become huge.

Each right solution has a server process, which imports the assignment's mutation.py, prepares an oracle, and forks for
every mutant. The fork answers on a pipe and is killed at its limits.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import resource
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from types import ModuleType
from typing import Any

from grader.authoring.mutate.general import mutation_of
from grader.authoring.mutate.model import Classified, Mutation
from grader.errors import BadAssignment

CPU_SECONDS, TIMES_AS_LONG = 4, 4
"""CPU limit for classifying a mutant, in seconds: `CPU_SECONDS`, or `TIMES_AS_LONG` times the right solution's time if
that is larger."""
WALL_SECONDS = 60
MEMORY_BYTES = 3 << 30
MODULE = "mutant_under_test"
_fork = multiprocessing.get_context("fork")


class Classifier:
    """A server process that classifies the mutants of one right solution.

    Args:
        folder: The assignment's folder.
        original: Source of the right solution.
    """

    def __init__(self, folder: Path, original: str) -> None:
        environment = os.environ | {"OPENBLAS_NUM_THREADS": "1", "PYTHONHASHSEED": "0"}
        server = subprocess.Popen(
            [sys.executable, "-m", "grader.authoring.mutate.classify", str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        assert server.stdin is not None
        assert server.stdout is not None
        self._server, self._questions, self._answers = server, server.stdin, server.stdout
        self.alike: Mapping[str, Mapping[str, str]] = self._ask(original)
        """Function → variable → its type and shape as text, for the variables of the right solution."""

    def classify(self, source: str) -> Classified:
        """Classify a mutant. A mutant that exceeds a limit is wrong, in the part of the solution that was running at
        that time."""
        kind, why, parts = self._ask(source)
        return Classified(kind, why, tuple(parts))

    def close(self) -> None:
        self._questions.close()
        self._server.wait()
        self._answers.close()

    def _ask(self, source: str) -> Any:
        self._questions.write(json.dumps(source) + "\n")
        self._questions.flush()
        line = self._answers.readline()
        if not line:
            raise RuntimeError("the process that classifies mutants ended unexpectedly")
        answer = json.loads(line)
        if isinstance(answer, str):
            raise BadAssignment(answer)
        return answer


# ── the server ───────────────────────────────────────────────────────────────────────────────────────


def _serve(folder: Path) -> None:
    """Read a right solution from standard input, and answer with the types of its variables, or with a message to the
    author. Then read mutants, and answer each with its class. Input and output are lines of JSON."""
    mutation = mutation_of(folder)
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)  # for mutants that print
    os.dup2(silence, 2)
    original = json.loads(sys.stdin.readline())
    try:
        oracle = mutation.Oracle(_namespace(original))
        cpu_seconds = max(CPU_SECONDS, round(TIMES_AS_LONG * _cpu_seconds(oracle, original)))
        answers.write(json.dumps(_alike(original, mutation)) + "\n")
    except BadAssignment as wrong:
        answers.write(json.dumps(str(wrong)) + "\n")
        return
    for line in sys.stdin:
        found = _in_a_fork(oracle, json.loads(line), cpu_seconds)
        answers.write(json.dumps([found.kind, found.why, found.parts]) + "\n")


def _namespace(source: str) -> dict[str, Any]:
    module = sys.modules[MODULE] = ModuleType(MODULE)  # dataclasses look their module up
    exec(compile(source, f"{MODULE}.py", "exec"), module.__dict__)  # noqa: S102  an author's code, in a limited process
    return module.__dict__


def _cpu_seconds(oracle: Any, original: str) -> float:
    """Return the CPU seconds that the oracle takes to classify the right solution."""
    started = time.process_time()
    oracle.classify(_namespace(original), lambda _part: None)
    return time.process_time() - started


def _in_a_fork(oracle: Any, source: str, cpu_seconds: int) -> Classified:
    reading, writing = _fork.Pipe(duplex=False)
    child = _fork.Process(target=_judge, args=(oracle, source, writing, cpu_seconds))
    child.start()
    writing.close()
    end = time.monotonic() + WALL_SECONDS * cpu_seconds / CPU_SECONDS
    last: str | Classified = "new"
    with suppress(EOFError, OSError):  # the process has ended
        while reading.poll(max(0.0, end - time.monotonic())):
            last = reading.recv()
    child.kill()
    child.join()
    reading.close()
    if isinstance(last, Classified):
        return last
    if last == "defaults":  # the mutant is slow only with default arguments, which no check judges
        return Classified("undecided", "does not end by its defaults")
    return Classified("wrong", f"does not end, or takes too much memory: {last}", (f"ends.{last}",))


def _judge(oracle: Any, source: str, channel: Connection, cpu_seconds: int) -> None:
    """Send the name of each part before running it, then the mutant's class."""
    import numpy as np

    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with np.errstate(all="ignore"):
        try:
            namespace = _namespace(source)
        except Exception as error:  # noqa: BLE001  a mutant's failure is a finding
            found = Classified("wrong", f"the file raises {type(error).__name__}: {error}", ("new",))
        else:
            found = oracle.classify(namespace, channel.send)
    channel.send(found)


def _alike(source: str, mutation: Mutation) -> dict[str, dict[str, str]]:
    """Return function → variable → its type and shape as text. If a function is called several times, use the call with
    the most variables."""
    found: dict[str, dict[str, str]] = {}

    def trace(frame: Any, event: str, _argument: Any) -> Any:
        if frame.f_code.co_filename != f"{MODULE}.py":
            return None
        if event == "return":
            variables = {name: kind for name, value in frame.f_locals.items() if (kind := _kind_of(value))}
            if len(variables) > len(found.get(frame.f_code.co_name, {})):
                found[frame.f_code.co_name] = variables
        return trace

    namespace = _namespace(source)
    sys.settrace(trace)
    try:
        mutation.exercise(namespace)
    finally:
        sys.settrace(None)
    return found


def _kind_of(value: Any) -> str:
    shape = getattr(value, "shape", None)
    if shape:
        return f"array {'b' if value.dtype.kind == 'b' else ''}{shape}"
    if isinstance(value, bool | str | dict | list | type(None)) or callable(value):
        return ""
    return "number" if shape == () or isinstance(value, int | float) else ""


if __name__ == "__main__":
    _serve(Path(sys.argv[1]))
