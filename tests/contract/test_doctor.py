"""The sandbox's promises hold here, and each is seen not to where its wall is taken down."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pyseccomp as seccomp
import pytest

from grader.errors import SandboxUnavailable
from grader.model import Limits
from grader.sandbox import cgroup, filter, plain, selftest, template
from grader.sandbox.bubblewrap import outer_wall, python_of
from grader.sandbox.choose import choose
from grader.sandbox.contract import Array, Ended, Sandbox, Session
from grader.sandbox.launch import GUEST
from grader.sandbox.plain import Plain
from grader.sandbox.template import OuterWall
from grader.sandbox.warm import Warm
from grader.settings import Settings
from tests.conftest import ROOT, Command

pytestmark = pytest.mark.long

PROMISES = {promise.id: promise for promise in selftest.PROMISES}


def test_every_promise_holds_here(grader: Command) -> None:
    done = grader("doctor")
    assert done.returncode == 0, done.stdout
    assert done.stdout.count("✓") == len(PROMISES)
    assert "every promise holds" in done.stdout


NOT_OF_LANDLOCK = {"network", "seen", "namespaces", "disk", "write"}
"""Promises that need namespaces. Landlock refuses writing, which tests/contract/test_sandboxes.py tries."""


def test_landlock_refuses_root_and_keeps_its_promises_for_others() -> None:
    """`make test-unprivileged` runs this as an ordinary user."""
    if os.getuid() == 0:
        with pytest.raises(SandboxUnavailable, match="ordinary user"):
            choose("landlock", Settings().runtime)
    else:
        room, _ = choose("landlock", Settings().runtime)
        broken = {result.promise.id: result.seen for result in selftest.probe(room) if not result.holds}
        room.close()
        assert broken.keys() == NOT_OF_LANDLOCK, broken


def without(*words: str) -> Callable[[list[str]], list[str]]:
    return lambda command: [word for word in command if word not in words]


def writable(command: list[str]) -> list[str]:
    return [{"--ro-bind": "--bind", "--remount-ro": "--dir"}.get(word, word) for word in command]


def with_the_project(command: list[str]) -> list[str]:
    """Its folder bound, and on the guest's path."""
    command = [word.replace("import sys;", "import sys; sys.path.append('/project');") for word in command]
    return [command[0], "--ro-bind", str(ROOT), "/project", *command[1:]]


@dataclass(frozen=True)
class Breach:
    """A wall that is taken down: a piece of the guest's source replaced, the outer wall's command changed."""

    promises: tuple[str, ...]
    """Those that must be seen not to hold."""
    edit: tuple[str, str, str] | None = None
    """A file of the guest, a piece of it, and what takes its place."""
    command: Callable[[list[str]], list[str]] = field(default=lambda command: command)
    readable: tuple[str, ...] = ()


BREACHES = {
    "numpy is wrong": Breach(("computes",), ("template.py", "np.random.seed(0)", "np.linalg.norm = lambda x: 4.0")),
    "the project is bound": Breach(("grader", "reference"), None, with_the_project, ("/project",)),
    "no Landlock": Breach(("read",), ("walls.py", "    if not abi:", "    if abi:")),
    "writable mounts": Breach(("write",), None, writable),
    "no filter": Breach(
        ("sockets", "processes", "signals", "calls", "every call", "filter"),
        ("walls.py", "    _filter(calls, walls.filter)\n", ""),
    ),
    "our network": Breach(
        ("network", "namespaces"), ("walls.py", '    "net": 0x40000000,\n', ""), without("--unshare-net")
    ),
    "our processes": Breach(("seen",), ("walls.py", '    "pid": 0x20000000,\n', "")),
    "our IPC": Breach(("namespaces",), ("walls.py", '    "ipc": 0x08000000,\n', ""), without("--unshare-ipc")),
    "root inside": Breach(("root",), ("walls.py", "USER_INSIDE = 1000", "USER_INSIDE = 0")),
    "capabilities": Breach(("privileges",), ("walls.py", "    _drop_capabilities(calls)\n", "")),
    "our environment": Breach(
        ("environment",),
        None,
        lambda command: [command[0], "--setenv", "SECRET", "1", *without("--clearenv")(command[1:])],
    ),
    "open descriptors": Breach(("descriptors",), ("walls.py", "    os.closerange(CHANNEL + 1, 1 << 20)\n", "")),
    "one folder for all": Breach(
        ("marks",), ("walls.py", '(calls, limits["disk"], private_folders)', '(calls, limits["disk"], [])')
    ),
    "large folders": Breach(("disk",), ("walls.py", "size={size}", "size=1g")),
    "large files": Breach(("file",), ("walls.py", 'if name != "disk"', 'if name not in ("disk", "FSIZE")')),
    "all memory": Breach(("memory",), ("walls.py", 'if name != "disk"', 'if name not in ("disk", "AS", "DATA")')),
    "all threads": Breach(
        ("threads",), ("walls.py", 'if name != "disk"', 'if name not in ("disk", "NPROC", "AS", "DATA")')
    ),
}


