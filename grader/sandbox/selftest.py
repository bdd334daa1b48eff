"""The sandbox self-test. A promise is a security property of a sandbox. Each promise is tested by hostile code in a
real session, or by inspecting the session's process."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from grader.errors import SandboxUnavailable
from grader.guest.entry_points import EntryPoints
from grader.model import Died, Failure, Limits, Stopped
from grader.sandbox import filter
from grader.sandbox.choose import choose
from grader.sandbox.contract import Answered, Sandbox, Session

PROBES = Path(__file__).with_name("probes.py")
LIMITS = Limits(load_cpu_seconds=20, call_cpu_seconds=20, memory_bytes=1 << 30, disk_bytes=16 << 20)
CPU_SECONDS = 0.3
ALL_CALLS = 1024
"""Number of system calls to try. Linux has fewer than 500."""
OTHER_ABI = 0x40000000
"""Offset from an x86-64 system call's number to its number in the x32 ABI. Other processors have no x32 ABI."""

Try = Callable[[Sandbox], tuple[bool, object]]
"""Function that tests a promise in a sandbox. It returns a tuple: True if the promise holds, and the evidence."""


@dataclass(frozen=True)
class Promise:
    """A security property of a sandbox, and the function that tests it."""

    id: str
    text: str
    attempt: Try


@dataclass(frozen=True)
class PromiseResult:
    """The result of testing one promise on this machine."""

    promise: Promise
    holds: bool
    seen: str


def prove(sandbox: str, runtime: Path) -> None:
    """Start a sandbox. If it is bubblewrap, also run the self-test.

    Other sandboxes only have to start, because they do not keep all promises.

    Args:
        sandbox: One of `choose.NAMES`.
        runtime: The Python environment that students' code runs in.

    Raises:
        SandboxUnavailable: If the sandbox does not start, or bubblewrap breaks a promise.
    """
    with closing(choose(sandbox, runtime)[0]) as chosen:
        broken = [r.promise.text for r in probe(chosen) if not r.holds] if sandbox == "bubblewrap" else []
    if broken:
        raise SandboxUnavailable(
            f"the sandbox self-test failed ({'; '.join(broken)}): grader doctor shows the details, and --sandbox "
            "landlock or plain grades without these promises"
        )


def probe(sandbox: Sandbox) -> list[PromiseResult]:
    """Test every promise, and return the results. Every sandbox gets the same tests; `Plain` passes only a few."""
    results = []
    for promise in PROMISES:
        holds, seen = promise.attempt(sandbox)
        results.append(PromiseResult(promise, holds, str(seen)))
    return results


# ── from inside ──────────────────────────────────────────────────────────────────────────────────────


def _session(sandbox: Sandbox) -> Session:
    session = sandbox.session(LIMITS, {})
    files = {"probes.py": np.frombuffer(PROBES.read_bytes(), np.uint8)}
    wanted = EntryPoints("class", ("Probes",)).plain()
    session.request(["load", files, [], wanted, ["probes.py"], {}, 0.0], LIMITS.load_cpu_seconds)
    session.request(["new", 0, [], {}], LIMITS.call_cpu_seconds)
    return session


def _ask(session: Session, method: str, *arguments: object, cpu_seconds: float = 20.0) -> object | Failure:
    answer = session.request(["call", 0, method, list(arguments), {}, 0.0], cpu_seconds)
    value = answer.value if isinstance(answer, Answered) else answer
    return value.tolist() if isinstance(value, np.ndarray) else value


def _inside(method: str, kept: Callable[[object], bool]) -> Try:
    def attempt(sandbox: Sandbox) -> tuple[bool, object]:
        with _session(sandbox) as session:
            seen = _ask(session, method)
        return kept(seen), seen

    return attempt


def _refused(seen: object) -> bool:
    return isinstance(seen, str) and seen.startswith("refused")


def _nothing(seen: object) -> bool:
    return seen == []


def _every_call_is_filtered(sandbox: Sandbox) -> tuple[bool, object]:
    """Test that the filter refuses every system call that is not in `filter.unfiltered_numbers`. A call of the x32 ABI
    must be refused or end the session."""
    unfiltered = filter.unfiltered_numbers()
    tried = [number for number in range(ALL_CALLS) if number not in unfiltered]
    with _session(sandbox) as session:
        seen = _ask(session, "first_call_let_through", np.array(tried))
    if seen != -1:
        return False, f"system call {seen} is allowed" if isinstance(seen, int) else seen
    with _session(sandbox) as session:
        other = _ask(
            session, "first_call_let_through", np.array([OTHER_ABI + number for number in sorted(unfiltered)[:1]])
        )
    return other == -1 or isinstance(other, Died), f"{len(tried)} system calls refused"


# ── from outside ─────────────────────────────────────────────────────────────────────────────────────


def _outside(look: Callable[[Path], object], kept: Callable[[object], bool]) -> Try:
    """Return a test that calls `look` with the /proc folder of a session's process. The promise (a security property)
    holds if `kept` returns True for the result of `look`."""

    def attempt(sandbox: Sandbox) -> tuple[bool, object]:
        with _session(sandbox) as session:
            if session.pid is None:
                return False, "the session's process cannot be inspected from outside"
            seen = look(Path(f"/proc/{session.pid}"))
        return kept(seen), seen

    return attempt


