"""Isolate a session's process (Linux only). `clone` starts the process. `enclose` isolates it before it receives a
student's code.

The order of the steps matters: mounts need capabilities, Landlock forbids mounts, and the system-call filter forbids
all earlier steps.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import resource
import signal
import struct
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import huge_pages

NAMESPACES = {  # linux/sched.h
    "user": 0x10000000,
    "pid": 0x20000000,
    "mount": 0x00020000,
    "net": 0x40000000,
    "ipc": 0x08000000,
    "uts": 0x04000000,
}
CLONE_PIDFD = 0x1000
SYS_CLONE = {"x86_64": 56, "aarch64": 220}
PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 1, 38, 22, 2
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8
LANDLOCK_CREATE, LANDLOCK_ADD_RULE, LANDLOCK_RESTRICT = 444, 445, 446
CHANNEL = 3
"""File descriptor of the socket to the grader. A session's only other open descriptors are the standard streams."""
USER_INSIDE = 1000

_libc = ctypes.PyDLL(None, use_errno=True)
"""The C library. Its calls keep the interpreter lock, so that no other thread can take it during `clone`: in the child
process, which has no other thread, it would never be released."""


@dataclass(frozen=True)
class Walls:
    """Settings for the isolation of sessions, chosen by the grader."""

    namespaces: bool
    """True if each session gets separate Linux namespaces, a private /tmp and /dev/shm, and an empty /proc."""
    readable: Sequence[int]
    """Descriptors of folders whose files sessions may read and execute."""
    usable: Sequence[int]
    """Descriptors of devices that sessions may read and write."""
    landlock_abi: int
    filter: bytes
    """The system-call filter: a seccomp program in the kernel's format (struct sock_filter[])."""


class SystemCalls:
    """System calls with all their arguments.

    The template prepares them and a session runs them, because anything else is slow in a session: the kernel copies
    each page of memory to which the session writes, even if only the reference count of an object changes.
    """

    def __init__(self) -> None:
        self._calls: list[tuple[str, Callable[..., int], tuple[Any, ...], ctypes.c_int]] = []
        """Name for messages, function, arguments and result of each call."""

    def add(
        self, name: str, function: Callable[..., int], *arguments: Any, result: ctypes.c_int | None = None
    ) -> ctypes.c_int:
        """Add a call of a function of the C library.

        Args:
            name: The call's name, for messages.
            function: A function that returns a negative number if it fails.
            arguments: Its arguments.
            result: The variable that is set to the result; a new one if None.

        Returns:
            `result`. It can be an argument of later calls.
        """
        if result is None:
            result = ctypes.c_int()
        self._calls.append((name, function, arguments, result))
        return result

    def run(self) -> None:
        """Run the calls in order. Raise an OSError if one fails."""
        for name, function, arguments, result in self._calls:
            result.value = function(*arguments)
            if result.value < 0:
                error = ctypes.get_errno()
                raise OSError(error, f"{name}: {os.strerror(error)}")


class Clone:
    """The prepared system call that forks this process, which must have a single thread.

    It does all that fork, unshare and another fork would do, which would copy this large process twice. Functions that
    modules have registered to run at a fork are not called: they take longer than the fork, and change only what
    `random` and other threads use.
    """

    def __init__(self, namespaces: bool) -> None:
        """Prepare the call. If `namespaces` is True, the child is process 1 in new namespaces."""
        flags = CLONE_PIDFD | signal.SIGCHLD | (sum(NAMESPACES.values()) if namespaces else 0)
        number = SYS_CLONE.get(os.uname().machine, -1)  # the kernel refuses -1
        self._pidfd = ctypes.c_int()
        self._call = SystemCalls()
        arguments = (ctypes.c_long(number), ctypes.c_ulong(flags), None, ctypes.byref(self._pidfd), None, None)
        self._pid = self._call.add("clone", _libc.syscall, *arguments)

    def run(self) -> tuple[int, int]:
        """Fork this process. Raise an OSError if the kernel refuses the call.

        Returns:
            In the parent process, the child's pid and a pidfd; in the child process, 0 and any number.
        """
        self._call.run()
        return self._pid.value, self._pidfd.value


