"""An autograder for numerical Python assignments. Students' code runs in a sandbox; all checks run outside of it."""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"


def load_ipython_extension(shell: Any) -> None:
    """Add the magic `%grader` to an IPython shell. IPython calls this for `%load_ext grader`."""
    import_module("grader.notebook.magic").load(shell)  # only kernels have IPython's display
