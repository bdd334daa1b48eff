"""Hostile code in the shape of a submission, for the sandbox self-test (selftest.py). It runs inside the sandbox only.

Each method attempts an attack and returns "refused: …" if the attack was refused, or else what the attack has achieved,
for example a list of readable files.
"""

import ctypes
import errno
import glob
import os
import signal
import socket
import sys
import threading

import numpy as np

LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.syscall.restype = ctypes.c_long


def refused(attempt):
    """Call `attempt` and return the result, or "refused: …" if the call raises."""
    try:
        return attempt()
    except BaseException as error:
        return f"refused: {type(error).__name__}: {error}"


def system_calls(numbers):
    """Return the names of the system calls that are not refused. Their arguments are invalid, so they do nothing."""
    found = []
    for name, number in numbers.items():
        result = LIBC.syscall(ctypes.c_long(number), *[ctypes.c_long(-1)] * 6)
        if result >= 0 or ctypes.get_errno() not in (errno.EPERM, errno.ENOSYS):
            found.append(name)
    return found


class Probes:
    def computes(self):
        return float(np.linalg.norm([1.0, 2.0, 2.0]))

    def imports_the_grader(self):
        return refused(lambda: __import__("grader").__file__)

    def finds_the_reference(self):
        tops = ["/", "/home", "/root", "/opt", "/srv", "/mnt", "/tmp", "/g", "/rt", "/project", sys.prefix]
        found = []
        for root, folders, files in (step for top in tops for step in os.walk(top)):
            folders[:] = [f for f in folders if os.path.join(root, f) not in ("/proc", "/sys", "/usr")]
            found += [os.path.join(root, f) for f in files if f in ("assignment.toml", "reference.py", "mistakes.py",
            "truth.py")]
        return found[:5]

    def reads_elsewhere(self):
        places = ["/", "/etc", "/etc/passwd", "/proc", "/proc/self/status", "/proc/1/environ", "/sys", "/home", "/root"]
        return [place for place in places if os.access(place, os.R_OK) and not _unreadable(place)]

    def writes_elsewhere(self):
        """Return the system's folders that are not mounted read-only."""
        folders = ["/", "/usr", "/rt", "/dev", os.path.dirname(os.__file__)]
        return [f for f in folders if os.path.isdir(f) and not os.statvfs(f).f_flag & os.ST_RDONLY]

    def connects(self):
        return refused(lambda: socket.socket() and "a socket")

    def starts_processes(self):
        def fork():
            if os.fork() == 0:
                os._exit(0)
            return "a process"

        return refused(fork)

    def signals(self):
        return refused(lambda: os.kill(os.getpid(), 0) or "a signal")

    def calls_the_kernel(self):
        """Return the dangerous system calls that are not refused, on x86-64."""
        if os.uname().machine != "x86_64":
            return []
        numbers = {"ptrace": 101, "mount": 165, "keyctl": 250, "unshare": 272, "perf_event_open": 298, "setns": 308}
        numbers |= {"process_vm_readv": 310, "bpf": 321, "userfaultfd": 323, "io_uring_setup": 425, "pidfd_open": 434}
        return system_calls(numbers)

    def first_call_let_through(self, numbers):
        """Return the first of these system-call numbers that the filter does not refuse; -1 if it refuses all. Do not
        try the numbers after it, because they could do harm."""
        for number in numbers.tolist():
            result = LIBC.syscall(ctypes.c_long(number), *[ctypes.c_long(-1)] * 6)
            if result >= 0 or ctypes.get_errno() not in (errno.EPERM, errno.ENOSYS, errno.EACCES):
                return number
        return -1

    def sees_processes(self):
        return [*([] if os.getpid() == 1 else [f"pid {os.getpid()}"]), *glob.glob("/proc/[0-9]*")][:5]

    def is_root(self):
        return 0 in (*os.getresuid(), *os.getresgid())

    def reads_the_environment(self):
        ours = {"HOME", "LANG", "LC_CTYPE", "PWD", "TMPDIR", "MPLBACKEND", "MPLCONFIGDIR", "PYTHONHASHSEED"}
        ours |= {"KMP_DUPLICATE_LIB_OK"}  # threadpoolctl's
        ours |= {"OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "OPENBLAS_BLOCK_FACTOR"}
        ours |= {"NPY_DISABLE_CPU_FEATURES", "NPY_ENABLE_CPU_FEATURES"}
        return sorted(n for n in os.environ if n not in ours and not n.endswith("_NUM_THREADS"))[:5]

    def leaves_a_mark(self):
        for folder in (".", "/tmp", "/dev/shm", "/var/tmp"):
            refused(lambda folder=folder: open(os.path.join(folder, "mark"), "w").close())

    def finds_marks(self):
        folders = (".", "/tmp", "/tmp/*", "/dev/shm", "/var/tmp")
        return [path for folder in folders for path in glob.glob(os.path.join(folder, "mark"))]

    def takes_its_marks_away(self):
        for folder in (".", "/tmp", "/dev/shm", "/var/tmp"):
            refused(lambda folder=folder: os.remove(os.path.join(folder, "mark")))

    def fills_the_disk(self):
        def fill():
            for number in range(64):
                with open(f"{number}", "wb") as out:
                    out.write(bytes(1 << 20))
            return "64 MiB written"

        return refused(fill)

    def writes_a_large_file(self):
        def write():
            with open("large", "wb") as out:
                out.truncate(1 << 30)
            return "a file of 1 GiB"

        return refused(write)

    def takes_memory(self):
        return refused(lambda: f"{np.ones(1 << 28).nbytes} bytes")

    def starts_threads(self):
        wait = threading.Event()

        def spawn():
            for _ in range(300):
                threading.Thread(target=wait.wait, daemon=True).start()
            return "300 threads"

        try:
            return refused(spawn)
        finally:
            wait.set()

    def finds_descriptors(self):
        """Return open descriptors other than 0, 1, 2 (standard streams) and 3 (the channel to the grader)."""
        return [fd for fd in range(4, 4096) if not refused(lambda fd=fd: os.fstat(fd) and "").startswith("refused")]

    def ignores_signals(self):
        for number in signal.valid_signals():
            refused(lambda number=number: signal.signal(number, signal.SIG_IGN))

    def spins(self):
        while True:
            pass


def _unreadable(place):
    listed = (lambda: os.listdir(place)) if os.path.isdir(place) else (lambda: open(place).read(1))
    return not refused(listed) or isinstance(refused(listed), str) and refused(listed).startswith("refused")
