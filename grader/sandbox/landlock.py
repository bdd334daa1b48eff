"""A lower wall, for containers in which no namespace is to be had: Landlock, the system-call filter, resource limits.

There is no network, no other process to start, signal or look at, and no file to read but the runtime's and the
session's own. What it does not promise: sessions are processes of the grader's own user beside the grader's; a
session's folder is bounded file by file only; names, sizes and dates of files elsewhere can be asked for. Where the
kernel has no Landlock, or for root, it is refused. It is never chosen by itself.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from grader.errors import SandboxUnavailable
from grader.guest.walls import landlock_abi
from grader.sandbox.bubblewrap import base_prefix, python_of
from grader.sandbox.contract import BOOTSTRAP, GUEST
from grader.sandbox.folder import own_folder
from grader.sandbox.kernel import environment
from grader.sandbox.warm import Warm


def landlock(runtime: Path, templates: int = 1) -> Warm:
    if os.getuid() == 0:
        raise SandboxUnavailable("the landlock sandbox is for an ordinary user: root's threads are not counted")
    if not landlock_abi():
        raise SandboxUnavailable("this kernel has no Landlock")
    return Warm(Landlock(python_of(runtime)), templates)


class Landlock:
    name = "landlock"
    namespaces = False

    def __init__(self, python: Path) -> None:
        self._python = python
        self._temporary = own_folder()

    def command(self) -> Sequence[str]:
        return [str(self._python), "-I", "-B", "-c", BOOTSTRAP.format(home=str(GUEST.parent), entry="template")]

    def environment(self) -> Mapping[str, str]:
        return {**environment(), "MPLCONFIGDIR": self._temporary.name}

    def readable(self) -> Sequence[str]:
        return ["/usr", str(self._python.parent.parent), str(base_prefix(self._python))]

    def folder(self) -> str:
        return tempfile.mkdtemp(dir=self._temporary.name)

    def clear(self, folder: str) -> None:
        shutil.rmtree(folder, ignore_errors=True)

    def close(self) -> None:
        self._temporary.cleanup()
