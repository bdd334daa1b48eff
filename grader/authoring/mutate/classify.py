"""Classify mutants in processes with limits, because a mutated loop may never end and arrays may become huge.

Each right solution has a server process, which imports the assignment's mutation.py, prepares an oracle, and forks for
every mutant. The fork answers on a pipe and is killed at its limits.
"""

from __future__ import annotations

import json
import os
import resource
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
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
        self._ask({"original": original})

    def alike(self) -> Mapping[str, Mapping[str, str]]:
        """Return function → variable → its type and shape as text, for the variables of the right solution."""
        answer: dict[str, dict[str, str]] = self._ask({"alike": True})
        return answer

    def classify(self, source: str) -> Classified:
        """Classify a mutant. If it exceeds a limit, it is wrong in the part of the solution that the oracle was
        running."""
        answer = self._ask({"mutant": source})
        return Classified(answer["kind"], answer["why"], tuple(answer["parts"]))

    def close(self) -> None:
        self._questions.close()
        self._server.wait()
        self._answers.close()

    def _ask(self, question: Any) -> Any:
        self._questions.write(json.dumps(question) + "\n")
        self._questions.flush()
        line = self._answers.readline()
        if not line:
            raise RuntimeError("the process that classifies mutants ended unexpectedly")
        answer = json.loads(line)
        if "author" in answer:
            raise BadAssignment(answer["author"])
        return answer


# ── the server ───────────────────────────────────────────────────────────────────────────────────────


def _serve(folder: Path) -> None:
    mutation = mutation_of(folder)
    answers = os.fdopen(os.dup(1), "w")
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)  # for mutants that print
    os.dup2(silence, 2)
    original, oracle, cpu_seconds = "", None, CPU_SECONDS
    for line in sys.stdin:
        question = json.loads(line)
        if "original" in question:
            original = question["original"]
            try:
                oracle = mutation.Oracle(_namespace(original))
                cpu_seconds = max(CPU_SECONDS, round(TIMES_AS_LONG * _cpu_seconds(oracle, original)))
                answer: Any = {}
            except BadAssignment as wrong:
                answer = {"author": str(wrong)}
        elif "alike" in question:
            answer = _alike(original, mutation)
        else:
            assert oracle is not None
            answer = _in_a_fork(oracle, question["mutant"], cpu_seconds)
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def _namespace(source: str) -> dict[str, Any]:
    module = sys.modules[MODULE] = ModuleType(MODULE)  # dataclasses look their module up
    exec(compile(source, f"{MODULE}.py", "exec"), module.__dict__)  # noqa: S102  an author's code, in a limited process
    return module.__dict__


def _cpu_seconds(oracle: Any, original: str) -> float:
    """Return the CPU seconds that the oracle takes to classify the right solution."""
    started = time.process_time()
    oracle.classify(_namespace(original), lambda _part: None)
    return time.process_time() - started


def _in_a_fork(oracle: Any, source: str, cpu_seconds: int) -> dict[str, Any]:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _limit(cpu_seconds)
        try:
            _judge(oracle, source, writing)
        finally:
            os._exit(0)
    os.close(writing)
    text = _read(reading, child, WALL_SECONDS * cpu_seconds / CPU_SECONDS)
    os.close(reading)
    os.waitpid(child, 0)
    last: dict[str, Any] = json.loads(text.splitlines()[-1])
    if "kind" in last:
        return last
    part = last["part"]
    if part == "defaults":  # the mutant is slow only with default arguments, which no check judges
        return {"kind": "undecided", "why": "does not end by its defaults", "parts": []}
    return {"kind": "wrong", "why": f"does not end, or takes too much memory: {part}", "parts": [f"ends.{part}"]}


def _limit(cpu_seconds: int) -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _read(pipe: int, child: int, wall_seconds: float) -> str:
    """Return everything that a child process writes to the pipe. Kill the process at the time limit."""
    end, chunks = time.monotonic() + wall_seconds, []
    while True:
        if not select.select([pipe], [], [], max(0.0, end - time.monotonic()))[0]:
            os.kill(child, signal.SIGKILL)
            break
        if not (chunk := os.read(pipe, 1 << 16)):
            break
        chunks.append(chunk)
    return b"".join(chunks).decode()


def _judge(oracle: Any, source: str, pipe: int) -> None:
    import numpy as np

    def note(part: str) -> None:
        os.write(pipe, json.dumps({"part": part}).encode() + b"\n")

    note("new")
    with np.errstate(all="ignore"):
        try:
            namespace = _namespace(source)
        except Exception as error:  # noqa: BLE001  a mutant's failure is a finding
            found = Classified("wrong", f"the file raises {type(error).__name__}: {error}", ("new",))
        else:
            found = oracle.classify(namespace, note)
    answer = {"kind": found.kind, "why": found.why, "parts": found.parts}
    os.write(pipe, json.dumps(answer).encode() + b"\n")


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
