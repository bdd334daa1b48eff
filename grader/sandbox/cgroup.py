"""Limit the memory and threads of a session with a control group, if this process may create one.

The resource limits (`rlimits`) apply in any case. A control group also counts the files in the session's memory-backed
folders, and records whether the kernel killed the session for its memory usage.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from dataclasses import dataclass
from pathlib import Path

from grader.model import Limits
from grader.sandbox.folder import abandoned

MOUNTED = Path("/sys/fs/cgroup")
LEAF = "grader"
"""Name of the control group in which systemd starts the grader (`DelegateSubgroup=grader`). Sessions' groups are
created beside it, because in cgroups version 2 a group that contains processes cannot have child groups."""
THREADS = 64


@dataclass(frozen=True)
class Cgroup:
    """The folders of a session's control group: one folder in cgroups version 2, one for memory and one for pids in
    version 1. If control groups are not available, there are no folders."""

    folders: tuple[Path, ...]

    def remove(self) -> bool:
        """Remove the group of a process that has ended. Return whether the kernel had killed the process for its memory
        usage."""
        killed = any(_killed(folder) for folder in self.folders)
        for folder in self.folders:
            _remove(folder)
        return killed


class Cgroups:
    """Creates control groups for sessions. A group has no folders if this process may not create control groups."""

    def __init__(self) -> None:
        self._version, self._parents = _parents()

    def enclose(self, pid: int, limits: Limits) -> Cgroup:
        """Put a process into a new group with these limits."""
        name = f"session-{secrets.token_hex(8)}"
        bounds = _bounds(self._version, limits)
        folders = []
        for controller, parent in self._parents.items():
            folder = parent / name
            folder.mkdir()
            folders.append(folder)
            for file, value in bounds.items():
                if self._version == 2 or file.startswith(controller):
                    (folder / file).write_text(str(value))
            with contextlib.suppress(ProcessLookupError):  # a session that failed to start is reported elsewhere
                (folder / "cgroup.procs").write_text(str(pid))
        return Cgroup(tuple(folders))

    def close(self) -> None:
        for parent in self._parents.values():
            _remove(parent)


def _bounds(version: int, limits: Limits) -> dict[str, int]:
    """Return the limits of a session's group: file name → content."""
    memory = limits.memory_bytes + 2 * limits.disk_bytes  # /tmp and /dev/shm are memory too
    if version == 2:
        return {"memory.max": memory, "memory.swap.max": 0, "pids.max": THREADS}
    return {"memory.limit_in_bytes": memory, "pids.max": THREADS}


def _parents() -> tuple[int, dict[str, Path]]:
    """Create the folders for sessions' groups. Return the version of cgroups (1 or 2), and the folder of each
    controller. In version 2, there is a single folder, with the key "". Return (0, {}) if the folders cannot be
    created."""
    with contextlib.suppress(OSError):
        lines = Path("/proc/self/cgroup").read_text().rstrip("\n").split("\n")  # a path may contain other separators
        own_groups: dict[str, str] = {}
        for line in lines:
            _, controllers, path = line.split(":", 2)
            own_groups[controllers] = path.lstrip("/")
        if "memory" in own_groups and "pids" in own_groups:
            return 1, {name: _new_parent(MOUNTED / name / own_groups[name]) for name in ("memory", "pids")}
        own_group = MOUNTED / own_groups.get("", "")
        if own_group.name == LEAF:
            _enable_controllers(own_group.parent)
            folder = _new_parent(own_group.parent)
            _enable_controllers(folder)
            return 2, {"": folder}
    return 0, {}


def _new_parent(group: Path) -> Path:
    """Create and return a folder for the sessions of this process. Also remove folders of graders that were killed."""
    for killed_group in abandoned(group):
        for session in killed_group.glob("session-*"):
            _remove(session)
        _remove(killed_group)
    folder = group / f"grader-{os.getpid()}-{secrets.token_hex(4)}"
    folder.mkdir()
    return folder


def _enable_controllers(group: Path) -> None:
    (group / "cgroup.subtree_control").write_text("+memory +pids")


def _killed(folder: Path) -> bool:
    """Return whether the kernel killed a process of the group for its memory usage."""
    for file in ("memory.events", "memory.oom_control"):
        with contextlib.suppress(OSError):
            lines = (folder / file).read_text().splitlines()
            counts = dict(line.split() for line in lines)
            return int(counts.get("oom_kill", 0)) > 0
    return False


def _remove(folder: Path) -> None:
    """Remove a group's folder. Retry for 0.1 s, because the kernel may still count an ended process as a member."""
    for _ in range(50):
        try:
            folder.rmdir()
        except FileNotFoundError:
            return
        except OSError:
            time.sleep(0.002)
        else:
            return
