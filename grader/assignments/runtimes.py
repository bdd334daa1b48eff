"""Create separate Python environments for assignments whose students' code needs packages that the common environment
does not have."""

from __future__ import annotations

from pathlib import Path

from grader.assignments.catalogue import Assignment
from grader.errors import BadAssignment, SandboxUnavailable
from grader.sandbox import runtime


def make(assignment: Assignment, common: Path) -> Path | None:
    """Create the separate Python environment of an assignment, unless it exists.

    Args:
        assignment: The assignment.
        common: Folder of the common environment. The new environment is created beside it.

    Returns:
        Folder of the environment, or None if the assignment uses the common one.

    Raises:
        BadAssignment: If the requirements cannot be installed. The message ends with pip's last line.
    """
    if assignment.lock is None:
        return None
    folder = assignment.runtime(common)
    if not runtime.is_made(folder):
        try:
            runtime.make(folder, assignment.lock)
        except SandboxUnavailable as wrong:
            raise BadAssignment(f"{assignment.id}/{assignment.lock.name}: {wrong}") from None
    return folder
