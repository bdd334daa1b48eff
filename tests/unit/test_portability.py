"""A student on macOS or Windows can check themselves: nothing that only Linux has is needed for it."""

from __future__ import annotations

import subprocess
import sys

from tests.conftest import ROOT

ELSEWHERE = """\
import importlib.abc
import os
import sys


class Absent(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name in {"fcntl", "resource", "pwd", "grp", "termios", "tty", "pty", "syslog", "posixshmem"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


sys.meta_path.insert(0, Absent())
for name in ("fcntl", "resource", "pwd", "grp", "termios", "tty", "pty"):
    sys.modules.pop(name, None)
for name in ("memfd_create", "pidfd_open", "getuid", "geteuid", "fork", "mkfifo", "setns", "sched_getaffinity"):
    if hasattr(os, name):
        delattr(os, name)
"""


def elsewhere(code: str) -> subprocess.CompletedProcess[str]:
    """Runs the code in a Python that lacks what only Linux, or only Unix, has."""
    return subprocess.run(
        [sys.executable, "-c", ELSEWHERE + code], cwd=ROOT, capture_output=True, text=True, timeout=120
    )


def test_everything_a_student_uses_can_be_imported() -> None:
    done = elsewhere(
        "import grader, grader.cli.app, grader.cli.grading, grader.cli.assignments\n"
        "import grader.sandbox.plain, grader.render.html\nprint('imported')"
    )
    assert (done.stdout, done.stderr) == ("imported\n", "")


def test_starting_the_command_imports_no_heavy_library() -> None:
    heavy = ("scipy", "sklearn", "matplotlib", "IPython", "fastapi", "sqlalchemy")
    code = f"import grader.cli.grading, sys\nprint([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.stdout == "[]\n"
