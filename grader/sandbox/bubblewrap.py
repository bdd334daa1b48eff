"""The sandbox for Linux: bubblewrap around a template process, and separate namespaces for each session forked from it.

Sessions see the Python environment for students' code at /rt, grader/guest at /g and the Python installation that the
environment needs, all read-only, and an empty /tmp. There is no network and no other process. The grader's code and the
assignments are not mounted, so they cannot be imported or read.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from grader.errors import SandboxUnavailable
from grader.sandbox.contract import BOOTSTRAP, COMMON_IMPORTS, GUEST
from grader.sandbox.kernel import environment
from grader.sandbox.warm import Warm

RUNTIME = "/rt"
HOME = "/g"
FOLDER = "/tmp"  # noqa: S108  each session mounts a separate one


def bubblewrap(runtime: Path, templates: int = 1, imports: Sequence[str] = COMMON_IMPORTS) -> Warm:
    """Return a sandbox that isolates students' code with bubblewrap.

    Args:
        runtime: The Python environment that students' code runs in. The grader is not installed there.
        templates: The number of template processes, from which sessions are forked.
        imports: Modules that template processes import in advance.

    Raises:
        SandboxUnavailable: If bubblewrap or the environment is not installed.
    """
    if shutil.which("bwrap") is None:
        raise SandboxUnavailable("bubblewrap is not installed (Debian: apt-get install bubblewrap)")
    return Warm(Bubblewrap(python_of(runtime)), templates, imports)


class Bubblewrap:
    """The command line and the folders of template processes that run in bubblewrap."""

    name = "bubblewrap"
    namespaces = True

    def __init__(self, python: Path, guest: Path = GUEST) -> None:
        self._runtime = python.parent.parent
        self._base = base_prefix(python)
        self._guest = guest

    def command(self) -> Sequence[str]:
        bootstrap = BOOTSTRAP.format(home=HOME, entry="template")
        return [*self._walls(), *_drop_root(), f"{RUNTIME}/bin/python", "-I", "-B", "-c", bootstrap]

    def environment(self) -> Mapping[str, str]:
        return {"PATH": os.environ.get("PATH", os.defpath)}  # for bubblewrap itself, not for the session

    def readable(self) -> Sequence[str]:
        return ["/usr", RUNTIME, str(self._base)]

    def folder(self) -> str:
        return FOLDER

    def clear(self, folder: str) -> None:
        """Do nothing: the folder disappears with the session's mount namespace."""

    def close(self) -> None:
        """Do nothing: bubblewrap keeps nothing on the host."""

    def _walls(self) -> list[str]:
        spaces = ["--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]
        if os.getuid() != 0:
            spaces.append("--unshare-user")
        return [
            "bwrap",
            *spaces,
            *("--hostname", "sandbox", "--new-session", "--as-pid-1", "--clearenv"),
            *("--ro-bind", "/usr", "/usr"),
            *(arg for name in ("bin", "sbin", "lib", "lib64") for arg in _like_outside(name)),
            *([] if self._base.is_relative_to("/usr") else _bind(self._base, str(self._base))),
            *_bind(self._runtime, RUNTIME),
            *_bind(self._guest, f"{HOME}/guest"),
            *("--dev", "/dev", "--proc", "/proc", "--perms", "1777", "--tmpfs", FOLDER),
            *(arg for place in ("/dev/pts", "/dev", "/") for arg in ("--remount-ro", place)),
            *("--chdir", FOLDER),
            *(arg for name, value in environment().items() for arg in ("--setenv", name, value)),
            *_capabilities(),
        ]


def python_of(runtime: Path) -> Path:
    """Return the runtime's Python executable. Raise `SandboxUnavailable` if there is none."""
    python = runtime / "bin" / "python"
    if not python.exists():
        raise SandboxUnavailable(
            f"no sandbox runtime at {runtime} (GRADER_RUNTIME): create it with `grader runtimes`, or with `make setup` "
            "in a checkout"
        )
    return python


def base_prefix(python: Path) -> Path:
    """Return the prefix of the Python installation that a virtual environment's `python` links to."""
    return python.resolve().parent.parent


def _bind(outside: Path, inside: str) -> list[str]:
    """Return bwrap's arguments that mount `outside` read-only at `inside`."""
    # bwrap itself would make the parent folders accessible to their owner only
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
    """Return the setpriv command that switches from root to a random unused user id; [] if this process is not root.

    Bubblewrap creates no user namespace for root, and the kernel does not limit root's processes.
    """
    if os.getuid() != 0:
        return []
    user = str(0x70000000 + secrets.randbelow(0x0FFFFFFF))
    return [
        "/usr/bin/setpriv",
        *(f"--reuid={user}", f"--regid={user}", "--clear-groups"),
        *("--inh-caps=-all", "--bounding-set=-all", "--no-new-privs"),
    ]
