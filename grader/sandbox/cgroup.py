"""Control groups, if this process may create them: one bound on a session's total memory and threads.

Control groups are a second line of defence: the resource limits always apply, and a session is a single process. A
control group also counts the files in the session's memory-backed folders, and records whether the kernel killed the
session for its memory usage.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from grader.model import Limits

MOUNTED = Path("/sys/fs/cgroup")
LEAF = "grader"
"""The child group that systemd puts the grader into, with `Delegate=yes` and `DelegateSubgroup=grader`. In version 2 of
cgroups, a group with children cannot contain processes, so the sessions' groups are beside this group."""
THREADS = 64


@dataclass(frozen=True)
class Cgroup:
    """A session's control group: one folder in each hierarchy."""

    folders: tuple[Path, ...]

    def remove(self) -> bool:
        """Remove the group of a process that has ended. Return whether the kernel had killed the process for its memory
        usage."""
        killed = any(_killed(folder) for folder in self.folders)
        for folder in self.folders:
            _remove(folder)
        return killed


class Cgroups:
    """The parent groups of all sessions. If this process may not create groups, there are no parent groups, and
    sessions get no groups."""

    def __init__(self) -> None:
        self._version, self._parents = _parents()

    def enclose(self, pid: int, limits: Limits) -> Cgroup | None:
        """Put a process into a new group with these limits. Return None if groups are not available."""
        if not self._parents:
            return None
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
    memory = limits.memory_bytes + 2 * limits.disk_bytes  # /tmp and /dev/shm are memory too
    if version == 2:
        return {"memory.max": memory, "memory.swap.max": 0, "pids.max": THREADS}
    return {"memory.limit_in_bytes": memory, "pids.max": THREADS}


def _parents() -> tuple[int, dict[str, Path]]:
    """Create the parent folders. Return the version of cgroups and the folder of each controller.

    Version 1 has a folder for each controller; version 2 has a single folder, under the key "". If folders cannot be
    created, the version is 0 and there are no folders.
    """
    ours = {controllers: path for _, controllers, path in _own_groups()}
    with contextlib.suppress(OSError):
        if "memory" in ours and "pids" in ours:
            return 1, {c: _new_parent(MOUNTED / c / ours[c].lstrip("/")) for c in ("memory", "pids")}
        if ours.get("", "").endswith(f"/{LEAF}"):
            above = MOUNTED / ours[""].lstrip("/").removesuffix(f"/{LEAF}")
            _enable_controllers(above)
            folder = _new_parent(above)
            _enable_controllers(folder)
            return 2, {"": folder}
    return 0, {}


def _new_parent(group: Path) -> Path:
    """Create a folder for this grader's sessions, and remove the folders of graders that were killed."""
    for left in group.glob("grader-*-*"):
        if not Path("/proc", left.name.split("-")[1]).exists():
            for session in left.glob("session-*"):
                _remove(session)
            _remove(left)
    folder = group / f"grader-{os.getpid()}-{secrets.token_hex(4)}"
    folder.mkdir()
    return folder


def _enable_controllers(group: Path) -> None:
    (group / "cgroup.subtree_control").write_text("+memory +pids")


def _own_groups() -> Iterator[tuple[str, str, str]]:
    with contextlib.suppress(OSError), open("/proc/self/cgroup") as lines:
        for line in lines:
            number, controllers, path = line.rstrip("\n").split(":", 2)
            yield number, controllers, path


def _killed(folder: Path) -> bool:
    """Return whether the kernel killed a process of the group for its memory usage.

    Version 2 counts in memory.events, version 1 in memory.oom_control.
    """
    for file in ("memory.events", "memory.oom_control"):
        with contextlib.suppress(OSError):
            counts = dict(line.split() for line in (folder / file).read_text().splitlines())
            return int(counts.get("oom_kill", 0)) > 0
    return False


def _remove(folder: Path) -> None:
    """Remove a group, retrying until the kernel has seen that its last process ended."""
    for _ in range(50):
        try:
            folder.rmdir()
        except FileNotFoundError:
            return
        except OSError:
            time.sleep(0.002)
        else:
            return
