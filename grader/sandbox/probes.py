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


def is_let_through(number):
    """Return whether a system call is not refused. Its arguments are invalid, so it does nothing."""
    result = LIBC.syscall(ctypes.c_long(number), *[ctypes.c_long(-1)] * 6)
    return result >= 0 or ctypes.get_errno() not in (errno.EPERM, errno.ENOSYS, errno.EACCES)


class Probes:
    def computes(self):
        return float(np.linalg.norm([1.0, 2.0, 2.0]))

    def imports_the_grader(self):
        return refused(lambda: __import__("grader").__file__)

    def finds_the_reference(self):
        tops = ["/", "/home", "/root", "/opt", "/srv", "/mnt", "/tmp", "/g", "/rt", "/project", sys.prefix]
        secret_names = {"assignment.toml", "reference.py", "mistakes.py", "truth.py"}
        secrets = []
        for top in tops:
            for root, folders, files in os.walk(top):
                folders[:] = [name for name in folders if os.path.join(root, name) not in ("/proc", "/sys", "/usr")]
                secrets += [os.path.join(root, name) for name in secret_names.intersection(files)]
        return secrets[:5]

    def reads_elsewhere(self):
        places = ["/", "/etc", "/etc/passwd", "/proc", "/proc/self/status", "/proc/1/environ", "/sys", "/home", "/root"]
        accessible = [place for place in places if os.access(place, os.R_OK)]
        return [place for place in accessible if is_readable(place)]

    def writes_elsewhere(self):
        """Return the system's folders that are not mounted read-only."""
        folders = ["/", "/usr", "/rt", "/dev", os.path.dirname(os.__file__)]
        existing = [folder for folder in folders if os.path.isdir(folder)]
        return [folder for folder in existing if not os.statvfs(folder).f_flag & os.ST_RDONLY]

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
        return [name for name, number in numbers.items() if is_let_through(number)]

    def first_call_let_through(self, numbers):
        """Return the first of these system-call numbers that the filter does not refuse; -1 if it refuses all. Do not
        try the numbers after it, because they could do harm."""
        for number in numbers.tolist():
            if is_let_through(number):
                return number
        return -1

    def sees_processes(self):
        processes = glob.glob("/proc/[0-9]*")
        if os.getpid() != 1:
            processes.insert(0, f"pid {os.getpid()}")
        return processes[:5]

    def user_and_group_ids(self):
        return sorted({*os.getresuid(), *os.getresgid()})

    def reads_the_environment(self):
        expected = {"HOME", "LANG", "LC_CTYPE", "PWD", "TMPDIR", "MPLBACKEND", "MPLCONFIGDIR", "PYTHONHASHSEED"}
        expected |= {"KMP_DUPLICATE_LIB_OK"}  # threadpoolctl's
        expected |= {"OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "OPENBLAS_BLOCK_FACTOR"}
        expected |= {"NPY_DISABLE_CPU_FEATURES", "NPY_ENABLE_CPU_FEATURES"}
        unexpected = [name for name in os.environ if name not in expected and not name.endswith("_NUM_THREADS")]
        return sorted(unexpected)[:5]

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
        """Start 300 threads that all wait."""
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
        descriptors = []
        for fd in range(4, 4096):
            try:
                os.fstat(fd)
            except OSError:
                continue
            descriptors.append(fd)
        return descriptors

    def ignores_signals(self):
        for number in signal.valid_signals():
            refused(lambda number=number: signal.signal(number, signal.SIG_IGN))

    def spins(self):
        while True:
            pass


def is_readable(place):
    try:
        content = os.listdir(place) if os.path.isdir(place) else open(place).read(1)
    except (OSError, ValueError):
        return False
    return bool(content)