def prepare(walls: Walls, limits: Mapping[str, int], folder: str, user: tuple[int, int]) -> SystemCalls:
    """Return the calls that isolate a session, for a process that will be forked from this one.

    Args:
        walls: Settings of the isolation.
        limits: Resource limits by the kernel's names, such as "NOFILE", and "disk": the size of each private folder in
            bytes.
        folder: The folder that the session may write to.
        user: This process's uid and gid.
    """
    calls = SystemCalls()
    calls.add("prctl", _libc.prctl, PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if walls.namespaces:
        _become_ordinary_user(calls, *user)
    _limit(calls, limits)
    private_folders = [folder]
    if walls.namespaces:
        private_folders.append("/dev/shm")  # noqa: S108
        _mount_private_folders(calls, limits["disk"], private_folders)
    calls.add(f"chdir {folder}", _libc.chdir, folder.encode())
    _restrict_files(calls, walls, private_folders)
    calls.add("close", _close_descriptors)
    _drop_capabilities(calls)
    calls.add("no_new_privs", _libc.prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    _filter(calls, walls.filter)
    return calls


def map_private(fd: int, dtype: np.dtype[Any], shape: Sequence[int]) -> np.ndarray[Any, Any]:
    """Map an array from a file, copy-on-write. A student's changes to training data, such as `X -= X.mean()`, then stay
    in this process."""
    size = dtype.itemsize * int(np.prod(shape))
    address = huge_pages.map_file(fd, size, mmap.MAP_PRIVATE)
    mapped = memoryview((ctypes.c_char * size).from_address(address)).cast("B")
    return np.frombuffer(mapped, dtype).reshape(tuple(shape))


def landlock_abi() -> int:
    """Return the version of the kernel's Landlock interface; 0 if the kernel has none."""
    version = _libc.syscall(LANDLOCK_CREATE, None, ctypes.c_size_t(0), 1)
    return max(0, int(version))


def _become_ordinary_user(calls: SystemCalls, uid: int, gid: int) -> None:
    """Map this process's user and group to `USER_INSIDE` in its new user namespace. It has no other users."""
    maps = {"setgroups": "deny", "uid_map": f"{USER_INSIDE} {uid} 1", "gid_map": f"{USER_INSIDE} {gid} 1"}
    for name, line in maps.items():
        path = f"/proc/self/{name}"
        file = calls.add(path, _libc.open, path.encode(), os.O_WRONLY)
        calls.add(path, _libc.write, file, line.encode(), len(line))
        calls.add(path, _libc.close, file)


def _limit(calls: SystemCalls, limits: Mapping[str, int]) -> None:
    """Set the resource limits of a session. The memory limits are increased by the size of the template process,
    because the sessions share its memory."""
    with open("/proc/self/statm") as statm:
        # the first number is the size of all memory, the sixth that of data and stack: proc(5)
        page_counts = [int(number) for number in statm.read().split()]
    template_sizes = {"AS": page_counts[0] * mmap.PAGESIZE, "DATA": page_counts[5] * mmap.PAGESIZE}
    for name, value in limits.items():
        if name != "disk":
            bound = value + template_sizes.get(name, 0)
            soft_and_hard = struct.pack("=QQ", bound, bound)
            calls.add(f"setrlimit {name}", _libc.setrlimit, getattr(resource, f"RLIMIT_{name}"), soft_and_hard)


def _mount_private_folders(calls: SystemCalls, size: int, folders: Iterable[str]) -> None:
    """Mount an empty file system in memory over each folder, of `size` bytes, and an empty read-only one over /proc."""
    for folder in folders:
        _mount(calls, folder, MS_NOSUID | MS_NODEV | MS_NOEXEC, f"size={size},nr_inodes=16k,mode=0700")
    _mount(calls, "/proc", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY, "size=4k,nr_inodes=2")


def _mount(calls: SystemCalls, folder: str, flags: int, options: str) -> None:
    """Mount an empty file system in memory (tmpfs) over a folder."""
    kind = b"tmpfs"
    calls.add(f"mount {folder}", _libc.mount, kind, folder.encode(), kind, ctypes.c_ulong(flags), options.encode())


# ── Landlock ─────────────────────────────────────────────────────────────────────────────────────────

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
MAKE_CHAR, MAKE_SOCK, MAKE_FIFO, MAKE_BLOCK, TRUNCATE = 1 << 6, 1 << 9, 1 << 10, 1 << 11, 1 << 14
RULE_BENEATH = 1


class _PathRule(ctypes.Structure):
    """The kernel's struct landlock_path_beneath_attr: what may be done with the files in a folder."""

    _pack_ = 1
    _fields_ = (("rights", ctypes.c_uint64), ("folder", ctypes.c_int))


def _restrict_files(calls: SystemCalls, walls: Walls, own: Sequence[str]) -> None:
    """Forbid access to all files except `walls.readable`, `walls.usable` and the folders `own`, with Landlock. In these
    folders, files can be created and changed, but not executed. Do nothing if the kernel has no Landlock."""
    abi = walls.landlock_abi
    if not abi:
        return
    # the rights that each version of the kernel's interface can restrict: landlock(7)
    everything = (1 << 13) - 1 | (abi >= 2) << 13 | (abi >= 3) << 14 | (abi >= 5) << 15
    network = 3 if abi >= 4 else 0
    scopes = 3 if abi >= 6 else 0
    attributes = struct.pack("=QQQ", everything, network, scopes)
    size = 24 if abi >= 6 else 16 if abi >= 4 else 8  # older kernels know only the first one or two attributes
    rules = calls.add("landlock_create_ruleset", _libc.syscall, LANDLOCK_CREATE, attributes, ctypes.c_size_t(size), 0)
    readable = [_PathRule(EXECUTE | READ_FILE | READ_DIR, fd) for fd in walls.readable]
    usable = [_PathRule(everything & (READ_FILE | WRITE_FILE | TRUNCATE), fd) for fd in walls.usable]
    special = EXECUTE | MAKE_CHAR | MAKE_SOCK | MAKE_FIFO | MAKE_BLOCK
    private = [_PathRule(everything & ~special) for _ in own]
    for folder, rule in zip(own, private, strict=True):
        fd = ctypes.c_int.from_buffer(rule, _PathRule.folder.offset)  # the folder is mounted by an earlier call
        calls.add(f"open {folder}", _libc.open, folder.encode(), os.O_PATH, result=fd)
    for rule in (*readable, *usable, *private):
        reference = ctypes.byref(rule)
        calls.add("landlock_add_rule", _libc.syscall, LANDLOCK_ADD_RULE, rules, RULE_BENEATH, reference, 0)
    calls.add("no_new_privs", _libc.prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    calls.add("landlock_restrict_self", _libc.syscall, LANDLOCK_RESTRICT, rules, 0)


# ── capabilities and system calls ────────────────────────────────────────────────────────────────────


def _close_descriptors() -> int:
    """Close all descriptors except the channel and the standard streams."""
    os.closerange(CHANNEL + 1, 1 << 20)
    return 0


def _drop_capabilities(calls: SystemCalls) -> None:
    """Give up all capabilities of this thread."""
    header = struct.pack("=II", 0x20080522, 0)  # version 3, this thread
    calls.add("capset", _libc.capset, header, bytes(24))


class _Program(ctypes.Structure):
    """The kernel's struct sock_fprog: a system-call filter and its number of instructions."""

    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def _filter(calls: SystemCalls, instructions: bytes) -> None:
    """Install the system-call filter. Every later step would be refused."""
    program = _Program(len(instructions) // 8, instructions)
    calls.add("seccomp", _libc.prctl, PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0)


assert sys.byteorder == "little", "the wire and the filter are little-endian"
