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
from collections.abc import Iterable, Mapping, Sequence
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

_libc = ctypes.CDLL(None, use_errno=True)
_libc_with_lock = ctypes.PyDLL(None, use_errno=True)
"""The same C library as `_libc`, but its calls keep the interpreter lock. Otherwise another thread could take the lock
during `clone`. That thread does not exist in the child process, so the child would wait for the lock forever."""
_libc_with_lock.syscall.restype = ctypes.c_long


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


def clone(namespaces: bool) -> tuple[int, int]:
    """Fork this process. If `namespaces` is True, the child is process 1 in new namespaces.

    A single system call does all this. Fork, unshare and another fork would copy this large process twice.

    Returns:
        In the parent process, the child's pid and a pidfd; in the child process, (0, -1).

    Raises:
        OSError: If the kernel refuses the system call.
    """
    flags = CLONE_PIDFD | signal.SIGCHLD | (sum(NAMESPACES.values()) if namespaces else 0)
    pidfd = ctypes.c_int(-1)
    none = ctypes.c_void_p(0)
    number = SYS_CLONE[os.uname().machine]
    ctypes.pythonapi.PyOS_BeforeFork()
    pid = _libc_with_lock.syscall(ctypes.c_long(number), ctypes.c_ulong(flags), none, ctypes.byref(pidfd), none, none)
    error = ctypes.get_errno()
    if pid == 0:
        ctypes.pythonapi.PyOS_AfterFork_Child()
        return 0, -1
    ctypes.pythonapi.PyOS_AfterFork_Parent()
    if pid < 0:
        raise OSError(error, f"clone: {os.strerror(error)}")
    return int(pid), pidfd.value


def enclose(walls: Walls, limits: Mapping[str, int], folder: str, user: tuple[int, int]) -> None:
    """Isolate this process.

    Args:
        walls: Settings of the isolation.
        limits: Resource limits by the kernel's names, such as "NOFILE", and "disk": the size of each private folder in
            bytes.
        folder: The folder that the session may write to.
        user: This process's uid and gid outside its user namespace.

    Raises:
        OSError: If the kernel refuses a step.
    """
    _call(_libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0), "prctl")
    if walls.namespaces:
        _become_ordinary_user(*user)
    _limit(limits)
    private_folders = [folder]
    if walls.namespaces:
        private_folders.append("/dev/shm")  # noqa: S108
        _mount_private_folders(limits["disk"], private_folders)
    os.chdir(folder)
    _restrict_files(walls, private_folders)
    os.closerange(CHANNEL + 1, 1 << 20)
    _drop_capabilities()
    _call(_libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")
    _filter(walls.filter)


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


def _call(result: int, name: str) -> int:
    """Return the result of a system call. Raise an OSError if the call has failed."""
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{name}: {os.strerror(error)}")
    return int(result)


def _become_ordinary_user(uid: int, gid: int) -> None:
    """Map this process's user and group to `USER_INSIDE` in its new user namespace. It has no other users."""
    maps = {"setgroups": "deny", "uid_map": f"{USER_INSIDE} {uid} 1", "gid_map": f"{USER_INSIDE} {gid} 1"}
    for name, line in maps.items():
        with open(f"/proc/self/{name}", "w") as file:
            file.write(line)


def _limit(limits: Mapping[str, int]) -> None:
    """Set the resource limits of this process. The memory limits are increased by the size of the template process,
    because the sessions share its memory."""
    with open("/proc/self/statm") as statm:
        # the first number is the size of all memory, the sixth that of data and stack: proc(5)
        page_counts = [int(number) for number in statm.read().split()]
    template_sizes = {"AS": page_counts[0] * mmap.PAGESIZE, "DATA": page_counts[5] * mmap.PAGESIZE}
    for name, value in limits.items():
        if name != "disk":
            bound = value + template_sizes.get(name, 0)
            resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (bound, bound))


def _mount_private_folders(size: int, folders: Iterable[str]) -> None:
    """Mount an empty file system in memory over each folder, of `size` bytes, and an empty read-only one over /proc."""
    for folder in folders:
        _mount(folder, MS_NOSUID | MS_NODEV | MS_NOEXEC, f"size={size},nr_inodes=16k,mode=0700")
    _mount("/proc", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY, "size=4k,nr_inodes=2")


def _mount(folder: str, flags: int, options: str) -> None:
    """Mount an empty file system in memory (tmpfs) over a folder."""
    kind = b"tmpfs"
    result = _libc.mount(kind, folder.encode(), kind, ctypes.c_ulong(flags), options.encode())
    _call(result, f"mount {folder}")


# ── Landlock ─────────────────────────────────────────────────────────────────────────────────────────

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
MAKE_CHAR, MAKE_SOCK, MAKE_FIFO, MAKE_BLOCK, TRUNCATE = 1 << 6, 1 << 9, 1 << 10, 1 << 11, 1 << 14
RULE_BENEATH = 1


def _restrict_files(walls: Walls, own: Sequence[str]) -> None:
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
    rules = _call(_libc.syscall(LANDLOCK_CREATE, attributes, ctypes.c_size_t(size), 0), "landlock_create_ruleset")
    special = EXECUTE | MAKE_CHAR | MAKE_SOCK | MAKE_FIFO | MAKE_BLOCK
    allowed = [(fd, EXECUTE | READ_FILE | READ_DIR) for fd in walls.readable]
    allowed += [(fd, everything & (READ_FILE | WRITE_FILE | TRUNCATE)) for fd in walls.usable]
    allowed += [(os.open(folder, os.O_PATH), everything & ~special) for folder in own]
    for fd, rights in allowed:
        rule = struct.pack("=Qi", rights, fd)
        _call(_libc.syscall(LANDLOCK_ADD_RULE, rules, RULE_BENEATH, rule, 0), "landlock_add_rule")
    _call(_libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")
    _call(_libc.syscall(LANDLOCK_RESTRICT, rules, 0), "landlock_restrict_self")


# ── capabilities and system calls ────────────────────────────────────────────────────────────────────


def _drop_capabilities() -> None:
    """Give up all capabilities of this thread."""
    header = struct.pack("=II", 0x20080522, 0)  # version 3, this thread
    _call(_libc.capset(header, bytes(24)), "capset")


class _Program(ctypes.Structure):
    """The kernel's struct sock_fprog: a system-call filter and its number of instructions."""

    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def _filter(instructions: bytes) -> None:
    """Install the system-call filter. Every later step would be refused."""
    program = _Program(len(instructions) // 8, instructions)
    _call(_libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0), "seccomp")


assert sys.byteorder == "little", "the wire and the filter are little-endian"
