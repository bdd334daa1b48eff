"""Limit the memory and threads of a session with a control group, if this process may create one.

The resource limits (`rlimits`) apply in any case. A control group also counts the files in the session's memory-backed
folders, and records whether the kernel killed the session for its memory usage.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path

from grader.model import Limits
from grader.sandbox.folder import abandoned

MOUNTED = Path("/sys/fs/cgroup")
LEAF = "grader"
"""Name of the control group in which systemd starts the grader (`DelegateSubgroup=grader`). Sessions' groups are
created beside it, because in cgroups version 2 a group that contains processes cannot have child groups."""
EVENTS = {1: "memory.oom_control", 2: "memory.events"}
"""Version of cgroups → the file with the number of processes killed for their memory usage, in the first folder."""
THREADS = 64


@dataclass(frozen=True)
class Cgroup:
    """The folders of a session's control group: one folder in cgroups version 2, one for memory and one for pids in
    version 1. If control groups are not available, there are no folders."""

    folders: tuple[Path, ...]
    limits: Limits


class Cgroups:
    """Creates control groups for sessions. A group has no folders if this process may not create control groups."""

    def __init__(self) -> None:
        self._version, self._parents = _parents()
        self._empty: deque[Cgroup] = deque()
        """Groups of ended sessions, for later ones: creating a group takes half as long as starting a session. There
        are never more groups than there were sessions at the same time."""

    def enclose(self, pid: int, limits: Limits) -> Cgroup:
        """Put a process into an empty group with these limits."""
        try:
            cgroup = self._empty.pop()
        except IndexError:
            cgroup = self._new(limits)
        if cgroup.limits != limits:
            _remove(cgroup)
            cgroup = self._new(limits)
        for folder in cgroup.folders:
            with contextlib.suppress(ProcessLookupError):  # a session that failed to start is reported elsewhere
                _write(folder, "cgroup.procs", pid)
        return cgroup

    def release(self, cgroup: Cgroup) -> bool:
        """Take back the group of a process that has ended. Return whether the kernel killed the process for its memory
        usage; if not, the group is kept for another process."""
        is_killed = self._version > 0 and _killed(cgroup.folders[0], EVENTS[self._version])
        if is_killed:
            _remove(cgroup)
        else:
            self._empty.append(cgroup)
        return is_killed

    def close(self) -> None:
        for cgroup in self._empty:
            _remove(cgroup)
        for parent in self._parents.values():
            _remove_folder(parent)

    def _new(self, limits: Limits) -> Cgroup:
        """Create a group with these limits."""
        name = f"session-{secrets.token_hex(8)}"
        bounds = _bounds(self._version, limits)
        folders = []
        for controller, parent in self._parents.items():
            folder = parent / name
            folder.mkdir()
            folders.append(folder)
            for file, value in bounds.items():
                if self._version == 2 or file.startswith(controller):
                    _write(folder, file, value)
        return Cgroup(tuple(folders), limits)


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
            _remove_folder(session)
        _remove_folder(killed_group)
    folder = group / f"grader-{os.getpid()}-{secrets.token_hex(4)}"
    folder.mkdir()
    return folder


def _enable_controllers(group: Path) -> None:
    (group / "cgroup.subtree_control").write_text("+memory +pids")


def _killed(folder: Path, events: str) -> bool:
    """Return whether the kernel killed a process of the group for its memory usage. `events` is the name of the file
    that counts such processes."""
    with contextlib.suppress(OSError, ValueError), open(f"{folder}/{events}", "rb", buffering=0) as file:
        fields = file.read().split()
        return int(fields[fields.index(b"oom_kill") + 1]) > 0
    return False


def _write(folder: Path, file: str, value: int) -> None:
    with open(f"{folder}/{file}", "wb", buffering=0) as control:
        control.write(str(value).encode())


def _remove(cgroup: Cgroup) -> None:
    """Remove a group's folders."""
    for folder in cgroup.folders:
        _remove_folder(folder)


def _remove_folder(folder: Path) -> None:
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
