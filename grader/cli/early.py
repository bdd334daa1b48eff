"""Start the sandbox of `grader check` before the command's libraries are imported. Each takes half a second."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from grader.errors import SandboxUnavailable
from grader.sandbox import runtime
from grader.sandbox.launch import imports_of


def start(arguments: Sequence[str]) -> None:
    """Start the template process that `grader check` with these arguments will probably use. Do nothing if they name a
    sandbox or no file, or if bubblewrap does not work; the command then reports why."""
    if any(argument.startswith("--sandbox") for argument in arguments):
        return
    # bubblewrap imports pyseccomp, which raises RuntimeError without its library
    with suppress(SandboxUnavailable, ImportError, RuntimeError, OSError):
        from grader.sandbox.bubblewrap import start_early

        files = {str(file): file.read_bytes() for file in _code(arguments)}
        if files:
            folder = os.environ.get("GRADER_RUNTIME")
            start_early(Path(folder) if folder else runtime.default(), imports_of(files))


def _code(arguments: Sequence[str]) -> Iterator[Path]:
    """Yield the Python files and notebooks that are given, directly or in a folder."""
    for path in map(Path, arguments):
        for file in (path, *path.glob("*")):
            if file.suffix.lower() in (".py", ".ipynb") and file.is_file():
                yield file
