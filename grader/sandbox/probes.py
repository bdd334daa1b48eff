"""Hostile code in the shape of a submission. Runs inside the sandbox only; see selftest.py."""

import os
import socket

import numpy as np


def refused(attempt):
    """ "refused: …" where the attempt raises, else what it has got."""
    try:
        return attempt()
    except BaseException as error:
        return f"refused: {type(error).__name__}: {error}"


class Probes:
    def computes(self):
        return float(np.linalg.norm([1.0, 2.0, 2.0]))

    def imports_the_grader(self):
        return refused(lambda: __import__("grader").__file__)

    def finds_the_reference(self):
        found = []
        for root, folders, files in os.walk("/"):
            folders[:] = [f for f in folders if os.path.join(root, f) not in ("/proc", "/sys")]
            found += [os.path.join(root, f) for f in files if f in ("assignment.toml", "mnist.npz", "truth.py")]
        return found[:5]

    def connects(self):
        return refused(lambda: socket.create_connection(("127.0.0.1", 22), timeout=1) and "connected")

    def sees_processes(self):
        return [p for p in os.listdir("/proc") if p.isdigit() and int(p) != os.getpid()][:5]

    def is_root(self):
        return os.getuid() == 0 or os.geteuid() == 0

    def has_capabilities(self):
        with open("/proc/self/status") as status:
            lines = [line.split() for line in status if line.startswith(("CapEff", "CapPrm", "CapBnd"))]
        return any(int(value, 16) for name, value in lines if name != "CapBnd:" or os.getuid() == 0)

    def reads_the_environment(self):
        ours = {"HOME", "LANG", "PWD", "MPLBACKEND", "MPLCONFIGDIR", "PYTHONHASHSEED"}
        return sorted(n for n in os.environ if n not in ours and not n.endswith("_NUM_THREADS"))[:5]

    def writes_to_the_system(self):
        written = []
        for folder in (
            "/",
            "/usr",
            "/usr/lib",
            "/g",
            "/g/guest",
            "/rt",
            "/rt/bin",
            "/dev",
            os.path.dirname(os.__file__),
        ):
            try:
                with open(os.path.join(folder, "mark"), "w"):
                    written.append(folder)
            except OSError:
                pass
        return written

    def fills_the_disk(self):
        def fill():
            for number in range(64):
                with open(f"/tmp/{number}", "wb") as out:
                    out.write(bytes(1 << 20))
            return "64 MiB written"

        return refused(fill)

    def takes_memory(self):
        return refused(lambda: f"{np.ones(1 << 28).nbytes} bytes")

    def forks_without_end(self):
        def fork():
            for _ in range(200):
                if os.fork() == 0:
                    import time

                    time.sleep(30)
                    os._exit(0)
            return "200 processes"

        return refused(fork)

    def finds_descriptors(self):
        """Standard streams, the channel, and the folder that is being listed are allowed."""
        kinds = []
        for fd in os.listdir("/proc/self/fd"):
            try:
                kinds.append(os.readlink(f"/proc/self/fd/{fd}"))
            except OSError:
                pass
        channels = [k for k in kinds if k.startswith("socket:")]
        others = [k for k in kinds if not k.startswith(("socket:", "/dev/null", "/proc/"))]
        return others + channels[1:]

    def spins(self):
        while True:
            pass
