"""Control groups, where this process may make them: a bound on all of a session's memory and threads together.

A second line: the resource limits always hold, and a session is a single process. This also counts what lies in its
folders, and says when the kernel ended a session for its memory.
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
"""With version 2, a group that has children holds no processes: systemd puts us into this child of ours with
`Delegate=yes` and `DelegateSubgroup=grader`, and sessions become its neighbours."""
THREADS = 64


@dataclass(frozen=True)
class Cgroup:
    """A session's, in each hierarchy that there is."""

    folders: tuple[Path, ...]

    def remove(self) -> bool:
        """After its process has gone. Whether the kernel had killed it for its memory."""
        killed = any(_killed(folder) for folder in self.folders)
        for folder in self.folders:
            _remove(folder)
        return killed


class Cgroups:
    """Folders of ours to make sessions' groups in; none where we may not, and then sessions have none."""

    def __init__(self) -> None:
        self._version, self._parents = _parents()

    def enclose(self, pid: int, limits: Limits) -> Cgroup | None:
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
            with contextlib.suppress(ProcessLookupError):  # a session that has failed to start says so itself
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
    """(1, one for each controller) or (2, one for all); without any where none can be made."""
    ours = {controllers: path for _, controllers, path in _own_groups()}
    with contextlib.suppress(OSError):
        if "memory" in ours and "pids" in ours:
            return 1, {c: _ours_in(MOUNTED / c / ours[c].lstrip("/")) for c in ("memory", "pids")}
        if ours.get("", "").endswith(f"/{LEAF}"):
            above = MOUNTED / ours[""].lstrip("/").removesuffix(f"/{LEAF}")
            _let_children_have_controllers(above)
            folder = _ours_in(above)
            _let_children_have_controllers(folder)
            return 2, {"": folder}
    return 0, {}


def _ours_in(group: Path) -> Path:
    """A new folder, in the place of those that were left by graders that have been killed."""
    for left in group.glob("grader-*-*"):
        if not Path("/proc", left.name.split("-")[1]).exists():
            for session in left.glob("session-*"):
                _remove(session)
            _remove(left)
    folder = group / f"grader-{os.getpid()}-{secrets.token_hex(4)}"
    folder.mkdir()
    return folder


def _let_children_have_controllers(group: Path) -> None:
    (group / "cgroup.subtree_control").write_text("+memory +pids")


def _own_groups() -> Iterator[tuple[str, str, str]]:
    with contextlib.suppress(OSError), open("/proc/self/cgroup") as lines:
        for line in lines:
            number, controllers, path = line.rstrip("\n").split(":", 2)
            yield number, controllers, path


def _killed(folder: Path) -> bool:
    """Version 2 counts in memory.events, version 1 in memory.oom_control."""
    for file in ("memory.events", "memory.oom_control"):
        with contextlib.suppress(OSError):
            counts = dict(line.split() for line in (folder / file).read_text().splitlines())
            return int(counts.get("oom_kill", 0)) > 0
    return False


def _remove(folder: Path) -> None:
    """The kernel may take a moment to see that the last process has gone."""
    for _ in range(50):
        try:
            folder.rmdir()
        except FileNotFoundError:
            return
        except OSError:
            time.sleep(0.002)
        else:
            return