def breached_wall(breach: Breach, guest: Path) -> OuterWall:
    wall = outer_wall(python_of(Settings().runtime), guest)
    command = list(wall.command())
    return replace(wall, command=lambda: breach.command(command), readable=[*wall.readable, *breach.readable])


@contextmanager
def breached(breach: Breach, folder: Path) -> Iterator[Sandbox]:
    guest = folder / "guest"
    shutil.copytree(GUEST, guest, ignore=shutil.ignore_patterns("__pycache__"))
    folder.chmod(0o755)
    if breach.edit:
        file, piece, other = breach.edit
        source = (guest / file).read_text("utf-8")
        assert source.count(piece) == 1
        (guest / file).write_text(source.replace(piece, other), "utf-8")
    room = Warm(breached_wall(breach, guest), imports=())  # they take a second, and no wall is made of them
    try:
        yield room
    finally:
        room.close()


@pytest.mark.parametrize("name", BREACHES)
def test_a_wall_that_is_down_is_seen(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cgroup, "_parents", lambda: (0, {}))  # the second line would hold
    breach = BREACHES[name]
    with breached(breach, tmp_path) as room:
        seen = {id: PROMISES[id].attempt(room) for id in breach.promises}
    assert {id for id, (holds, _) in seen.items() if holds} == set(), seen


def test_one_system_call_too_many_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = filter.unfiltered_numbers()
    monkeypatch.setattr(filter, "ALLOWED", [*filter.ALLOWED, "getpriority"])
    monkeypatch.setattr(template, "filter_program", filter.filter_program.__wrapped__)
    monkeypatch.setattr(filter, "unfiltered_numbers", lambda: numbers)
    room, _ = choose("bubblewrap", Settings().runtime)
    holds, seen = PROMISES["every call"].attempt(room)
    room.close()
    assert (holds, seen) == (
        False,
        f"system call {seccomp.resolve_syscall(seccomp.Arch.NATIVE, 'getpriority')} is allowed",
    )


def test_a_control_group_bounds_memory_where_one_can_be_made(tmp_path: Path) -> None:
    """Without the resource limits in front of it. An ordinary user has none here, and then memory is all there is."""
    groups = cgroup.Cgroups()
    groups.close()
    ours = [parent.parent for parent in groups._parents.values()]

    def folders() -> set[Path]:
        return {folder for group in ours for folder in group.glob(f"grader-{os.getpid()}-*/*") if folder.is_dir()}

    of_other_sandboxes = folders()
    with breached(BREACHES["all memory"], tmp_path) as room:
        holds, seen = PROMISES["memory"].attempt(room)
    if groups._version:
        assert "because it exceeded the memory limit" in str(seen)
    else:
        assert not holds
    assert folders() <= of_other_sandboxes


def test_a_control_group_is_used_again_unless_the_kernel_killed_its_process() -> None:
    """A count of killed processes that is left over would be charged to the next student."""
    groups = cgroup.Cgroups()
    small = Limits(memory_bytes=64 << 20, disk_bytes=0)

    def run(code: str, limits: Limits) -> tuple[cgroup.Cgroup, bool]:
        with subprocess.Popen([sys.executable, "-c", f"input(); {code}"], stdin=subprocess.PIPE) as process:
            group = groups.enclose(process.pid, limits)
            process.communicate(b"\n")
        return group, groups.release(group)

    first, second = run("", small), run("", small)
    greedy = run("bytearray(1 << 28)", small)
    third, larger = run("", small), run("", replace(small, memory_bytes=1 << 30))
    groups.close()
    can_be_made = groups._version > 0  # an ordinary user has none here
    assert first == second == (greedy[0], False)
    assert [greedy[1], third[0] != greedy[0], larger[0].folders != third[0].folders] == [can_be_made] * 3
    assert not [folder for group in (greedy, third, larger) for folder in group[0].folders if folder.exists()]


class Changed:
    """A sandbox whose sessions have something changed about them."""

    def __init__(self, room: Sandbox, change: Callable[[Session], None]) -> None:
        self.name, self._room, self._change = room.name, room, change

    def session(self, limits: Limits, shared: Mapping[str, Array]) -> Session:
        session = self._room.session(limits, shared)
        self._change(session)
        return session

    def close(self) -> None: ...


def test_a_clock_that_cannot_be_read_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain, "READS_CPU_TIME", False)
    room = Plain()
    holds, seen = PROMISES["cpu"].attempt(room)
    room.close()
    assert (holds, seen) == (False, "the session's CPU time cannot be read from outside")


def test_a_process_that_survives_its_session_is_noticed(sandbox: Sandbox) -> None:
    ends = []

    def let_it_live(session: Session) -> None:
        ends.append(session._end_process)
        session._end_process = lambda _of_itself: Ended()

    holds, seen = PROMISES["end"].attempt(Changed(sandbox, let_it_live))
    for end in ends:
        end(False)
    assert not holds
    assert seen


def test_every_promise_has_a_breach_that_shows_it() -> None:
    shown = {id for breach in BREACHES.values() for id in breach.promises} | {"cpu", "end"}
    assert set(PROMISES) == shown
