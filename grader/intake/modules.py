"""Find the modules that a notebook imports from its folder."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

_FROM_OR_RUN = re.compile(r"^[ \t]*(?:from|%run(?:[ \t]+-\w+)*)[ \t]+(\w+)", re.MULTILINE)
_IMPORT = re.compile(r"^[ \t]*import[ \t]+(.+)$", re.MULTILINE)
_NAME = re.compile(r"^\s*(\w+)")


def with_modules(paths: Sequence[Path]) -> list[Path]:
    """Return the paths of a submission, and after them the modules in the folders of its notebooks that these import. A
    module is left out if a file with its name is given."""
    names = {path.name for path in paths}
    for folder in filter(Path.is_dir, paths):
        names |= {file.name for file in folder.rglob("*.py")}
    modules = []
    for path in paths:
        for module in modules_beside(path) if path.suffix.lower() == ".ipynb" else []:
            if module.name not in names:
                names.add(module.name)
                modules.append(module)
    return [*paths, *modules]


def saved_sources(notebook: Path) -> list[str]:
    """Return the texts of the cells in a notebook's file; [] if the file cannot be read."""
    try:
        cells = json.loads(notebook.read_text("utf-8"))["cells"]
        return ["".join(cell["source"]) for cell in cells]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return []


def modules_beside(notebook: Path) -> list[Path]:
    """Return the Python files in a notebook's folder that the notebook imports or runs with %run, directly or
    indirectly."""
    modules: dict[str, Path] = {}
    texts = saved_sources(notebook)
    while texts:
        for name in _imported_modules(texts.pop()):
            if name in modules:
                continue
            file = notebook.with_name(f"{name}.py")
            with suppress(OSError):  # there is none that can be read
                texts.append(file.read_text("utf-8", "replace"))
                modules[name] = file
    return list(modules.values())


def _imported_modules(source: str) -> Iterable[str]:
    """Yield the names after `import`, `from` and `%run` in a cell or module. Some may be words of a text."""
    yield from _FROM_OR_RUN.findall(source)
    for names in _IMPORT.findall(source):
        for name in names.split(","):
            yield from _NAME.findall(name)
