"""The sandbox for Linux: bubblewrap around a process of its own, for every session a fresh one.

Inside there are the runtime's own environment at /rt, the guest at /g and the Python it needs, all
read-only, and an empty /tmp. There is no network, no other process, and nothing of the grader: neither its
code nor an assignment, so there is nothing to import or to read.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from grader.errors import SandboxUnavailable
from grader.model import Limits
from grader.sandbox.contract import BOOTSTRAP, ENVIRONMENT, GUEST, Array, Session

RUNTIME = "/rt"
HOME = "/g"


class Bubblewrap:
    name = "bubblewrap"

    def __init__(self, runtime: Path) -> None:
        """`runtime`: the environment that students' code runs in; nothing of ours is installed there."""
        if shutil.which("bwrap") is None:
            raise SandboxUnavailable("bubblewrap is not installed (Debian: apt-get install bubblewrap)")
        if not (runtime / "bin" / "python").exists():
            raise SandboxUnavailable(f"no sandbox runtime at {runtime} (make setup builds it)")
        self._runtime = runtime
        self._base = _base_prefix(runtime)
        # --die-with-parent follows the thread that starts bwrap, so one lifelong thread starts them all
        self._starter = ThreadPoolExecutor(max_workers=1, thread_name_prefix="bwrap")
        self._sharing = threading.Lock()
        self._shared: dict[int, tuple[int, Array]] = {}

    def session(self, limits: Limits, shared: Mapping[str, Array]) -> Session:
        ours, theirs = socket.socketpair()
        with self._sharing:
            held = {name: self._share(array) for name, array in shared.items()}
        try:
            process, pid = self._starter.submit(self._start, theirs, list(held.values()), limits).result()
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        session = Session(ours, _killer(process, pid), limits, _cpu_clock(pid))
        session.hello(_rlimits(limits), [[n, a.dtype.str, list(a.shape), held[n], ""] for n, a in shared.items()])
        return session

    def close(self) -> None:
        self._starter.shutdown()
        for fd, _ in self._shared.values():
            os.close(fd)
        self._shared.clear()

    def _share(self, array: Array) -> int:
        """A sealed memory file with the array's bytes, written once for all sessions."""
        known = self._shared.get(id(array))
        if known is None:
            fd = os.memfd_create("shared", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
            view = array.reshape(-1).view(np.uint8).data
            while view:
                view = view[os.write(fd, view) :]
            _seal(fd)
            known = self._shared[id(array)] = (fd, array)  # holding the array keeps its id from being reused
        return known[0]

    def _start(self, theirs: socket.socket, fds: list[int], limits: Limits) -> tuple[subprocess.Popen[bytes], int]:
        info, info_inside = os.pipe()
        command = [
            *self._walls(limits, info_inside),
            *_drop_root(),
            f"{RUNTIME}/bin/python",
            *("-I", "-B", "-c", BOOTSTRAP.format(home=HOME)),
            *("fd", str(theirs.fileno())),
        ]
        process = subprocess.Popen(
            command,
            pass_fds=[theirs.fileno(), info_inside, *fds],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        os.close(info_inside)
        with os.fdopen(info, "rb") as told:
            facts = told.read()
        if not facts:
            _, complaint = process.communicate(timeout=10)
            raise SandboxUnavailable(f"bubblewrap did not start: {complaint.decode(errors='replace').strip()}")
        assert process.stderr is not None
        process.stderr.close()
        return process, int(json.loads(facts)["child-pid"])

    def _walls(self, limits: Limits, info_fd: int) -> list[str]:
        spaces = ["--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]
        if os.getuid() != 0:
            spaces.append("--unshare-user")
        size = str(limits.disk_bytes)
        return [
            "bwrap",
            *spaces,
            *("--die-with-parent", "--new-session", "--as-pid-1", "--clearenv", "--info-fd", str(info_fd)),
            *("--ro-bind", "/usr", "/usr"),
            *(arg for name in ("bin", "sbin", "lib", "lib64") for arg in _like_outside(name)),
            *([] if self._base.is_relative_to("/usr") else _bind(self._base, str(self._base))),
            *_bind(self._runtime, RUNTIME),
            *_bind(GUEST, f"{HOME}/guest"),
            *("--dev", "/dev", "--size", size, "--perms", "1777", "--tmpfs", "/dev/shm"),  # noqa: S108
            *("--proc", "/proc", "--size", size, "--perms", "1777", "--tmpfs", "/tmp"),  # noqa: S108
            *("--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/tmp"),  # noqa: S108
            *(arg for name, value in ENVIRONMENT.items() for arg in ("--setenv", name, value)),
            *_capabilities(),
        ]


def _base_prefix(runtime: Path) -> Path:
    """Where the Python lies that the runtime's environment was made from."""
    return (runtime / "bin" / "python").resolve().parent.parent


def _bind(outside: Path, inside: str) -> list[str]:
    """Read-only. The folders above it are made by hand, since bubblewrap makes them for their owner only."""
    above = [arg for folder in reversed(Path(inside).parents[:-1]) for arg in ("--perms", "0755", "--dir", str(folder))]
    return [*above, "--ro-bind", str(outside), inside]


def _like_outside(name: str) -> list[str]:
    outside = Path("/") / name
    if outside.is_symlink():
        return ["--symlink", os.readlink(outside), f"/{name}"]
    return ["--ro-bind", f"/{name}", f"/{name}"] if outside.exists() else []


def _capabilities() -> list[str]:
    return ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"] if os.getuid() == 0 else []


def _drop_root() -> list[str]:
    """Started by root, bubblewrap makes no user namespace and the kernel does not count root's processes; so a
    user takes over that nobody else has, a fresh one for every session."""
    if os.getuid() != 0:
        return []
    user = str(0x70000000 + secrets.randbelow(0x0FFFFFFF))
    return [
        "/usr/bin/setpriv",
        *(f"--reuid={user}", f"--regid={user}", "--clear-groups"),
        *("--inh-caps=-all", "--bounding-set=-all", "--no-new-privs"),
    ]


def _rlimits(limits: Limits) -> dict[str, int]:
    return {
        "AS": limits.memory_bytes,
        "CORE": 0,
        "CPU": 900,  # a backstop behind the clock that is read from outside
        "FSIZE": limits.disk_bytes,
        "NOFILE": 256,
        "NPROC": 64,
    }


def _cpu_clock(pid: int) -> Callable[[], float]:
    """The kernel's clock of the process's CPU time, all threads; readable from outside in 0.5 µs."""
    clock = (~pid << 3) | 2
    return lambda: time.clock_gettime(clock)


def _killer(process: subprocess.Popen[bytes], pid: int) -> Callable[[], None]:
    """Ends pid 1 of the session, and with it everything that it started, whatever that ignores."""
    pidfd = os.pidfd_open(pid)

    def kill() -> None:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(pidfd, signal.SIGKILL)
        os.close(pidfd)
        process.wait()

    return kill


def _seal(fd: int) -> None:
    import fcntl

    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL)
