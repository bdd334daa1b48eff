"""Which sandbox there is. Linux-only modules are imported only where they are wanted."""

from __future__ import annotations

import sys
from pathlib import Path

from grader.errors import BadCall, SandboxUnavailable
from grader.model import Limits
from grader.sandbox.contract import Sandbox
from grader.sandbox.plain import Plain

NAMES = ("auto", "bubblewrap", "landlock", "plain")


def choose(name: str, runtime: Path, templates: int = 1) -> tuple[Sandbox, str]:
    """The sandbox, and why it is not a better one ("" where it is the best)."""
    if name == "plain":
        return Plain(), ""
    if name not in NAMES:
        raise BadCall(f"there is no sandbox {name!r} (there are: {', '.join(NAMES)})")
    try:
        return _proven(name, runtime, templates), ""
    except SandboxUnavailable as why:
        if name != "auto":
            raise
        return Plain(), str(why)


def _proven(name: str, runtime: Path, templates: int) -> Sandbox:
    """By a first session; raises `SandboxUnavailable` with what is missing."""
    if not sys.platform.startswith("linux"):
        raise SandboxUnavailable(f"{'bubblewrap' if name == 'auto' else name} runs on Linux only")
    try:
        from grader.sandbox.bubblewrap import bubblewrap
        from grader.sandbox.landlock import landlock
    except RuntimeError:  # so says pyseccomp
        raise SandboxUnavailable("libseccomp is not installed (Debian: apt-get install libseccomp2)") from None

    sandbox = (landlock if name == "landlock" else bubblewrap)(runtime, templates)
    try:
        sandbox.session(Limits(), {}).close()
    except SandboxUnavailable:
        sandbox.close()
        raise
    return sandbox


def another(name: str, runtime: Path) -> Sandbox:
    """One more of the kind that `choose` chooses, for another process."""
    return choose(name, runtime)[0]