SPACES = ("cgroup", "ipc", "mnt", "net", "pid", "user", "uts")


def _shared_namespaces(process: Path) -> list[str]:
    """Return the namespaces that the process shares with the grader, for example ["cgroup"]."""
    return [
        space for space in SPACES if (process / "ns" / space).readlink() == Path(f"/proc/self/ns/{space}").readlink()
    ]


def _status(process: Path) -> Mapping[str, str]:
    rows = (line.partition(":") for line in (process / "status").read_text().splitlines())
    return {name: value.strip() for name, _, value in rows}


def _privileges(process: Path) -> list[str]:
    """Return the privileges of the process, for example ["CapEff", "root"]; [] if it has none."""
    status = _status(process)
    left = [name for name in ("CapInh", "CapPrm", "CapEff", "CapAmb") if int(status[name], 16)]
    left += [] if status["NoNewPrivs"] == "1" else ["privileges by exec"]
    return [*left, "root"] if "0" in status["Uid"].split() else left


def _filtered(process: Path) -> str:
    return _status(process)["Seccomp"]


def _interfaces(process: Path) -> list[str]:
    lines = (process / "net" / "dev").read_text().splitlines()[2:]
    return [line.partition(":")[0].strip() for line in lines]


# ── in time ──────────────────────────────────────────────────────────────────────────────────────────


def _cpu_is_bounded(sandbox: Sandbox) -> tuple[bool, object]:
    with _session(sandbox) as session:
        if session.pid is None:
            return False, "the session's CPU time cannot be read from outside"
        answer = _ask(session, "spins", cpu_seconds=CPU_SECONDS)
        used = session.used.cpu_seconds
    return isinstance(answer, Stopped) and not session.alive, f"ended within {used:.3f} CPU seconds"


def _nothing_survives(sandbox: Sandbox) -> tuple[bool, object]:
    with _session(sandbox) as session:
        _ask(session, "ignores_signals")
        if (pid := session.pid) is None:
            return False, "the session's process cannot be inspected from outside"
    left = [str(pid)] if Path(f"/proc/{pid}").exists() else []
    return not left, left


def _nothing_is_handed_on(sandbox: Sandbox) -> tuple[bool, object]:
    with _session(sandbox) as one, _session(sandbox) as other:
        _ask(one, "leaves_a_mark")
        seen = _ask(other, "finds_marks")
        _ask(one, "takes_its_marks_away")  # in the plain sandbox, the marks are files on this machine
    return _nothing(seen), seen


PROMISES = (
    Promise("computes", "numpy works inside", _inside("computes", lambda seen: seen == 3.0)),
    Promise("grader", "the grader cannot be imported", _inside("imports_the_grader", _refused)),
    Promise("reference", "no assignment, reference or label can be read", _inside("finds_the_reference", _nothing)),
    Promise("read", "no other folder or file can be read (Landlock)", _inside("reads_elsewhere", _nothing)),
    Promise(
        "write", "everything but the session's folders is mounted read-only", _inside("writes_elsewhere", _nothing)
    ),
    Promise("sockets", "there are no sockets (filter)", _inside("connects", _refused)),
    Promise(
        "network", "the session's network has only a loopback interface", _outside(_interfaces, lambda s: s == ["lo"])
    ),
    Promise("processes", "no process can be started (filter)", _inside("starts_processes", _refused)),
    Promise("signals", "no process can be signalled (filter)", _inside("signals", _refused)),
    Promise("calls", "dangerous system calls are refused (filter)", _inside("calls_the_kernel", _nothing)),
    Promise("every call", "every system call that is not listed is refused (filter)", _every_call_is_filtered),
    Promise(
        "filter",
        "the kernel filters the session's system calls",
        _outside(_filtered, lambda seen: seen == "2"),
    ),
    Promise("seen", "no other process is visible", _inside("sees_processes", _nothing)),
    Promise(
        "namespaces",
        "the session shares no namespace with the grader",
        _outside(_shared_namespaces, lambda s: s in ([], ["cgroup"])),
    ),
    Promise("root", "the user inside is not root", _inside("is_root", lambda seen: seen is False)),
    Promise(
        "privileges",
        "the session has no capability, can gain none, and is unprivileged on the host",
        _outside(_privileges, _nothing),
    ),
    Promise(
        "environment", "no environment variable of the host is visible", _inside("reads_the_environment", _nothing)
    ),
    Promise(
        "descriptors", "no descriptor except the session's channel is open", _inside("finds_descriptors", _nothing)
    ),
    Promise("marks", "no session sees files of another session", _nothing_is_handed_on),
    Promise("disk", "the size of the session's folders is limited", _inside("fills_the_disk", _refused)),
    Promise("file", "the size of a single file is limited", _inside("writes_a_large_file", _refused)),
    Promise("memory", "memory is limited", _inside("takes_memory", _refused)),
    Promise("threads", "the number of threads is limited", _inside("starts_threads", _refused)),
    Promise("cpu", "CPU time is limited from outside", _cpu_is_bounded),
    Promise("end", "no process outlives its session", _nothing_survives),
)
