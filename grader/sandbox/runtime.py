"""The Python environment in which students' code runs: its folder, and its creation from locked requirements."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from grader.errors import SandboxUnavailable

LOCK = Path(__file__).with_name("runtime.lock")
"""The pip requirements of the default Python environment for students' code, with hashes."""


def default() -> Path:
    """Return the folder of the default Python environment for students' code.

    This is `sandbox/` inside the grader's environment if that folder exists. Otherwise it is a folder in the cache,
    named after the version of Python and the requirements. Packs for students have no requirements and use `sandbox/`.
    """
    in_environment = Path(sys.prefix) / "sandbox"
    if in_environment.is_dir() or not LOCK.exists():
        return in_environment
    return _cached()


def _cached() -> Path:
    """Return the folder of the default environment in the cache."""
    digest = hashlib.sha256(LOCK.read_bytes()).hexdigest()
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    return _cache_folder() / f"sandbox-{python}-{digest[:12]}"


def _cache_folder() -> Path:
    """Return the cache folder of this user. Root's cache folder must be readable for other users, because sandboxes
    drop root's rights before they start Python."""
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        return Path("/var/cache/grader")
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "grader"


def is_made(folder: Path) -> bool:
    """Return whether the folder contains a Python environment."""
    return (folder / "bin" / "python").exists()


def can_be_made(folder: Path) -> bool:
    """Return whether the folder is in the grader's cache, so that the grader may create an environment there."""
    return LOCK.exists() and folder == _cached()


def make(folder: Path, lock: Path = LOCK, tell: Callable[[str], None] = lambda _package: None) -> None:
    """Create a Python environment with the locked packages. The folder appears only when all packages are installed.

    Args:
        folder: Folder of the new environment, which must not exist yet.
        lock: Requirements with versions and hashes.
        tell: Called with the name of each package that is being installed.

    Raises:
        SandboxUnavailable: If a package cannot be installed. The message ends with pip's last line.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=folder.parent, prefix=f"{folder.name}.") as temporary:
            unfinished = Path(temporary) / folder.name
            _install(unfinished, lock, tell)
            unfinished.rename(folder)
    except OSError as wrong:
        if is_made(folder):  # another process was faster
            return
        raise SandboxUnavailable(f"{folder} cannot be created ({wrong.strerror})") from None


def _install(folder: Path, lock: Path, tell: Callable[[str], None]) -> None:
    """Create a Python environment and install the locked packages. If the grader has no pip, use the new environment's
    pip."""
    venv = [sys.executable, "-m", "venv", str(folder)]
    python = str(folder / "bin" / "python")
    pip = [python, "-m", "pip"]
    if find_spec("pip") is not None:
        venv.append("--without-pip")
        pip = [sys.executable, "-m", "pip", "--python", python]
    _run(venv, tell)
    completed = folder.with_suffix(".lock")
    completed.write_text(requirements(lock), "utf-8")
    _run([*pip, "install", "--disable-pip-version-check", "--require-hashes", "-r", str(completed)], tell)


_OF_GUEST = re.compile(r"^(?:msgpack|numpy|threadpoolctl)==(?:.*\\\n)*.*\n", re.MULTILINE)
"""Matches a package that the guest needs in a requirements file."""


def requirements(lock: Path) -> str:
    """Return the text of a requirements file. Packages that the guest needs are added if the file lacks them."""
    text = lock.read_text("utf-8")
    of_guest = _OF_GUEST.findall(LOCK.read_text("utf-8"))
    missing = [requirement for requirement in of_guest if requirement.partition("=")[0] + "==" not in text]
    return "\n".join([text, *missing]) if missing else text


def _run(command: list[str], tell: Callable[[str], None]) -> None:
    """Run a command of pip or venv. Call `tell` with the name of each package that it begins to install. If the command
    fails, raise `SandboxUnavailable` with its last line."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as running:
        assert running.stdout is not None
        last = ""
        for line in running.stdout:
            last = line.strip() or last
            if line.startswith("Collecting "):  # such as "Collecting numpy==2.1.0 (from -r …)"
                tell(line.split()[1].partition("=")[0])
    if running.returncode:
        raise SandboxUnavailable(f"the Python environment for students' code cannot be installed: {last or command[2]}")
