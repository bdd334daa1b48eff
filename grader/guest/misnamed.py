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


def misnamed(files: Mapping[str, Any], notebooks: Sequence[Mapping[str, Any]], entry_points: EntryPoints) -> str:
    """Return a hint such as " (model.py defines Model: rename it to Regression)"; "" if no definition is similar.

    Args:
        files: The submitted files by path, as arrays of bytes.
        notebooks: Path, code and cell numbers of each notebook.
        entry_points: The graded class or functions.
    """
    kinds = ast.ClassDef if entry_points.of_class else _FUNCTIONS
    definitions: dict[str, str] = {}
    complete_classes: list[str] = []
    for path, tree in parsed_sources(files, notebooks):
        for node in ast.walk(tree):
            if not isinstance(node, kinds):
                continue
            if node.name in entry_points.names and node not in tree.body:
                return (
                    f" ({path} defines {node.name} inside another block (line {node.lineno}), so it does not exist "
                    "when the file is imported: move it to the left margin)"
                )
            definitions.setdefault(node.name, path)
            methods = {part.name for part in node.body if isinstance(part, _FUNCTIONS)}
            if entry_points.methods and methods.issuperset(entry_points.methods):
                complete_classes.append(node.name)
    if entry_points.of_class:
        name = entry_points.names[0]
        likely = complete_classes or difflib.get_close_matches(name, definitions, FEW) or list(definitions)
        return _advice(definitions, likely, name) if likely else ""
    for name in entry_points.names:
        likely = difflib.get_close_matches(name, definitions, FEW, 0.75)
        if likely:
            return _advice(definitions, likely, name)
    return ""


def _advice(definitions: Mapping[str, str], likely: Sequence[str], name: str) -> str:
    """Return the hint to rename one of the likely definitions to `name`. `definitions` maps each to its file."""
    names = ", ".join(likely[:FEW])
    if len(likely) > FEW:
        names += " …"
    which_definition = "it" if len(likely) == 1 else "the right one"
    return f" ({definitions[likely[0]]} defines {names}: rename {which_definition} to {name})"
