"""How the process inside a sandbox is started: its code, its environment variables, and what it imports in advance.

This module does not import the grader's data types, because that takes longer than starting a process.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from grader.model import Notebook

GUEST = Path(__file__).parent.parent / "guest"

BOOTSTRAP = (
    "import sys; sys.path.insert(0, {home!r}); import guest.{entry}; sys.path.remove({home!r}); guest.{entry}.main()"
)
"""Python code that starts the guest, the program inside the sandbox. The guest's folder is removed from sys.path, so
that a student's `import wire` imports the student's own wire.py."""

ENVIRONMENT = {
    "HOME": "/tmp",  # noqa: S108  each session has a separate /tmp
    "MPLBACKEND": "Agg",
    "MPLCONFIGDIR": "/tmp",  # noqa: S108
    "TMPDIR": "/tmp",  # noqa: S108
    "OPENBLAS_NUM_THREADS": "1",  # with two threads each, two submissions at once take ten times as long
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "PYTHONHASHSEED": "0",
    "LANG": "C.UTF-8",
}

COMMON_IMPORTS = ("matplotlib.pyplot", "scipy.special")
"""Modules that sandboxes import in advance. They take a second to import, and most students' files need them."""
_IMPORTED_BY = {"matplotlib.pyplot": ("matplotlib", "seaborn"), "scipy.special": ("scipy", "seaborn", "sklearn")}
"""Module of `COMMON_IMPORTS` → the packages of the common environment that import it."""


def imports_of(files: Mapping[str, bytes], notebooks: Sequence[Notebook] = ()) -> tuple[str, ...]:
    """Return those of `COMMON_IMPORTS` that the submission seems to import, directly or with another package. For
    example, return ("scipy.special",) if a file or notebook contains "scipy" or "sklearn"."""
    texts = [content.decode("utf-8", "replace") for content in files.values()]
    for notebook in notebooks:
        texts.extend(notebook.code)
    text = "\n".join(texts).lower()
    return tuple(name for name in COMMON_IMPORTS if any(package in text for package in _IMPORTED_BY[name]))
