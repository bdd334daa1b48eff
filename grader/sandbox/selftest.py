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
        results = probe(chosen) if sandbox == "bubblewrap" else []
    broken = [result.promise.text for result in results if not result.holds]
    if broken:
        raise SandboxUnavailable(
            f"the sandbox self-test failed ({'; '.join(broken)}): grader doctor shows the details, and --sandbox "
            "landlock or plain grades without these promises"
        )


def probe(sandbox: Sandbox) -> list[PromiseResult]:
    """Test every promise, and return the results. Every sandbox gets the same tests; `Plain` passes only a few."""
    results = []
    for promise in PROMISES:
        holds, evidence = promise.attempt(sandbox)
        results.append(PromiseResult(promise, holds, str(evidence)))
    return results


# ── from inside ──────────────────────────────────────────────────────────────────────────────────────


def _session(sandbox: Sandbox) -> Session:
    """Start a session that has created an object of the class `Probes`."""
    session = sandbox.session(LIMITS, {})
    files = {"probes.py": np.frombuffer(PROBES.read_bytes(), np.uint8)}
    entry_points = EntryPoints("class", ("Probes",)).plain()
    session.request(["load", files, [], entry_points, ["probes.py"], {}, 0.0], LIMITS.load_cpu_seconds)
    session.request(["new", 0, [], {}], LIMITS.call_cpu_seconds)
    return session


def _ask(session: Session, method: str, *arguments: object, cpu_seconds: float = 20.0) -> object | Failure:
    """Call a method of the probes. Return its answer, or the failure if the call fails."""
    answer = session.request(["call", 0, method, list(arguments), {}, 0.0], cpu_seconds)
    value = answer.value if isinstance(answer, Answered) else answer
    return value.tolist() if isinstance(value, np.ndarray) else value


def _is_refused(answer: object) -> bool:
    """Return whether an attack has failed: the answer is an empty list or begins with "refused"."""
    return answer == [] or (isinstance(answer, str) and answer.startswith("refused"))


def _is_no_root(ids: object) -> bool:
    return isinstance(ids, list) and 0 not in ids


def _inside(method: str, is_kept: Callable[[object], bool] = _is_refused) -> Try:
    """Return a test that calls a method of the probes. The promise holds if `is_kept` returns True for the answer."""

    def attempt(sandbox: Sandbox) -> tuple[bool, object]:
        with _session(sandbox) as session:
            answer = _ask(session, method)
        return is_kept(answer), answer

    return attempt


def _every_call_is_filtered(sandbox: Sandbox) -> tuple[bool, object]:
    """Test that the filter refuses every system call that is not in `filter.unfiltered_numbers`. A call of the x32 ABI
    must be refused or end the session."""
    unfiltered = filter.unfiltered_numbers()
    refused = [number for number in range(ALL_CALLS) if number not in unfiltered]
    x32_calls = [OTHER_ABI + min(unfiltered)]
    with _session(sandbox) as session:
        allowed = _ask(session, "first_call_let_through", np.array(refused))
    if allowed != -1:
        return False, f"system call {allowed} is allowed" if isinstance(allowed, int) else allowed
    with _session(sandbox) as session:
        allowed = _ask(session, "first_call_let_through", np.array(x32_calls))
    return allowed == -1 or isinstance(allowed, Died), f"{len(refused)} system calls refused"


# ── from outside ─────────────────────────────────────────────────────────────────────────────────────


def _outside(look: Callable[[Path], object], is_kept: Callable[[object], bool]) -> Try:
    """Return a test that calls `look` with the /proc folder of a session's process. The promise (a security property)
    holds if `is_kept` returns True for the result of `look`."""

    def attempt(sandbox: Sandbox) -> tuple[bool, object]:
        with _session(sandbox) as session:
            if session.pid is None:
                return False, "the session's process cannot be inspected from outside"
            evidence = look(Path(f"/proc/{session.pid}"))
        return is_kept(evidence), evidence

    return attempt


SPACES = ("cgroup", "ipc", "mnt", "net", "pid", "user", "uts")


def _shared_namespaces(process: Path) -> list[str]:
    """Return the namespaces that the process shares with the grader, for example ["cgroup"]."""
    shared = []
    for space in SPACES:
        own = Path(f"/proc/self/ns/{space}").readlink()
        if (process / "ns" / space).readlink() == own:
            shared.append(space)
    return shared


def _status(process: Path) -> Mapping[str, str]:
    """Return the fields of /proc/PID/status."""
    status = {}
    for line in (process / "status").read_text().splitlines():
        name, _, value = line.partition(":")
        status[name] = value.strip()
    return status


