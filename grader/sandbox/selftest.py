"""What the sandbox promises, each promise tried by hostile code in a real session."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from grader.model import Limits, Stopped
from grader.sandbox.contract import Answered, Sandbox

PROBES = Path(__file__).with_name("probes.py")
"""Hostile code in the shape of a submission: one method for each promise, answering what it saw."""

LIMITS = Limits(load_cpu_seconds=20, call_cpu_seconds=1, memory_bytes=1 << 30, disk_bytes=16 << 20)


@dataclass(frozen=True)
class Promise:
    text: str
    method: str
    kept: Callable[[object], bool]
    """Whether what the probe saw is what was promised."""


@dataclass(frozen=True)
class Finding:
    promise: str
    holds: bool
    seen: str


def _refused(seen: object) -> bool:
    """The probe answers "refused: …" where it could not do its worst."""
    return isinstance(seen, str) and seen.startswith("refused")


PROMISES = (
    Promise("numpy works inside", "computes", lambda seen: seen == 3.0),
    Promise("the grader cannot be imported", "imports_the_grader", _refused),
    Promise("no assignment, reference or label can be read", "finds_the_reference", lambda seen: seen == []),
    Promise("there is no network", "connects", _refused),
    Promise("no other process is to be seen", "sees_processes", lambda seen: seen == []),
    Promise("the user inside is not root", "is_root", lambda seen: seen is False),
    Promise("it has no capabilities", "has_capabilities", lambda seen: seen is False),
    Promise("the environment is ours alone", "reads_the_environment", lambda seen: seen == []),
    Promise("programs and libraries cannot be changed", "writes_to_the_system", lambda seen: seen == []),
    Promise("files go to a private folder of bounded size", "fills_the_disk", _refused),
    Promise("memory is bounded", "takes_memory", _refused),
    Promise("processes are bounded", "forks_without_end", _refused),
    Promise("no descriptor but its own channel is open", "finds_descriptors", lambda seen: seen == []),
)


def probe(sandbox: Sandbox) -> list[Finding]:
    """Every promise and whether it holds here; those about time are tried from outside."""
    return [*(_probe_one(sandbox, promise) for promise in PROMISES), _cpu_is_bounded(sandbox)]


def _ask(sandbox: Sandbox, method: str) -> object:
    with sandbox.session(LIMITS, {}) as session:
        files = {"mlp.py": np.frombuffer(PROBES.read_bytes(), np.uint8)}
        for request in (["load", files, [], ["Probes"], {}, 0.0], ["new", 0, [], {}]):
            answer = session.request(request, LIMITS.load_cpu_seconds)
            if not isinstance(answer, Answered):
                return answer
        answer = session.request(["call", 0, method, [], {}, 0.0], cpu_seconds=20.0)
        return answer.value if isinstance(answer, Answered) else answer


def _probe_one(sandbox: Sandbox, promise: Promise) -> Finding:
    seen = _ask(sandbox, promise.method)
    if isinstance(seen, np.ndarray):
        seen = seen.tolist()
    return Finding(promise.text, promise.kept(seen), str(seen))


def _cpu_is_bounded(sandbox: Sandbox) -> Finding:
    text = "CPU time is bounded from outside"
    with sandbox.session(LIMITS, {}) as session:
        files = {"mlp.py": np.frombuffer(PROBES.read_bytes(), np.uint8)}
        session.request(["load", files, [], ["Probes"], {}, 0.0], LIMITS.load_cpu_seconds)
        session.request(["new", 0, [], {}], LIMITS.call_cpu_seconds)
        answer = session.request(["call", 0, "spins", [], {}, 0.0], cpu_seconds=0.3)
        stopped = isinstance(answer, Stopped) and not session.alive
        return Finding(
            text,
            stopped,
            f"stopped after {answer.allowed:g} CPU seconds" if isinstance(answer, Stopped) else str(answer),
        )
