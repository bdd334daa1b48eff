"""The sandbox for Linux: bubblewrap around a template process, and separate namespaces for each session forked from it.

Sessions see an empty /tmp and, read-only, the Python environment for students' code (/rt), grader/guest (/g) and the
Python installation that the environment needs. There is no network and no other process. The rest of the grader and the
assignments are not mounted, so they cannot be imported or read.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from grader.errors import SandboxUnavailable
from grader.sandbox.kernel import environment
from grader.sandbox.launch import BOOTSTRAP, COMMON_IMPORTS, GUEST
from grader.sandbox.template import FOLDER, OuterWall, TemplateProcess

if TYPE_CHECKING:
    from grader.sandbox.warm import Warm

RUNTIME = "/rt"
HOME = "/g"
_early: dict[Path, tuple[TemplateProcess, frozenset[str]]] = {}
"""Environment → the process of the last call of `start_early`, and its imports."""


def bubblewrap(runtime: Path, templates: int = 1, imports: Sequence[str] = COMMON_IMPORTS) -> Warm:
    """Return a sandbox that isolates students' code with bubblewrap.

    Args:
        runtime: The Python environment that students' code runs in. The grader is not installed there.
        templates: The number of template processes, from which sessions are forked.
        imports: Modules that template processes import in advance.

    Raises:
        SandboxUnavailable: If bubblewrap or the environment is not installed.
    """
    from grader.sandbox.warm import Warm  # imports the grader's data types, which `start_early` does not need

    started = _early_process(runtime, imports)
    return Warm(_outer_wall(runtime), templates, imports, started)


def start_early(runtime: Path, imports: Sequence[str]) -> None:
    """Start a template process for the next call of `bubblewrap` with this environment and at most these imports. End
    one that was started before and not used."""
    if runtime in _early:
        _early.pop(runtime)[0].close()
    _early[runtime] = _outer_wall(runtime).start(imports), frozenset(imports)


def _early_process(runtime: Path, imports: Sequence[str]) -> list[TemplateProcess]:
    """Return the process that `start_early` has started for this environment, if it has these imports; otherwise end
    it, and return []."""
    if runtime not in _early:
        return []
    process, imported = _early.pop(runtime)
    if imported.issuperset(imports):
        return [process]
    process.close()
    return []


def _outer_wall(runtime: Path) -> OuterWall:
    if shutil.which("bwrap") is None:
        raise SandboxUnavailable("bubblewrap is not installed (Debian: apt-get install bubblewrap)")
    return outer_wall(python_of(runtime))


def outer_wall(python: Path, guest: Path = GUEST) -> OuterWall:
    """Return the command and settings that start template processes in bubblewrap, with this Python executable."""
    start = [f"{RUNTIME}/bin/python", "-I", "-B", "-c", BOOTSTRAP.format(home=HOME, entry="template")]

    def command() -> list[str]:
        return [*_walls(python, guest), *_drop_root(), *start]

    path = {"PATH": os.environ.get("PATH", os.defpath)}  # for bubblewrap itself, not for the session
    readable = ["/usr", RUNTIME, str(base_prefix(python))]
    return OuterWall("bubblewrap", command, path, readable)


def _walls(python: Path, guest: Path) -> list[str]:
    """Return the bwrap command, without the command to run inside."""
    command = ["bwrap", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]
    if os.getuid() != 0:
        command.append("--unshare-user")
    command += ["--hostname", "sandbox", "--new-session", "--as-pid-1", "--clearenv"]
    command += ["--ro-bind", "/usr", "/usr"]
    for name in ("bin", "sbin", "lib", "lib64"):
        command += _like_outside(name)
    base = base_prefix(python)
    if not base.is_relative_to("/usr"):
        command += _bind(base, str(base))
    command += _bind(python.parent.parent, RUNTIME)
    command += _bind(guest, f"{HOME}/guest")
    command += ["--dev", "/dev", "--proc", "/proc", "--perms", "1777", "--tmpfs", FOLDER]
    for folder in ("/dev/pts", "/dev", "/"):
        command += ["--remount-ro", folder]
    command += ["--chdir", FOLDER]
    for name, value in environment().items():
        command += ["--setenv", name, value]
    if os.getuid() == 0:
        command += ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    return command


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
    """Return the folder of the Python installation to which a virtual environment's `python` links."""
    return python.resolve().parent.parent


def _bind(outside: Path, inside: str) -> list[str]:
    """Return the arguments of bwrap that mount `outside` read-only at `inside`."""
    # bwrap itself would make the parent folders accessible to their owner only
    arguments: list[str] = []
    for folder in reversed(Path(inside).parents[:-1]):
        arguments += ["--perms", "0755", "--dir", str(folder)]
    return [*arguments, "--ro-bind", str(outside), inside]


def _like_outside(name: str) -> list[str]:
    """Return the arguments of bwrap that make a folder of the root folder available as on the host: as a link or
    read-only."""
    outside = Path("/") / name
    if outside.is_symlink():
        return ["--symlink", os.readlink(outside), f"/{name}"]
    return ["--ro-bind", f"/{name}", f"/{name}"] if outside.exists() else []


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
