"""Create separate Python environments for assignments whose students' code needs packages that the common environment
does not have."""

from __future__ import annotations

from pathlib import Path

from grader.assignments.catalogue import environment_of
from grader.errors import BadAssignment, SandboxUnavailable
from grader.sandbox import runtime


def make(lock: Path | None, common: Path) -> Path:
    """Create the separate Python environment of an assignment, unless it exists.

    Args:
        lock: The assignment's locked requirements; None if it uses the common environment.
        common: Folder of the common environment. The new environment is created beside it.

    Returns:
        Folder of the environment.

    Raises:
        BadAssignment: If the requirements cannot be installed. The message ends with pip's last line.
    """
    folder = environment_of(lock, common)
    if lock is not None and not runtime.is_made(folder):
        try:
            runtime.make(folder, lock)
        except SandboxUnavailable as wrong:
            raise BadAssignment(f"{lock.parent.name}/{lock.name}: {wrong}") from None
    return folder
