"""Each package stays below its ceiling in pyproject.toml, and the ceiling follows when the package shrinks."""

from __future__ import annotations

import ast
import functools
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "grader"
SLACK = 0.01
"""Largest part of a ceiling that may be unused, so that a cut cannot be filled again unseen."""

NOT_COUNTED = (
    ast.expr_context, ast.operator, ast.boolop, ast.unaryop, ast.cmpop, ast.alias, ast.arguments, ast.Module,
)  # fmt: skip

CEILINGS: dict[str, int] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["grader"]["ceilings"]


def counted_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes of a syntax tree that count: all but docstrings, operators, contexts and imported names."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
        return
    if not isinstance(node, NOT_COUNTED):
        yield node
    for child in ast.iter_child_nodes(node):
        yield from counted_nodes(child)


@functools.cache
def sizes(package: Path) -> Counter[str]:
    """Return the size of each package below a folder, of the modules beside them ("modules"), and of the "whole".

    Migrations are left out, because they are never changed.
    """
    counts: Counter[str] = Counter()
    for path in package.rglob("*.py"):
        folders = path.relative_to(package).parts[:-1]
        if "migrations" not in folders:
            size = sum(1 for _ in counted_nodes(ast.parse(path.read_text("utf-8"))))
            counts[folders[0] if folders else "modules"] += size
            counts["whole"] += size
    return counts


def test_every_package_has_a_ceiling() -> None:
    assert sizes(PACKAGE).keys() == CEILINGS.keys()


@pytest.mark.parametrize("name", CEILINGS)
def test_a_package_is_below_its_ceiling_and_not_far_below(name: str) -> None:
    size, ceiling = sizes(PACKAGE)[name], CEILINGS[name]
    assert size <= ceiling, f"{name} has {size} nodes, at most {ceiling} are allowed: take something away first"
    assert size >= ceiling * (1 - SLACK), f"{name} has shrunk to {size} nodes: lower its ceiling in pyproject.toml"


def test_docstrings_do_not_count_and_code_may_take_the_lines_it_needs() -> None:
    short = ast.parse("def f(x):\n    return [g(y) for y in x]")
    long = ast.parse('def f(x):\n    """Say what f does."""\n    return [\n        g(y)\n        for y in x\n    ]')
    assert len(list(counted_nodes(short))) == len(list(counted_nodes(long)))
