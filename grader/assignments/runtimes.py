"""Environments of assignments whose students' code needs packages beyond the common environment."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from grader.assignments.catalogue import Assignment
from grader.errors import BadAssignment

_READY = "ready"
"""Marker file that is written last, so that an interrupted installation starts again."""


def make(assignment: Assignment, common: Path) -> Path | None:
    """Make an assignment's separate environment, unless it exists.

    Args:
        assignment: The assignment.
        common: Folder of the common environment. The new one is made beside it.

    Returns:
        Folder of the environment, or None if the assignment uses the common one.

    Raises:
        BadAssignment: If the requirements cannot be installed. The message ends with pip's last line.
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
        last = done.stderr.strip().splitlines()[-1:] or ["pip printed no message"]
        raise BadAssignment(f"{assignment.id}/{assignment.lock.name} cannot be installed: {last[0]}")
    (folder / _READY).touch()
    return folder
