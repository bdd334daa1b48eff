"""Find the files to grade: the notebook of the running kernel, and the modules in its folder that it imports."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

_FROM_OR_RUN = re.compile(r"^[ \t]*(?:from|%run(?:[ \t]+-\w+)*)[ \t]+(\w+)", re.MULTILINE)
_IMPORT = re.compile(r"^[ \t]*import[ \t]+(.+)$", re.MULTILINE)


def notebook_file(names: Mapping[str, Any]) -> Path | None:
    """Return the file of the running notebook; None if it is unknown.

    Args:
        names: The kernel's variables. Visual Studio Code stores the file name in one of them. Jupyter stores it in an
            environment variable.
    """
    for name in (os.environ.get("JPY_SESSION_NAME"), names.get("__vsc_ipynb_file__")):
        if isinstance(name, str) and name.endswith(".ipynb") and Path(name).is_file():
            return Path(name)
    return None


def saved_sources(notebook: Path) -> list[str]:
    """Return the texts of the cells in a notebook's file; [] if the file cannot be read."""
    try:
        cells = json.loads(notebook.read_text("utf-8"))["cells"]
        return ["".join(cell["source"]) for cell in cells]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def modules_beside(notebook: Path) -> list[Path]:
    """Return the Python files in a notebook's folder that the notebook imports or runs with %run, directly or
    indirectly."""
    modules: dict[str, Path] = {}
    texts = saved_sources(notebook)
    while texts:
        for name in _imported_modules(texts.pop()):
            file = notebook.with_name(f"{name}.py")
            if name not in modules and file.is_file():
                modules[name] = file
                texts.append(file.read_text("utf-8", "replace"))
    return list(modules.values())


def _imported_modules(source: str) -> Iterable[str]:
    """Yield the names after `import`, `from` and `%run` in a cell or module. A name may be empty or no module."""
    yield from _FROM_OR_RUN.findall(source)
    for names in _IMPORT.findall(source):
        for name in names.split(","):
            module = name.split()[0] if name.strip() else ""
            yield module.partition(".")[0]
