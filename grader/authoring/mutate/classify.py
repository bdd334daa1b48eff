"""Classify mutants in processes with limits, because a mutated loop may never end and arrays may become huge.

Every mutant has its own process, which is forked, answers on a pipe, and is killed at its limits.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import sys
import time
import warnings
from contextlib import redirect_stderr, redirect_stdout, suppress
from multiprocessing.connection import Connection
from types import ModuleType
from typing import Any

import numpy as np

from grader.authoring.mutate.model import Classified, Mutation, Oracle

CPU_SECONDS, TIMES_AS_LONG = 4, 4
"""CPU limit for classifying a mutant, in seconds: `CPU_SECONDS`, or `TIMES_AS_LONG` times the right solution's time if
that is larger."""
WALL_SECONDS = 60
MEMORY_BYTES = 3 << 30
MODULE = "mutant_under_test"
_fork = multiprocessing.get_context("fork")


class Classifier:
    """Classifies the mutants of one right solution.

    Args:
        mutation: The assignment's mutation.py.
        original: Source of the right solution.
    """

    def __init__(self, mutation: Mutation, original: str) -> None:
        with open(os.devnull, "w") as null, redirect_stdout(null), np.errstate(all="ignore"):
            self._oracle = mutation.Oracle(namespace_of(original))
            started = time.process_time()
            self._oracle.classify(namespace_of(original), lambda _part: None)
            cpu_seconds = time.process_time() - started
        self._cpu_seconds = max(CPU_SECONDS, round(TIMES_AS_LONG * cpu_seconds))

    def classify(self, source: str) -> Classified:
        """Classify a mutant. A mutant that exceeds a limit is wrong, in the part of the solution that was running at
        that time."""
        reading, writing = _fork.Pipe(duplex=False)
        child = _fork.Process(target=_judge, args=(self._oracle, source, writing, self._cpu_seconds))
        with warnings.catch_warnings():  # other threads may run, but a mutant uses none of their locks
            warnings.simplefilter("ignore", DeprecationWarning)
            child.start()
        writing.close()  # so that `recv` raises EOFError when the child ends
        end = time.monotonic() + WALL_SECONDS * self._cpu_seconds / CPU_SECONDS
        last_message: str | Classified = "new"  # the part that runs first
        with suppress(EOFError, OSError):  # the process has ended
            while reading.poll(max(0.0, end - time.monotonic())):
                last_message = reading.recv()
        child.kill()
        child.join()
        reading.close()
        if isinstance(last_message, Classified):
            return last_message
        if last_message == "defaults":  # the mutant is slow only with default arguments, which no check judges
            return Classified("undecided", "does not end by its defaults")
        return Classified("wrong", f"does not end, or takes too much memory: {last_message}", (f"ends.{last_message}",))


def namespace_of(source: str) -> dict[str, Any]:
    """Run a source as a module and return the module's variables."""
    module = sys.modules[MODULE] = ModuleType(MODULE)  # dataclasses look their module up
    code = compile(source, f"{MODULE}.py", "exec")
    exec(code, module.__dict__)  # noqa: S102  an author's code, in a limited process
    return module.__dict__


def _judge(oracle: Oracle, source: str, channel: Connection, cpu_seconds: int) -> None:
    """Send the name of each part before running it, then the mutant's class."""
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with open(os.devnull, "w") as null, redirect_stdout(null), redirect_stderr(null), np.errstate(all="ignore"):
        try:
            namespace = namespace_of(source)
        except Exception as error:  # noqa: BLE001  a mutant's failure is a finding
            classified = Classified("wrong", f"the file raises {type(error).__name__}: {error}", ("new",))
        else:
            classified = oracle.classify(namespace, channel.send)
    channel.send(classified)
