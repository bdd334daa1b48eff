"""Choose a sandbox. Linux-only modules are imported only if needed."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from grader.errors import BadCall, SandboxUnavailable
from grader.model import Limits
from grader.sandbox.contract import Sandbox
from grader.sandbox.launch import COMMON_IMPORTS
from grader.sandbox.plain import Plain

NAMES = ("auto", "bubblewrap", "landlock", "plain")


def choose(
    name: str, runtime: Path, templates: int = 1, imports: Sequence[str] = COMMON_IMPORTS
) -> tuple[Sandbox, str]:
    """Return the sandbox with this name. "auto" chooses bubblewrap, or the plain sandbox if bubblewrap does not work.

    Args:
        name: One of `NAMES`.
        runtime: The Python environment that students' code runs in.
        templates: The number of template processes, from which sessions are forked.
        imports: Modules that template processes import in advance.

    Returns:
        The sandbox, and why "auto" chose the plain sandbox. The second item is "" in all other cases.

    Raises:
        BadCall: If there is no sandbox of this name.
        SandboxUnavailable: If the sandbox cannot start a session on this machine. Never raised for "auto".
    """
    if name == "plain":
        return Plain(), ""
    if name not in NAMES:
        raise BadCall(f"there is no sandbox {name!r} (there are: {', '.join(NAMES)})")
    try:
        return _proven(name, runtime, templates, imports), ""
    except SandboxUnavailable as why:
        if name != "auto":
            raise
        return Plain(), str(why)


def needs_runtime(name: str) -> bool:
    """Return whether `choose(name)` returns a sandbox with isolation. Such a sandbox needs the separate Python
    environment for students' code."""
    if name == "plain" or not sys.platform.startswith("linux") or find_spec("pyseccomp") is None:
        return False
    return name == "landlock" or shutil.which("bwrap") is not None


def _proven(name: str, runtime: Path, templates: int, imports: Sequence[str]) -> Sandbox:
    """Return the sandbox, after a test that starts and closes one session. Raise `SandboxUnavailable` with the reason
    if no session can be started."""
    if not sys.platform.startswith("linux"):
        raise SandboxUnavailable(f"{'bubblewrap' if name == 'auto' else name} runs on Linux only")
    if find_spec("pyseccomp") is None:
        raise SandboxUnavailable("the Python package pyseccomp is not installed: run pip install pyseccomp")
    try:
        from grader.sandbox.bubblewrap import bubblewrap
        from grader.sandbox.landlock import landlock
    except RuntimeError:  # raised by pyseccomp on import
        raise SandboxUnavailable("libseccomp is not installed (Debian: apt-get install libseccomp2)") from None

    sandbox = (landlock if name == "landlock" else bubblewrap)(runtime, templates, imports)
    try:
        sandbox.session(Limits(), {}).close()
    except SandboxUnavailable:
        sandbox.close()
        raise
    return sandbox


def another(name: str, runtime: Path, imports: Sequence[str] = COMMON_IMPORTS) -> Sandbox:
    """Call `choose` and return only the sandbox."""
    return choose(name, runtime, imports=imports)[0]
