"""The system calls that a session may make; all others return EPERM.

`ALLOWED` comes from traces of Python 3.11 to 3.13 with numpy, matplotlib (png, svg, pdf), scipy and threads on Debian
13, and from the calls that other libraries and kernels use for the same purposes. It contains no call that forks,
executes programs, opens sockets, creates namespaces or acts on another process.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import tempfile

import pyseccomp as seccomp

ALLOWED = """
    access arch_prctl brk chdir clock_getres clock_gettime clock_nanosleep close close_range copy_file_range
    dup dup2 dup3 epoll_create1 epoll_ctl epoll_pwait epoll_wait eventfd2 exit exit_group faccessat faccessat2
    fadvise64 fallocate fdatasync flock fstat fstatfs fsync ftruncate futex futex_waitv get_mempolicy getcpu
    getcwd getdents64 getegid geteuid getgid getgroups getitimer getpgrp getpid getppid getrandom getresgid getresuid
    getrlimit getrusage getsid gettid gettimeofday getuid link linkat lseek lstat madvise mbind membarrier mkdir
    mkdirat mmap mprotect mremap msync munmap nanosleep newfstatat open openat openat2 pipe pipe2 poll ppoll pread64
    preadv pselect6 pwrite64 pwritev read readlink readlinkat readv recvfrom recvmsg rename renameat renameat2
    restart_syscall rmdir rseq rt_sigaction rt_sigpending rt_sigprocmask rt_sigreturn rt_sigsuspend rt_sigtimedwait
    sched_getaffinity sched_getparam sched_getscheduler sched_yield select sendfile sendmsg sendto set_robust_list
    set_tid_address setitimer sigaltstack stat statfs statx symlink symlinkat sysinfo tgkill time timer_create
    timer_delete timer_getoverrun timer_gettime timer_settime times truncate umask uname unlink unlinkat wait4 waitid
    write writev
""".split()  # noqa: SIM905

TERMINAL_QUESTIONS = {"TCGETS": 0x5401, "TIOCGWINSZ": 0x5413, "FIONREAD": 0x541B, "FIONBIO": 0x5421, "FIOCLEX": 0x5451}
LINUX_FCNTL, F_DUPFD_CLOEXEC = 1024, 1030
"""fcntl commands from 1024 on (F_NOTIFY, F_SETLEASE, …) are refused, except F_DUPFD_CLOEXEC. With F_SETLEASE, a session
could delay other processes that open files of the same user."""
CLONE_THREAD = 0x00010000
NEW_NAMESPACES = 0x7E020000 | 0x00000080
"""Every CLONE_NEW… flag of clone(2), including CLONE_NEWTIME."""


MODES = ("chmod", "fchmod", "fchmodat", "fchmodat2")
TIMES = ("utime", "utimensat", "utimes", "futimesat")
"""System calls that change a file's timestamps. The filter makes them do nothing: Landlock does not check them, and
devices such as /dev/null are not on read-only mounts."""


UPROBES = (335, 336)
"""The numbers of the system calls uretprobe and uprobe on x86-64. Newer kernels exempt them from every filter. They are
harmless in a session: uretprobe ends its caller (SIGILL), and uprobe does nothing (ENXIO)."""


def unfiltered_numbers() -> frozenset[int]:
    """Return the numbers of the system calls that the filter never refuses on this processor."""
    numbers = {seccomp.resolve_syscall(seccomp.Arch.NATIVE, name) for name in (*ALLOWED, *MODES, *TIMES)}
    if os.uname().machine == "x86_64":
        numbers.update(UPROBES)
    return frozenset(number for number in numbers if number >= 0)  # negative: this processor has no such call


@functools.cache
def filter_program(mounts: bool) -> bytes:
    """Return the filter program for this machine's processor, in the kernel's format (struct sock_filter[]).

    Args:
        mounts: True if sessions have a mount namespace. If False, chmod does nothing and reports success.
    """
    rules = seccomp.SyscallFilter(seccomp.ERRNO(errno.EPERM))
    for name in ALLOWED:
        _rule(rules, seccomp.ALLOW, name)
    for name in MODES:
        _rule(rules, seccomp.ALLOW if mounts else seccomp.ERRNO(0), name)
    for name in TIMES:
        _rule(rules, seccomp.ERRNO(0), name)
    for request in TERMINAL_QUESTIONS.values():
        _rule(rules, seccomp.ALLOW, "ioctl", seccomp.Arg(1, seccomp.EQ, request))
    for command in (seccomp.Arg(1, seccomp.LT, LINUX_FCNTL), seccomp.Arg(1, seccomp.EQ, F_DUPFD_CLOEXEC)):
        _rule(rules, seccomp.ALLOW, "fcntl", command)
    _rule(rules, seccomp.ALLOW, "prlimit64", seccomp.Arg(2, seccomp.EQ, 0))  # limits may be read
    threads = seccomp.Arg(0, seccomp.MASKED_EQ, CLONE_THREAD | NEW_NAMESPACES, CLONE_THREAD)
    _rule(rules, seccomp.ALLOW, "clone", threads)
    # A filter cannot read the flags of clone3, which are in memory. Without clone3 the C library uses clone.
    _rule(rules, seccomp.ERRNO(errno.ENOSYS), "clone3")
    for name in ("socket", "socketpair"):
        _rule(rules, seccomp.ERRNO(errno.EACCES), name)
    with tempfile.TemporaryFile() as file:
        rules.export_bpf(file)
        file.seek(0)
        return file.read()


def _rule(rules: seccomp.SyscallFilter, action: int, name: str, *arguments: seccomp.Arg) -> None:
    """Add a rule for a system call. Do nothing if this processor or libseccomp does not have the call."""
    with contextlib.suppress(OSError):
        rules.add_rule(action, name, *arguments)