def _privileges(process: Path) -> list[str]:
    """Return the privileges of the process, for example ["CapEff", "root"]; [] if it has none."""
    status = _status(process)
    privileges = [name for name in ("CapInh", "CapPrm", "CapEff", "CapAmb") if int(status[name], 16)]
    if status["NoNewPrivs"] != "1":
        privileges.append("privileges by exec")
    if "0" in status["Uid"].split():
        privileges.append("root")
    return privileges


def _filtered(process: Path) -> str:
    """Return the mode of the system-call filter: "2" if a filter is installed."""
    return _status(process)["Seccomp"]


def _interfaces(process: Path) -> list[str]:
    """Return the names of the network interfaces that the process sees."""
    lines = (process / "net" / "dev").read_text().splitlines()[2:]
    return [line.partition(":")[0].strip() for line in lines]


# ── in time ──────────────────────────────────────────────────────────────────────────────────────────


def _cpu_is_bounded(sandbox: Sandbox) -> tuple[bool, object]:
    """Test that an endless loop is stopped at its CPU limit."""
    with _session(sandbox) as session:
        if session.pid is None:
            return False, "the session's CPU time cannot be read from outside"
        answer = _ask(session, "spins", cpu_seconds=CPU_SECONDS)
        used = session.used.cpu_seconds
    return isinstance(answer, Stopped) and not session.alive, f"ended within {used:.3f} CPU seconds"


def _nothing_survives(sandbox: Sandbox) -> tuple[bool, object]:
    """Test that a process that ignores all signals ends with its session."""
    with _session(sandbox) as session:
        _ask(session, "ignores_signals")
    if session.pid is None:
        return False, "the session's process cannot be inspected from outside"
    survivors = [str(session.pid)] if Path(f"/proc/{session.pid}").exists() else []
    return not survivors, survivors


def _nothing_is_handed_on(sandbox: Sandbox) -> tuple[bool, object]:
    """Test that a session does not find the files that another session has written."""
    with _session(sandbox) as session, _session(sandbox) as other_session:
        _ask(session, "leaves_a_mark")
        marks = _ask(other_session, "finds_marks")
        _ask(session, "takes_its_marks_away")  # in the plain sandbox, the marks are files on this machine
    return _is_refused(marks), marks


PROMISES = (
    Promise("computes", "numpy works inside", _inside("computes", lambda seen: seen == 3.0)),
    Promise("grader", "the grader cannot be imported", _inside("imports_the_grader")),
    Promise("reference", "no assignment, reference or label can be read", _inside("finds_the_reference")),
    Promise("read", "no other folder or file can be read (Landlock)", _inside("reads_elsewhere")),
    Promise("write", "everything but the session's folders is mounted read-only", _inside("writes_elsewhere")),
    Promise("sockets", "there are no sockets (filter)", _inside("connects")),
    Promise(
        "network", "the session's network has only a loopback interface", _outside(_interfaces, lambda s: s == ["lo"])
    ),
    Promise("processes", "no process can be started (filter)", _inside("starts_processes")),
    Promise("signals", "no process can be signalled (filter)", _inside("signals")),
    Promise("calls", "dangerous system calls are refused (filter)", _inside("calls_the_kernel")),
    Promise("every call", "every system call that is not listed is refused (filter)", _every_call_is_filtered),
    Promise(
        "filter",
        "the kernel filters the session's system calls",
        _outside(_filtered, lambda seen: seen == "2"),
    ),
    Promise("seen", "no other process is visible", _inside("sees_processes")),
    Promise(
        "namespaces",
        "the session shares no namespace with the grader",
        _outside(_shared_namespaces, lambda s: s in ([], ["cgroup"])),
    ),
    Promise("root", "the user inside is not root", _inside("user_and_group_ids", _is_no_root)),
    Promise(
        "privileges",
        "the session has no capability, can gain none, and is unprivileged on the host",
        _outside(_privileges, _is_refused),
    ),
    Promise("environment", "no environment variable of the host is visible", _inside("reads_the_environment")),
    Promise("descriptors", "no descriptor except the session's channel is open", _inside("finds_descriptors")),
    Promise("marks", "no session sees files of another session", _nothing_is_handed_on),
    Promise("disk", "the size of the session's folders is limited", _inside("fills_the_disk")),
    Promise("file", "the size of a single file is limited", _inside("writes_a_large_file")),
    Promise("memory", "memory is limited", _inside("takes_memory")),
    Promise("threads", "the number of threads is limited", _inside("starts_threads")),
    Promise("cpu", "CPU time is limited from outside", _cpu_is_bounded),
    Promise("end", "no process outlives its session", _nothing_survives),
)
