"""Environments for students' code, of assignments that need packages which the common one does not have."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from grader.catalogue import Assignment
from grader.errors import BadAssignment

_READY = "ready"
"""A file that is written last, so that an environment that was interrupted is made anew."""


def make(assignment: Assignment, common: Path) -> Path | None:
    """Make an assignment's own environment, unless it is there.

    Args:
        assignment: The assignment.
        common: The environment of all other assignments; this one is made beside it.

    Returns:
        The environment, or None if the assignment uses the common one.

    Raises:
        BadAssignment: The requirements cannot be installed. The message is pip's.
    """
    if assignment.lock is None:
        return None
    folder = assignment.runtime(common)
    if (folder / _READY).exists():
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    command = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    done = subprocess.run(
        [*command, "--require-hashes", "-r", str(assignment.lock)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or ["pip says nothing"]
        raise BadAssignment(f"{assignment.id}/{assignment.lock.name} cannot be installed: {last[0]}")
    (folder / _READY).touch()
    return folder
