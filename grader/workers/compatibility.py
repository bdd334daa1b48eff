"""Compatibility keys. A worker may run a job only if the worker and the job have the same key."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from functools import cache
from importlib.metadata import distributions, version
from pathlib import Path

import grader
from grader.assignments.catalogue import Assignment, digest_of
from grader.assignments.seeds import Seed
from grader.errors import SandboxUnavailable


def compatibility_key(assignment: Assignment, numpy: str, seed: Seed) -> str:
    """Return the compatibility key for gradings of an assignment.

    Machines with equal keys have the same versions of grader, assignment and numpy, and the same secret. They produce
    the same report for the same files, even with different BLAS kernels.

    Args:
        numpy: The version of numpy that students' code uses.
        seed: The seed from which the problems are drawn.
    """
    assignment_digest = f"{assignment.id} {assignment.digest[:12]}"
    written = f" written {assignment.written_digest[:12]}" if assignment.written_digest else ""
    software = f"grader {grader.__version__} {source_digest()}, {assignment_digest}{written}, numpy {numpy}"
    return f"{software}, secret {seed.fingerprint}"


@cache
def source_digest() -> str:
    """Return a hash of the grader's Python files. Unlike the version number, the hash changes with every edit."""
    package = Path(grader.__file__).parent
    return digest_of(package.rglob("*.py"), package)[:12]


def compatibility_keys(assignments: Iterable[Assignment], runtime: Path, secret: bytes) -> dict[str, str]:
    """Return this machine's compatibility keys by assignment id. `runtime` is the default Python environment for
    students' code, `secret` the secret from which the problems are drawn."""
    keys: dict[str, str] = {}
    for assignment in assignments:
        numpy = numpy_of(assignment.runtime(runtime))
        keys[assignment.id] = compatibility_key(assignment, numpy, Seed(secret))
    return keys


def numpy_of(runtime: Path) -> str:
    """Return the version of numpy in a Python environment. Raise `SandboxUnavailable` if numpy is not installed
    there."""
    if runtime == Path(sys.prefix):
        return version("numpy")
    for site in runtime.glob("lib/python*/site-packages"):
        for numpy in distributions(name="numpy", path=[str(site)]):
            return numpy.version
    raise SandboxUnavailable(
        f"numpy is not installed in {runtime}: create the environments for students' code with `grader runtimes`"
    )
