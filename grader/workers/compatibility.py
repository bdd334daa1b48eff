"""Compatibility keys: which gradings may be graded by which workers."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import grader
from grader.assignments.catalogue import Assignment
from grader.errors import SandboxUnavailable
from grader.store import gradings
from grader.store.database import Tx
from grader.store.records import Priority


def compatibility_key(assignment: Assignment, numpy: str) -> str:
    """Return the compatibility key. Workers of one key give the same report for the same bytes: they have the same
    source, assignment and numpy.

    The BLAS kernel is no part of it: no verdict depends on it, and a grading must not wait for a certain processor.
    """
    judging = f"{assignment.id} {assignment.digest[:12]}"
    written = f" written {assignment.written_digest[:12]}" if assignment.written_digest else ""
    return f"grader {grader.__version__} {source_digest()}, {judging}{written}, numpy {numpy}"


@cache
def source_digest() -> str:
    """Return a digest of the grader's own Python files. The version alone is the same between two releases, while
    checks change."""
    over = hashlib.sha256()
    package = Path(grader.__file__).parent
    for path in sorted(package.rglob("*.py")):
        over.update(
            f"{path.relative_to(package).as_posix()} {hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode()
        )
    return over.hexdigest()[:12]


def compatibility_keys(assignments: Iterable[Assignment], runtime: Path) -> dict[str, str]:
    """Assignment → the compatibility_key of the gradings that are made here."""
    return {one.id: compatibility_key(one, numpy_of(one.runtime(runtime))) for one in assignments}


def numpy_of(runtime: Path) -> str:
    """The version that students' code computes with, without starting it."""
    for site in runtime.glob("lib/python*/site-packages"):
        for found in distributions(name="numpy", path=[str(site)]):
            return found.version
    raise SandboxUnavailable(
        f"there is no numpy in {runtime}: make setup installs the common one (GRADER_RUNTIME), grader runtimes others"
    )


class StoreQueue:
    """A `grader.store.queue.Queue` that gives each grading the compatibility key of its assignment."""

    def __init__(self, keys: Mapping[str, str]) -> None:
        """`keys`: assignment → compatibility key."""
        self._keys = keys

    def enqueue(
        self,
        tx: Tx,
        submission: str,
        assignment: str,
        fairness_key: str,
        priority: Priority,
        *,
        scope: Mapping[str, Any] = gradings.FULL,
        regrade: str | None = None,
    ) -> str:
        key = self._keys[assignment]
        return gradings.enqueue(tx, submission, fairness_key, priority, key, scope=scope, regrade=regrade)

    def cancel(self, tx: Tx, grading: str) -> bool:
        return gradings.cancel(tx, grading)

    def retry(self, tx: Tx, grading: str, assignment: str) -> bool:
        return gradings.retry(tx, grading, self._keys[assignment])

    def trouble(self) -> str:
        """A door that nobody grades behind still takes what is handed in; staff see what waits in vain."""
        return ""

    def wake(self) -> None:
        """The database has told the workers already."""
