"""A weaker sandbox for containers that cannot create namespaces: Landlock, the system-call filter and resource limits.

Sessions have no network and cannot start, signal or inspect other processes. They can read only the files of the Python
environment and of the session. This sandbox isolates less than bubblewrap. Sessions run as the grader's user. The size
of each file in a session's folder is limited, but not the size of the folder. Names, sizes and dates of other files can
be queried. The sandbox refuses to run as root or on a kernel without Landlock. "auto" never chooses it.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from grader.errors import SandboxUnavailable
from grader.guest.walls import landlock_abi
from grader.sandbox.bubblewrap import base_prefix, python_of
from grader.sandbox.folder import own_folder
from grader.sandbox.kernel import environment
from grader.sandbox.launch import BOOTSTRAP, COMMON_IMPORTS, GUEST
from grader.sandbox.template import OuterWall
from grader.sandbox.warm import Warm


def landlock(runtime: Path, templates: int = 1, imports: Sequence[str] = COMMON_IMPORTS) -> Warm:
    """Return a sandbox that isolates students' code with Landlock.

    Args:
        runtime: The Python environment that students' code runs in.
        templates: The number of template processes, from which sessions are forked.
        imports: Modules that template processes import in advance.

    Raises:
        SandboxUnavailable: If this process runs as root, the kernel has no Landlock, or the environment is missing.
    """
    if os.getuid() == 0:
        raise SandboxUnavailable(
            "the landlock sandbox does not run as root, whose threads the kernel cannot limit: use an ordinary user"
        )
    if not landlock_abi():
        raise SandboxUnavailable("this kernel has no Landlock: use Linux 5.13 or newer with Landlock enabled")
    python = python_of(runtime)
    temporary = own_folder()
    bootstrap = BOOTSTRAP.format(home=str(GUEST.parent), entry="template")
    wall = OuterWall(
        name="landlock",
        command=lambda: [str(python), "-I", "-B", "-c", bootstrap],
        environment={**environment(), "MPLCONFIGDIR": temporary.name},
        readable=["/usr", str(python.parent.parent), str(base_prefix(python))],
        temporary=temporary,
    )
    return Warm(wall, templates, imports)
