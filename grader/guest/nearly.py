"""Where no class of the wanted name was found: what there is instead. By the text alone; nothing is run."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

FEW = 3


def nearly(files: Mapping[str, Any], notebooks: Sequence[Mapping[str, Any]], wanted: Sequence[str]) -> str:
    """ "mlp.py defines Net: rename it to TwoLayerMLP", or "" where there is nothing like it."""
    others: dict[str, str] = {}
    for path, tree in _trees(files, notebooks):
        top = {id(node) for node in tree.body}
        for node in ast.walk(tree):
            if not isinstance(node, ast.ClassDef):
                continue
            if node.name in wanted and id(node) not in top:
                return (
                    f"{path} defines {node.name} inside another block (line {node.lineno}), where it is not made when "
                    "the file is imported: move it to the left margin"
                )
            others.setdefault(node.name, path)
    if not others:
        return ""
    names = ", ".join(list(others)[:FEW]) + (" …" if len(others) > FEW else "")
    it = "it" if len(others) == 1 else "the right one"
    return f"{next(iter(others.values()))} defines {names}: rename {it} to {wanted[0]}"


def _trees(files: Mapping[str, Any], notebooks: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, ast.Module]]:
    texts = [(path, content.tobytes()) for path, content in files.items() if path.endswith(".py")]
    texts += [(f"{n['path']} cell {number}", code) for n in notebooks for number, code in _cells(n)]
    for path, text in texts:
        try:
            with warnings.catch_warnings(action="ignore"):
                yield path, ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue  # a cell with magics; what cannot be read has been said elsewhere


def _cells(notebook: Mapping[str, Any]) -> Iterator[tuple[int, str]]:
    return zip(notebook["numbers"], notebook["code"], strict=True)
