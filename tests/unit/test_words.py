"""Names and docstrings follow one style, so that a stranger can read any file."""

from __future__ import annotations

import ast
import functools
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "grader"

_RIDDLE = re.compile(r"(What|Who|Whose|Where|Whether|That)\b")


@functools.cache
def modules() -> list[tuple[str, ast.Module]]:
    """Return path and syntax tree of every module."""
    paths = sorted(PACKAGE.rglob("*.py"))
    return [(path.relative_to(PACKAGE).as_posix(), ast.parse(path.read_text("utf-8"))) for path in paths]


def docstrings(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield line and text of every docstring, those of attributes included."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.lineno, node.value.value.strip()


def test_no_docstring_begins_like_a_riddle() -> None:
    wrong = [
        f"{name}:{line}: {text[:60]}"
        for name, tree in modules()
        for line, text in docstrings(tree)
        if _RIDDLE.match(text)
    ]
    assert wrong == []


def test_a_class_name_has_one_meaning() -> None:
    places: dict[str, list[str]] = defaultdict(list)
    for name, tree in modules():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                places[node.name].append(f"{name}:{node.lineno}")
    assert {name: found for name, found in places.items() if len(found) > 1} == {}
