"""Find definitions that the student may have misnamed, if the graded class or a function is missing. Nothing is run."""

from __future__ import annotations

import ast
import difflib
from collections.abc import Mapping, Sequence
from typing import Any

from .entry_points import EntryPoints
from .sources import parsed_sources

FEW = 3
_FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef


def similar(files: Mapping[str, Any], notebooks: Sequence[Mapping[str, Any]], wanted: EntryPoints) -> str:
    """Return a hint such as "net.py defines Net: rename it to TwoLayerNet"; "" if no definition is similar.

    Args:
        files: The submitted files by path, as arrays of bytes.
        notebooks: Path, code and cell numbers of each notebook.
        wanted: The graded class or functions.
    """
    others: dict[str, str] = {}
    fitting: list[str] = []
    for path, tree in parsed_sources(files, notebooks):
        top = {id(node) for node in tree.body}
        for node in ast.walk(tree):
            if not isinstance(node, ast.ClassDef if wanted.of_class else _FUNCTIONS):
                continue
            if node.name in wanted.names and id(node) not in top:
                return (
                    f"{path} defines {node.name} inside another block (line {node.lineno}), so it does not exist when "
                    "the file is imported: move it to the left margin"
                )
            others.setdefault(node.name, path)
            methods = {n.name for n in node.body if isinstance(n, _FUNCTIONS)}
            if wanted.methods and methods.issuperset(wanted.methods):
                fitting.append(node.name)
    if wanted.of_class:
        likely = fitting or difflib.get_close_matches(wanted.names[0], others, FEW) or list(others)
        return _renamed(others, likely, wanted.names[0]) if likely else ""
    pairs = ((name, difflib.get_close_matches(name, others, FEW, 0.75)) for name in wanted.names)
    return next((_renamed(others, likely, name) for name, likely in pairs if likely), "")


def _renamed(others: Mapping[str, str], likely: Sequence[str], name: str) -> str:
    names = ", ".join(likely[:FEW]) + (" …" if len(likely) > FEW else "")
    it = "it" if len(likely) == 1 else "the right one"
    return f"{others[likely[0]]} defines {names}: rename {it} to {name}"
