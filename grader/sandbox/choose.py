"""Which sandbox there is. Linux-only modules are imported only where they are wanted."""

from __future__ import annotations

import sys
from pathlib import Path

from grader.errors import BadCall, SandboxUnavailable
from grader.model import Limits
from grader.sandbox.contract import Sandbox
from grader.sandbox.plain import Plain

NAMES = ("auto", "bubblewrap", "plain")


def choose(name: str, runtime: Path) -> tuple[Sandbox, str]:
    """The sandbox, and why it is not a better one ("" where it is the best)."""
    if name == "plain":
        return Plain(), ""
    if name not in NAMES:
        raise BadCall(f"there is no sandbox {name!r} (there are: {', '.join(NAMES)})")
    try:
        return bubblewrap(runtime), ""
    except SandboxUnavailable as why:
        if name == "bubblewrap":
            raise
        return Plain(), str(why)


def bubblewrap(runtime: Path) -> Sandbox:
    """Proven by a first session; raises `SandboxUnavailable` with what is missing."""
    if not sys.platform.startswith("linux"):
        raise SandboxUnavailable("bubblewrap runs on Linux only")
    from grader.sandbox.bubblewrap import Bubblewrap

    sandbox = Bubblewrap(runtime)
    try:
        sandbox.session(Limits(), {}).close()
    except SandboxUnavailable:
        sandbox.close()
        raise
    return sandbox


def another(name: str, runtime: Path) -> Sandbox:
    """One more of the kind that `choose` chooses, for another process."""
    return choose(name, runtime)[0]
